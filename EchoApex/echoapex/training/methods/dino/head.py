"""The projection head: what a token is compared by."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ProjectionHead(nn.Module):
    """Three linear layers to a narrow bottleneck of length 1, then its likeness to each of K prototypes.

    As in DINO (Caron et al. 2021, section 3.2 and appendix C; ``DINOHead`` of facebookresearch/dinov2): linear, GELU,
    linear, GELU, linear; weights of a normal distribution of 0.02 cut at two units, no batch norm; the last layer is
    weight-normalized without a bias, so that logits lie between -1 and 1. With ``free_norm`` the lengths of the
    prototypes are learned too (``norm_last_layer = False`` of DINO).
    """

    def __init__(self, width: int, prototypes: int, hidden: int, bottleneck: int, *, free_norm: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, bottleneck)
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        self.prototypes = nn.Parameter(nn.Linear(bottleneck, prototypes, bias=False).weight.detach().clone())
        self.lengths = nn.Parameter(torch.ones(prototypes, 1)) if free_norm else None

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``[N, K]`` of ``tokens [N, D]``."""
        narrow = self.layers(tokens)
        narrow = functional.normalize(narrow, dim=-1, eps=1e-6 if narrow.dtype == torch.float16 else 1e-12)
        weights = functional.normalize(self.prototypes, dim=1)
        return functional.linear(narrow, weights if self.lengths is None else weights * self.lengths)
