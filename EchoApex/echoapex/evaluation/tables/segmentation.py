"""The table of ``segmentation``: masks by every kind of prompt, and what their confidence is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ..bootstrap_scores import (
    FloatArray,
    area_under_curve,
    best_constant_mask,
    calibration_error,
    dice,
    surface_distance_mm,
)
from ..trial_types import Findings, MaskTrial
from ..trials.simulated_patients import MAIN_VIEWS
from ..trials.structure_masks import KINDS
from .score_rows import Table, add, by_patient

LOW_DICE = 0.85
"""Masks below this are those that a confidence should warn of."""

Wanted = Callable[[MaskTrial], bool]


def segmentation_table(patients: Sequence[Findings], structures: Sequence[str]) -> Table:
    """Scores of each structure over the main views and by name in each view; false alarms; confidence."""
    table: Table = {}
    for name in structures:
        main = partial(_is, name, MAIN_VIEWS)
        if any(main(trial) for patient in patients for trial in patient.masks):
            _add_structure(table, patients, name, main)
        for view in _views(patients, name):
            wanted = partial(_is, name, (view,))
            _add_dice(table, patients, f"dice/{name}/text/{view}", "text", wanted, _fixed(patients, wanted)[0])
        alarms = by_patient([t.returned for t in p.absent if t.structure == name] for p in patients)
        add(table, f"false_alarm/{name}", alarms, constant=1.0)
        _add_confidence(table, patients, f"/{name}", main)
    _add_confidence(table, patients, "", lambda trial: trial.view in MAIN_VIEWS)
    return table


def confidence_rows(patient: Findings, wanted: Wanted) -> list[tuple[float, float]]:
    """(predicted, reached) Dice of each mask by name."""
    return [(t.confidence["text"], t.dice["text"]) for t in patient.masks if wanted(t)]


def _is(name: str, views: Sequence[str], trial: MaskTrial) -> bool:
    return trial.structure == name and trial.view in views


def _views(patients: Sequence[Findings], name: str) -> list[str]:
    return list(dict.fromkeys(t.view for patient in patients for t in patient.masks if t.structure == name))


def _values(patients: Sequence[Findings], wanted: Wanted, value: Callable[[MaskTrial], float]) -> list[FloatArray]:
    return by_patient([value(trial) for trial in patient.masks if wanted(trial)] for patient in patients)


def _fixed(patients: Sequence[Findings], wanted: Wanted) -> tuple[float, float | None]:
    """Mean Dice, and surface distance in mm, of the one mask that is best on all these trials."""
    trials = [(patient, trial) for patient in patients for trial in patient.masks if wanted(trial)]
    covered = np.stack([patient.arrays[trial.coverage] for patient, trial in trials]).astype(np.float32) / 255
    fixed, truths = best_constant_mask(covered), covered >= 0.5
    away = [surface_distance_mm(fixed, truth, t.cell_mm) for truth, (_, t) in zip(truths, trials, strict=True)]
    known = [distance for distance in away if np.isfinite(distance)]
    return float(np.mean([dice(fixed, truth) for truth in truths])), float(np.mean(known)) if known else None


def _add_dice(
    table: Table, patients: Sequence[Findings], name: str, kind: str, wanted: Wanted, constant: float
) -> None:
    add(table, name, _values(patients, wanted, lambda trial: trial.dice[kind]), constant=constant)


def _add_structure(table: Table, patients: Sequence[Findings], name: str, main: Wanted) -> None:
    """``surface_mm`` leaves out where nothing was found; how often that was is ``missed``."""
    constant, away = _fixed(patients, main)
    for kind in KINDS:
        _add_dice(table, patients, f"dice/{name}/{kind}", kind, main, constant)
    add(table, f"surface_mm/{name}", _values(patients, main, lambda trial: trial.surface_mm), constant=away)
    missed = _values(patients, main, lambda trial: float(np.isnan(trial.surface_mm)))
    add(table, f"missed/{name}", missed, constant=0.0)


def _add_confidence(table: Table, patients: Sequence[Findings], suffix: str, wanted: Wanted) -> None:
    """How well the predicted Dice warns of bad masks, and how far it is off; the constant is the best fixed guess."""
    rows = by_patient(confidence_rows(patient, wanted) for patient in patients)
    if not rows:
        return
    reached = np.concatenate(rows)[:, 1]
    spread = float(np.mean(np.abs(reached - np.median(reached))))
    warned = [np.column_stack([-group[:, 0], group[:, 1] < LOW_DICE]) for group in rows]
    add(table, f"confidence_auc{suffix}", warned, statistic=area_under_curve, constant=0.5)
    add(table, f"confidence_error{suffix}", [np.abs(group[:, 0] - group[:, 1]) for group in rows], constant=spread)
    add(table, f"confidence_calibration{suffix}", rows, statistic=calibration_error)
