"""What the headers of a study say of its patient: sex, age, height and weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ..errors import EchoApexError
from ..patient import Patient, Sex
from .header_identity import birth_date, study_date

if TYPE_CHECKING:
    from pydicom import Dataset

_DAYS_A_YEAR = 365.25
_YEARS = {"D": 1 / _DAYS_A_YEAR, "W": 7 / _DAYS_A_YEAR, "M": 1 / 12, "Y": 1.0}
_SLACK = 1.0  # years by which a rounded age and a birth date may differ

Facts = Mapping[str, Any]


def read_facts(header: Dataset) -> dict[str, Any]:
    """What a `Patient` is made of, and ``age_by_birth``; None where the header has nothing usable."""
    meters = _number(header, "PatientSize")
    return {
        "sex": next((sex for sex in Sex if sex == header.get("PatientSex")), None),
        "age": _age(str(header.get("PatientAge") or "")),
        "age_by_birth": age_on(birth_date(header), study_date(header)),
        "height_cm": None if meters is None else 100.0 * meters,
        "weight_kg": _number(header, "PatientWeight"),
    }


def age_on(born: str | None, day: str | None) -> float | None:
    """Completed years from a birth date to a day, both ``YYYYMMDD``; a part of a year below one.

    None where either is unknown or no date, or the day lies before the birth.
    """
    start, end = _calendar(born), _calendar(day)
    if start is None or end is None or end < start:
        return None
    years = end.year - start.year - ((end.month, end.day) < (start.month, start.day))
    return float(years) if years else (end - start).days / _DAYS_A_YEAR


def agreed_patient(files: Sequence[Facts]) -> tuple[Patient, tuple[str, ...]]:
    """What all headers agree on; words on what they do not, on what cannot be, and on an age that was computed."""
    facts: dict[str, Any] = {}
    files, notes = _with_ages(files)
    for name in ("sex", "age", "height_cm", "weight_kg"):
        values = {file.get(name) for file in files} - {None}
        if len(values) > 1:
            notes.append(f"The headers do not agree on the patient's {name}; it counts as unknown")
        elif values:
            value = values.pop()
            try:
                Patient(**{name: value})
                facts[name] = value
            except EchoApexError as refusal:
                notes.append(f"The patient's {name} in the header is not used: {refusal}")
    return Patient(**facts), tuple(notes)


def _with_ages(files: Sequence[Facts]) -> tuple[Sequence[Facts], list[str]]:
    """The facts with the age by birth date where no header has an age, and words on it."""
    written, computed = (
        {float(file[name]) for file in files if file.get(name) is not None} for name in ("age", "age_by_birth")
    )
    if written and computed:
        apart = max(abs(a - b) for a in written for b in computed)
        doubt = "PatientAge and the birth date do not agree on the patient's age; PatientAge is used"
        return files, [doubt] if apart > _SLACK else []
    if not computed:
        return files, []
    note = "The patient's age is that between birth date and study date, since the headers have no PatientAge"
    return [{**file, "age": file.get("age_by_birth")} for file in files], [note]


def _number(header: Dataset, name: str) -> float | None:
    try:
        value = float(header.get(name) or 0.0)
    except (TypeError, ValueError):
        return None
    return value if value > 0 else None


def _age(text: str) -> float | None:
    """Years from a DICOM age string such as ``045Y`` or ``008M`` (PS3.5, value representation AS)."""
    number, unit = text[:-1], text[-1:]
    return int(number) * _YEARS[unit] if number.isascii() and number.isdigit() and unit in _YEARS else None


def _calendar(text: str | None) -> date | None:
    try:
        return None if text is None else datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
