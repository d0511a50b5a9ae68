"""Reads shards: what is known of each clip, and its frames in any order, for training."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, ImageStack
from ..errors import EchoApexError
from ..io.text_free_sector import mask_within
from ..io.untrusted_json import parse_json
from .shard_folder import read_curation
from .shard_format import CLIP_SHAPE, SHARD_SHAPE, ClipRecord

_DAMAGED = "This shard is damaged, or none of ours"
_MOST_PNG_BYTES = 2**26
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class ShardClip:
    """A clip in the shards of ``folder``: what is known of it, and its frames."""

    record: ClipRecord
    folder: Path

    def __len__(self) -> int:
        return len(self.record.frames)

    def read(self, place: int) -> NDArray[np.uint8]:
        """The ``place``-th of the frames that were taken, ``uint8 [rows, columns]``. Raises `EchoApexError`."""
        record, file = self.record, self.folder / f"{self.record.shard}.tar"
        try:
            with file.open("rb") as stream:
                stream.seek(record.offsets[place])
                data = stream.read(record.sizes[place])
        except OSError as error:
            raise EchoApexError("A shard cannot be read", value=error.strerror, file=file) from None
        return _decoded(data, (record.rows, record.columns), file)

    def read_all(self) -> ImageStack:
        """All frames that were taken, ``uint8 [N, rows, columns]``."""
        return np.stack([self.read(place) for place in range(len(self))])

    def sector_mask(self) -> BoolMask:
        """Where the frames show echoes, ``bool [rows, columns]``; all else is black."""
        corners = np.array(self.record.sector, np.int32)
        return mask_within(corners, self.record.rows, self.record.columns)


@dataclass(frozen=True)
class ShardFrame:
    """A frame ``uint8 [rows, columns]`` with the clip it is from, and its ``place`` among those taken of it."""

    image: NDArray[np.uint8]
    clip: ShardClip
    place: int


@dataclass(frozen=True)
class Shards:
    """The clips of which frames were taken, in the order of their shards."""

    clips: tuple[ShardClip, ...]

    @property
    def frame_count(self) -> int:
        return sum(map(len, self.clips))

    def of(self, split: str) -> Shards:
        """Those of one split. Raises `EchoApexError` where there are none, with the splits that there are."""
        found = tuple(clip for clip in self.clips if clip.record.split == split)
        if not found:
            splits = ", ".join(sorted({clip.record.split for clip in self.clips}))
            raise EchoApexError(f"The shards have no frames of this split; there are: {splits}", value=split)
        return Shards(found)

    def frames(self) -> Iterator[ShardFrame]:
        """All frames, in the order in which they lie on the disk."""
        for clip in self.clips:
            for place in range(len(clip)):
                yield ShardFrame(clip.read(place), clip, place)


def open_shards(folders: Sequence[Path]) -> Shards:
    """The shards of several folders together.

    Raises `EchoApexError` for a folder that is none of shards, is not complete, damaged, or without frames, and where a
    patient is in two splits: what is tried on patients of the training would seem better than it is.
    """
    clips: list[ShardClip] = []
    for folder in folders:
        found = [ShardClip(record, folder) for record in _complete_records(folder) if record.frames]
        if not found:
            raise EchoApexError("These shards hold no frames", file=folder)
        clips += found
    if not clips:
        raise EchoApexError("There are no shards to read")
    _check_splits(clips)
    return Shards(tuple(clips))


def _complete_records(folder: Path) -> Iterator[ClipRecord]:
    curation = read_curation(folder)
    if curation is None:
        raise EchoApexError("This is no folder of shards: echoapex curate makes one", file=folder)
    if not curation["complete"]:
        rule = "These shards are not complete: give the same echoapex curate command again, and it goes on"
        raise EchoApexError(rule, file=folder)
    return read_records(folder)


def _check_splits(clips: Sequence[ShardClip]) -> None:
    splits: dict[str, str] = {}
    for clip in clips:
        patient, split = clip.record.patient, clip.record.split
        if splits.setdefault(patient, split) != split:
            rule = "A patient is in two splits, and must be in one"
            raise EchoApexError(rule, value=f"{patient} in {splits[patient]} and {split}", file=clip.folder)


def read_records(folder: Path) -> Iterator[ClipRecord]:
    """What the lists of the shards in ``folder`` say of every clip. Raises `EchoApexError` for a damaged one."""
    for file in sorted(folder.glob("*-[0-9][0-9][0-9][0-9][0-9][0-9].jsonl")):
        with file.open("rb") as stream:
            head = parse_json(stream.readline(), _DAMAGED, SHARD_SHAPE, file=file)
            _check_tar(file.with_suffix(".tar"), head["tar_bytes"])
            for line in stream:
                record = ClipRecord(**parse_json(line, _DAMAGED, CLIP_SHAPE, file=file))
                _check_record(record, file)
                yield record


def _check_tar(tar: Path, size: int) -> None:
    found = tar.stat().st_size if tar.is_file() else 0
    if found != size:
        raise EchoApexError(_DAMAGED, value=f"{found} bytes in place of {size}", file=tar)


def _check_record(record: ClipRecord, file: Path) -> None:
    count = len(record.frames)
    lengths = {len(record.offsets), len(record.sizes), count if record.times_s is None else len(record.times_s)}
    fits = lengths == {count} and max(record.sizes, default=0) <= _MOST_PNG_BYTES
    if not fits or record.shard != file.stem or (count and (len(record.sector) < 3 or not record.rows)):
        raise EchoApexError(_DAMAGED, value="lists that do not fit", file=file)


def _decoded(data: bytes, size: tuple[int, int], file: Path) -> NDArray[np.uint8]:
    import cv2

    # Its own size first: a few bytes can ask for gigabytes.
    stated = struct.unpack(">II", data[16:24]) if data.startswith(_PNG) and len(data) > 24 else (0, 0)
    frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if stated == size[::-1] else None
    if frame is None:
        raise EchoApexError(_DAMAGED, value="a frame that is no picture of its size", file=file)
    return np.asarray(frame, np.uint8)
