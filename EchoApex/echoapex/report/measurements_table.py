"""The numbers of a report: the few that matter most, and all of them with where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..measure.measurement import Measurement, MeasurementStatus
from ..measure.normal_ranges import NOT_GRADED_IF_CROPPED
from .display_names import difference, method, quantity, rank, reference_range, short_method, warnings_of, with_unit
from .links_to_stills import clips_of, source_links
from .report_data import StudyReport

KEY_NUMBERS = (
    *("LVEF", "LVEDV", "LVESV", "LVSV", "CO", "IVSd", "LVIDd", "LVPWd", "LVMass", "LVMassIndex", "RWT", "LVGeometry"),
    *("LAV", "LAVI", "LADs", "AoRootd", "HR"),
)
"""What is shown first, in this order."""


def key_measurements(report: StudyReport) -> list[Measurement]:
    """The one measurement of each of `KEY_NUMBERS` that stands for the study.

    By two planes where there is one, but a whole atrium in one plane goes before one that the image cuts off; otherwise
    the first, which keeps the numbers of one clip together. None that a person has excluded.
    """
    chosen = []
    for name in KEY_NUMBERS:
        found = [item for item in report.measurements if item.name == name and item.excluded is None]
        if found:
            chosen.append(min(found, key=_rank))
    return chosen


def _rank(item: Measurement) -> tuple[bool, bool]:
    return NOT_GRADED_IF_CROPPED in item.warnings, item.method != "biplane"


def key_table(report: StudyReport) -> str:
    """The first table: value, normal values, grade and confidence of what matters most."""
    items = key_measurements(report)
    if not items:
        return "<p>Nothing could be measured.</p>"
    rows = "".join(_row(report, item) for item in items)
    table = f'<table class="key">{_head(report, "Method and frames")}<tbody>{rows}</tbody></table>'
    return f"{table}{_schemes(items)}{_calibration(report)}"


def measurement_table(report: StudyReport) -> str:
    """Every number with its frames, confidence and, for simulated clips, the truth; one group for each method."""
    if not report.measurements:
        return "<p>Nothing could be measured.</p>"
    notes = warnings_of(report.measurements)
    groups: dict[str, list[Measurement]] = {}
    for item in sorted(report.measurements, key=lambda item: rank(item.name)):
        groups.setdefault(_how(item), []).append(item)
    bodies = "".join(_body(report, title, items, notes) for title, items in groups.items())
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    footnotes = f'<ol class="notes" id="notes">{listed}</ol>' if notes else ""
    return f"<table>{_head(report, 'Frames')}{bodies}</table>{footnotes}"


def _how(item: Measurement) -> str:
    """Method and clips, escaped."""
    clips = clips_of([item])
    return f"{escape(method(item.method))} · clip{'s' if ' and ' in clips else ''} {clips}"


def _head(report: StudyReport, last: str) -> str:
    columns = [
        ("Quantity", "text"),
        ("Estimate", "number"),
        ("Normal", "number"),
        ("Grade", "text"),
        *([("Truth", "number"), ("Difference", "number")] if report.truth is not None else []),
        ("Confidence", "number"),
        (last, "text"),
    ]
    cells = "".join(f'<th scope="col" class="{kind}">{name}</th>' for name, kind in columns)
    return f"<thead><tr>{cells}</tr></thead>"


def _body(report: StudyReport, title: str, items: Sequence[Measurement], notes: list[str]) -> str:
    columns = 6 if report.truth is None else 8
    rows = "".join(_row(report, item, notes) for item in items)
    return f'<tbody><tr class="group"><th colspan="{columns}" scope="rowgroup">{title}</th></tr>{rows}</tbody>'


def _row(report: StudyReport, item: Measurement, notes: list[str] | None = None) -> str:
    """One measurement; without ``notes`` it stands by itself: with its method, its clips and no footnotes."""
    alone = notes is None
    frames = source_links(report, item, name_clips=alone)
    sure = "–" if item.confidence is None else f"{item.confidence:.2f}"
    by = f"{escape(short_method(item.method, view=False))}, " if alone else ""
    cells = [
        f'<th scope="row">{escape(quantity(item.name))}{_by_hand(item)}{_marks(item, notes)}</th>',
        _cell("Estimate", f"<b>{escape(with_unit(item.value, item.unit))}</b>", "number"),
        _cell("Normal", escape(reference_range(item.reference)), "number"),
        _cell("Grade", _grade(item)),
        *_truth_cells(report, item),
        _cell("Confidence", sure, "number"),
        _cell("Frames", f"<span>{by}{frames}</span>"),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _by_hand(item: Measurement) -> str:
    """What part a person has in the number; nothing where none."""
    parts = [] if item.status is MeasurementStatus.PREDICTED else [item.status.value]
    parts += [f"by {item.rater}"] if parts and item.rater else []
    told = [" ".join(parts)] if parts else []
    told += [f"excluded: {item.excluded.words}"] if item.excluded is not None else []
    return f' <span class="badge">{escape("; ".join(told))}</span>' if told else ""


def _marks(item: Measurement, notes: list[str] | None) -> str:
    if not item.warnings:
        return ""
    if notes is None:
        # A bare number at the top must not hide what is said of it further down.
        count = len(item.warnings)
        return f' <a class="doubt" href="#notes">with {count} warning{"s" if count > 1 else ""}</a>'
    marks = ", ".join(str(notes.index(text) + 1) for text in item.warnings)
    return f" <sup>{marks}</sup>"


def _grade(item: Measurement) -> str:
    if item.grade is None:
        return "–"
    text = escape(item.grade.replace("_", " "))
    return text if text.startswith("normal") else f'<strong class="grade">{text}</strong>'


def _truth_cells(report: StudyReport, item: Measurement) -> list[str]:
    if report.truth is None:
        return []
    truth = report.truth_of(item)
    known = "–" if truth is None else escape(with_unit(truth.value, truth.unit))
    apart = difference(item.value, None if truth is None else truth.value, item.unit)
    return [_cell("Truth", known, "number"), _cell("Difference", apart, "number")]


def _cell(label: str, text: str, kind: str = "") -> str:
    # Where a narrow screen stacks the cells, one without anything in it is left out.
    kinds = " ".join(filter(None, (kind, "empty" if text in ("–", "<b>–</b>") else "")))
    styled = f' class="{kinds}"' if kinds else ""
    return f'<td data-label="{label}"{styled}>{text}</td>'


def _calibration(report: StudyReport) -> str:
    if not report.model.simulated_only or all(clip.cine.simulated for clip in report.clips):
        return ""
    return '<p class="soft">The confidence was learned on simulated hearts; for real images it is not calibrated.</p>'


def _schemes(items: Sequence[Measurement]) -> str:
    schemes = dict.fromkeys(item.reference.scheme for item in items if item.reference is not None)
    if not schemes:
        return (
            '<p class="soft">No normal values are shown: the tables have none for these numbers and methods, or age or '
            "sex of the patient are not known.</p>"
        )
    return f'<p class="soft">Normal values and grades: {escape("; ".join(schemes))}.</p>'
