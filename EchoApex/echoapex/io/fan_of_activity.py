"""From what is active in a picture (moves, is textured, stands out) to the fan it makes, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray
from .convex_hull import convex_hull
from .fan_fitting import UNCUT, Edges, Fan, fit_fan, refit_fan

# Own choices, tried on simulated sectors within screens, crops and frames of their own.
_CELLS = 160  # along the longer side, in which the picture is looked at
_DENSITY = 0.4  # share of active pixels around a pixel: speckle fills an area, text and ECG lines do not
_SECOND_SHARE = 0.2  # a shadow may cut the sector in two; a part this large (of the largest) belongs to it
_BAR_SHARE = 0.12  # banners and button bars are flatter or narrower than this share of the frame
_FILLS = 0.97  # of the frame that is filled, where there is no border to find
_BOXY = 0.93  # of its box that a sector fills: it is no fan, but a screen
_EMPTY_COSTS = 0.12  # of a cell: a cell in a sector is often empty (cavities, shadows), one beside it seldom filled
_EMPTY_HULL_COSTS = 0.3  # where such empty cells are filled, and only dark sides may be missing
_CUT_ROWS, _CUT_SHARE = 2, 0.35  # a cut side is filled to its edge in this share of its length; a ragged one is dark
_MOST_CUT = 0.3  # of the width or height of a fan; where more is missing, it is dark
_SLACK = 1.5  # cells by which what is seen may lie beside the fan
_INNER = (
    0.03  # of the longer side: only what lies further inside of the fan belongs to the sector where nothing is seen
)
_COVERED = 0.5  # of a fan that is filled; less is doubted
_RING = 0.08  # of the size of the fan: around it nothing should be filled
_NO_AGREEMENT, _FULL_AGREEMENT = 0.6, 0.95  # of fan and hull, intersection over union


@dataclass(frozen=True)
class FoundFan:
    """A sector ``bool [H, W]`` and how sure it is, 0 to 1."""

    mask: BoolMask
    certainty: float


def fans_of(active: BoolMask, *, still: bool = False) -> Iterator[FoundFan]:
    """Sectors that may explain ``active`` (``bool [H, W]``): the whole frame where that is filled, else fans.

    The first is fitted to the hull of the largest bodies, which holds where dark parts are many, the second to all that
    is filled, which holds where something else stands beside the sector. A ``still`` shows a dark side as black, where
    a clip shows noise that moves; the hull is taken to be symmetric there.
    """
    cell = max(1, round(max(active.shape) / _CELLS))
    filled = _filled(_shares(active, cell))
    if not filled.any():
        return
    if filled.mean() > _FILLS:
        yield FoundFan(np.ones_like(active), 0.0)
        return
    hull = convex_hull(main_bodies(filled))
    if hull is not None and not _boxy(hull):
        hull = _symmetric(hull) if still else hull
        fan = _cut_fan(hull, _EMPTY_HULL_COSTS)
        outside = filled if fan is None else filled & ~fan.mask(filled.shape, _SLACK)
        beside = float(outside.sum() / filled.sum())
        yield from _found(active, cell, filled, hull if still else filled, fan, beside)
    yield from _found(active, cell, filled, filled, _cut_fan(filled, _EMPTY_COSTS), 0.0)


def _symmetric(mask: BoolMask) -> BoolMask:
    """The hull of the mask and its mirror image about the vertical through its top."""
    rows = np.flatnonzero(mask.any(axis=1))
    center = float(np.nonzero(mask[rows[: max(1, rows.size // 30)]])[1].mean())
    columns = np.round(2 * center - np.arange(mask.shape[1])).astype(int)
    inside = (columns >= 0) & (columns < mask.shape[1])
    mirrored = np.zeros_like(mask)
    mirrored[:, inside] = mask[:, columns[inside]]
    both = convex_hull(mask | mirrored)
    return mask if both is None else both


def _boxy(mask: BoolMask) -> bool:
    return bool(mask.sum() > _BOXY * mask.any(axis=0).sum() * mask.any(axis=1).sum())


def main_bodies(filled: BoolMask) -> BoolMask:
    """The largest body of ``filled`` (``bool [H, W]``) and those that a shadow may have cut from it."""
    from scipy import ndimage

    labels, _ = ndimage.label(filled)
    return np.isin(labels, parts_of(np.asarray(labels, np.int32)))


def parts_of(labels: NDArray[np.int32]) -> list[int]:
    """Labels of the largest part and of those that a shadow may have cut from it; 0 is no part."""
    from scipy import ndimage

    areas = np.bincount(labels.ravel())
    areas[0] = 0
    largest = int(areas.argmax())
    kept = [largest]
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        thickness = min((rows.stop - rows.start) / labels.shape[0], (columns.stop - columns.start) / labels.shape[1])
        if label != largest and areas[label] >= _SECOND_SHARE * areas[largest] and thickness >= _BAR_SHARE:
            kept.append(label)
    return kept


def _shares(active: BoolMask, cell: int) -> FloatArray:
    """Share of each cell of ``cell`` x ``cell`` pixels that is active."""
    rows, columns = active.shape
    high, wide = -(-rows // cell), -(-columns // cell)
    padded = np.pad(active, ((0, high * cell - rows), (0, wide * cell - columns)), mode="edge")
    return np.asarray(padded.reshape(high, cell, wide, cell).mean(axis=(1, 3)))


def _filled(shares: FloatArray) -> BoolMask:
    from scipy import ndimage

    width = max(3, min(shares.shape) // 40 * 2 + 1)
    dense = ndimage.uniform_filter(shares, width, mode="nearest") > _DENSITY
    # Opening cuts the bridges by which text and ticks hang on the sector.
    return np.asarray(ndimage.maximum_filter(ndimage.minimum_filter(dense, width), width))


def _found(
    active: BoolMask, cell: int, filled: BoolMask, body: BoolMask, fan: Fan | None, beside: float
) -> Iterator[FoundFan]:
    """The sector of ``fan``, sure as it agrees with ``body`` and less for the share of what is filled ``beside`` it."""
    if fan is None:
        return
    inside, seen = fan.mask(filled.shape), convex_hull(body & fan.mask(filled.shape, _SLACK))
    if seen is None or not inside.any() or _boxy(inside):
        return
    large = fan.scaled(cell)
    near = np.kron(filled, np.ones((cell, cell), bool))[: active.shape[0], : active.shape[1]]
    hull = convex_hull(active & near & large.mask(active.shape, cell))
    sure = large.mask(active.shape, -max(_SLACK * cell, _INNER * max(active.shape)))
    mask = convex_hull(sure if hull is None else sure | hull)
    if mask is not None:
        doubt = float(np.clip(1 - 2 * beside, 0, 1))
        yield FoundFan(mask, doubt * _certainty(filled, fan, inside, seen, body))


def _cut_fan(target: BoolMask, empty_costs: float) -> Fan | None:
    """The fan of ``target``, cut by a box where what is filled ends in a straight side."""
    best = fit_fan(target, empty_costs)
    for _ in range(2):
        if best is None:
            return None
        cuts = _cuts(target, best.fan)
        again = None if cuts in (UNCUT, best.fan.box) else refit_fan(target, empty_costs, best.fan, cuts)
        if again is None or again.gain < best.gain:
            break
        best = again
    return None if best is None else best.fan


def _cuts(filled: BoolMask, fan: Fan) -> Edges:
    """Where the fan goes on, but what is filled ends along a straight side of its box; infinite elsewhere."""
    part = filled & fan.mask(filled.shape, _SLACK)
    if not part.any():
        return UNCUT
    whole = replace(fan, box=UNCUT).mask(filled.shape)
    y, x = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    left, right = _cut_ends(part, whole, int(x[0]), int(x[-1]))
    top, bottom = _cut_ends(part.T, whole.T, int(y[0]), int(y[-1]))
    return left, top, right, bottom


def _cut_ends(part: BoolMask, whole: BoolMask, first: int, last: int) -> tuple[float, float]:
    def cut(edge: slice, beyond: slice) -> bool:
        length = whole[:, edge].any(axis=1)
        gone = float(whole[:, beyond].any(axis=0).sum() / max(1, whole.any(axis=0).sum()))
        straight = length.sum() > 2 and float(part[length][:, edge].any(axis=1).mean()) > _CUT_SHARE
        return bool(0 < gone < _MOST_CUT and straight)

    start, end = slice(first, first + _CUT_ROWS), slice(last - _CUT_ROWS + 1, last + 1)
    return (
        float(first) if cut(start, slice(0, first)) else -np.inf,
        float(last) if cut(end, slice(last + 1, None)) else np.inf,
    )


def _certainty(filled: BoolMask, fan: Fan, inside: BoolMask, seen: BoolMask, body: BoolMask) -> float:
    """How well the fan and the hull of what is filled in it agree, less what is filled just around it."""
    agreement = float((inside & seen).sum() / (inside | seen).sum())
    width = max(2.0, _RING * float(np.sqrt(inside.sum())))
    ring = fan.mask(filled.shape, width) & ~fan.mask(filled.shape, 1.0)
    spill = float(filled[ring].mean()) if ring.any() else 0.0
    share = (agreement - _NO_AGREEMENT) / (_FULL_AGREEMENT - _NO_AGREEMENT)
    covered = min(1.0, float(body[inside].mean()) / _COVERED)
    return float(np.clip(share, 0, 1) * np.clip(1 - 2 * spill, 0, 1) * covered)
