"""Writes a report with everything that belongs to it into one folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ..clips import ClipResult
from ..errors import EchoApexError
from ..io import write_masks
from .chart import Chart, lv_chart
from .clip_section import ClipPictures
from .content import ReportContent
from .page import MAX_BYTES, report_page
from .pictures import player_frames, player_paths, still, still_uri, write_png
from .record import report_json

JSON_FILE, PAGE_FILE = "report.json", "report.html"

# The rest of the page's size is for stills, outlines and text.
_SHARE_OF_FRAMES = 0.7


def write_report(folder: str | Path, content: ReportContent, *, progress: Callable[[str], None] | None = None) -> Path:
    """Writes ``report.json``, ``report.html``, ``pictures/`` and ``masks/`` to ``folder`` (made if need be).

    Pictures are a PNG of end-diastole and end-systole of each clip (the first beat) and its curve as SVG; masks are one
    NRRD for each structure. The same content gives the same files. Gives back the path of the page; ``progress`` is
    told what is being written. Raises `EchoApexError` where that is not possible.
    """
    target = Path(folder)
    tell = progress or (lambda _: None)
    _make_folders(target)
    masks, pictures = {}, {}
    for clip in content.clips:
        tell(f"writing pictures and masks of {clip.id}")
        masks[clip.id] = _write_masks(target, clip)
        pictures[clip.id] = _write_pictures(target, clip, content)
    record = json.dumps(report_json(content, target, masks), indent=2, allow_nan=False)
    _write_text(target / JSON_FILE, record + "\n")
    _write_text(target / PAGE_FILE, report_page(content, pictures))
    return target / PAGE_FILE


def _make_folders(target: Path) -> None:
    for folder in (target / "pictures", target / "masks"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EchoApexError("The folder of the report cannot be made", value=error.strerror, file=folder) from None


def _write_text(file: Path, text: str) -> None:
    try:
        file.write_bytes(text.encode("utf-8"))
    except OSError as error:
        raise EchoApexError("The report cannot be written", value=error.strerror, file=file) from None


def _write_masks(target: Path, clip: ClipResult) -> dict[str, str]:
    """Paths of the written masks by structure, relative to the report."""
    paths = {}
    for name, item in clip.segmentations.items():
        paths[name] = f"masks/{clip.id}-{name}.nrrd"
        write_masks(target / paths[name], item.masks, clip.cine)
    return paths


def _write_pictures(target: Path, clip: ClipResult, content: ReportContent) -> ClipPictures:
    chart = _write_chart(target, clip, content)
    crop, frames = player_frames(clip, _SHARE_OF_FRAMES * MAX_BYTES / len(content.clips))
    return ClipPictures(
        _write_stills(target, clip, content.model.simulated_only), chart, crop.size, frames, player_paths(clip, crop)
    )


def _write_chart(target: Path, clip: ClipResult, content: ReportContent) -> Chart | None:
    if clip.lv is None:
        return None
    truth = None if content.truth is None else content.truth.volume_ml.get(clip.id)
    chart = lv_chart(clip, clip.lv, truth)
    _write_text(target / "pictures" / f"{clip.id}-curve.svg", chart.svg)
    return chart


def _write_stills(target: Path, clip: ClipResult, demonstration: bool) -> tuple[tuple[str, str, str], ...]:
    kind = "simulated" if clip.cine.simulated else "real"
    purpose = "demonstration model, not for clinical use" if demonstration else "not for clinical use"
    written = []
    for name, frame, words in _moments(clip):
        file = f"pictures/{clip.id}-{name}.png"
        picture = still(clip, frame, f"{kind} {clip.view}, {name} (frame {frame}) - {purpose}")
        write_png(target / file, picture)
        written.append((file, still_uri(picture), f"{words}, frame {frame}{_size(clip, frame)}"))
    return tuple(written)


def _moments(clip: ClipResult) -> list[tuple[str, int, str]]:
    """Name, frame and words of what is shown as a still: both ends of the first beat, or the first frame."""
    beats = () if clip.lv is None else clip.lv.beats
    if not beats:
        return [("first", 0, "No beat found; first frame")]
    return [("ED", beats[0].ed, "End-diastole"), ("ES", beats[0].es, "End-systole")]


def _size(clip: ClipResult, frame: int) -> str:
    if clip.lv is None or clip.lv.shapes[frame] is None:
        return ""
    if clip.lv.volume_ml is None:
        return f": {clip.lv.area_px[frame]:.0f} px"
    return f": {clip.lv.volume_ml[frame]:.1f} mL"
