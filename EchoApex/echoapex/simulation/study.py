"""Writes a simulated study: DICOM ultrasound clips as machines make them, and the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .clip import SimulatedClip, simulate_clip
from .dicom import write_dicom
from .heart import Tissue
from .presets import Case, draw_case

TRUTH_STRUCTURES = (
    Tissue.LV,
    Tissue.LV_MYO,
    Tissue.LA,
    Tissue.RV,
    Tissue.RA,
    Tissue.AO,
    Tissue.RV_WALL,
    Tissue.PERICARDIAL_EFFUSION,
)
_SHAPE_FIELD = {"ivsd": "ivsd_mm", "lvidd": "lvidd_mm", "lvpwd": "lvpwd_mm", "edv": "edv_ml"}


def study_case(preset: str, seed: int, overrides: dict[str, float]) -> Case:
    """The case of a seed with the command line's overrides: ``ef`` in percent, ``edv`` in mL, walls in mm."""
    fixed = {_SHAPE_FIELD.get(name, name): float(value) for name, value in overrides.items()}
    if "ef" in fixed:
        fixed["ef"] /= 100
    return draw_case(preset, seed, **fixed)


def write_study(
    out: str | Path,
    seed: int,
    views: Sequence[str],
    preset: str,
    overrides: dict[str, float],
    *,
    rows: int = 480,
    columns: int = 640,
) -> list[Path]:
    """Simulates one patient in each of ``views``; gives back what was written.

    For each view ``VIEW.dcm`` and ``VIEW-truth.nrrd`` (label map, `Tissue` values), and one ``truth.json``. Raises
    `EchoApexError` for an unknown preset or view or an impossible heart.
    """
    case = study_case(preset, seed, overrides)
    clips = [simulate_clip(case, view, rows=rows, columns=columns) for view in views]
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, clip in enumerate(clips, start=1):
        dicom, labels = folder / f"{clip.view}.dcm", folder / f"{clip.view}-truth.nrrd"
        write_dicom(dicom, clip, number)
        write_truth_labels(labels, clip)
        written += [dicom, labels]
    truth = folder / "truth.json"
    truth.write_text(json.dumps(study_truth(case, clips), indent=2), encoding="utf-8")
    return [*written, truth]


def study_truth(case: Case, clips: list[SimulatedClip]) -> dict[str, Any]:
    """Everything known about the patient and each clip, as plain data."""
    heart, shape = case.heart(), case.shape
    return {
        "simulated": True,
        "preset": case.preset,
        "seed": case.seed,
        "LVEDV_ml": heart.edv_ml,
        "LVESV_ml": heart.esv_ml,
        "LVEF_percent": 100 * shape.ef,
        "IVSd_mm": shape.ivsd_mm,
        "LVIDd_mm": shape.lvidd_mm,
        "LVPWd_mm": shape.lvpwd_mm,
        "heart_rate": shape.heart_rate,
        "labels": {tissue.name: int(tissue) for tissue in TRUTH_STRUCTURES},
        "clips": [_clip_truth(clip) for clip in clips],
    }


def _clip_truth(clip: SimulatedClip) -> dict[str, Any]:
    return {
        "file": f"{clip.view}.dcm",
        "view": clip.view,
        "machine": clip.case.look.name,
        "frame_time_s": clip.frame_time_s,
        "mm_per_px": clip.canvas.mm_per_px,
        "phases": clip.phases.round(6).tolist(),
        "LV_volume_ml": clip.volumes_ml().round(4).tolist(),
        "r_wave_frames": clip.r_wave_frames(),
        "off_axis_deg": {
            "rotation": clip.placement.rotation_deg,
            "tilt": clip.placement.tilt_deg,
            "foreshortening": clip.placement.foreshortening_deg,
        },
        "mirrored": clip.placement.mirrored,
    }


def write_truth_labels(path: Path, clip: SimulatedClip) -> None:
    """The exact label map of every frame as NRRD, sizes W H T, values of `Tissue`."""
    import SimpleITK as sitk

    labels = np.stack([clip.labels(frame) for frame in range(len(clip.frames))])
    # SimpleITK's own annotations are partial.
    image: Any = sitk.GetImageFromArray(np.where(np.isin(labels, TRUTH_STRUCTURES), labels, 0).astype(np.uint8))
    image.SetSpacing((clip.canvas.mm_per_px, clip.canvas.mm_per_px, 1.0))
    for tissue in TRUTH_STRUCTURES:
        image.SetMetaData(f"label_{int(tissue)}", tissue.name)
    sitk.WriteImage(image, str(path), useCompression=True)
