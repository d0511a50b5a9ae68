"""Writes shards, each there whole or not at all, so that a run that was killed can be gone on with."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ..io.safe_files import flush, write_atomically
from .shard_format import ClipRecord, json_line

_BLOCK = 512


@dataclass(frozen=True)
class EncodedClip:
    """A clip on its way into a shard: its record without places in the tar, and its frames as PNG."""

    record: ClipRecord
    pictures: tuple[bytes, ...]


class ShardWriter:
    """The shard ``name`` on its way from ``draft`` to ``folder``; ``first`` is where in the plan its first clip is."""

    def __init__(self, folder: Path, draft: Path, name: str, first: int) -> None:
        self._folder, self._draft, self._name, self._first = folder, draft, name, first
        self._stream: BinaryIO = draft.open("wb")
        self._tar = tarfile.open(fileobj=self._stream, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        self._lines: list[bytes] = []
        self._frame_count = 0

    @property
    def size(self) -> int:
        """Bytes that it has so far."""
        return self._stream.tell()

    def add(self, clip: EncodedClip) -> None:
        """Takes a clip more. Raises `OSError`."""
        record = replace(clip.record, shard=self._name, offsets=[], sizes=[])
        for number, picture in zip(record.frames, clip.pictures, strict=True):
            name = f"{record.clip}-{number:05d}"
            record.offsets.append(self._stream.tell() + _BLOCK)
            record.sizes.append(len(picture))
            self._put(f"{name}.png", picture)
            self._put(f"{name}.json", json_line(_facts(record, len(record.sizes) - 1)))
        self._frame_count += len(clip.pictures)
        self._lines.append(json_line(record))

    def close(self, after: int) -> None:
        """Puts it in its place; ``after`` is the place of the first clip behind it. Raises `OSError`."""
        self._tar.close()
        size = self._stream.tell() if self._frame_count else 0
        self._stream.close()
        if size:
            flush(self._draft)
            self._draft.replace(self._folder / f"{self._name}.tar")
        head = {"shard": self._name, "first": self._first, "next": after}
        lines = [json_line({**head, "tar_bytes": size, "frame_count": self._frame_count}), *self._lines]
        # The list comes last: where there is one, its tar is whole.
        write_atomically(self._folder / f"{self._name}.jsonl", b"".join(lines))

    def give_up(self) -> None:
        """Lets go of what is not in its place."""
        self._stream.close()
        self._draft.unlink(missing_ok=True)

    def _put(self, name: str, data: bytes) -> None:
        # Times and owners would differ from run to run.
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self._tar.addfile(member, io.BytesIO(data))


def _facts(record: ClipRecord, place: int) -> dict[str, Any]:
    """What stands beside a frame in the tar, for readers that know nothing but tars."""
    names = ("clip", "patient", "study", "split", "modality", "mode", "view", "simulated", "mm_per_px", "sector")
    times = record.times_s
    facts = {name: getattr(record, name) for name in names}
    return {**facts, "frame": record.frames[place], "time_s": None if times is None else times[place]}
