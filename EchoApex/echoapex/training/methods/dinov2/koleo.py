"""KoLeo: features of one batch are spread apart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_EPS = 1e-8


def koleo_loss(features: Tensor) -> Tensor:
    """``-mean(log(d + eps))`` where d is the distance to the nearest other feature, all of length 1; float32.

    ``features [B, D]`` with B of at least 2. Sablayrolles et al. 2019, equation 3 (Kozachenko-Leonenko estimator of the
    entropy), as in DINOv2 (Oquab et al. 2023, section 4), eps 1e-8. Raises `ValueError` for a single feature, which
    has no neighbor.
    """
    if len(features) < 2:
        raise ValueError("KoLeo compares the frames of a batch and needs at least 2")
    with torch.autocast(features.device.type, enabled=False):
        unit = functional.normalize(features.float(), dim=-1, eps=_EPS)
        with torch.no_grad():
            likeness = unit @ unit.T
            nearest = likeness.fill_diagonal_(-2.0).argmax(1)
        return -(functional.pairwise_distance(unit, unit[nearest], 2, _EPS) + _EPS).log().mean()
