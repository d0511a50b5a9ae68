"""Where a number comes from: links to the stills of its frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from ..analysis.clip_analysis import ClipResult
from ..measure.measurement import Measurement
from .report_data import StudyReport
from .stills_and_captions import role, still_frames


def still_id(clip: str, frame: int) -> str:
    """The identifier of a still in the page."""
    return f"frame-{clip}-{frame}"


def frame_links(clip: ClipResult, frames: Iterable[int]) -> str:
    """The frames as links to their stills, each once."""
    return ", ".join(dict.fromkeys(_link(clip, frame) for frame in frames))


def source_links(report: StudyReport, item: Measurement, *, name_clips: bool = False) -> str:
    """The frames ``item`` comes from, as links; each clip is named where there is more than one, or ``name_clips``."""
    named = name_clips or len({source.clip for source in item.sources}) > 1
    parts = []
    for identifier, sources in groupby(item.sources, key=lambda source: source.clip):
        clip = report.clip(identifier)
        # Of the frames a wall is the median of, the one with its caliper stands for all.
        shown = set(still_frames(report, clip))
        links = frame_links(clip, (frame for source in sources for frame in source.frames if frame in shown))
        parts.append((f'<span class="name">{escape(identifier)}:</span> ' if named else "") + links)
    return "; ".join(parts)


def clips_of(items: Sequence[Measurement]) -> str:
    """The clips that these come from, in words, escaped."""
    names = dict.fromkeys(source.clip for item in items for source in item.sources)
    return " and ".join(map(escape, names))


def _link(clip: ClipResult, frame: int) -> str:
    # The link works without the page's script, which moves the player along.
    name = escape(clip.id)
    words = f"{role(clip, frame)} {frame}".replace(" ", "&nbsp;")
    return f'<a href="#{escape(still_id(clip.id, frame))}" data-clip="{name}" data-frame="{frame}">{words}</a>'
