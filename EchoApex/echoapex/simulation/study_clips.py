"""Studies of one heart in several clips, with what machines and hands change from clip to clip, for learning from.

Walls and aortic valve are drawn for their own sake, independent of each other, so that neither tells of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .aortic_valve import AorticStenosis, draw_valve
from .case import Case
from .first_hearts import LOOK_RANGES
from .presets import draw_case
from .simulated_clip import SimulatedClip, simulate_clip
from .vendor_looks import Look, Sampling

_SHARES = {
    AorticStenosis.NONE: 0.4,
    AorticStenosis.MILD: 0.2,
    AorticStenosis.MODERATE: 0.2,
    AorticStenosis.SEVERE: 0.2,
}
_SCLEROTIC_SHARE = 0.4
"""How many valves without a stenosis are thick all the same."""
_WALL_MM, _LVIDD_MM, _UNLIKE_MM = (6.0, 17.0), (44.0, 54.0), 0.7
"""Walls far beyond normal ones, a diameter that is normal in men and women (ASE/EACVI 2015), and the standard deviation
of each wall from their mean: hypertrophy is concentric here."""


def draw_study_case(preset: str, seed: int) -> Case:
    """An adult of ``preset`` with walls and an aortic valve of the whole range; all else follows from the seed."""
    rng = np.random.default_rng([seed, 11])
    lvidd, wall = float(rng.uniform(*_LVIDD_MM)), rng.uniform(*_WALL_MM)
    ivsd, lvpwd = (float(value) for value in np.clip(wall + rng.normal(0, _UNLIKE_MM, 2), *_WALL_MM))
    sizes = dict(lvidd_mm=lvidd, length_mm=lvidd * float(rng.uniform(1.5, 1.9)), ivsd_mm=ivsd, lvpwd_mm=lvpwd)
    grade = AorticStenosis(int(rng.choice(list(_SHARES), p=list(_SHARES.values()))))
    thick = grade != AorticStenosis.NONE or rng.random() < _SCLEROTIC_SHARE
    return draw_case(preset, seed, **sizes, **(draw_valve(grade, rng) if thick else {}))


def study_clips(
    case: Case, views: Sequence[str], *, rows: int, columns: int, frames: int, every: int, sampling: Sampling
) -> list[SimulatedClip]:
    """A clip of so many ``frames`` for each of ``views``, which may name one twice, with every ``every``-th frame kept.

    The machine is one, its settings, the probe's place and the speckle are each clip's own.
    """
    clips = []
    for number, view in enumerate(views):
        seen = replace(case, look=_adjusted(case.look, np.random.default_rng([case.seed, 12, number])))
        size: dict[str, Any] = dict(rows=rows, columns=columns, max_frames=frames, every=every)
        # More beats than so many frames can reach over, so that each clip has all of them.
        clips.append(simulate_clip(seen, view, beats=float(frames * every), sampling=sampling, clip=number, **size))
    return clips


def _adjusted(look: Look, rng: np.random.Generator) -> Look:
    """The machine after some knobs were turned: gray curve, gain, compounding, and a sector made narrower."""
    ranges = LOOK_RANGES[look.name]
    span, gamma = (float(rng.uniform(*ranges[key])) for key in "dg")
    gray = float(rng.uniform(44, 104))
    return replace(
        look,
        dynamic_range_db=span,
        gamma=gamma,
        headroom_db=span * (1 - (gray / 255) ** (1 / gamma)),
        smoothing=float(rng.uniform(0.4, 3.6)),
        width_deg=look.width_deg * float(rng.uniform(0.8, 1.0)),
    )
