"""The animation of a clip on the page: the gray frames of its player, and the outlines drawn over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..analysis.clip_analysis import ClipResult
from .outline_paths import Crop, axis_lines, drawing_order, followed_walls, outlines
from .still_drawing import SMALLER_WIDTHS, jpeg_uri

_JPEG_QUALITY = 82


def player_frames(clip: ClipResult, most_bytes: float) -> tuple[Crop, list[str]]:
    """The gray frames inside the sector as ``data:`` addresses, and where they lie in the cine.

    They are as large as ``most_bytes`` for the clip allows, or of the least width where even that takes more.
    """
    frames = clip.cine.masked_frames()
    for width in SMALLER_WIDTHS:
        crop = Crop.fit(clip.cine, width, enlarge=False)
        addresses = [jpeg_uri(crop.picture(frame), _JPEG_QUALITY) for frame in frames]
        if sum(map(len, addresses)) <= most_bytes:
            break
    return crop, addresses


def player_paths(clip: ClipResult, crop: Crop) -> dict[str, list[str]]:
    """Outlines as SVG paths in the pixels of ``crop``'s picture: one for each frame, by structure.

    ``axis`` is the long axis where volumes were measured, ``caliper`` the chain of wall landmarks where walls were.
    """
    paths = {
        name: [_path([crop.place(line) for line in outlines(mask)], "Z") for mask in clip.segmentations[name].masks]
        for name in drawing_order(clip)
    }
    lines = {"axis": axis_lines} if clip.lv is not None else {}
    lines |= {"caliper": followed_walls} if clip.walls is not None else {}
    for name, draw in lines.items():
        drawn = [draw(clip, frame) for frame in range(clip.cine.frame_count)]
        paths[name] = [_path([crop.place(line) for line in found], "") for found in drawn]
    return paths


def _path(lines: Sequence[NDArray[np.float64]], end: str) -> str:
    # SVG counts from the edge of the first pixel, half a pixel before its center.
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line + 0.5) + end for line in lines)
