"""Masks carried from the frames they were given on to the others, along with the motion of the picture.

The motion between neighboring frames is dense optical flow (DIS, Kroeger et al. 2016, as OpenCV has it), added up from
the given frame on, so that each mask is moved once, however far it is carried. Nothing here knows what a heart is:
whatever is outlined on one frame is followed, and what was wrong there stays wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, Cine, ImageStack
from ..errors import PromptError
from .structure_sight import Sight

SMOOTHING_PX = 2.0
"""Standard deviation of the Gaussian over each frame before its motion is sought: speckle flickers (our choice)."""

LOST = 0.25
"""Below this confidence a structure counts as gone from the picture. Our choice: on six hard hearts, with the plane
tilted, turned or slid off the structure, 75 % of 3,206 frames without it were said to be without, 74 % of 1,408 after a
jump to the other view, and 91 % of 576 where it slid out of the sector; 6 % of 5,309 frames that showed at least half
of it were too. Where another dark space lies in its place it is not told from that. Of 26 outlines in two real cines
(2,014 frames) five, a wall and four of the atria, fell below it somewhere; both ventricles stayed at 0.34 or more."""

SINGLE_S, SINGLE_FRAMES = 0.15, 5
"""What is lost for no longer than this (or so many frames, where times are unknown), and followed again, was hidden by
haze or a bad frame: it is kept. Our choice: a valve that opens hides nothing for as long."""

BACK = 0.5
"""At this confidence it is found again beyond frames in which it was hidden: another dark place in its stead has less.
Our choice."""

SMALLEST_PX = 64
"""Fewer rows or columns are filled up by repeating the rim: OpenCV 5.0 refuses 8 x 8 and crashes at 12 x 40."""

_Value = TypeVar("_Value", np.uint8, np.float32)
_Map = NDArray[np.float32]
"""Where each pixel of one frame is in another: ``[H, W, 2]``, (x, y)."""


@dataclass(frozen=True)
class Carried:
    """``masks bool [T, H, W]`` through the whole cine, false in frames that were not wanted; ``confidence [T]``.

    The confidence is the Dice overlap of the given mask with itself after it was carried to the frame and back, times
    how alike the picture shows the structure in both frames (`Sight`). It is 1 where a mask was given and 0 in frames
    that were not wanted. Below `LOST` the mask is empty, unless for single frames (`SINGLE_S`): the structure has left
    the picture, or cannot be followed there. ``beside bool [T, H, W]`` are other masks that went the same way.
    """

    masks: BoolMask
    confidence: NDArray[np.float32]
    beside: BoolMask


def carry_masks(
    cine: Cine,
    given: Mapping[int, BoolMask],
    frames: Iterable[int] | None = None,
    *,
    beside: Mapping[int, BoolMask] | None = None,
    after_move: Callable[[], None] | None = None,
) -> Carried:
    """The ``given`` masks ``bool [H, W]`` by frame, carried to ``frames`` (to all where None).

    A frame between two given ones gets both, each with more weight the nearer and the surer it is; one before the first
    or after the last gets that. Given masks stay as they are; carried ones lie inside the sector. The masks ``beside``
    them, on the same frames, go where the given ones go, and are empty where those are. After each of the `moves`
    ``after_move`` is called; what it raises ends the work. Raises `PromptError` where none is given, for a frame that
    the cine has not and for a mask of another size.
    """
    wanted = set(range(cine.frame_count) if frames is None else map(int, frames))
    _check(cine, given, wanted)
    pairs = {frame: np.stack([mask, mask if beside is None else beside[frame]]) for frame, mask in given.items()}
    masks, confidence = np.zeros((2, *cine.frames.shape), bool), np.zeros(cine.frame_count, np.float32)
    motion = _Motion(cine, after_move or (lambda: None), single_frames(cine))
    for gap in _gaps(given, wanted):
        for index, pair, sure in _between(motion, pairs, gap):
            masks[:, index], confidence[index] = motion.whole(pair), sure
    for index in wanted & given.keys():
        masks[:, index], confidence[index] = pairs[index], 1.0
    for index in _gone(confidence, sorted(wanted | given.keys()), given, single_frames(cine)):
        masks[:, index] = False
    return Carried(masks[0], confidence, masks[1])


def single_frames(cine: Cine) -> int:
    """How many frames `SINGLE_S` is."""
    rate = cine.times.frame_rate
    return SINGLE_FRAMES if rate is None else max(1, round(SINGLE_S * rate))


def _gone(confidence: NDArray[np.float32], frames: list[int], given: Collection[int], single: int) -> Iterator[int]:
    """Those of ``frames`` (rising) in which the structure is lost, and not for single frames between others."""
    for lost, run in groupby(frames, key=lambda index: index not in given and bool(confidence[index] < LOST)):
        found = list(run)
        ends = found[0] == frames[0] or found[-1] == frames[-1]
        if lost and (ends or found[-1] - found[0] >= single):
            yield from found


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
    """A mask and the one beside it that have been carried: ``cover uint8 [h, w, 2]`` (255 is all of a pixel), and
    their confidence as in `Carried`."""

    cover: NDArray[np.uint8]
    sure: float


def _between(motion: _Motion, given: Mapping[int, BoolMask], gap: _Gap) -> Iterator[tuple[int, BoolMask, float]]:
    """Frame, masks ``[2, h, w]`` and confidence of the asked frames after one given mask and before the next."""
    sides = [(start, dict(motion.carried(given[start], start, end))) for start, end in gap.ways]
    for index in gap.asked:
        found = [moved[index] for _, moved in sides]
        # One that is lost still counts where there is no other.
        weights = np.array([max(moved[index].sure, 1e-3) / abs(index - start) for start, moved in sides])
        weights /= weights.sum()
        cover = np.tensordot(weights, np.stack([moved.cover for moved in found]), axes=1)
        sure = float(weights @ [moved.sure for moved in found])
        yield index, np.moveaxis(cover > 127.5, -1, 0), sure


@dataclass(frozen=True)
class _Way:
    """The way from the given frame to this ``picture``: where a pixel of this was on that one (``origin``), where a
    pixel of that has gone (``there``), and the confidence as in `Carried`."""

    picture: NDArray[np.uint8]
    origin: _Map
    there: _Map
    sure: float


class _Motion:
    """How the picture in the sector of a cine moves."""

    def __init__(self, cine: Cine, after_move: Callable[[], None], single: int) -> None:
        import cv2

        x0, y0, x1, y1 = cine.sector.box
        self._window = (slice(y0, y1 + 1), slice(x0, x1 + 1))
        self._frames: ImageStack = cine.frames[(slice(None), *self._window)]
        self._sector = cine.sector.mask
        self._inside = cine.sector.mask[self._window]
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._after_move = after_move
        self._single = single

    def whole(self, masks: BoolMask) -> BoolMask:
        """``masks [2, h, w]`` of the sector's box in the full frame, without what lies outside the sector."""
        result = np.zeros((len(masks), *self._sector.shape), bool)
        result[(slice(None), *self._window)] = masks & self._inside
        return result

    def carried(self, masks: BoolMask, frame: int, end: int) -> Iterator[tuple[int, _Moved]]:
        """The masks ``[2, H, W]`` of ``frame`` in each frame from its neighbor to ``end``, before or after it.

        What comes after single frames in which they are lost is sought from the last one in which they were followed,
        too: through a bad picture there is no way.
        """
        start = np.moveaxis(masks[(slice(None), *self._window)], 0, -1)
        rows, columns = start.shape[:2]
        here = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(np.float32)
        now, kept, lost = _Way(self._picture(frame), here, here, 1.0), None, 0
        sight = Sight(start[..., 0], self._inside, now.picture)
        covers, step = np.where(start, np.uint8(255), np.uint8(0)), 1 if end > frame else -1
        for index in range(frame + step, end + step, step):
            picture, followed = self._picture(index), now
            now = self._moved(now, picture, here, covers, sight)
            if now.sure < LOST and not lost:
                kept = followed
            if kept is not None:
                past = self._moved(kept, picture, here, covers, sight)
                now = past if past.sure >= max(BACK, now.sure) else now
            lost = lost + 1 if now.sure < LOST else 0
            kept = kept if 0 < lost <= self._single else None
            shown = now if kept is None else kept
            yield index, _Moved(_looked_up(covers, shown.origin), now.sure)
            self._after_move()

    def _moved(
        self, way: _Way, picture: NDArray[np.uint8], here: _Map, covers: NDArray[np.uint8], sight: Sight
    ) -> _Way:
        """The ``way`` gone on to the next ``picture``."""
        origin = _looked_up(way.origin, here + self._field(picture, way.picture))
        there = way.there + _looked_up(self._field(way.picture, picture), way.there)
        again = _looked_up(covers[..., 0], _looked_up(origin, there))
        sure = overlap(covers[..., 0] > 0, again > 127) * sight.alike(_looked_up(picture, there))
        return _Way(picture, origin, there, sure)

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
