"""What is said of a clip that is not shown as usual: on its head, or with left and right exchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..cine import Cine
from ..inference.segmentation import Segmentation
from ..io.fan_orientation import seen_turned

TURNED = (
    "The model was shown this clip upside down, since its fan has the probe at the bottom; outlines and points lie in "
    "the pixels of the file"
)
MIRRORED = "Left and right are exchanged against the usual display: the left ventricle lies left of the right one"


def orientation_notes(cine: Cine, view: str, outlines: Mapping[str, Segmentation]) -> Iterator[str]:
    """Notes on a clip that a model outlined.

    In A4C the left ventricle is usually displayed on the right (Lang et al., ASE/EACVI 2015).
    """
    if seen_turned(cine):
        yield TURNED
    ventricles = [outlines[name].masks.any(axis=0) for name in ("LV", "RV") if name in outlines]
    if view == "A4C" and len(ventricles) == 2 and all(mask.any() for mask in ventricles):
        left, right = (float(np.nonzero(mask)[1].mean()) for mask in ventricles)
        if left < right:
            yield MIRRORED
