"""Eight bits from DICOM samples of any width, such that the picture looks as it is meant to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import color_to_gray
from .dicom_source import ONE_SAMPLE, PixelSource

if TYPE_CHECKING:
    from pydicom import Dataset

_Frames = Iterable[tuple[int, NDArray[Any]]]
_RESCALE = (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
_DARK_SHARE = 1 / 4  # of the range of the samples: what stays below would be nearly black


def to_eight_bits(frames: _Frames, source: PixelSource) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Numbered frames as ``uint8`` of the same shape; warns in ``source`` where samples are not taken as they are.

    Eight bits are kept (signed ones shifted to start at 0). Of more, the values are kept where they are 0 to 255, as
    stored or by slope and intercept of the header, or begin below 0 and span no more; they go through the window of the
    header where it has one, and are otherwise shifted down to their upper eight bits.
    """
    if source.bits == 8:
        return ((index, color_to_gray.to_eight_bits(frame, 8)) for index, frame in frames)
    held = list(frames)
    convert = _conversion([frame for _, frame in held], source)
    return ((index, convert(frame)) for index, frame in held)


def _conversion(frames: list[NDArray[Any]], source: PixelSource) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
    bits, low, high = source.bits, *_range(frames)
    if high >= 1 << bits:
        bits = 8 if high < 256 else 16
        source.warnings.append(f"The header says {source.bits} bits stored, but samples reach {high}; read as {bits}")
    if bits == 8 or (bits > 8 and low >= 0 and high <= 255):
        if bits > 8:
            source.warnings.append(f"The samples of {bits} bits hold {low} to {high}; they were kept as gray levels")
        return lambda frame: np.clip(frame, 0, 255).astype(np.uint8)
    rescaled = _rescaled(source, low, high) if bits > 8 else None
    if rescaled is not None:
        return rescaled
    window = _window(source.data) if source.color_model in ONE_SAMPLE else None
    if window is not None and _shows(window, low, high):
        source.warnings.append("Gray levels are those of the window in the header")
        return window
    used = bits
    if bits > 8 and low >= 0 and high < (1 << bits) * _DARK_SHARE:
        used = max(8, int(high).bit_length())
    said = f" of {bits} stored bits" if used == bits else f" of the {used} bits that the samples of {bits} bits use"
    source.warnings.append(f"Gray levels are the upper 8{said}")
    if used < bits:
        return lambda frame: (frame.astype(np.int64) >> (used - 8)).astype(np.uint8)
    return lambda frame: color_to_gray.to_eight_bits(frame, bits)


def _rescaled(source: PixelSource, low: int, high: int) -> Callable[[NDArray[Any]], NDArray[np.uint8]] | None:
    """How samples become gray levels from 0 to 255 without loss, by slope and intercept or their least value."""
    slope, intercept = (_first(source.data.get(name), usual) for name, usual in _RESCALE)
    ends = low * slope + intercept, high * slope + intercept
    said = f"The samples of {source.bits} bits hold {low} to {high}"
    if (slope, intercept) != (1.0, 0.0) and min(ends) >= 0 and color_to_gray.BLANK_STEP <= max(ends) <= 255:
        source.warnings.append(f"{said}; they were rescaled to gray levels as the header says")
        return lambda frame: np.rint(frame.astype(np.float64) * slope + intercept).astype(np.uint8)
    if low < 0 and color_to_gray.BLANK_STEP <= high - low <= 255:
        source.warnings.append(f"{said}; they were shifted to gray levels from 0")
        return lambda frame: (frame.astype(np.int64) - low).astype(np.uint8)
    return None


def _range(frames: list[NDArray[Any]]) -> tuple[int, int]:
    if not frames:
        return 0, 0
    return min(int(frame.min()) for frame in frames), max(int(frame.max()) for frame in frames)


def _window(header: Dataset) -> Callable[[NDArray[Any]], NDArray[np.uint8]] | None:
    """The linear window of PS3.3 C.11.2.1.2, None where the header has none that is usable."""
    center, width, slope, intercept = (
        _first(header.get(name), default)
        for name, default in (("WindowCenter", math.nan), ("WindowWidth", math.nan), *_RESCALE)
    )
    linear = str(header.get("VOILUTFunction") or "LINEAR") == "LINEAR"
    if not (linear and math.isfinite(center + slope + intercept) and math.isfinite(width) and width > 1):
        return None

    def convert(frame: NDArray[Any]) -> NDArray[np.uint8]:
        values = frame.astype(np.float64) * slope + intercept
        shown = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
        return np.clip(np.rint(shown), 0, 255).astype(np.uint8)

    return convert


def _first(value: Any, default: float) -> float:
    if value is None or value == "":
        return default
    try:
        return float(value[0] if hasattr(value, "__getitem__") and not isinstance(value, str) else value)
    except (TypeError, ValueError, IndexError):
        return math.nan


def _shows(window: Callable[[NDArray[Any]], NDArray[np.uint8]], low: int, high: int) -> bool:
    """Whether anything can be seen through the window."""
    dark, bright = window(np.array([low, high])).astype(int)
    return bool(bright - dark >= color_to_gray.BLANK_STEP)
