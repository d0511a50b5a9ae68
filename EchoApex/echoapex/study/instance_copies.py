"""Copies of one clip among the files of a study.

They are told by number and pixels of the DICOM instance, and where a file has no number by its bytes or its pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NotAClipError, ReadError

if TYPE_CHECKING:
    from pydicom import Dataset

    from ..cine import Cine

COPY = "This file is a copy of another of the study, which counts in its place"

_BINS = ("$recycle.bin", "recycler", "recycled", ".trash", "trash")
"""How folders of deleted files begin on Windows, Linux and macOS."""


def instance_of(header: Dataset) -> Hashable:
    """What two copies of one clip share: SOPInstanceUID and size; None where there is no number."""
    number = str(header.get("SOPInstanceUID") or "").strip()
    size = (str(header.get(name) or "") for name in ("Rows", "Columns", "NumberOfFrames"))
    return (number, *size) if number else None


def find_copies(instances: Mapping[Path, Hashable]) -> dict[Path, Path]:
    """The files that count as a copy, each with the one that is kept; ``instances`` are those of one study.

    Kept is the first by path that lies in no folder of deleted files. Files of one instance whose pixels differ in the
    same encoding are no copies: the number was written twice. Files without an instance are copies where they are the
    same to the last byte.
    """
    sharing: dict[Hashable, list[Path]] = {}
    nameless = [path for path, instance in instances.items() if instance is None]
    for path, instance in instances.items():
        if instance is not None:
            sharing.setdefault(instance, []).append(path)
    found = {copy: kept for paths in sharing.values() if len(paths) > 1 for copy, kept in _copies(paths).items()}
    return found | _same_bytes(nameless)


class ShownPixels:
    """The clips of a study that were read so far, of those whose files have no number of an instance."""

    def __init__(self) -> None:
        self._first: dict[Hashable, Path] = {}

    def check_new(self, cine: Cine, path: Path) -> None:
        """Raise `NotAClipError` for a clip that shows in every pixel of every frame what an earlier one shows."""
        if cine.kind == "dicom":
            return
        digest = cine.frames.shape, hashlib.sha256(cine.frames.tobytes()).hexdigest()
        first = self._first.setdefault(digest, path)
        if first != path:
            raise NotAClipError(f"{COPY} (the same in every pixel)", value=first.name, file=path)


def _same_bytes(paths: Sequence[Path]) -> dict[Path, Path]:
    of_size: dict[int, list[Path]] = {}
    for path in sorted(paths, key=_rank):
        with suppress(OSError):  # it speaks when it is read
            of_size.setdefault(path.stat().st_size, []).append(path)
    found: dict[Path, Path] = {}
    for alike in of_size.values():
        kept: dict[str, Path] = {}
        for path in alike if len(alike) > 1 else ():
            first = kept.setdefault(_digest_of_file(path), path)
            if first != path:
                found[path] = first
    return found


def _digest_of_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:  # it speaks when it is read
        return str(path)


def _copies(paths: Sequence[Path]) -> dict[Path, Path]:
    found: dict[Path, Path] = {}
    kept: dict[Path, tuple[str, str]] = {}
    for path in sorted(paths, key=_rank):
        picture = _pictured(path)
        same = next((first for first, other in kept.items() if picture and _same(picture, other)), None)
        if same is not None:
            found[path] = same
        elif picture is not None:
            kept[path] = picture
    return found


def _rank(path: Path) -> tuple[bool, Path]:
    """Sorts files in folders of deleted ones last."""
    return any(part.casefold().startswith(_BINS) for part in path.parts), path


def _same(picture: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two encodings may show the same: compression changes the bytes of a picture, and copying does not."""
    return picture[0] != other[0] or picture[1] == other[1]


def _pictured(path: Path) -> tuple[str, str] | None:
    from ..io import guarded

    try:
        return guarded(_picture, path)
    except ReadError:
        return None


def _picture(path: Path) -> tuple[str, str] | None:
    """Encoding and digest of the pixels, None for a file that is not whole."""
    from pydicom import dcmread

    from ..io.dicom_header import refusing

    try:
        with refusing(path):
            data = dcmread(path, force=True)
            pixels = bytes(data.PixelData)
            syntax = data.file_meta.get("TransferSyntaxUID")
    except (ReadError, OSError):
        return None
    return str(syntax), hashlib.sha256(pixels).hexdigest()
