"""What the pixels of a clip say to a list of clips: a small picture of it, and where its sector lies."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine, ScaleSource

HEIGHT, WIDTH = 48, 64
"""Of a picture in a list, in pixels (our choice: two lines of text high; rows of pixels fill whole words)."""


@dataclass(frozen=True)
class SeenClip:
    """What a list keeps of a clip that was read: ``picture`` is ``uint8 [HEIGHT, WIDTH]`` of its middle frame.

    ``box`` is that of its sector ``(x0, y0, x1, y1)``, ``facts`` are those of `clip_listing`, ``rows`` and ``columns``
    the size of its frames.
    """

    picture: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    rows: int
    columns: int
    facts: dict[str, Any]


def see_clip(path: Path) -> SeenClip:
    """Reads a clip for a list; as `read_cine`, to be run in the reading process. Raises `ReadError`."""
    from ..io.cine_reading import read_cine

    cine = read_cine(path)
    return SeenClip(small_picture(cine), cine.sector.box, cine.rows, cine.columns, facts_of(cine))


def facts_of(cine: Cine) -> dict[str, Any]:
    """What is listed of a clip that was read, in plain values."""
    mm = None if cine.scale.source is ScaleSource.NONE else cine.scale.mm_per_px
    return {
        "view": cine.view,
        "mode": str(cine.mode),
        "frames": cine.frame_count,
        "rate": cine.times.frame_rate,
        "scale": str(cine.scale.source),
        "mm_per_px": mm,
        "scale_reason": cine.scale.reason or None,
        "warnings": list(cine.warnings),
    }


def small_picture(cine: Cine) -> NDArray[np.uint8]:
    """The sector of the middle frame, as large as fits, on black: ``uint8 [HEIGHT, WIDTH]``."""
    x0, y0, x1, y1 = cine.sector.box
    inside = cine.sector.mask[y0 : y1 + 1, x0 : x1 + 1]
    part = np.where(inside, cine.frames[cine.frame_count // 2, y0 : y1 + 1, x0 : x1 + 1], 0)
    rows, columns = part.shape
    factor = min(HEIGHT / rows, WIDTH / columns)
    height, width = max(1, round(rows * factor)), max(1, round(columns * factor))
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    picture[top : top + height, left : left + width] = _averaged(part, height, width)
    return picture


def _averaged(part: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """``part`` made smaller, each pixel the mean of those that fall into it; a part that is smaller is repeated."""
    rows, columns = part.shape
    whole = np.pad(part.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    top, bottom = _edges(rows, height)
    left, right = _edges(columns, width)
    total = (whole[bottom][:, right] - whole[top][:, right] - whole[bottom][:, left] + whole[top][:, left]) / np.outer(
        bottom - top, right - left
    )
    return np.asarray(np.rint(total), np.uint8)


def _edges(size: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first = np.arange(count) * size // count
    return first, np.maximum((np.arange(count) + 1) * size // count, first + 1)


def to_text(picture: NDArray[np.uint8]) -> str:
    """A picture as text for a message."""
    return base64.b64encode(picture.tobytes()).decode("ascii")


def from_text(text: str) -> bytes | None:
    """The pixels of a picture, row by row; None for what is none."""
    try:
        pixels = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return pixels if len(pixels) == HEIGHT * WIDTH else None
