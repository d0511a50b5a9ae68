"""The committed presets: how hearts, machines and acquisitions are drawn from a seed.

``easy`` is a normal heart in a clean picture; ``hard`` has uniform walls (6-17 mm), LVIDd (35-70 mm) and EF (15-78 %),
so that a constant predicts nothing, a quarter of them with a wall that lags behind, some of them children's, in real
shapes, borders and sectors, seen by four machines with everything that goes wrong; ``shifted`` has a machine and a
pathology family (pericardial effusion with a large right heart) that training never sees. ``hard-1`` and ``shifted-1``
are those two as they were first: bodies of revolution with full walls.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..errors import EchoApexError
from . import first_hearts, real_hearts
from .aortic_valve import largest_area_cm2
from .case import Case
from .heart import Heart, HeartShape
from .vendor_looks import Conditions
from .view_planes import VIEWS, Placement

__all__ = ["PRESETS", "TEST_SEEDS", "Case", "check_view", "draw_case", "draw_placement"]

PRESETS = ("easy", "hard", "shifted", "hard-1", "shifted-1")
_REAL = ("hard", "shifted")
TEST_SEEDS = range(900_000, 901_000)
"""Seeds kept for tests and evaluation; training refuses them."""

_ZOOM_MM = (26.0, 40.0)
"""Half the width of a zoomed picture (own choice)."""

_LIMITS: dict[str, tuple[float, float]] = {
    "lvidd_mm": (20, 90),
    "length_mm": (40, 140),
    "ivsd_mm": (3, 30),
    "lvpwd_mm": (3, 30),
    "ef": (0.05, 0.85),
    "heart_rate": (20, 200),
    "stunned": (0, 1),
    "septal_straightness": (0, 0.8),
    "trabecular_apex": (0, 0.2),
    "trabecular_lateral": (0, 0.2),
    "trabecular_septum": (0, 0.2),
    "growth": (0.25, 1),
    "aortic_area_cm2": (0, 6),
    "cusp_mm": (0, 8),
    "calcium_db": (-20, 20),
}
"""Hearts outside these are refused (own choice), children's at the size they grow to; ``ef`` as a fraction."""


def draw_case(preset: str, seed: int, **overrides: float) -> Case:
    """A case from a seed. ``overrides`` fix fields of `HeartShape` (``ef`` as a fraction) or ``edv_ml``.

    With ``edv_ml`` the long axis is solved for it; with ``ef`` the shortening follows from it; a heart of which a size
    is asked for is an adult's. Raises `EchoApexError` for an unknown preset or impossible heart.
    """
    if preset not in PRESETS:
        raise EchoApexError(f"A preset is one of {', '.join(PRESETS)}", value=preset)
    rng = np.random.default_rng([seed, 1])
    shape = (real_hearts if preset in _REAL else first_hearts).draw_shape(preset, rng)
    edv = overrides.pop("edv_ml", None)
    known = {f.name for f in fields(HeartShape)}
    unknown = set(overrides) - known
    if unknown:
        raise EchoApexError(f"A heart has {', '.join(sorted(known))}", value=", ".join(sorted(unknown)))
    changes: dict[str, Any] = dict(overrides)
    if preset in _REAL and edv is None and not any(name.endswith("_mm") for name in changes):
        shape = real_hearts.perhaps_a_childs(shape, seed)
    shape = _checked(replace(shape, **changes))
    if "ef" in overrides and "shortening" not in overrides:
        shape = replace(shape, shortening=float(np.clip(0.24 * shape.ef, 0.02, 0.21)))
    if edv is not None:
        shape = _with_volume(shape, edv)
    if preset in _REAL:
        return Case(preset, seed, shape, real_hearts.draw_look(preset, shape.growth, rng))
    return Case(preset, seed, shape, first_hearts.draw_look(preset, rng))


def check_view(view: str) -> None:
    """Raises `EchoApexError` for a view that cannot be simulated."""
    if view not in VIEWS:
        raise EchoApexError(f"A view that can be simulated is one of {', '.join(VIEWS)}", value=view)


def draw_placement(case: Case, view: str, clip: int = 0) -> tuple[Placement, Conditions]:
    """How the ``clip``-th acquisition of ``view`` came out: placement and conditions, from the case's seed."""
    check_view(view)
    rng = np.random.default_rng([case.seed, 2, list(VIEWS).index(view), clip])
    if case.preset in _REAL:
        placement, conditions = real_hearts.draw_placement(case, view, rng)
    else:
        placement = first_hearts.draw_placement(case, view, rng)
        conditions = first_hearts.draw_conditions(case, placement, rng)
    return placement, _zoomed(case, placement, conditions, rng) if VIEWS[view].zoomed else conditions


def _zoomed(case: Case, placement: Placement, conditions: Conditions, rng: np.random.Generator) -> Conditions:
    """What a zoomed display leaves around the anchor."""
    half = float(rng.uniform(*_ZOOM_MM)) * case.shape.growth
    return replace(
        conditions,
        depth_mm=placement.anchor_depth_mm + 0.9 * half,
        cut_left_mm=half - placement.anchor_x_mm,
        cut_right_mm=half + placement.anchor_x_mm,
        cut_top_mm=placement.anchor_depth_mm - 0.8 * half,
    )


def _with_volume(shape: HeartShape, edv_ml: float) -> HeartShape:
    # At a fixed diameter the volume is proportional to the length.
    per_mm = Heart(shape).edv_ml / shape.length_mm
    low, high = (limit * per_mm for limit in _LIMITS["length_mm"])
    if not low <= edv_ml <= high:
        rule = f"With an LVIDd of {shape.lvidd_mm:.1f} mm this heart needs an EDV from {low:.0f} to {high:.0f} mL"
        raise EchoApexError(rule, value=edv_ml)
    return replace(shape, length_mm=edv_ml / per_mm)


def _checked(shape: HeartShape) -> HeartShape:
    adult = shape.grown() if 0 < shape.growth < 1 else shape
    for field in fields(HeartShape):
        of = shape if field.name == "growth" else adult
        value, (low, high) = getattr(of, field.name), _LIMITS.get(field.name, (-np.inf, np.inf))
        if not (low <= value <= high and np.isfinite(value)):
            # EF is a fraction here and in percent wherever a user meets it.
            by, unit = (100, " %") if field.name == "ef" else (1, "")
            words = (
                f"{field.name} from {by * low:g} to {by * high:g}{unit}" if field.name in _LIMITS else "finite sizes"
            )
            raise EchoApexError(f"A simulated heart needs {words}", value=f"{field.name} {by * value:g}{unit}")
    most = largest_area_cm2(adult.root_mm)
    if adult.aortic_area_cm2 > most:
        rule = f"In a root of {adult.root_mm:.1f} mm thick aortic cusps open to at most {most:.1f} cm2"
        raise EchoApexError(rule, value=f"aortic_area_cm2 {adult.aortic_area_cm2:g}")
    return shape
