"""Gray frames from DICOM pixel data: every transfer syntax and color model that ultrasound comes in.

Gray is the luminance Y. Data stored as YCbCr are not converted to RGB and back: their Y is taken as it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import FrameTimes, ImageStack
from ..errors import ReadError
from .color_frames import ColorFrames
from .color_to_gray import ColorSamples, luminance, rgb_of_ybr, sampled_frames, spread
from .dicom_decoding import check_decodable, decode_frames, fits, is_filled_up
from .dicom_gray_levels import to_eight_bits
from .dicom_source import BASELINE, INVERTED, PALETTE, PROCESS_JPEG, PixelSource, is_video, open_source, read_data
from .dicom_video import read_stream
from .jpeg_color import read_markers, with_end

_NEUTRAL = 8  # Cb and Cr of an uncolored pixel lie this close to 128
_EQUAL = 2  # red, green and blue of an uncolored pixel lie this close together
_COLORLESS_SHARE = 0.5
_LIT_SHARE = 0.01  # of a frame that shows something, at least
_LOOKED_THROUGH = 8  # frames, in search of one that does
_FEWEST = 0.5
"""Share of the frames that must be decoded for the clip to be read without the others."""


@dataclass
class Pixels:
    """``gray`` is ``uint8 [T, H, W]``; ``colors`` tells the colors of a few frames (None: stored without color).

    ``color_frames`` are the colors of all, if they were wanted.

    ``kept`` are the numbers of these frames among the ``stored`` ones, of which those that are damaged are missing.
    ``stream_times`` are those that a video in the file states itself.
    """

    gray: ImageStack
    kept: tuple[int, ...]
    stored: int
    colors: ColorSamples | None = None
    color_frames: ColorFrames = field(default_factory=lambda: ColorFrames(False))
    warnings: list[str] = field(default_factory=list)
    stream_times: FrameTimes | None = None


def read_pixels(path: Path, *, fast: bool = True, in_color: bool = False) -> Pixels:
    """Decode the frames of a DICOM file whose header was checked, as many as are there.

    JPEG baseline YCbCr goes through OpenCV, luminance only, where OpenCV is installed and ``fast`` is true; MPEG goes
    through OpenCV, everything else through pydicom, and through SimpleITK where pydicom has no decoder. A frame that
    is damaged is left out with a warning. Raises `ReadError` with the rule broken.
    """
    data = read_data(path)
    if is_video(data, path):
        video, times, warnings = read_stream(data, path, in_color=in_color)
        count = len(video.frames)
        return Pixels(video.frames, tuple(range(count)), count, video.colors, video.color_frames, warnings, times)
    source = open_source(data, path)
    check_decodable(source)
    try:
        _settle_color_model(source)
        decoded = _decode_fast(source) if fast and _fits_fast_path(source) else _to_gray(source)
        return _collected(source, decoded, ColorFrames(in_color))
    except (ReadError, ImportError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever their C++ side throws
        raise ReadError("The pixel data cannot be decoded", value=type(error).__name__, file=path) from error


_Frame = tuple[int, NDArray[np.uint8], Callable[[], NDArray[np.uint8]] | None]
"""Number and gray ``[H, W]`` of a frame that could be decoded, and what gives its colors as RGB ``[H, W, 3]``."""


def _collected(source: PixelSource, decoded: Iterable[_Frame], color_frames: ColorFrames) -> Pixels:
    grays: dict[int, NDArray[np.uint8]] = {}
    spreads: dict[int, NDArray[np.uint8]] = {}
    sampled = sampled_frames(source.count)
    for index, gray, colors in decoded:
        grays[index] = gray
        if colors is None:
            continue
        if color_frames.wanted:
            color_frames.add(colors())
        if index in sampled:
            spreads[index] = spread(colors())
    kept = tuple(grays)
    _check_enough(source, kept)
    found = None
    if spreads:
        found = ColorSamples(tuple(kept.index(index) for index in spreads), np.stack(list(spreads.values())))
    gray = np.stack(list(grays.values()))
    return Pixels(gray, kept, source.count, found, color_frames, [*source.warnings, *color_frames.warnings])


def _check_enough(source: PixelSource, kept: Sequence[int]) -> None:
    """Raises `ReadError` where too few frames could be decoded, and warns where not all could."""
    if len(kept) < max(1, source.count * _FEWEST):
        rule = "The frames are cut short or damaged, of another size than the header states, or no decoder here reads"
        found = f"{len(kept)} of {source.count} frames decoded, " if kept else ""
        rule = f"{rule} them: export the file uncompressed"
        raise ReadError(rule, value=found + source.syntax_name, file=source.path)
    missing = [str(index) for index in range(source.count) if index not in kept]
    if missing:
        listed = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        text = f"{len(missing)} of {source.count} frames (counted from 0: {listed}) are damaged and were left out"
        source.warnings.append(f"{text}; the others keep their times")


def _settle_color_model(source: PixelSource) -> None:
    """Let the JPEG stream, or else the pixels, overrule the header: a known defect is RGB in it over YCbCr data."""
    if source.color_model not in ("RGB", "YBR_FULL"):
        return
    coded = source.syntax in PROCESS_JPEG
    actual = source.markers.color_model if coded else None
    actual = actual or _color_model_of_pixels(source)
    if actual in (None, source.color_model):
        return
    declared = source.data.PhotometricInterpretation
    what = "JPEG data" if coded else "pixels"
    source.warnings.append(f"The header says {declared}, but the {what} are {actual}; they were read as {actual}")
    source.color_model = actual or declared
    if source.data.PhotometricInterpretation != "YBR_FULL_422" or not source.native:
        source.data.PhotometricInterpretation = source.color_model


def _color_model_of_pixels(source: PixelSource) -> str | None:
    """The color model that most pixels of the first frame that is lit prove, being without color; None if they do not.

    What has the most common color of the frame is left out where it proves nothing: screens may have a colored ground.
    """
    for frame in islice(decode_frames(replace(source, warnings=[])), _LOOKED_THROUGH):
        if frame is None or frame.ndim != 3 or frame.dtype != np.uint8:
            return None
        if np.mean(frame.max(axis=-1) > 2 * _NEUTRAL) > _LIT_SHARE:
            values = frame.reshape(-1, 3)
            return _color_model_of(values) or _color_model_of(values[_off_ground(values)])
    return None


def _off_ground(values: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of ``uint8 [N, 3]`` differ from the most common one."""
    codes = values.astype(np.int64) @ (1 << 16, 1 << 8, 1)
    found, counts = np.unique(codes, return_counts=True)
    return np.asarray(codes != found[counts.argmax()])


def _color_model_of(values: NDArray[np.uint8]) -> str | None:
    if len(values) == 0:
        return None
    one, two, three = (values[:, channel].astype(np.int16) for channel in range(3))
    telling = np.abs(one - 128) > 2 * _NEUTRAL
    neutral = (np.abs(two - 128) <= _NEUTRAL) & (np.abs(three - 128) <= _NEUTRAL)
    equal = (np.abs(one - two) <= _EQUAL) & (np.abs(two - three) <= _EQUAL)
    if np.mean(telling & neutral) > _COLORLESS_SHARE:
        return "YBR_FULL"
    lit = values.max(axis=-1) > 2 * _NEUTRAL  # black says nothing
    return "RGB" if lit.any() and np.mean((telling & equal)[lit]) > _COLORLESS_SHARE else None


# The fast path: OpenCV hands out the Y of a YCbCr JPEG without touching its colors.


def _fits_fast_path(source: PixelSource) -> bool:
    if source.syntax != BASELINE or source.color_model != "YBR_FULL" or source.bits != 8:
        return False
    from importlib.util import find_spec

    return find_spec("cv2") is not None and all(read_markers(part).adobe is None for part in source.fragments)


def _decode_fast(source: PixelSource) -> Iterator[_Frame]:
    import cv2

    for index, fragment in enumerate(source.fragments):
        whole = with_end(fragment)
        stream = np.frombuffer(whole, np.uint8)
        gray = cv2.imdecode(stream, cv2.IMREAD_GRAYSCALE) if fits(whole, source) else None
        if gray is None or gray.shape != source.shape[1:] or (whole is not fragment and is_filled_up(gray, 8)):
            continue
        yield index, np.asarray(gray, np.uint8), partial(_rgb_of_jpeg, stream)


def _rgb_of_jpeg(stream: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


# The general path.


def _to_gray(source: PixelSource) -> Iterator[_Frame]:
    frames = _whole_frames(source)
    if source.color_model == PALETTE:
        yield from _palette_to_gray(source, frames)
        return
    for index, eight in to_eight_bits(frames, source):
        colors = partial(_rgb_of, eight, source.color_model) if eight.ndim == 3 else None
        yield index, _gray_of(eight, source.color_model), colors


def _rgb_of(frame: NDArray[np.uint8], color_model: str) -> NDArray[np.uint8]:
    return rgb_of_ybr(frame) if color_model == "YBR_FULL" else frame


def _whole_frames(source: PixelSource) -> Iterator[tuple[int, NDArray[Any]]]:
    for index, frame in enumerate(decode_frames(source)):
        if frame is not None and frame.shape[:2] == source.shape[1:]:
            yield index, frame


def _gray_of(frame: NDArray[np.uint8], color_model: str) -> NDArray[np.uint8]:
    if color_model == "RGB":
        return luminance(frame)
    if color_model == "YBR_FULL":
        return frame[..., 0].copy()
    return 255 - frame if color_model == INVERTED else frame


def _palette_to_gray(source: PixelSource, frames: Iterator[tuple[int, Any]]) -> Iterator[_Frame]:
    table = _palette(source)
    gray_table = luminance(table)
    for index, frame in frames:
        entries = frame.astype(np.int64) & (len(table) - 1)
        yield index, gray_table[entries], partial(table.__getitem__, entries)


def _palette(source: PixelSource) -> NDArray[np.uint8]:
    """The look-up table as 8-bit RGB, ``uint8 [2 ** BitsStored, 3]``."""
    from pydicom.pixels import apply_color_lut  # type: ignore[attr-defined]

    indices = np.arange(1 << source.bits, dtype=np.uint8 if source.bits <= 8 else np.uint16)
    try:
        table = apply_color_lut(indices[None], source.data)[0]
    except (ValueError, AttributeError, TypeError, IndexError) as error:
        raise ReadError("The palette is missing or damaged", value=type(error).__name__, file=source.path) from error
    # Some files declare 16-bit entries and store 8-bit ones.
    wide = table.dtype.itemsize == 2 and int(table.max()) > 255
    return np.asarray(table >> 8 if wide else table, np.uint8)
