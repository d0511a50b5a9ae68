"""The ejection fraction of two apical views while end-diastole and end-systole are moved: no model looks again.

The numbers are those that the next analysis gives when outlines stay as they are and ED and ES are taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cine import Cine, FloatArray, FrameTimes, Scale
from ..errors import EchoApexError, MeasureError
from .beat_phase import BeatClock, with_diastole
from .biplane_ef import measure_biplane
from .biplane_volume_curve import BiplaneCurve, biplane_curve
from .input_checks import require_apical
from .measurement import Beat, Measurement
from .plausibility import judge
from .single_plane_ef import LVResult, measure_shapes
from .volumes_while_editing import Outlines, Phases, beats_by_hand, measure_outlines

VIEWS = ("A4C", "A2C")
"""The two views of a trace, in the order in which they are told."""


@dataclass(frozen=True)
class TracedView:
    """One clip of a trace: its outlines, measured, and the beats that were ``found`` in it."""

    clip: str
    view: str
    outlines: Outlines
    scale: Scale
    times: FrameTimes
    found: tuple[Beat, ...]
    confidence: FloatArray | None = None

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which frames ``[T]`` have a size."""
        return np.isfinite(self.outlines.searched)

    @property
    def seconds(self) -> FloatArray:
        """The time of each frame in s ``[T]``; frame numbers where times are unknown."""
        count = self.outlines.sizes.size
        return np.arange(count, dtype=np.float64) if self.times.seconds is None else self.times.seconds

    def beats(self, phases: Phases, chosen: int | None = None) -> tuple[Beat, ...]:
        """The beats that count: the one by hand, else the ``chosen`` one of those found, else all of them."""
        if phases.by_hand:
            return with_diastole(beats_by_hand(self.found, phases), self.found)
        if chosen is not None and chosen < len(self.found):
            return (self.found[chosen],)
        return self.found

    def clock(self, beats: tuple[Beat, ...]) -> BeatClock:
        """When these beats are."""
        return BeatClock(beats, self.seconds)

    def result(self, beats: tuple[Beat, ...]) -> LVResult:
        """The numbers of these beats. Raises `MeasureError` where ED or ES of one has no measurable outline."""
        return measure_shapes(
            *(self.clip, self.view, self.outlines.shapes, self.outlines.warnings),
            scale=self.scale,
            times=self.times,
            beats=beats,
            confidence=self.confidence,
        )


def trace_view(
    clip: str,
    view: str,
    cine: Cine,
    lv_masks: NDArray[Any],
    la_masks: NDArray[Any] | None = None,
    *,
    found: tuple[Beat, ...] = (),
    confidence: ArrayLike | None = None,
) -> TracedView:
    """Measures the outlines (bool ``[T, H, W]``) of one apical clip, in which the beats ``found`` were found.

    Raises `MeasureError` for another view, for masks that do not fit the cine, and where no frame has an outline that
    can be measured.
    """
    require_apical(view)
    outlines = measure_outlines(cine, view, lv_masks, la_masks)
    if not np.isfinite(outlines.searched).any():
        raise MeasureError("There is no measurable left ventricle in any frame", value=f"{len(lv_masks)} frames")
    sure = None if confidence is None else np.asarray(confidence, np.float64)
    return TracedView(clip, view, outlines, cine.scale, cine.times, found, sure)


def moved(view: TracedView, phases: Phases, beat: Beat, *, ed: bool, frame: int) -> Phases:
    """ED (or ES) of ``beat`` moved by hand to the nearest frame to ``frame`` that is possible.

    Possible is a frame with an outline before ES and after the ES before it, or after ED and before the next ED. The
    other end of the beat stays where it is: where `beats_by_hand` would take that of another beat, it counts as set by
    hand as well.
    """
    low, high = _bounds(view, beat, ed)
    possible = [one for one in range(low, high + 1) if view.known[one]]
    at = min(possible, key=lambda one: abs(one - frame), default=beat.ed if ed else beat.es)
    new = (at, beat.es) if ed else (beat.ed, at)
    told = (ed or phases.ed_by_hand, not ed or phases.es_by_hand)
    if _counting(view.found, _by_hand(new, told)) != new:
        told = (True, True)
    return _by_hand(new, told)


def _by_hand(frames: tuple[int, int], told: tuple[bool, bool]) -> Phases:
    ed, es = (frame if known else None for frame, known in zip(frames, told, strict=True))
    return Phases(ed, es, *told)


def _bounds(view: TracedView, beat: Beat, ed: bool) -> tuple[int, int]:
    if ed:
        return max((one.es + 1 for one in view.found if one.es < beat.ed), default=0), beat.es - 1
    last = len(view.known) - 1
    return beat.ed + 1, last if beat.next_ed is None else beat.next_ed - 1


def _counting(found: tuple[Beat, ...], phases: Phases) -> tuple[int, int] | None:
    try:
        (beat,) = beats_by_hand(found, phases)
    except MeasureError:
        return None
    return beat.ed, beat.es


@dataclass(frozen=True)
class TraceNumbers:
    """What the chosen beats give: numbers of each view and of both, the biplane curve, and why something is missing."""

    measurements: tuple[Measurement, ...] = ()
    biplane: BiplaneCurve | None = None
    reasons: tuple[str, ...] = ()

    def value(self, name: str, method: str) -> float | None:
        """The number of this name and method; None where there is none."""
        return next((one.value for one in self.measurements if (one.name, one.method) == (name, method)), None)


def trace_numbers(views: Mapping[str, TracedView], beats: Mapping[str, tuple[Beat, ...]]) -> TraceNumbers:
    """The numbers of these ``beats`` of each of the ``views`` (by name), and biplane where there are both.

    What no heart can have is withheld, as in a report, with the reason.
    """
    results: dict[str, LVResult] = {}
    reasons: list[str] = []
    for name, view in views.items():
        try:
            results[name] = view.result(beats[name])
        except MeasureError as refusal:
            reasons.append(f"{name}: {refusal}")
    # The heart rate is that of the beats that were found, wherever ED and ES are.
    items = [item for result in results.values() for item in result.measurements if item.name != "HR"]
    curve = None
    if set(results) == set(VIEWS):
        try:
            both = results["A4C"], results["A2C"]
            biplane, curve = measure_biplane(*both), biplane_curve(*both)
            items += biplane
        except EchoApexError as refusal:
            reasons.append(str(refusal))
    judged = judge(items)
    believed = not any(item.method == "biplane" for item in judged.impossible)
    return TraceNumbers(judged.kept, curve if believed else None, (*reasons, *map(str, judged.reasons)))
