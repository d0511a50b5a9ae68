"""Normal values and grades of adults by sex.

Lang et al., ASE/EACVI 2015, doi 10.1016/j.echo.2014.10.003. The tables are in whole steps of a unit, so a value is
graded as rounded to that step (half up): an EF of 51.6 % is 52 and normal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..patient import Patient, Sex
from .measurement import Measurement, Reference

SCHEME = "ASE/EACVI 2015"

ADULT_AGE = 18.0
"""Years below which these tables do not hold."""

NOT_GRADED_IF_CROPPED = (
    "The atrium is cut off by the edge of the image: it is larger than outlined, and its volume is not graded"
)
"""Warning of a volume that cannot be right: a normal grade on it would reassure without reason."""


@dataclass(frozen=True)
class _Bands:
    """In steps: normal are ``low`` to ``high``; away from it, ``mild`` and ``moderate`` end there, or are unknown."""

    low: int
    high: int
    mild: int | None = None
    moderate: int | None = None


@dataclass(frozen=True)
class _Row:
    """One line of the tables: size of a step in the unit of the measurement, the bands, and whether they may grade."""

    step: float
    bands: dict[Sex, _Bands]
    graded: bool = True


def _row(male: _Bands, female: _Bands, *, step: float = 1.0, graded: bool = True) -> _Row:
    return _Row(step, {Sex.MALE: male, Sex.FEMALE: female}, graded)


_WALL = _row(_Bands(6, 10, 13, 16), _Bands(6, 9, 12, 15))
# For leading edge to leading edge: the root, measured from inner edge to inner edge, has no row.
_LA_DIAMETER = _row(_Bands(30, 40), _Bands(27, 38))
_LA_INDEX = _row(_Bands(16, 34, 41, 48), _Bands(16, 34, 41, 48))

# Volumes and EF hold for the biplane method, lengths and mass for the linear one: no other method is graded.
_TABLES = {
    ("IVSd", "linear"): _WALL,
    ("LVPWd", "linear"): _WALL,
    ("LVIDd", "linear"): _row(_Bands(42, 58, 63, 68), _Bands(38, 52, 56, 61)),
    ("LVIDs", "linear"): _row(_Bands(25, 40), _Bands(22, 35)),
    ("LVMass", "linear"): _row(_Bands(88, 224), _Bands(67, 162)),
    ("LVMassIndex", "linear"): _row(_Bands(49, 115, 131, 148), _Bands(43, 95, 108, 121)),
    ("RWT", "linear"): _row(_Bands(24, 42), _Bands(22, 42), step=0.01),
    ("LVEDV", "biplane"): _row(_Bands(62, 150, 174, 200), _Bands(46, 106, 120, 130)),
    ("LVESV", "biplane"): _row(_Bands(21, 61), _Bands(14, 42)),
    ("LVEF", "biplane"): _row(_Bands(52, 72, 41, 30), _Bands(54, 74, 41, 30)),
    # Reproductions of the tables agree on the normal range of this index, not on its grades.
    ("LVEDVI", "biplane"): _row(_Bands(34, 74), _Bands(29, 61), graded=False),
    ("LVESVI", "biplane"): _row(_Bands(11, 31), _Bands(8, 24)),
    ("LADs", "leading_edge"): _LA_DIAMETER,
    ("LAVI", "biplane"): _LA_INDEX,
    ("LAVI", "area_length_biplane"): _LA_INDEX,
}


def ungraded_reason(patient: Patient | None) -> str:
    """Why nothing of this patient may be graded, in one sentence; empty where it may.

    Of unknown age means not graded: normal values of adults would be wrong for a child.
    """
    if patient is None or patient.age is None:
        return "Not graded: the normal values are those of adults, and the age of the patient is unknown"
    if patient.age < ADULT_AGE:
        return f"Not graded: the normal values are those of adults, and the patient is under {ADULT_AGE:.0f}"
    if patient.sex is None:
        return "Not graded: the normal values differ by sex, and the sex of the patient is unknown"
    return ""


def grade(measurements: Iterable[Measurement], patient: Patient | None) -> tuple[Measurement, ...]:
    """The measurements with ``reference`` and ``grade`` by the scheme `SCHEME`, where its tables hold.

    Grades are ``normal``, ``mild``, ``moderate``, ``severe``; ``above normal`` or ``below normal`` where the tables
    have no degrees. Where `ungraded_reason` has one, values that the tables know get it as a warning, and nothing else.
    """
    reason = ungraded_reason(patient)
    sex = None if patient is None or reason else patient.sex
    return tuple(_graded(item, sex, reason) for item in measurements)


def within_upper_limit(name: str, method: str, value: float, sex: Sex) -> bool:
    """Whether ``value``, rounded as in the tables, is not above the normal values of ``name`` by ``method``."""
    row = _TABLES[name, method]
    return _steps(value, row.step) <= row.bands[sex].high


def _graded(item: Measurement, sex: Sex | None, reason: str) -> Measurement:
    row = _TABLES.get((item.name, item.method))
    plain = replace(item, reference=None, grade=None)
    if row is None:
        return plain
    if sex is None:
        return replace(plain, warnings=tuple(dict.fromkeys((*item.warnings, reason))))
    bands, value = row.bands[sex], item.value
    referred = replace(plain, reference=Reference(bands.low * row.step, bands.high * row.step, SCHEME))
    if not row.graded or value is None or not np.isfinite(value) or NOT_GRADED_IF_CROPPED in item.warnings:
        return referred
    return replace(referred, grade=_grade(_steps(value, row.step), bands))


def _steps(value: float, step: float) -> int:
    # Rounding away the last digits first: 0.425 / 0.01 is a hair below 42.5 in binary.
    return int(np.floor(round(value / step, 6) + 0.5))


def _grade(steps: int, bands: _Bands) -> str:
    if bands.low <= steps <= bands.high:
        return "normal"
    side = "below normal" if steps < bands.low else "above normal"
    if bands.mild is None or bands.moderate is None:
        return side
    worse_when_low = bands.mild < bands.low
    if worse_when_low != (steps < bands.low):
        return side
    sign = -1 if worse_when_low else 1
    if sign * steps <= sign * bands.mild:
        return "mild"
    return "moderate" if sign * steps <= sign * bands.moderate else "severe"
