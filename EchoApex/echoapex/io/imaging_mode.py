"""Tells a 2D image from color flow, M-mode and spectral Doppler: by the header, else by what the pixels do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, ImageStack, Mode, ModeSource, Sector
from .color_to_gray import COLORED_STEP, ColorSamples
from .trace_strips import find_trace

# All numbers below are our choice, tried on the real cines that come with pydicom and on simulated clips.
_FLOW_SHARE = 0.004  # of the sector that flow must fill at some moment
_FLOW_CHANGE = 0.1  # of the colored area that comes or goes between samples; what stands still is drawn on the screen
_TINT_LEVELS = 32  # steps of the gray curve in which a tint is looked for
_TINT_QUANTILE = 0.1  # colors that even the palest pixels of a gray level have are the map's, not the blood's
_STILL_COLORS = "colored areas stand still, which may be color flow or drawn on the screen: one picture cannot tell"

_PAIRS = 8
_LONGEST_STEP = 4  # frames between the two of a pair: a slow trace must have moved on by more than coding noise
_ROWS = 64  # of the moving rows that are compared; a trace moves as one
_CHANGE_STEP = 6  # gray levels by which a pixel changes; less is coding noise
_MOVING_SHARE = 0.02  # of a row that changes somewhere in the clip, where the row belongs to what moves
_HIGH_ENOUGH = 0.15  # of the frame's rows must move; an ECG is lower
_SCROLL_LIMIT = 0.25  # of the width that a trace may move on between two frames
_SCROLL_REST = 0.5  # of the change between two frames that may remain when one is shifted
_SWEEP_WIDTH = 0.25  # of the columns that a trace may write anew between two frames
_CONTENT_STEP = 8  # gray levels between the darkest and brightest pixel of a column that is not empty
_FEWEST_COLUMNS = 16
_MARGIN = 6  # rows around what moves in which the baseline of a Doppler signal may lie
_FILLED = 0.7  # of a trace's columns that are not empty
_AGREEING = 0.75  # share of the pairs of frames that must say the same
_STANDING = 0.85  # change along time over change upwards, above which a trace is Doppler


@dataclass(frozen=True)
class FoundMode:
    """A mode, where it comes from, and what a user should know about it."""

    mode: Mode
    source: ModeSource
    warnings: tuple[str, ...] = ()


def settle_mode(header: Mode | None, frames: ImageStack, sector: Sector, colors: ColorSamples | None) -> FoundMode:
    """The ``header``'s mode, or what the pixels show where it is silent (None); as `mode_of_pixels`.

    Flow that comes and goes overrules a header that says 2D; colors that stand still may be drawn on the screen, so the
    header is believed over them. Either is told.
    """
    if header is None:
        return mode_of_pixels(frames, sector, colors)
    flow = find_flow(frames, sector.mask, colors) if header is Mode.TWO_D else Flow.NONE
    if flow is Flow.MOVING:
        overruled = "The header says 2D, but the pixels show color flow; the clip was taken for color Doppler"
        return FoundMode(Mode.COLOR, ModeSource.PIXELS, (overruled,))
    doubts = (f"The header says 2D, and {_STILL_COLORS}; the header was believed",) if flow is Flow.STILL else ()
    return FoundMode(header, ModeSource.HEADER, doubts)


def mode_of_pixels(frames: ImageStack, sector: Sector, colors: ColorSamples | None) -> FoundMode:
    """What ``frames`` (``uint8 [T, H, W]``) and the colors of a few of them show inside ``sector``.

    A clip whose columns move on as one is a trace, also where it has colors; one in which colored areas come and go is
    color flow. Where nothing moves, colored areas are taken for flow, since measuring in them would be worse than
    leaving out a picture that is only drawn on, and a trace is known by its shape (`find_trace`). What is none of these
    is 2D: from the pixels where something moves, else assumed.
    """
    moving = _moving_part(frames)
    if moving is not None and _is_trace(moving):
        mode = _kind_of_trace(moving.strip)
        return FoundMode(mode, ModeSource.PIXELS, (f"The pixels look like {mode} only, without a 2D image",))
    flow = find_flow(frames, sector.mask, colors)
    if flow is not Flow.NONE:
        told = (f"In this picture {_STILL_COLORS}; it was taken for color flow",) if flow is Flow.STILL else ()
        return FoundMode(Mode.COLOR, ModeSource.PIXELS, told)
    if moving is not None:
        return FoundMode(Mode.TWO_D, ModeSource.PIXELS)
    trace = find_trace(frames[-1])
    if trace is not None:
        told = (f"The picture looks like {trace.mode} only, without a 2D image: {trace.reason}",)
        return FoundMode(trace.mode, ModeSource.PIXELS, told)
    return FoundMode(Mode.TWO_D, ModeSource.ASSUMED)


# Color flow.


class Flow(Enum):
    """Whether there is color flow: none, in a picture that never changes, or coming and going."""

    NONE = "none"
    STILL = "still"
    MOVING = "moving"


def find_flow(frames: ImageStack, inside: BoolMask, colors: ColorSamples | None) -> Flow:
    """The color flow ``inside`` the sector (``bool [H, W]``).

    Flow is an area, beyond lines and letters, more colored than the palest pixels of its gray level (a tinted gray map
    colors all alike), and it comes and goes; in a still, being there is enough.
    """
    if colors is None or not colors.colored(inside):
        return Flow.NONE
    gray = frames[list(colors.frames)]
    areas = [_area(plain & inside) for plain in _beyond_tint(gray, colors.spreads, inside)]
    largest = max(float(area[inside].mean()) for area in areas)
    if largest < _FLOW_SHARE:
        return Flow.NONE
    if all(np.array_equal(gray[0], other) for other in gray[1:]):
        return Flow.STILL
    ever, always = np.logical_or.reduce(areas), np.logical_and.reduce(areas)
    changes = float((ever & ~always).sum()) >= _FLOW_CHANGE * float(ever.sum())
    return Flow.MOVING if changes else Flow.NONE


def _beyond_tint(gray: ImageStack, spreads: ImageStack, inside: BoolMask) -> BoolMask:
    """Pixels that are more colored than the tint of their gray level, ``bool [N, H, W]``."""
    step = 256 // _TINT_LEVELS
    level = gray // step
    counts = np.bincount(level[:, inside].ravel().astype(np.int64) * 256 + spreads[:, inside].ravel())
    counts = np.pad(counts, (0, _TINT_LEVELS * 256 - counts.size)).reshape(_TINT_LEVELS, 256)
    below = counts.cumsum(axis=1)
    tint = (below >= np.maximum(1, _TINT_QUANTILE * below[:, -1:])).argmax(axis=1)
    return np.asarray(spreads.astype(np.int16) - tint[level] >= COLORED_STEP)


def _area(mask: BoolMask) -> BoolMask:
    """The mask without lines and letters."""
    from scipy import ndimage

    width = max(3, mask.shape[0] // 80 | 1)
    return np.asarray(ndimage.maximum_filter(ndimage.minimum_filter(mask, width), width))


# Traces.

_Lines = NDArray[np.int16]


@dataclass(frozen=True)
class _Moving:
    """What moves in a clip: pairs of frames ``int16 [R, W]`` (a choice of the moving rows, all columns), the columns
    from ``left`` to ``right`` (not included) in which it moves, and ``strip``, all moving rows of the last frame;
    ``filled`` is the share of those columns in which it holds anything, a resting baseline included."""

    pairs: tuple[tuple[_Lines, _Lines], ...]
    left: int
    right: int
    strip: NDArray[np.uint8]
    filled: float


def _moving_part(frames: ImageStack) -> _Moving | None:
    """What moves in ``frames``, None where nothing does or what does is as low as an ECG."""
    step = min(_LONGEST_STEP, max(1, (len(frames) - 1) // 2))
    starts = np.unique(np.linspace(0, len(frames) - 1 - step, _PAIRS).round().astype(int)) if len(frames) > 2 else ()
    changed = np.zeros(frames.shape[1:], bool)
    for start in starts:
        before, after = frames[start], frames[start + step]
        changed |= np.maximum(before, after) - np.minimum(before, after) >= _CHANGE_STEP
    moving = np.flatnonzero(changed.mean(axis=1) >= _MOVING_SHARE)
    if moving.size < max(2, _HIGH_ENOUGH * len(changed)):
        return None
    columns = np.flatnonzero(changed[moving].mean(axis=0) >= _MOVING_SHARE)
    if columns.size < _FEWEST_COLUMNS:
        return None
    some = moving[np.unique(np.linspace(0, moving.size - 1, _ROWS).round().astype(int))]
    pairs = tuple((frames[t, some].astype(np.int16), frames[t + step, some].astype(np.int16)) for t in starts)
    left, right = int(columns[0]), int(columns[-1]) + 1
    around = frames[-1, max(0, moving[0] - _MARGIN) : moving[-1] + 1 + _MARGIN, left:right]
    filled = float(np.mean(np.ptp(around, axis=0) >= _CONTENT_STEP))
    return _Moving(pairs, left, right, frames[-1, moving], filled)


def _is_trace(moving: _Moving) -> bool:
    # A small thing that moves on a flat background is none.
    return moving.filled >= _FILLED and (_scrolls(moving) or _sweeps(moving))


def _scrolls(moving: _Moving) -> bool:
    """Whether each frame is the one before, shifted to the left by the same number of columns."""
    side = slice(moving.left, moving.right)
    shifts = [_shift(before[:, side], after[:, side]) for before, after in moving.pairs]
    found = np.array([shift for shift in shifts if shift is not None])
    if found.size < max(2, _AGREEING * len(shifts)):
        return False
    # Frame times are not quite even, and columns are whole.
    return bool(np.mean(np.abs(found - np.median(found)) <= 1 + 0.1 * np.median(found)) >= _AGREEING)


def _shift(before: _Lines, after: _Lines) -> int | None:
    """Columns by which ``after`` lies to the left of ``before``; None where no shift explains the change."""
    width = before.shape[1]
    shifts = range(1, max(2, int(_SCROLL_LIMIT * width)))
    rests = [float(np.abs(after[:, : width - shift] - before[:, shift:]).mean()) for shift in shifts]
    best = int(np.argmin(rests))
    return shifts[best] if rests[best] < _SCROLL_REST * float(np.abs(after - before).mean()) else None


def _sweeps(moving: _Moving) -> bool:
    """Whether each frame only writes a few columns anew, further on to the right than the frame before."""
    heads = [_written_until(before, after) for before, after in moving.pairs]
    found = np.array([head for head in heads if head is not None])
    if found.size < max(2, _AGREEING * len(heads)):
        return False
    # One step may go back: from the right end to the left.
    return int((np.diff(found) <= 0).sum()) <= (1 if found.size > 2 else 0)


def _written_until(before: _Lines, after: _Lines) -> int | None:
    """Last column that was written anew; None where changes are not confined to a few columns side by side."""
    change = np.abs(after - before).mean(axis=0)
    written = np.flatnonzero(change > max(0.5, 0.1 * float(change.max())))
    if written.size == 0:
        return None
    width = change.size
    # Past the right end it goes on at the left: the widest gap lies outside of what was written.
    gaps = np.diff(np.append(written, written[0] + width))
    widest = int(gaps.argmax())
    return int(written[widest]) if width - int(gaps[widest]) < _SWEEP_WIDTH * width else None


def _kind_of_trace(strip: NDArray[np.uint8]) -> Mode:
    """Spectral Doppler, whose signals stand up from the baseline, or M-mode, whose layers lie along time."""
    from scipy import ndimage

    values = strip[:, np.ptp(strip, axis=0) >= _CONTENT_STEP].astype(np.float32)
    reach = max(3, min(values.shape) // 25 | 1)
    # Without the lines of baseline and ECG, then without speckle.
    smooth = ndimage.uniform_filter(ndimage.median_filter(values, (reach, 1)), reach)
    along_time = float(np.abs(smooth[:, reach:] - smooth[:, :-reach]).mean())
    upwards = float(np.abs(smooth[reach:] - smooth[:-reach]).mean())
    return Mode.DOPPLER if along_time > _STANDING * upwards else Mode.M_MODE
