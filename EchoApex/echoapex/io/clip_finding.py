"""Finds the clips in a folder, by content where the name says nothing."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import EchoApexError, ReadError

DICOM, VIDEO, VOLUME, NRRD = "dicom", "video", "volume", "nrrd"

_SUFFIXES = {
    ".dcm": DICOM,
    ".dicom": DICOM,
    ".avi": VIDEO,
    ".mp4": VIDEO,
    ".m4v": VIDEO,
    ".mov": VIDEO,
    ".gif": VIDEO,
    ".nii": VOLUME,
    ".nii.gz": VOLUME,
    ".mhd": VOLUME,
    ".mha": VOLUME,
    ".nrrd": NRRD,
    ".nhdr": NRRD,
}
_MAGIC_AT = 128
# First elements of a DICOM file written without preamble: group 0002 or 0008 in little or big endian.
_BARE_STARTS = (b"\x02\x00\x00\x00", b"\x08\x00\x05\x00", b"\x08\x00\x08\x00", b"\x08\x00\x16\x00", b"\x00\x08\x00\x05")
# Storage classes that hold no image: directories, waveforms, presentation states, reports, documents, key objects, ...
_NO_IMAGE = tuple(
    f"1.2.840.10008.{end}"
    for end in (
        "1.3.10",
        "5.1.4.1.1.9.",
        "5.1.4.1.1.11.",
        "5.1.4.1.1.66",
        "5.1.4.1.1.67",
        "5.1.4.1.1.88.",
        "5.1.4.1.1.104.",
        "5.1.4.1.1.481.",
    )
)


def sniff(path: Path) -> str | None:
    """``dicom``, ``video``, ``volume`` or ``nrrd`` by name and content; None for anything else."""
    name = path.name.lower()
    for suffix, kind in _SUFFIXES.items():
        if name.endswith(suffix):
            return kind
    try:
        with path.open("rb") as stream:
            start = stream.read(_MAGIC_AT + 4)
    except OSError:
        return None
    if start[_MAGIC_AT:] == b"DICM" or start.startswith(_BARE_STARTS):
        return DICOM
    return NRRD if start.startswith(b"NRRD000") else None


def list_clips(folder: str | Path) -> list[Path]:
    """All files under ``folder`` that may be clips, sorted: by their name's ending, or DICOM and NRRD by content.

    Left out are hidden files and folders, DICOMDIR, DICOM objects that hold no image (reports, presentation states,
    segmentations), masks and label maps that EchoApex wrote, and files of unknown kind. Whether a file is an intact
    echo cine shows when it is read. Raises `ReadError` when there is no such folder or it cannot be listed.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ReadError("There is no such folder", file=root)
    if not os.access(root, os.R_OK | os.X_OK):
        raise ReadError("This folder may not be listed", file=root)
    found: list[Path] = []
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(path for path in found if path.is_file() and _is_clip(path))


def _is_clip(path: Path) -> bool:
    if path.name.upper() == "DICOMDIR":
        return False
    kind = sniff(path)
    if kind == DICOM:
        return not _storage_class(path).startswith(_NO_IMAGE)
    return kind is not None and not (kind == NRRD and _holds_labels(path))


def _holds_labels(path: Path) -> bool:
    """Whether an NRRD file is one of our masks or label maps; a header that cannot be read speaks when it is read."""
    from .nrrd import CONTENT_KEY, LABELS, read_nrrd_header

    try:
        return read_nrrd_header(path).values.get(CONTENT_KEY) == LABELS
    except EchoApexError:
        return False


def _storage_class(path: Path) -> str:
    """The storage class from the file's preliminary header, empty where it has none."""
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    try:
        return str(read_file_meta_info(path).get("MediaStorageSOPClassUID") or "")
    except (InvalidDicomError, OSError, EOFError, ValueError, KeyError, AttributeError, NotImplementedError):
        return ""
