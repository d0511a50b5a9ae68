"""What makes real borders hard to see, in dB on top of `echogenicity`: walls that fade, trabeculae, lost floors.

Free walls have no edge at the endocardium: the trabecular layer and the wall grow brighter outwards; the septum, seen
by the best beams, is bright. The forms are choices of this project; `frame_statistics` holds the result against real
frames.
"""

from __future__ import annotations

import numpy as np

from .anatomy import Fields
from .echo_levels import LEVEL_DB, Noise
from .heart import Array, Tissue
from .vendor_looks import Conditions

_APICAL_LEVEL = 0.22
_FLOOR_LEVEL = 1.25
"""Beyond this level the walls of the atria count as their floor."""
_STRANDS_DB = 5.0
_SEPTAL_CORE = 0.4
"""Where through the septum (0 at the left, 1 at the right side) it is brightest."""
_NO_VEIL_DB = 30.0


def border_echoes(
    f: Fields, label: np.ndarray, points: Array, wall_angle: Array, conditions: Conditions, fine: Noise, patch: Noise
) -> Array:
    """What is added (dB) at ED points ``[N, 3]``; ``wall_angle`` is |cos| between beam and the border's normal."""
    free = free_wall(f)
    through = _through_wall(f)
    ramp = conditions.outside_db - conditions.wall_fade_db * (1 - through) - conditions.fibers_db * (1 - wall_angle)
    # Bright in its core, where fibers cross the beam, and lost towards its trabeculated right side.
    core = np.where(through < _SEPTAL_CORE, 0.4 * (1 - through / _SEPTAL_CORE), (through - _SEPTAL_CORE) / 0.6)
    septum = (conditions.septum_db - conditions.septum_fade_db * core**2) * (1 - free)
    db = np.where(label == Tissue.LV_MYO, free * ramp + septum - conditions.apex_db * _apical(f), 0.0)
    db += _layer(f, label, points, free, conditions, fine, patch)
    right = (label == Tissue.RV_WALL) | ((label == Tissue.ATRIAL_WALL) & (f.ra < f.la))
    db -= np.where(right, conditions.right_fade_db, 0.0)
    db -= np.where(label == Tissue.PERICARDIUM, conditions.pericardium_db, 0.0)
    db -= np.where(label == Tissue.PAPILLARY, conditions.papillary_db, 0.0)
    atria = (label == Tissue.ATRIAL_WALL) | ((label == Tissue.AO_WALL) & (f.level > 1))
    lost = conditions.atria_db + np.where(f.level > _FLOOR_LEVEL, conditions.floor_fade_db, 0.0)
    return np.asarray(db - np.where(atria, lost, 0.0))


def far_arcs(f: Fields, points: Array, arcs_db: float, wide: Noise) -> Array:
    """Bright bands across the beams behind the atria: lungs, vessels and the spine."""
    bands = np.maximum(wide(points * np.array([0.3, 1.6, 0.3])), 0)
    reach = np.clip((f.level - 1.1) / 0.3, 0, 1)
    return np.asarray(arcs_db * np.minimum(bands, 1.5) * reach)


def free_wall(f: Fields) -> Array:
    """1 at the lateral wall and the apex, 0 at the middle and the base of the septum, smooth between."""
    return np.asarray(np.maximum(_lateral(f), _apical(f)))


def _lateral(f: Fields) -> Array:
    return np.asarray(np.clip(0.6 + 0.9 * f.cosine, 0, 1))


def _apical(f: Fields) -> Array:
    return np.asarray(np.exp(-((np.maximum(f.level, 0) / _APICAL_LEVEL) ** 2)))


def _through_wall(f: Fields) -> Array:
    """0 at the endocardium, 1 at the epicardium."""
    inner, outer = np.maximum(f.lv, 0), np.maximum(-f.epicardium, 0)
    return np.asarray(inner / np.maximum(inner + outer, 1e-3))


def _layer(
    f: Fields, label: np.ndarray, points: Array, free: Array, conditions: Conditions, fine: Noise, patch: Noise
) -> Array:
    """The trabecular layer instead of blood: as bright as the wall at the compacted border, then darker on and on."""
    inside = np.isfinite(f.trabecular) & (label == Tissue.LV)
    place = np.where(inside, f.trabecular, 0.0)
    top = (conditions.outside_db - conditions.wall_fade_db) * free - conditions.apex_db * _apical(f)
    strands = _STRANDS_DB * (0.6 * fine(points) + 0.6 * patch(points))
    # Beyond the foot there is a veil of what lies beside the plane; septum and apex have none.
    beyond = -f.lv * (1 - 1 / np.maximum(place, 1.0))
    veil = conditions.veil_db_mm * beyond + _NO_VEIL_DB * (1 - _lateral(f)) * (place > 1)
    level = top - conditions.layer_db * np.minimum(place, 1.0) - veil + strands
    return np.where(inside, np.maximum(level - LEVEL_DB[Tissue.LV], 0.0), 0.0)
