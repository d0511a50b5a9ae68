"""Trials on disk, one file for each patient and task, so that an evaluation that was stopped continues."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..console import plain
from ..errors import EchoApexError
from ..io.npz_reading import npz_names, read_npz
from ..io.safe_files import try_to_write, write_atomically
from ..io.untrusted_json import parse_json
from .trial_types import Findings

_RECORD = "record"
_DAMAGED = "Kept trials cannot be read; delete this file"


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
        record = np.frombuffer(json.dumps(plain(findings.as_record()), allow_nan=False).encode(), np.uint8)
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
        record = parse_json(read_npz(file, [_RECORD], _DAMAGED)[_RECORD].tobytes(), _DAMAGED, file=file)
        try:
            findings = Findings.from_record(record, _Arrays(file))
        except ValueError as error:
            raise EchoApexError(_DAMAGED, value=error, file=file) from None
        missing = findings.array_names - set(findings.arrays)
        if missing:
            raise EchoApexError(_DAMAGED, value=f"{len(missing)} arrays are missing", file=file)
        return findings

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
        values = read_npz(self._file, [_safe(key)], _DAMAGED)[_safe(key)]
        if values.dtype != np.uint8:
            raise EchoApexError(_DAMAGED, value=f"numbers of type {values.dtype}", file=self._file)
        return values

    def __iter__(self) -> Iterator[str]:
        return iter([name.replace("|", "/") for name in npz_names(self._file, _DAMAGED) if name != _RECORD])

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _safe(key: str) -> str:
    # A slash would make folders of the names inside the archive.
    return key.replace("/", "|")
