"""How the first hearts were drawn from a seed: those of ``easy``, and of ``hard`` and ``shifted`` before real hearts.

Bodies of revolution with full walls in whole sectors. Kept as ``hard-1`` and ``shifted-1``: models and scores of that
time refer to them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import anatomy
from .case import Case
from .heart import Array, Heart, HeartShape
from .vendor_looks import Conditions, Look
from .view_planes import VIEWS, Placement, cut

LOOK_RANGES: dict[str, dict[str, tuple[float, float]]] = {
    # name: frequency, cycles, beam width, sector width, dynamic range, gamma, smoothing, persistence, virtual apex
    "aster": dict(
        f=(3.0, 3.8), c=(2.0, 2.4), b=(1.0, 1.3), w=(70, 90), d=(50, 66), g=(0.9, 1.6), s=(0.3, 0.7), p=(0.15, 0.3)
    ),
    "birch": dict(
        f=(2.6, 3.4), c=(2.0, 2.4), b=(1.2, 1.6), w=(75, 95), d=(48, 62), g=(1.0, 1.9), s=(0.7, 1.8), p=(0.3, 0.4)
    ),
    "cedar": dict(
        f=(2.2, 3.0), c=(2.4, 2.8), b=(1.3, 1.8), w=(70, 95), d=(55, 72), g=(1.0, 1.8), s=(0.2, 0.5), p=(0.15, 0.25)
    ),
    "dune": dict(
        f=(1.8, 2.6), c=(2.6, 3.0), b=(1.6, 2.3), w=(60, 82), d=(45, 58), g=(1.1, 2.2), s=(0.6, 2.0), p=(0.2, 0.35)
    ),
    "ember": dict(
        f=(1.7, 2.2), c=(3.0, 3.6), b=(2.2, 2.8), w=(86, 100), d=(40, 50), g=(0.75, 0.95), s=(1.6, 2.4), p=(0.4, 0.5)
    ),
}
_BEHIND_TARGET_MM = 62.0
"""How far behind their target views reach that have one (own choice)."""

STUNNED_SHARE = 0.25
"""How many hearts of ``hard`` and ``shifted`` have a regional wall motion abnormality (own choice)."""


TRAINING_LOOKS = ("aster", "birch", "cedar", "dune")
SHIFTED_LOOK = "ember"


def draw_shape(preset: str, rng: np.random.Generator) -> HeartShape:
    u = rng.uniform
    if preset == "easy":
        lvidd, ef = float(np.clip(rng.normal(47, 3), 40, 55)), float(np.clip(rng.normal(0.60, 0.05), 0.5, 0.7))
        walls, length, rate = (u(7.5, 10.5), u(7.5, 10.5)), lvidd * u(1.65, 1.85), u(55, 75)
        return HeartShape(lvidd, float(length), *walls, ef, float(rate), shortening=0.24 * ef)
    lvidd, ef = u(35, 70), u(0.15, 0.78)
    shape = HeartShape(
        lvidd_mm=lvidd,
        length_mm=float(np.clip(lvidd * u(1.45, 2.0), 58, 112)),
        ivsd_mm=u(6, 17),
        lvpwd_mm=u(6, 17),
        ef=ef,
        heart_rate=u(45, 120),
        ellipticity=u(0.88, 1.08),
        widest=u(0.52, 0.70),
        roundness=u(0.75, 1.15),
        base_ratio=u(0.62, 0.86),
        shortening=float(np.clip(0.24 * ef + rng.normal(0, 0.02), 0.02, 0.21)),
        bend=float(np.clip(rng.normal(0, 0.06), -0.13, 0.13)),
        la_width_mm=u(28, 60),
        la_length_mm=u(34, 68),
        ra_width_mm=u(28, 54),
        ra_length_mm=u(32, 60),
        rv_width_mm=u(20, 48),
        rv_start=u(0.2, 0.34),
        root_mm=u(24, 40),
    )
    if rng.random() < STUNNED_SHARE:
        shape = replace(shape, stunned=u(0.4, 1.0), stunned_level=u(0.1, 0.8), stunned_azimuth_deg=u(0, 360))
    if preset == "shifted-1":
        shape = replace(shape, effusion_mm=u(6, 20), rv_width_mm=u(40, 56), ra_width_mm=u(44, 62))
    return shape


def draw_look(preset: str, rng: np.random.Generator) -> Look:
    if preset == "easy":
        return Look("aster", 3.2, 2.2, 1.2, 80.0, 60.0, 1.0, 0.5, 0.2, 21.0)
    name = SHIFTED_LOOK if preset == "shifted-1" else str(rng.choice(TRAINING_LOOKS))
    r = LOOK_RANGES[name]
    f, c, b, w, d, g, s, p = (float(rng.uniform(*r[key])) for key in "fcbwdgsp")
    apex = (
        float(rng.uniform(8, 25)) if preset == "shifted-1" else float(rng.choice([0.0, 0.0, 0.0, rng.uniform(3, 12)]))
    )
    return Look(name, f, c, b, w, d, g, s, p, float(rng.uniform(15, 30)), apex)


def draw_placement(case: Case, view: str, rng: np.random.Generator) -> Placement:
    standard = VIEWS[view]
    low, high = standard.window.depth_mm
    if case.preset == "easy":
        placement = Placement(
            standard, standard.anchor_x_mm, float(rng.uniform(low, high)), tilt_deg=float(rng.normal(0, 3))
        )
    else:
        # What lies before the heart can be little, but not less than nothing.
        low = low - 5 if standard.window.apical else low - 4
        placement = Placement(
            standard,
            float(standard.anchor_x_mm + rng.normal(0, 7)),
            float(rng.uniform(low, high + 4)),
            rotation_deg=float(rng.uniform(-15, 15)),
            tilt_deg=float(rng.uniform(-15, 15)),
            foreshortening_deg=float(rng.normal(0, 3)),
            mirrored=bool(rng.random() < 0.2) and standard.incline_deg == 0,
        )
    if standard.aside:
        aside = standard.aside * case.shape.lvidd_mm * (-1 if placement.mirrored else 1)
        placement = replace(placement, anchor_x_mm=placement.anchor_x_mm + aside)
    if not standard.window.apical:
        before = -float(heart_points(case.heart(placement.view.name), placement)[:, 1].min())
        placement = replace(placement, anchor_depth_mm=placement.anchor_depth_mm + before)
    return placement


def heart_points(heart: Heart, placement: Placement) -> Array:
    """Where the heart is near the beams through the anchor: ``[N, 2]``, X and depth beyond the anchor, in mm.

    With a target it is what lies around that, its vessels included, and what is far behind does not count.
    """
    plane = cut(heart, replace(placement, anchor_depth_mm=0.0))
    target = placement.view.target
    last = _BEHIND_TARGET_MM * heart.shape.growth if target else 150.0
    across, depth = np.meshgrid(placement.anchor_x_mm + np.linspace(-25, 25, 3), np.arange(-150.0, last, 2.0))
    image = np.stack([across.ravel(), depth.ravel()], axis=1)
    f = anatomy.fields(heart, plane.to_heart(image))
    return np.asarray(image[np.minimum(f.outside, f.vessel) < 0])


def _depth_mm(case: Case, placement: Placement, rng: np.random.Generator) -> float:
    """How deep the picture reaches: past the atria in apical views, of which it may cut a part, or past the heart."""
    easy, through = case.preset == "easy", placement.anchor_depth_mm
    if not placement.view.window.apical:
        points = heart_points(case.heart(placement.view.name), placement) + np.array([0.0, through])
        far = float(np.hypot(points[:, 0], points[:, 1]).max())
        return float(np.clip(far + (15 if easy else rng.uniform(4, 45)), 80, 240))
    through, atrium = through + case.shape.length_mm, case.shape.la_length_mm
    if easy:
        return float(np.clip(through + atrium + 12, 125, 210))
    cropped = rng.random() < 0.3
    beyond = rng.uniform(0.25, 0.9) * atrium if cropped else atrium * 1.05 + rng.uniform(2, 24)
    return float(np.clip(through + beyond, 80, 230))


def draw_conditions(case: Case, placement: Placement, rng: np.random.Generator) -> Conditions:
    u, liver = rng.uniform, placement.view.window.liver
    depth = _depth_mm(case, placement, rng)
    if case.preset == "easy":
        return Conditions(
            depth,
            haze=0.1,
            clutter=0.3,
            noise_db=-68,
            shadows=0,
            dropouts=0,
            gain_field_db=1.0,
            edge_loss_db=2.0,
            liver_db=-4.0 if liver else None,
        )
    return Conditions(
        depth_mm=depth,
        haze=float(u(0, 1) ** 1.5),
        clutter=u(0.2, 1.3),
        noise_db=u(-85, -56),
        shadows=int(rng.integers(0, 4)),
        dropouts=int(rng.integers(0, 4)),
        gain_field_db=u(1.5, 5),
        tgc_error_db=u(1, 3),
        edge_loss_db=u(2, 12),
        texture_db=u(1.2, 3.6),
        background_db=u(-32, -8),
        background_variation_db=u(3, 8),
        left_darkness_db=u(-18, 4),
        right_darkness_db=u(-22, 2),
        trabeculation=u(0.1, 1.0),
        sidelobe=u(0, 0.04),
        liver_db=u(-12, 2) if liver else None,
    )
