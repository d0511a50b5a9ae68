"""What became of each clip, and what could not be measured and why."""

from __future__ import annotations

from html import escape
from pathlib import Path

from ..analysis.clip_analysis import ClipResult
from ..errors import EchoApexError
from .display_names import view_origin
from .report_data import StudyReport


def clip_table(report: StudyReport) -> str:
    """One line for each clip: its view, who named it, and whether it was measured."""
    if not report.clips:
        return ""
    columns = ("Clip", "View", "Named by", "Mode", "Frames", "Scale", "Result")
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    rows = "".join(_row(clip) for clip in report.clips)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<section id="clips-overview"><h2>Clips</h2>{table}</section>'


def _row(clip: ClipResult) -> str:
    name = escape(clip.id)
    rate = clip.cine.times.frame_rate
    cells = (
        ("View", escape(clip.view)),
        ("Named by", escape(view_origin(clip))),
        ("Mode", escape(clip.cine.mode)),
        ("Frames", f"{clip.cine.frame_count}{'' if rate is None else f', {rate:.0f}/s'}"),
        ("Scale", "yes" if clip.cine.scale.known else "no"),
        ("Result", escape(_result(clip))),
    )
    listed = "".join(f'<td data-label="{label}">{text}</td>' for label, text in cells)
    return f'<tr><th scope="row"><a href="#clip-{name}">{name}</a></th>{listed}</tr>'


def _result(clip: ClipResult) -> str:
    count = len(clip.warnings)
    doubts = f", {count} warning{'s' if count > 1 else ''}" if count else ""
    if clip.measurements:
        beats = len(clip.beats)
        counted = (
            f"{beats} beat{'s' if beats != 1 else ''}" if any(beat.complete for beat in clip.beats) else "no whole beat"
        )
        return f"measured, {counted}{doubts}"
    return f"{'outlined, not measured' if clip.segmentations else 'not used'}{doubts}"


def missing_section(report: StudyReport) -> str:
    """Everything that could not be done or measured, with its reason; nothing where all could."""
    if not (report.failures or report.not_measured):
        return ""
    where = {reason: clip for clip in report.clips for reason in (clip.refusal, *clip.not_measured) if reason}
    items = [
        *(_item(item, where.get(item), "failed") for item in report.failures),
        *(_item(item, where.get(item), "") for item in report.not_measured),
    ]
    return (
        '<section id="missing"><h2>What could not be measured, and why</h2>'
        f'<ul class="warnings">{"".join(items)}</ul></section>'
    )


def _item(item: EchoApexError, clip: ClipResult | None, mark: str) -> str:
    badge = f'<strong class="failed">{mark}</strong> ' if mark else ""
    # Folders of archives are often called like the patient: only the file is named.
    file = "" if item.file is None else Path(item.file).name
    place = file if clip is None else clip.id + (f" ({file})" if file else "")
    value = "" if item.value is None else f" (found: {item.value})"
    return f"<li>{badge}{escape(f'{place}: ' if place else '')}{escape(f'{item.rule}{value}.')}</li>"
