"""The clips among files and folders, by their headers: what a user sees before anything is read and measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import plain
from ..errors import NotAClipError, ReadError
from .clip_pictures import SeenClip, see_clip, to_text
from .file_grouping import StudyFiles, find_clips, group_studies

if TYPE_CHECKING:
    from ..io.dicom_examination import ExaminedHeader

COUNT, STUDY, CLIP, LEFT_OUT, REFUSED = "count", "study", "clip", "left_out", "refused"
LISTED, PICTURE = "listed", "picture"
"""What a message is about: its entry ``say``."""

Message = dict[str, Any]


def list_clips(paths: Sequence[str | Path]) -> Iterator[Message]:
    """What is found, in messages: how many clips, each study, each of its clips, and what is left out and why.

    A clip that is no DICOM is told of twice: at once, and again when it has been read, since it has no header to speak
    of. Then `LISTED` says that this was all; pictures of the clips come after it, one by one as they are read. Where
    there is nothing to list the one message is the refusal.
    """
    from ..io import summarize

    left_out: list[NotAClipError] = []
    try:
        files = find_clips(paths, left_out=left_out.append)
    except ReadError as refusal:
        yield {"say": REFUSED, "text": str(refusal)}
        return
    # Folders of archives are often called like the patient: only files are named.
    named = [NotAClipError(one.rule, value=one.value, file=Path(str(one.file)).name) for one in left_out]
    for line in summarize(named):
        yield {"say": LEFT_OUT, "text": line.removeprefix("left out: ")}
    yield {"say": COUNT, "clips": len(files), "left_out": len(left_out)}
    studies = group_studies(files)
    for study in studies:
        yield _study(study)
        yield from _clips(study)
    for study in studies:
        yield from _read_without_header(study)
    yield {"say": LISTED}
    for study in studies:
        yield from _pictures(study)


def _study(study: StudyFiles) -> Message:
    patient = study.patient
    told = {"sex": patient.sex, "age": patient.age, "height_cm": patient.height_cm, "weight_kg": patient.weight_kg}
    return {"say": STUDY, "study": study.id, "patient": told, "notes": list(study.notes)}


def _clips(study: StudyFiles) -> Iterator[Message]:
    from ..io import guarded

    for path in study.files:
        parts = study.series.get(path, ())
        try:
            clip = guarded(header_of, path)
        except ReadError as refusal:
            clip = unknown(_reason(refusal))
        if parts:
            clip |= {"frames": len(parts), "rate": None}
        yield _told(study, path, clip, parts)
    for copy, kept in study.copies.items():
        yield _told(study, copy, unknown(f"A copy of {kept.name}"), ())


def _told(study: StudyFiles, path: Path, clip: Message, parts: Sequence[Path]) -> Message:
    return {"say": CLIP, "study": study.id, "file": path.resolve(), "parts": [one.resolve() for one in parts], **clip}


def unknown(refusal: str = "") -> Message:
    """What is said of a clip of which nothing is known; ``refusal`` says why it is not used."""
    return {
        "view": None,
        "mode": None,
        "frames": None,
        "rate": None,
        "scale": None,
        "mm_per_px": None,
        "scale_reason": None,
        "warnings": [],
        "refusal": refusal or None,
        "size": None,
        "machine": None,
        "depth_mm": None,
    }


def _reason(refusal: ReadError) -> str:
    """Why a file is not used, without where it lies: its name stands beside it."""
    return str(ReadError(refusal.rule, value=refusal.value)).rstrip(".")


def header_of(path: Path) -> Message:
    """What the header of a file says of the clip; nothing of one that is no DICOM. Raises `ReadError`."""
    from ..io.clip_finding import DICOM, sniff
    from ..io.dicom_examination import examine_header

    found = examine_header(path) if sniff(path) == DICOM else None
    if found is None:
        return unknown()
    if found.refusal:
        return unknown(found.refusal) | {"mode": found.mode, "frames": found.frames}
    return _facts(found)


def _facts(clip: ExaminedHeader) -> Message:
    """What is said of a clip whose header was read."""
    told = {
        "view": clip.view,
        "mode": clip.mode,
        "frames": clip.frames,
        "rate": clip.times.frame_rate,
        "scale": clip.scale.source,
        "mm_per_px": clip.scale.mm_per_px,
        "scale_reason": clip.scale.reason or None,
        "warnings": list(clip.warnings),
        "size": clip.size,
        "machine": clip.machine or None,
        "depth_mm": clip.depth_mm,
    }
    return unknown() | dict(plain(told))


def _read_without_header(study: StudyFiles) -> Iterator[Message]:
    """The clips that say little before they are read."""
    for path in study.files:
        if _has_header(path):
            continue
        try:
            seen = guarded_seen(path)
            yield _told(study, path, unknown() | seen.facts | {"size": [seen.rows, seen.columns]}, ())
            yield _picture(path, seen)
        except ReadError as refusal:
            yield _told(study, path, unknown(_reason(refusal)), ())


def _pictures(study: StudyFiles) -> Iterator[Message]:
    """Pictures of the clips that were listed by their headers; a clip that cannot be read has none."""
    for path in study.files:
        parts = study.series.get(path, ())
        if _has_header(path):
            with suppress(ReadError):
                yield _picture(path, guarded_seen(parts[len(parts) // 2] if parts else path))


def _has_header(path: Path) -> bool:
    from ..io.clip_finding import DICOM, sniff

    return sniff(path) == DICOM


def guarded_seen(path: Path) -> SeenClip:
    """`see_clip` in the reading process. Raises `ReadError`."""
    from ..io import guarded

    return guarded(see_clip, path)


def _picture(path: Path, seen: SeenClip) -> Message:
    return {"say": PICTURE, "file": path.resolve(), "box": list(seen.box), "pixels": to_text(seen.picture)}
