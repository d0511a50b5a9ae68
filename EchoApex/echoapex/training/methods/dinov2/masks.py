"""Which patches of a batch are hidden from the student: blocks, as in BEiT and iBOT."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import numpy as np
from numpy.typing import NDArray

_LEAST_PATCHES, _ATTEMPTS, _LEAST_ASPECT = 4, 10, 0.3


def draw_masks(
    images: int, grid: tuple[int, int], share: float, ratios: tuple[float, float], rng: Random
) -> NDArray[np.bool_]:
    """Masks ``bool [images, rows, columns]``: a ``share`` of the images masked, by ratios spread evenly over them.

    ``collate_data_and_cast`` of facebookresearch/dinov2: the n-th of N masked images hides a part of its patches drawn
    between the n-th and the next of N + 1 evenly spaced ``ratios``; then all are shuffled.
    """
    masked = int(images * share)
    steps = np.linspace(*ratios, masked + 1).tolist()
    counts = [int(grid[0] * grid[1] * rng.uniform(low, high)) for low, high in pairwise(steps)]
    masks = [block_mask(grid, count, rng) for count in (*counts, *[0] * (images - masked))]
    rng.shuffle(masks)
    return np.stack(masks)


def block_mask(grid: tuple[int, int], count: int, rng: Random) -> NDArray[np.bool_]:
    """A mask ``bool [rows, columns]`` of about ``count`` patches in blocks.

    ``MaskingGenerator`` of facebookresearch/dinov2 (after BEiT, Bao et al. 2021, algorithm 1): blocks of at least 4
    patches, aspect 0.3 to 1 / 0.3, ten attempts each, until none fits any more.
    """
    mask = np.zeros(grid, bool)
    done = 0
    while done < count:
        added = _add_block(mask, count - done, rng)
        if not added:
            break
        done += added
    return mask


def patch_weights(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """For each masked patch, in the order of ``masks``: 1 over the number of masked patches in its image."""
    counts = masks.reshape(len(masks), -1).sum(1).clip(min=1)
    return np.broadcast_to((1 / counts)[:, None, None], masks.shape)[masks].astype(np.float32)


def _add_block(mask: NDArray[np.bool_], most: int, rng: Random) -> int:
    """Hides one more block of at most ``most`` new patches; gives back how many are new, 0 where none was found."""
    rows, columns = mask.shape
    edge = math.log(_LEAST_ASPECT)
    for _ in range(_ATTEMPTS):
        area, aspect = rng.uniform(_LEAST_PATCHES, most), math.exp(rng.uniform(edge, -edge))
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if width < columns and height < rows:
            top, left = rng.randint(0, rows - height), rng.randint(0, columns - width)
            block = mask[top : top + height, left : left + width]
            new = height * width - int(block.sum())
            if 0 < new <= most:
                block[:] = True
                return new
    return 0
