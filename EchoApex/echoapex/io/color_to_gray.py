"""Gray levels from what files store: luminance of color, 8 bits from more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, ImageStack

BLANK_STEP = 8
"""Gray levels between the darkest and the brightest pixel that cannot be seen."""

COLORED_STEP = 24
"""Gray levels between the channels of a pixel from which it counts as colored; less is a tint or coding noise."""

COLORED_SHARE = 0.002
"""Share of the sector that must be colored for the cine to count as color; less is a caliper or a marker."""


_MOMENTS = (0.0, 0.2, 0.55, 0.85)
"""Where in a clip colors are looked at: unevenly, lest all samples meet the beat at one moment without flow."""


@dataclass(frozen=True)
class ColorSamples:
    """The colors of a few frames: ``spreads uint8 [N, H, W]`` (see `spread`) of the frames with numbers ``frames``."""

    frames: tuple[int, ...]
    spreads: ImageStack

    def colored(self, inside: BoolMask) -> bool:
        """Whether enough pixels ``inside`` the sector (``bool [H, W]``) are colored."""
        return bool(np.mean(self.spreads[:, inside] >= COLORED_STEP) > COLORED_SHARE)


def sampled_frames(count: int) -> tuple[int, ...]:
    """Numbers of the frames whose colors are looked at, of a clip of ``count`` frames."""
    return tuple(sorted({int(moment * count) for moment in _MOMENTS}))


def sample_colors(rgb: NDArray[np.uint8]) -> ColorSamples:
    """The colors of a few frames of ``uint8 [T, H, W, 3]`` RGB."""
    frames = sampled_frames(len(rgb))
    return ColorSamples(frames, spread(rgb[list(frames)]))


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luminance Y of ``uint8 [..., 3]`` RGB as ``uint8 [...]``: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded."""
    if rgb.ndim > 3:  # all frames at once would take four times the memory
        return np.stack([luminance(frame) for frame in rgb])
    red, green, blue = (rgb[..., channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return np.ascontiguousarray(red)
    total = red.astype(np.uint32) * 299 + green.astype(np.uint32) * 587 + blue.astype(np.uint32) * 114
    return ((total + 500) // 1000).astype(np.uint8)


def spread(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How far the channels of ``uint8 [..., 3]`` RGB lie apart, ``uint8 [...]``; 0 where gray."""
    red, green, blue = (np.ascontiguousarray(rgb[..., channel]) for channel in range(3))
    return np.asarray(np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue), np.uint8)


def rgb_of_ybr(ybr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB of full-range YCbCr, ``uint8 [..., 3]`` (ITU-R BT.601 as in JFIF and DICOM PS3.3 C.7.6.3.1.2)."""
    y = ybr[..., 0].astype(np.float32)
    cb, cr = (ybr[..., channel].astype(np.float32) - 128 for channel in (1, 2))
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=-1)
    return np.asarray(np.clip(np.rint(rgb), 0, 255), np.uint8)


def to_eight_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """The upper 8 of ``bits`` stored bits, ``uint8`` of the same shape; signed values are shifted to start at 0."""
    if values.dtype == np.uint8 and bits == 8:
        return values
    levels = values.astype(np.int64)
    if values.dtype.kind == "i":
        levels = levels + (1 << (bits - 1))
    levels = levels >> (bits - 8) if bits >= 8 else levels << (8 - bits)
    return np.clip(levels, 0, 255).astype(np.uint8)
