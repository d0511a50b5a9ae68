"""How far pixels lie from others, the same to the last digit whenever it is asked."""

from __future__ import annotations

import numpy as np

from ..cine import BoolMask, FloatArray


def distance_to_outside(mask: BoolMask) -> FloatArray:
    """Distance in pixels from each pixel of ``mask [H, W]`` to the nearest one outside of it; 0 outside.

    What lies beyond the array counts as neither.
    """
    import cv2

    # OpenCV's last digit differs with where in memory its result happens to lie, and would decide between places that
    # are equally deep. The squares are whole numbers, below two million in frames of a thousand pixels.
    rough = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.sqrt(np.rint(np.square(rough, dtype=np.float64)))
