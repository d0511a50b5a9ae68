"""Whether the points of a wall move through the beat as a wall can; one that jumps from echo to echo is not given.

Chordae, trabeculae and the mitral annulus lie near the posterior wall, and a point that is taken for one of them in
some frames jumps back in others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..cine import BoolMask, FloatArray, FrameTimes
from .caliper_line import DIAMETER, POSTERIOR, SEPTUM, CaliperLines
from .long_axis import MmPerPx, pixel_size

MAX_SPEED_MM_S = 200.0
"""A point that moves faster is held to have jumped. Own choice, by what it does on 59 simulated clips: 3 of 10 walls
that were over 4 mm wrong are withheld for it, and 6 of 139 right ones; at 150 mm/s 5 and 16, at 300 mm/s 3 and 4."""

MAX_THICKENING_MM_S = 150.0
"""A wall gets thicker or thinner no faster than this (own choice: at most 93 mm/s in simulated hearts)."""

MOST_JUMPS = 1
"""Steps faster than that in the whole clip which are only doubted, once lone frames are outvoted: a point that jumps
away and comes back has made two (own choice)."""

MAX_RATIO, USUAL_RATIO = 2.5, 2.0
"""Largest over smallest thickness through the clip: walls thicken in systole by up to about 100 %. Above the first no
wall is given, above the second it is doubted (own choices)."""

MOST_OUTSIDE = 0.25
"""Share of the frames in which a point of a wall may lie outside of the image (own choice)."""

# Own choices. Lone frames are outvoted as where a wall is measured.
_OUTVOTED_FRAMES = 3
_LEAST_STEP_MM = 2.0  # less is how landmarks waver, at high frame rates fast
_SMOOTH_S = 0.12
_OF_NORMAL = 1.2533  # standard deviation of normal errors over the mean of their sizes


@dataclass(frozen=True)
class JudgedWalls:
    """What speaks against septum, inner diameter and posterior wall, by their index along the caliper line, in words.

    Those in ``withheld`` are not given, those in ``doubted`` with a warning.
    """

    withheld: dict[int, str]
    doubted: dict[int, str]


def judge_walls(
    lines: CaliperLines, times: FrameTimes, mm_per_px: MmPerPx | None = None, sector: BoolMask | None = None
) -> JudgedWalls:
    """The lengths whose points jump, that thicken more than a wall can, or whose points leave ``sector [H, W]``.

    Speeds are judged where scale and frame times are known.
    """
    withheld: dict[int, list[str]] = {}
    doubted: dict[int, list[str]] = {}
    jumps = _jumps(lines, times) if mm_per_px is not None and times.seconds is not None else [0, 0, 0]
    for index, count in enumerate(jumps):
        if count:
            words = f"its points jump faster than a wall moves in {count} step{'s' if count > 1 else ''} of the clip"
            (withheld if count > MOST_JUMPS else doubted).setdefault(index, []).append(words)
    for index, ratio in _ratios(lines, times):
        if ratio > USUAL_RATIO:
            words = f"it gets {ratio:.1f} times as thick through the clip, and a wall at most about twice"
            (withheld if ratio > MAX_RATIO else doubted).setdefault(index, []).append(words)
    for index, share in enumerate(_outside(lines, mm_per_px, sector)):
        if share > 0:
            words = f"a point of it lies outside of the ultrasound image in {share:.0%} of the frames"
            (withheld if share > MOST_OUTSIDE else doubted).setdefault(index, []).append(words)
    return JudgedWalls(*({index: ", and ".join(words) for index, words in one.items()} for one in (withheld, doubted)))


def scatter(lengths: FloatArray, times: FrameTimes) -> FloatArray:
    """How far the ``lengths [T, 3]`` scatter around their smooth course: a standard deviation for each, NaN if unknown.

    The course is the median over 120 ms, which follows what rises or falls steadily.
    """
    found = np.full(lengths.shape[1], np.nan)
    for index, column in enumerate(lengths.T):
        known = column[np.isfinite(column)]
        if known.size:
            found[index] = _OF_NORMAL * np.abs(known - _course(known, times)).mean()
    return found


def _course(known: FloatArray, times: FrameTimes) -> FloatArray:
    from scipy.ndimage import median_filter

    rate = times.frame_rate
    half = 1 if rate is None else max(1, round(_SMOOTH_S * rate / 2))
    return np.asarray(median_filter(known, size=min(2 * half + 1, known.size), mode="nearest"), np.float64)


def _jumps(lines: CaliperLines, times: FrameTimes) -> list[int]:
    """Steps from frame to frame, for each length, in which a point of it or its thickness is too fast."""
    seconds = np.asarray(times.seconds, np.float64)
    speeds = [_speeds(lines.points[:, point], seconds) > MAX_SPEED_MM_S for point in range(lines.points.shape[1])]
    counts = []
    for index in (SEPTUM, DIAMETER, POSTERIOR):
        fast = speeds[index] | speeds[index + 1]
        if index != DIAMETER:
            fast |= _speeds(lines.lengths[:, [index]], seconds) > MAX_THICKENING_MM_S
        counts.append(int(fast.sum()))
    return counts


def _speeds(values: FloatArray, seconds: FloatArray) -> FloatArray:
    """Speeds of the steps of ``values [T, N]`` once lone frames are outvoted, ``[T - 1]``; 0 for small ones."""
    from scipy.ndimage import median_filter

    speeds = np.zeros(len(values) - 1)
    known = np.flatnonzero(np.isfinite(values).all(axis=1))
    if known.size < _OUTVOTED_FRAMES:
        return speeds
    voted = median_filter(values[known], size=(_OUTVOTED_FRAMES, 1), mode="nearest")
    steps = np.linalg.norm(np.diff(voted, axis=0), axis=1)
    speeds[known[:-1]] = np.where(steps < _LEAST_STEP_MM, 0.0, steps) / np.diff(seconds[known])
    return speeds


def _ratios(lines: CaliperLines, times: FrameTimes) -> Iterator[tuple[int, float]]:
    """Largest over smallest thickness of both walls, a twentieth of the frames at either end left out."""
    for index in (SEPTUM, POSTERIOR):
        known = lines.lengths[np.isfinite(lines.lengths[:, index]), index]
        if known.size:
            low, high = np.percentile(_course(known, times), (5, 95))
            yield index, float(high / low)


def _outside(lines: CaliperLines, mm_per_px: MmPerPx | None, sector: BoolMask | None) -> list[float]:
    """For each length, the share of the known frames in which one of its points lies outside of the sector."""
    if sector is None:
        return [0.0, 0.0, 0.0]
    pixels = np.rint(lines.points / pixel_size(mm_per_px))
    known: BoolMask = np.asarray(np.isfinite(pixels).all(axis=2))
    x, y = (np.nan_to_num(pixels[..., axis]).astype(np.int64) for axis in (0, 1))
    rows, columns = sector.shape
    beyond: BoolMask = np.asarray((x < 0) | (y < 0) | (x >= columns) | (y >= rows))
    within = ~beyond & sector[np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)]
    shares = []
    for index in (SEPTUM, DIAMETER, POSTERIOR):
        both = known[:, index : index + 2].all(axis=1)
        shares.append(1.0 - float(within[both, index : index + 2].all(axis=1).mean()) if both.any() else 0.0)
    return shares
