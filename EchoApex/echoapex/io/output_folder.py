"""One run's output, which appears whole or not at all, and never in the place of what is the user's.

It is written to a hidden folder beside the one it goes to, and moved there when it is complete. What may be replaced is
known by a list of what we wrote (`output_manifest`), never by its name; whatever else lies there stays. A run that is
killed before its output is complete leaves nothing but that hidden folder, which the next run clears away.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from ..errors import EchoApexError
from .file_lock import FileLock
from .output_manifest import MANIFEST_FILE, Outputs, Written, check_replaceable, every, read_manifest, write_manifest
from .safe_files import flush, try_to_write

_PART, _LOCK, _NEW, _OLD = ".echoapex-part", "lock", "new", "old"


class OutputFolder:
    """Output of one ``kind`` (``"report"``) on its way to the folder ``target``; used as a context manager.

    Entering makes `staging`, where everything is to be written, and locks ``target`` against other runs; leaving takes
    both away. ``names`` are files that will be among the output. Entering raises `EchoApexError` where the output could
    not go to ``target`` in the end: before the work, not after it.
    """

    def __init__(self, target: str | Path, kind: str, names: Iterable[str]) -> None:
        self.target, self.kind, self.names = Path(target), kind, tuple(names)
        self._home = self.target.resolve()
        self._manifest = self._home / MANIFEST_FILE
        inside = self._home / _PART
        self._beside = self._home.with_name(f".{self._home.name}{_PART}") if self._home.name else inside
        self._part = inside
        self._lock: FileLock | None = None
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            _clear(self._part)
            self._lock.release()
            self._lock = None
        for folder in reversed(self._made):
            # Made for nothing, if they are empty.
            with suppress(OSError):
                folder.rmdir()

    @property
    def staging(self) -> Path:
        """The folder to write to."""
        return self._part / _NEW

    def publish(self, *, adding: bool = False) -> list[Path]:
        """Moves what is in `staging` to the target, in the place of its earlier output of this kind; gives the paths.

        With ``adding`` the earlier output stays, but for files of the same names. Raises `EchoApexError`, with all as
        it was before, where something of the user's is in the way or a file cannot be moved.
        """
        earlier = read_manifest(self._manifest)
        try:
            new = tuple(Written.of(self.staging, path) for path in _files(self.staging))
            for entry in new:
                flush(self.staging / entry.path)
            names = {entry.path for entry in new}
            old = {entry.path for entry in every(earlier) if entry.path in names}
            if not adding:
                old |= {entry.path for entry in earlier.get(self.kind, ())}
            check_replaceable(self._home, sorted(old | names), earlier)
            self._swap(new, sorted(old), earlier)
        except OSError as error:
            rule = f"The {self.kind} cannot be written here"
            raise EchoApexError(rule, value=error.strerror, file=error.filename or self.target) from None
        return [self.target / entry.path for entry in new]

    def _enter(self) -> None:
        try:
            if self._home.exists() and not self._home.is_dir():
                raise FileExistsError(0, "A file of this name is there")
            self._make_folders(self._home.parent)
            self._take_part()
            _clear(self._part)
            self.staging.mkdir()
            if self._home.is_dir():
                try_to_write(self._home)
        except BlockingIOError:
            raise EchoApexError(f"Another run is writing its {self.kind} here", file=self.target) from None
        except OSError as error:
            rule = f"The {self.kind} cannot be written here: its folder cannot be made or written to"
            raise EchoApexError(rule, value=error.strerror, file=self.target) from None
        earlier = read_manifest(self._manifest)
        check_replaceable(self._home, [*self.names, *(e.path for e in earlier.get(self.kind, ()))], earlier)

    def _make_folders(self, folder: Path) -> None:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir(exist_ok=True)
            self._made.append(place)

    def _take_part(self) -> None:
        """Locks the hidden folder: beside the target where that is possible, else in it (a mounted disk, for one)."""
        beside = self._beside
        if self._home.is_dir() and self._home.stat().st_dev != self._home.parent.stat().st_dev:
            beside = self._part
        try:
            self._lock = FileLock(beside / _LOCK)
            self._part = beside
        except BlockingIOError:
            raise
        except OSError:
            if not self._home.is_dir():
                raise
            self._lock = FileLock(self._part / _LOCK)

    def _swap(self, new: tuple[Written, ...], old: list[str], earlier: Outputs) -> None:
        moves = _Moves()
        gone = {*old, *(entry.path for entry in new)}
        kept = {kind: tuple(e for e in entries if e.path not in gone) for kind, entries in earlier.items()}
        try:
            self._make_folders(self._home)
            # Should we be killed from here on: either content is known as ours by the next run.
            write_manifest(self._manifest, {**earlier, self.kind: (*earlier.get(self.kind, ()), *new)})
            # What lies at the top goes first and comes last: never the report of one patient beside masks of another.
            for path in sorted(old, key=_depth):
                moves.move(self._home / path, self._part / _OLD / path)
            for folder in _folders(self.staging):
                self._make_folders(self._home / folder)
            for path in sorted((entry.path for entry in new), key=_depth, reverse=True):
                moves.move(self.staging / path, self._home / path)
            write_manifest(self._manifest, {**kept, self.kind: (*kept.get(self.kind, ()), *new)})
        except BaseException:
            moves.undo()
            with suppress(OSError):
                write_manifest(self._manifest, earlier)
            raise
        self._made.clear()
        _remove_empty({(self._home / path).parent for path in old} - {self._home})


class OutputFile(OutputFolder):
    """The same for a single file that the user names, in a folder that may hold anything; its list is beside it."""

    def __init__(self, file: str | Path, kind: str) -> None:
        path = Path(file)
        super().__init__(path.parent, kind, (path.name,))
        self._manifest = self._home / f".{path.name}{MANIFEST_FILE}"
        self._part = self._home / f".{path.name}{_PART}"
        self._beside = self._part

    @property
    def draft(self) -> Path:
        """The file to write."""
        return self.staging / self.names[0]


class _Moves:
    """Files moved so far."""

    def __init__(self) -> None:
        self._done: list[tuple[Path, Path]] = []

    def move(self, source: Path, target: Path) -> None:
        """Moves a file, if it is there; raises `OSError` where it cannot be moved."""
        if not source.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        # Noted first: a signal may come between the two, and what was not moved is not there to be moved back.
        self._done.append((source, target))
        source.replace(target)

    def undo(self) -> None:
        """Moves all back, as far as that is possible."""
        for source, target in reversed(self._done):
            with suppress(OSError):
                target.replace(source)


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _folders(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir())


def _depth(path: str) -> int:
    return path.count("/")


def _clear(part: Path) -> None:
    """Empties our hidden folder, but for its lock."""
    for name in (_NEW, _OLD):
        shutil.rmtree(part / name, ignore_errors=True)


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
