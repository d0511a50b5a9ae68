"""What embeddings are compared by in LeJEPA."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class Projector(nn.Module):
    """Three linear layers ``width -> hidden -> hidden -> out`` with batch norm and ReLU between them.

    As in the reference code (galilai-group/lejepa); the norms see one share of the batch where it is learned in shares.
    """

    def __init__(self, width: int, hidden: int, out: int) -> None:
        super().__init__()
        sizes = (width, hidden, hidden)
        # A bias before a batch norm is taken out by it.
        layers: list[nn.Module] = []
        for given, made in pairwise(sizes):
            layers += [nn.Linear(given, made, bias=False), nn.BatchNorm1d(made), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, out))

    def forward(self, tokens: Tensor) -> Tensor:
        """Embeddings ``[N, out]`` of ``tokens [N, width]``."""
        embeddings: Tensor = self.layers(tokens)
        return embeddings
