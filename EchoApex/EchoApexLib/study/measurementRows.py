"""The numbers of a report as rows for a window, and as text to paste."""

from __future__ import annotations

from dataclasses import dataclass

from echoapex.measure.measurement import Measurement, MeasurementStatus
from echoapex.report import display_names
from echoapex.report.comparison import Change, Comparison

from .numberDecisions import NumberDecisions
from .openedReport import OpenedReport, Place

COLUMNS = ("Quantity", "Value", "Method", "Grade", "Normal", "Confidence", "Status", "Change")

GRADE, STATUS = COLUMNS.index("Grade"), COLUMNS.index("Status")
"""Columns of the grade, and of the part that a person has in a number."""

EXCLUDED = "excluded"
"""Status of a number that is not to count, whatever part a person has in its value."""


@dataclass(frozen=True)
class MeasurementRow:
    """One number: what its cells say, what else is to be said of it, and the frames it comes from."""

    item: Measurement
    cells: tuple[str, ...]
    words: str
    warnings: tuple[str, ...]
    places: tuple[Place, ...]
    outside: bool
    """Whether it is graded as anything but normal."""

    @property
    def status(self) -> str:
        """What part a person has in it, or `EXCLUDED`."""
        return self.cells[STATUS]

    def isLike(self, other: MeasurementRow) -> bool:
        """Whether both are the same quantity, measured in the same way in the same clips."""
        return _identity(self.item) == _identity(other.item)


def _identity(item: Measurement) -> tuple[str, str, frozenset[str]]:
    return item.name, item.method, frozenset(source.clip for source in item.sources)


def measurementRows(
    report: OpenedReport, decisions: NumberDecisions | None = None, comparison: Comparison | None = None
) -> tuple[MeasurementRow, ...]:
    """The rows under `COLUMNS`, in the order of the report; what was decided since counts, changes stand beside."""
    items = report.measurements
    numbers = items if decisions is None else decisions.numbers
    changes = [_changeOf(item, report, comparison) for item in items]
    return tuple(_row(report, item, now, change) for item, now, change in zip(items, numbers, changes, strict=True))


def _changeOf(item: Measurement, report: OpenedReport, comparison: Comparison | None) -> Change | None:
    """That of ``item``, if it is the one of its name and method that was compared."""
    if comparison is None or item.excluded is not None:
        return None
    key = item.name, item.method
    first = next(one for one in report.facts.measurements if (one.name, one.method) == key and one.excluded is None)
    return comparison.changes.get(key) if first == item else None


def _row(report: OpenedReport, item: Measurement, now: Measurement, change: Change | None) -> MeasurementRow:
    grade = "" if item.grade is None else item.grade.replace("_", " ")
    cells = (
        item.name,
        display_names.with_unit(item.value, item.unit),
        display_names.short_method(item.method),
        grade or "–",
        display_names.reference_range(item.reference),
        "–" if item.confidence is None else f"{item.confidence:.2f}",
        now.status.value if now.excluded is None else EXCLUDED,
        "" if change is None else _change(item, change),
    )
    outside = bool(grade) and not grade.startswith("normal")
    pending = (now.status, now.excluded) != (item.status, item.excluded)
    words, warnings = _words(report, now, pending), item.warnings
    if change is not None:
        earlier = display_names.with_unit(change.earlier.value, change.unit)
        words = f"{words} Earlier {earlier}: {_change(item, change)}."
        warnings = (*warnings, *change.warnings)
    return MeasurementRow(item, cells, words, warnings, report.places(item), outside)


def _change(item: Measurement, change: Change) -> str:
    """The difference with its sign and unit; of percent, in points."""
    apart = display_names.difference(item.value, change.earlier.value, change.unit)
    unit = "points" if change.unit == "%" else display_names.unit(change.unit)
    return f"{apart} {unit}".strip().replace(" /", "/")


def _words(report: OpenedReport, item: Measurement, pending: bool) -> str:
    """What it is, how it was made, from which frames, and by which scheme it was graded."""
    scheme = "" if item.reference is None else f" Normal values: {item.reference.scheme}."
    simulated = " Simulated." if any(report.clips[place.clip]["simulated"] for place in report.places(item)) else ""
    frames = framesWords(report, item)
    told = f" From {frames}." if frames else ""
    byHand = _byHand(item, pending)
    sure = "" if item.confidence is None else f" Confidence {item.confidence:.2f}."
    name = f"{display_names.quantity(item.name)}: {display_names.method(item.method)}."
    return f"{name}{told}{sure}{byHand}{scheme}{simulated}"


def _byHand(item: Measurement, pending: bool) -> str:
    """What part a person has in it; "" where none. The report does not know yet what is ``pending``."""
    who = f" by {item.rater}" if item.rater else ""
    status = item.status is not MeasurementStatus.PREDICTED or pending
    told = f" {item.status.value.capitalize()}{who}." if status else ""
    told = told if item.excluded is None else f"{told} Excluded: {item.excluded.words}."
    return f"{told} Analyze again to have this in the report." if pending else told


def framesWords(report: OpenedReport, item: Measurement) -> str:
    """The frames that a number comes from, by clip, with their phases."""
    told = []
    for source in item.sources:
        if source.clip in report.clips:
            marked = [_frame(report, Place(source.clip, frame)) for frame in dict.fromkeys(source.frames)]
            told.append(f"{report.names[source.clip]}, frame{'s' if len(marked) > 1 else ''} {', '.join(marked)}")
    return "; ".join(told)


def _frame(report: OpenedReport, place: Place) -> str:
    phase = report.phase(place)
    return f"{place.frame} ({phase})" if phase else str(place.frame)


def tabSeparated(
    report: OpenedReport, decisions: NumberDecisions | None = None, comparison: Comparison | None = None
) -> str:
    """All rows as text that a spreadsheet takes, with frames, warnings and changes; what is simulated is said."""
    shown = len(COLUMNS) if comparison is not None else len(COLUMNS) - 1
    head = "\t".join((*COLUMNS[:shown], "Frames", "Warnings"))
    lines = [
        "\t".join((*row.cells[:shown], framesWords(report, item), "; ".join(row.warnings)))
        for row, item in zip(measurementRows(report, decisions, comparison), report.measurements, strict=True)
    ]
    note = ["Simulated heart: these numbers say nothing about a patient."] if report.simulated else []
    return "\n".join([*note, head, *lines]) + "\n"
