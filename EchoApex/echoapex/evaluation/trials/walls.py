"""Walls, inner diameter, aortic root and left atrium in PLAX, and the landmarks that walls are measured between."""

from __future__ import annotations

import numpy as np

from ...analysis.view_structures import WALL_VIEW
from ...cine import FloatArray
from ...landmarks import Landmarks
from ...simulation.anatomy import systolic_atrial_diameter, wall_landmarks
from ...simulation.heart import PARASTERNAL_AZIMUTH_DEG, Heart
from ..trial_types import Findings, LandmarkTrial, WallTrial
from .case_pictures import points_overlay
from .one_patient import Visit
from .simulated_patients import key_frames


def true_dimensions(heart: Heart) -> dict[str, float]:
    """What is measured in PLAX, of the heart itself in mm, whatever the plane that a clip was cut in."""
    points = wall_landmarks(heart, float(np.deg2rad(PARASTERNAL_AZIMUTH_DEG)), heart.curve.es_phase)
    shape = heart.shape
    lvids = float(np.linalg.norm(points[1] - points[2]))
    walls = {"IVSd": shape.ivsd_mm, "LVIDd": shape.lvidd_mm, "LVPWd": shape.lvpwd_mm, "LVIDs": lvids}
    return {**walls, "AoRootd": shape.root_mm, "LADs": systolic_atrial_diameter(heart)}


def try_walls(visit: Visit, findings: Findings) -> None:
    """The dimensions as a study measures them, and how far each landmark is off in the key frames."""
    clip, result = visit.patient.clip(WALL_VIEW), visit.result(WALL_VIEW)
    truth, found = clip.landmarks(), result.landmarks
    picture = None
    if found is not None:
        frame = _ed_frame(visit) if result.walls is None or not result.beats else result.beats[0].ed
        picture = "picture/walls"
        drawn = points_overlay(clip.cine(), frame, truth.points[frame], _in_order(found, truth.names)[frame])
        findings.arrays = {**findings.arrays, picture: drawn}
        findings.landmarks += _landmark_trials(visit, found, truth)
    measured = {m.name: m.value for m in result.measurements}
    for name, value in true_dimensions(clip.heart).items():
        estimate = measured.get(name)
        findings.walls.append(WallTrial(name, float("nan") if estimate is None else float(estimate), value, picture))


def _ed_frame(visit: Visit) -> int:
    return key_frames(visit.patient.clip(WALL_VIEW))[0]


def _in_order(found: Landmarks, names: tuple[str, ...]) -> FloatArray:
    """Points ``[T, L, 2]`` of ``names``, NaN for those that are not known."""
    nothing = np.full(found.points.shape[::2], np.nan)
    return np.stack([found.of(name) if name in found.names else nothing for name in names], axis=1)


def _landmark_trials(visit: Visit, found: Landmarks, truth: Landmarks) -> list[LandmarkTrial]:
    clip = visit.patient.clip(WALL_VIEW)
    return [
        LandmarkTrial(name, frame, _place(found, name, frame), _place(truth, name, frame), clip.canvas.mm_per_px)
        for frame in key_frames(clip)
        for name in truth.names
        if name in found.names
    ]


def _place(points: Landmarks, name: str, frame: int) -> tuple[float, float]:
    x, y = points.of(name)[frame]
    return float(x), float(y)
