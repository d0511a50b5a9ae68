"""Which A4C and which A2C clip of a study stand for it together: only clips recorded at one stage in one way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from ..cine import Setting
from ..measure.beats import frame_rate_doubts
from ..measure.left_atrium import LAResult
from ..measure.single_plane_ef import LVResult
from ..measure.wall_thickness import WallResult
from .clip_analysis import ClipResult

A4C, A2C = "A4C", "A2C"


def best_pair(clips: Sequence[ClipResult]) -> tuple[LVResult, LVResult] | None:
    """The A4C and A2C that stand for the study; None unless there is a clip of each view with a beat and volumes.

    Both are of one `Setting` (stage, contrast, probe), one at rest before others. A clip with enough frames a second
    and a complete beat goes before one without, and clips of one protocol before those of two. Then the best of: least
    confidence of both, less the larger share of foreshortening, where a long axis at end-diastole that is shorter than
    the longest of the study is foreshortened by that share. Both are shares of one, and weigh alike (our choice).
    """
    pairs = _pairs(clips)
    if not pairs:
        return None
    longest = max(_length(lv) for pair in pairs for lv in pair)
    poor = {clip.id for clip in clips if _is_poor(clip)}
    usual = {clip.id for clip in clips if clip.cine.setting.usual}

    def rank(pair: tuple[LVResult, LVResult]) -> tuple[bool, int, bool, float]:
        worth = min(map(sure, pair)) - max(1.0 - _length(lv) / longest for lv in pair)
        alike = len(_protocols(clips, pair)) == 1
        return pair[0].clip in usual, -sum(lv.clip in poor for lv in pair), alike, worth

    return max(pairs, key=rank)


def _protocols(clips: Sequence[ClipResult], pair: tuple[LVResult, LVResult]) -> list[str]:
    """The names of the protocols of a pair, each once; empty for a clip whose file names none."""
    of_clip = {clip.lv.clip: clip.cine.setting.protocol for clip in clips if clip.lv is not None}
    return list({of_clip[lv.clip].casefold(): of_clip[lv.clip] for lv in pair}.values())


def _is_poor(clip: ClipResult) -> bool:
    return bool(frame_rate_doubts(clip.cine.times)) or not any(beat.complete for beat in clip.beats)


def _pairs(clips: Sequence[ClipResult]) -> list[tuple[LVResult, LVResult]]:
    return [pair for alike in by_setting(clips) for pair in product(_measured(alike, A4C), _measured(alike, A2C))]


def _measured(clips: Sequence[ClipResult], view: str) -> list[LVResult]:
    found = [clip.lv for clip in clips if clip.lv is not None and clip.lv.beats and clip.lv.volume_ml is not None]
    return [lv for lv in found if lv.view == view]


def by_setting(clips: Sequence[ClipResult]) -> list[list[ClipResult]]:
    """The clips that may be taken together: those of one setting each, recorded in the usual way first."""
    groups: dict[Setting, list[ClipResult]] = {}
    for clip in clips:
        groups.setdefault(clip.cine.setting, []).append(clip)
    return [groups[setting] for setting in sorted(groups, key=lambda item: (not item.usual, item.contrast))]


def setting_notes(clips: Sequence[ClipResult]) -> tuple[str, ...]:
    """Which clips were recorded how, where not all are of one setting or it is not the usual one."""
    groups = by_setting(clips)
    if all(group[0].cine.setting == Setting() for group in groups):
        return ()
    listed = "; ".join(f"{group[0].cine.setting}: {', '.join(clip.id for clip in group)}" for group in groups)
    return (f"The clips were recorded {listed}. Only clips recorded alike are taken together",)


def setting_obstacle(clips: Sequence[ClipResult]) -> str:
    """Why A4C and A2C clips that were both measured make no pair, empty where their settings are not the reason."""
    views = (A4C, A2C)
    if _pairs(clips) or not all(_measured(clips, view) for view in views):
        return ""
    how = ", ".join(
        f"{view} {' and '.join(dict.fromkeys(str(clip.cine.setting) for clip in clips if clip.view == view))}"
        for view in views
    )
    return f"no {A4C} and {A2C} clips were recorded at the same stage and in the same way: {how}"


def _length(lv: LVResult) -> float:
    """Mean long axis at end-diastole in mm."""
    axes = [lv.axes[beat.ed] for beat in lv.beats]
    return float(np.mean([axis.length for axis in axes if axis is not None]))


def pair_note(clips: Sequence[ClipResult], pair: tuple[LVResult, LVResult] | None) -> tuple[str, ...]:
    """Which clips the biplane values come from, and among how many pairs they were chosen."""
    if pair is None:
        return ()
    setting = next(clip.cine.setting for clip in clips if clip.id == pair[0].clip)
    one_way = all(clip.cine.setting == Setting() for clip in clips)
    how = "" if one_way else f", both recorded {setting}"
    note = f"Biplane volumes and EF come from clips {pair[0].clip} and {pair[1].clip}{how}"
    possible = len(_pairs(clips))
    if possible > 1:
        note = f"{note}, the surest and least foreshortened of {possible} pairs"
    return (note, *_protocol_note(_protocols(clips, pair)))


def _protocol_note(protocols: Sequence[str]) -> tuple[str, ...]:
    if len(protocols) < 2:
        return ()
    named = " and ".join(f"'{name}'" if name else "one that is not named" for name in protocols)
    return (
        f"The clips of the biplane values were recorded with different protocols ({named}) at one stage, and no pair "
        "of one protocol stands before them: whether they show the same state of the heart is not known",
    )


def sure(result: LVResult | LAResult | WallResult) -> float:
    """The least confidence of what was measured, 0 where it is not known."""
    return min((item.confidence for item in result.measurements if item.confidence is not None), default=0.0)
