"""``report.json``, schema 2 (``Resources/Schemas/report-2.schema.json``). Unknown is null; paths are relative to it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..analysis.clip_analysis import ClipResult
from ..analysis.clip_corrections import AppliedCorrections
from ..console import plain
from ..errors import EchoApexError
from ..landmarks import Landmarks
from ..measure.biplane_volume_curve import BiplaneCurve
from ..measure.measurement import Measurement, Source
from ..patient import Patient
from .report_data import StudyReport

SCHEMA = 2
"""Version of the format."""


def report_json(
    report: StudyReport,
    folder: str | Path = ".",
    masks: Mapping[str, Mapping[str, str]] | None = None,
    corrections: str | None = None,
) -> dict[str, Any]:
    """The report as plain data, fit for JSON.

    ``folder`` is where the file will lie, for relative paths; ``masks`` has the path of each clip's structures, already
    relative, and ``corrections`` is that of what was decided by hand. ``patient`` is null where nothing is known, and
    never a name.
    """
    files = masks or {}
    record = {
        "schema": SCHEMA,
        "software": {"name": "EchoApex for 3D Slicer", "version": __version__},
        "model": {
            "id": report.model.id,
            "hash": report.model.weights_sha256 or None,
            "simulated_only": report.model.simulated_only,
        },
        "study": report.id,
        "simulated": report.simulated,
        "patient": _patient(report.patient),
        "clips": [_clip(clip, Path(folder), files.get(clip.id, {})) for clip in report.clips],
        "measurements": [_measurement(item) for item in report.measurements],
        "biplane_curve": None if report.biplane is None else _curve(report.biplane),
        "failures": [_failure(item, Path(folder)) for item in report.failures],
        "not_measured": [_failure(item, Path(folder)) for item in report.not_measured],
        "notes": report.notes,
        "corrections": corrections,
    }
    if report.truth is not None:
        record["truth"] = list(report.truth.values)
    return dict(plain(record))


def _curve(curve: BiplaneCurve) -> dict[str, Any]:
    sources = _sources(curve.sources)
    return {"phase": curve.phase, "volume_ml": curve.volume_ml, "label": curve.label, "sources": sources}


def _sources(sources: Iterable[Source]) -> list[dict[str, Any]]:
    return [{"clip": source.clip, "frames": source.frames} for source in sources]


def _patient(patient: Patient | None) -> dict[str, Any] | None:
    if patient is None or patient == Patient():
        return None
    return {**vars(patient), "sex": None if patient.sex is None else patient.sex.name.lower()}


def relative_path(path: Path, folder: Path) -> str:
    """``path`` seen from ``folder``, with forward slashes; absolute where there is no way from one to the other."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()


def _clip(clip: ClipResult, folder: Path, masks: Mapping[str, str]) -> dict[str, Any]:
    cine, lv = clip.cine, clip.lv
    return {
        "id": clip.id,
        "file": None if cine.path is None else relative_path(cine.path, folder),
        "parts": [relative_path(part, folder) for part in cine.parts],
        "origin": clip.origin or None,
        "simulated": cine.simulated,
        "view": clip.view,
        "view_source": clip.view_source,
        "view_probability": clip.view_probability,
        "mode": cine.mode,
        "sector": cine.sector.facts,
        "flip": cine.flip,
        "calibration": _calibration(clip.applied),
        "excluded_beats": () if clip.applied is None else clip.applied.corrections.excluded_beats,
        "frame_count": cine.frame_count,
        "frame_times_s": cine.times.seconds,
        "frame_time_source": cine.times.source,
        "frame_time_reason": cine.times.reason or None,
        "scale_mm_per_px": cine.scale.mm_per_px,
        "scale_source": cine.scale.source,
        "scale_reason": cine.scale.reason or None,
        "beats": [{**vars(beat), "complete": beat.complete} for beat in clip.beats],
        "masks": dict(masks),
        "confidence": {name: item.confidence for name, item in clip.segmentations.items()},
        "landmarks": _landmarks(clip.landmarks),
        "volume_ml": None if lv is None else lv.volume_ml,
        "area_px": None if lv is None else lv.area_px,
        "lvid_mm": None if clip.walls is None or clip.walls.unit != "mm" else clip.walls.curves["LVID"],
        "warnings": clip.warnings,
    }


def _landmarks(landmarks: Landmarks | None) -> list[dict[str, Any]]:
    """Each landmark of each frame in which it is known."""
    if landmarks is None:
        return []
    known = np.isfinite(landmarks.points).all(axis=2)
    return [
        {
            "frame": int(frame),
            "name": landmarks.names[index],
            "x": landmarks.points[frame, index, 0],
            "y": landmarks.points[frame, index, 1],
            "sigma_px": landmarks.sigma_px[frame, index],
        }
        for frame, index in np.argwhere(known)
    ]


def _measurement(item: Measurement) -> dict[str, Any]:
    return {
        "name": item.name,
        "value": item.value,
        "unit": item.unit,
        "method": item.method,
        "sources": _sources(item.sources),
        "confidence": item.confidence,
        "reference": item.reference,
        "grade": item.grade,
        "warnings": item.warnings,
        "status": item.status,
        "rater": item.rater or None,
        "excluded": item.excluded,
    }


def _calibration(applied: AppliedCorrections | None) -> dict[str, Any] | None:
    by_hand = None if applied is None else applied.corrections.calibration
    return None if by_hand is None else {"points": by_hand.points, "mm": by_hand.mm}


def _failure(failure: EchoApexError, folder: Path) -> dict[str, Any]:
    entry = failure.as_failure()
    return entry | {"file": None if failure.file is None else relative_path(Path(failure.file), folder)}
