"""Masks carried from the frames they were given on to the others, along with the motion of the picture.

The motion between neighboring frames is dense optical flow (DIS, Kroeger et al. 2016, as OpenCV has it), added up from
the given frame on, so that each mask is moved once, however far it is carried. Nothing here knows what a heart is:
whatever is outlined on one frame is followed, and what was wrong there stays wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, Cine, ImageStack
from ..errors import PromptError

SMOOTHING_PX = 2.0
"""Standard deviation of the Gaussian over each frame before its motion is sought: speckle flickers (our choice)."""

LOST = 0.25
"""Below this confidence a structure counts as gone from the picture. Our choice: on six hard hearts, with the plane
tilted, turned or slid off the structure, 75 % of 3,206 frames without it were said to be without, 74 % of 1,408 after a
jump to the other view, and 91 % of 576 where it slid out of the sector; 6 % of 5,309 frames that showed at least half
of it were too. Where another dark space lies in its place it is not told from that. Of 26 outlines in two real cines
(2,014 frames) five, a wall and four of the atria, fell below it somewhere; both ventricles stayed at 0.34 or more."""

LEAST_SIDE = 0.15
"""A pixel of the border counts where each side of it has this share of what is near; the rest may lie beyond the
sector. Our choice."""

SMALLEST_PX = 64
"""Fewer rows or columns are filled up by repeating the rim: OpenCV 5.0 refuses 8 x 8 and crashes at 12 x 40."""

_Value = TypeVar("_Value", np.uint8, np.float32)
_Map = NDArray[np.float32]
"""Where each pixel of one frame is in another: ``[H, W, 2]``, (x, y)."""


@dataclass(frozen=True)
class Carried:
    """``masks bool [T, H, W]`` through the whole cine, false in frames that were not wanted; ``confidence [T]``.

    The confidence is the Dice overlap of the given mask with itself after it was carried to the frame and back, times
    how alike the picture shows the structure in both frames (`_Sight`). It is 1 where a mask was given and 0 in frames
    that were not wanted. Below `LOST` the mask is empty: the structure has left the picture, or cannot be followed
    there.
    """

    masks: BoolMask
    confidence: NDArray[np.float32]


def carry_masks(
    cine: Cine,
    given: Mapping[int, BoolMask],
    frames: Iterable[int] | None = None,
    *,
    after_move: Callable[[], None] | None = None,
) -> Carried:
    """The ``given`` masks ``bool [H, W]`` by frame, carried to ``frames`` (to all where None).

    A frame between two given ones gets both, each with more weight the nearer and the surer it is; one before the first
    or after the last gets that. Given masks stay as they are; carried ones lie inside the sector. After each of the
    `moves` ``after_move`` is called; what it raises ends the work. Raises `PromptError` where none is given, for a
    frame that the cine has not and for a mask of another size.
    """
    wanted = set(range(cine.frame_count) if frames is None else map(int, frames))
    _check(cine, given, wanted)
    masks, confidence = np.zeros(cine.frames.shape, bool), np.zeros(cine.frame_count, np.float32)
    motion = _Motion(cine, after_move or (lambda: None))
    for gap in _gaps(given, wanted):
        for index, mask, sure in _between(motion, given, gap):
            masks[index], confidence[index] = motion.whole(mask), sure
    for index in wanted & given.keys():
        masks[index], confidence[index] = given[index], 1.0
    return Carried(masks, confidence)


def moves(given: Collection[int], frames: Iterable[int]) -> int:
    """How often `carry_masks` moves a mask from a frame to its neighbor on the way from ``given`` to ``frames``."""
    return sum(abs(end - start) for gap in _gaps(given, set(frames)) for start, end in gap.ways)


@dataclass(frozen=True)
class _Gap:
    """The ``asked`` frames (rising) between two given ones, one of which may be missing, and how they are reached:
    ``ways`` are the given frames, each with the last frame that its mask is carried to."""

    asked: list[int]
    ways: list[tuple[int, int]]


def _gaps(given: Collection[int], wanted: set[int]) -> Iterator[_Gap]:
    for earlier, later in pairwise((None, *sorted(given), None)):
        asked = sorted(
            index for index in wanted if (earlier is None or index > earlier) and (later is None or index < later)
        )
        if asked:
            ends = ((earlier, asked[-1]), (later, asked[0]))
            yield _Gap(asked, [(start, end) for start, end in ends if start is not None])


def _check(cine: Cine, given: Mapping[int, BoolMask], wanted: set[int]) -> None:
    if not given:
        raise PromptError("There must be a mask to carry", file=cine.path)
    for frame in sorted(wanted | given.keys()):
        cine.check_frame(frame)
    for mask in given.values():
        if mask.shape != cine.frames.shape[1:]:
            raise PromptError("A mask must have the size of the frame", value=mask.shape, file=cine.path)


@dataclass(frozen=True)
class _Moved:
    """A mask that has been carried: ``cover uint8 [h, w]`` (255 is all of a pixel), and its confidence as `Carried`."""

    cover: NDArray[np.uint8]
    sure: float


def _between(motion: _Motion, given: Mapping[int, BoolMask], gap: _Gap) -> Iterator[tuple[int, BoolMask, float]]:
    """Frame, mask and confidence of the asked frames after one given mask and before the next."""
    sides = [(start, dict(motion.carried(given[start], start, end))) for start, end in gap.ways]
    for index in gap.asked:
        found = [moved[index] for _, moved in sides]
        # One that is lost still counts where there is no other.
        weights = np.array([max(moved[index].sure, 1e-3) / abs(index - start) for start, moved in sides])
        weights /= weights.sum()
        cover = np.tensordot(weights, np.stack([moved.cover for moved in found]), axes=1)
        sure = float(weights @ [moved.sure for moved in found])
        yield index, (cover > 127.5) & (sure >= LOST), sure


class _Motion:
    """How the picture in the sector of a cine moves."""

    def __init__(self, cine: Cine, after_move: Callable[[], None]) -> None:
        import cv2

        x0, y0, x1, y1 = cine.sector.box
        self._window = (slice(y0, y1 + 1), slice(x0, x1 + 1))
        self._frames: ImageStack = cine.frames[(slice(None), *self._window)]
        self._sector = cine.sector.mask
        self._inside = cine.sector.mask[self._window]
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._after_move = after_move

    def whole(self, mask: BoolMask) -> BoolMask:
        """``mask [h, w]`` of the sector's box in the full frame, without what lies outside the sector."""
        result = np.zeros_like(self._sector)
        result[self._window] = mask & self._inside
        return result

    def carried(self, mask: BoolMask, frame: int, end: int) -> Iterator[tuple[int, _Moved]]:
        """The mask of ``frame`` in each frame from its neighbor to ``end``, which comes before or after it."""
        given = mask[self._window]
        start = np.where(given, np.uint8(255), np.uint8(0))
        rows, columns = given.shape
        here = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(np.float32)
        origin, there = here, here
        before = self._picture(frame)
        sight = _Sight(given, self._inside, before)
        step = 1 if end > frame else -1
        for index in range(frame + step, end + step, step):
            now = self._picture(index)
            # Where a pixel of this frame was on the given one; and where a pixel of that has gone.
            origin = _looked_up(origin, here + self._field(now, before))
            there = there + _looked_up(self._field(before, now), there)
            cover = _looked_up(start, origin)
            again = _looked_up(start, _looked_up(origin, there))
            sure = overlap(given, again > 127) * sight.alike(_looked_up(now, there))
            yield index, _Moved(cover, sure)
            before = now
            self._after_move()

    def _picture(self, index: int) -> NDArray[np.uint8]:
        import cv2

        # What lies outside the sector (text, ECG) does not move with the heart.
        shown = np.where(self._inside, self._frames[index], np.uint8(0))
        smooth = cv2.GaussianBlur(shown, (0, 0), SMOOTHING_PX)
        rows, columns = smooth.shape
        below, right = max(SMALLEST_PX - rows, 0), max(SMALLEST_PX - columns, 0)
        return np.asarray(cv2.copyMakeBorder(smooth, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)

    def _field(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> _Map:
        """How far each pixel of ``one`` is away in ``other``."""
        rows, columns = self._inside.shape
        found = self._flow.calc(one, other, np.zeros((*one.shape, 2), np.float32))
        return np.asarray(found[:rows, :columns], np.float32)


class _Sight:
    """How a structure shows in the picture where its mask was given, to be compared with other pictures of it.

    Two things are compared: the gray values in and about the mask, which are much the same in the next best dark place,
    and the steps in gray across its border, which are gone with the structure. About the mask is a rim of 0.15, and
    near a pixel of the border a Gaussian of 0.06, of the side of a square of its size (our choices).
    """

    def __init__(self, mask: BoolMask, inside: BoolMask, picture: NDArray[np.uint8]) -> None:
        """``mask`` and ``inside``, the sector, are ``[h, w]``; ``picture`` may be filled up below and to the right."""
        import cv2

        side = float(np.sqrt(np.count_nonzero(mask)))
        about = _widened(mask, max(4, round(0.15 * side))) & inside
        x, y, width, height = cv2.boundingRect(about.view(np.uint8))
        self._window = (slice(y, y + max(height, 1)), slice(x, x + max(width, 1)))
        self._about = about[self._window]
        self._reach = max(3.0, 0.06 * side)
        within = mask[self._window]
        self._sides = [(self._about & part).astype(np.float32) for part in (within, ~within)]
        self._weights = [self._gathered(part) for part in self._sides]
        border = _widened(within, 1) & _widened(~within, 1)
        self._border = border & (np.minimum(*self._weights) > LEAST_SIDE)
        self._gray, self._steps = self._seen(picture)

    def alike(self, picture: NDArray[np.uint8]) -> float:
        """0 to 1: the geometric mean of Pearson's correlation of the gray values and of what is left of the steps."""
        gray, steps = self._seen(picture)
        correlation = _correlation(self._gray, gray)
        # What fills the sector has no border in it.
        return float(np.sqrt(correlation * _left(self._steps, steps))) if steps.size else correlation

    def _seen(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Gray values in and about the mask; by how much it is brighter outside at each pixel of the border."""
        shown = picture[self._window]
        means = [
            self._gathered(shown * part)[self._border] / weight[self._border]
            for part, weight in zip(self._sides, self._weights, strict=True)
        ]
        return shown[self._about], means[1] - means[0]

    def _gathered(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """``values`` of the neighborhood of each pixel."""
        import cv2

        return np.asarray(cv2.GaussianBlur(values, (0, 0), self._reach, borderType=cv2.BORDER_CONSTANT), np.float32)


def _widened(mask: BoolMask, rim: int) -> BoolMask:
    """``mask [h, w]`` with all that is within ``rim`` pixels of it."""
    import cv2

    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1, 2 * rim + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disk) > 0)


def _left(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    """How much is left of a list of values, 0 to 1: their cosine, and less where they have become smaller."""
    size = float(np.linalg.norm(before))
    largest = size * max(size, float(np.linalg.norm(now)))
    return max(float(before @ now) / largest, 0.0) if largest > 0 else 0.0


def _looked_up(values: NDArray[_Value], places: _Map) -> NDArray[_Value]:
    """``values [H, W, ...]`` at these ``places``: by the straight line between pixels, at the rim beyond it."""
    import cv2

    x, y = np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1])
    found = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, values.dtype)


def overlap(one: BoolMask, other: BoolMask) -> float:
    """Dice of two masks; 1 where both are empty."""
    both = np.count_nonzero(one) + np.count_nonzero(other)
    return 1.0 if both == 0 else 2.0 * np.count_nonzero(one & other) / both


def _correlation(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Pearson's correlation of two lists of gray values, 0 where it is negative or there is no contrast."""
    if one.size == 0 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return max(float(np.corrcoef(one, other)[0, 1]), 0.0)
