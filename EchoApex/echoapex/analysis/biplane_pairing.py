"""Which A4C and which A2C clip of a study stand for it together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from ..measure.beats import frame_rate_doubts
from ..measure.left_atrium import LAResult
from ..measure.single_plane_ef import LVResult
from ..measure.wall_thickness import WallResult
from .clip_analysis import ClipResult

A4C, A2C = "A4C", "A2C"


def best_pair(clips: Sequence[ClipResult]) -> tuple[LVResult, LVResult] | None:
    """The A4C and A2C that stand for the study; None unless there is a clip of each view with a beat and volumes.

    A clip with enough frames a second and a complete beat goes before one without. Then the best of: least confidence
    of both, less the larger share of foreshortening, where a long axis at end-diastole that is shorter than the longest
    of the study is foreshortened by that share. Both are shares of one, and weigh alike (our choice).
    """
    pairs = _pairs(clips)
    if not pairs:
        return None
    longest = max(_length(lv) for pair in pairs for lv in pair)
    poor = {clip.id for clip in clips if _is_poor(clip)}

    def rank(pair: tuple[LVResult, LVResult]) -> tuple[int, float]:
        return -sum(lv.clip in poor for lv in pair), min(map(sure, pair)) - max(
            1.0 - _length(lv) / longest for lv in pair
        )

    return max(pairs, key=rank)


def _is_poor(clip: ClipResult) -> bool:
    return bool(frame_rate_doubts(clip.cine.times)) or not any(beat.complete for beat in clip.beats)


def _pairs(clips: Sequence[ClipResult]) -> list[tuple[LVResult, LVResult]]:
    found = [clip.lv for clip in clips if clip.lv is not None and clip.lv.beats and clip.lv.volume_ml is not None]
    return list(product((lv for lv in found if lv.view == A4C), (lv for lv in found if lv.view == A2C)))


def _length(lv: LVResult) -> float:
    """Mean long axis at end-diastole in mm."""
    axes = [lv.axes[beat.ed] for beat in lv.beats]
    return float(np.mean([axis.length for axis in axes if axis is not None]))


def pair_note(clips: Sequence[ClipResult], pair: tuple[LVResult, LVResult] | None) -> tuple[str, ...]:
    """Which clips the biplane values come from, and among how many pairs they were chosen."""
    if pair is None:
        return ()
    note = f"Biplane volumes and EF come from clips {pair[0].clip} and {pair[1].clip}"
    possible = len(_pairs(clips))
    return (f"{note}, the surest and least foreshortened of {possible} pairs" if possible > 1 else note,)


def sure(result: LVResult | LAResult | WallResult) -> float:
    """The least confidence of what was measured, 0 where it is not known."""
    return min((item.confidence for item in result.measurements if item.confidence is not None), default=0.0)
