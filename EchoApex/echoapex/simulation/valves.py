"""Mitral and tricuspid leaflets as curves in the view plane, moved with their annuli."""

from __future__ import annotations

import numpy as np

from .heart import Array, Heart
from .views import Placement

POINTS_PER_LEAFLET = 60


def leaflets(heart: Heart, placement: Placement, phase: float) -> list[tuple[Array, float]]:
    """Leaflet curves at ``phase``: heart points ``[60, 3]`` and the strength of their echo.

    Quadratic Bezier curves hinged on the annulus; anterior mitral length 0.66 and posterior 0.45 of the annulus.
    """
    if placement.view.roll_deg != 0:
        # The curves are long-axis sections; across the axis leaflets need a drawing of their own.
        return []
    azimuth = np.deg2rad(placement.view.azimuth_deg + placement.rotation_deg)
    stretch = float(heart.stretch(azimuth))
    half = float(heart.radius(np.array([1.0]), phase)[0]) * stretch
    base = heart.length(phase)
    opening = heart.curve.mitral_opening(phase)
    coaptation = np.array([0.12 * half, base - 5.5])
    planar = [
        (_leaflet(np.array([-half, base]), 1, 1.32 * half, coaptation, 3.5, opening), 0.34),
        (_leaflet(np.array([half, base]), -1, 0.90 * half, coaptation, 2.5, opening), 0.30),
    ]
    if placement.view.right_heart and abs(placement.rotation_deg) < 30:
        planar += _tricuspid(heart, phase, opening)
    return [(_to_heart(heart, curve, azimuth), strength) for curve, strength in planar]


def _leaflet(hinge: Array, side: int, length: float, closed: Array, width: float, opening: float) -> Array:
    opened = hinge + np.array([side * width, -length])
    tip = closed * (1 - opening) + opened * opening
    middle = (hinge + tip) / 2 + np.array([0.0, 1.2 * (1 - opening)])
    t = np.linspace(0, 1, POINTS_PER_LEAFLET)[:, None]
    return np.asarray((1 - t) ** 2 * hinge + 2 * t * (1 - t) * middle + t**2 * tip)


def _tricuspid(heart: Heart, phase: float, opening: float) -> list[tuple[Array, float]]:
    shape = heart.shape
    inner = -(float(heart.radius(np.array([1.0]), 0.0)[0]) + 0.88 * shape.ivsd_mm)
    outer = inner - 0.9 * shape.rv_width_mm
    ring = np.array([[inner, 0.955 * shape.length_mm, 0.0], [outer, 0.965 * shape.length_mm, 0.0]])
    (x1, y1, _), (x2, y2, _) = heart.move(ring, phase)
    septal, free = np.array([x1, y1]), np.array([x2, y2])
    span = abs(x1 - x2)
    closed = (septal + free) / 2 - np.array([0.0, 4.0])
    return [
        (_leaflet(septal, -1, 0.40 * span, closed, 2.5, opening), 0.22),
        (_leaflet(free, 1, 0.58 * span, closed, 3.0, opening), 0.22),
    ]


def _to_heart(heart: Heart, planar: Array, azimuth: float) -> Array:
    across = planar[:, 0]
    bend = heart.axis_offset(planar[:, 1])
    return np.stack([across * np.cos(azimuth) + bend, planar[:, 1], across * np.sin(azimuth)], axis=1)
