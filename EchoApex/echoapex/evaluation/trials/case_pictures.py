"""Small pictures of single cases: the simulated frame with the truth and with what the model found drawn in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...cine import Cine, FloatArray
from ...report.outline_paths import Crop, outlines

WIDTH = 208
"""Width (or height, if larger) of an overlay in pixels."""

TRUE_COLOR, FOUND_COLOR = (90, 200, 255), (255, 120, 40)
"""RGB of the truth and of what the model found; the page's legend uses them too."""

_QUALITY = 62
_FRACTION_BITS = 4
_DOT_PX = 3


def mask_overlay(cine: Cine, frame: int, truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The borders of two masks ``bool [H, W]`` on a frame, as the bytes of a JPEG file ``uint8 [N]``."""
    crop, picture = _picture(cine, frame)
    for mask, color in ((truth, TRUE_COLOR), (found, FOUND_COLOR)):
        for line in outlines(mask):
            _draw_line(picture, crop.place(line), color, closed=True)
    return _encoded(picture)


def points_overlay(cine: Cine, frame: int, truth: FloatArray, found: FloatArray) -> NDArray[np.uint8]:
    """Landmarks ``[L, 2]`` (x, y) on a frame, joined in their order, as the bytes of a JPEG file ``uint8 [N]``."""
    import cv2

    crop, picture = _picture(cine, frame)
    for points, color in ((truth, TRUE_COLOR), (found, FOUND_COLOR)):
        known = points[np.isfinite(points).all(axis=1)]
        if len(known):
            places = crop.place(known)
            _draw_line(picture, places, color, closed=False)
            for x, y in np.rint(places).astype(int):
                cv2.circle(picture, (int(x), int(y)), _DOT_PX, color, cv2.FILLED, cv2.LINE_AA)
    return _encoded(picture)


def _picture(cine: Cine, frame: int) -> tuple[Crop, NDArray[np.uint8]]:
    crop = Crop.fit(cine, WIDTH, enlarge=True)
    gray = crop.picture(cine.masked_frames()[frame])
    return crop, np.ascontiguousarray(np.repeat(gray[..., None], 3, axis=2))


def _draw_line(picture: NDArray[np.uint8], points: FloatArray, color: tuple[int, int, int], *, closed: bool) -> None:
    import cv2

    fixed = np.rint(points * 2**_FRACTION_BITS).astype(np.int32)
    cv2.polylines(picture, [fixed[:, None]], closed, color, 1, cv2.LINE_AA, _FRACTION_BITS)


def _encoded(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1], np.uint8)
