"""Writes a report with everything that belongs to it into one folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..analysis.clip_analysis import ClipResult
from ..analysis.corrections_file import clip_record, write_corrections
from ..errors import EchoApexError
from ..io import write_masks
from ..io.output_folder import OutputFolder
from ..session.state import SessionState
from .animation import player_frames, player_paths
from .clip_section import ClipPictures, Still
from .curve_chart import Chart, draw_chart
from .curve_values import clip_curve
from .measurements_csv import measurement_csv
from .page import MAX_BYTES, report_page
from .report_data import StudyReport
from .report_json import report_json
from .still_drawing import still, still_uri, write_png
from .stills_and_captions import still_caption, still_frames

JSON_FILE, PAGE_FILE, TABLE_FILE, SCENE_FILE = "report.json", "report.html", "measurements.csv", "scene.mrb"
CORRECTIONS_FILE = "corrections.json"

_NAMES = (JSON_FILE, PAGE_FILE, TABLE_FILE, SCENE_FILE, CORRECTIONS_FILE)

# The rest of the page's size is for outlines and text.
_SHARE_OF_FRAMES, _SHARE_OF_STILLS = 0.5, 0.25


def write_report(folder: str | Path, report: StudyReport, *, progress: Callable[[str], None] | None = None) -> Path:
    """Writes ``report.json``, ``report.html``, ``measurements.csv``, ``pictures/`` and ``masks/`` to ``folder``.

    The folder is made if need be; what an earlier run wrote there, which may be of another patient, is replaced all at
    once, and whatever else lies there stays. Pictures are a PNG of every frame that a number comes from (the first
    frame of a clip without any) and the curve of each clip as SVG; masks are one NRRD for each structure. What a person
    had decided about clips is in ``corrections.json``, if there is anything. The same report gives the same files.
    Gives back the path of the page; ``progress`` is told what is being written. Raises `EchoApexError` where that is
    not possible.
    """
    with report_output(folder) as output:
        write_report_files(output, report, progress=progress)
        output.publish()
    return output.target / PAGE_FILE


def report_output(folder: str | Path) -> OutputFolder:
    """Where a report, with or without a scene, is to go: to be entered before the work."""
    return OutputFolder(folder, "report", _NAMES)


def write_report_files(
    output: OutputFolder, report: StudyReport, *, progress: Callable[[str], None] | None = None
) -> None:
    """As `write_report`, into an ``output`` that has been entered; publishing it is left to the caller."""
    target, tell = output.staging, progress or (lambda _: None)
    for name in ("pictures", "masks"):
        (target / name).mkdir()
    masks, pictures = {}, {}
    for clip in report.clips:
        tell(f"pictures and masks of {clip.id}")
        masks[clip.id] = _write_masks(target, clip)
        pictures[clip.id] = _write_pictures(target, clip, report)
    corrections = _write_corrections(target, report)
    record = json.dumps(report_json(report, output.target, masks, corrections), indent=2, allow_nan=False)
    _write_text(target / JSON_FILE, record + "\n")
    _write_text(target / TABLE_FILE, measurement_csv(report))
    _write_text(target / PAGE_FILE, report_page(report, pictures))


def _write_text(file: Path, text: str) -> None:
    try:
        file.write_bytes(text.encode("utf-8"))
    except OSError as error:
        raise EchoApexError("The report cannot be written", value=error.strerror, file=file) from None


def _write_corrections(target: Path, report: StudyReport) -> str | None:
    """The name of the file with what persons had decided about the clips; None where there is nothing.

    A clip is known again by its pixels as a scene of the report shows them; the name of its file stays out.
    """
    clips: dict[str, Any] = {}
    for clip in report.clips:
        if clip.applied is not None:
            shown = replace(clip.cine, frames=clip.cine.masked_frames())
            state = SessionState(report.model, shown)
            state.begin(clip.applied.corrections.entries)
            clips |= clip_record(state, replace(clip.applied.corrections, flip=shown.flip), clip.id)
    if not clips:
        return None
    write_corrections(target / CORRECTIONS_FILE, clips)
    return CORRECTIONS_FILE


def _write_masks(target: Path, clip: ClipResult) -> dict[str, str]:
    """Paths of the written masks by structure, relative to the report."""
    paths = {}
    for name, item in clip.segmentations.items():
        paths[name] = f"masks/{clip.id}-{name}.nrrd"
        write_masks(target / paths[name], item.masks, clip.cine)
    return paths


def _write_pictures(target: Path, clip: ClipResult, report: StudyReport) -> ClipPictures:
    chart, stills = _write_chart(target, clip, report), _write_stills(target, clip, report)
    if not clip.segmentations:
        # Nothing was found to show in motion: a still tells what kind of clip it is.
        return ClipPictures(stills, chart, (0, 0), [], {})
    shown = sum(1 for item in report.clips if item.segmentations)
    crop, frames = player_frames(clip, _SHARE_OF_FRAMES * MAX_BYTES / shown)
    return ClipPictures(stills, chart, crop.size, frames, player_paths(clip, crop))


def _write_chart(target: Path, clip: ClipResult, report: StudyReport) -> Chart | None:
    truth = None if report.truth is None else report.truth.volume_ml.get(clip.id)
    curve = clip_curve(clip, truth)
    if curve is None:
        return None
    chart = draw_chart(curve)
    _write_text(target / "pictures" / f"{clip.id}-curve.svg", chart.svg)
    return chart


def _write_stills(target: Path, clip: ClipResult, report: StudyReport) -> tuple[Still, ...]:
    kind = "simulated" if clip.cine.simulated else "real"
    purpose = "demonstration model, not for clinical use" if report.model.simulated_only else "not for clinical use"
    most_bytes = _SHARE_OF_STILLS * MAX_BYTES / sum(len(still_frames(report, item)) for item in report.clips)
    written = []
    for frame in still_frames(report, clip):
        file = f"pictures/{clip.id}-{frame:04d}.png"
        picture = still(clip, frame, f"{kind} {clip.view}, frame {frame} - {purpose}")
        write_png(target / file, picture)
        caption = still_caption(clip, frame)
        written.append(Still(frame, file, still_uri(picture, most_bytes), caption))
    return tuple(written)
