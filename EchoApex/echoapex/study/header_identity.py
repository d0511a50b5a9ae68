"""Whose file a DICOM header says it is, and of which examination; half an identity is not a whole one.

What is read here is compared and forgotten: it must not reach a report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

_PLACEHOLDERS = frozenset(
    (
        *("anon", "anonym", "anonymous", "anonymized", "anonymised", "anonymisiert", "anonyme", "anonymisé"),
        *("anonimo", "anónimo", "deid", "deidentified", "deidentify", "identified", "removed", "redacted"),
        *("deleted", "cleared", "anonymizer", "anonymiser", "unidentified", "id"),
        *("erased", "blank", "empty", "hidden", "confidential", "unknown", "unbekannt", "inconnu", "unspecified"),
        *("undefined", "unnamed", "none", "null", "nil", "nan", "na", "noname", "noid", "nobody", "patient"),
        *("subject", "person", "test", "dummy", "default", "demo", "phantom"),
    )
)
"""Words that anonymizers and machines write in place of an identity (own collection)."""

PLACEHOLDER_BIRTH_DATES = frozenset(("00010101", "18000101", "18500101", "18581117", "19000101"))
"""Birth dates that are written where none is known; 17 November 1858 is day 0 of many machines (own collection)."""

_DICOM_ROOT = "1.2.840.10008."
_FEWEST_DIGITS = 4  # that are no number of a patient where they only count up or repeat

_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "AcquisitionDateTime", "ContentDate")

WORDS = {
    "number": "PatientID",
    "issuer": "issuer of the PatientID",
    "name": "PatientName",
    "birth_date": "birth date",
    "sex": "sex",
    "age": "age",
    "date": "study date",
    "accession": "AccessionNumber",
    "manufacturer": "manufacturer",
    "model": "model of the machine",
    "device": "serial number of the machine",
    "series": "SeriesInstanceUID",
}
"""What the fields of an `Identity` are called in notes."""


@dataclass(frozen=True)
class Identity:
    """Whose file it is, each entry None where the header is silent or holds a placeholder such as ``ANONYMOUS``.

    ``number`` is the PatientID without issuer, leading zeros, capital letters and punctuation, ``spelling`` as it is
    written; ``patient`` is the number, or the name where there is none; ``placeholder`` tells whether a PatientID was
    passed over.
    """

    number: str | None = None
    study: str | None = None
    spelling: str | None = None
    issuer: str | None = None
    name: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    age: str | None = None
    date: str | None = None
    accession: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    device: str | None = None
    series: str | None = None
    placeholder: bool = False

    @property
    def patient(self) -> str | None:
        return self.name if self.number is None else self.number

    @property
    def known(self) -> bool:
        """Whether it names a patient or a study."""
        return self.patient is not None or self.study is not None


def read_identity(header: Dataset) -> Identity:
    """The identity in a header; damaged values raise what pydicom raises."""
    number, name = _text(header, "PatientID"), _text(header, "PatientName")
    core, _, issuer = number.partition("^")
    spelling = None if is_placeholder(core) else number
    words = None if is_placeholder(name) else " ".join(_tokens(name))
    return Identity(
        number=None if spelling is None else "".join(_tokens(core)).lstrip("0"),
        study=_study_number(header),
        spelling=spelling,
        issuer=issuer.strip("^ ").casefold() or _text(header, "IssuerOfPatientID").casefold() or None,
        name=words,
        birth_date=birth_date(header),
        sex=_text(header, "PatientSex") or None,
        age=_text(header, "PatientAge") or None,
        date=study_date(header),
        accession=_text(header, "AccessionNumber") or None,
        manufacturer=_text(header, "Manufacturer") or None,
        model=_text(header, "ManufacturerModelName") or None,
        device=_text(header, "DeviceSerialNumber") or None,
        series=_text(header, "SeriesInstanceUID") or None,
        placeholder=bool(number and spelling is None),
    )


def _study_number(header: Dataset) -> str | None:
    """StudyInstanceUID, None for one that is nobody's: no UID at all, all zeros, or of DICOM itself."""
    text = _text(header, "StudyInstanceUID")
    is_uid = re.fullmatch(r"[0-9]+(\.[0-9]+)+", text) and text.strip("0.")
    return text if is_uid and not text.startswith(_DICOM_ROOT) else None


def is_placeholder(text: str) -> bool:
    """Whether a name or number stands for nobody: empty, ``ANONYMOUS``, ``unknown``, ``0000``, ``12345`` and such."""
    tokens = _tokens(text)
    return "".join(tokens) in _PLACEHOLDERS or all(token in _PLACEHOLDERS or _is_filler(token) for token in tokens)


def _is_filler(token: str) -> bool:
    """Whether a token is of zeros and x, of one digit repeated, or counts up from 1."""
    repeated = len(token) >= _FEWEST_DIGITS and len(set(token)) == 1
    return not token.strip("0x") or repeated or (len(token) >= _FEWEST_DIGITS and "1234567890".startswith(token))


def birth_date(header: Dataset) -> str | None:
    """The birth date as ``YYYYMMDD``, None for none, a part of one, and for placeholders."""
    date = _date(header, "PatientBirthDate")
    return None if date in PLACEHOLDER_BIRTH_DATES else date


def study_date(header: Dataset) -> str | None:
    """The day of the examination as ``YYYYMMDD``, or that of series, acquisition or content where it has none."""
    dates = (_date(header, name) for name in _DATES)
    return next((date for date in dates if date is not None), None)


def differences(identities: Iterable[Identity], names: Sequence[str]) -> tuple[str, ...]:
    """Those of the fields ``names`` in which identities contradict each other; what is missing contradicts nothing."""
    held = list(identities)
    return tuple(name for name in names if len({getattr(item, name) for item in held} - {None}) > 1)


def _text(header: Dataset, name: str) -> str:
    return str(header.get(name) or "").strip()


def _date(header: Dataset, name: str) -> str | None:
    # The older form with dots is still met (PS3.5 6.2, value representation DA); a date may have a time behind it.
    found = re.fullmatch(r"([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})([0-9.+-]*)", _text(header, name))
    return None if found is None or (found[5] and not name.endswith("Time")) else found[1] + found[3] + found[4]


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
