"""From what a picture shows to the fan that explains it, the sector within it, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray
from .convex_hull import convex_hull
from .fan_certainty import fan_certainty
from .fan_evidence import Evidence, evidence_of
from .fan_fitting import FINE_ANGLE, UNCUT, Edges, Fan, fit_fan, refit_fan
from .picture_activity import Activity

# Own choices, tried on simulated sectors within screens, with dim sides, crops and frames of their own.
_FILLS = 0.97  # of the frame that is filled, where there is no border to find
_BOXY = 0.93  # of its box that a sector fills: it is no fan, but a screen
_EMPTY_COSTS = 0.06  # of a cell: parts of a sector are black (cavities, shadows, dim sides and corners)
_EMPTY_AXIS_COSTS = 1.0  # where only the axis is searched for
_SLACK = 1.5  # cells by which what is seen may lie beside the fan
# Of the rim of the fan, what is not seen does not belong to the sector: cells where the fan is dim, and a share of the
# longer side where it is seen to its border; the agreement of fan and hull, intersection over union, tells which.
_DIM_RIM, _SEEN_RIM = 0.5, 0.06
_DIM_AGREEMENT, _SEEN_AGREEMENT = 0.8, 0.95

# Cuts: rows in which the picture ends within a pixel or so of the same column are no ragged or dim side.
_CUT_PX = 480  # along the longer side, in which cuts are looked for
_CUT_SHARE = 0.3  # of the rows that the fan has there
_SHORTEST_CUT = 0.08  # of all rows in which the fan is seen
_MOST_CUT = 0.3  # of the width or height of a fan; where more is missing, it is dark
_FEWEST_ROWS = 8
_ROWS_BEYOND = (0.0, 0.02, 0.06)  # share of rows with something of another kind beyond a cut
_RAYS = 32  # in which the outermost that is seen is looked for


@dataclass(frozen=True)
class FoundFan:
    """A sector ``bool [H, W]`` and how sure it is, 0 to 1."""

    mask: BoolMask
    certainty: float


def fan_of(activity: Activity) -> FoundFan | None:
    """The sector that explains ``activity``: the whole frame where that is filled (not sure at all), else a fan.

    It is the largest fan that agrees with what is seen, and black where nothing is: what is dim at its sides, in its
    corners or along its lower arc belongs to it.
    """
    evidence = evidence_of(activity)
    if evidence is None:
        return None
    if evidence.filled.mean() > _FILLS:
        return FoundFan(np.ones_like(activity.active), 0.0)
    fan = _cut_fan(evidence)
    fan = None if fan is None else _trimmed(evidence, fan)
    inside = None if fan is None else fan.mask(evidence.image.shape)
    if fan is None or inside is None or not inside.any() or _boxy(inside):
        return None
    large, shape = fan.scaled(evidence.cell), activity.active.shape
    hull = convex_hull(evidence.seen & large.mask(shape, evidence.cell))
    if hull is None:
        return None
    whole = large.mask(shape)
    agreement = float((whole & hull).sum() / (whole | hull).sum())
    rims = _DIM_RIM * evidence.cell, _SEEN_RIM * max(shape)
    sure = large.mask(shape, -float(np.interp(agreement, (_DIM_AGREEMENT, _SEEN_AGREEMENT), rims)))
    mask = convex_hull(sure | hull)
    return None if mask is None else FoundFan(mask, fan_certainty(evidence, fan, _SLACK))


def _boxy(mask: BoolMask) -> bool:
    return bool(mask.sum() > _BOXY * mask.any(axis=0).sum() * mask.any(axis=1).sum())


def _cut_fan(evidence: Evidence) -> Fan | None:
    """The fan of what is seen, cut by a box where that ends in a straight side."""
    worth = evidence.worth(_EMPTY_COSTS)
    best = fit_fan(worth, evidence.worth(_EMPTY_AXIS_COSTS, faint_worth=1.0))
    for _ in range(2):
        if best is None:
            return None
        cuts = _cuts(evidence, best.fan)
        again = None if cuts in (UNCUT, best.fan.box) else refit_fan(worth, best.fan, cuts)
        if again is None or again.gain < best.gain:
            break
        best = again
    return None if best is None else best.fan


def _trimmed(evidence: Evidence, fan: Fan) -> Fan:
    """The fan with its arcs and sides drawn in to what is seen, by one step of its fit at most."""
    step = max(1, max(evidence.seen.shape) // _CUT_PX)
    seen = evidence.seen[step // 2 :: step, step // 2 :: step]
    close = fan.scaled(evidence.cell / step)
    y, x = np.nonzero(seen & close.mask(seen.shape))
    if x.size < _FEWEST_ROWS:
        return fan
    radius, angle = close.polar(x, y)
    ray = np.clip((angle / fan.half + 1) / 2 * _RAYS, 0, _RAYS - 1).astype(int)
    ring = np.clip(radius / close.far * _RAYS, 0, _RAYS - 1).astype(int)
    far = min(fan.far, max(_third(radius, ray) * step / evidence.cell, fan.far - fan.step))
    half = min(fan.half, max(_third(np.abs(angle), ring), fan.half - FINE_ANGLE))
    return replace(fan, far=far, half=half)


def _third(values: FloatArray, bins: NDArray[np.int64]) -> float:
    """The third highest of the maxima in ``bins``: single pixels beyond do not count."""
    highest = np.zeros(_RAYS)
    np.maximum.at(highest, bins, values)
    return float(np.sort(highest)[-3])


def _cuts(evidence: Evidence, fan: Fan) -> Edges:
    """Where the fan goes on, but what is seen ends along a straight side of its box, in cells; else infinite."""
    step = max(1, max(evidence.seen.shape) // _CUT_PX)
    scale = evidence.cell / step
    seen = evidence.seen[step // 2 :: step, step // 2 :: step]
    part = seen & fan.scaled(scale).mask(seen.shape, _SLACK * scale)
    whole = replace(fan, box=UNCUT).scaled(scale).mask(seen.shape)
    high, wide = seen.shape
    left, top = _cut_end(part[:, ::-1], whole[:, ::-1]), _cut_end(part.T[:, ::-1], whole.T[:, ::-1])
    right, bottom = _cut_end(part, whole), _cut_end(part.T, whole.T)
    return (wide - 1 - left) / scale, (high - 1 - top) / scale, (right + 1) / scale - 1, (bottom + 1) / scale - 1


def _cut_end(part: BoolMask, whole: BoolMask) -> float:
    """The last column of ``part`` (``bool [H, W]``) where that is a cut through ``whole``, else infinite."""
    rows = np.flatnonzero(part.any(axis=1))
    if rows.size < _FEWEST_ROWS:
        return np.inf
    last = np.sort(part.shape[1] - 1 - part[rows, ::-1].argmax(axis=1))
    near = max(1, part.shape[1] // 300)
    columns, reached = np.flatnonzero(whole.any(axis=0)), whole.sum(axis=0)
    # In a small picture, more rows of a round side end near its outermost column.
    least = _CUT_SHARE * min(2.0, np.sqrt(_CUT_PX / max(part.shape)))
    for beyond in _ROWS_BEYOND:
        end = int(last[-1 - int(beyond * rows.size)])
        gone = float((columns > end + near).sum() / max(1, columns.size))
        straight = (np.abs(last - end) <= near).sum() > max(least * reached[end], _SHORTEST_CUT * rows.size)
        if 0 < gone < _MOST_CUT and reached[end] > _FEWEST_ROWS and straight:
            return float(end)
    return np.inf
