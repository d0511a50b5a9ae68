"""What speaks against outlines that were found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ..inference.segmentation import Segmentation
from ..structures import structures

LOW_CONFIDENCE = 0.8
"""Predicted Dice below which an outline of the left ventricle is doubted (own choice)."""


def outline_warnings(segmentations: Mapping[str, Segmentation]) -> Iterable[str]:
    """A sentence for each structure that was not found in every frame."""
    for name, item in segmentations.items():
        title = structures()[name].name if name in structures() else name
        missing, total = int((~item.masks.any(axis=(1, 2))).sum()), len(item.masks)
        if missing:
            yield f"{title}: not found in {'any frame' if missing == total else f'{missing} of {total} frames'}"


def unsure_outline(found: Mapping[str, Segmentation]) -> Iterable[str]:
    """A sentence where the model is unsure of the left ventricle in a frame."""
    ventricle = found.get("LV")
    if ventricle is None:
        return
    weakest = int(np.argmin(ventricle.confidence))
    if ventricle.confidence[weakest] < LOW_CONFIDENCE:
        sure = f"{ventricle.confidence[weakest]:.2f} in frame {weakest}"
        yield f"{structures()['LV'].name}: the model is unsure of its outline (predicted Dice down to {sure})"
