"""The clips of an archive: which files are one clip, of which patient and study, each by a pseudonym alone.

What headers say of people is compared and forgotten; paths of files, which often hold names, stay in this program.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..errors import EchoApexError
from ..io import find_series
from ..io.project_key import ProjectKey
from ..study.file_grouping import find_clips
from ..study.instance_copies import COPY, find_copies
from ..study.study_group import GroupedFile
from .shared_reading import ReadingTeam


class KnownBy(StrEnum):
    """By what the clips of one patient were put together."""

    NUMBER = "PatientID"
    NAME = "name and birth date"
    STUDY = "study"
    FOLDER = "folder"


@dataclass(frozen=True)
class ArchiveClip:
    """One clip: its ``files`` (several where each holds a frame), and pseudonyms of the clip, its patient and study.

    ``id`` follows from where the files lie in the archive; ``known_by`` tells by what its patient is known.
    """

    id: str
    files: tuple[Path, ...]
    patient: str
    study: str
    known_by: KnownBy


@dataclass(frozen=True)
class Archive:
    """All clips sorted by ``id``, and how many files were left out for which reason before any was read."""

    clips: tuple[ArchiveClip, ...]
    left_out: Mapping[str, int]


def open_archive(
    sources: Sequence[Path], key: ProjectKey, team: ReadingTeam, progress: Callable[[str], None]
) -> Archive:
    """Looks through files and folders, at the headers alone.

    Clips are of one patient where PatientID, name with birth date, or study are the same: rather two people taken for
    one than one for two, as splits must keep patients whole. A file that says nothing of these is of the patient of its
    folder. Raises `EchoApexError` where there is no clip.
    """
    reasons: list[str] = []
    paths = find_clips(sources, left_out=lambda reason: reasons.append(reason.rule))
    progress(f"{len(paths)} files may be clips; looking at their headers")
    files = team.look_at_all(paths)
    places = _places(sources, paths)
    patients = _patients(files, places)
    copies = _copies(files)
    reasons += [COPY] * len(copies)
    counting = [file for file in files if file.path not in copies]
    series = find_series(file.path for file in counting if file.single)
    parts = {part for run in series.values() for part in run[1:]}
    clips = [
        _clip(file, series.get(file.path, (file.path,)), places, patients[file.path], key)
        for file in counting
        if file.path not in parts
    ]
    if not clips:
        raise EchoApexError("There is no clip among these files", value=_first(reasons))
    unique = {clip.id: clip for clip in clips}
    return Archive(tuple(unique[name] for name in sorted(unique)), count(reasons))


def count(reasons: Iterable[str]) -> dict[str, int]:
    """How often each reason was given, in the order of their texts."""
    return dict(Counter(sorted(reasons)))


def _first(reasons: Sequence[str]) -> str | None:
    counted = count(reasons)
    return next((f"{number} left out: {reason}" for reason, number in counted.items()), None)


def _places(sources: Sequence[Path], paths: Iterable[Path]) -> dict[Path, str]:
    """Where each file lies below the source that it is from, so that an archive may be moved."""
    roots = [(number, source.resolve()) for number, source in enumerate(sources)]
    return {path: _place(path.resolve(), roots) for path in paths}


def _place(path: Path, roots: Sequence[tuple[int, Path]]) -> str:
    for number, root in roots:
        if path == root:
            return f"{number}:{path.name}"
        if root in path.parents:
            return f"{number}:{path.relative_to(root).as_posix()}"
    return path.as_posix()


def _patients(files: Sequence[GroupedFile], places: Mapping[Path, str]) -> dict[Path, tuple[KnownBy, str]]:
    """By what each file's patient is known: of all that joins its files, what comes first in `KnownBy`."""
    joined: dict[tuple[KnownBy, str], tuple[KnownBy, str]] = {}

    def root(thing: tuple[KnownBy, str]) -> tuple[KnownBy, str]:
        while joined.setdefault(thing, thing) != thing:
            joined[thing] = thing = joined[joined[thing]]
        return thing

    for file in files:
        things = sorted({root(thing) for thing in _known(file, places)}, key=_rank)
        for thing in things:
            joined[thing] = things[0]
    return {file.path: root(_known(file, places)[0]) for file in files}


def _rank(thing: tuple[KnownBy, str]) -> tuple[int, str]:
    return list(KnownBy).index(thing[0]), thing[1]


def _known(file: GroupedFile, places: Mapping[Path, str]) -> list[tuple[KnownBy, str]]:
    """All by which a file's patient may be known again."""
    who = file.identity
    found = [] if who.number is None else [(KnownBy.NUMBER, who.number)]
    if who.name is not None and who.birth_date is not None:
        found.append((KnownBy.NAME, f"{who.name}\0{who.birth_date}"))
    if who.study is not None:
        found.append((KnownBy.STUDY, who.study))
    return found or [(KnownBy.FOLDER, os.path.dirname(places[file.path]))]  # noqa: PTH120


def _copies(files: Sequence[GroupedFile]) -> dict[Path, Path]:
    """Files that repeat another one of their study."""
    studies: dict[Hashable, dict[Path, Hashable]] = {}
    for file in files:
        if file.readable:
            studies.setdefault(file.identity.study, {})[file.path] = file.instance
    return {copy: kept for instances in studies.values() for copy, kept in find_copies(instances).items()}


def _clip(
    file: GroupedFile,
    parts: tuple[Path, ...],
    places: Mapping[Path, str],
    known: tuple[KnownBy, str],
    key: ProjectKey,
) -> ArchiveClip:
    patient = key.name("patient", f"{known[0]}\0{known[1]}")
    who, folder = file.identity, os.path.dirname(places[file.path])  # noqa: PTH120
    study = who.study or f"{who.date}\0{folder}"
    return ArchiveClip(
        key.name("clip", places[file.path]), parts, patient, key.name("study", f"{patient}\0{study}"), known[0]
    )
