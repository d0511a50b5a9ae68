"""Where a sector lies in a picture. Image points are (X, D) in mm, as in `view_planes`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .heart import Array
from .vendor_looks import Conditions, Look


@dataclass(frozen=True)
class Canvas:
    """Where the sector lies in a picture: size, isotropic ``mm_per_px`` and the pixel of the probe's face center."""

    rows: int
    columns: int
    mm_per_px: float
    probe_x: float
    probe_y: float

    @classmethod
    def fit(cls, rows: int, columns: int, look: Look, depth_mm: float, top: float = 0.02) -> Canvas:
        """The largest sector that fits, its top at ``top`` of the height."""
        return cls.around(rows, columns, look, Conditions(depth_mm), top)

    @classmethod
    def around(cls, rows: int, columns: int, look: Look, conditions: Conditions, top: float = 0.02) -> Canvas:
        """As `fit`, around what the display leaves of the sector."""
        half = np.deg2rad(look.width_deg / 2)
        widest = (conditions.depth_mm + look.virtual_apex_mm) * np.sin(min(half, np.pi / 2))
        left, right = min(widest, conditions.cut_left_mm), min(widest, conditions.cut_right_mm)
        above = max(conditions.cut_top_mm, 0.0)
        height = conditions.depth_mm - above
        mm_per_px = float(max(height / (rows * (1 - 2 * top)), (left + right) / (columns * 0.98)))
        probe_x = columns / 2 - 0.5 + 0.5 * (left - right) / mm_per_px
        return cls(rows, columns, mm_per_px, float(probe_x), top * rows - above / mm_per_px)

    @classmethod
    def within(
        cls, rows: int, columns: int, box: tuple[float, float, float, float], look: Look, conditions: Conditions
    ) -> Canvas:
        """As `around`, in a part of the picture: left, top, right and bottom as shares of its width and height."""
        left, top, right, bottom = box
        part = cls.around(round((bottom - top) * rows), round((right - left) * columns), look, conditions)
        return cls(rows, columns, part.mm_per_px, part.probe_x + left * columns, part.probe_y + top * rows)

    def points(self) -> Array:
        """Image points (X, D) of all pixel centers, ``[rows * columns, 2]``."""
        x = (np.arange(self.columns) - self.probe_x) * self.mm_per_px
        d = (np.arange(self.rows) - self.probe_y) * self.mm_per_px
        grid = np.meshgrid(x, d)
        return np.stack([grid[0].ravel(), grid[1].ravel()], axis=1)

    def to_pixels(self, image_points: Array) -> Array:
        """(X, D) in mm to (x, y) in pixels."""
        return np.asarray(image_points[:, :2] / self.mm_per_px + np.array([self.probe_x, self.probe_y]))
