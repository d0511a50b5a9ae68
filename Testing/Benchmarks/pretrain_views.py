"""The views of a frame by PIL, as torchvision's transforms draw them, to compare ours by OpenCV with.

Boxes, chances and ranges are ours, so that both do the same operations on the same gray frame; finding the sector is
ours in both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from echoapex.training.frame_source import sector_of
from echoapex.training.methods.dino.views import GLOBAL_COUNT, crop_box, sums_of
from echoapex.training.methods.pretraining_recipe import CropRecipe

_BLUR_SHARES, _LOCAL_BLUR, _TONE_SHARE = (1.0, 0.1), 0.5, 0.8


def multi_crop_by_pil(
    image: NDArray[np.uint8], recipe: CropRecipe, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """As `multi_crop`: global ``uint8 [2, G, G]`` and local views ``uint8 [L, l, l]``."""
    inside = sums_of(sector_of(image))
    frame = Image.fromarray(image)
    large = [_view(frame, inside, recipe, rng, _BLUR_SHARES[place], local=False) for place in range(GLOBAL_COUNT)]
    small = [_view(frame, inside, recipe, rng, _LOCAL_BLUR, local=True) for _ in range(recipe.local_count)]
    return np.stack(large), np.stack(small)


def _view(
    frame: Image.Image,
    inside: NDArray[np.int32],
    recipe: CropRecipe,
    rng: np.random.Generator,
    blurred: float,
    *,
    local: bool,
) -> NDArray[np.uint8]:
    scale, size = (recipe.local_scale, recipe.local_size) if local else (recipe.global_scale, recipe.global_size)
    top, left, rows, columns = crop_box(inside, scale, recipe.least_sector, rng)
    crop = frame.crop((left, top, left + columns, top + rows)).resize((size, size), Image.Resampling.BICUBIC)
    if rng.random() < recipe.mirrored:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < _TONE_SHARE:
        bright, contrast = rng.uniform(1 - recipe.tone, 1 + recipe.tone, 2)
        crop = ImageEnhance.Contrast(ImageEnhance.Brightness(crop).enhance(bright)).enhance(contrast)
    if rng.random() < blurred:
        crop = crop.filter(ImageFilter.GaussianBlur(float(rng.uniform(*recipe.blur))))
    return np.asarray(crop)
