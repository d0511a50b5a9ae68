"""Tissue of the ED heart: signed distances to implicit surfaces, and the label they give.

All distances are in mm, negative inside, and exact only near the surface (radial distances to curved surfaces).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cavity_muscle import papillary_distance, trabecular_place
from .great_vessels import VESSEL_WALL_MM, vessel_distance
from .heart import MITRAL_TIP_LEVEL, Array, Heart, Tissue
from .heart_places import (
    AO_WALL_MM,
    LEFT_OF_ROOT,
    ROOT_LEAN,
    SINUS_RISE_MM,
    TO_ROOT,
    atrial_base,
    atrium_center,
    outflow_distance,
    outflow_width,
    root_center,
    root_distance,
)

ATRIAL_WALL_MM = 2.5
RV_WALL_MM = 4.5
PERICARDIUM_MM = 1.8
_NOT_ENTERED = (Tissue.LV, Tissue.LV_MYO, Tissue.PAPILLARY, Tissue.LA, Tissue.RV, Tissue.RA, Tissue.AO)


@dataclass(frozen=True)
class Fields:
    """Signed distances at points ``[N]``: to each cavity, to the epicardium and to the outside of the heart.

    ``vessel`` is that to the lumen of the great vessels, inf in a heart without them; they are not of its outside.

    ``trabecular`` is the place by the layer inside of the compacted border: 0 at the border, 1 at the foot of the
    layer, more inside of it, inf elsewhere; ``level`` runs along the long axis (0 apex, 1 annulus), ``cosine`` is 1
    towards the lateral wall and -1 towards the septum. In a child's heart distances are those of the adult's heart of
    the same proportions.
    """

    lv: Array
    epicardium: Array
    la: Array
    rv: Array
    ra: Array
    ao: Array
    vessel: Array
    papillary: Array
    trabecular: Array
    outside: Array
    level: Array
    cosine: Array

    @property
    def cavity(self) -> Array:
        """Distance to the nearest blood pool."""
        return np.asarray(np.minimum.reduce([self.lv, self.la, self.rv, self.ra, self.ao, self.vessel]))


def wall_thickness(heart: Heart, cosine: Array, sine: Array) -> Array:
    """ED wall thickness in mm by direction: IVSd over the septum, LVPWd opposite, smooth between."""
    shape = heart.shape
    angle = np.arctan2(sine, cosine)
    center = np.deg2rad(165.0)
    away = np.abs(np.angle(np.exp(1j * (angle - center))))
    t = np.clip((np.deg2rad(105) - away) / np.deg2rad(50), 0, 1)
    return np.asarray(shape.lvpwd_mm + (shape.ivsd_mm - shape.lvpwd_mm) * t * t * (3 - 2 * t))


def fields(heart: Heart, points: Array) -> Fields:
    """Signed distances at ED points ``[N, 3]``."""
    heart, points = heart.grown, points / heart.shape.growth
    shape = heart.shape
    radius, cosine, sine = heart.polar(points)
    y = points[:, 1]
    level = y / shape.length_mm
    radius = heart.rounded(radius, level, cosine, sine, 0.0)
    stretch = np.sqrt(cosine**2 + (shape.ellipticity * sine) ** 2)
    endo = heart.radius(level, 0.0)
    wall = wall_thickness(heart, cosine, sine)
    epi = _epicardial_radius(heart, y, endo, wall / stretch)
    beyond = (radius - epi) * stretch
    lv = _lv_distance(heart, radius * stretch, y, endo * stretch)
    # Wall reaches 2 mm past the annulus, but never across its opening.
    opening = np.where(y > shape.length_mm, (endo - radius) * stretch, -30.0)
    epicardium = np.maximum.reduce([beyond, y - shape.length_mm - 2.0, opening])
    la, ra, ao = _atrium(heart, points, left=True), _atrium(heart, points, left=False), _root(heart, points)
    rv = np.minimum(_rv_distance(heart, beyond, level, cosine), _outflow(heart, points, beyond, ao))
    # The root stands between the atria and carves both.
    la, ra = np.maximum(la, -(ao - AO_WALL_MM)), np.maximum(ra, -np.minimum(la - ATRIAL_WALL_MM, ao - AO_WALL_MM))
    vessel = vessel_distance(heart, points)
    la = np.maximum(la, VESSEL_WALL_MM - vessel)
    outside = np.minimum.reduce(
        [epicardium, rv - RV_WALL_MM, la - ATRIAL_WALL_MM, ra - ATRIAL_WALL_MM, ao - AO_WALL_MM]
    )
    papillary = papillary_distance(heart, points, lv, endo, level)
    trabecular = trabecular_place(heart, lv, level, cosine, sine)
    return Fields(lv, epicardium, la, rv, ra, ao, vessel, papillary, trabecular, outside, level, cosine)


def wall_landmarks(heart: Heart, azimuth: float, phase: float) -> Array:
    """Heart points ``[4, 3]`` where the line at `MITRAL_TIP_LEVEL` across the long axis meets the walls at ``phase``.

    From the septal side (the direction ``azimuth``, in radians) to the other: outer and inner border of the septum,
    inner and outer border of the posterior wall. Beyond the endocardium the line follows the muscle as it thickens.
    """
    level = MITRAL_TIP_LEVEL
    y = level * heart.shape.length_mm
    offset = np.array([float(heart.axis_offset(np.array([y]))[0]), y, 0.0])
    rows = []
    for side in (azimuth, azimuth + np.pi):
        direction = np.array([np.cos(side), 0.0, np.sin(side)])
        inner = float(_physical_radius(heart, np.array([level]), direction, 0.0)[0])
        _, cosine, sine = heart.polar((offset + inner * direction)[None])
        thickness = float(wall_thickness(heart, cosine, sine)[0])
        # Just outside of the cavity: inside of it the map follows the blood.
        wall = [offset + (inner + 1e-3) * direction, offset + (inner + thickness) * direction]
        rows.append(heart.move(np.array(wall), phase))
    return np.stack([rows[0][1], rows[0][0], rows[1][0], rows[1][1]])


def systolic_atrial_diameter(heart: Heart) -> float:
    """Of the left atrium in mm at end-systole: from the back of the widest section of the aortic root to its own."""
    shape = heart.grown.shape
    center = root_center(heart.grown, SINUS_RISE_MM)
    behind = np.arange(0.5 * shape.root_mm, 0.5 * shape.root_mm + 2 * shape.la_width_mm, 0.1)
    line = (center - behind[:, None] * TO_ROOT) * heart.shape.growth
    last = np.flatnonzero(fields(heart, line).la < 0)[-1]
    ends = heart.move(line[[0, last]], heart.curve.es_phase)
    return float(np.linalg.norm(ends[1] - ends[0]))


def _physical_radius(heart: Heart, level: Array, direction: Array, phase: float) -> Array:
    """Endocardial radius in mm in a physical ``direction`` (unit vector in the x-z plane)."""
    q = heart.shape.ellipticity
    stretch = 1 / np.hypot(direction[0], direction[2] / q)
    cosine, sine = direction[0] * stretch, direction[2] / q * stretch
    return np.asarray(heart.endocardium(level, np.array([cosine]), np.array([sine]), phase) * stretch)


def tissue(heart: Heart, f: Fields) -> np.ndarray:
    """The `Tissue` at each point, ``uint8 [N]``, from its distances; later rules win."""
    effusion = heart.shape.effusion_mm / heart.shape.growth
    label = np.full(f.lv.shape, Tissue.BACKGROUND, np.uint8)
    label[(f.outside > 0.3 + effusion) & (f.outside <= 0.3 + effusion + PERICARDIUM_MM)] = Tissue.PERICARDIUM
    if effusion > 0:
        label[(f.outside > 0.3) & (f.outside <= 0.3 + effusion) & (f.level < 1.1)] = Tissue.PERICARDIAL_EFFUSION
    label[np.minimum(f.la, f.ra) < ATRIAL_WALL_MM] = Tissue.ATRIAL_WALL
    label[f.rv < RV_WALL_MM] = Tissue.RV_WALL
    label[f.vessel < VESSEL_WALL_MM] = Tissue.VESSEL_WALL
    label[f.ra < 0] = Tissue.RA
    label[f.la < 0] = Tissue.LA
    label[f.ao < AO_WALL_MM] = Tissue.AO_WALL
    label[f.epicardium < 0] = Tissue.LV_MYO
    label[f.rv < 0] = Tissue.RV
    label[f.ao < 0] = Tissue.AO
    label[f.lv < 0] = Tissue.LV
    label[(f.lv < 0) & (f.papillary < 0)] = Tissue.PAPILLARY
    # Vessels go through the walls of the chambers that they open into.
    label[(f.vessel < 0) & ~np.isin(label, _NOT_ENTERED)] = Tissue.VESSEL
    return label


def truth_labels(label: np.ndarray) -> np.ndarray:
    """Labels as the truth counts them: papillary muscles belong to the LV cavity, as trabeculae do."""
    return np.where(label == Tissue.PAPILLARY, np.uint8(Tissue.LV), label)


def without_trabeculae(label: np.ndarray, f: Fields) -> np.ndarray:
    """The LV as ``bool [N]`` that leaves the trabecular layer outside, as some readers and models trace it."""
    return np.asarray((truth_labels(label) == Tissue.LV) & (f.trabecular >= 1))


def _lv_distance(heart: Heart, radius: Array, y: Array, endo: Array) -> Array:
    step = 0.5
    ahead = heart.radius((y + step) / heart.shape.length_mm, 0.0)
    behind = heart.radius((y - step) / heart.shape.length_mm, 0.0)
    slope = np.clip((ahead - behind) / (2 * step), -3, 3)
    side = (radius - endo) / np.sqrt(1 + slope**2)
    side = np.where(y < 0, np.hypot(radius, y), side)
    return np.asarray(np.maximum(side, y - heart.shape.length_mm))


def _epicardial_radius(heart: Heart, y: Array, endo: Array, wall: Array) -> Array:
    """Epicardial radius: the endocardial profile grown by the wall, closed over the apex at 0.72 of it.

    Beyond the mitral tips, where walls are measured, the wall tapers towards the annulus.
    """
    shape = heart.shape
    widest = shape.widest * shape.length_mm
    apex = -0.72 * 0.5 * (shape.ivsd_mm + shape.lvpwd_mm)
    full = heart.radius(np.array([shape.widest]), 0.0)[0] + wall
    cap = np.clip((widest - y) / (widest - apex), 0, 1)
    apical = np.where(y > apex, full * (1 - cap**2) ** (0.5 * shape.roundness), y - apex)
    tips = MITRAL_TIP_LEVEL * shape.length_mm
    basal = endo + wall * (1 - 0.12 * np.clip((y - tips) / (shape.length_mm - tips), 0, 1))
    return np.asarray(np.where(y < widest, apical, basal))


def _rv_distance(heart: Heart, beyond: Array, level: Array, cosine: Array) -> Array:
    shape = heart.shape
    up = np.clip((level - shape.rv_start) / (1 - shape.rv_start), 0, 1)
    # The window closes before the A2C plane: no right ventricle there.
    angle = np.arccos(np.clip(-cosine, -1, 1)) / np.deg2rad(75)
    window = np.where(angle < 1, np.cos(0.5 * np.pi * np.clip(angle, 0, 1)) ** 0.7, 0.0)
    width = (
        shape.rv_width_mm
        * up**0.62
        * (1 + 0.22 * np.sin(np.pi * up))
        * np.where(level > 0.8, 1 - 0.4 * (level - 0.8), 1)
        * window
    )
    along = shape.length_mm * np.maximum(level - 0.97, 0.6 * (shape.rv_start - level))
    return np.asarray(np.where(window > 0.02, np.maximum.reduce([-beyond, beyond - width, along]), 30.0))


def _outflow(heart: Heart, points: Array, beyond: Array, ao: Array) -> Array:
    """The right ventricular outflow tract: a flat tube that crosses in front of the aortic root."""
    width = outflow_width(heart)
    out = points[:, 0] * TO_ROOT[0] + points[:, 2] * TO_ROOT[2] - outflow_distance(heart)
    across = points[:, 0] * LEFT_OF_ROOT[0] + points[:, 2] * LEFT_OF_ROOT[2]
    rise = points[:, 1] - heart.shape.length_mm
    reach = np.sqrt((out / (0.5 * width)) ** 2 + (across / (0.75 * width)) ** 2 + ((rise - 6) / 34) ** 2)
    return np.asarray(np.maximum.reduce([(reach - 1) * 0.5 * width, 1.0 - beyond, AO_WALL_MM - ao]))


def _superellipsoid(offset: Array, semi_axes: tuple[float, float, float], exponent: float) -> Array:
    g = np.sum(np.abs(offset / np.asarray(semi_axes)) ** exponent, axis=1) ** (1 / exponent)
    distance = np.sqrt(np.sum(offset**2, axis=1))
    return np.asarray(distance * (1 - 1 / np.maximum(g, 0.05)))


def _atrium(heart: Heart, points: Array, *, left: bool) -> Array:
    shape = heart.shape
    length = shape.la_length_mm if left else shape.ra_length_mm
    width = shape.la_width_mm if left else shape.ra_width_mm
    center = atrium_center(heart, left=left)
    body = _superellipsoid(points - center, (width / 2, 0.60 * length, 0.48 * width), 2.5)
    return np.asarray(np.maximum(body, atrial_base(heart, left=left) - points[:, 1]))


def _root(heart: Heart, points: Array) -> Array:
    """The aortic root: a tube with bulging sinuses beside the mitral annulus, towards the anterior septum."""
    shape = heart.shape
    rise = points[:, 1] - shape.length_mm
    drift = root_distance(heart) - ROOT_LEAN * rise
    x, z = points[:, 0] - drift * TO_ROOT[0], points[:, 2] - drift * TO_ROOT[2]
    radius = 0.5 * shape.root_mm * (0.86 + 0.14 * np.exp(-(((rise - SINUS_RISE_MM) / 8) ** 2)))
    return np.asarray(np.maximum.reduce([np.hypot(x, z) - radius, -4.0 - rise, rise - 55.0]))
