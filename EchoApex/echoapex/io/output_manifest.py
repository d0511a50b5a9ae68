"""What EchoApex wrote into a folder: a hidden file there lists it, so that nothing else is ever taken for ours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import EchoApexError
from .json_shapes import ShapeError, list_of, one_of, record, table_of, text, whole
from .paths_below import is_below
from .safe_files import write_atomically
from .untrusted_json import read_json

MANIFEST_FILE = ".echoapex-manifest.json"

SCHEMA = 1
"""Version of the format: ``{"schema", "outputs": {kind: [{"path", "size", "sha256"}]}}``."""


@dataclass(frozen=True)
class Written:
    """One file as we wrote it: ``path`` below the folder with slashes, ``size`` in bytes, SHA-256 of its content.

    A path is listed twice while an earlier content is replaced: either is ours.
    """

    path: str
    size: int
    sha256: str

    @classmethod
    def of(cls, folder: Path, path: str) -> Written:
        """What lies at ``path`` below ``folder`` now. Raises `OSError` where it cannot be read."""
        with (folder / path).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return cls(path, (folder / path).stat().st_size, digest)

    def is_in(self, folder: Path) -> bool:
        """Whether the file in ``folder`` is the one we wrote, unchanged since, and behind no link. Raises as `of`."""
        file = folder / self.path
        above = map(str, PurePosixPath(self.path).parents[:-1])
        if any((folder / place).is_symlink() for place in (self.path, *above)):
            return False
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        return Written.of(folder, self.path) == self


Outputs = Mapping[str, tuple[Written, ...]]
"""What was written, by the kind of output: one kind never removes what is another's."""


def read_manifest(file: Path) -> Outputs:
    """What a manifest lists; nothing where there is none. Raises `EchoApexError` for one that cannot be understood."""
    rule = "The list of what EchoApex wrote here cannot be read, so nothing is replaced; give another folder"
    try:
        found = read_json(file, rule, _SHAPE)
    except FileNotFoundError:
        return {}
    return {kind: tuple(Written(**entry) for entry in entries) for kind, entries in found["outputs"].items()}


def write_manifest(file: Path, outputs: Outputs) -> None:
    """Writes a manifest; one that lists nothing is removed. Raises `OSError` where that is not possible."""
    listed = {kind: [vars(entry) for entry in entries] for kind, entries in outputs.items() if entries}
    if listed:
        write_atomically(file, (json.dumps({"schema": SCHEMA, "outputs": listed}, indent=1) + "\n").encode())
    else:
        file.unlink(missing_ok=True)


def every(outputs: Outputs) -> Iterator[Written]:
    """All that is listed, of whatever kind."""
    return (entry for entries in outputs.values() for entry in entries)


def check_replaceable(folder: Path, paths: Iterable[str], outputs: Outputs) -> None:
    """Raises `EchoApexError` where at one of ``paths`` lies what we have not written, or what was changed since."""
    known: dict[str, list[Written]] = {}
    for entry in every(outputs):
        known.setdefault(entry.path, []).append(entry)
    for path in dict.fromkeys(paths):
        file, ours = folder / path, known.get(path, [])
        try:
            if not (file.is_symlink() or file.exists()) or any(entry.is_in(folder) for entry in ours):
                continue
        except OSError as error:
            raise EchoApexError("An earlier output cannot be read", value=error.strerror, file=file) from None
        state = "was changed since EchoApex wrote it" if ours else "is none that EchoApex wrote"
        rule = f"This file {state}, and is not replaced; move it away or write to another folder"
        raise EchoApexError(rule, file=file)


def _path_below(value: Any, place: str) -> None:
    """Nobody's list makes us reach outside its folder."""
    text(value, place)
    if not is_below(value):
        raise ShapeError(place, "a path below its folder", value)


_ENTRY = record({"path": _path_below, "size": whole(0, 2**62), "sha256": text})
_SHAPE = record({"schema": one_of(SCHEMA), "outputs": table_of(list_of(_ENTRY))})
