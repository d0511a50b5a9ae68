"""A report as a short page in simple HTML, as far as a text widget shows it: numbers, warnings, pictures.

The page that belongs to a report moves, and needs a browser. Nothing here runs or is loaded from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from echoapex.measure.measurement import Measurement
from echoapex.report import display_names
from echoapex.report.comparison import Comparison

from .measurementRows import COLUMNS, MeasurementRow, framesWords, measurementRows
from .openedReport import OpenedReport

PICTURES = "pictures"

WIDTH_PX = 560
"""Of a picture (own choice)."""

MOST_PICTURES = 60
"""Pictures that are shown; a text widget holds all of them in memory (own choice)."""

_PICTURE = re.compile(r"(?P<clip>.+)-(?P<frame>\d+)")
_COLUMNS = ("Quantity", "Value", "Normal", "Grade", "Method", "Confidence", "Frames")
_WARNING = "#b00020"


def previewPage(report: OpenedReport, comparison: Comparison | None = None) -> str:
    """The page of ``report``, with the changes since an earlier one where they are given."""
    rows = measurementRows(report, comparison=comparison)
    parts = (
        "<h2>EchoApex report</h2>",
        *(f"<p><b>{escape(note)}</b></p>" for note in _notes(report)),
        f"<p>{escape(report.patient.capitalize())}.</p>",
        _table(report, rows, comparison is not None),
        _warnings(rows),
        _listed("Compared with an earlier report", () if comparison is None else comparison.warnings),
        _listed("Not measured", report.notMeasured),
        _listed("Notes", report.record.get("notes", ())),
        *_pictures(report),
    )
    return f"<html><body>{''.join(parts)}</body></html>"


def _notes(report: OpenedReport) -> Iterable[str]:
    yield "Not a medical device, not for clinical use."
    if report.simulated:
        yield "Simulated heart: these numbers say nothing about a patient."
    model = report.record["model"]["id"]
    if report.demonstration:
        yield f"{model} is a demonstration model, trained on simulated hearts."
    else:
        yield f"Model: {model}."


def _table(report: OpenedReport, rows: Sequence[MeasurementRow], compared: bool) -> str:
    if not rows:
        return "<p>Nothing could be measured.</p>"
    columns = (*_COLUMNS, "Change") if compared else _COLUMNS
    head = "".join(f'<th align="left">{name}</th>' for name in columns)
    marks = _numbered(rows)
    body = "".join(
        _row(report, item, row, compared, marks) for item, row in zip(report.measurements, rows, strict=True)
    )
    return f'<table border="1" cellspacing="0" cellpadding="4"><tr>{head}</tr>{body}</table>'


def _row(report: OpenedReport, item: Measurement, row: MeasurementRow, compared: bool, marks: dict[str, int]) -> str:
    shown = dict(zip(COLUMNS, row.cells, strict=True))
    frames = ", ".join(_frames(report, item))
    told = ", ".join(str(marks[text]) for text in row.warnings)
    quantity = escape(display_names.quantity(item.name)) + (f" <sup>{told}</sup>" if told else "")
    method = display_names.method(item.method)
    graded = (shown["Value"], shown["Normal"], shown["Grade"])
    changes = (shown["Change"],) if compared else ()
    cells = [escape(text) for text in (*graded, method, shown["Confidence"], frames, *changes)]
    cells[0] = f"<b>{cells[0]}</b>"
    cells[2] = f"<b>{cells[2]}</b>" if row.outside else cells[2]
    return f"<tr><td>{quantity}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _frames(report: OpenedReport, item: Measurement) -> Iterable[str]:
    yield framesWords(report, item) or "–"
    status = item.status.value
    if status != "predicted":
        yield f"{status} by {item.rater}" if item.rater else status
    if item.excluded is not None:
        yield f"excluded: {item.excluded.words}"


def _numbered(rows: Iterable[MeasurementRow]) -> dict[str, int]:
    """The warnings of the rows, each once, and their numbers from 1."""
    found = dict.fromkeys(text for row in rows for text in row.warnings)
    return {text: number for number, text in enumerate(found, start=1)}


def _warnings(rows: Sequence[MeasurementRow]) -> str:
    listed = "".join(f"<li>{escape(text)}</li>" for text in _numbered(rows))
    return f'<h3>Warnings</h3><font color="{_WARNING}"><ol>{listed}</ol></font>' if listed else ""


def _listed(title: str, texts: Iterable[str]) -> str:
    listed = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<h3>{escape(title)}</h3><ul>{listed}</ul>" if listed else ""


def _pictures(report: OpenedReport) -> Iterable[str]:
    """The stills beside the report, by clip and frame; what else lies there is left out."""
    files = sorted((report.folder / PICTURES).glob("*.png"))
    names = [(file, _PICTURE.fullmatch(file.stem)) for file in files]
    known = [(file, found) for file, found in names if found is not None and found["clip"] in report.clips]
    if known:
        yield "<h3>Pictures</h3>"
    for file, found in known[:MOST_PICTURES]:
        caption = f"{report.names[found['clip']]}, frame {int(found['frame'])}"
        yield f'<p>{escape(caption)}<br><img src="{_address(file)}" width="{WIDTH_PX}"></p>'
    if len(known) > MOST_PICTURES:
        yield f"<p>{len(known) - MOST_PICTURES} more are in the report in the browser.</p>"


def _address(file: Path) -> str:
    return escape(file.absolute().as_uri(), quote=True)
