"""AVI, MP4, GIF, Matroska, WMV and MPEG as a cine, through OpenCV."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine, FloatArray, FrameTimes, ImageStack, Scale, TimeSource
from ..errors import NotAClipError, ReadError
from .color_frames import ColorFrames
from .color_to_gray import ColorSamples, luminance, spread
from .imaging_mode import mode_of_pixels
from .sector_detection import find_sector
from .size_limits import MAX_BYTES, check_size

FRAME_RATE_RANGE = (4.0, 300.0)
"""Frames per second that are believed of a video container; 600 and above are tick rates of its clock."""

_COLORS_KEPT = 8
_ROUNDING_S = 0.0025  # containers keep times in ms or 90 kHz ticks; a step may be rounded at both ends
_MAGIC_BYTES = 256
# RIFF (AVI), GIF, EBML (Matroska, WebM), ASF (WMV), FLV, MPEG program and video streams, H.264 and HEVC.
_MAGIC = (b"RIFF", b"GIF8", b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"FLV\1", b"\0\0\1", b"\0\0\0\1")
_PACKET = 188  # bytes of a packet of an MPEG transport stream; some put a time stamp of 4 bytes before each
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def read_video(path: Path, *, in_color: bool = False) -> Cine:
    """Read a video file; gray is the luminance, times come from the container, a scale is not known.

    With ``in_color`` the frames in color are there, too.

    Raises `ReadError` when OpenCV is missing, or the file is no video, holds no frame or is too large.
    """
    check_container(path)
    video = decode_video(path, in_color=in_color)
    times, time_warnings = container_times(video.shown)
    sector = find_sector(video.frames)
    mode = mode_of_pixels(video.frames, sector, video.colors)
    return Cine(
        frames=video.frames,
        times=times,
        scale=Scale.none("a video file does not say how large a pixel is"),
        sector=sector,
        path=path,
        kind=path.suffix.lower().lstrip(".") or "video",
        color=video.colors.colored(sector.mask),
        color_frames=video.color_frames.stack(sector.mask),
        mode=mode.mode,
        mode_source=mode.source,
        warnings=(*video.warnings, *time_warnings, *mode.warnings),
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
    """Whether a file that begins like this is AVI, MP4, GIF, Matroska, ASF, FLV or MPEG."""
    return start.startswith(_MAGIC) or start[4:8] in _MP4_BOXES or _is_transport_stream(start)


def _is_transport_stream(start: bytes) -> bool:
    return any(start[at : at + 1] == start[at + _PACKET + at :][:1] == b"G" for at in (0, 4))


@dataclass(frozen=True)
class ShownTimes:
    """When a container shows its frames: at which ``rate`` (1/s), and each of them at which of ``seconds [T]``."""

    rate: float
    seconds: FloatArray


@dataclass(frozen=True)
class DecodedVideo:
    """Gray frames ``[T, H, W]``, the colors of a few, those of all if they were wanted, when they are shown."""

    frames: ImageStack
    colors: ColorSamples
    color_frames: ColorFrames
    shown: ShownTimes
    warnings: tuple[str, ...]


def decode_video(path: Path, *, in_color: bool = False) -> DecodedVideo:
    """The frames of a video file.

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
        color_frames = ColorFrames(in_color)
        frames, colors, seconds = _read_all(capture, path, color_frames)
        rate = float(capture.get(cv2.CAP_PROP_FPS))
    finally:
        capture.release()
    missing = math.isfinite(stated) and stated > len(frames)
    warnings = [f"The container states {int(stated)} frames, {len(frames)} could be read"] if missing else []
    if _is_cut_gif(path):
        warnings.append("The GIF ends without its end marker: frames may be missing at its end")
    warnings += color_frames.warnings
    return DecodedVideo(np.stack(frames), colors, color_frames, ShownTimes(rate, seconds), tuple(warnings))


def _is_cut_gif(path: Path) -> bool:
    with path.open("rb") as stream:
        if stream.read(4) != b"GIF8":
            return False
        stream.seek(max(0, path.stat().st_size - 64))
        return not stream.read().rstrip(b"\0").endswith(b";")


def _read_all(
    capture: Any, path: Path, color_frames: ColorFrames
) -> tuple[list[NDArray[np.uint8]], ColorSamples, FloatArray]:
    import cv2

    frames: list[NDArray[np.uint8]] = []
    shown: list[float] = []
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
        color_frames.add(rgb)
        shown.append(float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000.0)
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
    return frames, ColorSamples(tuple(spreads), np.stack(list(spreads.values()))), np.array(shown)


def container_times(shown: ShownTimes) -> tuple[FrameTimes, list[str]]:
    """Times by the rate of the container, or those of each frame where they contradict it, and warnings."""
    count = shown.seconds.size
    if count == 1:
        return FrameTimes(np.zeros(1), TimeSource.SINGLE_FRAME), []
    steps = np.diff(shown.seconds)
    rising = bool(np.all(np.isfinite(steps)) and np.all(steps > 0))
    even = not rising or float(np.ptp(steps)) <= _ROUNDING_S
    median, stated = float(np.median(steps)), 1.0 / shown.rate if shown.rate > 0 else math.inf
    if not rising or (even and abs(median - stated) <= _ROUNDING_S):
        return _believed(np.arange(count) / (shown.rate or math.nan), shown.rate), []
    apart = f"{median:.3g}" if even else f"{steps.min():.3g} to {steps.max():.3g}"
    found = f"its frames are {apart} s apart"
    warning = f"The container states {shown.rate:.4g} frames per second, but {found}; these times were taken"
    return _believed(shown.seconds - shown.seconds[0], 1.0 / median), [warning]


def _believed(seconds: FloatArray, rate: float) -> FrameTimes:
    low, high = FRAME_RATE_RANGE
    if not (math.isfinite(rate) and low <= rate <= high):
        return FrameTimes.unknown(f"the container's {rate:g} frames per second are not {low:g} to {high:g}")
    return FrameTimes(seconds, TimeSource.CONTAINER)
