"""Finds the ultrasound image in the frame, so that text, ECG strip, rulers and gray bars stay out of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray, ImageStack, Sector

Box = tuple[int, int, int, int]
"""``(x0, y0, x1, y1)`` in pixels, both ends included."""

_SAMPLED_FRAMES = 24
_MOTION_STEP = 3  # gray levels between darkest and brightest moment of a pixel; above the ripple of JPEG coding
_CONTRAST_STEP = 3  # gray levels above or below a flat background
_FLAT_SHARE = 0.1  # a gray value in more than this share of a frame is its background
_DENSITY = 0.4  # share of active pixels around a pixel: speckle fills an area, text and ECG lines do not
_SMALLEST_SHARE = 0.04  # a sector fills at least this share of the frame
_SMALLEST_REGION_SHARE = 0.25  # a fan fills half of its region; less is only the bright part of a dark one
_SECOND_SHARE = 0.2  # a shadow may cut the sector in two; a part this large (of the largest) belongs to it
_BAR_SHARE = 0.12  # banners and button bars are flatter or narrower than this share of the frame

# Own choices, tried on simulated recordings of a screen and on images that fill their frame.
_WHOLE_SHARE = 0.98  # a sector that covers more is the frame
_RIM_SHARE = 0.06  # width of the rim that is looked at, as share of the frame
_STILL_SHARE = 0.25  # the rim of a screen moves by less than this share of what its middle does
_WRITING_STEP = 60  # gray levels between neighbors that stay over time: an edge of letters or bars
_LEAST_WRITING = 0.005  # share of the rim that such edges fill

# Own choices, for images side by side.
_WIDE = 1.6  # times its height; one fan of 90 degrees is 1.4 times as wide
_ALIKE = 0.6  # of the largest image that another has at least
_OFF_MIDDLE = 0.2  # of its width by which the apex of a fan may lie off its middle

# Own choices. Centroid and widest row of a fan, as shares of its height from the top: 0.59 to 0.62 and 0.69 to 0.80 in
# simulated and real clips, and mirrored where the probe is at the bottom.
_LOW_CENTROID, _HIGH_CENTROID = 0.56, 0.44
_LOW_WIDEST, _HIGH_WIDEST = 0.55, 0.45


def find_sector(frames: ImageStack, region_box: Box | None = None) -> Sector:
    """Where the ultrasound image lies in ``frames`` (``uint8 [T, H, W]``).

    Inside ``region_box`` (a DICOM region that was checked to lie in the frame) or else the whole frame, the sector is
    the convex hull of the largest area that moves or, in stills, that differs from the flat background. ``source`` of
    the result is ``region``, ``motion``, ``brightness``, or ``whole_frame`` where nothing could be told apart; a region
    in which nothing stands out is taken as it is.
    """
    rows, columns = frames.shape[1:]
    x0, y0, x1, y1 = region_box or (0, 0, columns - 1, rows - 1)
    smallest = _SMALLEST_REGION_SHARE if region_box else _SMALLEST_SHARE
    inner, source = _find_in(frames[:, y0 : y1 + 1, x0 : x1 + 1], smallest)
    if inner is None and region_box is None:
        return Sector.whole_frame(rows, columns)
    mask = np.zeros((rows, columns), bool)
    mask[y0 : y1 + 1, x0 : x1 + 1] = True if inner is None else inner
    return Sector.from_mask(mask, "region" if region_box else source)


def _find_in(crop: ImageStack, smallest: float) -> tuple[BoolMask | None, str]:
    picks = np.unique(np.linspace(0, len(crop) - 1, _SAMPLED_FRAMES).round().astype(int))
    sampled = crop[picks]
    for active, source in ((_moving(sampled), "motion"), (_contrasting(sampled), "brightness")):
        mask = _sector_of(active)
        if mask is not None and source == "brightness":
            # A still shows a dark side as black; in a cine its noise moves.
            mask = _symmetric(mask)
        if mask is not None and mask.mean() >= smallest:
            return mask, source
    return None, "whole_frame"


def is_whole_screen(frames: ImageStack, sector: Sector) -> bool:
    """Whether ``sector`` is the whole of a screen that was recorded, with its writing and bars, and so was not found.

    Its rim then has writing that stays, and hardly moves beside the middle; an image that fills its frame moves there.
    """
    if len(frames) < 2 or sector.mask.mean() < _WHOLE_SHARE:
        return False
    picks = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), _SAMPLED_FRAMES)).astype(int))
    sampled = frames[picks]
    rows, columns = frames.shape[1:]
    rim = np.ones((rows, columns), bool)
    high, wide = round(_RIM_SHARE * rows), round(_RIM_SHARE * columns)
    rim[high : rows - high, wide : columns - wide] = False
    moves = np.ptp(sampled, axis=0)
    middle = moves[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4]
    steps = np.abs(np.diff(sampled.mean(axis=0), axis=1, prepend=sampled[:, :, :1].mean(axis=0)))
    still = moves < _STILL_SHARE * np.percentile(middle, 75)
    written = (steps > _WRITING_STEP) & still
    return bool(still[rim].mean() > 0.5 and written[rim].mean() > _LEAST_WRITING)


def probe_at_top(sector: Sector) -> bool | None:
    """Whether the fan of the image opens downward; None where its shape does not tell."""
    x0, y0, x1, y1 = sector.box
    widths = sector.mask[y0 : y1 + 1, x0 : x1 + 1].sum(axis=1).astype(np.float64)
    if widths.size < 2:
        return None
    centroid = float(np.average(np.arange(widths.size), weights=widths)) / (widths.size - 1)
    widest = float(np.flatnonzero(widths == widths.max()).mean()) / (widths.size - 1)
    if centroid >= _LOW_CENTROID and widest >= _LOW_WIDEST:
        return True
    return False if centroid <= _HIGH_CENTROID and widest <= _HIGH_WIDEST else None


def images_side_by_side(frames: ImageStack, sector: Sector) -> int:
    """How many images stand side by side in ``sector``: fans of one size that move apart from one another.

    A shadow cuts one fan in two as well, but then both parts end in one apex, and none below its own middle.
    """
    x0, y0, x1, y1 = sector.box
    if len(frames) < 2 or x1 - x0 + 1 < _WIDE * (y1 - y0 + 1):
        return 1
    crop = frames[:, y0 : y1 + 1, x0 : x1 + 1]
    labels = _bodies(_moving(crop[np.unique(np.linspace(0, len(crop) - 1, _SAMPLED_FRAMES).round().astype(int))]))
    parts = [labels == label for label in _parts(labels)] if labels.any() else []
    areas = [int(part.sum()) for part in parts]
    alike = len(parts) > 1 and min(areas) >= _ALIKE * max(areas)
    return len(parts) if alike and all(abs(_apex(part) - 0.5) <= _OFF_MIDDLE for part in parts) else 1


def _apex(part: BoolMask) -> float:
    """Where the top of a part lies, as a share of its width from its left."""
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    near = part[rows[: max(1, rows.size // 30)]]
    return float((np.nonzero(near)[1].mean() - columns[0]) / columns.size)


def _symmetric(mask: BoolMask) -> BoolMask:
    """The mask and its mirror image about the vertical through its top: a fan has equal sides below its apex."""
    rows = np.flatnonzero(mask.any(axis=1))
    near = rows[: max(1, rows.size // 30)]
    center = float(np.nonzero(mask[near])[1].mean())
    columns = np.round(2 * center - np.arange(mask.shape[1])).astype(int)
    inside = (columns >= 0) & (columns < mask.shape[1])
    mirrored = np.zeros_like(mask)
    mirrored[:, inside] = mask[:, columns[inside]]
    both = _convex_fill(mask | mirrored)
    return mask if both is None else both


def _moving(sampled: ImageStack) -> BoolMask:
    return np.asarray(sampled.max(axis=0) - sampled.min(axis=0) >= _MOTION_STEP)


def _contrasting(sampled: ImageStack) -> BoolMask:
    brightest = sampled.max(axis=0).astype(np.int16)
    counts = np.bincount(brightest.ravel(), minlength=256)
    flat = int(counts.argmax())
    background = flat if counts[flat] > _FLAT_SHARE * brightest.size else 0
    return np.asarray(np.abs(brightest - background) >= _CONTRAST_STEP)


def _sector_of(active: BoolMask) -> BoolMask | None:
    labels = _bodies(active)
    return _convex_fill(np.isin(labels, _parts(labels)) & active) if labels.any() else None


def _bodies(active: BoolMask) -> NDArray[np.int32]:
    """Numbers of the areas that are filled with what is active, from 1; 0 elsewhere."""
    from scipy import ndimage

    width = max(3, min(active.shape) // 40 * 2 + 1)
    density = ndimage.uniform_filter(active.astype(np.float32), size=width, mode="nearest")
    # Opening cuts the bridges by which text and ticks hang on the sector.
    labels, _ = ndimage.label(ndimage.maximum_filter(ndimage.minimum_filter(density > _DENSITY, width), width))
    return np.asarray(labels, np.int32)


def _parts(labels: NDArray[np.int32]) -> list[int]:
    """Labels of the largest part and of those that a shadow may have cut from it."""
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


def _convex_fill(mask: BoolMask) -> BoolMask | None:
    """The filled convex hull of a mask; None when it has no area."""
    from scipy.spatial import ConvexHull, QhullError

    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size < 2:
        return None
    left = mask[rows].argmax(axis=1)
    right = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    points = np.concatenate([np.stack([left, rows], 1), np.stack([right, rows], 1)]).astype(float)
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:
        return None
    return _fill_polygon(corners, mask.shape)


def _fill_polygon(corners: FloatArray, shape: tuple[int, ...]) -> BoolMask:
    """Pixels of a convex polygon with ``corners [N, (x, y)]``: in each row, all from its left to its right edge."""
    low, high = np.full(shape[0], np.inf), np.full(shape[0], -np.inf)
    for (xa, ya), (xb, yb) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rows = np.arange(int(min(ya, yb)), int(max(ya, yb)) + 1)
        x = np.full(rows.shape, xa) if ya == yb else xa + (rows - ya) * (xb - xa) / (yb - ya)
        low[rows] = np.minimum(low[rows], np.minimum(x, xb) if ya == yb else x)
        high[rows] = np.maximum(high[rows], np.maximum(x, xb) if ya == yb else x)
    columns: NDArray[np.int64] = np.arange(shape[1])
    return np.asarray((columns >= np.round(low)[:, None]) & (columns <= np.round(high)[:, None]))
