"""The table of ``segmentation``: masks by every kind of prompt, and what their confidence is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
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
from ..mean_shape_in_box import mean_shape_dice
from ..trial_types import Findings, MaskTrial
from ..trials.inside_trabeculae import INSIDE_TRABECULAE
from ..trials.simulated_patients import MAIN_VIEWS
from .score_rows import Table, add, by_patient, median_error, names_in

LOW_DICE = 0.85
"""Masks below this are those that a confidence should warn of."""

_AREA_KINDS = ("text", "box")

Wanted = Callable[[MaskTrial], bool]


def segmentation_table(patients: Sequence[Findings], structures: Sequence[str]) -> Table:
    """Scores of each structure over the main views and in each view; false alarms; confidence.

    The LV stands a second time beside the truth that leaves its trabecular layer outside, where hearts have one.
    """
    table: Table = {}
    for name in structures:
        _add_structure(table, patients, name)
        if name == "LV":
            inside = [replace(patient, masks=patient.inside_trabeculae) for patient in patients]
            _add_structure(table, inside, INSIDE_TRABECULAE)
        alarms = by_patient([t.returned for t in p.absent if t.structure == name] for p in patients)
        add(table, f"false_alarm/{name}", alarms, constant=1.0)
        _add_confidence(table, patients, f"/{name}", partial(_is, name, MAIN_VIEWS))
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
    table: Table, patients: Sequence[Findings], name: str, kind: str, wanted: Wanted, constant: float | None
) -> None:
    add(table, name, _values(patients, wanted, lambda trial: trial.dice[kind]), constant=constant)


def _add_structure(table: Table, patients: Sequence[Findings], name: str) -> None:
    """The main views together, then each view; boxes in main views only, where there are enough masks for a mean."""
    views = _views(patients, name)
    shapes = {view: _mean_shape(patients, name, view) for view in views if view in MAIN_VIEWS}
    if shapes:
        _add_main_views(table, patients, name, _grouped(*shapes.values()))
    for view in views:
        wanted = partial(_is, name, (view,))
        fixed = _fixed(patients, wanted)[0]
        _add_dice(table, patients, f"dice/{name}/text/{view}", "text", wanted, fixed)
        if view in MAIN_VIEWS:
            _add_box(table, patients, f"{name}/{{}}/{view}", wanted, _grouped(shapes[view]), fixed)


def _add_main_views(table: Table, patients: Sequence[Findings], name: str, shapes: Sequence[FloatArray]) -> None:
    """``surface_mm`` leaves out where nothing was found; how often that was is ``missed``.

    ``shapes`` is the Dice of the mean shape in the box by patient.
    """
    main = partial(_is, name, MAIN_VIEWS)
    kinds = names_in(kind for patient in patients for trial in patient.masks if main(trial) for kind in trial.dice)
    fixed, away = _fixed(patients, main)
    for kind in kinds:
        if kind == "box":
            _add_box(table, patients, f"{name}/{{}}", main, shapes, fixed)
        else:
            constant = _mean(shapes) if kind == "box+text" else fixed
            _add_dice(table, patients, f"dice/{name}/{kind}", kind, main, constant)
    add(table, f"surface_mm/{name}", _values(patients, main, lambda trial: trial.surface_mm), constant=away)
    missed = _values(patients, main, lambda trial: float(np.isnan(trial.surface_mm)))
    add(table, f"missed/{name}", missed, constant=0.0)
    for kind in _AREA_KINDS:
        ratios = by_patient([trial.area_ratio[kind] for trial in p.masks if main(trial)] for p in patients)
        add(table, f"area_ratio/{name}/{kind}", ratios, statistic=lambda rows: float(np.median(rows)))


def _add_box(
    table: Table,
    patients: Sequence[Findings],
    name: str,
    wanted: Wanted,
    shapes: Sequence[FloatArray],
    fixed: float,
) -> None:
    """Masks by a box, and what the true box is worth without a model: Dice ``shapes`` of the mean shape stretched into
    it, the constant of all that are given a box. Its own is the ``fixed`` mask's; ``name`` has a place for the way."""
    _add_dice(table, patients, f"dice/{name.format('box')}", "box", wanted, _mean(shapes))
    add(table, f"dice/{name.format('mean_shape_in_box')}", shapes, constant=fixed)


def _mean_shape(patients: Sequence[Findings], name: str, view: str) -> list[FloatArray]:
    """Dice of the mean shape of the other patients in this view, of each true mask by patient, NaN without others."""
    trials = [[trial for trial in patient.masks if _is(name, (view,), trial)] for patient in patients]
    return mean_shape_dice([[p.arrays[t.shape] for t in of] for p, of in zip(patients, trials, strict=True)])


def _grouped(*shapes: Sequence[FloatArray]) -> list[FloatArray]:
    """What is known of several views together, by patient."""
    return by_patient(np.concatenate(views).tolist() for views in zip(*shapes, strict=True))


def _mean(groups: Sequence[FloatArray]) -> float | None:
    return float(np.mean(np.concatenate(groups))) if groups else None


def _add_confidence(table: Table, patients: Sequence[Findings], suffix: str, wanted: Wanted) -> None:
    """How well the predicted Dice warns of bad masks, and how far it is off; the constant is the best fixed guess."""
    rows = by_patient(confidence_rows(patient, wanted) for patient in patients)
    if not rows:
        return
    spread = median_error(np.concatenate(rows)[:, 1])
    warned = [np.column_stack([-group[:, 0], group[:, 1] < LOW_DICE]) for group in rows]
    add(table, f"confidence_auc{suffix}", warned, statistic=area_under_curve, constant=0.5)
    add(table, f"confidence_error{suffix}", [np.abs(group[:, 0] - group[:, 1]) for group in rows], constant=spread)
    add(table, f"confidence_calibration{suffix}", rows, statistic=calibration_error)
