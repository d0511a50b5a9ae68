"""The part of a clip that holds echoes and no writing: all that may leave the house that a patient was examined in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, Cine, ImageStack, Sector
from ..errors import ReadError
from .picture_activity import sampled_frames
from .sector_detection import LEAST_CERTAINTY

Polygon = NDArray[np.int32]
"""Corners ``[N, 2]`` (x, y) in pixels, which belong to it."""

# Own choices, tried on simulated screens.
_MARGIN_SHARE = 0.025  # of the sector's height that is cut off along its border
_CERTAINTY = 0.85  # of the fan, at least: those that are less sure may reach far beyond the echoes
_LEAST_MARGIN = 2  # pixels
_CORNER_STEP = 1.0  # pixels by which the border may be cut short between two corners
_STILL_STEP = 4  # gray levels by which a pixel with writing changes through a clip, at most: coding noise
_WRITING_LEVEL = 48  # gray levels by which writing is brighter than what lies around it, at least
_STROKE_SHARE = 1 / 60  # of the frame's height that a stroke of writing is wide, at most
_FEWEST_FRAMES = 4  # in which what stands still can be told
_AROUND_SHARE = 1 / 40  # of the frame's height, around a pixel, within which echoes move
_MOVING_SHARE = 0.2  # of the pixels around it that move, where there are echoes
_FEWEST_PIXELS = 400  # of a sector that shows anything

UNCERTAIN = "The sector was not found with certainty, so writing beside it could not be told from it"
SEVERAL = "Several images stand side by side, and writing between them could not be told from them"
NO_BORDER = "The image fills its frame, so writing in it could not be told from it"
TRACE = "The clip shows only a trace against time, in whose picture writing could not be told from it"
STILL = "Too little moves in it, as in a still, so writing in it could not be told from echoes"
REASONS = (UNCERTAIN, SEVERAL, NO_BORDER, TRACE, STILL)
"""Why a clip has no sector that is free of text for sure."""


@dataclass(frozen=True)
class TextFreeSector:
    """Where a clip shows echoes for sure: ``mask`` ``bool [H, W]`` is true where they move, within a convex ``border``.

    ``writing`` is what stands still over them and looks written.
    """

    border: Polygon
    mask: BoolMask
    writing: BoolMask

    def only(self, frames: ImageStack) -> ImageStack:
        """``frames`` ``uint8 [T, H, W]`` or ``[T, H, W, 3]``, black outside of the mask, all of them."""
        inside = self.mask[None, ..., None] if frames.ndim == 4 else self.mask[None]
        return np.where(inside, frames, np.uint8(0))


def find_text_free_sector(cine: Cine) -> TextFreeSector:
    """The sector of a clip without a margin along its border, what stands still around, and letters that stand over it.

    Raises `ReadError` with one of `REASONS` where that cannot be told for sure: nothing is done by halves. Writing over
    the echoes themselves that moves or changes is not found.
    """
    if cine.mode.is_trace:
        raise ReadError(TRACE, file=cine.path)
    if cine.image_count > 1:
        raise ReadError(SEVERAL, file=cine.path)
    if cine.sector.mask.all():
        raise ReadError(NO_BORDER, file=cine.path)
    if cine.frame_count < _FEWEST_FRAMES:
        raise ReadError(STILL, file=cine.path)
    if _fan_certainty(cine.sector) < _CERTAINTY:
        raise ReadError(UNCERTAIN, value=f"{cine.sector.certainty:.2f}", file=cine.path)
    border = _border_within(cine.sector)
    if border is None:
        raise ReadError(UNCERTAIN, value="hardly any pixels", file=cine.path)
    sampled = sampled_frames(cine.frames)
    mask = mask_within(border, *cine.sector.mask.shape) & _around_what_moves(sampled)
    if np.count_nonzero(mask) < _FEWEST_PIXELS:
        raise ReadError(STILL, file=cine.path)
    writing = _still_writing(sampled) & mask
    return TextFreeSector(border, mask & ~writing, writing)


def mask_within(border: Polygon, rows: int, columns: int) -> BoolMask:
    """The pixels within a convex border, ``bool [rows, columns]``."""
    import cv2

    filled = np.zeros((rows, columns), np.uint8)
    cv2.fillConvexPoly(filled, border.astype(np.int32), 1)
    return filled.astype(bool)


def _fan_certainty(sector: Sector) -> float:
    """How sure the fan is, 0 to 1: a region of the header says where a picture lies, not where writing in it ends."""
    if sector.source != "region":
        return sector.certainty
    return (sector.certainty - LEAST_CERTAINTY) / (1 - LEAST_CERTAINTY)


def _border_within(sector: Sector) -> Polygon | None:
    """The convex border of the sector without its margin; None where too little is left."""
    import cv2

    height = sector.box[3] - sector.box[1] + 1
    margin = max(_LEAST_MARGIN, round(_MARGIN_SHARE * height))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    # Beyond the frame there is no sector either.
    inner = cv2.erode(np.pad(sector.mask.astype(np.uint8), 1), kernel, borderValue=0)[1:-1, 1:-1]
    points = cv2.findNonZero(inner)
    if points is None or len(points) < _FEWEST_PIXELS:
        return None
    # Corners of a part of the hull's lie within it.
    corners = cv2.approxPolyDP(cv2.convexHull(points), _CORNER_STEP, True)
    return np.asarray(corners.reshape(-1, 2), np.int32)


def _around_what_moves(sampled: ImageStack) -> BoolMask:
    """Where a good part of the pixels around changes through the clip, ``bool [H, W]``: letters beside do not."""
    import cv2

    width = 2 * max(1, round(_AROUND_SHARE * sampled.shape[1])) + 1
    moving = (np.ptp(sampled, axis=0) > _STILL_STEP).astype(np.float32)
    return np.asarray(cv2.blur(moving, (width, width)) >= _MOVING_SHARE)


def _still_writing(sampled: ImageStack) -> BoolMask:
    """Fine bright lines that never change, ``bool [H, W]``: letters, marks and rulers, no echo of a moving heart."""
    import cv2

    darkest = sampled.min(axis=0)
    width = 2 * max(1, round(_STROKE_SHARE * len(darkest))) + 1
    fine = cv2.morphologyEx(darkest, cv2.MORPH_TOPHAT, np.ones((width, width), np.uint8)) >= _WRITING_LEVEL
    still = fine & (np.ptp(sampled, axis=0) <= _STILL_STEP)
    # Around letters lies their blur.
    return cv2.dilate(still.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
