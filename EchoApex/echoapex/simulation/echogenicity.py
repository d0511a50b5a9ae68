"""How strongly each material point scatters, in dB relative to myocardium.

Levels by tissue, specular interfaces, anisotropic muscle, patchy texture, trabeculation, regional drop-out and the
uneven background. Values come from the project's simulation study, where they were adjusted by eye to real frames; the
brightness that results is compared with real frames in a test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .anatomy import PERICARDIUM_MM, Fields, fields, tissue
from .border_echoes import border_echoes, far_arcs
from .echo_levels import LEVEL_DB, Noise
from .heart import Array, Heart, Tissue
from .vendor_looks import Conditions
from .view_planes import Plane

MUSCLE = (Tissue.LV_MYO, Tissue.RV_WALL, Tissue.ATRIAL_WALL, Tissue.PAPILLARY)
GRADIENT_STEP_MM = 0.8
_OF_VESSELS = (Tissue.VESSEL, Tissue.VESSEL_WALL)
_VESSEL = 1.7
"""Where the liver's texture exceeds this there is a vessel: 4 % of it (own choice)."""


@dataclass(frozen=True)
class Material:
    """Tissue label and echo level (dB) of each material point."""

    label: np.ndarray
    level_db: Array


def echo_level(
    heart: Heart, plane: Plane, points: Array, image_points: Array, conditions: Conditions, rng: np.random.Generator
) -> Material:
    """Tissue and echo level at ED points ``[N, 3]`` seen at ``image_points [N, 2+]`` (X, D in mm)."""
    f = fields(heart, points)
    label = tissue(heart, f)
    wall_angle, outer_angle = _incidence(heart, plane, points, image_points, f)
    # Textures and distances of an adult's heart, of which a child's is a small picture.
    points, image_points = points / heart.shape.growth, image_points / heart.shape.growth
    # Drawn for the tissues of the heart alone, so that vessels change no picture that is without them.
    levels = np.array([LEVEL_DB[t] + (rng.normal(0, 1.5) if t not in _OF_VESSELS else 0.0) for t in Tissue])
    db = levels[label]
    muscle = np.isin(label, MUSCLE)
    fine, patch, broad, wide = (Noise(rng, c) for c in (1.5, 3.5, 10.0, 14.0))
    db = db + np.where(muscle, 8.0 * (wall_angle - 0.6), 0.0)
    lining = (f.cavity > 0) & (f.cavity < 1.2) & (label != Tissue.PERICARDIUM)
    db += np.where(lining, 9.0 * wall_angle**3 - 4.0, 0.0)
    db += np.where(label == Tissue.PERICARDIUM, 18 * outer_angle**2 - 16 - rng.uniform(-2, 10), 0.0)
    db += np.where(muscle | (label == Tissue.PERICARDIUM), 4.0 * broad(points), 0.0)
    db += np.where(label != Tissue.LV, conditions.texture_db * (fine(points) + patch(points)), 0.0)
    db += _background(f, label, points, image_points, conditions, wide, rng)
    db += _trabeculae(f, label, points, conditions, fine, rng)
    db += _dropouts(f, muscle, image_points, conditions, rng)
    thin = (label == Tissue.RV_WALL) | (label == Tissue.ATRIAL_WALL)
    db -= np.where(thin, rng.uniform(0, 14), 0.0)
    db -= np.where((label == Tissue.ATRIAL_WALL) & (f.la < 3) & (f.ra < 6), rng.uniform(0, 10), 0.0)
    db += border_echoes(f, label, points, wall_angle, conditions, fine, patch)
    return Material(label, db)


def _incidence(heart: Heart, plane: Plane, points: Array, image_points: Array, f: Fields) -> tuple[Array, Array]:
    """|cos| between the beam and the normals of the nearest cavity border and of the heart's outside."""
    step = GRADIENT_STEP_MM * heart.shape.growth
    right = fields(heart, points + step * plane.lateral)
    down = fields(heart, points + step * plane.depth)
    beam = image_points[:, :2] / np.maximum(np.linalg.norm(image_points[:, :2], axis=1, keepdims=True), 1e-3)

    def cosine(here: Array, beside: Array, below: Array) -> Array:
        normal = np.stack([beside - here, below - here], axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-6
        return np.asarray(np.abs(np.sum(normal * beam, axis=1)))

    return cosine(f.cavity, right.cavity, down.cavity), cosine(f.outside, right.outside, down.outside)


def _background(
    f: Fields,
    label: np.ndarray,
    points: Array,
    image_points: Array,
    conditions: Conditions,
    wide: Noise,
    rng: np.random.Generator,
) -> Array:
    away = np.maximum(f.outside - 6, 0)
    db = conditions.background_db - LEVEL_DB[Tissue.BACKGROUND] - 0.08 * away
    db = db + conditions.background_variation_db * wide(points)
    x = image_points[:, 0]
    side = np.where(x < 0, conditions.left_darkness_db, conditions.right_darkness_db)
    db += side * np.clip(np.abs(x) / 30, 0, 1) * (image_points[:, 1] > 25)
    if conditions.liver_db is not None:
        db = np.where(_before_heart(f, image_points), _liver(points, conditions.liver_db, wide), db)
    behind = f.level > 1.1
    db += np.where(
        behind, rng.uniform(0, conditions.behind_db) * np.exp(-np.maximum(f.outside, 0) / rng.uniform(8, 20)), 0.0
    )
    if conditions.arcs_db > 0:
        db += far_arcs(f, points, conditions.arcs_db, wide)
    return np.where(label == Tissue.BACKGROUND, db, 0.0)


def _before_heart(f: Fields, image_points: Array) -> NDArray[np.bool_]:
    heart = image_points[f.outside < 0, 1]
    middle = np.median(heart) if heart.size else np.inf
    return np.asarray((f.outside > PERICARDIUM_MM) & (image_points[:, 1] < middle))


def _liver(points: Array, liver_db: float, wide: Noise) -> Array:
    """Even texture with some vessels."""
    texture = wide(points)
    return np.where(texture > _VESSEL, LEVEL_DB[Tissue.RV], liver_db + texture) - LEVEL_DB[Tissue.BACKGROUND]


def _trabeculae(
    f: Fields, label: np.ndarray, points: Array, conditions: Conditions, fine: Noise, rng: np.random.Generator
) -> Array:
    """Muscle strands inside the cavity near its border; the truth stays on the compacted border."""
    rim = (label == Tissue.LV) & (-f.lv < rng.uniform(1.5, 4.5)) & np.isinf(f.trabecular)
    inside = rim | ((label == Tissue.RV) & (-f.rv < 5.0))
    return np.where(inside & (fine(points) > 1.5 - conditions.trabeculation), conditions.trabeculae_db, 0.0)


def _dropouts(
    f: Fields, muscle: np.ndarray, image_points: Array, conditions: Conditions, rng: np.random.Generator
) -> Array:
    """Missing wall segments, seven times in ten on the right of the picture."""
    db = np.zeros(f.level.shape)
    middle = np.median(image_points[f.lv < 0, 0]) if np.any(f.lv < 0) else 0.0
    for _ in range(conditions.dropouts):
        side = 1 if rng.random() < 0.7 else -1
        level, extent, loss = rng.uniform(0, 1), rng.uniform(0.1, 0.35), rng.uniform(3, 18)
        hit = muscle & (np.sign(image_points[:, 0] - middle) == side)
        db -= np.where(hit, loss * np.exp(-(((f.level - level) / extent) ** 2)), 0.0)
    return db
