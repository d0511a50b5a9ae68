"""The tables of ``ef``, ``walls`` and ``beats``: numbers beside their truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..bootstrap_scores import FloatArray, agreement, beyond
from ..trial_types import BeatTrial, Findings
from .score_rows import Table, add, by_patient, names_in

EF_METHODS = {"ef": ("A4C", "A2C"), "ef_A4C": ("A4C",), "ef_A2C": ("A2C",), "ef_biplane": ("biplane",)}
"""Names in the table and the methods they pool: ``ef`` is every single-plane clip by itself."""

_WALL_NAMES = {"mae": "mae_mm", "bias": "bias_mm", "loa": "loa_mm", "r2": "r2", "ratio": "ratio"}


def ef_pairs(patients: Sequence[Findings], methods: Sequence[str]) -> list[FloatArray]:
    """(estimate, truth) in percent by patient, where there is an estimate."""
    return by_patient([(t.estimate, t.truth) for t in p.ef if t.method in methods] for p in patients)


def wall_pairs(patients: Sequence[Findings], name: str) -> list[FloatArray]:
    """(estimate, truth) in mm by patient, where there is an estimate."""
    return by_patient([(t.estimate, t.truth) for t in p.walls if t.name == name] for p in patients)


def ef_table(patients: Sequence[Findings]) -> Table:
    """Agreement of EF with the truth by method; ``*_measured`` is the share that has an estimate."""
    table: Table = {}
    for name, methods in EF_METHODS.items():
        measured = by_patient([np.isfinite(t.estimate) for t in p.ef if t.method in methods] for p in patients)
        add(table, f"{name}_measured", measured)
        pairs = ef_pairs(patients, methods)
        if pairs:
            table |= {f"{name}_{key}": value for key, value in agreement(pairs).items()}
    return table


def walls_table(patients: Sequence[Findings]) -> Table:
    """Agreement of wall thickness and inner diameter with the truth, and how far each landmark is off."""
    table: Table = {}
    for name in names_in(t.name for patient in patients for t in patient.walls):
        measured = by_patient([np.isfinite(t.estimate) for t in p.walls if t.name == name] for p in patients)
        add(table, f"measured/{name}", measured)
        pairs = wall_pairs(patients, name)
        if pairs:
            table |= {f"{_WALL_NAMES[key]}/{name}": value for key, value in agreement(pairs).items()}
    for name in names_in(t.name for patient in patients for t in patient.landmarks):
        _add_landmark(table, patients, name)
    return table


def _add_landmark(table: Table, patients: Sequence[Findings], name: str) -> None:
    """Distance to the true place; the constant predictor answers the median place in the picture."""
    rows = by_patient([(*t.found, *t.truth, t.mm_per_px) for t in p.landmarks if t.name == name] for p in patients)
    if not rows:
        return
    truth = np.concatenate(rows)[:, 2:]
    away = np.linalg.norm(truth[:, :2] - np.median(truth[:, :2], axis=0), axis=1) * truth[:, 2]
    off = [np.linalg.norm(r[:, :2] - r[:, 2:4], axis=1) * r[:, 4] for r in rows]
    add(table, f"landmark_mm/{name}", off, constant=float(np.mean(away)))


def beats_table(patients: Sequence[Findings]) -> Table:
    """Beats found, missed and invented; error of their frames; how much contours tremble.

    A true beat counts when its end-diastole and end-systole both lie in the clip. The error of a frame is its distance
    from the span of right answers (see `BeatTrial`); the constant predictor answers the median of their middles, that
    of the tremble never moves a contour.
    """
    table: Table = {}
    found = by_patient([np.isfinite(t.found_es_s) for t in p.beats if np.isfinite(t.ed_s[0])] for p in patients)
    add(table, "beats_found", found, constant=0.0)
    add(table, "beats_missed", [1 - group for group in found], constant=1.0)
    invented = by_patient(
        [flag for t in p.clip_beats for flag in [1.0] * t.invented + [0.0] * (t.found - t.invented)] for p in patients
    )
    add(table, "beats_invented", invented)
    _add_frame_error(table, patients, "ed", lambda t: (t.found_ed_s, *t.ed_s, t.frame_time_s))
    _add_frame_error(table, patients, "es", lambda t: (t.found_es_s, *t.es_s, t.frame_time_s))
    for name in names_in(t.structure for patient in patients for t in patient.shifts):
        _add_jitter(table, patients, name)
    return table


def _add_frame_error(
    table: Table, patients: Sequence[Findings], name: str, times: Callable[[BeatTrial], tuple[float, ...]]
) -> None:
    """``times`` are of one beat, in s: found, first and last right answer, and the time of a frame."""
    rows = by_patient([times(trial) for trial in p.beats] for p in patients)
    if not rows:
        return
    spans = np.concatenate(rows)[:, 1:]
    still = np.full(len(spans), np.median(spans[:, :2].mean(axis=1)))
    constant = np.abs(beyond(still, spans[:, 0], spans[:, 1]))
    errors = [beyond(group[:, 0], group[:, 1], group[:, 2]) for group in rows]
    frames = [np.abs(error) / group[:, 3] for error, group in zip(errors, rows, strict=True)]
    add(table, f"{name}_error_ms", [1000 * np.abs(error) for error in errors], constant=float(1000 * constant.mean()))
    add(table, f"{name}_error_frames", frames, constant=float(np.mean(constant / spans[:, 2])))
    add(table, f"{name}_bias_ms", [1000 * error for error in errors])


def _add_jitter(table: Table, patients: Sequence[Findings], name: str) -> None:
    """Median over all frames of the shift to the next frame, less that of the truth, in mm; negative is sluggish."""
    rows = by_patient(
        [pair for t in p.shifts if t.structure == name for pair in zip(t.found_mm, t.true_mm, strict=True)]
        for p in patients
    )
    if rows:
        still = -float(np.median(np.concatenate(rows)[:, 1]))
        excess = [group[:, 0] - group[:, 1] for group in rows]
        add(table, f"jitter_mm/{name}", excess, statistic=lambda r: float(np.median(r)), constant=still)
