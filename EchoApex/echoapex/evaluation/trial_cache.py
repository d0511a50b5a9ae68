"""Trials on disk, one file for each patient and task, so that an evaluation that was stopped continues."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..errors import EchoApexError
from ..io.safe_files import try_to_write, write_atomically
from .trial_types import Findings

_RECORD = "record"


class Cache:
    """The trials of one model on one preset: a folder in ``work`` whose name is the ``key`` of what was tried.

    Raises `EchoApexError` when the folder cannot be made or written to.
    """

    def __init__(self, work: Path, key: str) -> None:
        self.folder = work / key
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try_to_write(self.folder)
        except OSError as error:
            raise EchoApexError(
                "The work folder cannot be made or written to", value=error.strerror, file=self.folder
            ) from None

    def missing(self, seed: int, tasks: Sequence[str]) -> tuple[str, ...]:
        """The tasks whose trials on this patient are not there, or not readable."""
        return tuple(task for task in tasks if not self._readable(seed, task))

    def write(self, seed: int, task: str, findings: Findings) -> None:
        """Keeps the trials of one task; a file is there whole or not at all."""
        data = io.BytesIO()
        record = np.frombuffer(json.dumps(findings.as_record()).encode(), np.uint8)
        # The record alone is compressed text; pictures are compressed already, coverage mostly empty.
        content: dict[str, Any] = {_safe(key): value for key, value in findings.arrays.items()}
        np.savez_compressed(data, **content | {_RECORD: record})
        file = self._file(seed, task)
        try:
            write_atomically(file, data.getvalue())
        except OSError as error:
            raise EchoApexError("The trials cannot be kept", value=error.strerror, file=file) from None

    def read(self, seed: int, task: str) -> Findings:
        """The trials of one task on one patient; their arrays are read when they are asked for.

        Raises `EchoApexError` for a file that is missing or damaged.
        """
        file = self._file(seed, task)
        try:
            with np.load(file, allow_pickle=False) as kept:
                record = json.loads(kept[_RECORD].tobytes())
            return Findings.from_record(record, _Arrays(file))
        except (OSError, BadZipFile, ValueError, KeyError, TypeError) as error:
            raise EchoApexError("Kept trials cannot be read; delete this file", value=error, file=file) from None

    def _readable(self, seed: int, task: str) -> bool:
        try:
            self.read(seed, task)
        except EchoApexError:
            return False
        return True

    def _file(self, seed: int, task: str) -> Path:
        return self.folder / f"{seed}-{task}.npz"


class _Arrays(Mapping[str, NDArray[np.uint8]]):
    """The arrays of a file, read one by one: those of all patients at once would not fit."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __getitem__(self, key: str) -> NDArray[np.uint8]:
        with np.load(self._file, allow_pickle=False) as kept:
            return np.asarray(kept[_safe(key)], np.uint8)

    def __iter__(self) -> Iterator[str]:
        with np.load(self._file, allow_pickle=False) as kept:
            return iter([name.replace("|", "/") for name in kept.files if name != _RECORD])

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _safe(key: str) -> str:
    # A slash would make folders of the names inside the archive.
    return key.replace("/", "|")
