"""Biplane volumes and ejection fraction from an A4C and an A2C clip (Lang et al., ASE/EACVI 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cine import FloatArray
from ..errors import MeasureError, ScaleError
from .disk_summation import CavityShape, biplane_volume
from .input_checks import least_of
from .measurement import Measurement, Source
from .single_plane_ef import LVResult, ejection_fraction

MAX_LENGTH_DIFFERENCE = 0.10
"""Long axes of the two views that differ by more than this share suggest a foreshortened view (ASE/EACVI 2015)."""

MAX_RATE_DIFFERENCE = 0.10
"""Heart rates that differ by more than this share do not agree (own choice)."""


@dataclass(frozen=True)
class MeanShape:
    """Mean over some frames of one view: ``diameters [20]`` base to apex, ``length`` of the axis and ``area``."""

    diameters: FloatArray
    length: float
    area: float


def mean_shape(shapes: Sequence[CavityShape | None], frames: Sequence[int]) -> MeanShape:
    """The mean of the shapes that are known in ``frames``."""
    known = [shape for shape in (shapes[frame] for frame in frames) if shape is not None]
    return MeanShape(
        np.mean([shape.diameters for shape in known], axis=0),
        float(np.mean([shape.axis.length for shape in known])),
        float(np.mean([shape.area for shape in known])),
    )


def measure_biplane(a4c: LVResult, a2c: LVResult) -> tuple[Measurement, ...]:
    """LVEDV, LVESV, LVSV (mL) and LVEF (%) by the biplane method of disks.

    Disks and long axes of each view are first averaged over its beats, since the two clips are different beats; for
    each phase the longer axis counts. Raises `MeasureError` when a view is not what it should be or has no beat, and
    `ScaleError` when one has no scale.
    """
    require_views(a4c, a2c)
    edv, ed_warning = _phase(a4c, a2c, "end-diastole", [b.ed for b in a4c.beats], [b.ed for b in a2c.beats])
    esv, es_warning = _phase(a4c, a2c, "end-systole", [b.es for b in a4c.beats], [b.es for b in a2c.beats])
    doubts = (*ed_warning, *es_warning, *_rate_warning(a4c, a2c))
    warnings = tuple(dict.fromkeys((*doubts, *a4c.warnings, *a2c.warnings)))
    ef = ejection_fraction(edv, esv)
    return (
        _measurement("LVEDV", edv, "mL", a4c, a2c, warnings),
        _measurement("LVESV", esv, "mL", a4c, a2c, warnings),
        _measurement("LVSV", edv - esv, "mL", a4c, a2c, warnings),
        _measurement("LVEF", ef, "%", a4c, a2c, warnings),
    )


def require_views(a4c: LVResult, a2c: LVResult) -> None:
    """Raises `MeasureError` unless these are an A4C and an A2C with beats, `ScaleError` unless both have a scale."""
    for result, view in ((a4c, "A4C"), (a2c, "A2C")):
        if result.view != view:
            raise MeasureError(f"Biplane volumes need an {view} clip here", value=result.view)
        if result.volume_ml is None:
            raise ScaleError(f"Biplane volumes need a scale in both views, and clip {result.clip} has none")
        if not result.beats:
            raise MeasureError(f"Biplane volumes need a beat in both views, and clip {result.clip} has none")


def length_warning(a4c_mm: float, a2c_mm: float, what: str) -> tuple[str, ...]:
    """A warning where the two lengths differ by over `MAX_LENGTH_DIFFERENCE` of the longer; ``what`` are they?"""
    difference = abs(a4c_mm - a2c_mm) / max(a4c_mm, a2c_mm)
    if difference <= MAX_LENGTH_DIFFERENCE:
        return ()
    return (f"The {what} differ by {difference:.0%}: one view may be foreshortened",)


def _phase(
    a4c: LVResult, a2c: LVResult, phase: str, a4c_frames: list[int], a2c_frames: list[int]
) -> tuple[float, tuple[str, ...]]:
    a, b = mean_shape(a4c.shapes, a4c_frames), mean_shape(a2c.shapes, a2c_frames)
    warning = length_warning(a.length, b.length, f"long axes of A4C and A2C at {phase}")
    return biplane_volume(a.diameters, b.diameters, a.length, b.length), warning


def _rate_warning(a4c: LVResult, a2c: LVResult) -> tuple[str, ...]:
    rates = [m.value for result in (a4c, a2c) for m in result.measurements if m.name == "HR" and m.value is not None]
    if len(rates) < 2 or abs(rates[0] - rates[1]) <= MAX_RATE_DIFFERENCE * max(rates):
        return ()
    return (
        f"The heart rates in A4C ({rates[0]:.0f}/min) and A2C ({rates[1]:.0f}/min) differ by more than "
        f"{MAX_RATE_DIFFERENCE:.0%}: the two views may show different states of the heart",
    )


def _measurement(
    name: str, value: float, unit: str, a4c: LVResult, a2c: LVResult, warnings: tuple[str, ...]
) -> Measurement:
    """The biplane value with the frames and the lesser confidence of its single-plane counterparts."""
    parts = [next(m for m in r.measurements if m.name == name and m.method == r.view) for r in (a4c, a2c)]
    sources: tuple[Source, ...] = parts[0].sources + parts[1].sources
    return Measurement(name, value, unit, "biplane", sources, least_of(parts), warnings)
