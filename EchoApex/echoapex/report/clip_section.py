"""One clip on the page: player, curve, each beat, the still of every frame a number comes from, facts and warnings."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ..analysis.clip_analysis import ClipResult
from ..structures import structures
from .beats_table import beat_table
from .curve_chart import Chart
from .curve_values import frame_value
from .display_names import VIEW_NAMES, view_origin
from .links_to_stills import still_id
from .outline_paths import CALIPER_COLOR, line_color
from .report_data import StudyReport, Truth

PLAYED_RATE = 25.0
"""Frames per second at which a clip is shown whose own rate is unknown; the page says so."""

_LINES = {
    "axis": ("#fff", "Long axis and annulus"),
    "caliper": ("#{:02x}{:02x}{:02x}".format(*CALIPER_COLOR), "Calipers"),
}


@dataclass(frozen=True)
class Still:
    """One frame as a picture: its ``file`` beside the page, its ``address`` in the page, and a ``caption``."""

    frame: int
    file: str
    address: str
    caption: str


@dataclass(frozen=True)
class ClipPictures:
    """What is shown of a clip: stills, the curve, and the player's frames and lines (no frames, no player)."""

    stills: tuple[Still, ...]
    chart: Chart | None
    size: tuple[int, int]
    frames: list[str]
    paths: dict[str, list[str]]


def clip_section(clip: ClipResult, pictures: ClipPictures, truth: Truth | None) -> str:
    """The section of one clip."""
    kind = "simulated" if clip.cine.simulated else "real"
    title = f"{escape(clip.id)} · {escape(VIEW_NAMES.get(clip.view, clip.view))}"
    facts = "".join(f"<li>{fact}</li>" for fact in _facts(clip))
    stills = "".join(_still(clip, item) for item in pictures.stills)
    return (
        f'<section class="clip" id="clip-{escape(clip.id)}"><h2>{title}<span class="badge">{kind}</span></h2>'
        f'<ul class="facts soft">{facts}</ul>{_missing(clip)}{_moving(clip, pictures, truth)}{beat_table(clip)}'
        f'<div class="stills">{stills}</div>{_warnings(clip)}</section>'
    )


def player_data(report: StudyReport, pictures: dict[str, ClipPictures]) -> str:
    """What the page's script needs, as JSON that cannot end the element it stands in."""
    data = [_player_record(clip, pictures[clip.id]) for clip in report.clips if pictures[clip.id].frames]
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _player_record(clip: ClipResult, pictures: ClipPictures) -> dict[str, Any]:
    seconds = clip.cine.times.seconds
    times = np.arange(clip.cine.frame_count) / PLAYED_RATE if seconds is None else seconds
    last = 1.0 / PLAYED_RATE if len(times) < 2 else float(np.median(np.diff(times)))
    chart = pictures.chart
    return {
        "id": clip.id,
        "frames": pictures.frames,
        "paths": pictures.paths,
        "times": times.tolist(),
        "duration": float(times[-1]) + last,
        "start": clip.beats[0].ed if clip.beats else 0,
        "captions": [_caption(clip, frame) for frame in range(clip.cine.frame_count)],
        "x": [] if chart is None else chart.x,
        "y": [] if chart is None else chart.y,
    }


def _caption(clip: ClipResult, frame: int) -> str:
    parts = [f"Frame {frame}"]
    if clip.cine.times.seconds is not None:
        parts.append(f"{clip.cine.times.seconds[frame]:.3f} s")
    return " · ".join([*parts, *frame_value(clip, frame)])


def _facts(clip: ClipResult) -> Iterable[str]:
    cine = clip.cine
    yield f"view <b>{escape(clip.view)}</b>: {escape(view_origin(clip))}"
    yield f"<b>{cine.frame_count}</b> frame{'s' if cine.frame_count > 1 else ''} of {cine.columns} × {cine.rows} px"
    rate = cine.times.frame_rate
    if rate is not None:
        yield f"<b>{rate:.1f}</b> frames/s ({escape(cine.times.source.value)})"
    elif cine.frame_count > 1:
        yield f"frame times unknown: {escape(cine.times.reason)}; played at {PLAYED_RATE:.0f} frames/s"
    if cine.scale.mm_per_px is None:
        yield f"<b>no scale</b>: {escape(cine.scale.reason)}"
    else:
        y, x = cine.scale.mm_per_px
        size = f"{x:.3f}" if x == y else f"{x:.3f} × {y:.3f}"
        yield f"<b>{size}</b> mm/px ({escape(cine.scale.source.value.replace('_', ' '))})"
    if cine.path is not None:
        yield f"file {escape(cine.path.name)}"
    if clip.origin:
        yield escape(clip.origin)


def _missing(clip: ClipResult) -> str:
    reasons = [*([] if clip.refusal is None else [clip.refusal]), *clip.not_measured]
    return "".join(f"<p><b>Not measured:</b> {escape(reason.rule)}{_value(reason.value)}.</p>" for reason in reasons)


def _value(value: object) -> str:
    return "" if value is None else f" ({escape(str(value))})"


def _moving(clip: ClipResult, pictures: ClipPictures, truth: Truth | None) -> str:
    """Player, curve and legend side by side; nothing where there is nothing to play."""
    if not pictures.frames:
        return ""
    dice = {} if truth is None else dict(truth.dice.get(clip.id, {}))
    return (
        f'<div class="views"><div class="player">{_player(clip, pictures)}</div>'
        f"<div>{_curve(pictures)}{_legend(clip, pictures, dice)}</div></div>"
    )


def _player(clip: ClipResult, pictures: ClipPictures) -> str:
    width, height = pictures.size
    lines = "".join(f'<path data-name="{escape(name)}"{_line_style(name)}/>' for name in pictures.paths)
    last = clip.cine.frame_count - 1
    label = escape(f"Frame of clip {clip.id}")
    return (
        f'<div class="picture"><canvas width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(f"Moving picture of clip {clip.id}, outlines drawn in")}"></canvas>'
        f'<svg viewBox="0 0 {width} {height}" aria-hidden="true">{lines}</svg></div>'
        '<div class="controls"><button type="button">Play</button>'
        f'<input type="range" min="0" max="{last}" value="0" aria-label="{label}"></div>'
        '<div class="readout soft"></div>'
    )


def _line_style(name: str) -> str:
    if name in _LINES:
        return f' class="{name}" stroke="{_LINES[name][0]}"'
    return f' stroke="{_hex(line_color(name))}"'


def _legend(clip: ClipResult, pictures: ClipPictures, dice: dict[str, float]) -> str:
    """The lines with their colors, most important first; each can be switched off."""
    names = sorted(pictures.paths, key=lambda name: (name != "LV", name in _LINES))
    return f'<ul class="legend">{"".join(_legend_entry(clip, name, dice) for name in names)}</ul>'


def _legend_entry(clip: ClipResult, name: str, dice: dict[str, float]) -> str:
    if name in _LINES:
        color, text = _LINES[name]
    else:
        color, title = _hex(line_color(name)), structures()[name].name if name in structures() else name
        text = f"{title}: Dice {clip.segmentations[name].confidence.mean():.2f} predicted"
        text += f", {dice[name]:.2f} true" if name in dice else ""
    return (
        f'<li><label><input type="checkbox" name="{escape(name)}" checked autocomplete="off">'
        f'<i style="background:{color}"></i>{escape(text)}</label></li>'
    )


def _hex(color: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _curve(pictures: ClipPictures) -> str:
    if pictures.chart is None:
        return ""
    return f'{pictures.chart.svg}<p class="soft hint">Point at the curve to see the frame it was measured in.</p>'


def _still(clip: ClipResult, still: Still) -> str:
    name = escape(still_id(clip.id, still.frame))
    return (
        f'<figure id="{name}"><img src="{still.address}" alt="{escape(still.caption)}" loading="lazy">'
        f"<figcaption>{escape(still.caption)} ({escape(still.file)})</figcaption></figure>"
    )


def _warnings(clip: ClipResult) -> str:
    if not clip.warnings:
        return ""
    return f'<ul class="warnings">{"".join(f"<li>{escape(text)}</li>" for text in clip.warnings)}</ul>'
