"""The numbers of a report: the few that matter most, and all of them with where they come from."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import groupby

from ..clips import ClipResult
from ..measure.types import Measurement
from .content import ReportContent
from .words import QUANTITIES, difference, method, number, quantity, unit, warnings_of

_BIPLANE_KEYS = ("LVEF", "LVEDV", "LVESV")


def key_numbers(content: ReportContent) -> str:
    """In large: biplane EF and volumes, and the EF by disks of each clip that is not part of them."""
    biplane = [item for item in content.measurements if item.method == "biplane"]
    chosen = [item for name in _BIPLANE_KEYS for item in biplane if item.name == name]
    used = {source.clip for item in chosen for source in item.sources}
    chosen += [item for clip in content.clips if clip.id not in used for item in _single_plane_ef(content, clip)]
    if not chosen:
        return "<p>Nothing could be measured.</p>"
    return f'<div class="key">{"".join(_tile(content, item) for item in chosen)}</div>'


def _single_plane_ef(content: ReportContent, clip: ClipResult) -> list[Measurement]:
    found = [item for item in content.measurements if (item.name, item.method) == ("LVEF", clip.view)]
    return [item for item in found if {source.clip for source in item.sources} == {clip.id}]


def _tile(content: ReportContent, item: Measurement) -> str:
    truth = content.truth_of(item)
    beside = "no truth known" if truth is None else f"truth {_with_unit(truth.value, truth.unit)} (simulated heart)"
    if item.warnings:
        # A bare number at the top must not hide what is said of it further down.
        beside += f"<br>with {len(item.warnings)} warning{'s' if len(item.warnings) > 1 else ''}, see its clip"
    origin = "biplane" if item.method == "biplane" else f"clip {item.sources[0].clip}"
    return (
        f"<div><small>{escape(quantity(item.name))}, {escape(origin)}</small>"
        f"<strong>{_with_unit(item.value, item.unit)}</strong><small>{beside}</small></div>"
    )


def _with_unit(value: float | None, text: str) -> str:
    return f"{number(value)} {escape(unit(text))}".replace(" /", "/")


def measurement_table(content: ReportContent) -> str:
    """Every number with method, frames, confidence and, for simulated clips, the truth; one group for each method."""
    if not content.measurements:
        return "<p>Nothing could be measured.</p>"
    notes = warnings_of(content.measurements)
    groups: dict[str, list[Measurement]] = {}
    for item in content.measurements:
        groups.setdefault(_group(item), []).append(item)
    bodies = "".join(_body(content, title, items, notes) for title, items in groups.items())
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<table>{_head(content)}{bodies}</table>" + (f'<ol class="notes">{listed}</ol>' if notes else "")


def _group(item: Measurement) -> str:
    clips = " and ".join(dict.fromkeys(source.clip for source in item.sources))
    return f"{method(item.method)} · clip{'s' if ' and ' in clips else ''} {clips}"


def _head(content: ReportContent) -> str:
    truth = '<th class="number">Truth</th><th class="number">Difference</th>' if content.truth is not None else ""
    return (
        f'<thead><tr><th>Quantity</th><th class="number">Estimate</th>{truth}<th>Frames</th>'
        '<th class="number">Confidence</th></tr></thead>'
    )


def _body(content: ReportContent, title: str, items: list[Measurement], notes: list[str]) -> str:
    columns = 4 if content.truth is None else 6
    rows = "".join(_row(content, item, notes) for item in sorted(items, key=_rank))
    return f'<tbody><tr class="group"><th colspan="{columns}" scope="rowgroup">{escape(title)}</th></tr>{rows}</tbody>'


def _rank(item: Measurement) -> int:
    known = list(QUANTITIES)
    return known.index(item.name) if item.name in known else len(known)


def _row(content: ReportContent, item: Measurement, notes: list[str]) -> str:
    marks = ", ".join(str(notes.index(text) + 1) for text in item.warnings)
    sure = "–" if item.confidence is None else f"{item.confidence:.2f}"
    cells = [
        f'<th scope="row">{escape(quantity(item.name))}{f" <sup>{marks}</sup>" if marks else ""}</th>',
        _cell("Estimate", f"<span>{_with_unit(item.value, item.unit)}</span>", "number"),
        *_truth_cells(content, item),
        _cell("Frames", f"<span>{'; '.join(_sources(content, item))}</span>"),
        _cell("Confidence", sure, "number"),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _truth_cells(content: ReportContent, item: Measurement) -> list[str]:
    if content.truth is None:
        return []
    truth = content.truth_of(item)
    value = None if truth is None else truth.value
    known = "–" if truth is None else f"<span>{_with_unit(truth.value, truth.unit)}</span>"
    return [_cell("Truth", known, "number"), _cell("Difference", difference(item.value, value), "number")]


def _cell(label: str, text: str, kind: str = "") -> str:
    return f'<td data-label="{label}"{f" class={kind!r}" if kind else ""}>{text}</td>'


def _sources(content: ReportContent, item: Measurement) -> Iterable[str]:
    """Each clip once, its frames as links that show them; the clip is named where there is more than one."""
    several = len({source.clip for source in item.sources}) > 1
    for identifier, sources in groupby(item.sources, key=lambda source: source.clip):
        links = [_frame_link(content, identifier, frame) for source in sources for frame in source.frames]
        yield (f"{escape(identifier)}: " if several else "") + ", ".join(dict.fromkeys(links))


def _frame_link(content: ReportContent, identifier: str, frame: int) -> str:
    lv = content.clip(identifier).lv
    beats = () if lv is None else lv.beats
    ends = {beat.ed for beat in beats} | {beat.next_ed for beat in beats}
    role = "ED" if frame in ends else "ES" if frame in {beat.es for beat in beats} else "frame"
    name = escape(identifier)
    return f'<a href="#clip-{name}" data-clip="{name}" data-frame="{frame}">{role}&nbsp;{frame}</a>'
