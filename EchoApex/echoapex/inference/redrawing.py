"""Masks that were carried with the motion of the picture, outlined again by the model in every frame.

Optical flow loses half of the motion of a wall: of four simulated ventricles' area swing (the largest less the smallest
over the beat) 0.79 was left, and of what the model outlines from the carried masks 1.02. It knows no more of what a
person meant than the mask that is carried. So both are joined: the border moves as the model sees it, and keeps the
distance from the model's own border that it has where a person gave it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray
from ..prompts import Prompt
from .encoding import EncodedCine
from .propagation import overlap
from .propagation_fusion import border_depth
from .segmentation import Segmentation, segment_frame

REACH = 0.2
"""How far beside the carried mask the model's is believed, in sides of a square of its size: what is beyond has leaked
through a border that does not show, such as the mitral annulus. Our choice: from end-systole to end-diastole a border
moves by about as much, half of which flow follows."""

JUMPED, STAYED = 0.6, 0.75
"""Dice of the model's mask in a frame with the carried one: below the one it is something else, on another side, and
does not count; from the other on it counts in full. Our choice: where flow misses half of an ejection that halves the
area, right masks have 0.8."""

KEPT = 0.1
"""The largest distance between the given and the model's border that is kept, in sides of a square of the size of the
mask (our choice: more is no matter of taste where a border lies)."""


def outlined_from(seen: EncodedCine, frame: int, mask: BoolMask) -> Segmentation:
    """What the model outlines on ``frame`` where an earlier ``mask [H, W]`` and its box are the prompt, as
    ``masks [1, H, W]``; empty and of confidence 0 where the mask has no place in the sector."""
    inside = mask & seen.cine.sector.mask
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size < 2 or columns.size < 2:
        return Segmentation(np.zeros((1, *mask.shape), bool), np.zeros(1, np.float32))
    box = (float(columns[0]), float(rows[0]), float(columns[-1]), float(rows[-1]))
    return segment_frame(seen.model, seen, frame, [Prompt(box=box, mask=inside)])


def redrawn(
    frames: Sequence[int],
    carried: BoolMask,
    beside: BoolMask,
    again: BoolMask,
    kept: FloatArray,
    seen_well: float,
    half: int,
) -> tuple[BoolMask, NDArray[np.float64]]:
    """Masks ``[F, H, W]`` on ``frames`` (rising) with the border of the model's masks ``again``, as far as that is
    believed; and how far it is, ``[F]`` from 0 to 1.

    ``carried`` and ``beside`` are the given masks, and what the model outlined from those on the same frames, both
    carried to here: their distance (at most `KEPT`) is ``kept [F]``, from 0 to 1. ``seen_well`` (0 to 1) is how far the
    model sees what was given at all. A frame does not count where the model's mask has jumped (`JUMPED`), and what it
    has beyond `REACH` never does. The model's border is the median of those ``half`` frames before and after, so that
    it does not jump in single ones. Where nothing was carried there is nothing.
    """
    believed = np.array([_stayed(one, other) for one, other in zip(again, carried, strict=True)]) * seen_well
    window = _window(carried | again)
    side = float(np.sqrt(max(int(carried.sum(axis=(1, 2)).max(initial=0)), 1)))
    depths = {frames[row]: border_depth(again[row][window], side) for row in np.flatnonzero(believed).tolist()}
    result = np.zeros_like(carried)
    for row, frame in enumerate(frames):
        depth = border_depth(carried[row][window], side)
        if believed[row]:
            # The first and last frame stand for those beyond them, as in `median_over_time`.
            near = np.clip(np.arange(frame - half, frame + half + 1), frames[0], frames[-1])
            meant = np.clip(depth - border_depth(beside[row][window], side), -KEPT * side, KEPT * side)
            new = np.median([depths[k] for k in near.tolist() if k in depths], axis=0) + kept[row] * meant
            depth = depth + believed[row] * (np.minimum(new, depth + REACH * side) - depth)
        result[row][window] = depth > 0
    return result, believed


def _stayed(again: BoolMask, carried: BoolMask) -> float:
    """How far the model's mask in a frame is believed to be of what was carried there, 0 to 1."""
    if not carried.any():
        return 0.0
    return float(np.clip((overlap(again, carried) - JUMPED) / (STAYED - JUMPED), 0.0, 1.0))


def _window(masks: BoolMask) -> tuple[slice, slice]:
    """The rows and columns in which any of ``masks [F, H, W]`` is."""
    shown: BoolMask = np.any(masks, axis=0)
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if not rows.size:
        return slice(0), slice(0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
