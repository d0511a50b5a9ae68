"""One clip of an archive made ready for a shard: read, classified, its frames curated and encoded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ..cine import Cine, ScaleSource, TimeSource
from ..errors import EchoApexError, NotAClipError, ReadError
from ..io.project_key import ProjectKey
from ..io.reading_process import ReadingProcess
from ..io.text_free_sector import REASONS, TRACE
from .archive import ArchiveClip
from .clip_frames import CuratedFrames, FrameSettings, curate_frames
from .clip_reading import MODES, Modality, ReadClip, read_clip
from .shard_format import ClipRecord
from .shard_writing import EncodedClip

_PNG_LEVEL = 6  # of zlib: 9 takes far longer and saves a hundredth
_BLANK = "The picture is blank: all its pixels have nearly the same gray"
_DIGITS = 9


def encode_clip(
    clip: ArchiveClip, split: str, process: ReadingProcess, key: ProjectKey, settings: FrameSettings
) -> EncodedClip:
    """A clip with its frames, or without and with the reason: whatever a file does, the others go on.

    Raises `EchoApexError` where the process that reads cannot be started.
    """
    known = _whose(clip, split, key)
    # Where no process can be started, that is no fault of the file's.
    process.start()
    try:
        found = process.run(read_clip, *clip.files)
    except EchoApexError as refusal:
        # The rule alone: a value may quote what stands in the file, and the path names whom it likes.
        failed = not isinstance(refusal, NotAClipError)
        return EncodedClip(ClipRecord(**known, **_NOTHING, left_out=refusal.rule, failed=failed), ())
    told = {**known, **_what(found)}
    try:
        if found.cine is None:
            raise ReadError(TRACE)
        if _BLANK in found.cine.warnings:
            raise ReadError(_BLANK)
        frames = curate_frames(found.cine, settings)
    except ReadError as refusal:
        failed = refusal.rule not in (*REASONS, _BLANK)
        return EncodedClip(ClipRecord(**{**_NOTHING, **told}, left_out=refusal.rule, failed=failed), ())
    record = ClipRecord(**{**_NOTHING, **told, **_of_frames(found.cine, frames)})
    return EncodedClip(record, tuple(_png(frame) for frame in frames.frames))


_NOTHING: dict[str, Any] = {
    "modality": Modality.UNKNOWN.value,
    "mode": "unknown",
    "view": None,
    "simulated": False,
    "source_frame_count": 0,
    "frames": [],
    "times_s": None,
    "time_source": TimeSource.UNKNOWN.value,
    "offsets": [],
    "sizes": [],
    "rows": 0,
    "columns": 0,
    "mm_per_px": None,
    "scale_source": ScaleSource.NONE.value,
    "sector": [],
    "sector_source": "none",
    "sector_certainty": 0.0,
    "crop": [],
    "zoom": [],
}
"""What is said of a clip of which nothing is known."""


def _whose(clip: ArchiveClip, split: str, key: ProjectKey) -> dict[str, Any]:
    names = {"clip": clip.id, "patient": clip.patient, "known_by": clip.known_by.value, "study": clip.study}
    return {**names, "split": split, "shard": "", "source": key.name("source", _digest(clip.files))}


def _digest(files: tuple[Path, ...]) -> str:
    """Of the content of files, or of nothing where one cannot be read: then there is nothing to know again."""
    whole = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as stream:
                whole.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError:
            return ""
    return whole.hexdigest()


def _what(found: ReadClip) -> dict[str, Any]:
    told: dict[str, Any] = {
        "modality": found.modality.value,
        "mode": MODES[found.mode],
        "source_frame_count": found.frame_count,
    }
    if found.cine is not None:
        told |= {"view": found.cine.view, "simulated": found.cine.simulated}
    return told


def _of_frames(cine: Cine, found: CuratedFrames) -> dict[str, Any]:
    seconds = cine.times.seconds
    times = None if seconds is None else [round(float(seconds[index]), _DIGITS) for index in found.kept]
    scale = found.mm_per_px
    return {
        "frames": list(found.kept),
        "times_s": times,
        "time_source": cine.times.source.value,
        "rows": int(found.frames.shape[1]),
        "columns": int(found.frames.shape[2]),
        "mm_per_px": None if scale is None else [round(value, _DIGITS) for value in scale],
        "scale_source": cine.scale.source.value,
        "sector": found.border.tolist(),
        "sector_source": cine.sector.source,
        "sector_certainty": round(cine.sector.certainty, 3),
        "crop": list(found.crop),
        "zoom": [round(value, _DIGITS) for value in found.zoom],
    }


def _png(frame: Any) -> bytes:
    import cv2

    done, data = cv2.imencode(".png", frame, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    if not done:
        raise EchoApexError("A frame could not be encoded as PNG", value=frame.shape)
    return bytes(data)
