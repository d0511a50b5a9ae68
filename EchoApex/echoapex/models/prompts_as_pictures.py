"""Clicks and boxes drawn as pictures and added to the image embedding.

Segment-anything tells where a click lies only by its positional code, which attention must learn to match. A drawn
prompt says the same to every grid cell at once. Our choice, after one toy run with one seed in which clicks were
learned sooner with it than without; the two were never compared on the real task.
"""

from __future__ import annotations

import torch
from segment_anything.modeling.common import LayerNorm2d
from torch import Tensor, nn

_SPREAD_PX = 6.0
"""Standard deviation of a drawn click in pixels of the model input (our choice)."""


class DrawnPrompts(nn.Module):
    """Maps of positive clicks, negative clicks and boxes ``[N, 3, 4g, 4g]``, downscaled to ``[N, channels, g, g]``."""

    def __init__(self, channels: int, image_size: int, grid: int) -> None:
        super().__init__()
        self.image_size, self.side = image_size, 4 * grid
        self.downscaling = nn.Sequential(
            nn.Conv2d(3, 16, 2, stride=2),
            LayerNorm2d(16),
            nn.GELU(),
            nn.Conv2d(16, 64, 2, stride=2),
            LayerNorm2d(64),
            nn.GELU(),
            nn.Conv2d(64, channels, 1),
        )

    def forward(self, points: Tensor, labels: Tensor, boxes: Tensor, has_box: Tensor) -> Tensor:
        """What the prompts of a `PromptBatch` add to the embedding, ``[N, channels, g, g]``."""
        cells = (torch.arange(self.side, device=points.device) + 0.5) * self.image_size / self.side - 0.5
        near = self._bumps(points[..., 1:2] - cells)[..., :, None] * self._bumps(points[..., 0:1] - cells)[..., None, :]
        clicks = [(near * (labels == sign)[..., None, None]).sum(1).clamp(max=1) for sign in (1, 0)]
        inside = (self._between(cells, boxes[:, 1:2], boxes[:, 3:4]) & has_box[:, None])[:, :, None]
        box = inside & self._between(cells, boxes[:, 0:1], boxes[:, 2:3])[:, None, :]
        drawn: Tensor = self.downscaling(torch.stack([*clicks, box.to(near.dtype)], dim=1))
        return drawn

    @staticmethod
    def _bumps(distance: Tensor) -> Tensor:
        return torch.exp(-0.5 * (distance / _SPREAD_PX) ** 2)

    @staticmethod
    def _between(cells: Tensor, low: Tensor, high: Tensor) -> Tensor:
        return (cells >= low) & (cells <= high)
