"""The table of ``carrying``: masks carried through a beat from one frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan

import numpy as np

from ..bootstrap_scores import FloatArray, correlation
from ..trial_types import CarryTrial, Findings
from .score_rows import Table, add, by_patient, median_error, names_in


def carrying_table(patients: Sequence[Findings]) -> Table:
    """Dice on the frames to which the LV was carried, in the mean and in the worst of each clip; the swing of its area;
    and what its confidence is worth, by how it was shown. The constant keeps the given mask still."""
    table: Table = {}
    for way in names_in(trial.way for patient in patients for trial in patient.carried):

        def rows(values: Callable[[CarryTrial], Sequence[object]], way: str = way) -> list[FloatArray]:
            return by_patient([value for t in p.carried if t.way == way for value in values(t)] for p in patients)

        name = f"LV/{way}"
        _add(table, f"carried_dice/{name}", rows(lambda t: t.dice), rows(lambda t: t.still))
        worst, still = rows(lambda t: [min(t.dice, default=nan)]), rows(lambda t: [min(t.still, default=nan)])
        _add(table, f"carried_worst/{name}", worst, still)
        off = rows(lambda t: [abs(t.found_swing - t.true_swing)])
        _add(table, f"swing_error/{name}", off, rows(lambda t: [abs(t.true_swing)]))
        _add_confidence(table, name, rows(lambda t: list(zip(t.confidence, t.dice, strict=True))))
    return table


def _add(table: Table, name: str, found: Sequence[FloatArray], still: Sequence[FloatArray]) -> None:
    if found:
        add(table, name, found, constant=float(np.mean(np.concatenate(still))))


def _add_confidence(table: Table, name: str, rows: Sequence[FloatArray]) -> None:
    """``rows`` are (predicted, reached) Dice; the constant is the best fixed guess."""
    if rows:
        guess = median_error(np.concatenate(rows)[:, 1])
        error = [np.abs(group[:, 0] - group[:, 1]) for group in rows]
        add(table, f"confidence_error/{name}", error, constant=guess)
        add(table, f"confidence_correlation/{name}", rows, statistic=correlation)
