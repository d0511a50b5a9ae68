"""`Prompt`: what a user points at or names on one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import PromptError


@dataclass(frozen=True)
class PointPrompt:
    """A click in pixels of the full frame; ``positive`` adds what is there, otherwise it is taken away."""

    x: float
    y: float
    positive: bool = True


@dataclass(frozen=True)
class Prompt:
    """Everything known about what is wanted on one frame, in pixels of the full frame.

    ``structure`` is a structure identifier (text is resolved to one by `echoapex.structures.find_structure`);
    ``box`` is ``(x0, y0, x1, y1)``; ``mask`` is a previous mask, ``bool [H, W]``. At least one must be given.
    """

    structure: str | None = None
    points: tuple[PointPrompt, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: NDArray[np.bool_] | None = None

    def check(self, rows: int, columns: int) -> None:
        """Raises `PromptError` when the prompt is empty, lies outside a frame of this size or is upside down."""
        if self.structure is None and not self.points and self.box is None and self.mask is None:
            raise PromptError("A prompt needs a point, a box, a structure or a previous mask")
        for point in self.points:
            if not (0 <= point.x <= columns - 1 and 0 <= point.y <= rows - 1):
                raise PromptError(
                    f"A point must lie in the frame of {columns} x {rows} pixels", value=(point.x, point.y)
                )
        if (
            self.points
            and not any(point.positive for point in self.points)
            and self.box is None
            and self.mask is None
            and self.structure is None
        ):
            raise PromptError("Negative points alone do not say what is wanted")
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            inside = 0 <= x0 < x1 <= columns - 1 and 0 <= y0 < y1 <= rows - 1
            if not inside:
                raise PromptError(
                    f"A box is x0,y0,x1,y1 with x0 < x1 and y0 < y1 in the frame of {columns} x {rows} pixels",
                    value=self.box,
                )
        if self.mask is not None and self.mask.shape != (rows, columns):
            raise PromptError("A previous mask must have the size of the frame", value=self.mask.shape)
