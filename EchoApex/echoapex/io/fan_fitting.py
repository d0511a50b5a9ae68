"""Fits a fan to where a picture is filled: two straight sides that meet in an apex, two arcs around it, cut by a box.

Phased sectors have their apex at the top of the picture or a little above it, convex ones well above it; displays and
crops cut sides off, which the box tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray

Edges = tuple[float, float, float, float]
"""Left, top, right and bottom, ends included; infinite where nothing is cut off."""
UNCUT: Edges = (-np.inf, -np.inf, np.inf, np.inf)

# Own choices, tried on simulated sectors within screens, with dim sides, crops and frames of their own.
_BESIDE_COSTS = 0.03  # of a cell of the fan beyond the box, where nothing can be seen
_NARROWEST, _WIDEST = np.deg2rad(13), np.deg2rad(62)  # from the axis to a side
_NEAREST_OF_FAR = 0.45  # of the outer radius that the inner is at most
_ABOVE, _BELOW, _BESIDE = 0.8, 0.3, 0.15  # of the height and width: how far from the top and the sides the apex may lie
_TURNS = (np.pi, np.pi / 2, -np.pi / 2)
_TILTS = tuple(np.deg2rad([15.0, -15, 30, -30]))
_TURN_GAINS, _TILT_GAINS = 1.15, 1.08  # times what an upright fan gains; nearly all pictures have the probe at the top
_TURNED_LEAST = 0.85  # of what is filled that a turned fan gains; dim sides make worse ones
_NEARLY_ALL = 1.03  # of what is filled, with sides: an upright fan that gains so much is not compared with others
_NEAR = 0.15  # of the outer radius: nearer cells count as if they lay there

# The sides: where they are seen, they part filled cells from empty ones over their length. Where they are dim, the
# width of sectors is usual: 75 to 90 degrees with phased arrays.
_SIDE_GAIN = 0.15  # of a side that is wholly seen, as share of all that is filled
_USUAL_GAIN = 0.6  # of that, of a usual width
_USUAL = np.deg2rad([22, 37.5, 46, 58])  # from the axis to a side: from nothing to usual, and to nothing again
_SIDE_BINS = 3  # of the fine angles on each side of a side

# Steps of the search: of radii and angles, of apexes across and along the axis, and of what is looked at.
_COARSE, _FINE = (12, 20), (30, 50)
_ACROSS, _ALONG = 11, 9
_COARSE_CELLS, _FINE_CELLS = 400, 2000
_HALVINGS = 5

FINE_ANGLE = float(_WIDEST / _FINE[1])
"""Step of the angle from the axis to a side in which it is searched, in radians."""


@dataclass(frozen=True)
class Fan:
    """A fan within ``box``; lengths in pixels, centers at whole numbers.

    ``apex`` is (x, y); the arcs have the radii ``near`` and ``far``; the sides lie ``half`` (radians) from the axis,
    which leaves the apex at the angle ``axis`` from straight down towards the right. ``step`` is that of the radii in
    which it was searched.
    """

    apex: tuple[float, float]
    near: float
    far: float
    half: float
    axis: float = 0.0
    box: Edges = UNCUT
    step: float = 0.0

    def polar(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
        """Radius (pixels) and angle from the axis (radians, to the right above 0) of places."""
        dx, dy = x - self.apex[0], y - self.apex[1]
        down, right = float(np.cos(self.axis)), float(np.sin(self.axis))
        return np.hypot(dx, dy), np.arctan2(dx * down - dy * right, dx * right + dy * down)

    def mask(self, shape: tuple[int, ...], grow: float = 0.0) -> BoolMask:
        """Pixels of a frame of ``shape`` that lie inside, or less than ``grow`` pixels outside; ``bool [H, W]``."""
        y, x = np.ogrid[: shape[0], : shape[1]]
        dx, dy = np.float32(x - self.apex[0]), np.float32(y - self.apex[1])
        down, right = float(np.cos(self.axis)), float(np.sin(self.axis))
        along, across = dx * right + dy * down, np.abs(dx * down - dy * right)
        radius = np.hypot(dx, dy)
        inside = (radius >= self.near - grow) & (radius <= self.far + grow)
        beside = across * float(np.cos(self.half)) - along * float(np.sin(self.half))
        inside &= beside <= grow
        left, top, end, bottom = self.box
        return np.asarray(inside & (x >= left - grow) & (x <= end + grow) & (y >= top - grow) & (y <= bottom + grow))

    def scaled(self, factor: float) -> Fan:
        """The same fan where each pixel has become ``factor`` x ``factor``."""
        x, y = (factor * value + (factor - 1) / 2 for value in self.apex)
        left, top, right, bottom = self.box
        box = (factor * left, factor * top, factor * (right + 1) - 1, factor * (bottom + 1) - 1)
        near, far, step = factor * self.near, factor * self.far, factor * self.step
        return replace(self, apex=(x, y), near=near, far=far, box=box, step=step)


@dataclass(frozen=True)
class FittedFan:
    """A fan and its gain, as share of all that is filled: what is worth in it, and how its sides are seen."""

    fan: Fan
    gain: float


def fit_fan(worth: FloatArray, strict: FloatArray) -> FittedFan | None:
    """The fan that gains most on ``worth`` (``[H, W]``, above 0 where the image is seen), None where none is seen.

    The axis is searched for on ``strict``, in which empty parts cost more, an upright one first; then the apex. The
    radii and the width that gain most are found by summing over polar cells. Each counts by the inverse of its radius,
    so that all depths tell of the sides: in the depth they are often dim.
    """
    few, many = _cells(worth, UNCUT, _COARSE_CELLS), _cells(worth, UNCUT, _FINE_CELLS)
    guide = _cells(strict, UNCUT, _COARSE_CELLS)
    if few is None or many is None or guide is None:
        return None
    axis = _axis(guide)
    return _refined(many, axis, _searched(few.turned(axis)).fan.apex, many.size / _ACROSS)


def refit_fan(worth: FloatArray, fan: Fan, box: Edges) -> FittedFan | None:
    """As `fit_fan` where a box cuts the fan, beginning from ``fan``; None where nothing is seen within ``box``."""
    cells = _cells(worth, box, _FINE_CELLS)
    if cells is None:
        return None
    found = _refined(cells, fan.axis, _turned(np.array(fan.apex), fan.axis), cells.size / 8)
    return replace(found, fan=replace(found.fan, box=box))


@dataclass(frozen=True)
class _Cells:
    """Places ``[N, (x, y)]`` with what each is worth within the fan ``[N]``, and the longer side of the frame."""

    places: FloatArray
    worth: FloatArray
    size: float

    def turned(self, angle: float) -> _Cells:
        """The cells turned so that a fan with its axis at ``angle`` opens downward."""
        return self if angle == 0 else replace(self, places=_turned(self.places, angle))

    @property
    def corners(self) -> tuple[FloatArray, FloatArray]:
        """Top left and bottom right of what is filled."""
        filled = self.places[self.worth > 0]
        return filled.min(axis=0), filled.max(axis=0)


def _turned(places: FloatArray, angle: float) -> FloatArray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(places @ np.array([[cos, sin], [-sin, cos]]))


def _cells(worth: FloatArray, box: Edges, wanted: int) -> _Cells | None:
    step = max(1, int(np.sqrt(worth.size / wanted)))
    high, wide = (size // step for size in worth.shape)
    part = worth[: high * step, : wide * step].reshape(high, step, wide, step).mean(axis=(1, 3))
    y, x = np.mgrid[:high, :wide]
    places = np.stack([x.ravel(), y.ravel()], axis=1) * float(step) + (step - 1) / 2
    within = (places >= box[:2]).all(axis=1) & (places <= box[2:]).all(axis=1)
    flat = np.where(within, part.ravel(), -_BESIDE_COSTS)
    return _Cells(places, flat, float(max(worth.shape))) if (flat > 0).any() else None


def _axis(cells: _Cells) -> float:
    axis, best = 0.0, _searched(cells).gain
    for axes, gains in ((_TURNS, _TURN_GAINS), (_TILTS, _TILT_GAINS)):
        if best >= _NEARLY_ALL:
            break
        gain, turned = max((_searched(cells.turned(angle)).gain, angle) for angle in axes)
        if gain > max(_TURNED_LEAST, gains * best):
            axis, best = turned, gain
    return axis


def _searched(cells: _Cells) -> FittedFan:
    (x0, y0), (x1, y1) = cells.corners
    wide, high = x1 - x0 + 1, y1 - y0 + 1
    x = np.linspace(x0 - _BESIDE * wide, x1 + _BESIDE * wide, _ACROSS)
    y = np.linspace(y0 - _ABOVE * high, y0 + _BELOW * high, _ALONG)
    return _best(cells, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2), _COARSE)


def _refined(cells: _Cells, axis: float, apex: FloatArray | tuple[float, float], step: float) -> FittedFan:
    """The best fan with its apex around ``apex`` (turned as its axis), in smaller and smaller steps; turned back."""
    around = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2)
    seen = cells.turned(axis)
    best = _best(seen, np.asarray(apex) + step * around, _FINE)
    for halving in range(1, _HALVINGS):
        best = _best(seen, np.asarray(best.fan.apex) + step / 2**halving * around, _FINE)
    x, y = _turned(np.array(best.fan.apex), -axis)
    return replace(best, fan=replace(best.fan, apex=(float(x), float(y)), axis=axis))


def _best(cells: _Cells, apexes: FloatArray, bins: tuple[int, int]) -> FittedFan:
    """The fan that gains most of those that open downward from one of ``apexes [A, (x, y)]``."""
    radii, angles = bins
    polar = _Polar.around(apexes, cells, bins)
    within = polar.summed(polar.worth).cumsum(axis=2)[:, :, _first(angles) :]
    # The least that lies within the inner arc is left out.
    nearest = (np.arange(radii + 1) * _NEAREST_OF_FAR).astype(np.int64)
    gains = (within - np.minimum.accumulate(within, axis=1)[:, nearest]) / polar.filled
    sides = _USUAL_GAIN * np.interp(_halves(angles), _USUAL, [0, 1, 1, 0])
    gains += _SIDE_GAIN * (np.maximum(sides, _side_contrasts(polar)) if bins == _FINE else sides)
    best, high, last = (int(value) for value in np.unravel_index(int(gains.argmax()), gains.shape))
    low = int(within[best, : nearest[high] + 1, last].argmin())
    reach = float(polar.far[best, 0]) / radii
    apex = float(apexes[best, 0]), float(apexes[best, 1])
    fan = Fan(apex, low * reach, high * reach, float(_halves(angles)[last]), step=reach)
    return FittedFan(fan, float(gains[best, high, last]))


def _first(angles: int) -> int:
    return int(np.ceil(_NARROWEST / _WIDEST * angles)) - 1


def _halves(angles: int) -> FloatArray:
    """From the axis to a side, of the fans that end with each angular bin but the first, in radians."""
    return np.asarray(np.arange(_first(angles) + 1, angles + 1) * _WIDEST / angles)


@dataclass(frozen=True)
class _Polar:
    """Cells around ``A`` apexes: their polar bin or -1, what they are worth and their area ``[A, N]``, both weighed.

    ``far [A, 1]`` is the outermost radius at which something is seen, ``filled [A, 1, 1]`` all that is seen.
    """

    shape: tuple[int, int, int]
    place: NDArray[np.int64]
    worth: FloatArray
    area: FloatArray
    far: FloatArray
    filled: FloatArray

    @classmethod
    def around(cls, apexes: FloatArray, cells: _Cells, bins: tuple[int, int]) -> _Polar:
        radii, angles = bins
        across = np.abs(cells.places[:, 0] - apexes[:, :1])
        along = cells.places[:, 1] - apexes[:, 1:]
        radius = np.hypot(along, across)
        far = np.where(cells.worth > 0, radius, 0).max(axis=1, keepdims=True) * 1.001
        area = far / np.maximum(radius, _NEAR * far)
        angle = (np.arctan2(across, along) * (angles / _WIDEST)).astype(np.int64)
        first = np.arange(len(apexes))[:, None] * radii
        place = (first + (radius / far * radii).astype(np.int64)) * angles + angle
        place[(angle >= angles) | (radius >= far)] = -1
        worth = cells.worth * area
        filled = np.maximum(worth, 0).sum(axis=1)[:, None, None]
        return cls((len(apexes), radii, angles), place, worth, area, far, filled)

    def summed(self, weights: FloatArray) -> FloatArray:
        """Sums of ``weights [A, N]`` by angle, up to each of the radii, from 0: ``[A, radii + 1, angles]``."""
        count, radii, angles = self.shape
        # Bin 0 takes what lies in none.
        sums = np.bincount(self.place.ravel() + 1, weights.ravel(), count * radii * angles + 1)[1:]
        up_to = np.zeros((count, radii + 1, angles))
        np.cumsum(sums.reshape(self.shape), axis=1, out=up_to[:, 1:])
        return up_to


def _side_contrasts(polar: _Polar) -> FloatArray:
    """How far each side parts what is filled from what is empty, 0 to 1, up to each radius."""
    angles = polar.shape[2]
    ends = np.arange(_first(angles) + 1, angles + 1)

    def before(weights: FloatArray) -> FloatArray:
        return np.asarray(np.pad(polar.summed(weights), ((0, 0), (0, 0), (1, _SIDE_BINS))).cumsum(axis=2))

    filled, area = before(np.maximum(polar.worth, 0)), before(polar.area)
    inside = filled[..., ends] - filled[..., ends - _SIDE_BINS]
    outside = filled[..., ends + _SIDE_BINS] - filled[..., ends]
    along = area[..., ends] - area[..., ends - _SIDE_BINS]
    return np.asarray(np.clip((inside - outside) / np.maximum(along, 1e-9), 0, 1))
