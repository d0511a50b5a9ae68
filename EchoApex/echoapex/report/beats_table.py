"""Each beat of a clip by itself: the means are in the table of all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from ..analysis.clip_analysis import ClipResult
from ..measure.beats import heart_rates
from ..measure.caliper_line import DIAMETER, POSTERIOR, SEPTUM
from ..measure.measurement import Beat
from ..measure.wall_thickness_per_beat import PhaseWalls
from .display_names import with_unit
from .links_to_stills import frame_links

Row = tuple[str, ...]


def beat_table(clip: ClipResult) -> str:
    """A table with one row a beat, its frames as links; nothing where there is no beat."""
    if not clip.beats:
        return ""
    header, rows = _walls(clip) if clip.lv is None else _volumes(clip)
    columns = ("Beat", "ED", "ES", *header, "Heart rate")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(
        _row(number, clip, beat, (*cells, _rate(clip, beat)), columns)
        for number, (beat, cells) in enumerate(zip(clip.beats, rows, strict=True), start=1)
    )
    return (
        f'<table class="beats"><caption>Each beat</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _row(number: int, clip: ClipResult, beat: Beat, cells: Row, columns: Sequence[str]) -> str:
    links = (frame_links(clip, [beat.ed]), frame_links(clip, [beat.es]))
    shown = (*links, *map(escape, cells))
    listed = "".join(
        f'<td data-label="{escape(name)}">{cell}</td>' for name, cell in zip(columns[1:], shown, strict=True)
    )
    return f'<tr><th scope="row">{number}</th>{listed}</tr>'


def _rate(clip: ClipResult, beat: Beat) -> str:
    rates = heart_rates([beat], clip.cine.times)
    return with_unit(rates[0], "1/min") if rates else "–"


def _volumes(clip: ClipResult) -> tuple[Row, list[Row]]:
    assert clip.lv is not None
    by_disks = [item for item in clip.lv.beat_volumes if item.method == clip.view]
    rows: list[Row] = [
        (with_unit(item.edv_ml, "mL"), with_unit(item.esv_ml, "mL"), with_unit(item.ef_percent, "%"))
        for item in by_disks
    ]
    return ("EDV, disks", "ESV, disks", "EF, disks"), rows


def _walls(clip: ClipResult) -> tuple[Row, list[Row]]:
    assert clip.walls is not None
    measured_in = clip.walls.unit
    rows: list[Row] = [
        (
            *(_length(beat.ed, part, measured_in) for part in (SEPTUM, DIAMETER, POSTERIOR)),
            _length(beat.es, DIAMETER, measured_in),
        )
        for beat in clip.walls.beat_walls
    ]
    return ("IVSd", "LVIDd", "LVPWd", "LVIDs"), rows


def _length(phase: PhaseWalls | None, part: int, measured_in: str) -> str:
    if phase is None or not np.isfinite(phase.lengths[part]):
        return "–"
    return with_unit(float(phase.lengths[part]), measured_in)
