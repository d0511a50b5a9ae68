"""Points on one caliper line: laid onto it, and moved by hand.

Septum, inner diameter and posterior wall are measured along one straight line, so that the points keep to it and to
their order. All of it happens in isotropic millimeters where the scale is known; points are pixels ``(x, y)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..cine import FloatArray
from .long_axis import MmPerPx, pixel_size

_BLUNT_PX = 0.5  # no point is known better than this when a line is fitted, as in `caliper_line`


def straightened(points: ArrayLike, sigma_px: ArrayLike, mm_per_px: MmPerPx | None = None) -> FloatArray:
    """``points [N, 2]`` laid onto the line that fits them best, weighted by their uncertainty ``sigma_px [N]``.

    Where they come in another order than the rows, the one that is known less well stops at its neighbor. NaN stays
    NaN; an uncertainty that is NaN counts as that of a point set by hand, which is none.
    """
    size = pixel_size(mm_per_px)
    placed = np.array(points, np.float64) * size
    sigma = np.nan_to_num(np.asarray(sigma_px, np.float64), posinf=np.finfo(np.float64).max)
    known = np.flatnonzero(np.isfinite(placed).all(axis=1))
    if known.size < 2:
        return placed / size
    weights = 1.0 / (np.minimum(sigma[known], 1e6) ** 2 + _BLUNT_PX**2)
    middle = np.average(placed[known], axis=0, weights=weights)
    direction = _direction(placed[known] - middle, weights)
    places = _in_order((placed[known] - middle) @ direction, sigma[known])
    placed[known] = middle + places[:, None] * direction
    return np.asarray(placed / size)


def _direction(centered: FloatArray, weights: FloatArray) -> FloatArray:
    """Unit vector of the line of least squared distances, from the first to the last of ``centered [N, 2]``."""
    line = np.linalg.eigh((centered * weights[:, None]).T @ centered)[1][:, -1]
    rising = (centered @ line) @ (np.arange(len(centered)) - (len(centered) - 1) / 2)
    return np.asarray(line if rising >= 0 else -line, np.float64)


def _in_order(places: FloatArray, sigma: FloatArray) -> FloatArray:
    """``places [N]`` that do not fall: the surest stay, each of the others stops at its neighbors among them."""
    settled = np.full(places.size, np.nan)
    for index in np.argsort(sigma, kind="stable"):
        low = np.nanmax([-np.inf, *settled[:index]])
        high = np.nanmin([np.inf, *settled[index + 1 :]])
        settled[index] = min(max(places[index], low), high)
    return settled


def dragged(points: ArrayLike, index: int, to: ArrayLike, mm_per_px: MmPerPx | None = None) -> FloatArray:
    """``points [N, 2]`` on one line, in order, after the one at ``index`` is put at ``to`` ``[2]``.

    The line turns about its far end, the end that is farther from the point that is moved, to go through where this is
    put; the others are projected onto it. The point itself is exactly there unless it would pass a neighbor: then it
    stops at it, so that no length is negative. Two points alone are free. NaN stays NaN.
    """
    size = pixel_size(mm_per_px)
    placed, target = np.array(points, np.float64), np.asarray(to, np.float64)
    others = [i for i in np.flatnonzero(np.isfinite(placed).all(axis=1)).tolist() if i != index]
    moved = placed.copy()
    moved[index] = target
    if len(others) < 2:
        return moved
    pivot = _far_end(placed * size, index, others)
    along = (target - placed[pivot]) * size * (1.0 if index > pivot else -1.0)
    rising = _rising(placed * size, index, others)
    if along.any() and (along @ rising > 0 or not rising.any()):
        direction = along / np.linalg.norm(along)
        places = ((placed - placed[pivot]) * size) @ direction
        moved[others] = placed[pivot] + places[others, None] * direction / size
        places[index] = float(((target - placed[pivot]) * size) @ direction)
        stop = _passed(places, index, others)
    else:  # turned around: it has passed all that lies before the far end
        stop = min(i for i in others if i > index) if pivot > index else max(i for i in others if i < index)
    if stop is not None:
        moved[index] = moved[stop]
    return moved


def _far_end(placed: FloatArray, index: int, others: list[int]) -> int:
    first, last = others[0], others[-1]
    if not first < index < last:
        return last if index < first else first
    if not np.isfinite(placed[index]).all():
        return first
    return max((first, last), key=lambda end: float(np.linalg.norm(placed[end] - placed[index])))


def _rising(placed: FloatArray, index: int, others: list[int]) -> FloatArray:
    """From the first to the last point before the move."""
    known = sorted([*others, *([index] if np.isfinite(placed[index]).all() else [])])
    return np.asarray(placed[known[-1]] - placed[known[0]])


def _passed(places: FloatArray, index: int, others: list[int]) -> int | None:
    """The neighbor that the point at ``index`` would pass, None where it lies between its neighbors."""
    below = max((i for i in others if i < index), default=None)
    above = min((i for i in others if i > index), default=None)
    if below is not None and places[index] < places[below]:
        return below
    if above is not None and places[index] > places[above]:
        return above
    return None
