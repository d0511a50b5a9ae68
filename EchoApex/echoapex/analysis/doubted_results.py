"""Doubts about a whole clip, said on each of its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from ..measure.left_atrium import LAResult
from ..measure.measurement import Measurement
from ..measure.root_and_atrium import RootResult
from ..measure.single_plane_ef import LVResult
from ..measure.wall_thickness import WallResult

_Result = TypeVar("_Result", LVResult, WallResult, LAResult, RootResult)


def doubted(result: _Result, doubts: tuple[str, ...]) -> _Result:
    """``result`` with ``doubts`` on each of its numbers too, so that whatever is made of them tells them."""
    return replace(result, measurements=told(result.measurements, doubts), warnings=(*doubts, *result.warnings))


def told(items: Iterable[Measurement], doubts: tuple[str, ...]) -> tuple[Measurement, ...]:
    """``items`` with ``doubts`` before their own warnings."""
    return tuple(replace(item, warnings=(*doubts, *item.warnings)) for item in items)
