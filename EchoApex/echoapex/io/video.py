"""AVI, MP4 and GIF as a cine, through OpenCV."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine, FrameTimes, Scale, TimeSource
from ..errors import NotAClipError, ReadError
from .color_to_gray import ColorSamples, luminance, spread
from .imaging_mode import mode_of_pixels
from .sector_detection import find_sector
from .size_limits import MAX_BYTES, check_size

FRAME_RATE_RANGE = (4.0, 300.0)
"""Frames per second that are believed of a video container; 600 and above are tick rates of its clock."""

_COLORS_KEPT = 8
_MAGIC_BYTES = 16
# RIFF (AVI), GIF, EBML (Matroska, WebM), ASF (WMV), MPEG program and video streams, H.264 and HEVC.
_MAGIC = (b"RIFF", b"GIF8", b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"\0\0\1", b"\0\0\0\1")
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def read_video(path: Path) -> Cine:
    """Read a video file; gray is the luminance, times come from the container's frame rate, a scale is not known.

    Raises `ReadError` when OpenCV is missing, or the file is no video, holds no frame or is too large.
    """
    check_container(path)
    frames, colors, rate, warnings = decode_video(path)
    sector = find_sector(frames)
    mode = mode_of_pixels(frames, sector, colors)
    return Cine(
        frames=frames,
        times=_times(len(frames), rate),
        scale=Scale.none("a video file does not say how large a pixel is"),
        sector=sector,
        path=path,
        kind=path.suffix.lower().lstrip(".") or "video",
        color=colors.colored(sector.mask),
        mode=mode.mode,
        mode_source=mode.source,
        warnings=(*warnings, *mode.warnings),
    )


def check_container(path: Path) -> None:
    """Raise `NotAClipError` for a file that is no video by its first bytes, whatever its name says.

    FFmpeg would take play lists, too, and read the files that they name.
    """
    with path.open("rb") as stream:
        start = stream.read(_MAGIC_BYTES)
    if not is_container(start):
        raise NotAClipError("By its content this is not a video", file=path)


def is_container(start: bytes) -> bool:
    """Whether a file that begins like this is AVI, MP4, GIF, Matroska, ASF or MPEG."""
    return start.startswith(_MAGIC) or start[4:8] in _MP4_BOXES


def decode_video(path: Path) -> tuple[NDArray[np.uint8], ColorSamples, float, list[str]]:
    """Gray frames ``[T, H, W]``, the colors of a few, frames per second, and warnings.

    Raises `ReadError` when OpenCV is missing, or the file is no video, holds no frame or is too large.
    """
    try:
        import cv2
    except ImportError as error:
        raise ReadError("Reading video needs OpenCV (opencv-python-headless)", file=path) from error
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise ReadError("This file is not a video that OpenCV can read, or is cut short", file=path)
        stated = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        columns, rows = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        # Containers may not know their length; it is then limited while reading.
        check_size(int(stated) if math.isfinite(stated) and stated > 0 else 1, rows, columns, path)
        frames, colors = _read_all(capture, path)
        rate = float(capture.get(cv2.CAP_PROP_FPS))
    finally:
        capture.release()
    missing = math.isfinite(stated) and stated > len(frames)
    warnings = [f"The container states {int(stated)} frames, {len(frames)} could be read"] if missing else []
    if _is_cut_gif(path):
        warnings.append("The GIF ends without its end marker: frames may be missing at its end")
    return np.stack(frames), colors, rate, warnings


def _is_cut_gif(path: Path) -> bool:
    with path.open("rb") as stream:
        if stream.read(4) != b"GIF8":
            return False
        stream.seek(max(0, path.stat().st_size - 64))
        return not stream.read().rstrip(b"\0").endswith(b";")


def _read_all(capture: Any, path: Path) -> tuple[list[NDArray[np.uint8]], ColorSamples]:
    frames: list[NDArray[np.uint8]] = []
    spreads: dict[int, NDArray[np.uint8]] = {}
    stride = 1
    while True:
        found, bgr = capture.read()
        if not found:
            break
        rgb = np.asarray(bgr, np.uint8)[..., ::-1]
        if frames and rgb.shape[:2] != frames[0].shape:
            raise ReadError("All frames of a video must have one size", value=rgb.shape[:2], file=path)
        frames.append(luminance(rgb))
        if len(frames) * frames[0].size > MAX_BYTES:
            raise ReadError(f"A cine may have at most {MAX_BYTES:,} bytes in all its frames", file=path)
        if (len(frames) - 1) % stride == 0:
            spreads[len(frames) - 1] = spread(rgb)
        if len(spreads) > _COLORS_KEPT:
            # How many will come is not known: every other sample is dropped as the clip goes on.
            stride *= 2
            spreads = {index: kept for index, kept in spreads.items() if index % stride == 0}
    if not frames:
        raise ReadError("A cine needs at least one frame", value="0 frames", file=path)
    return frames, ColorSamples(tuple(spreads), np.stack(list(spreads.values())))


def _times(count: int, rate: float) -> FrameTimes:
    if count == 1:
        return FrameTimes(np.zeros(1), TimeSource.SINGLE_FRAME)
    low, high = FRAME_RATE_RANGE
    if not (math.isfinite(rate) and low <= rate <= high):
        return FrameTimes.unknown(f"the container's {rate:g} frames per second are not {low:g} to {high:g}")
    return FrameTimes(np.arange(count) / rate, TimeSource.CONTAINER)
