"""The numbers of a report as rows for a window, and as text to paste."""

from __future__ import annotations

from dataclasses import dataclass

from echoapex.measure.measurement import Measurement, MeasurementStatus
from echoapex.report import display_names

from .numberDecisions import NumberDecisions
from .openedReport import OpenedReport, Place

COLUMNS = ("Quantity", "Value", "Grade", "Normal", "Method", "Confidence", "Status")

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
        return self.cells[-1]

    def isLike(self, other: MeasurementRow) -> bool:
        """Whether both are the same quantity, measured in the same way in the same clips."""
        return _identity(self.item) == _identity(other.item)


def _identity(item: Measurement) -> tuple[str, str, frozenset[str]]:
    return item.name, item.method, frozenset(source.clip for source in item.sources)


def measurementRows(report: OpenedReport, decisions: NumberDecisions | None = None) -> tuple[MeasurementRow, ...]:
    """The rows under `COLUMNS`, in the order of the report; what was decided since counts in them."""
    return tuple(_row(report, item, decisions) for item in report.measurements)


def _row(report: OpenedReport, item: Measurement, decisions: NumberDecisions | None) -> MeasurementRow:
    grade = "" if item.grade is None else item.grade.replace("_", " ")
    now = item if decisions is None else decisions.now(item)
    cells = (
        item.name,
        display_names.with_unit(item.value, item.unit),
        grade or "–",
        display_names.reference_range(item.reference),
        display_names.short_method(item.method),
        "–" if item.confidence is None else f"{item.confidence:.2f}",
        now.status.value if now.excluded is None else EXCLUDED,
    )
    outside = bool(grade) and not grade.startswith("normal")
    pending = (now.status, now.excluded) != (item.status, item.excluded)
    return MeasurementRow(item, cells, _words(report, now, pending), item.warnings, report.places(item), outside)


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
    told = told if item.excluded is None else f"{told} Excluded: {item.excluded.reason}."
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


def tabSeparated(report: OpenedReport, decisions: NumberDecisions | None = None) -> str:
    """All rows as text that a spreadsheet takes, with frames and warnings; that they are simulated is said."""
    head = "\t".join((*COLUMNS, "Frames", "Warnings"))
    lines = [
        "\t".join((*row.cells, framesWords(report, item), "; ".join(row.warnings)))
        for row, item in zip(measurementRows(report, decisions), report.measurements, strict=True)
    ]
    note = ["Simulated heart: these numbers say nothing about a patient."] if report.simulated else []
    return "\n".join([*note, head, *lines]) + "\n"
