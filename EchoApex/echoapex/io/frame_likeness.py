"""How alike frames look without their speckle: where a clip goes over to another one, and whether it is in order."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..cine import FloatArray, ImageStack

LEAST_LIKENESS = 0.75
"""Correlation of neighbors in a cine, at least: 0.90 in cines, 0.47 between two hearts (own choice)."""

MOST_DISORDER = 0.75
"""`disorder` of a cine, at most (own choice): 0.17 to 0.45 in 40 simulated ones, 0.33 to 0.76 with every second frame,
0.65 to 1.29 with frames in any order, where one of 120 shuffles is below."""

_FALL = 0.25  # by which the likeness falls below the usual one of a clip where another begins; own choice
_FEWEST_FRAMES = 8
_SHUFFLES = 8
_BLOCK = 8  # pixels over which pictures are averaged before
_LIT_LEVEL = 16


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Correlation of two frames ``uint8 [H, W]`` without their speckle, where either is lit; 0 for other sizes."""
    if one.shape != other.shape:
        return 0.0
    return _correlation(_block_means(one), _block_means(other))


def find_cut(frames: ImageStack) -> int | None:
    """The first of ``frames`` ``uint8 [T, H, W]`` that belongs to another clip than those before, None for one clip.

    Where frames differ as much all along, nothing is a cut.
    """
    if len(frames) < _FEWEST_FRAMES:
        return None
    means = [_block_means(frame) for frame in frames]
    alike = [_correlation(*pair) for pair in pairwise(means)]
    limit = min(LEAST_LIKENESS, float(np.median(alike)) - _FALL)
    lit = [float(mean.max()) > _LIT_LEVEL for mean in means]
    return next((at + 1 for at, value in enumerate(alike) if value < limit and lit[at] and lit[at + 1]), None)


def disorder(frames: ImageStack) -> float:
    """How far neighbors of ``frames`` ``uint8 [T, H, W]`` are apart, over how far any two are: 1 in any order.

    0 where there are too few frames to tell, or no two differ.
    """
    if len(frames) < _FEWEST_FRAMES:
        return 0.0
    means = np.stack([_block_means(frame).ravel() for frame in frames])
    chance = np.random.default_rng(0)
    usual = np.mean([_mean_step(chance.permutation(means)) for _ in range(_SHUFFLES)])
    return float(_mean_step(means) / usual) if usual > 0 else 0.0


def _mean_step(means: FloatArray) -> float:
    return float(np.linalg.norm(np.diff(means, axis=0), axis=1).mean())


def _block_means(frame: NDArray[np.uint8]) -> FloatArray:
    rows, columns = (length // _BLOCK * _BLOCK for length in frame.shape)
    blocks = frame[:rows, :columns].reshape(rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float64)


def _correlation(one: FloatArray, other: FloatArray) -> float:
    lit = np.maximum(one, other) > _LIT_LEVEL
    if lit.sum() < 2 or np.ptp(one[lit]) == 0 or np.ptp(other[lit]) == 0:
        return 0.0
    return float(np.corrcoef(one[lit], other[lit])[0, 1])
