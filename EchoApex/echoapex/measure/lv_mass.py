"""Mass and geometry of the left ventricle from its linear measurements.

Formulas and cut-offs: Lang et al., ASE/EACVI 2015, doi 10.1016/j.echo.2014.10.003.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ..errors import MeasureError
from ..patient import Patient, Sex
from .input_checks import least_of
from .measurement import Measurement
from .normal_ranges import SCHEME, ungraded_reason, within_upper_limit

LINEAR = "linear"
"""Method of everything that comes from linear measurements, mass by the cube formula included."""

_MM_PER_CM = 10.0
_PARTS = ("IVSd", "LVIDd", "LVPWd")


class LVGeometry(StrEnum):
    """Shape of the left ventricle by mass index and relative wall thickness (ASE/EACVI 2015)."""

    NORMAL = "normal geometry"
    CONCENTRIC_REMODELING = "concentric remodeling"
    ECCENTRIC_HYPERTROPHY = "eccentric hypertrophy"
    CONCENTRIC_HYPERTROPHY = "concentric hypertrophy"


@dataclass(frozen=True)
class GeometryFinding:
    """The geometry, the two measurements it was judged by, and the scheme of its cut-offs."""

    geometry: LVGeometry
    mass_index: Measurement
    relative_wall_thickness: Measurement
    scheme: str = SCHEME


def lv_mass(ivsd_mm: float, lvidd_mm: float, lvpwd_mm: float) -> float:
    """Mass in g by the cube formula ``0.8 * 1.04 * [(IVSd + LVIDd + LVPWd)^3 - LVIDd^3] + 0.6``, lengths in cm there.

    ``0.8`` corrects the cube to autopsy (Devereux et al., Am J Cardiol 1986;57:450), ``1.04`` g/mL is the density.
    Raises `MeasureError` unless all three are positive and finite.
    """
    _require_positive(ivsd_mm, lvidd_mm, lvpwd_mm)
    inner, outer = lvidd_mm / _MM_PER_CM, (ivsd_mm + lvidd_mm + lvpwd_mm) / _MM_PER_CM
    return float(0.8 * 1.04 * (outer**3 - inner**3) + 0.6)


def relative_wall_thickness(lvpwd: float, lvidd: float) -> float:
    """``2 * LVPWd / LVIDd``, both in one unit; raises `MeasureError` unless both are positive and finite."""
    _require_positive(lvpwd, lvidd)
    return float(2.0 * lvpwd / lvidd)


def measure_mass(measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """``LVMass`` in g from ``IVSd``, ``LVIDd`` and ``LVPWd`` (mm, linear); empty where one of them is missing."""
    parts = [_linear(measurements, name) for name in _PARTS]
    found = [part for part in parts if part is not None and part.value is not None]
    if len(found) < len(_PARTS):
        return ()
    mass = lv_mass(*(float(part.value) for part in found if part.value is not None))
    sources = tuple(dict.fromkeys(source for part in found for source in part.sources))
    warnings = tuple(dict.fromkeys(text for part in found for text in part.warnings))
    return (Measurement("LVMass", mass, "g", LINEAR, sources, least_of(found), warnings),)


def lv_geometry(mass_index: float, relative_wall: float, sex: Sex) -> LVGeometry:
    """Geometry of an adult from the mass index (g/m2, linear method) and the relative wall thickness.

    Hypertrophy is a mass index over 115 (men) or 95 (women), concentric a relative wall thickness over 0.42; both are
    compared as rounded in the tables, so that geometry and grades never disagree.
    """
    _require_positive(mass_index, relative_wall)
    heavy = not within_upper_limit("LVMassIndex", LINEAR, mass_index, sex)
    concentric = not within_upper_limit("RWT", LINEAR, relative_wall, sex)
    if heavy:
        return LVGeometry.CONCENTRIC_HYPERTROPHY if concentric else LVGeometry.ECCENTRIC_HYPERTROPHY
    return LVGeometry.CONCENTRIC_REMODELING if concentric else LVGeometry.NORMAL


def find_geometry(measurements: Sequence[Measurement], patient: Patient | None) -> GeometryFinding | None:
    """Geometry from ``LVMassIndex`` and ``RWT`` (linear); None where one is missing or `ungraded_reason` has one."""
    index, wall = _linear(measurements, "LVMassIndex"), _linear(measurements, "RWT")
    if patient is None or patient.sex is None or ungraded_reason(patient):
        return None
    if index is None or wall is None or index.value is None or wall.value is None:
        return None
    return GeometryFinding(lv_geometry(index.value, wall.value, patient.sex), index, wall)


def _linear(measurements: Sequence[Measurement], name: str) -> Measurement | None:
    return next((item for item in measurements if (item.name, item.method) == (name, LINEAR)), None)


def _require_positive(*values: float) -> None:
    for value in values:
        if not (np.isfinite(value) and value > 0):
            raise MeasureError("Mass and geometry need lengths that are positive and finite", value=value)
