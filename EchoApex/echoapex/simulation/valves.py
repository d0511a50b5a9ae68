"""Mitral, tricuspid and aortic leaflets as curves in the view plane, moved with their annuli, and strands."""

from __future__ import annotations

import numpy as np

from .cavity_muscle import chordae, false_tendons
from .great_vessels import pulmonary_arteries
from .heart import MITRAL_TIP_LEVEL, PARASTERNAL_AZIMUTH_DEG, Array, Heart
from .heart_places import LEFT_OF_ROOT, SINUS_RISE_MM, TO_ROOT, UP, root_center, root_distance, tricuspid_hinges
from .view_planes import Placement

POINTS_PER_LEAFLET = 60
AORTIC_FACING = 0.85
"""Least cosine between a plane through the long axis and the one through the root, for aortic cusps to be seen."""
_MOUTH_LEVEL = 0.79
"""Where along the long axis the lips of the mitral valve are drawn in its short axis."""


def leaflets(heart: Heart, placement: Placement, phase: float) -> list[tuple[Array, float]]:
    """Leaflet curves at ``phase``: heart points ``[N, 3]`` and the strength of their echo.

    Long axes show quadratic Bezier curves hinged on the annulus (anterior mitral length 0.66 and posterior 0.45 of the
    annulus); the short axis at the mitral valve shows the mouth between the leaflets, that at the aortic valve its
    cusps; a view that is aimed at a valve shows that one; across the ventricle there are none. Aortic cusps that are
    thick are not among them (`thick_cusps`).
    """
    if heart.shape.growth != 1:
        adult = leaflets(heart.grown, placement, phase)
        return [(heart.shape.growth * curve, strength) for curve, strength in adult]
    view = placement.view
    if view.target:
        return _AIMED_AT[view.target](heart, phase) if view.target in _AIMED_AT else []
    if view.roll_deg != 0:
        return _mouth(heart, phase) if view.anchor_level > MITRAL_TIP_LEVEL else []
    azimuth = np.deg2rad(view.azimuth_deg + placement.rotation_deg)
    facing = float(np.cos(azimuth - np.deg2rad(PARASTERNAL_AZIMUTH_DEG)))
    planar = _mitral(heart, phase, azimuth, 1 if facing > 0 else -1)
    if view.tricuspid and abs(placement.rotation_deg) < 30:
        planar += _tricuspid(heart, phase)
    curves = [(_to_heart(heart, curve, azimuth), strength) for curve, strength in planar]
    return curves + (_aortic(heart, phase) if facing > AORTIC_FACING else [])


def strands(heart: Heart, placement: Placement, phase: float) -> list[tuple[Array, float]]:
    """Chordae and false tendons at ``phase``, as `leaflets`; they are seen where they lie near the view plane."""
    if heart.shape.growth != 1:
        adult = strands(heart.grown, placement, phase)
        return [(heart.shape.growth * curve, strength) for curve, strength in adult]
    curves = [(curve, 0.10) for curve in false_tendons(heart, phase)]
    if placement.view.roll_deg != 0 or placement.view.target:
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
    if heart.shape.aortic_area_cm2 > 0:
        return []
    half, opening = 0.43 * heart.shape.root_mm, heart.curve.aortic_opening(phase)
    ring = np.array([[0.0, heart.shape.length_mm + 1.0, 0.0]]) + root_distance(heart) * TO_ROOT
    center = heart.move(ring, phase)[0]
    t = np.linspace(0, 1, POINTS_PER_LEAFLET)[:, None]
    return [
        (center + side * half * (1 - t * (1 - 0.85 * opening)) * TO_ROOT + t * (4.0 + 8.0 * opening) * UP, 0.26)
        for side in (1, -1)
    ]


def _leaflet(hinge: Array, side: int, length: float, closed: Array, width: float, opening: float) -> Array:
    opened = hinge + np.array([side * width, -length])
    tip = closed * (1 - opening) + opened * opening
    return bezier(hinge, (hinge + tip) / 2 + np.array([0.0, 1.2 * (1 - opening)]), tip)


def bezier(begin: Array, middle: Array, end: Array, points: int = POINTS_PER_LEAFLET) -> Array:
    """A quadratic Bezier curve of so many points."""
    t = np.linspace(0, 1, points)[:, None]
    return np.asarray((1 - t) ** 2 * begin + 2 * t * (1 - t) * middle + t**2 * end)


def _tricuspid(heart: Heart, phase: float) -> list[tuple[Array, float]]:
    opening = heart.curve.mitral_opening(phase)
    (x1, y1, _), (x2, y2, _) = heart.move(tricuspid_hinges(heart), phase)
    septal, free = np.array([x1, y1]), np.array([x2, y2])
    span = abs(x1 - x2)
    closed = (septal + free) / 2 - np.array([0.0, 4.0])
    return [
        (_leaflet(septal, -1, 0.40 * span, closed, 2.5, opening), 0.22),
        (_leaflet(free, 1, 0.58 * span, closed, 3.0, opening), 0.22),
    ]


def _aortic_cusps(heart: Heart, phase: float) -> list[tuple[Array, float]]:
    """Three cusps across the root: their edges meet in its middle in diastole, and lie along its wall in ejection."""
    if heart.shape.aortic_area_cm2 > 0:
        return []
    radius, opening = 0.46 * heart.shape.root_mm, heart.curve.aortic_opening(phase)
    center = heart.move(root_center(heart, SINUS_RISE_MM)[None], phase)[0]
    turns = np.deg2rad([90.0, 210.0, 330.0])
    posts = center + radius * (np.cos(turns)[:, None] * LEFT_OF_ROOT + np.sin(turns)[:, None] * TO_ROOT)
    cusps = []
    for one, next_one in zip(posts, np.roll(posts, -1, axis=0), strict=True):
        closed = 2 * center - (one + next_one) / 2
        cusps.append((bezier(one, closed + 0.8 * opening * (one + next_one - 2 * center), next_one), 0.26))
    return cusps


def _pulmonary(heart: Heart, phase: float) -> list[tuple[Array, float]]:
    """Two pulmonary cusps in the long axis of the artery: together in diastole, along its walls in ejection."""
    (path, radius), _ = pulmonary_arteries(heart)
    before, valve, after = heart.move(path[:3], phase)
    along = (after - before) / np.linalg.norm(after - before)
    across = np.cross(along, LEFT_OF_ROOT) / np.linalg.norm(np.cross(along, LEFT_OF_ROOT))
    opening, t = heart.curve.aortic_opening(phase), np.linspace(0, 1, POINTS_PER_LEAFLET)[:, None]
    return [
        (valve + side * radius * (1 - t * (1 - 0.85 * opening)) * across + t * (3.0 + 6.0 * opening) * along, 0.24)
        for side in (1, -1)
    ]


def _tricuspid_inflow(heart: Heart, phase: float) -> list[tuple[Array, float]]:
    """Anterior and posterior tricuspid leaflets in the plane along the right heart."""
    opening, middle = heart.curve.mitral_opening(phase), heart.move(tricuspid_hinges(heart), phase).mean(0)
    half = 0.42 * heart.shape.ra_width_mm
    closed = np.array([0.0, -4.0])
    leaves = [
        _leaflet(np.array([side * half, 0.0]), -side, length * half, closed, 2.5, opening)
        for side, length in ((1, 1.2), (-1, 0.9))
    ]
    return [(middle + curve[:, :1] * np.array([0.0, 0.0, 1.0]) + curve[:, 1:] * UP, 0.22) for curve in leaves]


_AIMED_AT = {"aortic valve": _aortic_cusps, "pulmonary valve": _pulmonary, "tricuspid valve": _tricuspid_inflow}
"""What is drawn where a view has this target."""


def _to_heart(heart: Heart, planar: Array, azimuth: float) -> Array:
    across = planar[:, 0]
    bend = heart.axis_offset(planar[:, 1])
    return np.stack([across * np.cos(azimuth) + bend, planar[:, 1], across * np.sin(azimuth)], axis=1)
