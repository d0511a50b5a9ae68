"""Whether the ultrasound regions of a header lie over the picture: they do not where it was enlarged or moved since."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..cine import ImageStack
from .dicom_regions import Region

# Own choices: text and trace beside an image change in few of its pixels.
MOST_OUTSIDE = 0.6
"""Share of what moves that may lie outside of all regions, at most."""

_SAMPLED = 8  # frames that are compared
_STEP = 16  # gray levels by which a pixel changes that moves
_FEWEST = 0.01  # of the pixels that move in a clip which can be judged


def share_outside(regions: Sequence[Region], frames: ImageStack) -> float:
    """Share of the pixels that change in ``frames`` (``uint8 [T, H, W]``) which no region holds.

    0 where too little changes to tell, as in stills.
    """
    some = frames[np.unique(np.linspace(0, len(frames) - 1, _SAMPLED).astype(int))]
    moving = some.max(axis=0) - some.min(axis=0) >= _STEP
    if moving.mean() < _FEWEST:
        return 0.0
    held = np.zeros_like(moving)
    for region in regions:
        x0, y0, x1, y1 = region.box
        held[max(0, y0) : max(0, y1 + 1), max(0, x0) : max(0, x1 + 1)] = True
    return float(np.mean(~held[moving]))
