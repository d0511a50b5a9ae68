"""``measurements.csv``: one row for each measurement (UTF-8, RFC 4180), with nothing that names a patient."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from ..measure.measurement import Measurement
from .report_data import StudyReport

COLUMNS = (
    *("study", "simulated", "name", "value", "unit", "method", "clips", "frames", "confidence"),
    *("low", "high", "scheme", "grade", "status", "rater", "excluded", "warnings"),
)


def measurement_rows(report: StudyReport) -> list[tuple[str, ...]]:
    """The rows under `COLUMNS`; unknown is empty, several clips, frames or warnings are joined by semicolons.

    ``simulated`` is yes where a clip of the row is; ``excluded`` is the reason why a number is not to count;
    ``frames`` names each clip before its frames: ``A4C-1: 3 40; A2C-1:
    0 31``.
    """
    return [_row(report, item) for item in report.measurements]


def measurement_csv(report: StudyReport) -> str:
    """The whole table as text with a header line, lines ended by CR LF."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(measurement_rows(report))
    return text.getvalue()


def _row(report: StudyReport, item: Measurement) -> tuple[str, ...]:
    frames: dict[str, list[str]] = {}
    for source in item.sources:
        frames.setdefault(source.clip, []).extend(map(str, source.frames))
    reference = item.reference
    return (
        report.id,
        "yes" if any(report.clip(name).cine.simulated for name in frames) else "no",
        item.name,
        _text(item.value),
        item.unit,
        item.method,
        "; ".join(frames),
        "; ".join(f"{clip}: {' '.join(dict.fromkeys(listed))}" for clip, listed in frames.items()),
        _text(item.confidence),
        *(("", "", "") if reference is None else (_text(reference.low), _text(reference.high), reference.scheme)),
        item.grade or "",
        item.status,
        item.rater,
        "" if item.excluded is None else item.excluded.words,
        _joined(item.warnings),
    )


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(texts)
