"""Heartbeats from the size of the left ventricle over time.

ED is the frame at the R wave, or the frame of largest volume; ES the smallest between two EDs (Lang et al., ASE/EACVI
2015, doi 10.1016/j.echo.2014.10.003). A fall counts as a systole when it is at least half of the trimmed range of the
curve, the rule of EchoNet-Dynamic (Ouyang et al., Nature 2020;580:252).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cine import FloatArray, FrameTimes, TimeSource
from ..errors import MeasureError
from ..limits import LIMITS
from .measurement import Beat, Measurement, Source

MAX_IRREGULARITY = 0.2
"""Beats whose lengths differ by more than this share of their mean are called irregular (own choice)."""

MIN_FRAME_RATE = 30.0
"""Frames per second below which end-systole may fall between two frames (own choice)."""

_SHOWN_AT = (TimeSource.DISPLAY_RATE, TimeSource.CONTAINER)

TOO_SHORT = "EF needs a clip of at least two frames, from end-diastole to end-systole"

_TRIM = 0.05
_PROMINENCE = 0.5
# Own choices: shares of the range or size of the curve, tried on simulated curves with noise and drop-outs.
_LEAST_CHANGE = 0.03
_LEAST_SIGNAL = 4.5
_LEAST_FOR_NOISE = 8
_JUMP = 0.5
_SMOOTHING_S = 0.06
_SMOOTHING_FRAMES = 2
_EDGE_SHARE = 0.95
_LONE_SHARE = 0.9
_R_WAVE_EXCESS = 0.2
_MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class BeatSearch:
    """The beats that were found, what to know about them, and the ``reason`` where there are none."""

    beats: tuple[Beat, ...]
    warnings: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class _Curve:
    """The measured span of a curve, gaps filled and smoothed; ``start`` is its first frame in the clip."""

    smooth: FloatArray
    measured: NDArray[np.bool_]
    start: int
    least_fall: float
    warnings: tuple[str, ...]

    def frame(self, index: int) -> int:
        """The measured frame of the clip nearest to ``index`` of the curve."""
        candidates = np.flatnonzero(self.measured)
        return self.start + int(candidates[np.argmin(np.abs(candidates - index))])


@dataclass(frozen=True)
class _Systole:
    """A fall of the curve, by index; ``doubtful`` where the clip's start or end may have cut it short."""

    top: int
    bottom: int
    next_top: int | None
    doubtful: str = ""


def find_beats(curve: ArrayLike, times: FrameTimes, r_wave_times: Sequence[float] = ()) -> list[Beat]:
    """The beats of a clip, as `search_beats` finds them; empty where there are none."""
    return list(search_beats(curve, times, r_wave_times).beats)


def search_beats(curve: ArrayLike, times: FrameTimes, r_wave_times: Sequence[float] = ()) -> BeatSearch:
    """Find the beats in ``curve`` ``[T]``: volume or area of the left ventricle, NaN where it was not measured.

    ``r_wave_times`` are seconds from the first frame. A beat needs its systole; the rest may be missing. A systole at
    the start or end of the clip is used if it falls about as far as the others, or, with a warning, if there are no
    others and the ventricle is nowhere much larger or smaller. Raises `MeasureError` for fewer than two frames, or a
    curve that does not fit ``times``.
    """
    values = _checked(curve, times)
    prepared = _prepare(values, times)
    if isinstance(prepared, str):
        return BeatSearch((), (), prepared)
    systoles, warnings = _gated_systoles(prepared, times, r_wave_times)
    if not systoles:
        systoles = _turning_systoles(prepared)
    kept, doubts = _without_cut_ones(systoles, prepared.smooth)
    beats = tuple(_beats(kept, prepared))
    notes = (*prepared.warnings, *warnings, *doubts, *_rate_doubts(beats, times))
    reason = "the clip holds no whole systole" if systoles else "the left ventricle does not get smaller in this clip"
    return BeatSearch(beats, notes, "" if beats else reason)


def heart_rates(beats: Sequence[Beat], times: FrameTimes) -> list[float]:
    """Heart rate (1/min) of each complete beat, ED to ED; empty where the frame times are unknown."""
    if times.seconds is None:
        return []
    seconds = times.seconds
    return [60.0 / float(seconds[b.next_ed] - seconds[b.ed]) for b in beats if b.next_ed is not None]


def measure_heart_rate(clip: str, beats: Sequence[Beat], times: FrameTimes) -> tuple[Measurement, ...]:
    """Mean heart rate as the measurement ``HR``; empty without a complete beat or frame times."""
    rates = heart_rates(beats, times)
    sources = tuple(Source(clip, (beat.ed, beat.next_ed)) for beat in beats if beat.next_ed is not None)
    return (Measurement("HR", float(np.mean(rates)), "1/min", "ed_to_ed", sources),) if rates else ()


def frame_rate_doubts(times: FrameTimes) -> tuple[str, ...]:
    """Warnings where frame times are unknown, of the display alone, or too far apart to meet end-systole."""
    rate = times.frame_rate
    if not times.known:
        return (f"No heart rate, since the frame times are unknown: {times.reason}",)
    doubts = []
    if times.source in _SHOWN_AT:
        doubts.append(
            f"The frame times are those of display ({times.source}): the heart rate is wrong if the clip was recorded "
            "at another rate"
        )
    if rate is not None and round(rate) < MIN_FRAME_RATE:  # 29.97 is 30 in video
        doubts.append(f"At {rate:.0f} frames/s, below {MIN_FRAME_RATE:.0f}, end-systole may fall between two frames")
    return tuple(doubts)


def _checked(curve: ArrayLike, times: FrameTimes) -> FloatArray:
    values = np.asarray(curve, np.float64)
    if values.ndim != 1 or values.size < 2:
        raise MeasureError(TOO_SHORT, value=values.shape)
    if times.seconds is not None and times.seconds.size != values.size:
        raise MeasureError("There must be one time for each frame of the curve", value=times.seconds.size)
    if np.any(np.isinf(values)):
        raise MeasureError("The curve must be finite, or NaN where it was not measured", value="infinity")
    return values


def _prepare(values: FloatArray, times: FrameTimes) -> _Curve | str:
    """The curve made ready for the search, or the reason why there is nothing to search."""
    measured, warnings = _measured(values)
    frames = np.flatnonzero(measured)
    if frames.size < 2:
        return f"the left ventricle was measured in {frames.size} of {values.size} frames"
    low, high = _trimmed_range(values[measured])
    if high - low <= _LEAST_CHANGE * abs(high):
        return f"the left ventricle changes by no more than {_LEAST_CHANGE:.0%} over the clip"
    span = slice(int(frames[0]), int(frames[-1]) + 1)
    filled = np.interp(np.arange(values.size), frames, values[frames])[span]
    smooth = _smoothed(filled, times.frame_rate)
    if np.ptp(smooth) <= _LEAST_SIGNAL * _noise(values[np.isfinite(values)]):
        return "the left ventricle changes no more from beat to beat than from frame to frame"
    return _Curve(smooth, measured[span], span.start, _PROMINENCE * (high - low), warnings)


def _measured(values: FloatArray) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Which frames to trust ``bool [T]``, and words on those left out."""
    present = np.isfinite(values)
    jumps = _jumps(values, present)
    warnings = []
    missing = int(np.sum(~present))
    if missing:
        warnings.append(f"{missing} of {values.size} frames have no measurable left ventricle; the curve bridges them")
    if jumps.size:
        listed = ", ".join(str(frame) for frame in jumps[:5]) + (", …" if jumps.size > 5 else "")
        warnings.append(f"The size jumps for a single frame, which was not used: frame {listed}")
        present[jumps] = False
    return present, tuple(warnings)


def _jumps(values: FloatArray, present: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Frames that differ from both neighbors by more than a heart can do between frames."""
    from scipy.ndimage import median_filter

    frames = np.flatnonzero(present)
    if frames.size < 5:
        return np.array([], np.intp)
    known = values[frames]
    low, high = _trimmed_range(known)
    middle = np.asarray(median_filter(known, size=3, mode="nearest"), np.float64)
    return np.asarray(frames[np.abs(known - middle) > _JUMP * (high - low)], np.intp)


def _trimmed_range(values: FloatArray) -> tuple[float, float]:
    ordered, last = np.sort(values), values.size - 1
    return float(ordered[round(last * _TRIM)]), float(ordered[round(last * (1.0 - _TRIM))])


def _smoothed(values: FloatArray, frame_rate: float | None) -> FloatArray:
    # A local parabola keeps the time and height of a turning point; a moving average would fill end-systole.
    from scipy.signal import savgol_filter

    half = _SMOOTHING_FRAMES if frame_rate is None else round(_SMOOTHING_S * frame_rate)
    window = 2 * min(half, (values.size - 1) // 4) + 1
    return np.asarray(savgol_filter(values, window, 2) if window > 3 else values, np.float64)


def _noise(values: FloatArray) -> float:
    """Standard deviation of white noise on a smooth curve, from its second differences (whose variance is 6-fold)."""
    if values.size < _LEAST_FOR_NOISE:
        return 0.0
    return float(_MAD_TO_SD * np.median(np.abs(np.diff(values, 2))) / np.sqrt(6.0))


def _turning_points(values: FloatArray, least: float) -> tuple[list[int], int]:
    """Tops and bottoms in turn, each followed by a change of at least ``least``, then one more that is not.

    Returns their indices and 0 if the first is a top, 1 if it is a bottom.
    """
    points: list[int] = []
    low = high = first = 0
    falling: bool | None = None
    for i, value in enumerate(values):
        high = i if value > values[high] else high
        low = i if value < values[low] else low
        if falling is not True and values[high] - value >= least:
            points.append(high)
            first, low, falling = (0 if falling is None else first), i, True
        elif falling is not False and value - values[low] >= least:
            points.append(low)
            first, high, falling = (1 if falling is None else first), i, False
    if falling is not None:
        points.append(low if falling else high)
    return points, first


def _turning_systoles(curve: _Curve) -> list[_Systole]:
    points, first = _turning_points(curve.smooth, curve.least_fall)
    systoles = []
    for k in range(first, len(points) - 1, 2):
        # The last point is not known to be a turning point, so it does not end a beat.
        next_top = points[k + 2] if k + 3 < len(points) else None
        doubtful = "the first frame of the clip is taken for end-diastole" if points[k] == 0 else ""
        systoles.append(_Systole(points[k], points[k + 1], next_top, doubtful or _cut_end(points[k + 1], curve)))
    return systoles


def _gated_systoles(
    curve: _Curve, times: FrameTimes, r_wave_times: Sequence[float]
) -> tuple[list[_Systole], tuple[str, ...]]:
    """Systoles that start at R waves, none where that does not work, and why it does not."""
    if len(r_wave_times) == 0:
        return [], ()
    if times.seconds is None:
        return [], ("The R waves are not used, since the frame times are unknown",)
    tops = _r_wave_indices(curve, times.seconds, r_wave_times)
    gated = [_gated_systole(curve, top, following) for top, following in zip(tops, [*tops[1:], None], strict=False)]
    systoles = [systole for systole in gated if systole is not None]
    if not systoles:
        return [], ("No R wave starts a systole of this clip; end-diastole is the largest size instead",)
    return systoles, _r_wave_doubts(systoles, curve.smooth)


def _gated_systole(curve: _Curve, top: int, next_top: int | None) -> _Systole | None:
    """The systole after the R wave at index ``top``, or None where the ventricle does not fall from there."""
    points, first = _turning_points(curve.smooth[top:next_top], curve.least_fall)
    if len(points) < 2 or first == 1:
        return None
    bottom = top + points[1]
    if curve.smooth[top] - curve.smooth[bottom] < curve.least_fall:
        return None
    # A second fall before the next R wave: one was missed, and the length of this beat is not known.
    return _Systole(top, bottom, next_top if len(points) <= 3 else None, _cut_end(bottom, curve))


def _r_wave_indices(curve: _Curve, seconds: FloatArray, r_wave_times: Sequence[float]) -> list[int]:
    slack = float(np.median(np.diff(seconds)))
    within = [t for t in r_wave_times if seconds[0] - slack <= t <= seconds[-1] + slack]
    indices = {int(np.argmin(np.abs(seconds - t))) - curve.start for t in within}
    return sorted(i for i in indices if 0 <= i < curve.smooth.size)


def _r_wave_doubts(systoles: list[_Systole], smooth: FloatArray) -> tuple[str, ...]:
    tops = [smooth[s.top : s.next_top].max() for s in systoles]
    excess = [(top - smooth[s.top]) / (smooth[s.top] - smooth[s.bottom]) for s, top in zip(systoles, tops, strict=True)]
    if max(excess) <= _R_WAVE_EXCESS:
        return ()
    return ("The left ventricle grows well beyond its size at the R wave: are ECG and frames in step?",)


def _cut_end(bottom: int, curve: _Curve) -> str:
    last = bottom == curve.smooth.size - 1
    return "the last frame of the clip is taken for end-systole" if last else ""


def _without_cut_ones(systoles: list[_Systole], smooth: FloatArray) -> tuple[list[_Systole], tuple[str, ...]]:
    """Drop systoles that the clip seems to cut short.

    They are held against the whole ones; where there are none, against all that the ventricle changes within the clip:
    what falls by less has begun before the clip or goes on after it. Those that are kept then say so.
    """
    if not systoles:
        return [], ()
    falls = [float(smooth[s.top] - smooth[s.bottom]) for s in systoles]
    whole = [fall for s, fall in zip(systoles, falls, strict=True) if not s.doubtful]
    least = _EDGE_SHARE * float(np.median(whole)) if whole else _LONE_SHARE * float(np.ptp(smooth))
    kept = [s for s, fall in zip(systoles, falls, strict=True) if (whole and not s.doubtful) or fall >= least]
    dropped = len(systoles) - len(kept)
    words = [f"{dropped} systole(s) cut short by the start or end of the clip were left out"] if dropped else []
    return kept, (*words, *(f"Only part of a beat: {s.doubtful}" for s in kept if not whole))


def _beats(systoles: list[_Systole], curve: _Curve) -> list[Beat]:
    beats = []
    for s in systoles:
        ed, es = curve.frame(s.top), curve.frame(s.bottom)
        next_ed = None if s.next_top is None else curve.frame(s.next_top)
        # Next to a gap, two turning points may come to lie on the same measured frame.
        if ed < es:
            beats.append(Beat(ed, es, next_ed if next_ed is not None and next_ed > es else None))
    return beats


def _rate_doubts(beats: tuple[Beat, ...], times: FrameTimes) -> tuple[str, ...]:
    rates = heart_rates(beats, times)
    odd = [rate for rate in (float(np.mean(rates)), *rates) if not LIMITS["HR"].expect(rate)] if rates else []
    return (LIMITS["HR"].doubt(odd[0]),) if odd else _irregular(beats, times)


def _irregular(beats: tuple[Beat, ...], times: FrameTimes) -> tuple[str, ...]:
    if times.seconds is None:
        return ()
    # From ES to ES: without R waves, ED is anywhere on a flat top.
    pairs = [(a.es, b.es) for a, b in pairwise(beats) if a.next_ed == b.ed]
    lengths = [float(times.seconds[after] - times.seconds[before]) for before, after in pairs]
    if len(lengths) < 2 or max(lengths) - min(lengths) <= MAX_IRREGULARITY * float(np.mean(lengths)):
        return ()
    slow, fast = 60.0 / max(lengths), 60.0 / min(lengths)
    return (
        f"The beats are irregular ({slow:.0f} to {fast:.0f}/min): a mean over {len(beats)} of them may not stand for "
        "this heart",
    )
