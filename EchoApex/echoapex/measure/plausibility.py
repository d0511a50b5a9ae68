"""What a number can be: outside possible limits there is a reason instead of a value, near them a warning beside it.

All limits stand in one table. They lie far outside disease: what crosses them comes from a wrong scale, wrong frame
times or outlines of something else, and never from a heart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..cine import Cine, FrameTimes, Scale
from ..errors import MeasureError
from .beats import HEART_RATE_RANGE
from .measurement import Measurement
from .normal_ranges import SCHEME

Range = tuple[float, float]


@dataclass(frozen=True)
class Limits:
    """What a number is called, its ``unit`` (UCUM), its ``possible`` and ``usual`` values, and where they come from."""

    title: str
    unit: str
    possible: Range
    usual: Range
    source: str


_VOLUME = (
    f"own choice: a quarter of a newborn's (J Cardiovasc Magn Reson 2023;25:26) to five times 'severe' of {SCHEME}"
)
_WALL = "own choice: a preterm infant's to over twice what is massive, 30 mm (N Engl J Med 2000;342:1778)"
_DIAMETER = f"own choice: a preterm infant's (Ann Pediatr Cardiol 2014;7:180) to twice 'severe' of {SCHEME}"
_ATRIUM = "own choice: an infant's to giant atria, which begin at 120 mL/m2 (J Cardiovasc Dev Dis 2024;11:297)"
_INDEX = "own choice: as of the value that is indexed, for body surfaces from a newborn's 0.2 m2 on"
_OWN = "own choice"

LIMITS = {
    "LVEDV": Limits("end-diastolic volume", "mL", (2.0, 1000.0), (30.0, 400.0), _VOLUME),
    "LVESV": Limits("end-systolic volume", "mL", (0.5, 950.0), (6.0, 350.0), _VOLUME),
    "LVSV": Limits("stroke volume", "mL", (0.5, 400.0), (12.0, 250.0), _VOLUME),
    "LVEF": Limits("ejection fraction", "%", (3.0, 92.0), (8.0, 85.0), f"own choice: far outside {SCHEME}"),
    "LVEDVI": Limits("end-diastolic volume index", "mL/m2", (5.0, 600.0), (15.0, 250.0), _INDEX),
    "LVESVI": Limits("end-systolic volume index", "mL/m2", (1.0, 550.0), (3.0, 220.0), _INDEX),
    "IVSd": Limits("septum at end-diastole", "mm", (1.0, 70.0), (4.0, 35.0), _WALL),
    "LVPWd": Limits("posterior wall at end-diastole", "mm", (1.0, 70.0), (4.0, 30.0), _WALL),
    "LVIDd": Limits("inner diameter at end-diastole", "mm", (6.0, 140.0), (25.0, 90.0), _DIAMETER),
    "LVIDs": Limits("inner diameter at end-systole", "mm", (2.0, 130.0), (10.0, 80.0), _DIAMETER),
    "FS": Limits("fractional shortening", "%", (1.0, 85.0), (4.0, 65.0), _OWN),
    "RWT": Limits("relative wall thickness", "1", (0.05, 4.0), (0.12, 1.5), _OWN),
    "LVMass": Limits("mass", "g", (2.0, 2000.0), (40.0, 700.0), _VOLUME),
    "LVMassIndex": Limits("mass index", "g/m2", (5.0, 1000.0), (25.0, 350.0), _INDEX),
    "LAV": Limits("left atrial volume", "mL", (0.5, 2500.0), (6.0, 300.0), _ATRIUM),
    "LAVI": Limits("left atrial volume index", "mL/m2", (1.0, 1500.0), (4.0, 170.0), _INDEX),
    # Unusual rates are doubted where beats are found.
    "HR": Limits("heart rate", "1/min", (15.0, 350.0), HEART_RATE_RANGE, _OWN),
    "depth": Limits("depth of the image", "mm", (20.0, 400.0), (20.0, 400.0), "phased arrays reach 35 cm, PMC9510186"),
    "width": Limits("width of the image", "mm", (15.0, 700.0), (15.0, 700.0), "own choice: a fan of the deepest image"),
    "frame rate": Limits("frame rate", "1/s", (1.0, 10_000.0), (1.0, 10_000.0), _OWN),
}
"""Every limit by the name of its measurement, and those of image and frame times."""

_VOLUMES = frozenset({"LVEDV", "LVESV", "LVSV", "LVEF"})
_MADE_OF = {
    **{name: _VOLUMES - {name} for name in _VOLUMES},
    "FS": frozenset({"LVIDd", "LVIDs"}),
    "RWT": frozenset({"LVPWd", "LVIDd"}),
}
"""What cannot be believed where one of these, by the same method, is impossible: it comes from the same outlines."""


@dataclass(frozen=True)
class Judgment:
    """The measurements that may be given, those that are ``impossible``, and the ``reasons`` why they are withheld."""

    kept: tuple[Measurement, ...]
    impossible: tuple[Measurement, ...]
    reasons: tuple[MeasureError, ...]


def judge(items: Sequence[Measurement], file: str | Path | None = None) -> Judgment:
    """Holds ``items`` against `LIMITS`: impossible ones go with a reason, and so does what is made of the same parts.

    Those beyond the usual values get a warning, once. ``file`` is named in the reasons.
    """
    impossible = tuple(item for item in items if not _within(item, "possible"))
    bad = {(item.name, item.method) for item in impossible}
    kept, lost = [], []
    for item in items:
        if (item.name, item.method) in bad:
            continue
        parts = _MADE_OF.get(item.name, frozenset())
        if any((part, item.method) in bad for part in parts):
            lost.append(item)
        else:
            kept.append(_doubted(item))
    reasons = tuple(_reason(item, [other.name for other in lost if _shares(other, item)], file) for item in impossible)
    return Judgment(tuple(kept), impossible, reasons)


def believable(cine: Cine) -> Cine:
    """``cine`` without the scale or the frame times that no ultrasound image can have; the reason is in their place."""
    cine = replace(cine, scale=_believable_scale(cine))
    rate = cine.times.frame_rate
    if rate is None or _inside(rate, LIMITS["frame rate"].possible):
        return cine
    return replace(cine, times=FrameTimes.unknown(_impossible_words("frame rate", rate)))


def _believable_scale(cine: Cine) -> Scale:
    if cine.scale.mm_per_px is None:
        return cine.scale
    x0, y0, x1, y1 = cine.sector.box
    sizes = {"depth": (y1 - y0 + 1) * cine.scale.mm_per_px[0], "width": (x1 - x0 + 1) * cine.scale.mm_per_px[1]}
    for name, size in sizes.items():
        if not _inside(size, LIMITS[name].possible):
            return Scale.none(f"that of the file is wrong, since {_impossible_words(name, size)}")
    return cine.scale


def _impossible_words(name: str, value: float) -> str:
    limits = LIMITS[name]
    unit = {"1/s": "frames/s"}.get(limits.unit, limits.unit)
    possible = _range_words(limits.possible, unit)
    return f"the {limits.title} would be {_number(value)} {unit}, outside {possible} ({limits.source})"


def _range_words(limits: Range, unit: str) -> str:
    return f"{limits[0]:g} to {limits[1]:g} {unit}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _within(item: Measurement, which: str) -> bool:
    limits = LIMITS.get(item.name)
    return limits is None or item.value is None or _inside(item.value, getattr(limits, which))


def _inside(value: float, limits: Range) -> bool:
    return limits[0] <= value <= limits[1]


def _shares(lost: Measurement, impossible: Measurement) -> bool:
    return lost.method == impossible.method and impossible.name in _MADE_OF.get(lost.name, frozenset())


def _doubted(item: Measurement) -> Measurement:
    if item.name == "HR" or _within(item, "usual"):
        return item
    limits = LIMITS[item.name]
    found, usual = _number(item.value), _range_words(limits.usual, limits.unit)
    doubt = f"A {limits.title} of {found} {limits.unit} is outside the usual {usual}: check outlines and scale"
    return replace(item, warnings=tuple(dict.fromkeys((*item.warnings, doubt))))


def _reason(item: Measurement, lost: Iterable[str], file: str | Path | None) -> MeasureError:
    limits = LIMITS[item.name]
    others = ", ".join(dict.fromkeys(lost))
    rule = (
        f"No {limits.title} ({item.name}, {item.method}): no heart has it outside "
        f"{_range_words(limits.possible, limits.unit)}, so outlines, scale or frame times are wrong"
        f"{f'; nor {others}, which come from the same outlines' if others else ''}"
    )
    return MeasureError(rule, value=f"{_number(item.value)} {limits.unit}", file=file)
