"""What whole clips give: ejection fraction, the frames of end-diastole and end-systole, and how steady contours are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...analysis.clip_analysis import ClipResult
from ...errors import MeasureError
from ...measure.biplane_ef import measure_biplane
from ...measure.measurement import Beat
from ...simulation import SimulatedClip
from ..bootstrap_scores import beyond, surface_distance_mm
from ..trial_types import BeatTrial, ClipBeats, EfTrial, Findings, ShiftTrial
from .one_patient import Visit
from .simulated_patients import shown

APICAL = ("A4C", "A2C")
STEADY = ("LV", "LV_MYO")
"""Structures whose contours are followed from frame to frame."""

SLACK = 0.25
"""A beat is found when its end-systole is this near to the true one, as a share of the beat (our choice)."""


def try_ef(visit: Visit, findings: Findings) -> None:
    """EF by each apical view and by both."""
    truth = 100 * visit.patient.case.shape.ef
    for view in APICAL:
        findings.ef.append(EfTrial(view, _ejection_fraction(visit.result(view), view), truth))
    findings.ef.append(EfTrial("biplane", _biplane(visit), truth))


def _ejection_fraction(result: ClipResult, method: str) -> float:
    values = [m.value for m in result.measurements if (m.name, m.method) == ("LVEF", method) and m.value is not None]
    return float(values[0]) if values else float("nan")


def _biplane(visit: Visit) -> float:
    a4c, a2c = (visit.result(view).lv for view in APICAL)
    if a4c is None or a2c is None or not a4c.beats or not a2c.beats:
        return float("nan")
    try:
        measured = measure_biplane(a4c, a2c)
    except MeasureError:
        return float("nan")
    return next(float(m.value) for m in measured if m.name == "LVEF" and m.value is not None)


def try_beats(visit: Visit, findings: Findings, views: Sequence[str]) -> None:
    """Beats and steadiness of the whole clips of ``views``."""
    for view in views:
        clip, result = visit.patient.clip(view), visit.result(view)
        trials, counted = match_beats(clip, result.beats)
        findings.beats += trials
        findings.clip_beats.append(counted)
        findings.shifts += _shifts(clip, result)


def match_beats(clip: SimulatedClip, found: Sequence[Beat]) -> tuple[list[BeatTrial], ClipBeats]:
    """Each true end-systole in ``clip`` with the found one nearest to it, each used once."""
    left = list(found)
    frame_s, period_s = clip.frame_time_s, 60 / clip.case.shape.heart_rate
    trials = []
    for ed_s, es_s in _true_beats(clip):
        near = sorted((abs(float(beyond(beat.es * frame_s, *es_s))), beat.es, beat.ed) for beat in left)
        missed = not near or near[0][0] > SLACK * period_s
        _, es, ed = (0.0, np.nan, np.nan) if missed else near[0]
        left = [beat for beat in left if beat.es != es]
        trials.append(BeatTrial(clip.view, frame_s, ed_s, es_s, float(ed * frame_s), float(es * frame_s)))
    return trials, ClipBeats(clip.view, len(found), len(left))


def _true_beats(clip: SimulatedClip) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Spans of ED (NaN before the clip) and ES as in `BeatTrial`, of each end of ejection within the clip."""
    first, last = float(clip.phases[0]), float(clip.phases[-1])
    curve, period_s = clip.heart.curve, 60 / clip.case.shape.heart_rate
    beats = []
    for wave in np.arange(np.floor(first - curve.es_phase), np.ceil(last) + 1):
        phases = (wave, wave + curve.ejection_phase, wave + curve.es_phase, wave + curve.filling_phase)
        r_wave, ejection, es, filling = (float((phase - first) * period_s) for phase in phases)
        if first <= wave + curve.es_phase <= last:
            beats.append(((r_wave, ejection) if r_wave >= 0 else (np.nan, np.nan), (es, filling)))
    return beats


def _shifts(clip: SimulatedClip, result: ClipResult) -> list[ShiftTrial]:
    """Shifts between neighboring frames, in both of which the structure is outlined and truly shown."""
    names = [name for name in STEADY if name in result.segmentations]
    if not names:
        return []
    labels = [clip.labels(frame) for frame in range(len(clip.frames))]
    mm = result.cine.scale.require()
    trials = []
    for name in names:
        truths = [shown(frame, name) for frame in labels]
        empty = np.zeros_like(labels[0], bool)
        true = contour_shifts([empty if mask is None else mask for mask in truths], mm)
        found = contour_shifts(result.segmentations[name].masks, mm)
        known = np.isfinite(true) & np.isfinite(found)
        if known.any():
            trials.append(ShiftTrial(clip.view, name, found[known].tolist(), true[known].tolist()))
    return trials


def contour_shifts(
    masks: Sequence[NDArray[np.bool_]] | NDArray[np.bool_], mm_per_px: tuple[float, float]
) -> NDArray[np.float64]:
    """Mean symmetric distance in mm ``[T - 1]`` from the border of each of ``masks [T, H, W]`` to that of the next."""
    shifts = [surface_distance_mm(before, after, mm_per_px) for before, after in pairwise(masks)]
    return np.array(shifts, np.float64)
