"""Which beats of a clip count where a person has excluded some, or has set ED or ES."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ..cine import Cine
from ..errors import MeasureError
from ..measure.measurement import Beat
from ..measure.single_plane_ef import LVResult
from ..measure.volumes_while_editing import beats_by_hand, phases_told
from ..measure.wall_thickness import WallResult
from .clip_corrections import ClipCorrections
from .doubted_results import doubted

_Result = TypeVar("_Result", LVResult, WallResult)

_EXCLUDED = "Excluded by hand: the beat of "


def of_beats_left(found: _Result, by_hand: ClipCorrections, measured: Callable[[tuple[Beat, ...]], _Result]) -> _Result:
    """What was ``found``, ``measured`` in the beats that are left, or in that one whose ED or ES was set by hand."""
    told = beats_left_out(found.beats, by_hand)
    kept = tuple(beat for beat in found.beats if not by_hand.excludes(beat))
    left = doubted(measured(kept), told) if told else found
    if by_hand.phases is None:
        return left
    chosen = beats_by_hand(found.beats, by_hand.phases)
    if any(by_hand.excludes(beat) for beat in chosen):
        return doubted(left, (f"{phases_told(by_hand.phases)}, in a beat that is excluded: other beats count",))
    return _with_rate_of(left, measured(chosen))


def beats_left_out(found: Sequence[Beat], by_hand: ClipCorrections) -> tuple[str, ...]:
    """Which of the beats that were ``found`` do not count, and why, in a sentence; none where all do."""
    beats = [item for item in by_hand.excluded_beats if any(item.meets(beat) for beat in found)]
    told = "; ".join(f"frames {item.ed} to {item.es}, {item.reason}" for item in beats)
    return (f"{_EXCLUDED}{told}",) if told else ()


def left_out_told(found: LVResult | WallResult | None) -> tuple[str, ...]:
    """What is said of excluded beats with what was ``found``: for what else is measured in the same beats."""
    return () if found is None else tuple(text for text in found.warnings if text.startswith(_EXCLUDED))


def no_beat_left(found: LVResult | WallResult, by_hand: ClipCorrections, what: str, cine: Cine) -> MeasureError:
    """Why there is no beat, and so ``what`` is missing."""
    if not found.beats:
        return MeasureError(f"No beat was found, so {what}", file=cine.path)
    return MeasureError(
        f"No beat is left, so {what}", value="; ".join(beats_left_out(found.beats, by_hand)), file=cine.path
    )


def _with_rate_of(found: _Result, by_hand: _Result) -> _Result:
    """What was measured ``by_hand`` in one beat, with the heart rate of those ``found``, which takes whole ones."""
    measurements = *by_hand.measurements, *(item for item in found.measurements if item.name == "HR")
    return replace(by_hand, measurements=measurements)
