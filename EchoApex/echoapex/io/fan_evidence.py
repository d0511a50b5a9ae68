"""What speaks for and against a fan in each part of a picture, in cells of a few pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray
from .picture_activity import Activity

# Own choices, tried on simulated sectors within screens, with dim sides, crops and frames of their own.
_CELLS = 160  # along the longer side, in which the picture is looked at
_DENSITY = 0.4  # share of active pixels around a pixel: speckle fills an area, text and ECG lines do not
_FAINT_DENSITY = 0.25  # share of faint pixels in a cell
_WRITING_DENSITY, _PANEL_DENSITY = 0.3, 0.6  # share of pixels in a cell; in smooth images few are as flat
_PASSING_DENSITY = 0.4  # share of pixels in a cell that a trace passes
_ISLAND_SHARE = 0.3  # of an island that is drawn or passed: it is writing or a trace, no part of the image
_FAINT_EVERYWHERE = 0.9  # of the frame: it is the noise of a recording and tells nothing
_BLOCK = 8  # pixels; JPEG and video coding spread noise so far around what is bright
_SECOND_SHARE = 0.2  # a shadow may cut the sector in two; a part this large (of the largest) belongs to it
_BAR_SHARE = 0.12  # banners, button bars and traces are flatter or narrower than this share of the frame
_BAR_LENGTH = 4  # times their thickness
_FRAME_BAR_LENGTH = 0.3  # of the frame: what is thin and as long along its border are bars, the image may hang on them

# What a cell adds to the gain of a fan in which it lies; its black parts may be of any size.
_FAINT_WORTH, _FOREIGN_COSTS = 0.4, 0.7


@dataclass(frozen=True)
class Evidence:
    """Cells of ``cell`` x ``cell`` pixels, ``bool [h, w]`` each, and pixels.

    ``filled`` cells are dense with what is active, ``bodies`` are those that may be the image, ``faint`` cells hardly
    show, in ``foreign`` ones something else is seen; all others are empty. ``seen`` are the pixels ``[H, W]`` that are
    active in bodies or show in faint cells.
    """

    cell: int
    filled: BoolMask
    bodies: BoolMask
    faint: BoolMask
    foreign: BoolMask
    seen: BoolMask

    @property
    def image(self) -> BoolMask:
        """Cells in which the image is seen, brightly or faintly."""
        return self.bodies | self.faint

    def worth(self, empty_costs: float, faint_worth: float = _FAINT_WORTH) -> FloatArray:
        """What each cell adds to the gain of a fan; ``empty_costs`` is what an empty one takes away."""
        unseen = np.where(self.foreign, -_FOREIGN_COSTS, np.where(self.faint, faint_worth, -empty_costs))
        return np.where(self.bodies, 1.0, unseen)


def evidence_of(activity: Activity) -> Evidence | None:
    """What ``activity`` speaks for; None where it fills no area."""
    from scipy import ndimage

    shape = activity.active.shape
    cell = max(1, round(max(shape) / _CELLS))
    reach = 2 * -(-_BLOCK // cell) + 1
    writing, passing_shares = _shares(activity.writing, cell), _shares(activity.passing, cell)
    panels = _shares(activity.panels, cell)
    passing = _opened(passing_shares > _PASSING_DENSITY)
    around_traces = ndimage.maximum_filter(passing, reach)
    filled = _filled(_shares(activity.active, cell))
    dense = _opened(filled & ~around_traces) if passing.any() else filled
    image = _without_frame_bars(dense)
    if not image.any():
        return None
    drawn = (writing > _WRITING_DENSITY) | (panels > _PANEL_DENSITY)
    bodies = _bodies(image, np.maximum(writing + panels, passing_shares))
    drawn |= dense & ~image
    foreign = (drawn | image) & ~bodies
    faint = _shares(activity.faint, cell) > _FAINT_DENSITY
    if faint.mean() < _FAINT_EVERYWHERE:
        faint = _beyond_blocks(faint, bodies, reach) & ~ndimage.maximum_filter(drawn | (passing & ~bodies), reach)
    else:
        faint = np.zeros_like(faint)
    faint &= ~bodies & ~foreign
    seen = enlarged(bodies, cell, shape) & activity.active
    if faint.any():
        seen |= enlarged(faint, cell, shape) & activity.faint
    return Evidence(cell, filled, bodies, faint, foreign, seen)


def enlarged(cells: BoolMask, cell: int, shape: tuple[int, ...]) -> BoolMask:
    """Pixels ``bool [H, W]`` of ``shape`` that lie in ``cells``."""
    return np.asarray(cells.repeat(cell, axis=0).repeat(cell, axis=1)[: shape[0], : shape[1]])


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


def _without_frame_bars(filled: BoolMask) -> BoolMask:
    """Without banners, tool bars and button bars along the border of the frame; they may join around the image."""
    from scipy import ndimage

    width = max(3, round(_BAR_SHARE * min(filled.shape)))
    thick = ndimage.maximum_filter(ndimage.minimum_filter(filled, width, mode="constant"), width, mode="constant")
    labels, _ = ndimage.label(filled & ~ndimage.maximum_filter(thick, 3))
    bars = []
    for label, places in enumerate(ndimage.find_objects(labels), start=1):
        at_border = any(part.start == 0 or part.stop == size for part, size in zip(places, filled.shape, strict=True))
        lengths = [(part.stop - part.start) / size for part, size in zip(places, filled.shape, strict=True)]
        if at_border and max(lengths) > _FRAME_BAR_LENGTH:
            bars.append(label)
    return _opened(filled & ~np.isin(labels, bars)) if bars else filled


def _bodies(filled: BoolMask, other: FloatArray) -> BoolMask:
    """The largest body and its islands, which dark parts of the image leave; no bars, writing or traces (``other``)."""
    from scipy import ndimage

    labels, _ = ndimage.label(filled)
    areas = np.bincount(labels.ravel())
    shares = np.bincount(labels.ravel(), other.ravel()) / np.maximum(areas, 1)
    areas[0] = 0
    kept = [int(areas.argmax())]
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        high, wide = rows.stop - rows.start, columns.stop - columns.start
        thin = min(high / labels.shape[0], wide / labels.shape[1]) < _BAR_SHARE
        bar = thin and max(high, wide) > _BAR_LENGTH * min(high, wide)
        if label != kept[0] and not bar and shares[label] < _ISLAND_SHARE:
            kept.append(label)
    return np.isin(labels, kept)


def _shares(active: BoolMask, cell: int) -> FloatArray:
    """Share of each cell of ``cell`` x ``cell`` pixels that is active."""
    rows, columns = active.shape
    high, wide = -(-rows // cell), -(-columns // cell)
    padded = np.pad(active, ((0, high * cell - rows), (0, wide * cell - columns)), mode="edge").view(np.uint8)
    across = np.add.reduceat(padded, np.arange(0, wide * cell, cell), axis=1, dtype=np.uint16)
    return np.asarray(np.add.reduceat(across, np.arange(0, high * cell, cell), axis=0) / cell**2)


def _filled(shares: FloatArray) -> BoolMask:
    from scipy import ndimage

    width = max(3, min(shares.shape) // 40 * 2 + 1)
    dense = ndimage.uniform_filter(shares, width, mode="nearest") > _DENSITY
    # Opening cuts the bridges by which text and ticks hang on the sector.
    return np.asarray(ndimage.maximum_filter(ndimage.minimum_filter(dense, width), width))


def _opened(cells: BoolMask) -> BoolMask:
    from scipy import ndimage

    return np.asarray(ndimage.maximum_filter(ndimage.minimum_filter(cells, 3), 3))


def _beyond_blocks(faint: BoolMask, bodies: BoolMask, reach: int) -> BoolMask:
    """Without what the blocks of a coding, ``reach`` cells wide with their neighbors, spread around bodies."""
    from scipy import ndimage

    away = _opened(faint) & ~ndimage.maximum_filter(bodies, reach)
    return np.asarray(faint & ndimage.maximum_filter(away, reach + 2))
