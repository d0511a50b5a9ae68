"""NRRD and Slicer's sequences in NRRD (``.seq.nrrd``) as a cine.

Slicer stores frames along an axis of kind ``list``, first or last, beside color components of kind ``vector``.
SimpleITK takes one such axis only, so the header decides here and the data are read directly (raw or gzip).
"""

from __future__ import annotations

import math
import os
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine, FrameTimes, ImageStack, Scale, ScaleSource, TimeSource
from ..errors import NotAClipError, ReadError
from .color_frames import ColorFrames
from .color_to_gray import luminance, sample_colors
from .dicom_regions import scale_of_spacing
from .imaging_mode import mode_of_pixels
from .intensity_rescaling import refuse_labels, to_gray_levels
from .nifti_metaimage import FRAME_RATE_RANGE, times_of_step
from .quoting import quoted
from .sector_detection import find_sector
from .size_limits import MAX_BYTES, check_size
from .third_axis import refuse_slices_by_outline, refuse_slices_by_spacing

_TYPES = {
    "uint8": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "int8": ("signed char", "int8", "int8_t"),
    "int16": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "uint16": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "int32": ("int", "signed int", "int32", "int32_t"),
    "uint32": ("uint", "unsigned int", "uint32", "uint32_t"),
    "float32": ("float",),
    "float64": ("double",),
}
_FRACTIONS = ("float", "double")
_TIME_KINDS = ("list", "time")
_COLOR_KINDS = ("vector", "RGB-color", "3-color")
_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "msec": 1e-3, "us": 1e-6}
_MILLIMETERS = {"": 1.0, "???": 1.0, "none": 1.0, "mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0, "um": 1e-3}
_MILLIMETERS |= {"\u00b5m": 1e-3, "\u03bcm": 1e-3, "micrometer": 1e-3, "micron": 1e-3, "centimeter": 10.0}
_HEADER_LIMIT = 1 << 24
_SKIPS = ("line skip", "byte skip")
CONTENT_KEY, LABELS = "echoapex_content", "labels"
"""Header key that marks masks and label maps, so that they are not taken for cines."""


@dataclass(frozen=True)
class NrrdHeader:
    """Fields and key/value pairs of a header, with ``data_at``, the byte where attached data begin."""

    path: Path
    fields: dict[str, str]
    values: dict[str, str]
    data_at: int

    @property
    def sizes(self) -> list[int]:
        return [int(size) for size in self.fields["sizes"].split()]

    @property
    def kinds(self) -> list[str]:
        return self.fields.get("kinds", "").split() or ["???"] * len(self.sizes)

    def spacing(self, axis: int) -> float:
        """Distance of samples along an axis of the file, 1 where the header has none, NaN where it is no number."""
        directions = re.findall(r"none|\([^)]*\)", self.fields.get("space directions", ""))
        if len(directions) == len(self.sizes) and directions[axis] != "none":
            return math.hypot(*_floats(re.split(r"[,\s]+", directions[axis].strip("() "))))
        spacings = self.fields.get("spacings", "").split()
        return _floats([spacings[axis]])[0] if len(spacings) == len(self.sizes) else 1.0

    def millimeters(self, axis: int) -> float | None:
        """Millimeters in the unit of a file axis: 1 where the header names none, None where it is not known."""
        named = self.fields.get("units") or ""
        if self.fields.get("space directions"):
            named = self.fields.get("space units") or ""
        units = re.findall(r'"([^"]*)"', named) or named.split()
        if len(units) == len(self.sizes) and not self.fields.get("space directions"):
            unit = units[axis]
        else:
            unit = units[0] if len(set(units)) == 1 else "" if not units else "mixed"
        return _MILLIMETERS.get(unit.strip().lower())


@dataclass(frozen=True)
class _Axes:
    """Which file axis is x, y, time and color; time and color may be missing. ``doubts`` are about that of time."""

    x: int
    y: int
    time: int | None
    color: int | None
    doubts: tuple[str, ...] | None = None


def read_nrrd(path: Path, *, in_color: bool = False) -> Cine:
    """Read ``.nrrd``, ``.nhdr`` or ``.seq.nrrd``; the scale is the spacing of the two frame axes.

    Times come from Slicer's index values with a unit of time, or from a time axis with a unit.
    Raises `ReadError` when the file is damaged or too large, or holds a volume or labels instead of a cine.
    """
    header = read_nrrd_header(path)
    _refuse_masks(header)
    axes = _axes(header)
    stack, rgb, warnings = _pixels(header, axes)
    colors = None if rgb is None else sample_colors(rgb)
    color_frames = ColorFrames.of(() if rgb is None else rgb, in_color)
    if axes.doubts is not None:
        refuse_slices_by_outline(stack, path)
    sector = find_sector(stack)
    mode = mode_of_pixels(stack, sector, colors)
    return Cine(
        frames=stack,
        times=_times(header, axes, len(stack)),
        scale=_scale(header, axes),
        sector=sector,
        path=path,
        kind="nrrd",
        color=colors is not None and colors.colored(sector.mask),
        color_frames=color_frames.stack(sector.mask),
        mode=mode.mode,
        mode_source=mode.source,
        warnings=(*(axes.doubts or ()), *warnings, *color_frames.warnings, *mode.warnings),
    )


def refuse_no_clip(path: Path) -> None:
    """Raise `NotAClipError` for a volume, a mask or a label map; `ReadError` for what is damaged."""
    header = read_nrrd_header(path)
    _refuse_masks(header)
    axes = _axes(header)
    if axes.color is None and header.fields.get("type", "").lower() not in _FRACTIONS:
        refuse_labels(read_nrrd_data(header), path)


def _refuse_masks(header: NrrdHeader) -> None:
    own = header.values.get(CONTENT_KEY) == LABELS
    if own or any(key.startswith(("Segmentation_", "Segment0_")) for key in header.values):
        raise NotAClipError("This holds masks or segments, not a picture", file=header.path)


def read_nrrd_header(path: Path) -> NrrdHeader:
    """Parse the text header; raises `ReadError` when it is not one, or its sizes are missing."""
    with path.open("rb") as stream:
        block = stream.read(_HEADER_LIMIT)
    end = re.search(rb"\r?\n\r?\n", block)
    text = (block[: end.start()] if end else block).decode("utf-8", "replace")
    if not text.startswith("NRRD000"):
        raise ReadError("This file is not NRRD", file=path)
    fields: dict[str, str] = {}
    values: dict[str, str] = {}
    for line in text.splitlines()[1:]:
        match = re.match(r"([^#:][^:]*):(=| )(.*)", line)
        if match:
            name, separator, content = match.groups()
            (values if separator == "=" else fields)[name if separator == "=" else name.lower()] = content.strip()
    if not re.fullmatch(r"0*[1-9]\d*( +0*[1-9]\d*)*", fields.get("sizes", "")):
        raise ReadError("The NRRD header has no valid sizes", value=quoted(fields.get("sizes")), file=path)
    return NrrdHeader(path, fields, values, end.end() if end else len(block))


def _axes(header: NrrdHeader) -> _Axes:
    sizes, kinds = header.sizes, header.kinds
    if len(kinds) != len(sizes):
        raise ReadError(
            "An NRRD header names one kind for each axis", value=quoted(header.fields["kinds"]), file=header.path
        )
    color = next((axis for axis, kind in enumerate(kinds) if kind in _COLOR_KINDS and sizes[axis] == 3), None)
    time = next((axis for axis, kind in enumerate(kinds) if kind in _TIME_KINDS), None)
    if time is None:
        # Older Slicer marks the frames of a sequence as components.
        time = next((axis for axis, kind in enumerate(kinds) if kind in _COLOR_KINDS and axis != color), None)
    space = [axis for axis in range(len(sizes)) if axis not in (color, time)]
    if len(space) == 4 and time is None:
        time = space.pop()
    if len(space) == 3 and time is not None and sizes[space[2]] > 1:
        rule = "A cine has one slice; this is a volume over time"
        raise NotAClipError(rule, value=f"{sizes[space[2]]} slices", file=header.path)
    doubts = None
    if len(space) == 3 and sizes[space[2]] > 1:
        doubts = tuple(_third_axis(header, space))
        time = space.pop()
    elif len(space) == 3:
        space.pop()
    if len(space) != 2:
        found = " x ".join(str(size) for size in sizes)
        raise ReadError("A cine has two axes of a frame and one of time", value=f"sizes {found}", file=header.path)
    check_size(1 if time is None else sizes[time], sizes[space[1]], sizes[space[0]], header.path)
    return _Axes(space[0], space[1], time, color, doubts)


def _third_axis(header: NrrdHeader, space: list[int]) -> list[str]:
    """Raises `NotAClipError` where the third of three axes without kinds of time is of space, as `third_axis` tells."""
    if _unit(header, space[2]) in _SECONDS:
        return []
    spacing = [header.spacing(axis) * (header.millimeters(axis) or 1.0) for axis in space]
    return refuse_slices_by_spacing(spacing, header.path)


def _pixels(header: NrrdHeader, axes: _Axes) -> tuple[ImageStack, ImageStack | None, list[str]]:
    """Gray frames ``[T, H, W]``, those in color ``[T, H, W, 3]`` where there are any, and warnings."""
    values = read_nrrd_data(header)
    if axes.color is None:
        refuse_labels(values, header.path)
    # The first axis of the file is the fastest, hence the last of the array.
    order = [axis for axis in (axes.time, axes.y, axes.x, axes.color) if axis is not None]
    rest = [axis for axis in range(values.ndim) if axis not in order]
    turned = values.transpose([values.ndim - 1 - axis for axis in (*rest, *order)])
    shape = turned.shape[len(rest) :]
    levels, warnings = to_gray_levels(turned.reshape(shape if axes.time is not None else (1, *shape)), header.path)
    if axes.color is None:
        return np.ascontiguousarray(levels), None, warnings
    return luminance(levels), levels, warnings


def read_nrrd_data(header: NrrdHeader) -> NDArray[Any]:
    """The stored numbers, axes reversed (the file's first axis last); raises `ReadError` when they are cut short."""
    kind = header.fields.get("type", "").lower()
    dtype = next((np.dtype(name) for name, names in _TYPES.items() if kind in names), None)
    if dtype is None:
        raise ReadError("This NRRD type cannot be read", value=quoted(kind or "none"), file=header.path)
    big = header.fields.get("endian", "little").lower() == "big"
    needed = math.prod(header.sizes) * dtype.itemsize
    if needed > MAX_BYTES:
        rule = f"The data of an NRRD file may have at most {MAX_BYTES:,} bytes"
        raise ReadError(rule, value=f"{needed:,}", file=header.path)
    data = _bytes(header, needed)
    if len(data) < needed:
        raise ReadError("The pixel data are cut short", value=f"{len(data):,} of {needed:,} bytes", file=header.path)
    stored = np.frombuffer(data, dtype.newbyteorder(">" if big else "<"), count=math.prod(header.sizes))
    return stored.astype(dtype).reshape(header.sizes[::-1])


def _bytes(header: NrrdHeader, needed: int) -> bytes:
    encoding = header.fields.get("encoding", "").lower()
    if encoding not in ("raw", "gzip", "gz"):
        raise ReadError("NRRD data must be raw or gzip", value=quoted(encoding or "none"), file=header.path)
    source, start = _data_file(header)
    try:
        with source.open("rb") as stream:
            stream.seek(start)
            _skip(stream, header, needed)
            stored = stream.read(needed if encoding == "raw" else -1)
    except OSError as error:
        raise ReadError("The data file of this header cannot be read", file=header.path) from error
    if encoding == "raw":
        return stored
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(stored, needed)
    except zlib.error as error:
        raise ReadError("The compressed data are damaged", file=header.path) from error


def _skip(stream: BinaryIO, header: NrrdHeader, needed: int) -> None:
    """Passes over what stands before the data; raises `ReadError` for what cannot be passed over."""
    named = (header.fields.get(name, header.fields.get(name.replace(" ", ""), "0")) for name in _SKIPS)
    lines, count = (int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else -2 for text in named)
    raw = header.fields["encoding"].lower() == "raw"
    if lines < 0 or count < -1 or (count and not raw):
        rule = "An NRRD file says in whole numbers what stands before its data, and nothing inside of compressed ones"
        raise ReadError(rule, file=header.path)
    for _ in range(lines):
        if not stream.readline(_HEADER_LIMIT):
            break
    if count == -1:
        stream.seek(-min(needed, stream.seek(0, os.SEEK_END)), os.SEEK_END)
    else:
        stream.seek(count, os.SEEK_CUR)


def _data_file(header: NrrdHeader) -> tuple[Path, int]:
    name = header.fields.get("data file", header.fields.get("datafile"))
    if name is None:
        return header.path, header.data_at
    inside = (header.path.parent / name).resolve()
    if inside.parent != header.path.parent.resolve() or name.upper().startswith("LIST") or "%" in name:
        raise ReadError("The data of an NRRD header must be one file beside it", file=header.path)
    if not inside.is_file():
        raise ReadError("The data file of this header cannot be read", file=header.path)
    return inside, 0


def _floats(words: Iterable[str]) -> list[float]:
    numbers = []
    for word in words:
        try:
            numbers.append(float(word))
        except ValueError:
            numbers.append(math.nan)
    return numbers


def _scale(header: NrrdHeader, axes: _Axes) -> Scale:
    y, x = header.spacing(axes.y), header.spacing(axes.x)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ReadError("The spacing must be a number", value=f"{x} x {y}", file=header.path)
    factors = [header.millimeters(axis) for axis in (axes.y, axes.x)]
    if None in factors:
        return Scale.none("the space units of the file are none that is known")
    y, x = (value * (factor or 1.0) for value, factor in zip((y, x), factors, strict=True))
    return scale_of_spacing(y, x, "the file says", ScaleSource.PIXEL_SPACING)


def _times(header: NrrdHeader, axes: _Axes, count: int) -> FrameTimes:
    if count == 1 or axes.time is None:
        return FrameTimes(np.zeros(1), TimeSource.SINGLE_FRAME)
    listed, unit = _listed_times(header, axes.time)
    if listed is None:
        return _axis_times(header, axes.time, count)
    if unit is None:
        return FrameTimes.unknown("the frame index of this sequence has no unit of time")
    seconds = (np.array(listed, np.float64) - listed[0]) * unit
    steps = np.diff(seconds)
    low, high = FRAME_RATE_RANGE
    if len(listed) == count and np.all(steps > 0) and low <= 1 / float(np.median(steps)) <= high:
        return FrameTimes(seconds, TimeSource.CONTAINER)
    wanted = f"{count} rising ones at {low:g} to {high:g} frames per second"
    return FrameTimes.unknown(f"the {len(listed)} frame times in the file are not {wanted}")


def _listed_times(header: NrrdHeader, axis: int) -> tuple[list[float] | None, float | None]:
    """Times that the header lists and their unit in seconds; the unit is None where it is not one of time."""
    # Slicer counts the axis without that of color components, so its number is not always ours.
    texts = [text for key, text in header.values.items() if re.fullmatch(r"axis \d+ index values", key)]
    if len(texts) != 1 or not texts[0]:
        return None, None
    return _floats(texts[0].split()), _SECONDS.get(_unit(header, axis))


def _unit(header: NrrdHeader, axis: int) -> str:
    units = re.findall(r'"([^"]*)"', header.fields.get("units", ""))
    return units[axis] if len(units) == len(header.sizes) else ""


def _axis_times(header: NrrdHeader, axis: int, count: int) -> FrameTimes:
    unit = _SECONDS.get(_unit(header, axis))
    if unit is None:
        return FrameTimes.unknown("the frame axis of the file has no unit of time")
    return times_of_step(header.spacing(axis) * unit, count)
