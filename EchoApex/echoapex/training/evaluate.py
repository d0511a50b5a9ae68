"""Scores a model on simulated patients it has never seen; every figure beside the best constant predictor."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EchoApexError
from ..simulation.presets import PRESETS, TEST_SEEDS
from .scores import FloatArray, agreement, best_constant_mask, dice, score
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

    ``task`` is one of `TASKS` or ``all``; ``save`` writes the tables into the model's card too. Raises
    `EchoApexError` for unknown tasks or data.
    """
    from ..models.store import load_model, record_scores

    if task not in (*TASKS, "all"):
        raise EchoApexError(f"A task is one of {', '.join(TASKS)} or all", value=task)
    source = SimulatedData.parse(data)
    loaded = load_model(model, device)
    tasks = frozenset(TASKS if task == "all" else (task,))
    patients = []
    for seed in range(source.first_seed, source.first_seed + source.count):
        patients.append(examine(loaded, source.preset, seed, tasks))
        if say is not None:
            say(f"patient {len(patients)} of {source.count}")
    made = tables(patients, tasks, loaded)
    if save:
        record_scores(loaded, f"simulated:{source.preset}:{source.count}:{source.first_seed}", made)
    return made


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
        coverage = [trial.coverage for patient in patients for trial in patient.masks if trial.structure == name]
        if coverage:
            table.update(_structure_scores(patients, name, np.stack(coverage)))
    return table


def _dice_by(kind: str, trial: MaskTrial) -> float:
    return trial.dice[kind]


def _structure_scores(patients: list[Patient], name: str, coverage: NDArray[np.float32]) -> dict[str, dict[str, Any]]:
    fixed = best_constant_mask(coverage)
    constant = float(np.mean([dice(fixed, one >= 0.5) for one in coverage]))
    table = {
        f"dice/{name}/{kind}": score(_trials(patients, name, partial(_dice_by, kind)), constant=constant)
        for kind in KINDS
    }
    surface = _trials(patients, name, lambda trial: trial.surface_mm)
    if surface:
        table[f"surface_mm/{name}"] = score(surface)
    table[f"missed/{name}"] = score(_trials(patients, name, lambda trial: float(np.isnan(trial.surface_mm))))
    error = _trials(patients, name, lambda trial: abs(trial.confidence - trial.dice["text"]))
    table[f"confidence_error/{name}"] = score(error)
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
