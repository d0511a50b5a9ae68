"""Which frames of a clip are shown as stills, and what is said below them."""

from __future__ import annotations

from collections.abc import Iterable

from ..analysis.clip_analysis import ClipResult
from .curve_values import frame_value
from .display_names import with_unit
from .report_data import StudyReport

_PHASES = {"ED": "End-diastole", "ES": "End-systole", "max LA": "Largest left atrium"}


def role(clip: ClipResult, frame: int) -> str:
    """What a frame is in the beats of its clip: ``ED``, ``ES``, ``max LA`` or ``frame``."""
    if frame in {end for beat in clip.beats for end in (beat.ed, beat.next_ed)}:
        return "ED"
    if frame in {beat.es for beat in clip.beats}:
        return "ES"
    return "max LA" if clip.atrium is not None and frame in clip.atrium.frames else "frame"


def still_frames(report: StudyReport, clip: ClipResult) -> list[int]:
    """Every frame of ``clip`` that a link may lead to; the first where there is none.

    A wall is the median over a few frames and its caliper drawn in one of them: that one stands for all.
    """
    drawn = {end for beat in clip.beats for end in (beat.ed, beat.es)}
    used = set(report.frames_used(clip.id))
    if clip.walls is not None:
        drawn |= {item.frame for item in clip.calipers}
        used &= drawn | {beat.next_ed for beat in clip.beats}
    return sorted(frame for frame in used | drawn if frame is not None) or [0]


def still_caption(clip: ClipResult, frame: int) -> str:
    """What a still shows: its moment, and what was measured in it."""
    moment = _PHASES.get(role(clip, frame))
    parts = [f"Frame {frame}"] if moment is None else [moment, f"frame {frame}"]
    if clip.cine.times.seconds is not None:
        parts.append(f"{clip.cine.times.seconds[frame]:.3f} s")
    calipers = list(_calipers(clip, frame))
    found = calipers or [*frame_value(clip, frame), *_atrium(clip, frame)]
    return ", ".join(parts) + (f": {', '.join(found)}" if found else "")


def _calipers(clip: ClipResult, frame: int) -> Iterable[str]:
    for item in clip.calipers:
        if item.frame == frame:
            yield item.name if item.length_mm is None else f"{item.name} {with_unit(item.length_mm, 'mm')}"


def _atrium(clip: ClipResult, frame: int) -> Iterable[str]:
    atrium = clip.atrium
    if atrium is not None and atrium.scale.known and frame in atrium.frames:
        shape = atrium.shapes[atrium.frames.index(frame)]
        yield f"left atrium {with_unit(shape.disk_volume, 'mL')}"
