"""The numbers of a study in a terminal, and what speaks against them."""

from __future__ import annotations

from ..console import print_line, print_table
from ..measure.measurement import Measurement
from .display_names import difference, method, quantity, warnings_of, with_unit
from .measurements_table import key_measurements
from .report_data import StudyReport


def print_numbers(report: StudyReport) -> None:
    """Prints the key numbers, beside the truth where it is known, and their warnings as numbered notes below."""
    items = key_measurements(report)
    if not items:
        print_line("Nothing could be measured; the page says why.")
        return
    known = ("truth", "difference") if report.truth is not None else ()
    notes = warnings_of(tuple(items))
    header = ("quantity", "estimate", *known, "grade", "method", "clips", "notes")
    print_table(header, [_row(report, item, notes) for item in items])
    for number, text in enumerate(notes, start=1):
        print_line(f"{number}: {text}")


def _row(report: StudyReport, item: Measurement, notes: list[str]) -> tuple[str, ...]:
    return (
        quantity(item.name),
        with_unit(item.value, item.unit),
        *(() if report.truth is None else _beside_truth(report, item)),
        item.grade or "-",
        method(item.method),
        ", ".join(dict.fromkeys(source.clip for source in item.sources)),
        " ".join(str(notes.index(text) + 1) for text in item.warnings),
    )


def _beside_truth(report: StudyReport, item: Measurement) -> tuple[str, str]:
    truth = report.truth_of(item)
    if truth is None:
        return "-", "-"
    return with_unit(truth.value, item.unit), difference(item.value, truth.value, item.unit)
