"""What the header of a DICOM file says of its ultrasound, before a pixel is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..cine import FrameTimes, Mode, Scale
from ..errors import NotAClipError, ReadError
from .dicom_header import check_image, check_mode, check_volume, frame_count, read_header, refusing
from .dicom_regions import find_mode, find_scale
from .dicom_times import find_frame_times
from .dicom_view import find_view

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class ExaminedHeader:
    """``frames`` as the header counts them, their ``times`` and ``scale``, or why these are unknown.

    ``number`` is the instance number; that, ``view`` and ``mode`` are None where the header does not say. ``refusal``
    says why these frames are no cine, and is empty where they may be one; then ``warnings`` are to be known.
    ``size`` is ``(rows, columns)``, ``machine`` by what it is known again, ``depth_mm`` the depth that it was set to.
    """

    frames: int
    number: int | None
    view: str | None
    scale: Scale
    times: FrameTimes
    mode: Mode | None = None
    warnings: tuple[str, ...] = ()
    refusal: str = ""
    size: tuple[int, int] | None = None
    machine: str = ""
    depth_mm: float | None = None


def examine_header(path: Path) -> ExaminedHeader | None:
    """What a DICOM file has of ultrasound, by its header alone; None where it is something else.

    Raises `ReadError` for a header that cannot be read.
    """
    header = read_header(path)
    with refusing(path):
        try:
            check_volume(header, path)
        except NotAClipError as refused:
            return _refused(header, refused) if header.get("Modality") == "US" else None
        try:
            warnings = check_image(header, path)
        except NotAClipError:
            return None
        found = _examined(header, path, warnings)
        try:
            check_mode(header, path)
        except ReadError as refused:
            return _refused(header, refused, frames=found.frames)
    return found


def _examined(header: Dataset, path: Path, warnings: list[str]) -> ExaminedHeader:
    count = frame_count(header, path)
    times, passed_over = find_frame_times(header, count)
    return ExaminedHeader(
        frames=count,
        number=_number(header),
        view=find_view(header),
        scale=find_scale(header),
        times=times,
        mode=find_mode(header),
        warnings=(*warnings, *passed_over),
        size=(int(header.Rows), int(header.Columns)),
        machine=_machine(header),
        depth_mm=_depth(header),
    )


_MACHINE = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber")


def _machine(header: Dataset) -> str:
    """Maker, model and serial number of a machine, as far as they are told; empty without maker or model."""
    told = [" ".join(str(header.get(name) or "").split()) for name in _MACHINE]
    return " ".join(filter(None, told)) if any(told[:2]) else ""


def _depth(header: Dataset) -> float | None:
    """Depth of Scan Field (0018,5050) in mm, where it is a number."""
    try:
        return float(header.get("DepthOfScanField"))
    except (TypeError, ValueError):
        return None


def _refused(header: Dataset, refusal: ReadError, frames: int = 1) -> ExaminedHeader:
    unknown = Scale.none(refusal.rule), FrameTimes.unknown(refusal.rule)
    return ExaminedHeader(frames, _number(header), None, *unknown, find_mode(header), refusal=refusal.rule)


def _number(header: Dataset) -> int | None:
    try:
        return int(header.get("InstanceNumber"))
    except (TypeError, ValueError):  # missing, or no number: it serves to name the clip only
        return None
