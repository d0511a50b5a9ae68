"""The two terms of LeJEPA: views that agree, and embeddings that are spread as a Gaussian is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

KNOTS, FARTHEST = 17, 3.0
"""Frequencies at which characteristic functions are compared, from 0 to the farthest: those of the reference code
(galilai-group/lejepa), as lightly has them; the paper's listing goes from -5 to 5."""


def agreement_loss(views: Tensor, large: int) -> Tensor:
    """Mean squared distance of embeddings ``views [V, B, K]`` to the mean of the first ``large`` of their frame.

    Balestriero and LeCun 2025 (arXiv:2511.08544), algorithm 2.
    """
    apart: Tensor = views[:large].mean(0) - views
    return apart.square().mean()


def gaussian_loss(views: Tensor, directions: Tensor) -> Tensor:
    """SIGReg: how far ``views [V, B, K]`` are from a standard Gaussian along unit ``directions [K, M]``.

    In each view and direction the Epps-Pulley statistic: the squared difference between the characteristic functions,
    weighted by that of the Gaussian and integrated by the trapezoidal rule, times B; then the mean over views and
    directions (Balestriero and LeCun 2025, algorithm 1).
    """
    t = torch.linspace(0, FARTHEST, KNOTS, device=views.device)
    gauss = (-t.square() / 2).exp()
    # The difference is even in t: twice the integral from 0 on.
    step = FARTHEST / (KNOTS - 1)
    weights = torch.full_like(t, 2 * step)
    weights[[0, -1]] = step
    angles = (views.float() @ directions)[..., None] * t
    apart = (angles.cos().mean(1) - gauss).square() + angles.sin().mean(1).square()
    return (apart @ (weights * gauss)).mean() * views.shape[1]


def draw_directions(width: int, count: int, generator: torch.Generator) -> Tensor:
    """``count`` random unit vectors ``[width, count]``."""
    drawn = torch.randn(width, count, generator=generator)
    return nn.functional.normalize(drawn, dim=0)
