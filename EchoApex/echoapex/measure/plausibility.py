"""Measurements that no heart can have are withheld with a reason, and those near them get a warning.

The limits stand in `echoapex.limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import MeasureError
from ..limits import LIMITS, number_words
from .measurement import Measurement

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
    impossible = tuple(item for item in items if not _can_be(item))
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


def _can_be(item: Measurement) -> bool:
    limits = LIMITS.get(item.name)
    return limits is None or item.value is None or limits.allow(item.value)


def _shares(lost: Measurement, impossible: Measurement) -> bool:
    return lost.method == impossible.method and impossible.name in _MADE_OF.get(lost.name, frozenset())


def _doubted(item: Measurement) -> Measurement:
    limits = LIMITS.get(item.name)
    if limits is None or item.value is None or limits.expect(item.value):
        return item
    return replace(item, warnings=tuple(dict.fromkeys((*item.warnings, limits.doubt(item.value)))))


def _reason(item: Measurement, lost: Iterable[str], file: str | Path | None) -> MeasureError:
    limits = LIMITS[item.name]
    others = ", ".join(dict.fromkeys(lost))
    rule = (
        f"No {limits.title} ({item.name}, {item.method}): no heart has it outside {limits.possible_words}, so "
        f"outlines, scale or frame times are wrong"
        f"{f'; nor {others}, which come from the same outlines' if others else ''}"
    )
    return MeasureError(rule, value=f"{number_words(item.value)} {limits.unit}", file=file)
