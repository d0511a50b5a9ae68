"""Muscle inside of the compacted border: the trabecular layer, papillary muscles, chordae and false tendons.

All of it belongs to the cavity (ASE/EACVI 2015: the border is traced at the compacted wall). Lengths in mm at ED.
"""

from __future__ import annotations

import numpy as np

from .heart import Array, Heart

PAPILLARY_AZIMUTHS_DEG = (38.0, 285.0)
"""Directions of the anterolateral and the posteromedial papillary muscle (4 and 8 o'clock in the short axis)."""
_ROOT_LEVEL, _HEAD_LEVEL = 0.34, 0.60
"""Where papillary muscles leave the wall and where they end, along the long axis (0 apex, 1 annulus)."""
_HEAD_RADIUS = 0.55
"""How far their heads lie from the axis, as a share of the endocardial radius (own choice after usual drawings)."""
_APICAL_REACH, _LATERAL_LEVEL, _LATERAL_REACH = 0.26, 0.45, 0.34
_FAR = 30.0


def trabecular_place(heart: Heart, lv: Array, level: Array, cosine: Array, sine: Array) -> Array:
    """Place by the trabecular layer: 0 at the compacted border, 1 at the layer's foot, more inside, inf elsewhere.

    ``lv`` is the signed distance of the round heart. Thick at the apex, thinner at the lateral wall, thin at the
    septum and none at the annulus, as non-compaction studies describe normal hearts.
    """
    shape = heart.shape
    if max(shape.trabecular_apex, shape.trabecular_lateral, shape.trabecular_septum) <= 0:
        return np.full(lv.shape, np.inf)
    place, cavity = np.full(lv.shape, np.inf), np.flatnonzero(lv < 0)
    level, cosine = level[cavity], cosine[cavity]
    lateral = np.clip(0.5 + cosine, 0, 1)
    share = (
        shape.trabecular_septum
        + shape.trabecular_apex * np.exp(-((np.maximum(level, 0) / _APICAL_REACH) ** 2)) * (0.55 + 0.45 * lateral)
        + shape.trabecular_lateral * lateral * np.exp(-(((level - _LATERAL_LEVEL) / _LATERAL_REACH) ** 2))
    )
    thickness = share * shape.length_mm * np.clip((0.97 - level) / 0.15, 0, 1)
    # The apex itself is never farther away than it is above.
    inside = np.minimum(-lv[cavity] * heart.section(level, cosine, sine[cavity]), level * shape.length_mm)
    place[cavity] = np.where(thickness > 0, inside / np.maximum(thickness, 1e-3), np.inf)
    return place


def papillary_distance(heart: Heart, points: Array, lv: Array, endo: Array, level: Array) -> Array:
    """Signed distance to the papillary muscles at ED points ``[N, 3]``, negative inside; far outside of the cavity."""
    if not heart.shape.papillary:
        return np.full(level.shape, _FAR)
    if heart.shape.papillary_mm <= 0:
        return _short_papillaries(heart, points, endo, level)
    cavity = np.flatnonzero(lv < 0)
    points, nearest = points[cavity], np.full(cavity.shape, _FAR)
    for root, head in papillary_ends(heart):
        along = head - root
        t = np.clip((points - root) @ along / (along @ along), 0, 1)
        away = np.linalg.norm(points - root - t[:, None] * along, axis=1)
        # A cone with a rounded head, as broad at the wall as asked for.
        nearest = np.minimum(nearest, away - 0.5 * heart.shape.papillary_mm * (1 - 0.35 * t))
    distance = np.full(level.shape, _FAR)
    distance[cavity] = nearest
    return distance


def papillary_ends(heart: Heart) -> list[tuple[Array, Array]]:
    """Root on the wall and head in the cavity of both papillary muscles, heart points at ED."""
    turned = np.array([-1, 1]) * heart.shape.papillary_azimuth_deg
    return [
        (_inside(heart, azimuth, _ROOT_LEVEL, 0.97), _inside(heart, azimuth, _HEAD_LEVEL, _HEAD_RADIUS))
        for azimuth in np.deg2rad(np.array(PAPILLARY_AZIMUTHS_DEG) + turned)
    ]


def chordae(heart: Heart, phase: float, tips: list[Array]) -> list[Array]:
    """Chords ``[N, 3]`` from each papillary head to each of the leaflets' ``tips`` (heart points) at ``phase``."""
    if heart.shape.papillary_mm <= 0 or not heart.shape.papillary:
        return []
    heads = heart.move(np.array([head for _, head in papillary_ends(heart)]), phase)
    return [_line(head, tip) for head in heads for tip in tips]


def false_tendons(heart: Heart, phase: float) -> list[Array]:
    """Strands across the cavity from the septum to the free wall, heart points ``[N, 3]`` at ``phase``."""
    strands = []
    for number in range(heart.shape.false_tendons):
        # Spread over the apical half, each in a plane of its own; the same in every frame.
        level, azimuth = 0.28 + 0.16 * number, np.deg2rad(180.0 + 25.0 * (number - 1))
        ends = (_inside(heart, azimuth, level, 1.0), _inside(heart, azimuth + np.pi, level + 0.14, 1.0))
        strands.append(heart.move(_line(*ends), phase))
    return strands


def _inside(heart: Heart, azimuth: float, level: float, share: float) -> Array:
    """The heart point at ED at a share of the endocardial radius in the direction ``azimuth`` (radians)."""
    y = level * heart.shape.length_mm
    cosine, sine = heart.direction(azimuth)
    radius = share * float(heart.endocardium(np.array([level]), cosine, sine, 0.0)[0])
    x = float(heart.axis_offset(np.array([y]))[0]) + radius * float(cosine[0])
    return np.array([x, y, radius * float(sine[0]) * heart.shape.ellipticity])


def _line(start: Array, end: Array, points: int = 40) -> Array:
    t = np.linspace(0, 1, points)[:, None]
    return np.asarray(start + t * (end - start))


def _short_papillaries(heart: Heart, points: Array, endo: Array, level: Array) -> Array:
    distance = np.full(level.shape, _FAR)
    for azimuth_deg in PAPILLARY_AZIMUTHS_DEG:
        azimuth = np.deg2rad(azimuth_deg)
        away = np.maximum(endo - 2.5, 0)
        x, z = (
            points[:, 0] - heart.axis_offset(points[:, 1]) - away * np.cos(azimuth),
            points[:, 2] - away * np.sin(azimuth),
        )
        y = (level - 0.46) * heart.shape.length_mm
        distance = np.minimum(distance, np.sqrt((x / 3.6) ** 2 + (z / 3.6) ** 2 + (y / 10.0) ** 2) * 3.6 - 3.6)
    return distance
