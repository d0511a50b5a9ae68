"""The mean shape of a structure in other patients, stretched into its true box: what a box alone is worth.

Whoever is given the box of a structure knows where it lies and how large it is; without a look at the picture, the best
answer that is left is what the structure looks like in others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .bootstrap_scores import FloatArray, dice

GRID = 64
"""Rows and columns that every shape is brought to before they are averaged (our choice)."""


def cut_to_box(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The smallest part ``uint8 [h, w]`` of 0 and 1 that holds all of ``mask [H, W]``, of which some must be true."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8)


def mean_shape_dice(patients: Sequence[Sequence[NDArray[np.uint8]]]) -> list[FloatArray]:
    """Dice of each patient's true masks, ``uint8 [h, w]`` as from `cut_to_box`, with the mean shape of the others.

    Each mask is brought to the `GRID`; the mean is over the masks of a patient, then over the other patients, so that
    each of them counts the same. What it holds by more than a half, stretched into the box of a mask, is the answer.
    NaN for the masks of the only patient that has any.
    """
    means = [np.mean([_resized(mask, GRID, GRID) for mask in masks], axis=0) if masks else None for masks in patients]
    shown = [mean for mean in means if mean is not None]
    total = np.sum(shown, axis=0)
    found = []
    for masks, own in zip(patients, means, strict=True):
        if own is None or len(shown) < 2:
            found.append(np.full(len(masks), np.nan))
        else:
            others = (total - own) / (len(shown) - 1)
            found.append(np.array([dice(_resized(others, *mask.shape) > 0.5, mask > 0) for mask in masks]))
    return found


def _resized(shape: NDArray[np.float32] | NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.float32]:
    import cv2

    # The mean of what falls into a cell, where there are fewer cells; between cells, where there are more.
    smaller = rows * columns < shape.size
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(shape.astype(np.float32), (columns, rows), interpolation=way), np.float32)
