"""The filled convex hull of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray


def convex_hull(mask: BoolMask) -> BoolMask | None:
    """The filled convex hull of a mask; None when it has no area."""
    from scipy.spatial import ConvexHull, QhullError

    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size < 2:
        return None
    left = mask[rows].argmax(axis=1)
    right = mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    points = np.concatenate([np.stack([left, rows], 1), np.stack([right, rows], 1)]).astype(float)
    try:
        corners = points[ConvexHull(points).vertices]
    except QhullError:
        return None
    return _fill_polygon(corners, mask.shape)


def _fill_polygon(corners: FloatArray, shape: tuple[int, ...]) -> BoolMask:
    """Pixels of a convex polygon with ``corners [N, (x, y)]``: in each row, all from its left to its right edge."""
    low, high = np.full(shape[0], np.inf), np.full(shape[0], -np.inf)
    for (xa, ya), (xb, yb) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rows = np.arange(int(min(ya, yb)), int(max(ya, yb)) + 1)
        x = np.full(rows.shape, xa) if ya == yb else xa + (rows - ya) * (xb - xa) / (yb - ya)
        low[rows] = np.minimum(low[rows], np.minimum(x, xb) if ya == yb else x)
        high[rows] = np.maximum(high[rows], np.maximum(x, xb) if ya == yb else x)
    columns: NDArray[np.int64] = np.arange(shape[1])
    return np.asarray((columns >= np.round(low)[:, None]) & (columns <= np.round(high)[:, None]))
