"""What is said of a trace: its numbers, what was changed by hand, and which number of two is whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from echoapex.measure.ef_trace import TraceNumbers
from echoapex.report import display_names

from ..study.changedSince import Changes, changedUnder
from ..study.measurementRows import MeasurementRow
from ..study.openedReport import OpenedReport
from .efTrace import EfTrace

QUANTITIES = ("LVEF", "LVEDV", "LVESV")
METHODS = ("biplane", "A4C", "A2C")
MOVED = "↻"
"""Marks a number of the report that rests on what was changed by hand since: it is to be analyzed again."""


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


def traceNotes(trace: EfTrace, report: OpenedReport | None, changes: Changes, clips: Mapping[str, str]) -> str:
    """What there is to know of the numbers of a trace; ``clips`` are those of the ``report`` by view."""
    notes = []
    moved = {clip: one for clip, one in changes.items() if one.phases is not None and clip in clips.values()}
    if moved:
        ef, words = _reportEf(trace, report), " and ".join(one.phaseWords for one in moved.values())
        had = f" The report has {ef}, with ED and ES as they were." if ef else ""
        notes.append(f"By hand: {words}.{had} Analyze again to have this in the report.")
    elif trace.byHand:
        notes.append("ED and ES were set by hand.")
    for view in trace.views:
        if clips.get(view) in moved and trace.phases(view).by_hand and len(trace.views[view].found) > 1:
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
    rows: tuple[MeasurementRow, ...], changes: Changes, trace: EfTrace | None, clips: Mapping[str, str]
) -> tuple[MeasurementRow, ...]:
    """``rows`` of the report, those marked that rest on what was changed since (``changes``), with what they are now.

    What they are now is known of the ``clips`` of the ``trace``.
    """
    traced = set() if trace is None else {clip for view, clip in clips.items() if view in trace.views}
    marked = []
    for row in rows:
        why = changedUnder(row.item, changes)
        known = trace is not None and {source.clip for source in row.item.sources} <= traced
        numbers = trace.numbers if trace is not None and known else TraceNumbers()
        marked.append(_marked(row, numbers, why) if why else row)
    return tuple(marked)


def _marked(row: MeasurementRow, numbers: TraceNumbers, why: str) -> MeasurementRow:
    name, value, method, grade, *others = row.cells
    now = _value(numbers, row.item.name, row.item.method)
    if now:
        told = f"{now} by hand, with {why}; the report has {value}. Analyze again to have it in the report."
        cells = (f"{name} {MOVED}", f"{now} (report {value})", method, "–", *others)
    else:
        told = f"By hand since: {why}. This is the number of before; analyze again."
        cells = (f"{name} {MOVED}", f"{value} (before)", method, grade, *others)
    return replace(row, cells=cells, warnings=(told, *row.warnings), outside=row.outside and not now)
