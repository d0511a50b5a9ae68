"""The frames of a clip that go into shards: within the sector alone, cropped to it, and none nearly like another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine, ImageStack
from ..io.text_free_sector import Polygon, TextFreeSector, find_text_free_sector

# Own choices, tried on simulated and the real cines of pydicom.
_BLOCK_SHARE = 1 / 48  # of the longer side, over which pictures are averaged before they are compared: no speckle
_BORDER = 1  # black pixels around the sector


@dataclass(frozen=True)
class FrameSettings:
    """``largest`` pixels that the longer side of a frame has at most: larger ones are made smaller, none larger.

    A frame whose `alikeness` with one that was taken is above ``most_alike`` is left out; 1 keeps all.
    """

    largest: int = 512
    most_alike: float = 0.985


@dataclass(frozen=True)
class CuratedFrames:
    """What is left of a clip: ``frames`` ``uint8 [N, h, w]``, black outside of the sector, of its frames ``kept``.

    ``border`` is the sector's convex border in these pixels, ``crop`` ``(x0, y0, x1, y1)`` the part of the file's frame
    that they show (both ends included), ``zoom`` their pixels per pixel of the file, ``mm_per_px`` ``(y, x)`` of them.
    """

    frames: ImageStack
    kept: tuple[int, ...]
    border: Polygon
    crop: tuple[int, int, int, int]
    zoom: tuple[float, float]
    mm_per_px: tuple[float, float] | None


def curate_frames(cine: Cine, settings: FrameSettings) -> CuratedFrames:
    """The frames of ``cine`` that are worth keeping. Raises `ReadError` where its sector is not found for sure."""
    sector = find_text_free_sector(cine)
    crop = _crop(sector, cine.rows, cine.columns)
    x0, y0, x1, y1 = crop
    cropped = sector.only(cine.frames)[:, y0 : y1 + 1, x0 : x1 + 1]
    kept = distinct_frames(cropped, settings.most_alike)
    frames, zoom = _shrunk(cropped[list(kept)], settings.largest)
    border = (sector.border - (x0, y0) + 0.5) * (zoom[1], zoom[0]) - 0.5
    scale = cine.scale.mm_per_px
    mm_per_px = None if scale is None else (scale[0] / zoom[0], scale[1] / zoom[1])
    return CuratedFrames(frames, kept, np.round(border).astype(np.int32), crop, zoom, mm_per_px)


def _crop(sector: TextFreeSector, rows: int, columns: int) -> tuple[int, int, int, int]:
    (x0, y0), (x1, y1) = sector.border.min(axis=0), sector.border.max(axis=0)
    return (
        max(0, int(x0) - _BORDER),
        max(0, int(y0) - _BORDER),
        min(columns - 1, int(x1) + _BORDER),
        min(rows - 1, int(y1) + _BORDER),
    )


def _shrunk(frames: ImageStack, largest: int) -> tuple[ImageStack, tuple[float, float]]:
    """Frames of at most ``largest`` pixels on their longer side, and by what they were zoomed ``(y, x)``."""
    import cv2

    rows, columns = frames.shape[1:]
    factor = largest / max(rows, columns)
    if factor >= 1:
        return frames, (1.0, 1.0)
    size = max(1, round(rows * factor)), max(1, round(columns * factor))
    small = [cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) for frame in frames]
    return np.stack(small).astype(np.uint8), (size[0] / rows, size[1] / columns)


def distinct_frames(frames: ImageStack, most_alike: float) -> tuple[int, ...]:
    """Numbers of those frames ``uint8 [T, H, W]`` that are not nearly the same as one that was taken before.

    Taken is the first, then each that is less than ``most_alike`` to all taken so far: a heart that beats evenly shows
    the same many times. Alike is the correlation of pictures without their speckle; no model is asked.
    """
    if len(frames) == 1 or most_alike >= 1:
        return tuple(range(len(frames)))
    vectors = _without_speckle(frames)
    taken = [0]
    for index in range(1, len(frames)):
        # Summed in one order, whatever the number of threads.
        if float(np.einsum("nk,k->n", vectors[taken], vectors[index]).max()) < most_alike:
            taken.append(index)
    return tuple(taken)


def _without_speckle(frames: ImageStack) -> NDArray[np.float32]:
    """Each frame as a vector of length 1 around its mean, ``float32 [T, K]``; zeros for a blank one."""
    import cv2

    rows, columns = frames.shape[1:]
    block = max(1.0, _BLOCK_SHARE * max(rows, columns))
    size = max(2, round(columns / block)), max(2, round(rows / block))
    small = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.float32)
    lit = small.max(axis=0) > 0
    vectors = small[:, lit] - small[:, lit].mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)
