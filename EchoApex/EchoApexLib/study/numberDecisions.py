"""A person's word on the numbers of a report: excluded with a reason, or confirmed; and on beats that are not to count.

It is kept in the scene, with the clip that the number comes from, and counts in the next analysis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from echoapex.analysis.clip_corrections import ExcludedBeat
from echoapex.errors import EchoApexError
from echoapex.measure.derived_numbers import basis, out_with_parts
from echoapex.measure.lv_mass import LINEAR
from echoapex.measure.measurement import Beat, Exclusion, Measurement, MeasurementStatus
from echoapex.session.frame_entries import Key

from ..record.decisions import DECISIONS, Decisions, checkedReason, decisionsOf, keepDecisions
from ..record.raters import sign
from ..session.borrowedSession import borrowedSession
from ..session.sessionSaveAndRestore import SESSION, acceptedMasks
from ..userSettings import UserSettings
from ..walls.wallProtocol import PROTOCOL
from .openedReport import Place
from .reportInScene import ReportInScene

_PREDICTED, _CORRECTED, _CONFIRMED = MeasurementStatus

_SAME_VALUE = 1e-6

Stamp = tuple[object, ...]


class NumberDecisions:
    """What is decided about the numbers of the report that ``shown`` shows.

    ``settings`` say by whom, and with which model.
    """

    def __init__(self, scene: Any, shown: ReportInScene, settings: Callable[[], UserSettings] = UserSettings) -> None:
        self._scene, self._shown, self._settings = scene, shown, settings
        self._accepted: dict[str, tuple[int, frozenset[Key]]] = {}

    @property
    def stamp(self) -> Stamp:
        """Differs once anything was decided."""
        return tuple(_stampOf(self._shown.browserOf(clip)) for clip in self._shown.report.clips)

    @property
    def numbers(self) -> tuple[Measurement, ...]:
        """Those of the report with status and exclusion as they are by now; the rater of a status given since."""
        return out_with_parts([self._now(item) for item in self._shown.report.measurements])

    def _now(self, item: Measurement) -> Measurement:
        reason, status = self.reasonOf(item), self.statusOf(item)
        rater = item.rater if status is item.status else "" if status is _PREDICTED else self._settings().rater
        return replace(item, status=status, rater=rater, excluded=None if reason is None else Exclusion(reason))

    # Numbers that are not to count

    def reasonOf(self, item: Measurement) -> str | None:
        """Why ``item`` itself is not to count by now; None where it is, or is out for another one alone."""
        browser = self._shown.browserOf(item.sources[0].clip) if item.sources else None
        if browser is None:
            return None if item.excluded is None or item.excluded.through else item.excluded.reason
        return decisionsOf(browser).excluded.get((item.name, item.method))

    def exclude(self, item: Measurement, reason: str) -> None:
        """``item`` is not to count. Raises `EchoApexError` without a reason, and where its clip cannot be read."""
        told, home = checkedReason(reason), self._home(item)
        before = decisionsOf(home)
        self._keep(home, replace(before, excluded={**before.excluded, (item.name, item.method): told}))

    def include(self, item: Measurement) -> None:
        """``item`` counts again."""
        home = self._home(item)
        before = decisionsOf(home)
        left = {key: reason for key, reason in before.excluded.items() if key != (item.name, item.method)}
        self._keep(home, replace(before, excluded=left))

    def _home(self, item: Measurement) -> Any:
        """Where it is kept what was decided about a number: with the first clip that it comes from."""
        if not item.sources:
            raise EchoApexError("This number comes from no clip", value=item.name)
        return self._shown.read(item.sources[0].clip)

    def _keep(self, browser: Any, decisions: Decisions) -> None:
        keepDecisions(browser, decisions)
        sign(browser, self._settings().rater)

    # Beats

    def beats(self, clip: str) -> tuple[tuple[Beat, str | None], ...]:
        """The beats of a clip in their order, those that are excluded among them, each with the reason or None."""
        found = [Beat(beat["ed"], beat["es"], beat.get("next_ed")) for beat in self._shown.report.clips[clip]["beats"]]
        browser = self._shown.browserOf(clip)
        decided = self._shown.report.decisions(clip) if browser is None else decisionsOf(browser)
        gone = [Beat(one.ed, one.es) for one in decided.beats if not any(one.meets(beat) for beat in found)]
        return tuple((beat, decided.reasonOf(beat)) for beat in sorted([*found, *gone], key=lambda beat: beat.ed))

    def beatAt(self, place: Place) -> tuple[Beat, str | None] | None:
        """The beat that a frame belongs to, with the reason why it is excluded or None; None without any beat."""
        beats = self.beats(place.clip)
        if not beats:
            return None
        begun = [one for one in beats if one[0].ed <= place.frame]
        return begun[-1] if begun else beats[0]

    def excludeBeat(self, place: Place, reason: str) -> None:
        """The beat at a frame is not to count: the others are measured. Raises `EchoApexError` as `exclude`."""
        told, found = checkedReason(reason), self.beatAt(place)
        if found is None:
            raise EchoApexError("No beat was found in this clip")
        browser = self._shown.read(place.clip)
        before = decisionsOf(browser)
        self._keep(browser, replace(before, beats=(*before.beats, ExcludedBeat(found[0].ed, found[0].es, told))))

    def includeBeat(self, place: Place) -> None:
        """The beat at a frame counts again."""
        found, browser = self.beatAt(place), self._shown.read(place.clip)
        before = decisionsOf(browser)
        left = tuple(one for one in before.beats if found is None or not one.meets(found[0]))
        self._keep(browser, replace(before, beats=left))

    # Numbers that are right

    def statusOf(self, item: Measurement) -> MeasurementStatus:
        """The status of a number by now: of one that nothing by hand has changed, what was accepted since counts."""
        if item.status is _CORRECTED or not item.sources:
            return item.status
        browsers = [self._shown.browserOf(source.clip) for source in item.sources]
        if any(browser is None for browser in browsers):
            return item.status
        if item.method == LINEAR:
            if all(self._hasValue(browser, item) for browser in browsers):
                return _CONFIRMED
            # Steps of EchoApexSegment may confirm it, too, as the analysis has seen.
            stepped = any(browser.GetAttribute(PROTOCOL) for browser in browsers)
            return item.status if stepped else _PREDICTED
        accepted = all(
            {(_chamber(item), frame) for frame in source.frames} <= self._acceptedIn(browser)
            for source, browser in zip(item.sources, browsers, strict=True)
        )
        return _CONFIRMED if accepted else _PREDICTED

    def _acceptedIn(self, browser: Any) -> frozenset[Key]:
        node = browser.GetNodeReference(SESSION)
        if node is None:
            return frozenset()
        read, found = self._accepted.get(node.GetID(), (-1, frozenset()))
        if read != node.GetMTime():
            found = acceptedMasks(browser)
            self._accepted[node.GetID()] = node.GetMTime(), found
        return found

    @staticmethod
    def _hasValue(browser: Any, item: Measurement) -> bool:
        value = decisionsOf(browser).confirmed.get((item.name, item.method))
        return value is not None and item.value is not None and math.isclose(value, item.value, rel_tol=_SAME_VALUE)

    def confirm(self, item: Measurement) -> None:
        """The outlines, or the landmarks, that ``item`` rests on are accepted as they are.

        Raises `EchoApexError` where a clip cannot be read or has no outline in one of its frames.
        """
        if item.method == LINEAR:
            self._confirmValues(item)
            return
        for clip, frames in self._frames(item):
            browser = self._shown.read(clip)
            with borrowedSession(self._scene, browser, self._settings()) as session:
                session.tell(session.state.accept(frames, _chamber(item)))

    def reopen(self, item: Measurement) -> None:
        """What `confirm` has accepted is open again."""
        if item.method == LINEAR:
            home = self._home(item)
            before = decisionsOf(home)
            names = {(name, LINEAR) for name in (item.name, *basis(item.name))}
            self._keep(
                home, replace(before, confirmed={key: one for key, one in before.confirmed.items() if key not in names})
            )
            return
        for clip, frames in self._frames(item):
            with borrowedSession(self._scene, self._shown.read(clip), self._settings()) as session:
                session.tell(session.state.reopen(frames, _chamber(item)))

    def _confirmValues(self, item: Measurement) -> None:
        """The number and those that it is made of, with the values that they have."""
        home, clips = self._home(item), {source.clip for source in item.sources}
        names = (item.name, *basis(item.name))
        values = {
            (one.name, one.method): one.value
            for one in self._shown.report.measurements
            if one.method == LINEAR
            and one.name in names
            and one.value is not None
            and {source.clip for source in one.sources} == clips
        }
        before = decisionsOf(home)
        self._keep(home, replace(before, confirmed={**before.confirmed, **values}))

    @staticmethod
    def _frames(item: Measurement) -> Iterator[tuple[str, list[int]]]:
        for clip in dict.fromkeys(source.clip for source in item.sources):
            yield clip, sorted({frame for one in item.sources if one.clip == clip for frame in one.frames})


def _chamber(item: Measurement) -> str:
    return "LA" if item.name.startswith("LA") else "LV"


def _stampOf(browser: Any) -> object:
    node = None if browser is None else browser.GetNodeReference(SESSION)
    return None if browser is None else (browser.GetAttribute(DECISIONS), None if node is None else node.GetMTime())
