"""Folders of reports as an analysis writes them, with small clips of noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import scene_cases as cases
import SimpleITK as sitk
from jsonschema import Draft202012Validator

from echoapex import resources
from echoapex.console import plain
from echoapex.io import write_masks
from echoapex.landmarks import Landmarks
from EchoApexLib.record.studyContents import SceneClip


def write_cine(path: Path, clip: SceneClip) -> None:
    """A file with the frames alone: times and scale are in the report."""
    path.parent.mkdir(exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(clip.cine.frames), str(path))


def clip_entry(folder: Path, clip: SceneClip) -> dict[str, Any]:
    cine, scale = clip.cine, clip.cine.scale
    write_cine(folder / "clips" / f"{clip.id}.nrrd", clip)
    (folder / "masks").mkdir(exist_ok=True)
    masks = {name: f"masks/{clip.id}-{name}.nrrd" for name in clip.segmentations}
    for name, path in masks.items():
        write_masks(folder / path, clip.segmentations[name].masks, cine)
    points = () if clip.landmarks is None else np.argwhere(np.isfinite(clip.landmarks.points[..., 0]))
    entry = {
        "id": clip.id,
        "file": f"clips/{clip.id}.nrrd",
        "origin": "a test",
        "simulated": cine.simulated,
        "view": clip.view,
        "view_probability": None,
        "flip": None,
        "calibration": None,
        "frame_count": cine.frame_count,
        "frame_times_s": cine.times.seconds,
        "frame_time_source": cine.times.source,
        "scale_mm_per_px": scale.mm_per_px,
        "scale_source": scale.source,
        "scale_reason": scale.reason or None,
        "frame_time_reason": cine.times.reason or None,
        "beats": [{**vars(beat), "complete": beat.complete} for beat in clip.curve.beats],
        "masks": masks,
        "confidence": {name: found.confidence for name, found in clip.segmentations.items()},
        "landmarks": [{"frame": t, "name": clip.landmarks.names[k], **_place(clip.landmarks, t, k)} for t, k in points],
        "volume_ml": clip.curve.values if clip.curve.unit == "mL" else None,
        "area_px": clip.curve.values if clip.curve.unit == "px" else None,
        "lvid_mm": clip.curve.values if clip.curve.unit == "mm" else None,
        "warnings": [],
    }
    return dict(plain(entry))


def _place(landmarks: Landmarks, frame: int, index: int) -> dict[str, float]:
    x, y = landmarks.points[frame, index]
    return {"x": x, "y": y, "sigma_px": landmarks.sigma_px[frame, index]}


def write_report(folder: Path, *clips: SceneClip, **changes: Any) -> Path:
    record = {
        "schema": 2,
        "software": {"name": "EchoApex for 3D Slicer", "version": "0.0.test"},
        "model": {"id": "tiny-test", "hash": None, "simulated_only": True},
        "simulated": True,
        "patient": None,
        "clips": [clip_entry(folder, clip) for clip in clips],
        "measurements": plain(cases.make_measurements(clips[0].id, clips[-1].id) if clips else ()),
        "failures": [],
    } | changes
    schema = json.loads(resources.path(f"Schemas/report-{record['schema']}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(record)
    (folder / "report.json").write_text(json.dumps(record), encoding="utf-8")
    return folder
