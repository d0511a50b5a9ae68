"""What EchoCLR sees of a study: two of its clips, four frames of each, moved and turned, in any order."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...clip_source import SectorClip, SectorStudy
from .recipe import CLIP_FRAMES, EchoClrRecipe

ORDERS = tuple(itertools.permutations(range(CLIP_FRAMES)))
"""The orders that frames may be shown in; the answer to the question is a place among these 24."""

_TURNED_SHARE, _TONED_SHARE = 0.5, 0.8

Frames = NDArray[np.uint8]


class ClipPair(NamedTuple):
    """Two clips ``uint8 [2, 4, S, S]`` of one study, their ``orders int64 [2]``, and whose they are."""

    clips: Frames
    orders: NDArray[np.int64]
    study: tuple[str, str]


class ClipViews(NamedTuple):
    """What a step sees: ``clips uint8 [2, B, 4, S, S]``, ``orders int64 [2, B]`` and the number of each study
    ``int64 [B]``, equal for equal ones.
    """

    clips: Frames
    orders: NDArray[np.int64]
    studies: NDArray[np.int64]

    def shares(self, count: int) -> list[ClipViews]:
        """The whole batch: its studies are told from each other, and never learned in parts."""
        assert count == 1
        return [self]


def draw_pair(study: SectorStudy, recipe: EchoClrRecipe, rng: np.random.Generator) -> ClipPair:
    """Two distinct clips of a ``study``; a single one is its own counterpart."""
    count = len(study.clips)
    chosen = rng.choice(count, 2, replace=False) if count > 1 else (0, 0)
    clips, orders = [], []
    for number in chosen:
        frames = _changed(_window(study.clips[int(number)], recipe, rng), recipe, rng)
        order = int(rng.integers(len(ORDERS)))
        clips.append(frames[list(ORDERS[order])])
        orders.append(order)
    return ClipPair(np.stack(clips), np.array(orders, np.int64), (study.patient, study.study))


def windows(count: int, step: int) -> list[tuple[int, ...]]:
    """Places of four frames ``step`` apart in a clip of ``count`` frames, from each start; closer in a short one."""
    step = max(1, min(step, (count - 1) // (CLIP_FRAMES - 1)))
    span = step * (CLIP_FRAMES - 1)
    return [tuple(range(start, start + span + 1, step)) for start in range(count - span)]


def squared(frame: Frames, size: int) -> Frames:
    """A frame ``uint8 [H, W]`` in the middle of a square ``[size, size]``, its proportions kept."""
    import cv2

    rows, columns = frame.shape
    factor = size / max(rows, columns)
    inner = max(1, round(rows * factor)), max(1, round(columns * factor))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    square = np.zeros((size, size), np.uint8)
    top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
    square[top : top + inner[0], left : left + inner[1]] = cv2.resize(frame, inner[::-1], interpolation=how)
    return square


def _window(clip: SectorClip, recipe: EchoClrRecipe, rng: np.random.Generator) -> Frames:
    places = windows(clip.count, recipe.frame_step)
    frames = clip.frames(places[int(rng.integers(len(places)))])
    return np.stack([squared(frame, recipe.clip_size) for frame in frames])


def _changed(frames: Frames, recipe: EchoClrRecipe, rng: np.random.Generator) -> Frames:
    """All frames of a clip changed alike: shifted, turned, mirrored, and their gray curve bent."""
    import cv2

    size = recipe.clip_size
    angle = float(rng.uniform(-recipe.rotation, recipe.rotation)) if rng.random() < _TURNED_SHARE else 0.0
    matrix = np.asarray(cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, 1.0), np.float64)
    matrix[:, 2] += rng.uniform(-recipe.shift, recipe.shift, 2) * size
    if rng.random() < recipe.mirrored:
        matrix[0] *= -1
        matrix[0, 2] += size - 1
    gamma = math.exp(rng.uniform(-recipe.tone, recipe.tone)) if rng.random() < _TONED_SHARE else 1.0
    table = np.round(255 * np.linspace(0, 1, 256) ** gamma).astype(np.uint8)
    return np.stack([table[cv2.warpAffine(frame, matrix, (size, size), flags=cv2.INTER_LINEAR)] for frame in frames])
