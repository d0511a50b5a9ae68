"""Finds the clips in a folder, by content where the name says nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ..errors import EchoApexError, NotAClipError, ReadError
from .quoting import uid_name

DICOM, VIDEO, VOLUME, NRRD = "dicom", "video", "volume", "nrrd"

_SUFFIXES = {
    ".dcm": DICOM,
    ".dicom": DICOM,
    ".avi": VIDEO,
    ".mp4": VIDEO,
    ".m4v": VIDEO,
    ".mov": VIDEO,
    **dict.fromkeys((".mkv", ".webm", ".wmv", ".asf", ".mpg", ".mpeg", ".mpe", ".m2v", ".vob"), VIDEO),
    **dict.fromkeys((".ts", ".mts", ".m2ts", ".qt", ".3gp", ".3g2", ".flv"), VIDEO),
    ".gif": VIDEO,
    ".nii": VOLUME,
    ".nii.gz": VOLUME,
    ".mhd": VOLUME,
    ".mha": VOLUME,
    ".nrrd": NRRD,
    ".nhdr": NRRD,
}
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".iso")
_SYSTEM_FOLDERS = ("$RECYCLE.BIN", "System Volume Information", "__MACOSX", "lost+found")
_MAGIC_AT = 128
# Brands of MP4 and QuickTime; others with the same box are pictures and sounds.
_MP4_STARTS = tuple(b"ftyp" + brand for brand in (b"iso", b"mp4", b"avc", b"qt ", b"M4V", b"3gp"))
# Matroska, GIF, WMV, FLV and MPEG program streams.
_VIDEO_STARTS = (b"\x1aE\xdf\xa3", b"GIF8", b"0&\xb2u\x8ef\xcf\x11", b"FLV\1", b"\0\0\1\xba")
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
        if not path.is_file():  # a pipe would be waited for
            return None
        with path.open("rb") as stream:
            start = stream.read(_MAGIC_AT + 4)
    except OSError:
        return None
    if start[_MAGIC_AT:] == b"DICM" or start.startswith(_BARE_STARTS):
        return DICOM
    if not path.suffix and _is_video(start):
        return VIDEO
    return NRRD if start.startswith(b"NRRD000") else None


def _is_video(start: bytes) -> bool:
    """Whether the first bytes are those of a video and of nothing else."""
    return start[8:12] == b"AVI " or start.startswith(_VIDEO_STARTS) or start[4:11] in _MP4_STARTS


def sort_out(folder: str | Path, check: Callable[[Path], None] | None = None) -> tuple[list[Path], list[NotAClipError]]:
    """The files under ``folder`` that may be clips, and why each of the others is none, both sorted.

    Clips are files whose name or content says DICOM, video, NIfTI, MetaImage or NRRD, but for what ``check`` refuses
    (`check_clip` if not given). Hidden files and folders are passed over. Whether a file is an intact echo cine shows
    when it is read. Raises `ReadError` when there is no such folder or it cannot be listed.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ReadError("There is no such folder", file=root)
    if not os.access(root, os.R_OK | os.X_OK):
        raise ReadError("This folder may not be listed", file=root)
    found: list[Path] = []
    left_out: list[NotAClipError] = []
    for place, folders, names in os.walk(root):
        system = [Path(place, name) for name in folders if name in _SYSTEM_FOLDERS]
        left_out += [NotAClipError("The operating system keeps deleted or internal files here", file=p) for p in system]
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _SYSTEM_FOLDERS]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    clips = []
    for path in sorted(path for path in found if path.is_file()):
        try:
            _check_kind(path)
            (check or check_clip)(path)
            clips.append(path)
        except NotAClipError as reason:
            left_out.append(reason)
    return clips, sorted(left_out, key=lambda reason: str(reason.file))


def _check_kind(path: Path) -> None:
    if path.name.upper() == "DICOMDIR":
        raise NotAClipError("This is the directory of a medium", file=path)
    if sniff(path) is None:
        archive = path.suffix.lower() in _ARCHIVES
        rule = "This is an archive, which is not looked into: unpack it" if archive else "This is no format of a clip"
        raise NotAClipError(rule, value=None if archive else path.suffix or None, file=path)


def check_clip(path: Path) -> None:
    """Raise `NotAClipError` for a file of a clip's format that holds something else.

    Such are DICOM objects without an image or of another modality, 3D volumes, masks and label maps, and files that
    only have the name of a video. What is damaged is not refused here: it speaks when it is read.
    """
    kind = sniff(path)
    try:
        if kind is not None:
            _CHECKS[kind](path)
    except NotAClipError:
        raise
    except (EchoApexError, OSError, ImportError, MemoryError, ValueError):
        return


def _check_dicom(path: Path) -> None:
    from .dicom_header import check_image, read_header, refusing

    storage = _storage_class(path)
    if storage.startswith(_NO_IMAGE):
        raise NotAClipError("This DICOM object holds no image", value=uid_name(storage), file=path)
    with refusing(path):
        check_image(read_header(path), path)


def _check_video(path: Path) -> None:
    from .video import check_container

    check_container(path)


def _check_volume(path: Path) -> None:
    from .nifti_metaimage import refuse_no_clip

    refuse_no_clip(path)


def _check_nrrd(path: Path) -> None:
    from .nrrd import refuse_no_clip

    refuse_no_clip(path)


_CHECKS = {DICOM: _check_dicom, VIDEO: _check_video, VOLUME: _check_volume, NRRD: _check_nrrd}


def summarize(left_out: Iterable[NotAClipError]) -> list[str]:
    """One line for each reason, with how many files it concerns and the first of them."""
    groups: dict[str, list[str]] = {}
    for reason in left_out:
        found = "" if reason.value is None else f" (found: {reason.value})"
        groups.setdefault(f"{reason.rule}{found}", []).append(str(reason.file))
    return [
        f"left out: {files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''}: {rule}"
        for rule, files in groups.items()
    ]


def _storage_class(path: Path) -> str:
    """The storage class from the file's preliminary header, empty where it has none."""
    from pydicom.filereader import read_file_meta_info

    from .dicom_header import refusing

    try:
        with refusing(path):
            return str(read_file_meta_info(path).get("MediaStorageSOPClassUID") or "")
    except ReadError:
        return ""
