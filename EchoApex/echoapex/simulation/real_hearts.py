"""How hearts of ``hard`` and ``shifted`` are drawn from a seed: shapes, places, borders and sectors as real ones are.

Sizes of adults are uniform far beyond the normal ones (ASE/EACVI 2015), so that a constant predicts nothing. Shape,
tilt and depth follow apical views as guidelines draw them: a straight septum, a curved lateral wall, a wide base and
the apex near the middle of the probe. `frame_statistics` holds what comes out against real frames.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from .case import Case
from .first_hearts import LOOK_RANGES, SHIFTED_LOOK, STUNNED_SHARE, TRAINING_LOOKS, heart_points
from .heart import HeartShape
from .vendor_looks import Conditions, Look
from .view_planes import VIEWS, Placement

CHILDREN_SHARE = 0.08
"""How many hearts are a child's (own choice)."""
_CHILDS_LENGTH_MM = (24.0, 54.0)
"""Long axis of the left ventricle from newborns to school children (own choice)."""
_TILT_DEG = {"A4C": (17.0, 8.0), "A5C": (17.0, 8.0), "A2C": (7.0, 8.0), "A3C": (8.0, 8.0), "A4C_RV": (14.0, 8.0)}
"""Mean and standard deviation of how far the long axis leans to the right on its way down, for each apical view."""
_HAZY_SHARE = 0.12
"""How many pictures lie under a haze from side to side (own choice)."""
_DEEPEST_MM = 240.0
"""No machine looks deeper from the apex, but where the heart itself reaches as far (own choice)."""
_CUT_SHARE = 0.7
"""How many pictures have their sides cut off by display or data set."""


def draw_shape(preset: str, rng: np.random.Generator) -> HeartShape:
    """An adult's heart."""
    u = rng.uniform
    lvidd, ef = u(35, 70), u(0.15, 0.78)
    shape = HeartShape(
        lvidd_mm=lvidd,
        length_mm=float(np.clip(lvidd * u(1.45, 2.0), 58, 112)),
        ivsd_mm=u(6, 17),
        lvpwd_mm=u(6, 17),
        ef=ef,
        heart_rate=u(45, 120),
        ellipticity=u(0.88, 1.08),
        widest=u(0.62, 0.84),
        roundness=u(0.85, 1.25),
        base_ratio=u(0.78, 0.98),
        shortening=float(np.clip(0.24 * ef + rng.normal(0, 0.02), 0.02, 0.21)),
        bend=float(np.clip(rng.normal(0, 0.03), -0.07, 0.07)),
        la_width_mm=u(28, 60),
        la_length_mm=u(34, 68),
        ra_width_mm=u(24, 58),
        ra_length_mm=u(30, 62),
        rv_width_mm=u(14, 52),
        rv_start=u(0.15, 0.36),
        root_mm=u(24, 40),
        septal_straightness=u(0.1, 0.75),
        trabecular_apex=u(0.02, 0.11),
        trabecular_lateral=u(0.01, 0.07),
        trabecular_septum=u(0.0, 0.01),
        papillary=bool(rng.random() < 0.93),
        papillary_mm=u(5, 11),
        papillary_azimuth_deg=float(rng.normal(14, 12)),
        false_tendons=int(rng.choice([0, 0, 0, 0, 1, 2])),
    )
    if rng.random() < STUNNED_SHARE:
        shape = replace(shape, stunned=u(0.4, 1.0), stunned_level=u(0.1, 0.8), stunned_azimuth_deg=u(0, 360))
    if preset == "shifted":
        shape = replace(shape, effusion_mm=u(6, 20), rv_width_mm=u(40, 56), ra_width_mm=u(44, 62))
    return shape


def perhaps_a_childs(shape: HeartShape, seed: int) -> HeartShape:
    """The heart at a child's size and rate, for some of the seeds (depths of 4 to 10 cm, 90 to 160 beats a minute)."""
    rng = np.random.default_rng([seed, 6])
    if rng.random() >= CHILDREN_SHARE:
        return shape
    growth = float(np.clip(rng.uniform(*_CHILDS_LENGTH_MM) / shape.length_mm, 0.27, 0.75))
    smaller = {f.name: getattr(shape, f.name) * growth for f in fields(HeartShape) if f.name.endswith("_mm")}
    return replace(shape, growth=growth, heart_rate=float(rng.uniform(90, 160)), **smaller)


def draw_look(preset: str, growth: float, rng: np.random.Generator) -> Look:
    """Machine and probe: wide phased arrays, some with a cut tip, some convex; higher frequencies for children."""
    u = rng.uniform
    name = SHIFTED_LOOK if preset == "shifted" else str(rng.choice(TRAINING_LOOKS))
    f, c, b, _, d, g, _, p = (float(u(*LOOK_RANGES[name][key])) for key in "fcbwdgsp")
    kind = rng.random()
    width, apex = float(u(76, 106)), 0.0
    if kind > 0.86:
        width, apex = float(u(56, 78)), float(u(25, 55))
    elif kind > 0.66:
        apex = float(u(3, 14))
    # The gain is set by the gray of the muscle, as users do, whatever the curve.
    headroom = d * (1 - (u(44, 104) / 255) ** (1 / g))
    # Spatial compounding softens the speckle of most machines of today.
    return Look(name, f / growth, c, b, width, d, g, float(u(0.4, 3.6)), p, float(headroom), apex * growth)


def draw_placement(case: Case, view: str, rng: np.random.Generator) -> tuple[Placement, Conditions]:
    """Where and how a view came out in one clip."""
    way = _from_the_apex if VIEWS[view].window.apical else _through_the_chest
    placement, depth = way(case, view, rng)
    conditions = draw_conditions(case, placement, depth, rng)
    if rng.random() < _CUT_SHARE:
        conditions = _cut(case, placement, conditions, rng)
    return placement, conditions


def _from_the_apex(case: Case, view: str, rng: np.random.Generator) -> tuple[Placement, float]:
    """Placement and depth of an apical view: the apex 8 to 23 % deep, the atria whole or cut."""
    u, shape = rng.uniform, case.shape
    mean, deviation = _TILT_DEG[view]
    tilt = float(np.clip(rng.normal(mean, deviation), -8, 33))
    atrium = u(0.15, 0.9) if rng.random() < 0.45 else 1.05 + u(0, 0.5)
    within = shape.length_mm * np.cos(np.deg2rad(tilt)) + atrium * shape.la_length_mm
    depth = float(min(within / (1 - u(0.08, 0.23)), max(_DEEPEST_MM * shape.growth, 1.04 * within)))
    share = 1 - float(within) / depth
    mirrored = bool(rng.random() < 0.1)
    # The lateral wall at the middle of the ventricle may leave the fan by a few millimeters, not more.
    middle = share * depth + 0.4 * shape.length_mm + case.look.virtual_apex_mm
    edge = middle * np.tan(np.deg2rad(case.look.width_deg / 2)) + u(-10, 5) * shape.growth
    reach = 0.4 * shape.length_mm * np.sin(np.deg2rad(tilt)) + 0.62 * shape.lvidd_mm
    across = min(float(rng.normal(2, 7)) * shape.growth, float(edge - reach)) + VIEWS[view].aside * shape.lvidd_mm
    placement = Placement(
        VIEWS[view],
        across * (-1 if mirrored else 1),
        share * depth,
        rotation_deg=float(u(-15, 15)),
        tilt_deg=-tilt,
        foreshortening_deg=float(np.clip(rng.normal(0, 5), -13, 13)),
        mirrored=mirrored,
    )
    return placement, depth


def _through_the_chest(case: Case, view: str, rng: np.random.Generator) -> tuple[Placement, float]:
    """Placement and depth of a view in which the chest wall, or the liver, lies before the heart."""
    u, standard, growth = rng.uniform, VIEWS[view], case.shape.growth
    low, high = standard.window.depth_mm
    placement = Placement(
        standard,
        float(standard.anchor_x_mm + rng.normal(0, 7)) * growth,
        float(u(low - 4, high + 6)) * growth,
        rotation_deg=float(u(-15, 15)),
        tilt_deg=float(u(-15, 15)),
        foreshortening_deg=float(rng.normal(0, 3)),
    )
    before = -float(heart_points(case.heart(view), placement)[:, 1].min())
    placement = replace(placement, anchor_depth_mm=placement.anchor_depth_mm + before)
    points = heart_points(case.heart(view), placement) + np.array([0.0, placement.anchor_depth_mm])
    far = float(np.hypot(points[:, 0], points[:, 1]).max())
    return placement, float(far + u(4, 40) * growth)


def draw_conditions(case: Case, placement: Placement, depth: float, rng: np.random.Generator) -> Conditions:
    """What a whole sector of this ``depth`` in mm shows and misses."""
    u, growth = rng.uniform, case.shape.growth
    return Conditions(
        depth_mm=depth,
        haze=float(u(0.5, 3) if rng.random() < _HAZY_SHARE else 0.4 * u(0, 1) ** 2),
        clutter=u(0.1, 1.0),
        noise_db=u(-95, -70),
        shadows=int(rng.integers(0, 4)),
        dropouts=int(rng.integers(0, 4)),
        gain_field_db=u(1.5, 4.5),
        tgc_error_db=u(1, 3),
        edge_loss_db=u(1, 9),
        texture_db=u(1.2, 3.6),
        background_db=u(-28, -8),
        background_variation_db=u(3, 8),
        left_darkness_db=u(-16, 4),
        right_darkness_db=u(-16, 4),
        trabeculation=u(0.1, 0.6),
        sidelobe=u(0, 0.04),
        liver_db=u(-12, 2) if placement.view.window.liver else None,
        behind_db=20.0,
        arcs_db=u(0, 14),
        trabeculae_db=u(8, 22),
        wall_fade_db=u(17, 27),
        outside_db=u(4.5, 10.5),
        septum_db=u(0, 5),
        septum_fade_db=u(2, 18),
        atria_db=u(2, 20),
        papillary_db=u(0, 14),
        apex_db=u(3, 14),
        layer_db=u(7, 13.5),
        veil_db_mm=u(0.0, 0.9),
        fibers_db=u(0, 6),
        strands=float(0.7 * u(0, 1) ** 2),
        leaflets=float(rng.choice([0.0, 0.06, 0.15, 0.4])),
        floor_fade_db=u(0, 14),
        right_fade_db=u(0, 26),
        pericardium_db=u(0, 14),
        near_haze=float(0.07 * u(0, 1) ** 3),
        near_haze_mm=u(18, 50) * growth,
    )


def _cut(case: Case, placement: Placement, conditions: Conditions, rng: np.random.Generator) -> Conditions:
    """Sides, and sometimes the tip, cut off as public data sets and displays do; the ventricle stays but for a rim."""
    u, depth = rng.uniform, conditions.depth_mm
    lateral, septal = u(0.36, 0.56) * depth, u(0.36, 0.56) * depth
    if placement.view.window.apical:
        reach = abs(placement.anchor_x_mm) - 0.6 * case.shape.length_mm * np.sin(np.deg2rad(placement.tilt_deg))
        lateral = max(lateral, reach + 0.62 * case.shape.lvidd_mm + u(-6, 12) * case.shape.growth)
    left, right = (lateral, septal) if placement.mirrored else (septal, lateral)
    top = float(u(0, 0.06) * depth) if rng.random() < 0.3 else -np.inf
    return replace(conditions, cut_left_mm=float(left), cut_right_mm=float(right), cut_top_mm=top)
