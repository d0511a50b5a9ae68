"""Scores a model on simulated patients, beside the best constant predictor on the same patients.

Pictures, sector, times and scale come straight from the simulator: reading files and finding the sector in them are
not part of what is scored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EchoApexError
from ..output import plain
from ..simulation.presets import PRESETS, TEST_SEEDS
from .scores import FloatArray, agreement, best_constant_mask, dice, score, surface_distance_mm
from .trials import KINDS, MaskTrial, Patient, examine

if TYPE_CHECKING:
    from ..models.store import LoadedModel

TASKS = ("segmentation", "ef", "prompts")
Tables = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class SimulatedData:
    """``count`` patients of ``preset``, one for each seed from ``first_seed``."""

    preset: str
    count: int
    first_seed: int

    @property
    def seeds(self) -> range:
        """The seed of each patient."""
        return range(self.first_seed, self.first_seed + self.count)

    @classmethod
    def parse(cls, text: str) -> SimulatedData:
        """From ``simulated:PRESET:N[:SEED]``; raises `EchoApexError` saying what is wrong."""
        match = re.fullmatch(r"simulated:([a-z]+):(\d+)(?::(\d+))?", text)
        if match is None or match[1] not in PRESETS or int(match[2]) < 1:
            raise EchoApexError(
                f"Data are simulated:PRESET:N[:SEED] with PRESET one of {', '.join(PRESETS)}", value=text
            )
        return cls(match[1], int(match[2]), int(match[3]) if match[3] else TEST_SEEDS.start)


def evaluate(
    model: str | Path | None,
    task: str,
    data: str,
    device: str = "auto",
    *,
    say: Callable[[str], None] | None = None,
    save: bool = False,
) -> Tables:
    """``{task: {metric: {"value", "ci", "constant"}}}`` of a model (identifier, folder or None for the default).

    ``task`` is one of `TASKS` or ``all``; ``save`` writes the tables into the model's card too, and needs test seeds.
    Raises `EchoApexError` for unknown tasks or data.
    """
    from ..models.store import load_model, record_scores

    if task not in (*TASKS, "all"):
        raise EchoApexError(f"A task is one of {', '.join(TASKS)} or all", value=task)
    source = SimulatedData.parse(data)
    _check_seen(source, save, say)
    loaded = load_model(model, device)
    tasks = frozenset(TASKS if task == "all" else (task,))
    patients = []
    for seed in source.seeds:
        patients.append(examine(loaded, source.preset, seed, tasks))
        if say is not None:
            say(f"patient {len(patients)} of {source.count}")
    made = tables(patients, tasks, loaded)
    if save:
        record_scores(loaded, f"simulated:{source.preset}:{source.count}:{source.first_seed}", dict(plain(made)))
    return made


def _check_seen(source: SimulatedData, save: bool, say: Callable[[str], None] | None) -> None:
    """Scores on hearts that a model may have been trained on are said to be such, and never kept on a card."""
    if source.seeds[0] in TEST_SEEDS and source.seeds[-1] in TEST_SEEDS:
        return
    kept = f"seeds {TEST_SEEDS.start} to {TEST_SEEDS.stop - 1}, which training refuses"
    found = f"{source.seeds[0]} to {source.seeds[-1]}"
    if save:
        raise EchoApexError(f"Scores on a card come from {kept}", value=found)
    if say is not None:
        say(f"the model may have been trained on these hearts ({found}); only {kept}, are surely new to it")


def tables(patients: list[Patient], tasks: frozenset[str], model: LoadedModel) -> Tables:
    """The tables of all trials."""
    made: Tables = {}
    if "segmentation" in tasks:
        made["segmentation"] = _segmentation(patients, model.card.structures)
    if "ef" in tasks:
        made["ef"] = _ef(patients)
    if "prompts" in tasks:
        made["prompts"] = _prompts(patients)
    return made


def _by_patient(patients: list[Patient], rows: Callable[[Patient], list[float]]) -> list[FloatArray]:
    groups = [np.asarray(rows(patient), np.float64) for patient in patients]
    return [group for group in groups if group.size]


def _trials(patients: list[Patient], structure: str, value: Callable[[MaskTrial], float]) -> list[FloatArray]:
    """``value`` of each trial of ``structure`` by patient, without what could not be measured (NaN)."""
    groups = [np.array([value(trial) for trial in p.masks if trial.structure == structure]) for p in patients]
    return [group[np.isfinite(group)] for group in groups if np.isfinite(group).any()]


def _segmentation(patients: list[Patient], structures: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = {}
    for name in structures:
        if any(trial.structure == name for patient in patients for trial in patient.masks):
            table.update(_structure_scores(patients, name))
        alarms = _by_patient(patients, partial(_false_alarms, name))
        if alarms:
            table[f"false_alarm/{name}"] = score(alarms, constant=1.0)
    return table


def _false_alarms(name: str, patient: Patient) -> list[float]:
    return [float(returned) for structure, returned in patient.absent if structure == name]


def _dice_by(kind: str, trial: MaskTrial) -> float:
    return trial.dice[kind]


def _structure_scores(patients: list[Patient], name: str) -> dict[str, dict[str, Any]]:
    """Scores of one structure; the constants are those of the one mask, or one confidence, that is best on all trials.

    ``surface_mm`` leaves out where nothing was found; how often that was is ``missed``.
    """
    trials = [trial for patient in patients for trial in patient.masks if trial.structure == name]
    fixed = best_constant_mask(np.stack([trial.coverage for trial in trials]))
    constant = float(np.mean([dice(fixed, trial.coverage >= 0.5) for trial in trials]))
    table = {
        f"dice/{name}/{kind}": score(_trials(patients, name, partial(_dice_by, kind)), constant=constant)
        for kind in KINDS
    }
    surface = _trials(patients, name, lambda trial: trial.surface_mm)
    if surface:
        away = [surface_distance_mm(fixed, trial.coverage >= 0.5, trial.cell_mm) for trial in trials]
        table[f"surface_mm/{name}"] = score(surface, constant=float(np.nanmean(away)))
    missed = _trials(patients, name, lambda trial: float(np.isnan(trial.surface_mm)))
    table[f"missed/{name}"] = score(missed, constant=0.0)
    reached = np.array([trial.dice["text"] for trial in trials])
    error = _trials(patients, name, lambda trial: abs(trial.confidence - trial.dice["text"]))
    spread = float(np.mean(np.abs(reached - np.median(reached))))
    table[f"confidence_error/{name}"] = score(error, constant=spread)
    return table


_EF_METHODS = {"ef": ("A4C", "A2C"), "ef_A4C": ("A4C",), "ef_A2C": ("A2C",), "ef_biplane": ("biplane",)}
"""Names of the tables and the methods they pool: ``ef`` is every single-plane clip by itself."""


def _ef(patients: list[Patient]) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = {}
    for name, methods in _EF_METHODS.items():
        rows = [np.array([(e, t) for m, e, t in p.ef if m in methods]) for p in patients]
        measured = [np.isfinite(pairs[:, 0]) for pairs in rows]
        table[f"{name}_measured"] = score([m.astype(np.float64) for m in measured])
        pairs = [pairs[known] for pairs, known in zip(rows, measured, strict=True) if known.any()]
        if pairs:
            table.update(agreement(pairs, name))
    return table


def _returned(chamber: str, patient: Patient) -> list[float]:
    return [float(click.returned) for click in patient.clicks if click.chamber == chamber]


def _prompts(patients: list[Patient]) -> dict[str, dict[str, Any]]:
    chambers = [click.chamber for patient in patients for click in patient.clicks]
    if not chambers:
        return {}
    majority = max(chambers.count(name) for name in chambers) / len(chambers)
    returned = _by_patient(patients, lambda p: [float(c.returned) for c in p.clicks])
    zeroed = _by_patient(patients, lambda p: [float(c.returned_zeroed) for c in p.clicks])
    table: dict[str, dict[str, Any]] = {
        "click_returns_chamber": score(returned, constant=majority),
        "click_returns_chamber/zeroed": score(zeroed, constant=majority),
        "clicks": {"value": float(len(chambers)), "ci": None, "constant": None},
    }
    for name in sorted(set(chambers)):
        table[f"click_returns_chamber/{name}"] = score(_by_patient(patients, partial(_returned, name)))
    return table
