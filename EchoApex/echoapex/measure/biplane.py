"""Biplane volumes and ejection fraction from an A4C and an A2C clip (Lang et al., ASE/EACVI 2015)."""

from __future__ import annotations

import numpy as np

from ..cine import FloatArray
from ..errors import MeasureError, ScaleError
from .ejection_fraction import LVResult, ejection_fraction
from .types import Measurement, Source
from .volumes import biplane_volume

MAX_LENGTH_DIFFERENCE = 0.10
"""Long axes of the two views that differ by more than this share suggest a foreshortened view (ASE/EACVI 2015)."""


def measure_biplane(a4c: LVResult, a2c: LVResult) -> tuple[Measurement, ...]:
    """LVEDV, LVESV, LVSV (mL) and LVEF (%) by the biplane method of disks.

    Disks and long axes of each view are first averaged over its beats, since the two clips are different beats; for
    each phase the longer axis counts. Raises `MeasureError` when a view is not what it should be or has no beat, and
    `ScaleError` when one has no scale.
    """
    for result, view in ((a4c, "A4C"), (a2c, "A2C")):
        _require_usable(result, view)
    edv, ed_warning = _phase(a4c, a2c, "end-diastole", [b.ed for b in a4c.beats], [b.ed for b in a2c.beats])
    esv, es_warning = _phase(a4c, a2c, "end-systole", [b.es for b in a4c.beats], [b.es for b in a2c.beats])
    warnings = tuple(dict.fromkeys((*ed_warning, *es_warning, *a4c.warnings, *a2c.warnings)))
    ef = ejection_fraction(edv, esv)
    return (
        _measurement("LVEDV", edv, "mL", a4c, a2c, warnings),
        _measurement("LVESV", esv, "mL", a4c, a2c, warnings),
        _measurement("LVSV", edv - esv, "mL", a4c, a2c, warnings),
        _measurement("LVEF", ef, "%", a4c, a2c, warnings),
    )


def _require_usable(result: LVResult, view: str) -> None:
    if result.view != view:
        raise MeasureError(f"Biplane volumes need an {view} clip here", value=result.view)
    if result.volume_ml is None:
        raise ScaleError(f"Biplane volumes need a scale in both views, and clip {result.clip} has none")
    if not result.beats:
        raise MeasureError(f"Biplane volumes need a beat in both views, and clip {result.clip} has none")


def _phase(
    a4c: LVResult, a2c: LVResult, phase: str, a4c_frames: list[int], a2c_frames: list[int]
) -> tuple[float, tuple[str, ...]]:
    (a, a_length), (b, b_length) = _mean_disks(a4c, a4c_frames), _mean_disks(a2c, a2c_frames)
    difference = abs(a_length - b_length) / max(a_length, b_length)
    warning = f"The long axes of A4C and A2C differ by {difference:.0%} at {phase}: one view may be foreshortened"
    return biplane_volume(a, b, a_length, b_length), (warning,) if difference > MAX_LENGTH_DIFFERENCE else ()


def _mean_disks(result: LVResult, frames: list[int]) -> tuple[FloatArray, float]:
    shapes = [shape for shape in (result.shapes[frame] for frame in frames) if shape is not None]
    diameters = np.mean([shape.diameters for shape in shapes], axis=0)
    return np.asarray(diameters, np.float64), float(np.mean([shape.axis.length for shape in shapes]))


def _measurement(
    name: str, value: float, unit: str, a4c: LVResult, a2c: LVResult, warnings: tuple[str, ...]
) -> Measurement:
    """The biplane value with the frames and the lesser confidence of its single-plane counterparts."""
    parts = [next(m for m in r.measurements if m.name == name and m.method == r.view) for r in (a4c, a2c)]
    sources: tuple[Source, ...] = parts[0].sources + parts[1].sources
    known = [part.confidence for part in parts if part.confidence is not None]
    confidence = min(known) if len(known) == len(parts) else None
    return Measurement(name, value, unit, "biplane", sources, confidence, warnings)
