"""What the pixels of a picture do: ultrasound images move and are textured, what machines draw stands or passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, ImageStack

_SAMPLED_FRAMES = 24

# Own choices, tried on simulated screens, crops and frames of their own. Gray levels are of 0 to 255.
MOTION_STEP = 3  # between darkest and brightest moment of a pixel; above the ripple of JPEG coding
_NOISY_STEPS = (8, 20)  # of motion and texture, where a recording has noise everywhere
NOISY_SHARE = 0.8  # of the frame that moves, where noise may be everywhere
_FAINT_STEP = 1  # where a dark part of the image shows at all
_TEXTURE_REACH = 2  # pixels between the two that are compared; images are often enlarged
_CONTRAST_STEP = 3  # gray levels above or below a flat background
_FLAT_SHARE = 0.1  # a gray value in more than this share of a frame is its background
_COMMON_SHARE = 0.04  # a gray value in more than this share is one of its backgrounds
_PANEL_STEP = 10  # gray levels by which panels and pages are lighter than the darkest background
_WRITING_STEP = 60  # gray levels between neighbors that stand still: an edge of letters or lines
_TEXTURED_SHARE = 0.85  # of what stands out
_PASSING_STEP, _PASSING_MEAN = 60, 0.25  # a trace is as bright once, its mean less than this share of that
_PASSING_FRAMES = 12  # fewer do not tell what passes


@dataclass(frozen=True)
class Activity:
    """Pixels ``bool [H, W]`` by what they do.

    ``active``: moves, is textured or stands out, as ultrasound images do. ``faint``: differs at all from a flat
    background, as the noise of dark parts does. ``writing``: stands still and is an edge of letters or lines.
    ``panels``: stands still, hardly differs from its neighbors and is lighter than the darkest background. ``passing``:
    bright for moments, as where a trace runs through.
    """

    active: BoolMask
    faint: BoolMask
    writing: BoolMask
    panels: BoolMask
    passing: BoolMask


@dataclass(frozen=True)
class PixelRange:
    """What each pixel is over the clip, ``uint8 [H, W]``: ``moves`` is brightest less darkest; ``passing`` as above."""

    brightest: NDArray[np.uint8]
    moves: NDArray[np.uint8]
    passing: BoolMask

    @classmethod
    def of(cls, frames: ImageStack) -> PixelRange:
        """Of ``frames`` (``uint8 [T, H, W]``), evenly sampled."""
        sampled = sampled_frames(frames)
        brightest = sampled.max(axis=0)
        passing = np.zeros(brightest.shape, bool)
        if len(sampled) >= _PASSING_FRAMES:
            total = sampled.sum(axis=0, dtype=np.uint16)
            passing = (brightest >= _PASSING_STEP) & (total < _PASSING_MEAN * len(sampled) * brightest)
        return cls(brightest, brightest - sampled.min(axis=0), passing)

    @property
    def moving(self) -> BoolMask:
        """Pixels that move."""
        return np.asarray(self.moves >= MOTION_STEP)

    @property
    def contrasting(self) -> BoolMask:
        """Pixels that stand out of the most frequent gray value, or of black where none is frequent."""
        counts = np.bincount(self.brightest.ravel(), minlength=256)
        flat = int(counts.argmax())
        background = flat if counts[flat] > _FLAT_SHARE * self.brightest.size else 0
        return np.asarray(np.abs(self.brightest.astype(np.int16) - background) >= _CONTRAST_STEP)


def sampled_frames(frames: ImageStack) -> ImageStack:
    """At most 24 frames of ``frames`` (``[T, H, W]``), evenly over the clip."""
    count = min(len(frames), _SAMPLED_FRAMES)
    return np.asarray(frames[np.unique(np.linspace(0, len(frames) - 1, count).round().astype(int))])


def activities(pixels: PixelRange) -> Iterator[Activity]:
    """What may be the image: what moves, then what is textured too, then both above the noise of a recording.

    The last is told where all moves, and for stills, in which motion does not tell noise.
    """
    moving, rough = pixels.moving, _roughness(pixels.brightest)
    writing = ~moving & (rough >= _WRITING_STEP)
    darkest = _darkest_background(pixels.brightest)
    faint, moves = pixels.moves >= _FAINT_STEP, bool(moving.any())
    panels = ~faint & (rough < MOTION_STEP) & (pixels.brightest > darkest + _PANEL_STEP)
    if moves:
        yield Activity(moving, faint, writing, panels, pixels.passing)
    active = moving | (rough >= MOTION_STEP)
    if moves:
        active &= ~writing
    # What stands out without texture are panels and buttons.
    contrast = pixels.contrasting
    if active.sum() >= _TEXTURED_SHARE * (moving | contrast).sum():
        active |= contrast & ~panels
    yield Activity(active, faint | (rough >= _FAINT_STEP), writing, panels, pixels.passing)
    for step in _NOISY_STEPS if moving.mean() > NOISY_SHARE or not moves else ():
        above = (pixels.moves >= step) | (rough >= step)
        yield Activity(above, np.zeros_like(above), writing, panels, pixels.passing)


def _darkest_background(picture: NDArray[np.uint8]) -> int:
    common = np.flatnonzero(np.bincount(picture.ravel(), minlength=256) > _COMMON_SHARE * picture.size)
    return int(common[0]) if common.size else 0


def _roughness(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gray levels between each pixel and those a little to the right and below, the greater of both."""
    reach = 1 if min(picture.shape) < 200 else _TEXTURE_REACH
    rough = np.zeros_like(picture)
    for to, seen in ((picture[:, reach:], picture[:, :-reach]), (picture[reach:], picture[:-reach])):
        part = rough[: seen.shape[0], : seen.shape[1]]
        np.maximum(part, np.maximum(to, seen) - np.minimum(to, seen), out=part)
    return rough
