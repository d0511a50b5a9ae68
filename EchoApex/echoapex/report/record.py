"""``report.json``, schema 1 (``Resources/Schemas/report-1.schema.json``). Unknown is null; paths are relative to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..clips import ClipResult
from ..errors import EchoApexError
from ..measure.types import Measurement
from ..output import plain
from .content import ReportContent

SCHEMA = 1
"""Version of the format."""


def report_json(
    content: ReportContent, folder: str | Path = ".", masks: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, Any]:
    """The report as plain data, fit for JSON.

    ``folder`` is where the file will lie, for relative paths; ``masks`` has the path of each clip's structures, already
    relative. Confidence is predicted Dice. No patient data are known to this report, so ``patient`` is null.
    """
    files = masks or {}
    record = {
        "schema": SCHEMA,
        "software": {"name": "EchoApex for 3D Slicer", "version": __version__},
        "model": {
            "id": content.model.id,
            "hash": content.model.weights_sha256 or None,
            "simulated_only": content.model.simulated_only,
        },
        "simulated": content.simulated,
        "patient": None,
        "clips": [_clip(clip, Path(folder), files.get(clip.id, {})) for clip in content.clips],
        "measurements": [_measurement(item) for item in content.measurements],
        "failures": [_failure(failure, Path(folder)) for failure in content.failures],
    }
    if content.truth is not None:
        record["truth"] = list(content.truth.values)
    return dict(plain(record))


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
        "origin": clip.origin or None,
        "simulated": cine.simulated,
        "view": clip.view,
        # Views are given, not recognized, so there is no probability.
        "view_probability": None,
        "frame_count": cine.frame_count,
        "frame_times_s": cine.times.seconds,
        "frame_time_source": cine.times.source,
        "scale_mm_per_px": cine.scale.mm_per_px,
        "scale_source": cine.scale.source,
        "beats": [] if lv is None else [{"ed": b.ed, "es": b.es, "complete": b.complete} for b in lv.beats],
        "masks": dict(masks),
        "confidence": {name: item.confidence for name, item in clip.segmentations.items()},
        "landmarks": [],
        "volume_ml": None if lv is None else lv.volume_ml,
        "area_px": None if lv is None else lv.area_px,
        "warnings": clip.warnings,
    }


def _measurement(item: Measurement) -> dict[str, Any]:
    return {
        "name": item.name,
        "value": item.value,
        "unit": item.unit,
        "method": item.method,
        "sources": [{"clip": source.clip, "frames": source.frames} for source in item.sources],
        "confidence": item.confidence,
        # The ranges of ASE/EACVI 2015 depend on sex, and the patient is not known.
        "reference": None,
        "grade": None,
        "warnings": item.warnings,
    }


def _failure(failure: EchoApexError, folder: Path) -> dict[str, Any]:
    entry = failure.as_failure()
    return entry | {"file": None if failure.file is None else relative_path(Path(failure.file), folder)}
