"""Whether the third axis of a research file is time or space, which NIfTI, MetaImage and plain NRRD do not say.

Cines are written to these formats with their frames along the third axis, whose spacing is then 1, or the time between
frames. So a spacing that no cine has is that of slices; and where it tells nothing, slices show by their outline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..cine import BoolMask, FloatArray, ImageStack
from ..errors import NotAClipError
from ..limits import LIMITS

_UNSAID = 1.0  # what is written when nothing is known
_SAME = 1e-3  # relative difference that rounding explains

# Own choices, for the area of what is lit in each frame: that of a cine changes little, or all at once.
_LIT_LEVEL = 16
_TILE = 3  # pixels each way that must all be lit
_FEWEST = 8
_SAMPLED = 24  # frames that are looked at
_SMALL = 0.4  # of its largest area that the outline of a volume has at its ends, at most
_LARGEST_STEP = 0.25  # of the largest area by which neighboring slices differ, at most
_EMPTY = 0.01  # of the frame that is lit in a picture, at least

_RULE = "This is a 3D volume: its third axis is of space, not of time, and an echo cine is 2D"


def refuse_slices_by_spacing(spacing: Sequence[float], path: Path) -> list[str]:
    """Raise `NotAClipError` where the spacing ``(x, y, z)`` in mm is that of slices; returns what cannot be told.

    Slices lie as far apart as pixels, or at a distance that is no time between frames, neither in s nor in ms.
    """
    x, y, z = spacing
    if not (math.isfinite(z) and z > 0) or math.isclose(z, _UNSAID, rel_tol=_SAME):
        return []
    if math.isclose(x, y, rel_tol=_SAME) and math.isclose(x, z, rel_tol=_SAME):
        raise NotAClipError(_RULE, value=f"{z:g} between slices as between pixels", file=path)
    usual = LIMITS["frame rate"]
    if not usual.expect(1.0 / z) and not usual.expect(1000.0 / z):
        raise NotAClipError(_RULE, value=f"{z:g} mm between slices", file=path)
    return [
        f"The third axis of the file has steps of {z:g} and no unit of time: it was taken for time, and if these are "
        "millimeters between slices, this is no clip"
    ]


def refuse_slices_by_outline(frames: ImageStack, path: Path) -> None:
    """Raise `NotAClipError` where ``frames`` (``uint8 [T, H, W]``) are slices by what they show.

    The outline of a volume grows and shrinks from slice to slice, and the sector of a cine stays.
    """
    # No outline is larger than the frame, so most cines are known by their ends alone.
    if len(frames) < _FEWEST or float(_outlined_area(frames[[0, -1]]).min()) > _SMALL:
        return
    area = _outlined_area(frames[np.unique(np.linspace(0, len(frames) - 1, _SAMPLED).astype(int))])
    largest = float(area.max())
    ends = min(float(area[0]), float(area[-1]))
    if largest < _EMPTY or ends > _SMALL * largest:
        return
    if float(np.abs(np.diff(area)).max()) <= _LARGEST_STEP * largest:
        raise NotAClipError(_RULE, value=f"an outline that grows from {ends:.0%} to {largest:.0%}", file=path)


def _outlined_area(frames: ImageStack) -> FloatArray:
    """Share of the frame that lies in the box around what is lit, ``[T]``; lone pixels do not count."""
    count, rows, columns = frames.shape
    high, wide = max(1, rows // _TILE), max(1, columns // _TILE)
    tall, broad = rows // high, columns // wide
    tiles = frames[:, : high * tall, : wide * broad].reshape(count, high, tall, wide, broad)
    lit = tiles.min(axis=(2, 4)) > _LIT_LEVEL
    spans = [_span(lit.any(axis=axis)) for axis in (2, 1)]
    return np.asarray(spans[0] * spans[1], np.float64)


def _span(sides: BoolMask) -> FloatArray:
    """From the first to the last true entry of each row of ``bool [T, N]``, as a share of ``N``."""
    length = sides.shape[1]
    first, last = sides.argmax(axis=1), length - sides[:, ::-1].argmax(axis=1)
    return np.where(sides.any(axis=1), (last - first) / length, 0.0)
