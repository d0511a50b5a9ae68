"""Finds a display against time in a single frame: the strip of spectral Doppler or M-mode, by its shape alone.

Along a strip every column shows one place at another moment, from one straight end to the other. So the layers of an
M-mode run along it over its whole length, and the signals of spectral Doppler stand on a straight baseline and come
again with every beat. The sides of an ultrasound image slant, or it has borders in all directions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, Mode

# All numbers below are our choice, tried on simulated strips, hearts and other images.
_SIDE = 320  # pixels of the longer side of the picture in which strips are looked at
_SMALLEST_PX = 32  # rows and columns in which anything is looked for

_LINE_STEP = 10  # gray levels by which a baseline is brighter than what is above and below it
_LINE_GRAY = 40  # gray level of the darkest baseline
_LINE_EVEN = 15  # gray levels by which a baseline, drawn in one gray, differs along itself
_LINE_SEEN = 0.3  # of a baseline that signals leave free on both sides
_LINE_LENGTH = 0.4  # of the width
_LINES = 3  # longest lines that are looked at
_REACH = 0.3  # of the height: how far from the baseline signals are looked at
_LEAST_SIDE = 0.05  # of the height: where less is left, nothing is looked at
_AGAIN_AT_LINE = 0.35  # how much better signals on a baseline agree with themselves a beat later than between

_TEXTURE_STEP = 2  # gray levels between neighbors where a strip is not empty
_END_WIDTH = 5  # columns beyond an end that are empty
_END_FULL, _END_EMPTY = 0.7, 0.2  # of the columns within and beyond the end of a row of the strip
_ENDS = 12  # likeliest columns for either end
_BOX_LENGTH = 0.4  # of the width
_BOX_ROWS = 0.08  # of the height: rows that begin at one end and stop at the other
_BOX_HEIGHT = 0.12  # of the height, from the first of these rows to the last
_LAYERED = 0.075  # of the change along time to that upwards (squares of steps) below which a strip is layered
_MOMENTS, _APART = 16, 4  # parts of a strip, and how many of them those that are compared lie apart
_SHIFT = 0.1  # of its height by which layers may move meanwhile
_ALIKE_LAYERS, _ALIKE_BEATS = 0.3, 0.5  # correlation of such parts where layers run on, where beats come again
_UNEVEN = 0.12  # standard deviation of the brightness of such parts, of its mean; tissue beside tissue differs more
_AGAIN = 1.05  # as `_AGAIN_AT_LINE`, without a baseline
_STANDING = 0.2  # as `_LAYERED`: above, the beats that come again are Doppler signals

_Gray = NDArray[np.float32]


@dataclass(frozen=True)
class FoundTrace:
    """The kind of display, and what shows it, in words."""

    mode: Mode
    reason: str


def find_trace(frame: NDArray[np.uint8]) -> FoundTrace | None:
    """The display against time in ``frame`` (``uint8 [H, W]``), None where none is seen.

    Also where a small image stands above it: that is frozen or seldom renewed while a trace is recorded.
    """
    if min(frame.shape) < _SMALLEST_PX:
        return None
    if any(_again(side) >= _AGAIN_AT_LINE for line in _baselines(frame) for side in _sides(frame, *line)):
        return FoundTrace(Mode.DOPPLER, "signals that come again with each beat stand on a straight baseline")
    strip = _between_straight_ends(_reduced(frame))
    if strip is None:
        return None
    parts = _parts(strip)
    slope, alike = _slope(strip), _alike(parts)
    if slope <= _LAYERED and alike >= _ALIKE_LAYERS and _uneven(parts) <= _UNEVEN:
        return FoundTrace(Mode.M_MODE, "layers run along a strip from one straight end to the other")
    if alike >= _ALIKE_BEATS and _again(strip) >= _AGAIN:
        mode = Mode.DOPPLER if slope > _STANDING else Mode.M_MODE
        return FoundTrace(mode, "a strip with straight ends shows the same again with each beat")
    return None


def _reduced(frame: NDArray[np.uint8]) -> _Gray:
    """The frame with its longer side at most some `_SIDE` pixels, each the mean of a block."""
    step = max(1, round(max(frame.shape) / _SIDE))
    rows, columns = (size // step for size in frame.shape)
    blocks = frame[: rows * step, : columns * step].reshape(rows, step, columns, step)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))


# Spectral Doppler.


def _baselines(frame: NDArray[np.uint8]) -> list[tuple[int, slice]]:
    """The longest straight lines along a row, drawn in one gray: their rows and columns."""
    reach = max(2, len(frame) // 160) + 1
    gray = np.pad(frame, ((reach, reach), (0, 0)), mode="edge").astype(np.int16)
    above = gray[reach:-reach] - np.maximum(gray[: -2 * reach], gray[2 * reach :]) >= _LINE_STEP
    found = [(int(row), _longest_run(frame[row], above[row])) for row in np.flatnonzero(_long(above.mean(axis=1)))]
    lines = [(row, run) for row, run in found if run.stop - run.start >= _LINE_LENGTH * frame.shape[1]]
    seen = [(row, run) for row, run in lines if above[row, run].mean() >= _LINE_SEEN]
    return sorted(seen, key=lambda line: line[1].start - line[1].stop)[:_LINES]


def _long(shares: NDArray[np.float64]) -> BoolMask:
    return np.asarray(shares >= _LINE_SEEN * _LINE_LENGTH)


def _longest_run(row: NDArray[np.uint8], above: BoolMask) -> slice:
    """The longest part of ``row`` that has the gray level of what stands out of it; nothing where that is dark."""
    from scipy import ndimage

    level = float(np.median(row[above]))
    if level < _LINE_GRAY:
        return slice(0, 0)
    gap = max(1, row.size // 100)
    even = np.pad(np.abs(row - level) <= _LINE_EVEN, gap)
    ends = np.flatnonzero(np.diff(ndimage.binary_closing(even, np.ones(gap + 1)), prepend=False, append=False))
    runs = ends.reshape(-1, 2) - gap
    if not len(runs):
        return slice(0, 0)
    start, stop = (int(end) for end in runs[np.argmax(runs[:, 1] - runs[:, 0])])
    return slice(max(0, start), min(row.size, stop))


def _sides(frame: NDArray[np.uint8], row: int, columns: slice) -> Iterator[_Gray]:
    """What stands above a baseline and what hangs below it, without the line itself."""
    reach = round(_REACH * len(frame))
    for side in (frame[max(0, row - reach) : max(0, row - 2), columns], frame[row + 3 : row + reach, columns]):
        if len(side) > _LEAST_SIDE * len(frame):
            yield _reduced(side)


def _again(strip: _Gray) -> float:
    """How much better a strip agrees with itself a beat later than before that (difference of correlations).

    A beat is at least a thirtieth of the strip and at most half of it.
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(strip, 1.0)
    smooth -= smooth.mean(axis=1, keepdims=True)
    width = strip.shape[1]
    best, least = 0.0, 1.0
    for lag in range(max(3, width // 30), width // 2):
        before, after = smooth[:, :-lag], smooth[:, lag:]
        size = float(np.sqrt((before**2).sum() * (after**2).sum()))
        agreement = float((before * after).sum()) / max(size, 1e-6)
        least = min(least, agreement)
        best = max(best, agreement - least)
    return best


# Strips with straight ends.


def _between_straight_ends(picture: _Gray) -> _Gray | None:
    """The rectangle in which most rows begin and stop in one column, None where hardly any do."""
    begin, stop = _row_ends(picture)
    rows, columns = picture.shape
    best = np.zeros(rows, bool)
    box = slice(0, 0)
    for left, right in _likeliest(begin, stop, _BOX_LENGTH * columns):
        both = begin[:, left] & stop[:, right]
        if both.sum() > best.sum():
            best, box = both, slice(left, right)
    found = np.flatnonzero(best)
    if found.size < max(2.0, _BOX_ROWS * rows) or np.ptp(found) < _BOX_HEIGHT * rows:
        return None
    return picture[found[0] : found[-1] + 1, box]


def _likeliest(begin: BoolMask, stop: BoolMask, length: float) -> Iterator[tuple[int, int]]:
    lefts, rights = (np.argsort(-ends.sum(axis=0), kind="stable")[:_ENDS] for ends in (begin, stop))
    for left in lefts:
        for right in rights:
            if right - left >= length:
                yield int(left), int(right)


def _row_ends(picture: _Gray) -> tuple[BoolMask, BoolMask]:
    """Where a textured part of a row begins, and where it stops (``bool [H, W + 1]``), a column more or less."""
    rows, columns = picture.shape
    texture = np.zeros((rows, columns), bool)
    texture[:, 1:] = np.abs(np.diff(picture, axis=1)) >= _TEXTURE_STEP
    texture[1:] |= np.abs(np.diff(picture, axis=0)) >= _TEXTURE_STEP
    sums = np.pad(texture, ((0, 0), (1, 0))).cumsum(axis=1)
    place = np.arange(columns + 1)

    def share(first: int, last: int) -> NDArray[np.float64]:
        """Of the columns from ``first`` to before ``last``, counted from each place; 0 outside of the picture."""
        low, high = np.clip(place + first, 0, columns), np.clip(place + last, 0, columns)
        return np.asarray((sums[:, high] - sums[:, low]) / np.maximum(high - low, 1))

    full = _END_WIDTH + 2
    begin = (share(0, full) >= _END_FULL) & (share(-_END_WIDTH, 0) <= _END_EMPTY)
    stop = (share(-full, 0) >= _END_FULL) & (share(0, _END_WIDTH) <= _END_EMPTY)
    return _widened(begin), _widened(stop)


def _widened(ends: BoolMask) -> BoolMask:
    wide = ends.copy()
    wide[:, 1:] |= ends[:, :-1]
    wide[:, :-1] |= ends[:, 1:]
    return wide


def _slope(strip: _Gray) -> float:
    """Squared steps along time over those upwards, once speckle is smoothed along time: how steep borders are."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(strip, (1.0, strip.shape[1] / 60))
    upwards, along = np.diff(smooth, axis=0), np.diff(smooth, axis=1)
    return float((along**2).sum() / max(float((upwards**2).sum()), 1e-6))


def _parts(strip: _Gray) -> _Gray:
    """The mean columns of equal parts of a strip, ``[H, _MOMENTS]``."""
    rows, columns = strip.shape
    parts = strip[:, : columns // _MOMENTS * _MOMENTS].reshape(rows, _MOMENTS, -1)
    return np.asarray(parts.mean(axis=2))


def _uneven(parts: _Gray) -> float:
    brightness = parts.mean(axis=0)
    return float(brightness.std() / brightness.mean())


def _alike(parts: _Gray) -> float:
    """Typical correlation of two parts a quarter of the strip apart, one moved up or down to fit the other."""
    furthest = max(1, round(_SHIFT * len(parts)))
    pairs = zip(parts[:, :-_APART].T, parts[:, _APART:].T, strict=True)
    best = [max(_correlation(a, b, shift) for shift in range(-furthest, furthest + 1)) for a, b in pairs]
    return float(np.median(best))


def _correlation(one: _Gray, other: _Gray, shift: int) -> float:
    a, b = one[max(0, shift) : one.size + min(0, shift)], other[max(0, -shift) : other.size - max(0, shift)]
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0
