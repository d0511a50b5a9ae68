"""Stills: single frames as pictures with their outlines drawn in."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..analysis.clip_analysis import ClipResult
from ..errors import EchoApexError
from .outline_paths import CALIPER_COLOR, Crop, axis_lines, caliper_lines, drawing_order, line_color, outlines

STILL_WIDTH = 800
"""Width (or height, if larger) of a still in pixels."""

SMALLER_WIDTHS = (640, 480, 360, 240)
"""Widths of pictures on the page, the largest that fits the page's size is taken."""

_FRACTION_BITS = 4
_LINE_PX = 2
_LABEL_HEIGHT = 28
_STILL_QUALITY = 88
_AXIS_COLOR = (255, 255, 255)


def still(clip: ClipResult, frame: int, label: str) -> NDArray[np.uint8]:
    """``frame`` of a clip with its outlines, long axis or calipers, ``uint8 [h, w, 3]`` RGB.

    ``label`` (ASCII) is written below the picture, for it to say what it is wherever it ends up.
    """
    crop = Crop.fit(clip.cine, STILL_WIDTH, enlarge=True)
    gray = crop.picture(clip.cine.masked_frames()[frame])
    picture = np.ascontiguousarray(np.repeat(gray[..., None], 3, axis=2))
    for name in drawing_order(clip):
        for line in outlines(clip.segmentations[name].masks[frame]):
            _draw(picture, crop.place(line), line_color(name), closed=True, width=_LINE_PX)
    for line in axis_lines(clip, frame):
        _draw(picture, crop.place(line), _AXIS_COLOR, closed=False, width=1)
    for line in caliper_lines(clip, frame):
        _draw(picture, crop.place(line), CALIPER_COLOR, closed=False, width=_LINE_PX)
    return np.concatenate([picture, _label_strip(label, picture.shape[1])])


def _label_strip(label: str, width: int) -> NDArray[np.uint8]:
    import cv2

    strip = np.zeros((_LABEL_HEIGHT, width, 3), np.uint8)
    place = (10, _LABEL_HEIGHT - 9)
    cv2.putText(strip, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.48, _AXIS_COLOR, 1, cv2.LINE_AA)
    return strip


def _draw(
    picture: NDArray[np.uint8], points: NDArray[np.float64], color: tuple[int, int, int], *, closed: bool, width: int
) -> None:
    import cv2

    fixed = np.rint(points * 2**_FRACTION_BITS).astype(np.int32)
    cv2.polylines(picture, [fixed[:, None]], closed, color, width, cv2.LINE_AA, _FRACTION_BITS)


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes an RGB picture; raises `EchoApexError` where that is not possible."""
    import cv2

    # Not cv2.imwrite: it fails without a reason, and on Windows for folders with other than ASCII letters.
    try:
        path.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    except OSError as error:
        raise EchoApexError("The picture cannot be written", value=error.strerror, file=path) from None


def still_uri(picture: NDArray[np.uint8], most_bytes: float) -> str:
    """An RGB picture as a ``data:`` address for the page, as large as ``most_bytes`` allow or of the least width."""
    import cv2

    rows, columns = picture.shape[:2]
    for width in (columns, *SMALLER_WIDTHS):
        size = (width, round(rows * width / columns))
        smaller = picture if width >= columns else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        address = jpeg_uri(np.asarray(smaller[..., ::-1], np.uint8), _STILL_QUALITY)
        if len(address) <= most_bytes:
            break
    return address


def jpeg_uri(picture: NDArray[np.uint8], quality: int) -> str:
    """A BGR or gray picture as a ``data:`` address."""
    import cv2

    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")
