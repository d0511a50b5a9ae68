"""Mitral, tricuspid and aortic leaflets as curves in the view plane, moved with their annuli, and strands."""

from __future__ import annotations

import numpy as np

from .anatomy import root_distance
from .cavity_muscle import chordae, false_tendons
from .heart import MITRAL_TIP_LEVEL, PARASTERNAL_AZIMUTH_DEG, Array, Heart
from .view_planes import Placement

POINTS_PER_LEAFLET = 60
_MOUTH_LEVEL = 0.79
"""Where along the long axis the lips of the mitral valve are drawn in its short axis."""


def leaflets(heart: Heart, placement: Placement, phase: float) -> list[tuple[Array, float]]:
    """Leaflet curves at ``phase``: heart points ``[N, 3]`` and the strength of their echo.

    Long axes show quadratic Bezier curves hinged on the annulus (anterior mitral length 0.66 and posterior 0.45 of the
    annulus); the short axis at the mitral valve shows the mouth between the leaflets; across the ventricle there are
    none.
    """
    if heart.shape.growth != 1:
        adult = leaflets(heart.grown, placement, phase)
        return [(heart.shape.growth * curve, strength) for curve, strength in adult]
    view = placement.view
    if view.roll_deg != 0:
        return _mouth(heart, phase) if view.anchor_level > MITRAL_TIP_LEVEL else []
    azimuth = np.deg2rad(view.azimuth_deg + placement.rotation_deg)
    facing = float(np.cos(azimuth - np.deg2rad(PARASTERNAL_AZIMUTH_DEG)))
    planar = _mitral(heart, phase, azimuth, 1 if facing > 0 else -1)
    if view.tricuspid and abs(placement.rotation_deg) < 30:
        planar += _tricuspid(heart, phase)
    curves = [(_to_heart(heart, curve, azimuth), strength) for curve, strength in planar]
    return curves + (_aortic(heart, phase) if facing > 0.85 else [])


def strands(heart: Heart, placement: Placement, phase: float) -> list[tuple[Array, float]]:
    """Chordae and false tendons at ``phase``, as `leaflets`; they are seen where they lie near the view plane."""
    if heart.shape.growth != 1:
        adult = strands(heart.grown, placement, phase)
        return [(heart.shape.growth * curve, strength) for curve, strength in adult]
    curves = [(curve, 0.10) for curve in false_tendons(heart, phase)]
    if placement.view.roll_deg != 0:
        return curves
    azimuth = np.deg2rad(placement.view.azimuth_deg + placement.rotation_deg)
    facing = float(np.cos(azimuth - np.deg2rad(PARASTERNAL_AZIMUTH_DEG)))
    mitral = _mitral(heart, phase, azimuth, 1 if facing > 0 else -1)
    tips = [_to_heart(heart, curve, azimuth)[-1] for curve, _ in mitral]
    return curves + [(curve, 0.08) for curve in chordae(heart, phase, tips)]


def _mitral(heart: Heart, phase: float, azimuth: float, anterior: int) -> list[tuple[Array, float]]:
    """Both mitral leaflets in the plane; ``anterior`` is the side (1 or -1) on which the anterior one hinges."""
    half = float(heart.radius(np.array([1.0]), phase)[0]) * float(heart.stretch(azimuth))
    base, opening = heart.length(phase), heart.curve.mitral_opening(phase)
    coaptation = np.array([-0.12 * anterior * half, base - 5.5])
    hinge = np.array([anterior * half, base])
    return [
        (_leaflet(hinge, -anterior, 1.32 * half, coaptation, 3.5, opening), 0.34),
        (_leaflet(hinge * [-1, 1], anterior, 0.90 * half, coaptation, 2.5, opening), 0.30),
    ]


def _mouth(heart: Heart, phase: float) -> list[tuple[Array, float]]:
    """The mitral orifice seen from the apex: two lips that part in diastole, the anterior one towards the root."""
    level = np.array([_MOUTH_LEVEL])
    radius, opening = float(heart.radius(level, phase)[0]), heart.curve.mitral_opening(phase)
    azimuth = np.deg2rad(PARASTERNAL_AZIMUTH_DEG)
    out, across = (np.array([np.cos(a), 0.0, np.sin(a)]) for a in (azimuth, azimuth - np.pi / 2))
    t = np.linspace(0, np.pi, POINTS_PER_LEAFLET)[:, None]
    along = _MOUTH_LEVEL * heart.length(phase)
    center = np.array([float(heart.axis_offset(np.array([along]))[0]), along, 0.0])
    lips = []
    for side, gap, strength in ((1, 0.42, 0.34), (-1, 0.34, 0.30)):
        lift = side * radius * (0.03 + gap * opening) * np.sin(t)
        lips.append((center + 0.66 * radius * np.cos(t) * across + lift * out, strength))
    return lips


def _aortic(heart: Heart, phase: float) -> list[tuple[Array, float]]:
    """Two aortic cusps in the long axis of the root: together in diastole, along its walls in ejection."""
    azimuth = np.deg2rad(PARASTERNAL_AZIMUTH_DEG)
    out = np.array([np.cos(azimuth), 0.0, np.sin(azimuth)])
    half, opening = 0.43 * heart.shape.root_mm, heart.curve.aortic_opening(phase)
    ring = np.array([[0.0, heart.shape.length_mm + 1.0, 0.0]]) + root_distance(heart) * out
    center = heart.move(ring, phase)[0]
    t = np.linspace(0, 1, POINTS_PER_LEAFLET)[:, None]
    up = np.array([0.0, 1.0, 0.0])
    return [
        (center + side * half * (1 - t * (1 - 0.85 * opening)) * out + t * (4.0 + 8.0 * opening) * up, 0.26)
        for side in (1, -1)
    ]


def _leaflet(hinge: Array, side: int, length: float, closed: Array, width: float, opening: float) -> Array:
    opened = hinge + np.array([side * width, -length])
    tip = closed * (1 - opening) + opened * opening
    middle = (hinge + tip) / 2 + np.array([0.0, 1.2 * (1 - opening)])
    t = np.linspace(0, 1, POINTS_PER_LEAFLET)[:, None]
    return np.asarray((1 - t) ** 2 * hinge + 2 * t * (1 - t) * middle + t**2 * tip)


def _tricuspid(heart: Heart, phase: float) -> list[tuple[Array, float]]:
    shape, opening = heart.shape, heart.curve.mitral_opening(phase)
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
