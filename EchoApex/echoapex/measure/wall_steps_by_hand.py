"""The steps of measuring walls by hand in PLAX: what each one measures, and what follows from all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from ..cine import Cine, FloatArray, Scale
from ..landmarks import Landmarks
from .beats import search_beats
from .caliper_line import DIAMETER, caliper_lines
from .long_axis import MmPerPx, pixel_size
from .lv_mass import LINEAR, measure_mass, relative_wall_thickness
from .measurement import Beat, Measurement, Source
from .wall_thickness import fractional_shortening
from .wall_thickness_per_beat import AT_ED, AT_ES


@dataclass(frozen=True)
class WallStep:
    """One length: its name, whether it is measured at end-systole, and its two ends as indices of `WALL_LANDMARKS`."""

    name: str
    at_es: bool
    ends: tuple[int, int]


WALL_STEPS = tuple(
    WallStep(name, names is AT_ES, (part, part + 1)) for names in (AT_ED, AT_ES) for part, name in names.items()
)
"""``IVSd``, ``LVIDd``, ``LVPWd`` and ``LVIDs``, in the order in which they are measured."""


@dataclass(frozen=True)
class StepLength:
    """A length in mm, or in pixels without a scale, the frame it was measured in, and what is to be said of it."""

    value: float
    frame: int
    told: tuple[str, ...] = ()


def lengths_of(points: ArrayLike, mm_per_px: MmPerPx | None = None) -> FloatArray:
    """Septum, inner diameter and posterior wall ``[3]`` between ``points [4, 2]`` of one line; NaN where unknown.

    In mm, or in pixels without a scale.
    """
    steps = np.diff(np.asarray(points, np.float64), axis=0) * pixel_size(mm_per_px)
    return np.asarray(np.linalg.norm(steps, axis=1))


def find_wall_phases(landmarks: Landmarks, cine: Cine) -> tuple[Beat | None, str]:
    """The first beat of the inner diameter between the ``landmarks`` of ``cine``; None with the reason without one.

    Raises `MeasureError` for a single frame, or where landmarks of the walls are missing.
    """
    diameters = caliper_lines(landmarks, cine.scale.mm_per_px).lengths[:, DIAMETER]
    search = search_beats(diameters, cine.times, cine.r_wave_times)
    return (search.beats[0], "") if search.beats else (None, search.reason)


def measure_steps(clip: str, lengths: Mapping[str, StepLength], scale: Scale) -> tuple[Measurement, ...]:
    """``IVSd LVIDd LVPWd LVIDs`` (mm), ``FS`` (%), ``RWT`` (1) and ``LVMass`` (g) of what is known and above 0.

    Without a scale there are neither millimeters nor mass, and FS and RWT say that they assume square pixels.
    """
    known = {name: _length(clip, name, item) for name, item in lengths.items() if item.value > 0}
    derived = (
        *_of_two(known, "FS", "%", ("LVIDd", "LVIDs"), fractional_shortening),
        *_of_two(known, "RWT", "1", ("LVPWd", "LVIDd"), relative_wall_thickness),
    )
    if not scale.known:
        told = f"No millimeters, and FS and RWT assume square pixels, since there is no scale: {scale.reason}"
        return tuple(replace(item, warnings=(told, *item.warnings)) for item in derived)
    return (*known.values(), *derived, *measure_mass(tuple(known.values())))


def _length(clip: str, name: str, item: StepLength) -> Measurement:
    return Measurement(name, item.value, "mm", LINEAR, (Source(clip, (item.frame,)),), warnings=item.told)


def _of_two(
    known: Mapping[str, Measurement],
    name: str,
    unit: str,
    parts: tuple[str, str],
    formula: Callable[[float, float], float],
) -> tuple[Measurement, ...]:
    """What ``formula`` makes of two lengths, with the frames and warnings of both; nothing where one is missing."""
    first, second = (known.get(part) for part in parts)
    if first is None or second is None or first.value is None or second.value is None:
        return ()
    sources = tuple(dict.fromkeys((*first.sources, *second.sources)))
    told = tuple(dict.fromkeys((*first.warnings, *second.warnings)))
    return (Measurement(name, formula(first.value, second.value), unit, LINEAR, sources, warnings=told),)
