"""Lengths of the walls that a person has placed or confirmed, in the place of those that were found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..cine import Cine, FloatArray
from ..errors import EchoApexError
from ..measure.caliper_line import Caliper
from ..measure.derived_numbers import basis
from ..measure.measurement import Measurement
from ..measure.wall_steps_by_hand import WALL_STEPS, StepLength, measure_steps
from ..measure.wall_thickness import CURVES, WallResult

Point = tuple[float, float]

STEPS = tuple(step.name for step in WALL_STEPS)
"""``IVSd``, ``LVIDd``, ``LVPWd`` and ``LVIDs``."""

_OF_STEPS = (*STEPS, "FS", "RWT")


@dataclass(frozen=True)
class WallByHand:
    """One length between two ``ends`` ``(x, y)`` in pixels of ``frame``, which a person has placed or looked at."""

    frame: int
    ends: tuple[Point, Point]
    placed: bool = True
    confirmed: bool = False

    def check(self, cine: Cine) -> None:
        """Raises `EchoApexError` for a frame or a place that ``cine`` has not."""
        cine.check_frame(self.frame)
        for x, y in self.ends:
            if not (-0.5 <= x < cine.columns - 0.5 and -0.5 <= y < cine.rows - 0.5):
                raise EchoApexError("The ends of a wall must lie in the frame", value=f"{x:g}, {y:g}")

    def length(self, cine: Cine) -> float:
        """In mm, or in pixels without a scale."""
        y_mm, x_mm = cine.scale.mm_per_px or (1.0, 1.0)
        (x0, y0), (x1, y1) = self.ends
        return math.hypot((x1 - x0) * x_mm, (y1 - y0) * y_mm)


def with_walls_by_hand(clip: str, found: WallResult | None, given: Mapping[str, WallByHand], cine: Cine) -> WallResult:
    """What was ``found``, with the lengths of ``given`` by name (`STEPS`) and what is made of them.

    Where nothing was found there are no curves. They fit ``cine`` (`WallByHand.check`).
    """
    walls = found or _nothing(clip, cine)
    sizes = {name: item.length(cine) for name, item in given.items()}
    made = _measured(clip, walls, given, sizes, cine)
    hands = [Caliper(item.frame, name, *item.ends, _mm(sizes[name], cine)) for name, item in given.items()]
    return replace(
        walls,
        measurements=(*made, *(item for item in walls.measurements if item.name not in {one.name for one in made})),
        calipers=(*hands, *(caliper for caliper in walls.calipers if caliper.name not in given)),
        standard_deviations={name: sd for name, sd in walls.standard_deviations.items() if name not in given},
        withheld=tuple(reason for reason in walls.withheld if not set(reason.rule.split()) & given.keys()),
    )


def _measured(
    clip: str, walls: WallResult, given: Mapping[str, WallByHand], sizes: Mapping[str, float], cine: Cine
) -> tuple[Measurement, ...]:
    """The numbers that rest on a length by hand; such a length is sure."""
    found = {item.name: item for item in walls.measurements}
    lengths = {
        name: StepLength(item.value, item.sources[0].frames[0], item.warnings)
        for name, item in found.items()
        if name in STEPS and item.value is not None
    }
    for name, item in given.items():
        lengths[name] = StepLength(sizes[name], item.frame, (_told(name, item),))
    made = measure_steps(clip, lengths, cine.scale)
    return tuple(
        replace(item, confidence=min((_sure(part, found, given) for part in basis(item.name)), default=None))
        for item in made
        if item.name in _OF_STEPS and set(basis(item.name)) & given.keys()
    )


def _sure(name: str, found: Mapping[str, Measurement], given: Mapping[str, WallByHand]) -> float:
    return 1.0 if name in given else (found[name].confidence or 0.0) if name in found else 0.0


def _told(name: str, item: WallByHand) -> str:
    how = " and ".join(word for word, is_so in (("set by hand", item.placed), ("confirmed", item.confirmed)) if is_so)
    return f"{name} was {how}"


def _mm(size: float, cine: Cine) -> float | None:
    return size if cine.scale.known else None


def _nothing(clip: str, cine: Cine) -> WallResult:
    unknown: FloatArray = np.full(cine.frame_count, np.nan)
    curves = dict.fromkeys(CURVES, unknown)
    return WallResult(clip, "mm" if cine.scale.known else "px", curves, curves, (), (), (), (), {}, ())
