"""What else reads the shared encoder: the view of a frame from its class token, landmarks from its feature maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .image_encoder import EMBEDDING_CHANNELS, FINE_CHANNELS, Features

_WIDTHS = (96, 48, 32)
"""Channels of the landmark decoder at stride 8, 4 and 2 (our choice)."""

TARGET_SPREAD_CELLS = 1.2
"""Standard deviation of the Gaussians that heat maps are trained on (our choice). What is not known for sure widens a
map beyond it: the variances add."""

_LEAST_SIGMA_CELLS = 0.25
"""The least standard deviation that is given, half a pixel of the model input (our choice)."""

_PEAK_CELLS = 4
"""Cells around the highest place of a heat map from which position and spread are read (our choice)."""

_PATH_CELLS = 2
"""Cells around a path in which the highest place of a heat map is looked for (our choice): a path cuts corners."""


class ViewHead(nn.Module):
    """One linear layer on the normalized class token: ``cls [B, D]`` to logits ``[B, V]``."""

    def __init__(self, width: int, views: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, views)

    def forward(self, cls: Tensor) -> Tensor:
        """Logits of the views; a clip's are the mean over its frames."""
        logits: Tensor = self.linear(self.norm(cls))
        return logits


class LandmarkHead(nn.Module):
    """Multi-scale decoder: embedding and fine maps of a frame to a heat map for each landmark at half resolution."""

    def __init__(self, landmarks: int) -> None:
        super().__init__()
        fine, mid, coarse = FINE_CHANNELS
        self.reduce = nn.Conv2d(EMBEDDING_CHANNELS, _WIDTHS[0], 1)
        self.at_8 = _Join(_WIDTHS[0], coarse, _WIDTHS[0])
        self.at_4 = _Join(_WIDTHS[0], mid, _WIDTHS[1])
        self.at_2 = _Join(_WIDTHS[1], fine, _WIDTHS[2])
        self.out = nn.Conv2d(_WIDTHS[2], landmarks, 1)

    def forward(self, features: Features) -> Tensor:
        """Logits ``[B, L, S/2, S/2]``; the softmax over a map is the probability of each place."""
        at_2, at_4, at_8 = features.fine
        x = self.reduce(features.embedding)
        logits: Tensor = self.out(self.at_2(self.at_4(self.at_8(x, at_8), at_4), at_2))
        return logits


class _Join(nn.Module):
    """Coarse features enlarged to the finer ones, both mixed by two convolutions."""

    def __init__(self, coarse: int, fine: int, out: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(coarse + fine, out, 3, padding=1),
            nn.GroupNorm(8, out),
            nn.GELU(),
            nn.Conv2d(out, out, 3, padding=1),
            nn.GroupNorm(8, out),
            nn.GELU(),
        )

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        larger = functional.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        joined: Tensor = self.mix(torch.cat([larger, fine.to(larger.dtype)], dim=1))
        return joined


def read_heat_maps(logits: Tensor, cells: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """``(points [B, L, 2], covariance [B, L, 2, 2])`` of heat maps ``[B, L, h, w]``, in model pixels (x, y).

    The position is the mean of the probability within `_PEAK_CELLS` of the highest place, of the whole map or within
    `_PATH_CELLS` of its ``cells`` ``[B, L]``, counted row by row. Where the border of the map cuts into that
    neighborhood, the mean would lie too far inside: along that axis it is the top of the parabola through the three
    logits about the place, exact for a Gaussian (as in Zhang et al., CVPR 2020, "Distribution-aware coordinate
    representation"). The covariance is that of the whole map about it, so that a second peak far away makes a landmark
    uncertain, less the `TARGET_SPREAD_CELLS` that even a map which is sure has from its training. A cell is two pixels
    of the input, its center at 2 i + 0.5.
    """
    logits = logits.float()
    columns = logits.shape[-1]
    probability = logits.flatten(2).softmax(-1).reshape(logits.shape)
    looked_at = probability
    if cells is not None:
        looked_at = probability * _window(cells // columns, cells % columns, logits, _PATH_CELLS)
    best = looked_at.flatten(2).argmax(-1)
    best_y, best_x = best // columns, best % columns
    local = probability * _window(best_y, best_x, logits, _PEAK_CELLS)
    y = _place(local.sum(3), logits.take_along_dim(best_x[..., None, None], 3).squeeze(3), best_y)
    x = _place(local.sum(2), logits.take_along_dim(best_y[..., None, None], 2).squeeze(2), best_x)
    return torch.stack([x, y], dim=-1) * 2 + 0.5, _doubt(_covariance(probability, x, y)) * 4


def _window(y: Tensor, x: Tensor, logits: Tensor, reach: int) -> Tensor:
    """Which cells ``bool [B, L, h, w]`` of ``logits`` are within ``reach`` rows and columns of ``y``, ``x [B, L]``."""
    rows, columns = (torch.arange(size, device=logits.device) for size in logits.shape[-2:])
    near_y, near_x = (rows - y[..., None]).abs() <= reach, (columns - x[..., None]).abs() <= reach
    return near_y[..., :, None] & near_x[..., None, :]


def _place(weights: Tensor, line: Tensor, best: Tensor) -> Tensor:
    """Position ``[B, L]`` along one axis: of the ``weights [B, L, n]`` near ``best``, or of the logits ``line``."""
    count = weights.shape[-1]
    cells = torch.arange(count, device=weights.device)
    mean = (weights * cells).sum(-1) / weights.sum(-1)
    cut = (best < _PEAK_CELLS) | (best >= count - _PEAK_CELLS)
    return torch.where(cut, _summit(line, best), mean)


def _summit(line: Tensor, best: Tensor) -> Tensor:
    """Top of the parabola through three values about ``best`` of ``line [B, L, n]``, at most half a cell from it."""
    middle = best.clamp(1, line.shape[-1] - 2)
    low, mid, high = (line.take_along_dim((middle + step)[..., None], -1).squeeze(-1) for step in (-1, 0, 1))
    bend = low - 2 * mid + high
    top = torch.where(bend < 0, middle + (low - high) / (2 * bend), best)
    return top.clamp(min=best - 0.5, max=best + 0.5)


def _covariance(probability: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """``[B, L, 2, 2]`` of maps ``[B, L, h, w]`` about ``x`` and ``y [B, L]``, in cells."""
    rows, columns = (torch.arange(size, device=x.device) for size in probability.shape[-2:])
    off_x, off_y = columns - x[..., None], rows - y[..., None]
    xx, yy = ((w * off**2).sum(-1) for w, off in ((probability.sum(2), off_x), (probability.sum(3), off_y)))
    xy = ((probability * off_x[..., None, :]).sum(-1) * off_y).sum(-1)
    return torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -1)


def _doubt(covariance: Tensor) -> Tensor:
    """What ``covariance [..., 2, 2]`` has beyond the spread from training, along each of its own axes."""
    even = torch.eye(2, device=covariance.device)
    middle = (covariance[..., 0, 0] + covariance[..., 1, 1]) / 2
    uneven = covariance - middle[..., None, None] * even
    # Variances along the axes are the middle more and less a half. In closed form, which takes maps without numbers.
    half = torch.hypot(uneven[..., 0, 0], uneven[..., 0, 1])
    large, small = ((middle + sign * half - TARGET_SPREAD_CELLS**2).clamp(_LEAST_SIGMA_CELLS**2) for sign in (1, -1))
    left = (large - small) / 2 / half.clamp(torch.finfo(half.dtype).tiny)
    return (large + small)[..., None, None] / 2 * even + left[..., None, None] * uneven


def heat_map_loss(logits: Tensor, points: Tensor) -> Tensor:
    """Cross-entropy of heat maps ``[B, L, h, w]`` with Gaussians about ``points [B, L, 2]`` (x, y, model pixels).

    Their spread is `TARGET_SPREAD_CELLS`. Raises `ValueError` when a point is not finite.
    """
    if not bool(torch.isfinite(points).all()):
        raise ValueError("every landmark of a heat map needs its place")
    rows, columns = logits.shape[-2:]
    cells = (points - 0.5) / 2
    y = torch.arange(rows, device=logits.device).float()[None, None, :, None] - cells[..., 1, None, None]
    x = torch.arange(columns, device=logits.device).float()[None, None, None, :] - cells[..., 0, None, None]
    target = torch.exp(-(x**2 + y**2) / (2 * TARGET_SPREAD_CELLS**2)).flatten(2)
    target = target / target.sum(-1, keepdim=True).clamp(min=1e-12)
    return -(target * logits.float().flatten(2).log_softmax(-1)).sum(-1).mean()


class Heads(nn.Module):
    """The heads of one model; each may be missing. ``width`` is that of the class token."""

    def __init__(self, width: int, views: int, landmarks: int) -> None:
        super().__init__()
        self.view = ViewHead(width, views) if views else None
        self.landmarks = LandmarkHead(landmarks) if landmarks else None
