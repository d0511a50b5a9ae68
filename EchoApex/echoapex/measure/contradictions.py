"""What outlines say of themselves: chambers that cannot lie like that, and a ventricle that vanishes or jumps.

A heart cannot look like this, so numbers from such outlines would mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray, FrameTimes, Sector
from ..io.sector_detection import probe_at_top
from .measurement import Beat

MAX_GAP = 0.25
"""Left ventricle and atrium share the mitral annulus, and the myocardium is the ventricle's wall: further apart than
this share of the ventricle's extent they are not those of one heart (own choice; true outlines touch, and those of a
model lie a pixel or two apart, though a myocardium may have holes where the picture has none)."""

LARGEST_STEP = 0.5
"""Share of its largest area by which a ventricle cannot change between frames (own choice: 0.12 is the most that
simulated hearts of up to 78 % EF did at 26 frames/s)."""

MISSING_IN_SYSTOLE = 0.25
"""Share of the frames of a systole in which the ventricle may be missing (own choice)."""

# Own choices.
_SLOWEST_RATE = 10.0
_FRAMES_LOOKED_AT = 8


def chambers_contradict(
    ventricle: BoolMask, atrium: BoolMask | None, myocardium: BoolMask | None, sector: Sector
) -> Iterable[str]:
    """What speaks against the outlines ``bool [T, H, W]`` of an apical clip, each in one sentence.

    ``sector`` tells where the probe is; where it does not, the order of the chambers is not judged.
    """
    frames = _frames(ventricle)
    if atrium is not None:
        both = [frame for frame in frames if atrium[frame].any()]
        if both and _far_apart(ventricle[both], atrium[both]):
            yield "left ventricle and left atrium do not touch, though they share the mitral annulus"
        at_top = probe_at_top(sector)
        if both and at_top is not None and _wrong_way_up(ventricle[both], atrium[both], at_top):
            yield "the left atrium lies nearer to the probe than the left ventricle, which no apical view shows"
    if myocardium is not None:
        walled = [frame for frame in frames if myocardium[frame].any()]
        if walled and _far_apart(ventricle[walled], myocardium[walled]):
            yield "the left ventricle and its myocardium do not touch"


def area_share(area_px: FloatArray, sector: Sector) -> float:
    """The largest of the areas ``[T]`` of a ventricle in % of the sector; NaN where it was found in no frame."""
    known = area_px[np.isfinite(area_px)]
    return 100.0 * float(known.max()) / float(sector.mask.sum()) if known.size else float("nan")


def area_contradicts(area_px: FloatArray, beats: Sequence[Beat], times: FrameTimes) -> Iterable[str]:
    """What speaks against the areas ``[T]`` of a ventricle, NaN where it was not found, each in one sentence."""
    from scipy.ndimage import median_filter

    for beat in beats:
        missing = np.isnan(area_px[beat.ed : beat.es + 1])
        if missing.mean() > MISSING_IN_SYSTOLE:
            yield f"the left ventricle vanishes in {missing.sum()} of {missing.size} frames from ED {beat.ed} to ES"
            break
    known = area_px[np.isfinite(area_px)]
    rate = times.frame_rate
    if known.size < 3 or (rate is not None and rate < _SLOWEST_RATE):
        return
    # A frame that alone goes wrong is left out where beats are searched.
    steps = np.abs(np.diff(median_filter(known, size=3, mode="nearest")))
    if steps.max() > LARGEST_STEP * known.max():
        yield f"the left ventricle changes by {steps.max() / known.max():.0%} of its largest area between two frames"


def _frames(masks: BoolMask) -> list[int]:
    """A few frames in which there is something, spread over the clip."""
    found = np.flatnonzero(masks.any(axis=(1, 2)))
    picks = np.unique(np.linspace(0, found.size - 1, min(found.size, _FRAMES_LOOKED_AT)).astype(int))
    return [int(frame) for frame in found[picks]]


def _far_apart(ventricles: BoolMask, neighbors: BoolMask) -> bool:
    from scipy import ndimage

    gaps = []
    for ventricle, neighbor in zip(ventricles, neighbors, strict=True):
        extent = max(int(ventricle.any(axis=axis).sum()) for axis in (0, 1))
        gaps.append(float(ndimage.distance_transform_edt(~ventricle)[neighbor].min()) / extent)
    return bool(np.median(gaps) > MAX_GAP)


def _wrong_way_up(ventricles: BoolMask, atria: BoolMask, at_top: bool) -> bool:
    below = [_row(atrium) - _row(ventricle) for ventricle, atrium in zip(ventricles, atria, strict=True)]
    return bool(np.median(below) < 0) == at_top


def _row(mask: NDArray[Any]) -> float:
    return float(np.nonzero(mask)[0].mean())
