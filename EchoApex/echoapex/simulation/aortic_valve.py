"""The aortic valve that is stenosed, or thick without being so: its grade, how it is drawn, and its cusps.

``HeartShape.aortic_area_cm2`` is the area between the inner faces of the cusps at their widest. Grades by area are of
Baumgartner et al., EACVI/ASE 2017, JASE 30:372: mild over 1.5, moderate 1.0 to 1.5, severe below 1.0 cm2. Cusps
then lie as far apart as a round opening of this area is wide: 8 to 11 mm in severe, 11 to 14 mm in moderate stenosis,
where Weyman et al., Circulation 1975;52:828, saw 4 to 11 and 9 to 15 mm, 14 to 20 mm in mild stenosis and 15 to 26 mm
in none. All other sizes are choices of this project.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from .heart import PARASTERNAL_AZIMUTH_DEG, Array, Heart, HeartShape
from .heart_places import LEFT_OF_ROOT, SINUS_RISE_MM, TO_ROOT, UP, root_center, root_distance
from .valves import AORTIC_FACING, bezier
from .view_planes import Placement

THICK_RADIUS = 0.46
"""Radius of the ring that cusps hang on, as a share of the root's diameter."""

_POINTS = 20
_LAYER_MM = 0.9
_ECHO = 0.25
"""Strength of scatterers in layers so far apart that is about as bright as muscle."""
_QUICK_S, _SLOW_S, _FREE_CM2 = 0.02, 0.08, 3.0
"""Time that a free valve takes to open (as `VolumeCurve.aortic_opening`), what is added when none of its area is left,
and the area of a free one."""
_NOT_BEYOND_CM2 = 2.0
"""No stenosis from this area on: guidelines tell none from mild by velocity, which is not simulated."""


class AorticStenosis(IntEnum):
    """Grade of a stenosis by the area of the valve."""

    NONE = 0
    MILD = 1
    MODERATE = 2
    SEVERE = 3


_DRAWN: dict[AorticStenosis, dict[str, tuple[float, float]]] = {
    AorticStenosis.NONE: dict(aortic_area_cm2=(2.5, 3.5), cusp_mm=(1.5, 3.0), calcium_db=(-2, 4)),
    AorticStenosis.MILD: dict(aortic_area_cm2=(1.55, 1.95), cusp_mm=(2.0, 3.5), calcium_db=(0, 7)),
    AorticStenosis.MODERATE: dict(aortic_area_cm2=(1.0, 1.5), cusp_mm=(2.5, 4.5), calcium_db=(2, 10)),
    AorticStenosis.SEVERE: dict(aortic_area_cm2=(0.5, 0.98), cusp_mm=(3.5, 6.0), calcium_db=(5, 13)),
}


def stenosis_of(shape: HeartShape) -> AorticStenosis:
    """The grade of a heart's aortic stenosis; a child's by the area that its valve grows to."""
    area = shape.aortic_area_cm2
    if area == 0 or area >= _NOT_BEYOND_CM2:
        return AorticStenosis.NONE
    if area > 1.5:
        return AorticStenosis.MILD
    return AorticStenosis.MODERATE if area >= 1.0 else AorticStenosis.SEVERE


def draw_valve(grade: AorticStenosis, rng: np.random.Generator) -> dict[str, float]:
    """Fields of a `HeartShape` for thick cusps of a ``grade``; those of `AorticStenosis.NONE` are sclerotic alone."""
    return {name: float(rng.uniform(*span)) for name, span in _DRAWN[grade].items()}


def largest_area_cm2(root_mm: float) -> float:
    """What thick cusps in a root of this diameter can open to."""
    return float(1.75 * np.sqrt(3) * (THICK_RADIUS * root_mm) ** 2 / 100)


def opening(heart: Heart, phase: float) -> float:
    """How far thick cusps are open, 0 to 1: the narrower, the slower."""
    curve, period = heart.curve, 60 / heart.shape.heart_rate
    lost = max(0.0, 1 - heart.shape.aortic_area_cm2 / _FREE_CM2)
    start, end = curve.ejection_phase, curve.es_phase
    opened = min(start + (_QUICK_S + _SLOW_S * lost) / period, (start + end) / 2)
    closing = end - min(_QUICK_S / period, (end - start) / 4)
    return float(np.interp(phase % 1.0, [start, opened, closing, end], [0, 1, 0.9, 0]))


def opening_mm2(heart: Heart, phase: float) -> float:
    """The area between thick cusps at ``phase``."""
    return 100 * heart.shape.aortic_area_cm2 * opening(heart, phase)


def thick_cusps(heart: Heart, placement: Placement, phase: float) -> list[tuple[Array, float]]:
    """Thick aortic cusps at ``phase``: heart points ``[N, 3]`` and the strength of their echo, as `leaflets` gives it.

    Calcium is seen whatever an acquisition makes of thin leaflets. Empty where there is none, or in other views.
    """
    shape = heart.shape
    if shape.aortic_area_cm2 == 0:
        return []
    if shape.growth != 1:
        return [(shape.growth * curve, strength) for curve, strength in thick_cusps(heart.grown, placement, phase)]
    strength = _ECHO * 10 ** (shape.calcium_db / 20)
    return [(curve, strength) for curve in _curves(heart, placement, phase)]


def _curves(heart: Heart, placement: Placement, phase: float) -> list[Array]:
    view = placement.view
    if view.target == "aortic valve":
        return _short_axis(heart, phase)
    azimuth = np.deg2rad(view.azimuth_deg + placement.rotation_deg - PARASTERNAL_AZIMUTH_DEG)
    if view.target or view.roll_deg != 0 or np.cos(azimuth) <= AORTIC_FACING:
        return []
    return _long_axis(heart, phase)


def _long_axis(heart: Heart, phase: float) -> list[Array]:
    """Two cusps from the wall of the root to the opening; they are thick towards the wall."""
    ring = np.array([[0.0, heart.shape.length_mm + 1.0, 0.0]]) + root_distance(heart) * TO_ROOT
    center = heart.move(ring, phase)[0]
    half, inner = THICK_RADIUS * heart.shape.root_mm, float(np.sqrt(opening_mm2(heart, phase) / np.pi))
    t, rise = np.linspace(0, 1, _POINTS)[:, None], 5.0 + 6.0 * opening(heart, phase)
    cusps = []
    for side in (1, -1):
        line = center + side * (half + (inner - half) * t) * TO_ROOT + t * rise * UP
        away = rise * side * TO_ROOT + (half - inner) * UP
        cusps.append(_layers(line, away / np.linalg.norm(away), heart.shape.cusp_mm))
    return cusps


def _short_axis(heart: Heart, phase: float) -> list[Array]:
    """Three cusps around the opening, and the seams between them, from its corners to the wall of the root."""
    center = heart.move(root_center(heart, SINUS_RISE_MM)[None], phase)[0]
    corners, posts, controls = orifice(heart, phase)
    curves, thickness = [], heart.shape.cusp_mm
    for index in range(3):
        one, after = corners[index], corners[(index + 1) % 3]
        outward = posts[index] + posts[(index + 1) % 3]
        edge = bezier(one, controls[index], after, _POINTS)
        curves.append(_layers(edge, outward / np.linalg.norm(outward), thickness))
        seam = np.linspace(one, posts[index], _POINTS)
        across = np.array([-posts[index][1], posts[index][0]]) / np.linalg.norm(posts[index])
        curves.append(_layers(seam - 0.5 * thickness * across, across, thickness))
    return [center + curve[:, :1] * LEFT_OF_ROOT + curve[:, 1:] * TO_ROOT for curve in curves]


def orifice(heart: Heart, phase: float) -> tuple[Array, Array, Array]:
    """The opening in the short axis: corners, posts on the wall and Bezier controls between corners, ``[3, 2]`` in mm.

    A triangle whose corners reach for the posts; once they are there its sides bow out. Its area is `opening_mm2`.
    """
    area, ring = opening_mm2(heart, phase), THICK_RADIUS * heart.shape.root_mm
    turns = np.deg2rad([90.0, 210.0, 330.0])
    toward = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    reach = min(ring, float(np.sqrt(area / (0.75 * np.sqrt(3)))))
    # Three curves from corner to corner enclose sqrt(3) (reach control + reach^2 / 4).
    control = 0.0 if reach == 0 else (area / np.sqrt(3) - reach**2 / 4) / reach
    middle = toward + np.roll(toward, -1, axis=0)
    return reach * toward, ring * toward, control * middle / np.linalg.norm(middle, axis=1, keepdims=True)


def _layers(curve: Array, away: Array, thickness: float) -> Array:
    """A curve ``[N, 2 or 3]`` and its likes beside it, up to a ``thickness`` in the direction ``away``."""
    steps = np.linspace(0, thickness, 1 + int(np.ceil(thickness / _LAYER_MM)))
    return np.concatenate([curve + step * away for step in steps])
