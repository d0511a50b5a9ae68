"""Frame times, heart rate and R waves of a DICOM header (DICOM PS3.3 C.7.6.5 Cine, C.8.5.6 US Image)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cine import FloatArray, FrameTimes, TimeSource
from ..limits import LIMITS
from .believable_cine import judge_times

if TYPE_CHECKING:
    from pydicom import Dataset

_FRAME_TIME_VECTOR = 0x00181065


def find_frame_times(header: Dataset, frame_count: int) -> tuple[FrameTimes, list[str]]:
    """Times in seconds from the first frame, and warnings about values that were passed over.

    Precedence: FrameTimeVector if FrameIncrementPointer points to it, FrameTime, CineRate, RecommendedDisplayFrameRate,
    unknown with the reason.
    """
    if frame_count == 1:
        return FrameTimes(np.zeros(1), TimeSource.SINGLE_FRAME), []
    warnings: list[str] = []
    vector = _vector(header, frame_count, warnings)
    if vector is not None:
        return FrameTimes(vector, TimeSource.FRAME_TIME_VECTOR), warnings
    for source in (TimeSource.FRAME_TIME, TimeSource.CINE_RATE, TimeSource.DISPLAY_RATE):
        value = _number(header.get(source.value))
        if value is None:
            continue
        rate = (1000.0 / value if value else math.inf) if source is TimeSource.FRAME_TIME else value
        if LIMITS["frame rate"].allow(rate):
            return FrameTimes(np.arange(frame_count) / rate, source), warnings
        warnings.append(f"{source.value} {value:g} was passed over: not {LIMITS['frame rate'].possible_words}")
    return FrameTimes.unknown(_reason(header, warnings)), warnings


def _reason(header: Dataset, warnings: list[str]) -> str:
    if warnings:
        return "; ".join(warnings)
    unused = " (a FrameTimeVector is there, but nothing points to it)" if header.get("FrameTimeVector") else ""
    return f"the header has no FrameTimeVector, FrameTime, CineRate or RecommendedDisplayFrameRate in use{unused}"


def _vector(header: Dataset, frame_count: int, warnings: list[str]) -> FloatArray | None:
    pointers = header.get("FrameIncrementPointer")
    listed = pointers if isinstance(pointers, (list, tuple)) or hasattr(pointers, "__iter__") else [pointers]
    if pointers is None or _FRAME_TIME_VECTOR not in [int(pointer) for pointer in listed]:
        return None
    increments = _numbers(header.get("FrameTimeVector"))
    if len(increments) != frame_count:
        warnings.append(f"FrameTimeVector has {len(increments)} values for {frame_count} frames and was passed over")
        return None
    # The first increment is 0 by the standard; some write the interval there, which would shift all frames alike.
    seconds = np.concatenate([[0.0], np.cumsum(increments[1:])]) / 1000.0
    steps = np.diff(seconds)
    if not np.all(np.isfinite(steps)) or np.any(steps <= 0):
        warnings.append("FrameTimeVector does not rise from frame to frame and was passed over")
        return None
    impossible, _ = judge_times(seconds)
    if impossible:
        warnings.append(f"FrameTimeVector was passed over: {impossible}")
        return None
    return seconds


def _number(value: Any) -> float | None:
    try:
        return None if value is None or value == "" else float(value)
    except (TypeError, ValueError):
        return math.nan


def _numbers(value: Any) -> list[float]:
    if value is None or value == "":
        return []
    values = [value] if isinstance(value, (int, float, str)) else list(value)
    return [math.nan if (number := _number(item)) is None else number for item in values]


def find_clock_times(headers: Sequence[Dataset]) -> FloatArray | None:
    """Seconds ``[T]`` from the first of single frames by TriggerTime, ContentTime or AcquisitionTime.

    None where none of them rises from frame to frame.
    """
    for keyword, read in (("TriggerTime", _milliseconds), ("ContentTime", _clock), ("AcquisitionTime", _clock)):
        seconds = np.array([read(header.get(keyword)) for header in headers])
        if np.all(np.isfinite(seconds)) and np.all(np.diff(seconds) > 0):
            return np.asarray(seconds - seconds[0], np.float64)
    return None


def _milliseconds(value: Any) -> float:
    number = _number(value)
    return math.nan if number is None else number / 1000.0


def _clock(value: Any) -> float:
    """Seconds since midnight of a DICOM time ``HHMMSS.FFFFFF``, NaN where it is none."""
    match = re.fullmatch(r"(\d{2})(\d{2})(\d{2}(?:\.\d+)?)", str(value or "").strip())
    return math.nan if match is None else 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3])


def find_heart_rate(header: Dataset) -> tuple[float | None, list[str]]:
    """HeartRate in beats per minute, and warnings; None when it is missing or 0, which scanners write without an ECG.

    What no heart does is passed over.
    """
    rate = _number(header.get("HeartRate"))
    if rate is None or rate == 0:
        return None, []
    if not LIMITS["HR"].allow(rate):
        return None, [f"HeartRate {rate:g} was passed over: not {LIMITS['HR'].possible_words}"]
    return rate, []


def find_r_waves(header: Dataset) -> tuple[float, ...]:
    """RWaveTimeVector in seconds from the first frame, rising; empty when it is missing."""
    times = [number / 1000.0 for number in _numbers(header.get("RWaveTimeVector")) if math.isfinite(number)]
    return tuple(sorted(times))
