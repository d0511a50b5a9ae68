"""What student and teacher see of a frame: two global and some local crops, inside the ultrasound sector.

The crops of Caron et al. 2021 (section 3.2, "multi-crop") without what means nothing on gray ultrasound: no hue, no
solarization, no mirroring unless the recipe says so. A local crop of a frame often falls on the black around the
sector; here places are drawn anew until enough of it lies inside (our choice).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...frame_source import sector_of
from ..pretraining_recipe import CropRecipe

GLOBAL_COUNT = 2
_BLUR_SHARES = (1.0, 0.1)
_LOCAL_BLUR, _TONE_SHARE = 0.5, 0.8
_ASPECT = math.log(4 / 3)
_TRIES = 10
_LEVELS = np.arange(256.0)

Image = NDArray[np.uint8]


def multi_crop(image: Image, recipe: CropRecipe, rng: np.random.Generator) -> tuple[Image, Image]:
    """Crops of a frame ``uint8 [H, W]``: global ``uint8 [2, G, G]`` and local ones ``uint8 [L, l, l]``."""
    inside = sums_of(sector_of(image))
    large = [_crop(image, inside, recipe, rng, local=False) for _ in range(GLOBAL_COUNT)]
    small = [_crop(image, inside, recipe, rng, local=True) for _ in range(recipe.local_count)]
    globals_ = np.stack([_toned(crop, recipe, share, rng) for crop, share in zip(large, _BLUR_SHARES, strict=True)])
    empty = np.empty((0, recipe.local_size, recipe.local_size), np.uint8)
    return globals_, np.stack([_toned(crop, recipe, _LOCAL_BLUR, rng) for crop in small]) if small else empty


def crop_box(
    inside: NDArray[np.int32], scale: tuple[float, float], least: float, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """A box ``(top, left, rows, columns)`` as torchvision's RandomResizedCrop draws it (aspect 3/4 to 4/3).

    ``inside [H + 1, W + 1]`` are sums of the sector from the corner. Of up to ten boxes the first is taken of which
    the share ``least`` lies in the sector, or else the one with most.
    """
    height, width = inside.shape[0] - 1, inside.shape[1] - 1
    best, most = (0, 0, height, width), -1.0
    for _ in range(_TRIES):
        area, aspect = height * width * rng.uniform(*scale), math.exp(rng.uniform(-_ASPECT, _ASPECT))
        rows = min(height, max(1, round(math.sqrt(area / aspect))))
        columns = min(width, max(1, round(math.sqrt(area * aspect))))
        top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
        share = _share(inside, top, left, rows, columns)
        if share > most:
            best, most = (top, left, rows, columns), share
        if share >= least:
            break
    return best


def sums_of(sector: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How much of ``sector [H, W]`` lies above and left of each corner of a pixel ``[H + 1, W + 1]``."""
    import cv2

    return np.asarray(cv2.integral(sector.view(np.uint8)), np.int32)


def _share(inside: NDArray[np.int32], top: int, left: int, rows: int, columns: int) -> float:
    low, right = top + rows, left + columns
    within = inside[low, right] - inside[top, right] - inside[low, left] + inside[top, left]
    return float(within) / (rows * columns)


def _crop(
    image: Image, inside: NDArray[np.int32], recipe: CropRecipe, rng: np.random.Generator, *, local: bool
) -> Image:
    import cv2

    scale, size = (recipe.local_scale, recipe.local_size) if local else (recipe.global_scale, recipe.global_size)
    top, left, rows, columns = crop_box(inside, scale, recipe.least_sector, rng)
    cut = image[top : top + rows, left : left + columns]
    shrinking = rows > size and columns > size
    crop = cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)
    return np.asarray(crop[:, ::-1] if rng.random() < recipe.mirrored else crop, np.uint8)


def _toned(crop: Image, recipe: CropRecipe, blurred: float, rng: np.random.Generator) -> Image:
    """Brightness and contrast as torchvision's ColorJitter in one table, then a blur for the share ``blurred``."""
    import cv2

    if rng.random() < _TONE_SHARE:
        bright, contrast = rng.uniform(1 - recipe.tone, 1 + recipe.tone, 2)
        levels = np.clip(_LEVELS * bright, 0, 255)
        counts = cv2.calcHist([crop], [0], None, [256], [0, 256]).ravel()
        mean = float(counts @ levels) / crop.size
        table = np.clip(mean + contrast * (levels - mean), 0, 255).round().astype(np.uint8)
        crop = np.asarray(cv2.LUT(crop, table), np.uint8)
    if rng.random() < blurred:
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(*recipe.blur))), np.uint8)
    return np.ascontiguousarray(crop)
