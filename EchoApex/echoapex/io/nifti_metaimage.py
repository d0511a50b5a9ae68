"""NIfTI and MetaImage as a cine, through SimpleITK.

Axes in the file are x, y and then time: 2D is one frame, the third axis of 3D (CAMUS half sequences) or the fourth of
4D is time, unless it is found to be of space (`third_axis`). Arrays come out as ``[T, y, x]`` in the order of the
file's indices; orientation matrices are not applied.
"""

from __future__ import annotations

import gzip
import math
import mmap
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine, FrameTimes, ImageStack, Scale, ScaleSource, TimeSource
from ..errors import NotAClipError, ReadError
from ._simpleitk import simpleitk
from .color_frames import ColorFrames
from .color_to_gray import luminance, sample_colors
from .dicom_regions import scale_of_spacing
from .imaging_mode import mode_of_pixels
from .intensity_rescaling import refuse_labels, to_gray_levels
from .quoting import quoted
from .sector_detection import find_sector
from .size_limits import check_size
from .third_axis import refuse_slices_by_outline, refuse_slices_by_spacing

FRAME_RATE_RANGE = (4.0, 1000.0)
"""Frames per second that a stored time axis can have; steps of 1 s are what is written when nothing is known."""

_DATA_FILE = b"ElementDataFile"
_SAME = 1e-3  # relative difference that rounding explains
_NIFTI_HEADER = 352  # bytes before the data of a NIfTI-1 file; NIfTI-2 has more

# Bits 0 to 2 of xyzt_units in the NIfTI-1 header: mm per unit of length.
_NIFTI_MILLIMETERS = {1: 1000.0, 2: 1.0, 3: 1e-3}
# Bits 3 to 5 of xyzt_units in the NIfTI-1 header: seconds per unit.
_NIFTI_SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}


def read_volume(path: Path, *, in_color: bool = False) -> Cine:
    """Read NIfTI (``.nii``, ``.nii.gz``) or MetaImage (``.mhd``, ``.mha``).

    The scale is the file's spacing between pixels. Times are known only from a fourth axis with a time unit. Raises
    `ReadError` when the file is damaged or too large, or holds a volume or labels instead of a cine.
    """
    reader = _open(path)
    count = _frame_count(reader, path)
    doubts = _third_axis(reader, path)
    stack, rgb, warnings = _pixels(reader, count, path)
    colors = None if rgb is None else sample_colors(rgb)
    color_frames = ColorFrames.of(() if rgb is None else rgb, in_color)
    if reader.GetDimension() == 3:
        refuse_slices_by_outline(stack, path)
    sector = find_sector(stack)
    mode = mode_of_pixels(stack, sector, colors)
    return Cine(
        frames=stack,
        times=_times(reader, count),
        scale=_scale(reader, path),
        sector=sector,
        path=path,
        kind="nifti" if ".nii" in path.name.lower() else "mhd",
        color=colors is not None and colors.colored(sector.mask),
        color_frames=color_frames.stack(sector.mask),
        mode=mode.mode,
        mode_source=mode.source,
        warnings=(*doubts, *warnings, *color_frames.warnings, *mode.warnings),
    )


def _open(path: Path) -> Any:
    reader = simpleitk().ImageFileReader()
    nifti = ".nii" in path.name.lower()
    if not nifti:
        check_header(path)
    # Left to choose, SimpleITK goes by the content, and may take the file for a format that reads others.
    reader.SetImageIO("NiftiImageIO" if nifti else "MetaImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise ReadError("The file is damaged or not what its name says", file=path) from error
    return reader


def check_header(path: Path) -> None:
    """Raise `ReadError` for a MetaImage of impossible axes, or with pixels neither in it nor in one file beside it."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(_DATA_FILE)
        again = content.find(_DATA_FILE, at + 1)
        axes = re.search(rb"^NDims\s*=\s*([^\r\n]{0,20})", content[:at] if at >= 0 else b"", re.MULTILINE)
        line = content[at + len(_DATA_FILE) : at + 4096].split(b"\n", 1)[0] if at >= 0 else b""
    # ITK loops, or takes all memory, over numbers of axes that no image has.
    if axes is not None and axes[1].strip() not in (b"2", b"3", b"4"):
        found = quoted(axes[1].decode("ascii", "replace").strip())
        raise ReadError("A cine has two axes of a frame and one of time", value=f"NDims {found}", file=path)
    name = line.decode("utf-8", "replace").strip().removeprefix("=").strip()
    if at >= 0 and again < 0 and name.upper() == "LOCAL":
        return
    beside = (path.parent / name).resolve() if name and "\0" not in name else path.parent
    if at < 0 or again >= 0 or "%" in name or beside.parent != path.parent.resolve() or not beside.is_file():
        raise ReadError("The data of a MetaImage must be in it or in one file beside it", file=path)


def refuse_no_clip(path: Path) -> None:
    """Raise `NotAClipError` for a volume and for a label map; `ReadError` for what is damaged."""
    reader = _open(path)
    _frame_count(reader, path)
    _third_axis(reader, path)
    if reader.GetPixelID() in _label_types() and reader.GetNumberOfComponents() == 1:
        try:
            refuse_labels(simpleitk().GetArrayFromImage(reader.Execute()), path)
        except RuntimeError as error:
            raise ReadError("The pixel data are cut short or damaged", file=path) from error


def _label_types() -> tuple[int, ...]:
    sitk = simpleitk()
    return (sitk.sitkUInt8, sitk.sitkInt8, sitk.sitkUInt16, sitk.sitkInt16, sitk.sitkUInt32, sitk.sitkInt32)


def _third_axis(reader: Any, path: Path) -> list[str]:
    """Raises `NotAClipError` where the third of three axes is of space; returns what cannot be told."""
    size = reader.GetSize()
    if len(size) != 3 or size[2] == 1:
        return []
    x, y, z = reader.GetSpacing()
    # ITK turns the steps of all axes into millimeters, and 1 is what is written when nothing is known.
    return refuse_slices_by_spacing((x, y, 1.0 if math.isclose(z, _millimeters(reader)) else z), path)


def _millimeters(reader: Any) -> float:
    """Millimeters in the unit of length that a NIfTI header names, 1 where it names none."""
    named = int(float(reader.GetMetaData("xyzt_units"))) & 7 if reader.HasMetaDataKey("xyzt_units") else 0
    return _NIFTI_MILLIMETERS.get(named, 1.0)


def _frame_count(reader: Any, path: Path) -> int:
    size = reader.GetSize()
    if len(size) not in (2, 3, 4):
        raise ReadError("A cine has two axes of a frame and one of time", value=size, file=path)
    if len(size) == 4 and size[2] != 1:
        raise NotAClipError("A cine has one slice; this is a volume over time", value=f"{size[2]} slices", file=path)
    if reader.GetNumberOfComponents() not in (1, 3):
        found = f"{reader.GetNumberOfComponents()} components"
        raise ReadError("A pixel is gray or has three color components", value=found, file=path)
    count = int(size[-1]) if len(size) > 2 else 1
    check_size(count, int(size[1]), int(size[0]), path, pixel_bytes=_pixel_bytes(reader))
    return count


def _pixel_bytes(reader: Any) -> int:
    bits = re.search(r"(\d+)-bit", simpleitk().GetPixelIDValueAsString(reader.GetPixelID()))
    return (int(bits[1]) // 8 if bits else 8) * int(reader.GetNumberOfComponents())


def _pixels(reader: Any, count: int, path: Path) -> tuple[ImageStack, ImageStack | None, list[str]]:
    """Gray frames ``[T, H, W]``, those in color ``[T, H, W, 3]`` where there are any, and warnings."""
    columns, rows = (int(n) for n in reader.GetSize()[:2])
    if reader.HasMetaDataKey("bitpix"):
        _check_nifti_length(path, count * rows * columns * int(reader.GetMetaData("bitpix")) // 8)
    try:
        values: NDArray[Any] = simpleitk().GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise ReadError("The pixel data are cut short or damaged", file=path) from error
    colored = reader.GetNumberOfComponents() == 3
    if not colored:
        refuse_labels(values, path)
    levels, warnings = to_gray_levels(values.reshape(count, rows, columns, *((3,) if colored else ())), path)
    if not colored:
        return levels, None, warnings
    return luminance(levels), levels, warnings


def _check_nifti_length(path: Path, needed: int) -> None:
    """NIfTI cut short is filled up with zeros by the reader, so its length is counted here."""
    length = -_NIFTI_HEADER
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
            while length < needed and (chunk := stream.read(1 << 20)):
                length += len(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ReadError("The pixel data are cut short or damaged", file=path) from error
    if length < needed:
        raise ReadError("The pixel data are cut short", value=f"{max(0, length):,} of {needed:,} bytes", file=path)


def _scale(reader: Any, path: Path) -> Scale:
    x, y = reader.GetSpacing()[:2]
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ReadError("The spacing must be a number", value=f"{x} x {y}", file=path)
    return scale_of_spacing(y, x, "the file says", ScaleSource.PIXEL_SPACING)


def _times(reader: Any, count: int) -> FrameTimes:
    if count == 1:
        return FrameTimes(np.zeros(1), TimeSource.SINGLE_FRAME)
    if reader.GetDimension() < 4:
        return FrameTimes.unknown("the third axis of the file has no unit of time")
    seconds = _nifti_unit(reader)
    if seconds is None:
        return FrameTimes.unknown("the time axis of the file has no unit")
    return times_of_step(reader.GetSpacing()[3] * seconds, count)


def _nifti_unit(reader: Any) -> float | None:
    if not reader.HasMetaDataKey("xyzt_units"):
        return None
    return _NIFTI_SECONDS.get(int(float(reader.GetMetaData("xyzt_units"))) & 0x38)


def times_of_step(step: float, count: int) -> FrameTimes:
    """Times of ``count`` frames that are ``step`` seconds apart, unknown where no cine has that rate."""
    rate = 1.0 / step if math.isfinite(step) and step > 0 else math.nan
    low, high = FRAME_RATE_RANGE
    if not low <= rate <= high:
        return FrameTimes.unknown(f"time steps of {step:g} s are not {low:g} to {high:g} frames per second")
    return FrameTimes(np.arange(count, dtype=np.float64) * step, TimeSource.CONTAINER)
