"""The folder that shards are written to: held against other runs, free of other files, gone on with after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..errors import EchoApexError
from ..io.file_lock import FileLock
from ..io.safe_files import try_to_write, write_atomically
from ..io.untrusted_json import parse_json, read_json
from .shard_format import (
    CURATION_FILE,
    CURATION_SHAPE,
    FORMAT,
    PARQUET_FILE,
    SHARD_NAME,
    SHARD_SHAPE,
    VERSION,
    json_line,
)

_WORK, _LOCK, _DRAFTS = ".echoapex-curation", "lock", "drafts"
_DAMAGED = "This folder of shards is damaged"


@dataclass(frozen=True)
class Place:
    """Where to go on: at the ``first`` clip of the plan that is in no shard, with the ``number``-th of its split."""

    first: int
    number: int


class ShardFolder:
    """The folder ``target`` while shards are written to it; a context manager that holds it against other runs.

    Entering raises `EchoApexError` where it holds what no curation wrote, is held by another run, or cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self._work = target / _WORK
        self._lock: FileLock | None = None
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        try:
            self._made = [place for place in (self.target, *self.target.parents) if not place.exists()]
            self.target.mkdir(parents=True, exist_ok=True)
            _refuse_others(self.target)
            try_to_write(self.target)
            self._lock = FileLock(self._work / _LOCK)
            shutil.rmtree(self.drafts, ignore_errors=True)
            self.drafts.mkdir()
        except BlockingIOError:
            raise EchoApexError("Another run is writing shards here", file=self.target) from None
        except OSError as error:
            rule = "Shards cannot be written here: the folder cannot be made or written to"
            raise EchoApexError(rule, value=error.strerror, file=self.target) from None
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.drafts, ignore_errors=True)
        if self._lock is not None:
            self._lock.release()
            self._lock = None
            if not (self.target / CURATION_FILE).exists():
                self._leave_nothing()

    def _leave_nothing(self) -> None:
        """Takes the folders away that were made for a work that has not begun."""
        shutil.rmtree(self._work, ignore_errors=True)
        with suppress(OSError):  # somebody else has put something there
            for place in self._made:
                place.rmdir()

    @property
    def drafts(self) -> Path:
        """For files that are not complete."""
        return self._work / _DRAFTS

    def begin(self, plan: str, settings: Mapping[str, Any]) -> None:
        """Notes what is to be written. Raises `EchoApexError` where shards of something else are here."""
        found = read_curation(self.target)
        if found is not None and found["plan"] != plan:
            rule = (
                "This folder holds shards of other files or settings, or by another key or version; give another folder"
            )
            raise EchoApexError(rule, file=self.target)
        if found is None:
            self.note(plan, settings, None, {}, {})

    def note(
        self,
        plan: str,
        settings: Mapping[str, Any],
        counts: Mapping[str, Any] | None,
        left_out: Mapping[str, int],
        failed: Mapping[str, int],
    ) -> None:
        """Writes ``curation.json``; with ``counts`` the curation is complete. Raises `OSError`."""
        head = {"format": FORMAT, "version": VERSION, "complete": counts is not None, "plan": plan}
        told = {**head, "settings": settings, "counts": counts, "left_out": left_out, "failed": failed}
        write_atomically(self.target / CURATION_FILE, json_line(told))

    def go_on(self, splits: Sequence[str]) -> Place:
        """Where to go on, ``splits`` being those of the plan's clips in order; what is not whole is taken away."""
        first, numbers = 0, dict.fromkeys(splits, 0)
        while first < len(splits):
            split = splits[first]
            after = self._end_of(shard_name(split, numbers[split]), first, len(splits))
            if after is None:
                break
            first, numbers[split] = after, numbers[split] + 1
        self._remove_beyond(numbers)
        return Place(first, numbers[splits[first]] if first < len(splits) else 0)

    def _end_of(self, name: str, first: int, most: int) -> int | None:
        """The place behind a shard that is whole and begins at ``first``, None where there is none."""
        list_file, tar = self.target / f"{name}.jsonl", self.target / f"{name}.tar"
        try:
            with list_file.open("rb") as stream:
                head = parse_json(stream.readline(), _DAMAGED, SHARD_SHAPE, file=list_file)
            size = tar.stat().st_size if tar.exists() else 0
        except (FileNotFoundError, EchoApexError):
            return None
        whole = head["shard"] == name and head["first"] == first and size == head["tar_bytes"]
        return int(head["next"]) if whole and first < head["next"] <= most else None

    def _remove_beyond(self, numbers: Mapping[str, int]) -> None:
        """Takes away a tar without its list, and whatever follows a shard that is not whole."""
        for file in self.target.iterdir():
            found = SHARD_NAME.fullmatch(file.name)
            if found is not None and int(found[2]) >= numbers.get(found[1], 0):
                file.unlink()


def shard_name(split: str, number: int) -> str:
    """The name of a shard without its ending."""
    return f"{split}-{number:06d}"


def read_curation(folder: Path) -> Any:
    """What ``curation.json`` in ``folder`` says, None where there is none. Raises `EchoApexError` for a damaged one."""
    try:
        return read_json(folder / CURATION_FILE, _DAMAGED, CURATION_SHAPE)
    except FileNotFoundError:
        return None


def _refuse_others(target: Path) -> None:
    """Raises `EchoApexError` where ``target`` holds anything but shards and hidden files."""
    names = [entry.name for entry in target.iterdir() if not entry.name.startswith(".")]
    ours = [name for name in names if name in (CURATION_FILE, PARQUET_FILE) or SHARD_NAME.fullmatch(name)]
    if len(ours) < len(names) or (names and CURATION_FILE not in names):
        rule = "This folder holds files that are none of a curation's, and is not touched; give another one"
        raise EchoApexError(rule, value=f"{len(names)} files", file=target)
