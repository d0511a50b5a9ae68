"""Copies of one clip among the files of a study, told by the number and the pixels of the DICOM instance."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ReadError

if TYPE_CHECKING:
    from pydicom import Dataset

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
    same encoding are no copies: the number was written twice.
    """
    sharing: dict[Hashable, list[Path]] = {}
    for path, instance in instances.items():
        if instance is not None:
            sharing.setdefault(instance, []).append(path)
    return {copy: kept for paths in sharing.values() if len(paths) > 1 for copy, kept in _copies(paths).items()}


def _copies(paths: Sequence[Path]) -> dict[Path, Path]:
    found: dict[Path, Path] = {}
    kept: dict[Path, tuple[str, str]] = {}
    for path in sorted(paths, key=lambda path: (_deleted(path), path)):
        picture = _pictured(path)
        same = next((first for first, other in kept.items() if picture and _same(picture, other)), None)
        if same is not None:
            found[path] = same
        elif picture is not None:
            kept[path] = picture
    return found


def _deleted(path: Path) -> bool:
    return any(part.casefold().startswith(_BINS) for part in path.parts)


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
