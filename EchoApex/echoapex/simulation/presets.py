"""The committed presets: how hearts, machines and acquisitions are drawn from a seed.

``easy`` is a normal heart in a clean picture; ``hard`` has uniform walls (6-17 mm), LVIDd (35-70 mm) and EF (15-78 %),
so that a constant predicts nothing, a quarter of them with a wall that lags behind, seen by four machines with
everything that goes wrong; ``shifted`` has a machine
and a pathology family (pericardial effusion with a large right heart) that training never sees.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ..errors import EchoApexError
from . import anatomy
from .heart import Array, Heart, HeartShape
from .vendor_looks import Conditions, Look
from .view_planes import VIEWS, Placement, cut

PRESETS = ("easy", "hard", "shifted")
TEST_SEEDS = range(900_000, 901_000)
"""Seeds kept for tests and evaluation; training refuses them."""

_LOOK_RANGES: dict[str, dict[str, tuple[float, float]]] = {
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
_LIMITS: dict[str, tuple[float, float]] = {
    "lvidd_mm": (20, 90),
    "length_mm": (40, 140),
    "ivsd_mm": (3, 30),
    "lvpwd_mm": (3, 30),
    "ef": (0.05, 0.85),
    "heart_rate": (20, 200),
    "stunned": (0, 1),
}
"""Hearts outside these are refused (own choice); ``ef`` as a fraction."""

_STUNNED_SHARE = 0.25
"""How many hearts of ``hard`` and ``shifted`` have a regional wall motion abnormality (own choice)."""

_TRAINING_LOOKS = ("aster", "birch", "cedar", "dune")
_SHIFTED_LOOK = "ember"


@dataclass(frozen=True)
class Case:
    """One simulated patient and machine; clips are drawn from it view by view."""

    preset: str
    seed: int
    shape: HeartShape
    look: Look

    def heart(self) -> Heart:
        """The heart of this case."""
        return Heart(self.shape)


def draw_case(preset: str, seed: int, **overrides: float) -> Case:
    """A case from a seed. ``overrides`` fix fields of `HeartShape` (``ef`` as a fraction) or ``edv_ml``.

    With ``edv_ml`` the long axis is solved for it; with ``ef`` the shortening follows from it. Raises `EchoApexError`
    for an unknown preset or impossible heart.
    """
    if preset not in PRESETS:
        raise EchoApexError(f"A preset is one of {', '.join(PRESETS)}", value=preset)
    rng = np.random.default_rng([seed, 1])
    shape = _draw_shape(preset, rng)
    edv = overrides.pop("edv_ml", None)
    known = {f.name for f in fields(HeartShape)}
    unknown = set(overrides) - known
    if unknown:
        raise EchoApexError(f"A heart has {', '.join(sorted(known))}", value=", ".join(sorted(unknown)))
    changes: dict[str, Any] = dict(overrides)
    shape = _checked(replace(shape, **changes))
    if "ef" in overrides and "shortening" not in overrides:
        shape = replace(shape, shortening=float(np.clip(0.24 * shape.ef, 0.02, 0.21)))
    if edv is not None:
        shape = _with_volume(shape, edv)
    return Case(preset, seed, shape, _draw_look(preset, rng))


def check_view(view: str) -> None:
    """Raises `EchoApexError` for a view that cannot be simulated."""
    if view not in VIEWS:
        raise EchoApexError(f"A view that can be simulated is one of {', '.join(VIEWS)}", value=view)


def draw_placement(case: Case, view: str, clip: int = 0) -> tuple[Placement, Conditions]:
    """How the ``clip``-th acquisition of ``view`` came out: placement and conditions, from the case's seed."""
    check_view(view)
    rng = np.random.default_rng([case.seed, 2, list(VIEWS).index(view), clip])
    placement = _draw_placement(case, view, rng)
    return placement, _draw_conditions(case, placement, rng)


def _draw_shape(preset: str, rng: np.random.Generator) -> HeartShape:
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
    if rng.random() < _STUNNED_SHARE:
        shape = replace(shape, stunned=u(0.4, 1.0), stunned_level=u(0.1, 0.8), stunned_azimuth_deg=u(0, 360))
    if preset == "shifted":
        shape = replace(shape, effusion_mm=u(6, 20), rv_width_mm=u(40, 56), ra_width_mm=u(44, 62))
    return shape


def _with_volume(shape: HeartShape, edv_ml: float) -> HeartShape:
    # At a fixed diameter the volume is proportional to the length.
    per_mm = Heart(shape).edv_ml / shape.length_mm
    low, high = (limit * per_mm for limit in _LIMITS["length_mm"])
    if not low <= edv_ml <= high:
        rule = f"With an LVIDd of {shape.lvidd_mm:.1f} mm this heart needs an EDV from {low:.0f} to {high:.0f} mL"
        raise EchoApexError(rule, value=edv_ml)
    return replace(shape, length_mm=edv_ml / per_mm)


def _checked(shape: HeartShape) -> HeartShape:
    for field in fields(HeartShape):
        value, (low, high) = getattr(shape, field.name), _LIMITS.get(field.name, (-np.inf, np.inf))
        if not (low <= value <= high and np.isfinite(value)):
            # EF is a fraction here and in percent wherever a user meets it.
            by, unit = (100, " %") if field.name == "ef" else (1, "")
            words = (
                f"{field.name} from {by * low:g} to {by * high:g}{unit}" if field.name in _LIMITS else "finite sizes"
            )
            raise EchoApexError(f"A simulated heart needs {words}", value=f"{field.name} {by * value:g}{unit}")
    return shape


def _draw_look(preset: str, rng: np.random.Generator) -> Look:
    if preset == "easy":
        return Look("aster", 3.2, 2.2, 1.2, 80.0, 60.0, 1.0, 0.5, 0.2, 21.0)
    name = _SHIFTED_LOOK if preset == "shifted" else str(rng.choice(_TRAINING_LOOKS))
    r = _LOOK_RANGES[name]
    f, c, b, w, d, g, s, p = (float(rng.uniform(*r[key])) for key in "fcbwdgsp")
    apex = float(rng.uniform(8, 25)) if preset == "shifted" else float(rng.choice([0.0, 0.0, 0.0, rng.uniform(3, 12)]))
    return Look(name, f, c, b, w, d, g, s, p, float(rng.uniform(15, 30)), apex)


def _draw_placement(case: Case, view: str, rng: np.random.Generator) -> Placement:
    standard = VIEWS[view]
    low, high = standard.anchor_depth_mm
    if case.preset == "easy":
        placement = Placement(
            standard, standard.anchor_x_mm, float(rng.uniform(low, high)), tilt_deg=float(rng.normal(0, 3))
        )
    else:
        # What lies before the heart can be little, but not less than nothing.
        low = low - 4 if standard.from_surface else low - 5
        placement = Placement(
            standard,
            float(standard.anchor_x_mm + rng.normal(0, 7)),
            float(rng.uniform(low, high + 4)),
            rotation_deg=float(rng.uniform(-15, 15)),
            tilt_deg=float(rng.uniform(-15, 15)),
            foreshortening_deg=float(rng.normal(0, 3)),
            mirrored=bool(rng.random() < 0.2) and standard.incline_deg == 0,
        )
    if standard.from_surface:
        before = -float(_heart_points(case.heart(), placement)[:, 1].min())
        placement = replace(placement, anchor_depth_mm=placement.anchor_depth_mm + before)
    return placement


def _heart_points(heart: Heart, placement: Placement) -> Array:
    """Where the heart is near the beams through the anchor: ``[N, 2]``, X and depth beyond the anchor, in mm."""
    plane = cut(heart, replace(placement, anchor_depth_mm=0.0))
    across, depth = np.meshgrid(placement.anchor_x_mm + np.linspace(-25, 25, 3), np.arange(-150.0, 150.0, 2.0))
    image = np.stack([across.ravel(), depth.ravel()], axis=1)
    return np.asarray(image[anatomy.fields(heart, plane.to_heart(image)).outside < 0])


def _depth_mm(case: Case, placement: Placement, rng: np.random.Generator) -> float:
    """How deep the picture reaches: past the atria in apical views, of which it may cut a part, or past the heart."""
    easy, through = case.preset == "easy", placement.anchor_depth_mm
    if placement.view.from_surface:
        points = _heart_points(case.heart(), placement) + np.array([0.0, through])
        far = float(np.hypot(points[:, 0], points[:, 1]).max())
        return float(np.clip(far + (15 if easy else rng.uniform(4, 45)), 80, 240))
    through, atrium = through + case.shape.length_mm, case.shape.la_length_mm
    if easy:
        return float(np.clip(through + atrium + 12, 125, 210))
    cropped = rng.random() < 0.3
    beyond = rng.uniform(0.25, 0.9) * atrium if cropped else atrium * 1.05 + rng.uniform(2, 24)
    return float(np.clip(through + beyond, 80, 230))


def _draw_conditions(case: Case, placement: Placement, rng: np.random.Generator) -> Conditions:
    u, liver = rng.uniform, placement.view.liver
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
