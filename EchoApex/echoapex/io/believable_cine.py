"""Scale and frame times that no ultrasound image can have are taken from a cine as soon as it is read.

So nothing that works with cines can show millimeters or seconds of which one look at the numbers says that they are
wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..cine import Cine, FloatArray, FrameTimes, Scale, ScaleSource
from ..limits import LIMITS


def believable(cine: Cine) -> Cine:
    """``cine`` without a scale or frame times that cannot be; the reason is in their place.

    Those that are not usual are kept, with a warning. A cine that went through once stays as it is.
    """
    scale_reason, scale_doubts = _judge(_sizes(cine))
    times_reason, times_doubts = ("", ()) if cine.times.seconds is None else judge_times(cine.times.seconds)
    whose = "that by hand" if cine.scale.source is ScaleSource.USER else "that of the file"
    return replace(
        cine,
        scale=Scale.none(f"{whose} is wrong, since {scale_reason}") if scale_reason else cine.scale,
        times=FrameTimes.unknown(times_reason) if times_reason else cine.times,
        warnings=tuple(dict.fromkeys((*cine.warnings, *scale_doubts, *times_doubts))),
    )


def scale_doubts(cine: Cine) -> tuple[str, ...]:
    """What speaks against the scale of a `believable` cine; it holds for each number in millimeters."""
    return _judge(_sizes(cine))[1]


def judge_times(seconds: FloatArray) -> tuple[str, tuple[str, ...]]:
    """Why frame times ``[T]`` in s that rise cannot be, empty where they can; and what speaks against them."""
    steps = np.diff(seconds)
    if steps.size == 0:
        return "", ()
    longest, median = float(steps.max()), float(np.median(steps))
    return _judge({"frame rate": 1.0 / median, "gap": longest, "uneven": longest / median})


def _sizes(cine: Cine) -> dict[str, float]:
    """Depth and width of the image and the larger side of a pixel, in mm.

    Of a dark still only a part may have been found: the image is at least as large as its sector and at most as large
    as the frame, and what lies between counts as usual.
    """
    if cine.scale.mm_per_px is None:
        return {}
    y, x = cine.scale.mm_per_px
    x0, y0, x1, y1 = cine.sector.box
    depth = _nearest_to_usual("depth", (y1 - y0 + 1) * y, cine.rows * y)
    width = _nearest_to_usual("width", (x1 - x0 + 1) * x, cine.columns * x)
    return {"depth": depth, "width": width, "pixel": max(y, x)}


def _nearest_to_usual(name: str, least: float, most: float) -> float:
    low, high = LIMITS[name].usual
    return min(max((low + high) / 2, least), most)


def _judge(values: dict[str, float]) -> tuple[str, tuple[str, ...]]:
    """Why the first of ``values`` by name in the table cannot be, and doubts where all of them can."""
    for name, value in values.items():
        if not LIMITS[name].allow(value):
            return LIMITS[name].impossible(value), ()
    return "", tuple(_doubts(values))


def _doubts(values: dict[str, float]) -> Iterator[str]:
    for name, value in values.items():
        if not LIMITS[name].expect(value):
            yield LIMITS[name].doubt(value)
