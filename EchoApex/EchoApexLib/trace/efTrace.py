"""The trace of the ejection fraction of a pair of clips in a scene: what counts, what comes of it, and how it is told.

ED and ES that are moved are kept where EchoApexSegment keeps them (`phasesByHand`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from echoapex.cine import FloatArray
from echoapex.errors import EchoApexError
from echoapex.measure.beat_phase import BeatClock, matching_by_phase, matching_by_time
from echoapex.measure.ef_trace import VIEWS, TracedView, TraceNumbers, moved, trace_numbers
from echoapex.measure.measurement import Beat
from echoapex.measure.volumes_while_editing import Phases

from ..measurements.phasesByHand import keepPhases, phasesOf
from ..nodes.cineNodes import isShown
from .tracedClips import tracedClip

MARGIN = 0.25
"""How much of the chart over the phase is before ED, and behind an ES without a next ED, in systoles (own choice).

ED and ES can be moved there.
"""


@dataclass(frozen=True)
class Marker:
    """ED or ES of a beat of a view in the chart: ``x`` on its axis, ``y`` the size in this frame."""

    view: str
    phase: str
    beat: int
    frame: int
    x: float
    y: float

    @property
    def name(self) -> str:
        """What it is called on screen."""
        return f"{self.view} {self.phase}"


@dataclass(frozen=True)
class Trace:
    """A line of the chart: frames ``[N]`` of its clip (-1 between beats), places ``x [N]`` on the axis, sizes ``y``."""

    frames: Any
    x: FloatArray
    y: FloatArray


class EfTrace:
    """The trace of ``browsers`` (by view) in ``scene``. Raises `EchoApexError` where nothing can be traced in any.

    ``problems`` says why a clip is left out. `byPhase` lets the chart run over the beat in place of time.
    """

    def __init__(self, scene: Any, browsers: Mapping[str, Any], *, byPhase: bool = True) -> None:
        self._scene, self.byPhase = scene, byPhase
        self.browsers: dict[str, Any] = {}
        self.views: dict[str, TracedView] = {}
        self.changedOutlines: dict[str, int] = {}
        self.problems: tuple[str, ...] = ()
        for view in VIEWS:
            if view in browsers:
                self._take(view, browsers[view])
        if not self.views:
            raise EchoApexError("Nothing can be traced", value="; ".join(self.problems) or "no apical clip")
        self.chosen: dict[str, int | None] = dict.fromkeys(self.views)
        self._held: dict[str, tuple[Beat, ...]] | None = None
        self._measure()
        self._marker = self.markers[0] if self.markers else None

    def _take(self, view: str, browser: Any) -> None:
        try:
            found, changed = tracedClip(browser)
            phases = phasesOf(browser, len(found.known))
            found.beats(phases)
        except EchoApexError as refusal:
            self.problems = (*self.problems, f"{view}: {refusal}")
            return
        unit = next((one.outlines.unit for one in self.views.values()), found.outlines.unit)
        if found.outlines.unit != unit:
            told = f"{view} is left out of the chart: its size is in {found.outlines.unit}, that of the other in {unit}"
            self.problems = (*self.problems, told)
            return
        self.views[view], self.browsers[view], self.changedOutlines[view] = found, browser, changed

    @property
    def closed(self) -> bool:
        """Whether a clip of it is gone from the scene."""
        return not all(isShown(browser, self._scene) for browser in self.browsers.values())

    # What counts

    def phases(self, view: str) -> Phases:
        """ED and ES of a view that were set by hand."""
        return phasesOf(self.browsers[view], len(self.views[view].known))

    def beats(self, view: str) -> tuple[Beat, ...]:
        """The beats of a view that count."""
        return self._beats[view]

    @property
    def byHand(self) -> bool:
        """Whether ED or ES was moved by hand in any view."""
        return any(self.phases(view).by_hand for view in self.views)

    def _measure(self) -> None:
        self._beats = {name: view.beats(self.phases(name), self.chosen[name]) for name, view in self.views.items()}
        self.numbers: TraceNumbers = trace_numbers(self.views, self._beats)

    def chooseBeat(self, view: str, beat: int | None) -> None:
        """Only this beat of those that were found counts; all do where it is None."""
        self.chosen[view] = beat
        self._measure()
        self._keepMarker()

    def chooseAs(self, other: EfTrace) -> None:
        """The same beats count as in another trace of these clips, and keys move the same marker."""
        self.chosen, self._marker = dict(other.chosen), other._marker
        self._measure()
        self._keepMarker()

    def takePhases(self) -> None:
        """Counts anew with ED and ES as they are in the scene."""
        self._measure()
        self._keepMarker()

    def clear(self, view: str) -> None:
        """ED and ES of a view as they were found."""
        keepPhases(self.browsers[view], Phases())
        self.takePhases()

    # Markers

    @property
    def markers(self) -> tuple[Marker, ...]:
        """ED and ES of all beats that count, view by view."""
        return tuple(
            self._markerOf(view, number, phase)
            for view in self.views
            for number in range(len(self._beats[view]))
            for phase in ("ED", "ES")
        )

    def _markerOf(self, view: str, number: int, phase: str) -> Marker:
        beat = self._beats[view][number]
        frame = beat.ed if phase == "ED" else beat.es
        return Marker(view, phase, number, frame, self._x(view, number, frame), float(self.sizes(view)[frame]))

    @property
    def marker(self) -> Marker | None:
        """The marker that keys move; None where no beat was found."""
        known = self._marker
        return None if known is None else self._markerOf(known.view, known.beat, known.phase)

    def choose(self, marker: Marker) -> None:
        """From now on keys move this marker."""
        self._marker = marker

    def nextMarker(self) -> None:
        """Keys move the next marker."""
        markers = self.markers
        if markers:
            names = [(one.view, one.beat, one.phase) for one in markers]
            now = self._marker
            place = names.index((now.view, now.beat, now.phase)) if now is not None else -1
            self._marker = markers[(place + 1) % len(markers)]

    def _keepMarker(self) -> None:
        now, markers = self._marker, self.markers
        same = [one for one in markers if now is not None and (one.view, one.phase) == (now.view, now.phase)]
        exact = [one for one in same if now is not None and one.beat == now.beat]
        self._marker = next(iter((*exact, *same, *markers)), None)

    def move(self, marker: Marker, frame: int) -> int:
        """Moves a marker by hand to the nearest possible frame, which is given back; numbers follow at once."""
        view, beat = self.views[marker.view], self._beats[marker.view][marker.beat]
        phases = moved(view, self.phases(marker.view), beat, ed=marker.phase == "ED", frame=frame)
        at = phases.ed if marker.phase == "ED" else phases.es
        if at == marker.frame or at is None:
            return marker.frame
        keepPhases(self.browsers[marker.view], phases)
        self._measure()
        if self._held is not None:
            self._held[marker.view] = (self._held[marker.view][min(marker.beat, len(self._held[marker.view]) - 1)],)
        self._marker = marker
        self._keepMarker()
        return at

    def hold(self) -> None:
        """The axis stays as it is while a marker is dragged, although ES is its middle; until `letGo`."""
        self._held = dict(self._beats)

    def letGo(self) -> None:
        """The axis is that of the beats as they are."""
        self._held = None

    # Places in the chart

    @property
    def overPhase(self) -> bool:
        """Whether the chart runs over the phase of the beat: as is wanted, if there is a beat."""
        return self.byPhase and any(self._beats.values())

    def sizes(self, view: str) -> FloatArray:
        """The size of the ventricle in each frame."""
        return self.views[view].outlines.sizes

    @property
    def unit(self) -> str:
        """Of sizes: mL, or px without a scale."""
        return next(iter(self.views.values())).outlines.unit

    def clock(self, view: str) -> BeatClock:
        """When the beats of a view are on the axis."""
        beats = self._beats if self._held is None else self._held
        return self.views[view].clock(beats[view])

    def _x(self, view: str, number: int, frame: int) -> float:
        if not self.overPhase:
            seconds = self.views[view].seconds
            return float(seconds[frame] - seconds[0])
        beat = self.clock(view).beats[number]
        if frame <= beat.es or beat.next_ed is None:
            return (frame - beat.ed) / (beat.es - beat.ed)
        return 1 + (frame - beat.es) / (beat.next_ed - beat.es)

    def place(self, view: str, frame: int) -> float | None:
        """Where a frame is on the axis; None where the axis does not have it."""
        if not self.overPhase:
            return self._x(view, 0, frame)
        clock = self.clock(view)
        moment = clock.moment(frame)
        if moment is not None:
            return moment.phase
        near = [number for number in range(len(clock.beats)) if frame in self._frames(view, clock.beats[number])]
        return self._x(view, near[0], frame) if near else None

    def _frames(self, view: str, beat: Beat) -> range:
        """The frames of a beat on the axis, with those of the margin."""
        margin = int(MARGIN * (beat.es - beat.ed))
        last = beat.es + margin if beat.next_ed is None else beat.next_ed
        return range(max(beat.ed - margin, 0), min(last, self.sizes(view).size - 1) + 1)

    @property
    def end(self) -> float:
        """Where the axis over the phase ends."""
        whole = any(beat.next_ed is not None for view in self.views for beat in self.clock(view).beats)
        return 2.0 if whole else 1.0 + MARGIN

    def frameAt(self, view: str, x: float, beat: int = 0) -> int:
        """The frame of a view nearest to a place on the axis, in the beat with this number where it is phases."""
        clock = self.clock(view)
        if not self.overPhase:
            return clock.nearest(clock.seconds[0] + x)
        if not clock.beats:
            return int(self.browsers[view].GetSelectedItemNumber())
        own = clock.beats[beat]
        frame = own.ed + x * (own.es - own.ed)
        if x > 1 and own.next_ed is not None:
            frame = own.es + (x - 1) * (own.next_ed - own.es)
        return min(max(round(frame), 0), clock.seconds.size - 1)

    def matching(self, view: str, frame: int, partner: str) -> int:
        """The frame of ``partner`` that belongs to one of ``view``, by phase or by time."""
        match = matching_by_phase if self.byPhase else matching_by_time
        return match(frame, self.clock(view), self.clock(partner))

    # Lines

    def line(self, view: str) -> Trace:
        """The line of a view: all frames over time, or its beats one after the other over the phase."""
        sizes = self.sizes(view)
        if not self.overPhase:
            seconds = self.views[view].seconds
            return Trace(np.arange(sizes.size), seconds - seconds[0], sizes)
        frames, places = [], []
        for number, beat in enumerate(self.clock(view).beats):
            own = self._frames(view, beat)
            frames += [*own, -1]
            places += [*(self._x(view, number, frame) for frame in own), np.nan]
        at = np.array(frames[:-1], np.int64)
        known = sizes[at].copy()
        known[at < 0] = np.nan
        return Trace(at, np.array(places[:-1], np.float64), known)

    def biplaneLine(self) -> Trace | None:
        """The biplane volume over the phase, or over the time of A4C in its beats; None where there is none."""
        curve = self.numbers.biplane
        if curve is None:
            return None
        if self.overPhase:
            return Trace(np.full(curve.phase.size, -1), curve.phase, curve.volume_ml)
        line, clock = self.line("A4C"), self.clock("A4C")
        moments = [clock.moment(int(frame)) for frame in line.frames]
        phases = np.array([np.nan if moment is None else moment.phase for moment in moments], np.float64)
        inside = np.isfinite(phases) & (np.nan_to_num(phases, nan=9.0) <= curve.phase[-1])
        volumes = np.where(inside, np.interp(np.nan_to_num(phases), curve.phase, curve.volume_ml), np.nan)
        return Trace(np.full(line.x.size, -1), line.x, volumes)
