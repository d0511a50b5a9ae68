"""Numbers that rest on a correction say so: which do, and what a person has taken out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..measure.derived_numbers import basis, made_of, out_with_parts
from ..measure.lv_mass import LINEAR
from ..measure.measurement import Exclusion, Measurement, MeasurementStatus, Source
from ..measure.root_and_atrium import ENDS, STRUCTURES
from ..session.frame_entries import Key
from .clip_corrections import AppliedCorrections

_UNSCALED = ("%", "1", "1/min")
"""Units of ratios and rates, which are the same with any scale."""

_SCALED = ("biplane", "LVGeometry")
"""Methods and names that need a scale all the same: of two clips the longer axis counts, and geometry needs the mass.
"""

_CHAMBERS = ("LV", "LA")
"""Whose outlines volumes come from: the atrium tells where the ventricle ends, and the other way round."""

_SAME_VALUE = 1e-6
"""Numbers that differ by a smaller share are one (our choice: an analysis gives the same numbers each time)."""

PREDICTED, CORRECTED, CONFIRMED = MeasurementStatus


def needs_scale(item: Measurement) -> bool:
    """Whether a number would be another one with another scale of a clip that it comes from."""
    return item.unit not in _UNSCALED or item.method in _SCALED or item.name in _SCALED


def outlines_under(item: Measurement, source: Source) -> frozenset[Key]:
    """Structure and frame of each outline that a number comes from in a clip; none for lengths between landmarks."""
    chambers = () if item.method == LINEAR else STRUCTURES.get(item.name, _CHAMBERS)
    return frozenset((name, frame) for name in chambers for frame in source.frames)


def compared(
    applied: AppliedCorrections, found: Iterable[Measurement], stands: Iterable[Measurement]
) -> AppliedCorrections:
    """``applied`` with the numbers of its clip that ``stands`` has otherwise than what was ``found`` without it."""
    old = {(item.name, item.method): (item.value, item.sources) for item in found}
    changed = (item.name for item in stands if old.get((item.name, item.method)) != (item.value, item.sources))
    return replace(applied, changed=frozenset(changed))


def marked(items: Iterable[Measurement], applied: Mapping[str, AppliedCorrections]) -> tuple[Measurement, ...]:
    """``items`` with their status, rater and exclusion by the corrections ``applied`` to each clip.

    A number is corrected where a clip that it comes from was turned, or has another view or another such number for the
    corrections; where it depends on a scale by hand, of which a warning tells; and where a mask of its frames was drawn
    or a wall placed. It is confirmed where the masks of all of its frames, or all its walls, were accepted as they were
    found, and a number of the walls, too, where it has the value that was confirmed. It is excluded where a person has
    said so of it or of a number that it rests on.
    """
    return out_with_parts([_marked(item, applied) for item in items])


def unmet_exclusions(items: Iterable[Measurement], applied: Mapping[str, AppliedCorrections]) -> tuple[str, ...]:
    """A note for each number that a person has excluded and that is none of ``items``: nothing is excluded by that."""
    there = {(source.clip, item.name, item.method) for item in items for source in item.sources}
    return tuple(
        f"{clip}: there is no {name} ({method}) that could be excluded"
        for clip, one in applied.items()
        for name, method in one.corrections.excluded
        if (clip, name, method) not in there
    )


def _marked(item: Measurement, applied: Mapping[str, AppliedCorrections]) -> Measurement:
    parts = [(_status(item, source, applied.get(source.clip)), source.clip) for source in item.sources]
    found = {status for status, _ in parts}
    status = CORRECTED if CORRECTED in found else CONFIRMED if found == {CONFIRMED} else PREDICTED
    parts = [] if status is PREDICTED else [(part, clip) for part, clip in parts if part is status]
    raters = (applied[clip].corrections.rater for _, clip in parts)
    return replace(
        item,
        warnings=(*item.warnings, *_scales_by_hand(item, applied)),
        status=status,
        rater=", ".join(dict.fromkeys(filter(None, raters))),
        excluded=_excluded(item, [applied[source.clip] for source in item.sources if source.clip in applied]),
    )


def _scales_by_hand(item: Measurement, applied: Mapping[str, AppliedCorrections]) -> Iterable[str]:
    for source in item.sources if needs_scale(item) else ():
        given = None if source.clip not in applied else applied[source.clip].corrections.calibration
        if given is not None:
            yield f"The scale of {source.clip} is by hand: two points {given.mm:g} mm apart"


def _status(item: Measurement, source: Source, applied: AppliedCorrections | None) -> MeasurementStatus:
    if applied is None:
        return PREDICTED
    corrections = applied.corrections
    if corrections.flip is not None or applied.view_changed:
        return CORRECTED
    if corrections.calibration is not None and needs_scale(item):
        return CORRECTED
    if item.method == LINEAR:  # lengths between landmarks, which no mask changes
        return _of_walls(item, applied)
    return _of_masks(item, source, applied)


def _of_masks(item: Measurement, source: Source, applied: AppliedCorrections) -> MeasurementStatus:
    if applied.corrections.drawn & outlines_under(item, source):
        return CORRECTED
    looked_at = ENDS.get(item.name, ("LA" if item.name.startswith("LA") else "LV",))
    if {(name, frame) for name in looked_at for frame in source.frames} <= applied.corrections.confirmed:
        return CONFIRMED
    # An outline in one frame may change how all frames are measured.
    return CORRECTED if applied.changed & {item.name, *made_of(item.name)} else PREDICTED


def _of_walls(item: Measurement, applied: AppliedCorrections) -> MeasurementStatus:
    names = basis(item.name)
    parts = [applied.corrections.walls.get(name) for name in names]
    if any(part is not None and part.placed for part in parts):
        return CORRECTED
    if _has_confirmed_value(item, applied) or all(part is not None for part in parts):
        return CONFIRMED
    return CORRECTED if applied.changed & {item.name, *names} else PREDICTED


def _has_confirmed_value(item: Measurement, applied: AppliedCorrections) -> bool:
    value = applied.corrections.confirmed_values.get((item.name, item.method))
    return None not in (value, item.value) and math.isclose(value or 0.0, item.value or 0.0, rel_tol=_SAME_VALUE)


def _excluded(item: Measurement, applied: Iterable[AppliedCorrections]) -> Exclusion | None:
    reasons = (one.corrections.excluded.get((item.name, item.method)) for one in applied)
    return next((Exclusion(reason) for reason in reasons if reason is not None), None)
