"""Which connected pieces of a mask belong to what was asked for: the largest, and what clicks hit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask
from ..prompts import PointPrompt
from ..structures import structures

WALL_PIECE = 0.25
"""Size of the smallest piece of a wall that is kept, of the largest (our choice)."""


def wanted_pieces(masks: BoolMask, name: str | None) -> BoolMask:
    """``masks [T, H, W]``, each reduced to its `main_pieces` as the structure of this name has them."""
    pieces = np.zeros_like(masks)
    for frame, mask in enumerate(masks):
        pieces[frame] = main_pieces(mask, least_piece(name))
    return pieces


def least_piece(name: str | None) -> float:
    """A named cavity is one piece; a wall, or what was only pointed at, may rightly show several."""
    known = None if name is None else structures().get(name)
    return 1.0 if known is not None and not known.wall else WALL_PIECE


def main_pieces(mask: BoolMask, least: float = 1.0, clicks: Sequence[PointPrompt] = ()) -> BoolMask:
    """The largest connected piece of ``mask [H, W]`` and those of at least ``least`` of its size, small holes filled.

    Pieces that a positive one of the ``clicks`` hits stay too; those that only a negative one hits go, unless nothing
    would be left. A hole of over a twentieth of the piece (our choice) is anatomy: the cavity inside a ring of
    myocardium.
    """
    import cv2

    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return mask
    # Only where something is, with an empty rim: what the rim belongs to is outside and no hole.
    window = (slice(y, y + height), slice(x, x + width))
    pieces = np.zeros((height + 2, width + 2), bool)
    pieces[1:-1, 1:-1] = mask[window]
    labels, count = _pieces(pieces)
    # Of one piece alone all is kept, whatever is clicked.
    if count > 1:
        sizes = _sizes(labels)
        # Of equals only one stays: one piece means one.
        kept = sizes >= least * sizes.max() if least < 1.0 else np.arange(sizes.size) == int(np.argmax(sizes))
        pieces = _as_clicked(kept, labels, (x - 1, y - 1), clicks)[labels]
    result = np.zeros_like(mask)
    result[window] = _without_small_holes(pieces)[1:-1, 1:-1]
    return result


def _without_small_holes(pieces: BoolMask) -> BoolMask:
    """``pieces [h, w]``, whose rim is empty, with the holes filled that `main_pieces` fills."""
    holes, count = _pieces(~pieces)
    # The rim's is the outside.
    if count == 1:
        return pieces
    small = _sizes(holes) <= np.count_nonzero(pieces) / 20
    small[[0, holes[0, 0]]] = False
    return pieces | small[holes]


def _as_clicked(
    kept: BoolMask, labels: NDArray[np.int32], origin: tuple[int, int], clicks: Sequence[PointPrompt]
) -> BoolMask:
    """Which pieces are ``kept [N]`` after the clicks; ``origin`` is the pixel ``(x, y)`` where ``labels`` begin."""
    wanted, unwanted = np.zeros_like(kept), np.zeros_like(kept)
    for click in clicks:
        x, y = round(click.x) - origin[0], round(click.y) - origin[1]
        if 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1] and labels[y, x]:
            (wanted if click.positive else unwanted)[labels[y, x]] = True
    chosen = (kept & ~unwanted) | wanted
    return chosen if chosen.any() else kept


CLICK_PX = 3
"""How far beside a region a click still hits it (our choice)."""


def taken_away(before: BoolMask, after: BoolMask, clicks: Sequence[PointPrompt]) -> BoolMask:
    """What a model made ``after`` of the mask ``before`` by negative ``clicks``, less of it gone: ``bool [H, W]``.

    Of all that has gone, only the connected pieces go that a click hits; ``after`` where none is hit. On 12 hard hearts
    with both of two chambers as the mask, the other one stayed by over 80 % in 0.91 of 150 trials, without this 0.86.
    """
    labels, count = _pieces(before & ~after)
    hit = np.zeros(count + 1, bool)
    for click in clicks:
        x, y = round(click.x), round(click.y)
        hit[labels[max(y - CLICK_PX, 0) : y + CLICK_PX + 1, max(x - CLICK_PX, 0) : x + CLICK_PX + 1]] = True
    hit[0] = False
    return (before | after) & ~hit[labels] if hit.any() else after


def _pieces(mask: BoolMask) -> tuple[NDArray[np.int32], int]:
    """The pieces of ``mask`` connected by their sides, counted from 1 (0 is the rest), and how many there are."""
    import cv2

    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    return np.asarray(labels, np.int32), int(count) - 1


def _sizes(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    """The pixels of each piece of `_pieces`; 0 for what is none."""
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return sizes
