"""Labels told from embeddings by a linear layer that is fitted to some of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DECAY = 1e-2
"""Weight of the squares of the layer's weights (our choice); embeddings are scaled to a deviation of 1 before."""
_STEPS = 200


def linear_labels(known: Tensor, labels: Tensor, asked: Tensor, decay: float = DECAY) -> Tensor:
    """Labels ``[M]`` of ``asked [M, D]`` by multinomial logistic regression on ``known [N, D]`` with ``labels [N]``.

    Each class counts as much as any other, however many of it are known. Nothing in it is random.
    """
    known, asked = known.float(), asked.float()
    middle, spread = known.mean(0), known.std(0, correction=0).clamp(min=1e-6)
    known, asked = (known - middle) / spread, (asked - middle) / spread
    classes = int(labels.max()) + 1
    counts = torch.bincount(labels, minlength=classes)
    weights = torch.where(counts > 0, len(labels) / (counts.clamp(min=1) * (counts > 0).sum()), 0.0)
    matrix = torch.zeros(known.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    fit = torch.optim.LBFGS([matrix, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        fit.zero_grad()
        value = nn.functional.cross_entropy(known @ matrix + bias, labels, weight=weights)
        value = value + decay / 2 * matrix.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        fit.step(loss)  # type: ignore[no-untyped-call]
    logits = (asked @ matrix + bias).detach()
    # A class of which none is known is never told.
    return logits.masked_fill(counts == 0, float("-inf")).argmax(1)
