"""Finds the ultrasound image in the frame, so that text, ECG strip, rulers and gray bars stay out of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, ImageStack, Sector
from .convex_hull import convex_hull
from .fan_evidence import parts_of
from .fan_of_activity import FoundFan, fan_of
from .picture_activity import NOISY_SHARE, PixelRange, activities, sampled_frames

Box = tuple[int, int, int, int]
"""``(x0, y0, x1, y1)`` in pixels, both ends included."""

LEAST_CERTAINTY = 0.65
"""In sectors that are less sure nothing is measured (own choice: of simulated ones that were found well, none is)."""

_DENSITY = 0.4  # share of active pixels around a pixel: speckle fills an area, text and ECG lines do not
_SMALLEST_SHARE = 0.04  # a sector fills at least this share of the frame
_SMALLEST_REGION_SHARE = 0.25  # a fan fills half of its region; less is only the bright part of a dark one
_MOVING_SHARE = 0.1  # of the sector that moves, where it was found by motion
_SURE = 0.92  # in a noisy recording, no other step is looked at
_FILLED_CERTAINTY = 0.75  # of an image that fills its frame

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
    """Where the ultrasound image lies in ``frames`` (``uint8 [T, H, W]``), one sector for all of them.

    Inside ``region_box`` (a DICOM region that was checked to lie in the frame) or else the whole frame, a fan is fitted
    to what moves, is textured or stands out; the sector is the convex hull of what is seen there and of the fan, or the
    whole frame where all of it moves. ``source`` of the result is ``region``, ``motion``, ``brightness``, or
    ``whole_frame`` where nothing could be told apart; a region in which nothing stands out is taken as it is.
    ``certainty`` tells how well fan and picture agree, from 0 for ``whole_frame`` to 1; a region of the header is
    sure enough to be measured in (`LEAST_CERTAINTY`), the fan in it makes it surer.
    """
    rows, columns = frames.shape[1:]
    x0, y0, x1, y1 = region_box or (0, 0, columns - 1, rows - 1)
    crop = frames[:, y0 : y1 + 1, x0 : x1 + 1]
    found = _find_in(crop, _SMALLEST_REGION_SHARE if region_box else _SMALLEST_SHARE)
    if region_box is None:
        return found
    mask = np.zeros((rows, columns), bool)
    mask[y0 : y1 + 1, x0 : x1 + 1] = found.mask
    return Sector.from_mask(mask, "region", LEAST_CERTAINTY + (1 - LEAST_CERTAINTY) * found.certainty)


def _find_in(crop: ImageStack, smallest: float) -> Sector:
    whole = Sector.whole_frame(*crop.shape[1:])
    pixels = PixelRange.of(crop)
    moving = pixels.moving
    several = _several(crop, moving | pixels.contrasting)
    if several is not None:
        return several
    # Where all is noise, how much of it is cut off decides.
    enough = LEAST_CERTAINTY if moving.mean() <= NOISY_SHARE else _SURE
    best = FoundFan(whole.mask, 0.0)
    for found in map(fan_of, activities(pixels)):
        if found is None or found.mask.mean() < smallest:
            continue
        fills = bool(found.mask.all() and moving.any()) and not is_whole_screen(crop, whole)
        certainty = _FILLED_CERTAINTY if fills else found.certainty
        best = FoundFan(found.mask, certainty) if certainty > best.certainty else best
        if best.certainty >= enough:
            break
    if best.certainty == 0:
        return whole
    moves = float(moving[best.mask].mean()) > _MOVING_SHARE
    return Sector.from_mask(best.mask, "motion" if moves else "brightness", best.certainty)


def _several(crop: ImageStack, active: BoolMask) -> Sector | None:
    """The hull of several images that stand side by side, None where there is one."""
    labels = _bodies(active)
    hull = convex_hull(np.isin(labels, parts_of(labels)) & active) if labels.any() else None
    if hull is None:
        return None
    both = Sector.from_mask(hull, "motion", 0.0)
    return both if images_side_by_side(crop, both) > 1 else None


def is_whole_screen(frames: ImageStack, sector: Sector) -> bool:
    """Whether ``sector`` is the whole of a screen that was recorded, with its writing and bars, and so was not found.

    Its rim then has writing that stays, and hardly moves beside the middle; an image that fills its frame moves there.
    """
    if len(frames) < 2 or sector.mask.mean() < _WHOLE_SHARE:
        return False
    sampled = sampled_frames(frames)
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
    return _opens_onward(sector, 0)


def lies_on_side(sector: Sector) -> bool:
    """Whether the fan of the image opens to the left or to the right, as in a picture turned by a quarter."""
    return probe_at_top(sector) is None and _opens_onward(sector, 1) is not None


def _opens_onward(sector: Sector, axis: int) -> bool | None:
    """Whether the fan widens along an axis of the frame; False where it narrows, None where it does neither."""
    x0, y0, x1, y1 = sector.box
    widths = sector.mask[y0 : y1 + 1, x0 : x1 + 1].sum(axis=1 - axis).astype(np.float64)
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
    labels = _bodies(PixelRange.of(crop).moving)
    parts = [labels == label for label in parts_of(labels)] if labels.any() else []
    areas = [int(part.sum()) for part in parts]
    alike = len(parts) > 1 and min(areas) >= _ALIKE * max(areas)
    return len(parts) if alike and all(abs(_apex(part) - 0.5) <= _OFF_MIDDLE for part in parts) else 1


def _apex(part: BoolMask) -> float:
    """Where the top of a part lies, as a share of its width from its left."""
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    near = part[rows[: max(1, rows.size // 30)]]
    return float((np.nonzero(near)[1].mean() - columns[0]) / columns.size)


def _bodies(active: BoolMask) -> NDArray[np.int32]:
    """Numbers of the areas that are filled with what is active, from 1; 0 elsewhere."""
    from scipy import ndimage

    width = max(3, min(active.shape) // 40 * 2 + 1)
    density = ndimage.uniform_filter(active.astype(np.float32), size=width, mode="nearest")
    # Opening cuts the bridges by which text and ticks hang on the sector.
    labels, _ = ndimage.label(ndimage.maximum_filter(ndimage.minimum_filter(density > _DENSITY, width), width))
    return np.asarray(labels, np.int32)
