"""What training minimizes, summed over the tasks of one encoder."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def mask_loss(logits: Tensor, dice: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss over prompts, and the Dice each mask reached ``[N]``.

    5 x binary cross-entropy + soft Dice (1 smoothing) + squared error of the predicted Dice; the weights are our
    choice. An empty target counts as Dice 1 where the mask is empty.
    """
    probability = logits.sigmoid()
    overlap = (probability * targets).sum((1, 2))
    soft = 1 - (2 * overlap + 1) / (probability.sum((1, 2)) + targets.sum((1, 2)) + 1)
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean((1, 2))
    reached = hard_dice(logits, targets)
    empty = targets.sum((1, 2)) == 0
    soft = torch.where(empty, torch.zeros_like(soft), soft)
    return (5 * entropy + soft + (dice - reached) ** 2).mean(), reached


def hard_dice(logits: Tensor, targets: Tensor) -> Tensor:
    """Dice of the thresholded mask with the thresholded target, ``[N]``; 1 where both are empty."""
    with torch.no_grad():
        mask, truth = logits > 0, targets >= 0.5
        total = mask.sum((1, 2)) + truth.sum((1, 2))
        return torch.where(
            total == 0, torch.ones_like(total, dtype=torch.float32), 2 * (mask & truth).sum((1, 2)) / total.clamp(min=1)
        )
