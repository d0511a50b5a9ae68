"""What is said of a trace: its numbers, what was moved by hand, and which number of two is whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from echoapex.measure.ef_trace import TraceNumbers
from echoapex.measure.measurement import Measurement
from echoapex.report import display_names

from ..study.measurementRows import MeasurementRow
from ..study.openedReport import OpenedReport
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


def movedWords(trace: EfTrace) -> str:
    """Which of ED and ES were moved, and to which frames; "" where none was."""
    told = []
    for view in trace.views:
        phases = trace.phases(view)
        (beat, *_) = (*trace.beats(view), None)
        if phases.by_hand and beat is not None:
            frames = (("ED", beat.ed, phases.ed_by_hand), ("ES", beat.es, phases.es_by_hand))
            told += [f"{phase} of {view} in frame {frame}" for phase, frame, byHand in frames if byHand]
    return " and ".join(told)


def traceNotes(trace: EfTrace, report: OpenedReport | None, clips: Mapping[str, str]) -> str:
    """What there is to know of the numbers of a trace; ``clips`` are those of the ``report`` by view."""
    notes = []
    changed = () if report is None else movedClips(trace, report, clips)
    if changed:
        ef = _reportEf(trace, report)
        had = f" The report has {ef}, with ED and ES as they were." if ef else ""
        notes.append(f"By hand: {movedWords(trace)}.{had} Analyze again to have this in the report.")
    elif trace.byHand:
        notes.append(f"By hand: {movedWords(trace)}.")
    for view, beats in ((view, trace.beats(view)) for view in trace.views):
        if changed and view in changed and len(trace.views[view].found) > 1:
            notes.append(f"{view}: the beat set by hand counts alone.")
        elif not beats:
            notes.append(f"No beat was found in {view}: set ED and ES in EchoApex Segment.")
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


def movedClips(trace: EfTrace, report: OpenedReport, clips: Mapping[str, str]) -> dict[str, str]:
    """The clips of the report by view in which ED or ES was moved since."""
    found = {}
    for view, clip in clips.items():
        if view in trace.views and trace.phases(view).by_hand:
            before = [(beat["ed"], beat["es"]) for beat in report.clips[clip]["beats"]]
            if [(beat.ed, beat.es) for beat in trace.beats(view)] != before:
                found[view] = clip
    return found


def markedRows(
    rows: tuple[MeasurementRow, ...], report: OpenedReport, trace: EfTrace | None, clips: Mapping[str, str]
) -> tuple[MeasurementRow, ...]:
    """``rows`` of the report, those marked that rest on ED or ES that was moved since, with what they are now."""
    moved = {} if trace is None else movedClips(trace, report, clips)
    if trace is None or not moved:
        return rows
    gone = {
        clip: {frame for beat in report.clips[clip]["beats"] for frame in (beat["ed"], beat["es"])}
        - {frame for beat in trace.beats(view) for frame in (beat.ed, beat.es)}
        for view, clip in moved.items()
    }
    return tuple(
        _marked(row, item, trace) if _restsOn(item, gone) else row
        for row, item in zip(rows, report.measurements, strict=True)
    )


def _restsOn(item: Measurement, gone: Mapping[str, set[int]]) -> bool:
    """Whether a number is of frames that are ED or ES no more."""
    # The heart rate comes from all beats, wherever ED and ES are.
    return item.name != "HR" and any(set(one.frames) & gone.get(one.clip, set()) for one in item.sources)


def _marked(row: MeasurementRow, item: Measurement, trace: EfTrace) -> MeasurementRow:
    name, value, grade, *others = row.cells
    now, why = _value(trace.numbers, item.name, item.method), movedWords(trace)
    if now:
        told = f"{now} by hand, with {why}; the report has {value}. Analyze again to have it in the report."
        cells = (f"{name} {MOVED}", f"{now} (report {value})", "–", *others)
    else:
        told = f"By hand since: {why}. This is the number of before; analyze again."
        cells = (f"{name} {MOVED}", f"{value} (before)", grade, *others)
    return replace(row, cells=cells, warnings=(told, *row.warnings), outside=row.outside and not now)
