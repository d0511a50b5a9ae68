"""Which files belong together: a study is what was recorded of one patient in one examination.

Who the patient is gets compared and forgotten: no name, number or identifier of a patient leaves this module.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import NotAClipError, ReadError
from ..patient import Patient
from .grouping_notes import describe
from .header_identity import Identity, differences, read_identity
from .header_patient import agreed_patient, read_facts
from .instance_copies import find_copies, instance_of
from .study_group import GroupedFile, StudyGroup

_PERSON = ("birth_date", "sex")
_EXAMINATION = (*_PERSON, "date")
_VISIT = (*_EXAMINATION, "age", "accession")
_MACHINE = ("manufacturer", "model", "device")


@dataclass(frozen=True)
class StudyFiles:
    """The files of one study, sorted.

    ``id`` is neutral (``study-1``); ``patient`` is what the headers say of sex, age, height and weight; ``notes`` say
    how the files were told apart and what was assumed. ``copies`` are left out of ``files``: each with the file that
    counts in its place. ``series`` are the single frames of one cine by the first of them, which alone is in ``files``.
    """

    id: str
    files: tuple[Path, ...]
    patient: Patient
    notes: tuple[str, ...]
    copies: Mapping[Path, Path] = field(default_factory=dict)
    series: Mapping[Path, tuple[Path, ...]] = field(default_factory=dict)


def find_clips(
    paths: Iterable[str | Path],
    tell: Callable[[str], None] | None = None,
    left_out: Callable[[NotAClipError], None] | None = None,
) -> list[Path]:
    """The files named in ``paths`` and the clips in the folders among them, each once, sorted.

    What is no clip is left out: ``tell`` is told why in a line for each reason, ``left_out`` is called for each file.
    Raises `ReadError` for a folder that cannot be listed, where there is no file at all, and where nothing of what is
    named is there; one that lacks among others is one of the clips, and fails by itself.
    """
    from ..io import check_any_is_there, is_folder, sort_out, summarize

    given = [Path(path) for path in paths]
    if given:
        check_any_is_there(given)
    sorted_out = [sort_out(path) if is_folder(path) else _sort_out_file(path) for path in given]
    found = [clip for clips, _ in sorted_out for clip in clips]
    reasons = {str(reason.file): reason for _, others in sorted_out for reason in others}.values()
    for line in summarize(reasons):
        (tell or _silent)(line)
    for reason in reasons:
        (left_out or _silent)(reason)
    if not found and not reasons:
        raise ReadError("There is no file that may be a clip", file=", ".join(map(str, given)) or None)
    unique = {path.resolve(): path for path in reversed(found)}
    return sorted(unique.values())


def _silent(_: object) -> None:
    pass


def _sort_out_file(path: Path) -> tuple[list[Path], list[NotAClipError]]:
    from ..io import check_clip

    try:
        check_clip(path)
    except NotAClipError as reason:
        return [], [reason]
    except ReadError:  # a file that does harm: reading it tells
        pass
    return [path], []


def group_studies(files: Sequence[Path]) -> list[StudyFiles]:
    """Studies in the order of their first file, by patient and study of the DICOM header.

    StudyInstanceUID and patient together tell studies apart; files that contradict each other in birth date or sex do
    not belong together. Where one of the two is missing or a placeholder, nor do those that differ in study date, name
    or machine (and, without StudyInstanceUID, in age or AccessionNumber). Without StudyInstanceUID a study lies in one
    folder, unless patient, birth date and study date are all known. Files without either (videos, volumes, DICOM
    without identity) are one study for each folder. A DICOM file that is cut short goes to the one study in its folder
    that it may be of; where there is not exactly one, by what it says. Of several copies of one clip in a study one
    counts.
    """
    looked = [_looked(path) for path in files]
    groups = _groups([file for file in looked if file.readable])
    for file in looked:
        if not file.readable:
            _place(file, groups)
    order = {path: number for number, path in enumerate(files)}
    groups.sort(key=lambda group: min(order[file.path] for file in group.files))
    return [_study(number, group, groups) for number, group in enumerate(groups, start=1)]


def _looked(path: Path) -> GroupedFile:
    from ..io import guarded

    try:
        return guarded(look, path)
    except ReadError:  # a file that does harm: reading it tells
        return GroupedFile(path, readable=False)


def look(path: Path) -> GroupedFile:
    """What the header of a file says of its patient, study and instance; nothing for what is no DICOM."""
    from ..io.clip_finding import DICOM, sniff
    from ..io.dicom_header import read_header, refusing

    if sniff(path) != DICOM:
        return GroupedFile(path)
    try:
        with refusing(path):
            header = read_header(path)
            # Cut short before the image is described, whose it was may be missing too.
            whole = "Rows" in header
            single = str(header.get("NumberOfFrames") or "1") == "1"
            known = read_identity(header), read_facts(header), instance_of(header)
            return GroupedFile(path, *known, single, readable=whole)
    except (ReadError, OSError):
        return GroupedFile(path, readable=False)


def _groups(files: Sequence[GroupedFile]) -> list[StudyGroup]:
    buckets: dict[Hashable, list[GroupedFile]] = {}
    for file in files:
        buckets.setdefault(_bucket(file), []).append(file)
    return _joined([group for bucket in buckets.values() for group in _split(bucket)])


def _bucket(file: GroupedFile) -> Hashable:
    """What files must share to be of one study."""
    if file.identity.study is not None:
        return file.identity.study
    # Leading zeros and the like may not matter under one study number; without one there is nothing to say so.
    return file.path.parent, file.identity.spelling or file.identity.name


def _split(bucket: Sequence[GroupedFile]) -> list[StudyGroup]:
    """One group, or where files contradict each other one for each combination of what they say."""
    identities = [file.identity for file in bucket]
    apart = differences(identities, _telling(identities))
    groups: dict[tuple[Any, ...], list[GroupedFile]] = {}
    for file in bucket:
        groups.setdefault(tuple(getattr(file.identity, name) for name in apart), []).append(file)
    return [StudyGroup(files, apart) for files in groups.values()]


def _telling(identities: Sequence[Identity]) -> tuple[str, ...]:
    """In what the files of one bucket must not contradict each other; the less they say, the more counts."""
    if identities[0].study is not None:
        numbered = all(identity.number is not None for identity in identities)
        return ("number", "issuer", *(_PERSON if numbered else ("name", *_EXAMINATION, *_MACHINE)))
    named = all(identity.patient is not None for identity in identities)
    return ("name", *_VISIT, *_MACHINE) if named else (*_VISIT, *_MACHINE, "series")


def _joined(groups: Sequence[StudyGroup]) -> list[StudyGroup]:
    """Groups of several folders become one where patient, birth date and study date say that they are."""
    joined: dict[Hashable, StudyGroup] = {}
    for group in groups:
        facts = tuple(group.value(name) for name in ("spelling", "name", *_EXAMINATION, *_MACHINE))
        whole = group.study is None and None not in map(group.value, ("spelling", "birth_date", "date"))
        first = joined.setdefault(facts if whole else id(group), group)
        if first is not group:
            first.files.extend(group.files)
    return list(joined.values())


def _place(file: GroupedFile, groups: list[StudyGroup]) -> None:
    """Puts a file that is cut short where it may belong; nothing of it is measured, so it cannot mix two patients."""
    folder = file.path.parent
    fitting = [group for group in groups if group.known and folder in group.folders and _fits(file.identity, group)]
    if len(fitting) != 1:
        fitting = [group for group in groups if _same(file, group)]
    if fitting:
        fitting[0].files.append(file)
    else:
        groups.append(StudyGroup([file]))


def _fits(part: Identity, group: StudyGroup) -> bool:
    """Whether a header that was cut short may be of this study."""
    return part.patient in (None, group.patient) and part.study in (None, group.study)


def _same(file: GroupedFile, group: StudyGroup) -> bool:
    """Whether a group is of the patient and the study that a file names, or of its folder where it names neither."""
    if file.identity.known:
        return (group.patient, group.study) == (file.identity.patient, file.identity.study)
    return not group.known and any(other.path.parent == file.path.parent for other in group.files)


def _study(number: int, group: StudyGroup, groups: Sequence[StudyGroup]) -> StudyFiles:
    from ..io import find_series

    files = sorted(group.files, key=lambda file: file.path)
    patient, doubts = agreed_patient([file.facts for file in files])
    copies = find_copies({file.path: file.instance for file in files if file.readable})
    series = find_series(file.path for file in files if file.single and file.path not in copies)
    parts = {part for run in series.values() for part in run[1:]}
    counting = tuple(file.path for file in files if file.path not in copies and file.path not in parts)
    return StudyFiles(f"study-{number}", counting, patient, (*describe(group, groups), *doubts), copies, series)
