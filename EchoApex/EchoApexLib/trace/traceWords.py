"""What is said of a trace: its numbers, what was moved by hand, and which number of two is whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from echoapex.errors import EchoApexError
from echoapex.measure.ef_trace import TraceNumbers
from echoapex.measure.measurement import Beat, Measurement
from echoapex.measure.volumes_while_editing import Phases, beats_by_hand
from echoapex.report import display_names

from ..measurements.phasesByHand import PHASES, phasesOf
from ..record.clipRecords import beatsOfRecord
from ..study.measurementRows import MeasurementRow
from ..study.openedReport import OpenedReport
from ..study.reportInScene import ReportInScene
from .efTrace import EfTrace

QUANTITIES = ("LVEF", "LVEDV", "LVESV")
METHODS = ("biplane", "A4C", "A2C")
MOVED = "↻"
"""Marks a number of the report that rests on ED or ES that was moved since: it is to be analyzed again."""


def traceTable(trace: EfTrace) -> list[tuple[str, ...]]:
    """A row for each method that gives a number: method, then the `QUANTITIES` with their units."""
    rows = []
    for method in METHODS:
        values = [_value(trace.numbers, name, method) for name in QUANTITIES]
        if any(values):
            rows.append((method, *(value or "–" for value in values)))
    return rows


def _value(numbers: TraceNumbers, name: str, method: str) -> str:
    found = next((one for one in numbers.measurements if (one.name, one.method) == (name, method)), None)
    return "" if found is None or found.value is None else display_names.with_unit(found.value, found.unit)


@dataclass(frozen=True)
class MovedClip:
    """A clip of a report in which ED or ES was set by hand since: its name, and the ``beats`` that count by now."""

    name: str
    phases: Phases
    beats: tuple[Beat, ...]

    @property
    def words(self) -> str:
        """What was set, and where."""
        moved = (("ED", self.phases.ed_by_hand), ("ES", self.phases.es_by_hand))
        frames = {"ED": [beat.ed for beat in self.beats], "ES": [beat.es for beat in self.beats]}
        return " and ".join(f"{phase} of {self.name} in frame {frames[phase][0]}" for phase, byHand in moved if byHand)


def movedClips(shown: ReportInScene) -> dict[str, MovedClip]:
    """The clips of the report that are in the scene, by identifier, in which ED or ES is no more that of the report."""
    found = {}
    for clip, item in shown.report.clips.items():
        browser = shown.browserOf(clip)
        if browser is None or not browser.GetAttribute(PHASES):
            continue
        before = beatsOfRecord(item["beats"])
        try:
            phases = phasesOf(browser, item["frame_count"])
            beats = beats_by_hand(before, phases) if phases.by_hand else before
        except EchoApexError:  # it is told where the clip is traced or worked on
            continue
        if [(beat.ed, beat.es) for beat in beats] != [(beat.ed, beat.es) for beat in before]:
            found[clip] = MovedClip(shown.report.names[clip].removesuffix(" (simulated)"), phases, beats)
    return found


def movedWords(moved: Mapping[str, MovedClip]) -> str:
    """Which of ED and ES were moved, and to which frames."""
    return " and ".join(one.words for one in moved.values())


def traceNotes(trace: EfTrace, shown: ReportInScene | None, clips: Mapping[str, str]) -> str:
    """What there is to know of the numbers of a trace; ``clips`` are those of the report by view."""
    notes = []
    found = {} if shown is None else movedClips(shown)
    moved = {clip: one for clip, one in found.items() if clip in clips.values()}
    if shown is not None and moved:
        ef = _reportEf(trace, shown.report)
        had = f" The report has {ef}, with ED and ES as they were." if ef else ""
        notes.append(f"By hand: {movedWords(moved)}.{had} Analyze again to have this in the report.")
    elif trace.byHand:
        notes.append("ED and ES were set by hand.")
    for view in trace.views:
        if clips.get(view) in moved and len(trace.views[view].found) > 1:
            notes.append(f"{view}: the beat set by hand counts alone.")
        elif not trace.beats(view):
            notes.append(f"The analysis has no beat of {view}; ED and ES can be set in EchoApex Segment.")
    notes += [
        f"{view}: outlines changed since the analysis count here as they are now (frames changed: {count})."
        for view, count in trace.changedOutlines.items()
        if count
    ]
    notes += [f"{problem.rstrip('.')}." for problem in (*trace.problems, *trace.numbers.reasons)]
    return " ".join(notes)


def _reportEf(trace: EfTrace, report: OpenedReport | None) -> str:
    """EF of the report by the best method that the trace has, too."""
    methods = [row[0] for row in traceTable(trace)]
    for method in methods:
        for item in () if report is None else report.measurements:
            if (item.name, item.method) == ("LVEF", method) and item.value is not None:
                return f"LVEF {display_names.with_unit(item.value, item.unit)} ({method})"
    return ""


def markedRows(
    rows: tuple[MeasurementRow, ...], shown: ReportInScene, trace: EfTrace | None, clips: Mapping[str, str]
) -> tuple[MeasurementRow, ...]:
    """``rows`` of the report, those marked that rest on ED or ES that was moved since, with what they are now.

    What they are now is known of the ``clips`` of the ``trace``.
    """
    moved = movedClips(shown)
    if not moved:
        return rows
    traced = set() if trace is None else {clip for view, clip in clips.items() if view in trace.views}
    marked = []
    for row, item in zip(rows, shown.report.measurements, strict=True):
        touched = _movedUnder(item, shown.report, moved)
        known = trace is not None and {source.clip for source in item.sources} <= traced
        numbers = trace.numbers if trace is not None and known else TraceNumbers()
        marked.append(_marked(row, item, numbers, touched) if touched else row)
    return tuple(marked)


def _movedUnder(item: Measurement, report: OpenedReport, moved: Mapping[str, MovedClip]) -> dict[str, MovedClip]:
    """The clips that were ``moved`` in such a way that a number is of frames that are ED or ES no more."""
    # The heart rate comes from all beats, wherever ED and ES are.
    if item.name == "HR":
        return {}
    return {
        source.clip: moved[source.clip]
        for source in item.sources
        if source.clip in moved and set(source.frames) & _gone(report, source.clip, moved[source.clip])
    }


def _gone(report: OpenedReport, clip: str, moved: MovedClip) -> set[int]:
    before = {frame for beat in report.clips[clip]["beats"] for frame in (beat["ed"], beat["es"])}
    return before - {frame for beat in moved.beats for frame in (beat.ed, beat.es)}


def _marked(
    row: MeasurementRow, item: Measurement, numbers: TraceNumbers, moved: Mapping[str, MovedClip]
) -> MeasurementRow:
    name, value, grade, *others = row.cells
    now, why = _value(numbers, item.name, item.method), movedWords(moved)
    if now:
        told = f"{now} by hand, with {why}; the report has {value}. Analyze again to have it in the report."
        cells = (f"{name} {MOVED}", f"{now} (report {value})", "–", *others)
    else:
        told = f"By hand since: {why}. This is the number of before; analyze again."
        cells = (f"{name} {MOVED}", f"{value} (before)", grade, *others)
    return replace(row, cells=cells, warnings=(told, *row.warnings), outside=row.outside and not now)
