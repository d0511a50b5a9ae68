"""The loss between views, and the centering that keeps the teacher from answering the same to everything."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Center(nn.Module):
    """The moving mean of the teacher's logits, taken off before the softmax (Caron et al. 2021, equation 4)."""

    def __init__(self, prototypes: int, momentum: float = 0.9) -> None:
        super().__init__()
        self.momentum = momentum
        self.mean: Tensor
        self.register_buffer("mean", torch.zeros(1, prototypes))

    def targets(self, logits: Tensor, temperature: float) -> Tensor:
        """``softmax((t - c) / T)`` of teacher logits ``[..., K]``, in float32."""
        return functional.softmax((logits.float() - self.mean) / temperature, dim=-1)

    @torch.no_grad()
    def update(self, logits: Tensor) -> None:
        """Moves the center towards the mean of ``logits [N, K]``: ``c = m c + (1 - m) mean(t)``."""
        self.mean.mul_(self.momentum).add_(logits.float().mean(0, keepdim=True), alpha=1 - self.momentum)


def view_loss(targets: Tensor, logits: Sequence[Tensor], temperature: float) -> Tensor:
    """Mean cross-entropy of the student in each view with the teacher in each other view.

    ``targets [G, B, K]`` are the teacher's probabilities in the G global views; ``logits`` are the student's
    ``[B, K]``, of the same global views first. Caron et al. 2021, equations 2 and 3: the sum over all pairs of
    different views, ``-sum_k p_t log softmax(s / T)``, divided by their number and the batch. With two global and eight
    local views that is what facebookresearch/dinov2 adds up as 16 local terms over 18 and 2 times the mean of the
    swapped global ones over 18.
    """
    count, batch = targets.shape[:2]
    together = targets.sum(0)
    total = targets.new_zeros(())
    for number, one in enumerate(logits):
        told = functional.log_softmax(one.float() / temperature, dim=-1)
        others = together - targets[number] if number < count else together
        total = total - (others * told).sum()
    return total / (batch * (count * len(logits) - min(count, len(logits))))
