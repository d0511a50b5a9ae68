"""Fits a fan to where a picture is filled: two straight sides that meet in an apex, two arcs around it, cut by a box.

Phased sectors have their apex at the top of the picture or a little above it, convex ones well above it; displays and
crops cut sides off, which the box tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..cine import BoolMask, FloatArray

Edges = tuple[float, float, float, float]
"""Left, top, right and bottom, ends included; infinite where nothing is cut off."""
UNCUT: Edges = (-np.inf, -np.inf, np.inf, np.inf)

# Own choices, tried on simulated sectors within screens, crops and frames of their own.
_BESIDE_COSTS = 0.03  # of a cell of the fan beyond the box, where nothing can be seen
_NARROWEST, _WIDEST = np.deg2rad(13), np.deg2rad(62)  # from the axis to a side
_NEAREST_OF_FAR = 0.6  # of the outer radius that the inner is at most
_ABOVE, _BELOW, _BESIDE = 0.8, 0.3, 0.15  # of the height and width: how far from the top and the sides the apex may lie
_TURNS = (np.pi, np.pi / 2, -np.pi / 2)
_TILTS = tuple(np.deg2rad([15.0, -15, 30, -30]))
_TURNED_GAINS = 1.06  # times what an upright fan gains; the probe is at the top of nearly all pictures
_NEARLY_ALL = 0.97  # of what is filled: an upright fan that gains so much is not compared with others

# Steps of the search: of radii and angles, of apexes across and along the axis, and of what is looked at.
_COARSE, _FINE = (12, 20), (30, 50)
_ACROSS, _ALONG = 11, 9
_COARSE_CELLS, _FINE_CELLS = 400, 2000
_HALVINGS = 5


@dataclass(frozen=True)
class Fan:
    """A fan within ``box``; lengths in pixels, centers at whole numbers.

    ``apex`` is (x, y); the arcs have the radii ``near`` and ``far``; the sides lie ``half`` (radians) from the axis,
    which leaves the apex at the angle ``axis`` from straight down towards the right.
    """

    apex: tuple[float, float]
    near: float
    far: float
    half: float
    axis: float = 0.0
    box: Edges = UNCUT

    def mask(self, shape: tuple[int, ...], grow: float = 0.0) -> BoolMask:
        """Pixels of a frame of ``shape`` that lie inside, or less than ``grow`` pixels outside; ``bool [H, W]``."""
        y, x = np.ogrid[: shape[0], : shape[1]]
        dx, dy = np.float32(x - self.apex[0]), np.float32(y - self.apex[1])
        down, right = float(np.cos(self.axis)), float(np.sin(self.axis))
        along, across = dx * right + dy * down, np.abs(dx * down - dy * right)
        radius = np.hypot(dx, dy)
        inside = (radius >= self.near - grow) & (radius <= self.far + grow)
        inside &= (
            across * float(np.cos(self.half)) - along * float(np.sin(self.half)) <= grow
        )  # the distance from a side
        left, top, end, bottom = self.box
        return np.asarray(inside & (x >= left - grow) & (x <= end + grow) & (y >= top - grow) & (y <= bottom + grow))

    def scaled(self, factor: int) -> Fan:
        """The same fan where each pixel has become ``factor`` x ``factor``."""
        x, y = (factor * value + (factor - 1) / 2 for value in self.apex)
        left, top, right, bottom = self.box
        box = (factor * left, factor * top, factor * (right + 1) - 1, factor * (bottom + 1) - 1)
        return replace(self, apex=(x, y), near=factor * self.near, far=factor * self.far, box=box)


@dataclass(frozen=True)
class FittedFan:
    """A fan and its gain: filled cells in it less the costs of empty ones."""

    fan: Fan
    gain: float


def fit_fan(filled: BoolMask, empty_costs: float) -> FittedFan | None:
    """The fan that gains most on ``filled`` (``bool [H, W]``), None where nothing is filled.

    Apex and axis are searched for, an upright axis first; the radii and the width that gain most are then found by
    summing over polar cells.
    """
    few, many = (_cells(filled, UNCUT, wanted, empty_costs) for wanted in (_COARSE_CELLS, _FINE_CELLS))
    if few is None or many is None:
        return None
    axis, best = 0.0, _searched(few)
    nearly_all = _NEARLY_ALL * float(few.worth[few.worth > 0].sum())
    for axes in (_TURNS, _TILTS) if best.gain < nearly_all else ():
        found = [(angle, _searched(few.turned(angle))) for angle in axes]
        turned, other = max(found, key=lambda item: item[1].gain)
        if other.gain > _TURNED_GAINS * best.gain:
            axis, best = turned, other
    return _refined(many, axis, best.fan.apex, many.size / _ACROSS)


def refit_fan(filled: BoolMask, empty_costs: float, fan: Fan, box: Edges) -> FittedFan | None:
    """As `fit_fan` where a box cuts the fan, beginning from ``fan``; None where nothing is filled within ``box``."""
    cells = _cells(filled, box, _FINE_CELLS, empty_costs)
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
        return replace(self, places=_turned(self.places, angle))

    @property
    def corners(self) -> tuple[FloatArray, FloatArray]:
        """Top left and bottom right of what is filled."""
        filled = self.places[self.worth > 0]
        return filled.min(axis=0), filled.max(axis=0)


def _turned(places: FloatArray, angle: float) -> FloatArray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(places @ np.array([[cos, sin], [-sin, cos]]))


def _cells(filled: BoolMask, box: Edges, wanted: int, empty_costs: float) -> _Cells | None:
    step = max(1, int(np.sqrt(filled.size / wanted)))
    part = filled[step // 2 :: step, step // 2 :: step]
    y, x = np.mgrid[: part.shape[0], : part.shape[1]]
    places = np.stack([x.ravel(), y.ravel()], axis=1) * float(step) + step // 2
    within = (places >= box[:2]).all(axis=1) & (places <= box[2:]).all(axis=1)
    worth = np.where(within, part.ravel() - empty_costs, -_BESIDE_COSTS)
    return _Cells(places, worth, float(max(filled.shape))) if (worth > 0).any() else None


def _searched(cells: _Cells) -> FittedFan:
    (x0, y0), (x1, y1) = cells.corners
    wide, high = x1 - x0 + 1, y1 - y0 + 1
    x = np.linspace(x0 - _BESIDE * wide, x1 + _BESIDE * wide, _ACROSS)
    y = np.linspace(y0 - _ABOVE * high, y0 + _BELOW * high, _ALONG)
    return _best(cells, np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2), _COARSE)


def _refined(cells: _Cells, axis: float, apex: FloatArray | tuple[float, float], step: float) -> FittedFan:
    """The best fan with its apex around ``apex`` (turned as its axis), in smaller and smaller steps; turned back."""
    around = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2)
    seen = cells if axis == 0 else cells.turned(axis)
    best = _best(seen, np.asarray(apex) + step * around, _FINE)
    for halving in range(1, _HALVINGS):
        best = _best(seen, np.asarray(best.fan.apex) + step / 2**halving * around, _FINE)
    x, y = _turned(np.array(best.fan.apex), -axis)
    return replace(best, fan=replace(best.fan, apex=(float(x), float(y)), axis=axis))


def _best(cells: _Cells, apexes: FloatArray, bins: tuple[int, int]) -> FittedFan:
    """The fan that gains most of those that open downward from one of ``apexes [A, (x, y)]``."""
    radii, angles = bins
    across = np.abs(cells.places[:, 0] - apexes[:, :1])
    along = cells.places[:, 1] - apexes[:, 1:]
    radius = np.hypot(along, across)
    far = radius.max(axis=1, keepdims=True) * 1.001
    angle = (np.arctan2(across, along) * (angles / _WIDEST)).astype(np.int64)
    place = (np.arange(len(apexes))[:, None] * radii + (radius / far * radii).astype(np.int64)) * angles + angle
    seen = angle < angles
    worth = np.broadcast_to(cells.worth, place.shape)[seen]
    sums = np.bincount(place[seen], worth, len(apexes) * radii * angles).reshape(len(apexes), radii, angles)
    within = np.zeros((len(apexes), radii + 1, angles))
    np.cumsum(sums.cumsum(axis=2), axis=1, out=within[:, 1:])
    low, high = np.triu_indices(radii + 1, 1)
    allowed = low <= _NEAREST_OF_FAR * high
    low, high = low[allowed], high[allowed]
    narrowest = int(np.ceil(_NARROWEST / _WIDEST * angles))
    gains = within[:, high, narrowest - 1 :] - within[:, low, narrowest - 1 :]
    best, pair, last = (int(value) for value in np.unravel_index(int(gains.argmax()), gains.shape))
    reach, half = float(far[best, 0]) / radii, float((last + narrowest) * _WIDEST / angles)
    fan = Fan((float(apexes[best, 0]), float(apexes[best, 1])), low[pair] * reach, high[pair] * reach, half)
    return FittedFan(fan, float(gains[best, pair, last]))
