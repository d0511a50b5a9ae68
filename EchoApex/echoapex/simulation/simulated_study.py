"""Writes a simulated study: DICOM ultrasound clips as machines make them, and the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import EchoApexError
from ..io.mask_files import write_label_image
from ..io.nrrd import CONTENT_KEY, LABELS
from ..io.output_folder import OutputFolder
from .anatomy import systolic_atrial_diameter, wall_landmarks
from .aortic_valve import stenosis_of
from .dicom_writing import write_dicom
from .heart import PARASTERNAL_AZIMUTH_DEG, Heart, Tissue
from .pathologies import PATHOLOGIES
from .presets import Case, check_view, draw_case
from .simulated_clip import SimulatedClip, simulate_clip

TRUTH_FILE = "truth.json"
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


@dataclass(frozen=True)
class Display:
    """How a study's pictures are shown: the design of the screen (None: a sector with plain text), color flow, stills.

    Color flow is shown in screens only.
    """

    interface: str | None = None
    color_flow: bool = False
    still: bool = False


def study_case(preset: str, seed: int, overrides: dict[str, float], pathology: str | None = None) -> Case:
    """The case of a seed with a pathology's sizes, and with the command line's overrides, which go first.

    ``ef`` is in percent, ``edv`` in mL, walls in mm. Raises `EchoApexError` for an unknown pathology or an impossible
    heart.
    """
    if pathology is not None and pathology not in PATHOLOGIES:
        raise EchoApexError(f"A pathology is one of {', '.join(PATHOLOGIES)}", value=pathology)
    fixed = {_SHAPE_FIELD.get(name, name): float(value) for name, value in overrides.items()}
    if "ef" in fixed:
        fixed["ef"] /= 100
    return draw_case(preset, seed, **({} if pathology is None else PATHOLOGIES[pathology]) | fixed)


def write_study(
    out: str | Path,
    seed: int,
    views: Sequence[str],
    preset: str,
    overrides: dict[str, float],
    *,
    pathology: str | None = None,
    rows: int = 480,
    columns: int = 640,
    display: Display | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Simulates one patient in each of ``views``; gives back what was written. ``progress`` is told of each view.

    With a ``display`` they are captures of a machine's screen, or stills. For each view ``VIEW.dcm`` and
    ``VIEW-truth.nrrd`` (label map, `Tissue` values), and one ``truth.json``; they appear all at once. Those that an
    earlier run wrote there are removed: its clips are of another heart. Raises `EchoApexError` for an unknown preset,
    view or interface, no view or one twice, an impossible heart, color flow without an interface, or where nothing can
    be written, or only over files that are not ours: before the work.
    """
    case, shown = study_case(preset, seed, overrides, pathology), display or Display()
    _check_views(views)
    if shown.color_flow and shown.interface is None:
        raise EchoApexError("Color flow is shown on a machine's screen: an interface is needed", value=", ".join(views))
    with study_output(out, views) as output:
        try:
            size: dict[str, Any] = dict(rows=rows, columns=columns, interface=shown.interface)
            clips = []
            for number, view in enumerate(views, start=1):
                clip = simulate_clip(case, view, **size, max_frames=1 if shown.still else None)
                clips.append(clip)
                _write_clip(output.staging, clip, number, color_flow=shown.color_flow)
                progress(f"{view}: {number} of {len(views)}")
            truth = json.dumps(study_truth(case, clips), indent=2)
            (output.staging / TRUTH_FILE).write_text(truth, encoding="utf-8")
        except OSError as error:
            raise EchoApexError("The simulated study cannot be written", value=error.strerror, file=out) from None
        output.publish()
    return [output.target / name for name in output.names]


def study_output(out: str | Path, views: Sequence[str]) -> OutputFolder:
    """Where a simulated study in these ``views`` is to go."""
    return OutputFolder(out, "simulated study", (*(name for view in views for name in _names(view)), TRUTH_FILE))


def _check_views(views: Sequence[str]) -> None:
    for view in views:
        check_view(view)
    if not views or len(set(views)) < len(views):
        raise EchoApexError("A study needs at least one view, and each once", value=", ".join(views))


def _names(view: str) -> tuple[str, str]:
    return f"{view}.dcm", f"{view}-truth.nrrd"


def _write_clip(folder: Path, clip: SimulatedClip, number: int, *, color_flow: bool) -> None:
    dicom, labels = (folder / name for name in _names(clip.view))
    write_dicom(dicom, clip, number, color_flow=color_flow)
    write_truth_labels(labels, clip)


def study_truth(case: Case, clips: list[SimulatedClip]) -> dict[str, Any]:
    """Everything known about the patient and each clip, as plain data; ``AVA_cm2`` of thick cusps only."""
    heart, shape = case.heart(), case.shape
    return {
        "simulated": True,
        "preset": case.preset,
        "seed": case.seed,
        "stunned": shape.stunned,
        "LVEDV_ml": heart.edv_ml,
        "LVESV_ml": heart.esv_ml,
        "LVEF_percent": 100 * shape.ef,
        "IVSd_mm": shape.ivsd_mm,
        "LVIDd_mm": shape.lvidd_mm,
        "LVPWd_mm": shape.lvpwd_mm,
        "LVIDs_mm": _systolic_diameter(heart),
        "LVLd_mm": heart.length(0.0),
        "LVLs_mm": heart.length(heart.curve.es_phase),
        "AoRootd_mm": shape.root_mm,
        "LADs_mm": systolic_atrial_diameter(heart),
        "aortic_stenosis": stenosis_of(shape).name.lower(),
        "AVA_cm2": shape.aortic_area_cm2 or None,
        "heart_rate": shape.heart_rate,
        "labels": {tissue.name: int(tissue) for tissue in TRUTH_STRUCTURES},
        "clips": [_clip_truth(clip) for clip in clips],
    }


def _systolic_diameter(heart: Heart) -> float:
    """LVIDs in mm: between the inner wall landmarks at end-systole, in the standard parasternal plane."""
    points = wall_landmarks(heart, np.deg2rad(PARASTERNAL_AZIMUTH_DEG), heart.curve.es_phase)
    return float(np.linalg.norm(points[1] - points[2]))


def _clip_truth(clip: SimulatedClip) -> dict[str, Any]:
    return {
        "file": f"{clip.view}.dcm",
        "view": clip.view,
        "machine": clip.case.look.name,
        "interface": clip.interface,
        "frame_time_s": clip.frame_time_s,
        "mm_per_px": clip.canvas.mm_per_px,
        "phases": clip.phases.round(6).tolist(),
        "LV_volume_ml": clip.volumes_ml().round(4).tolist(),
        "r_wave_frames": clip.r_wave_frames(),
        "landmarks": _landmark_truth(clip),
        "off_axis_deg": {
            "rotation": clip.placement.rotation_deg,
            "tilt": clip.placement.tilt_deg,
            "foreshortening": clip.placement.foreshortening_deg,
        },
        "mirrored": clip.placement.mirrored,
    }


def _landmark_truth(clip: SimulatedClip) -> dict[str, Any]:
    """Each landmark's ``[x, y]`` in pixels for every frame; empty in views that have none."""
    truth = clip.landmarks()
    known = {name: truth.of(name) for name in truth.names}
    return {name: points.round(3).tolist() for name, points in known.items() if np.isfinite(points).all()}


def write_truth_labels(path: Path, clip: SimulatedClip) -> None:
    """The label map of every frame as NRRD, sizes W H T: values of `TRUTH_STRUCTURES`, 0 for all other tissue."""
    import SimpleITK as sitk

    labels = np.stack([clip.labels(frame) for frame in range(len(clip.frames))])
    # SimpleITK's own annotations are partial.
    image: Any = sitk.GetImageFromArray(np.where(np.isin(labels, TRUTH_STRUCTURES), labels, 0).astype(np.uint8))
    image.SetSpacing((clip.canvas.mm_per_px, clip.canvas.mm_per_px, 1.0))
    image.SetMetaData(CONTENT_KEY, LABELS)
    for tissue in TRUTH_STRUCTURES:
        image.SetMetaData(f"label_{int(tissue)}", tissue.name)
    write_label_image(path, image, "true labels")
