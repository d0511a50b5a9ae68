"""How a structure shows in a picture, to tell whether another picture shows it, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask

LEAST_SIDE = 0.15
"""A pixel of the border counts where each side of it has this share of what is near; the rest may lie beyond the
sector. Our choice."""


class Sight:
    """How a structure shows in the picture where its mask was given, to be compared with other pictures of it.

    Two things are compared: the gray values in and about the mask, which are much the same in the next best dark place,
    and the steps in gray across its border, which are gone with the structure. About the mask is a rim of 0.15, and
    near a pixel of the border a Gaussian of 0.06, of the side of a square of its size (our choices).
    """

    def __init__(self, mask: BoolMask, inside: BoolMask, picture: NDArray[np.uint8]) -> None:
        """``mask`` and ``inside``, the sector, are ``[h, w]``; ``picture`` may be filled up below and to the right."""
        import cv2

        side = float(np.sqrt(np.count_nonzero(mask)))
        about = _widened(mask, max(4, round(0.15 * side))) & inside
        x, y, width, height = cv2.boundingRect(about.view(np.uint8))
        self._window = (slice(y, y + max(height, 1)), slice(x, x + max(width, 1)))
        self._about = about[self._window]
        self._reach = max(3.0, 0.06 * side)
        within = mask[self._window]
        self._sides = [(self._about & part).astype(np.float32) for part in (within, ~within)]
        self._weights = [self._gathered(part) for part in self._sides]
        border = _widened(within, 1) & _widened(~within, 1)
        self._border = border & (np.minimum(*self._weights) > LEAST_SIDE)
        self._gray, self._steps = self._seen(picture)

    def alike(self, picture: NDArray[np.uint8]) -> float:
        """0 to 1: the geometric mean of Pearson's correlation of the gray values and of what is left of the steps."""
        gray, steps = self._seen(picture)
        correlation = _correlation(self._gray, gray)
        # What fills the sector has no border in it.
        return float(np.sqrt(correlation * _left(self._steps, steps))) if steps.size else correlation

    def _seen(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Gray values in and about the mask; by how much it is brighter outside at each pixel of the border."""
        shown = picture[self._window]
        means = [
            self._gathered(shown * part)[self._border] / weight[self._border]
            for part, weight in zip(self._sides, self._weights, strict=True)
        ]
        return shown[self._about], means[1] - means[0]

    def _gathered(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """``values`` of the neighborhood of each pixel."""
        import cv2

        return np.asarray(cv2.GaussianBlur(values, (0, 0), self._reach, borderType=cv2.BORDER_CONSTANT), np.float32)


def _widened(mask: BoolMask, rim: int) -> BoolMask:
    """``mask [h, w]`` with all that is within ``rim`` pixels of it."""
    import cv2

    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disk) > 0)


def _left(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    """How much is left of a list of values, 0 to 1: their cosine, and less where they have become smaller."""
    size = float(np.linalg.norm(before))
    largest = size * max(size, float(np.linalg.norm(now)))
    return max(float(before @ now) / largest, 0.0) if largest > 0 else 0.0


def _correlation(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Pearson's correlation of two lists of gray values, 0 where it is negative or there is no contrast."""
    if one.size == 0 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return max(float(np.corrcoef(one, other)[0, 1]), 0.0)
