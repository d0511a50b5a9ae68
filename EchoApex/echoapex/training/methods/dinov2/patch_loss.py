"""The loss of masked patches (iBOT)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def patch_loss(targets: Tensor, logits: Tensor, weights: Tensor, images: int, temperature: float) -> Tensor:
    """Cross-entropy of the student at masked patches with the teacher, who sees them.

    ``targets`` and ``logits`` are ``[M, K]`` of all masked patches, ``weights [M]`` are 1 over the number of masked
    patches in the same image, ``images`` counts all images, masked or not. Zhou et al. 2022 (iBOT), equation 2, with
    the weights and the division of ``forward_masked`` in facebookresearch/dinov2; its factor of 2 (loss scales) times
    1/2 (global crops) is 1.
    """
    each = -(targets * functional.log_softmax(logits.float() / temperature, dim=-1)).sum(-1)
    return (each * weights).sum() / images
