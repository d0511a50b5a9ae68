"""Which files belong together: a study is what was recorded of one patient in one examination.

Who the patient is gets compared and forgotten: no name, number or identifier of a patient leaves this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EchoApexError, ReadError
from ..patient import Patient, Sex

if TYPE_CHECKING:
    from pydicom import Dataset

_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study, sorted.

    ``id`` is neutral (``study-1``); ``patient`` is what the headers say of sex, age, height and weight; ``notes`` say
    how the files were told apart.
    """

    id: str
    files: tuple[Path, ...]
    patient: Patient
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Identity:
    """Whose file it is: what stands for the patient and the study, None where the file does not say."""

    patient: str | None
    study: str | None

    @property
    def known(self) -> bool:
        return self.patient is not None or self.study is not None


@dataclass(frozen=True)
class _File:
    path: Path
    identity: _Identity = _Identity(None, None)
    facts: dict[str, Any] = field(default_factory=dict)
    readable: bool = True


def find_clips(paths: Iterable[str | Path]) -> list[Path]:
    """The files named in ``paths`` and the clips in the folders among them, each once, sorted.

    Raises `ReadError` for a folder that cannot be listed and where there is nothing at all.
    """
    from ..io import list_clips

    given = [Path(path) for path in paths]
    found = [clip for path in given for clip in (list_clips(path) if path.is_dir() else [path])]
    if not found:
        raise ReadError("There is no file that may be a clip", file=", ".join(map(str, given)) or None)
    unique = {path.resolve(): path for path in reversed(found)}
    return sorted(unique.values())


def group_studies(files: Sequence[Path]) -> list[StudyFiles]:
    """Studies in the order of their first file, by patient and study of the DICOM header.

    Files without either (videos, volumes, DICOM without identity) are one study for each folder. A DICOM file that is
    cut short goes to the one study in its folder that it may be of; where there is not exactly one, by what it says.
    """
    looked = [_look(path) for path in files]
    folders: dict[Path, list[_File]] = {}
    for file in looked:
        folders.setdefault(file.path.parent, []).append(file)
    groups: dict[object, list[_File]] = {}
    for file in looked:
        groups.setdefault(_group(file, folders[file.path.parent]), []).append(file)
    return [_study(number, group, folders) for number, group in enumerate(groups.values(), start=1)]


def _look(path: Path) -> _File:
    from ..io.clip_finding import DICOM, sniff
    from ..io.dicom_header import read_header, refusing

    if sniff(path) != DICOM:
        return _File(path)
    try:
        with refusing(path):
            header = read_header(path)
            patient, study = (_text(header, name) for name in ("PatientID", "StudyInstanceUID"))
            identity = _Identity(patient or _text(header, "PatientName"), study)
            # Cut short before the image is described, whose it was may be missing too.
            return _File(path, identity, _facts(header), readable="Rows" in header)
    except (ReadError, OSError):
        return _File(path, readable=False)


def _text(header: Dataset, name: str) -> str | None:
    return str(header.get(name) or "").strip() or None


def _facts(header: Dataset) -> dict[str, Any]:
    """What a `Patient` is made of, None where the header has nothing usable."""
    meters = _number(header, "PatientSize")
    return {
        "sex": next((sex for sex in Sex if sex == header.get("PatientSex")), None),
        "age": _age(str(header.get("PatientAge") or "")),
        "height_cm": None if meters is None else 100.0 * meters,
        "weight_kg": _number(header, "PatientWeight"),
    }


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


def _group(file: _File, beside: Sequence[_File]) -> object:
    """What a file is grouped by: its identity, or its folder."""
    if not file.readable:
        # Nothing of it is measured, so it cannot mix two patients.
        fitting = {other.identity for other in beside if other.readable and _fits(file.identity, other.identity)}
        if len(fitting) == 1:
            return fitting.pop()
    return file.identity if file.identity.known else file.path.parent


def _fits(part: _Identity, whole: _Identity) -> bool:
    """Whether a header that was cut short may be of this study."""
    return whole.known and part.patient in (None, whole.patient) and part.study in (None, whole.study)


def _study(number: int, group: Sequence[_File], folders: Mapping[Path, Sequence[_File]]) -> StudyFiles:
    patient, doubts = _patient(group)
    parents = dict.fromkeys(file.path.parent for file in group)
    mixing = [note for parent in parents for note in _mixing(group, folders[parent])]
    return StudyFiles(f"study-{number}", tuple(file.path for file in group), patient, (*mixing, *doubts))


def _mixing(group: Sequence[_File], beside: Sequence[_File]) -> Iterable[str]:
    studies = {file.identity for file in beside if file.identity.known and file.readable}
    patients = {identity.patient for identity in studies}
    # The folder is not named: folders of archives are often called like the patient.
    if len(patients) > 1:
        yield f"One folder holds files of {len(patients)} patients; each patient is reported apart"
    elif len(studies) > 1:
        yield f"One folder holds {len(studies)} studies of one patient; each study is reported apart"
    if studies and any(not file.identity.known and file.readable for file in group):
        yield "These files do not say whose they are; they are reported apart from the others in their folder"
    elif len(group) > 1 and not any(file.identity.known for file in group):
        yield "These files do not say whose they are; they are taken for one patient's, since they lie in one folder"


def _patient(group: Sequence[_File]) -> tuple[Patient, tuple[str, ...]]:
    """What all headers agree on; words on what they do not, or on what cannot be."""
    facts: dict[str, Any] = {}
    notes = []
    for name in ("sex", "age", "height_cm", "weight_kg"):
        values = {file.facts.get(name) for file in group} - {None}
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
