"""The mean shape of each structure in its tight box, from the labels of the training frames."""

from __future__ import annotations

import numpy as np
import torch

from ..models.box_shapes import SHAPE_SIDE, BoxShapes
from ..simulation.heart import Tissue
from .frame_shards import Frames
from .recipe import Recipe

LEAST_MASKS = 20
"""Masks of a structure in a view from which its mean shape counts (our choice)."""

_LEAST_SIDE_PX = 6
"""Smaller boxes than this say little of a shape (our choice)."""


def mean_shapes(frames: Frames, recipe: Recipe) -> BoxShapes:
    """The mean shapes of the recipe's structures in its views."""
    views = recipe.view_classes or ("",)
    shapes = BoxShapes(len(recipe.structures), len(recipe.view_classes))
    for row, name in enumerate(recipe.structures):
        for column, view in enumerate(views):
            wanted = frames.labels if not view else frames.labels[frames.views == view]
            found = [shape for label in wanted if (shape := _in_its_box(label == Tissue[name])) is not None]
            if len(found) >= LEAST_MASKS:
                shapes.maps.data[row, column] = torch.from_numpy(np.mean(found, axis=0, dtype=np.float32))
    return shapes


def _in_its_box(mask: np.ndarray) -> np.ndarray | None:
    """The share of each of `SHAPE_SIDE` x `SHAPE_SIDE` places of its tight box that a mask covers; None if small."""
    import cv2

    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if min(width, height) < _LEAST_SIDE_PX:
        return None
    cut = mask[y : y + height, x : x + width].astype(np.float32)
    return np.asarray(cv2.resize(cut, (SHAPE_SIDE, SHAPE_SIDE), interpolation=cv2.INTER_AREA))
