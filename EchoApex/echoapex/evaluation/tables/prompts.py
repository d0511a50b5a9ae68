"""The table of ``prompts``: answers that are right or wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..bootstrap_scores import FloatArray, count
from ..trial_types import Findings, PhraseTrial, RemovalTrial
from .score_rows import Table, add, by_patient, names_in

REMOVED, KEPT = 0.2, 0.8
"""Share of a region below which it is removed, and above which it is kept (our choice; see `pointing`)."""


def prompts_table(patients: Sequence[Findings], phrases: Sequence[PhraseTrial]) -> Table:
    """Clicks, negative clicks, held-out structures, and texts."""
    table: Table = {}
    _add_clicks(table, patients)
    for start in names_in(t.start for patient in patients for t in patient.removals):
        _add_removals(table, patients, start)
    for name in names_in(t.structure for patient in patients for t in patient.held_out):
        _add_held_out(table, patients, name)
    _add_phrases(table, phrases)
    return table


def _add_clicks(table: Table, patients: Sequence[Findings]) -> None:
    """The constant predictor is the chamber clicked most often."""
    chambers = [click.chamber for patient in patients for click in patient.clicks]
    if not chambers:
        return
    majority = max(chambers.count(name) for name in chambers) / len(chambers)
    returned = by_patient([click.returned for click in p.clicks] for p in patients)
    zeroed = by_patient([click.returned_zeroed for click in p.clicks] for p in patients)
    add(table, "click_returns_chamber", returned, constant=majority)
    add(table, "click_returns_chamber/zeroed", zeroed, constant=majority)
    table["clicks"] = count(len(chambers))
    for name in sorted(set(chambers)):
        rows = by_patient([c.returned for c in p.clicks if c.chamber == name] for p in patients)
        add(table, f"click_returns_chamber/{name}", rows)


def _add_removals(table: Table, patients: Sequence[Findings], start: str) -> None:
    """The constant is what the same box, or mask, gets without the click."""

    def rows(right: Callable[[RemovalTrial], bool]) -> list[FloatArray]:
        return by_patient([right(t) for t in p.removals if t.start == start] for p in patients)

    without = rows(lambda t: t.hit_before < REMOVED and t.other_before > KEPT)
    constant = float(np.mean(np.concatenate(without)))
    # The box is the way that counts; a mask that was started with is told apart.
    name = "negative_click_removes" if start == "box" else f"negative_click_removes/{start}"
    add(table, name, rows(lambda t: t.hit_after < REMOVED and t.other_after > KEPT), constant=constant)
    gone_before = float(np.mean(np.concatenate(rows(lambda t: t.hit_before < REMOVED))))
    add(table, f"{name}/hit_gone", rows(lambda t: t.hit_after < REMOVED), constant=gone_before)


def _add_held_out(table: Table, patients: Sequence[Findings], name: str) -> None:
    """Dice of a structure kept out of training; ``zeroed`` with the prompts blanked."""
    trials = by_patient(
        [(t.box, t.clicks[0], t.clicks[-1], t.box_zeroed, t.clicks_zeroed) for t in p.held_out if t.structure == name]
        for p in patients
    )
    for column, kind in enumerate(("box", "click1", "click5", "box/zeroed", "click5/zeroed")):
        add(table, f"held_out/{name}/{kind}", [group[:, column] for group in trials])


def _add_phrases(table: Table, phrases: Sequence[PhraseTrial]) -> None:
    """Each phrase is a group of its own. The constant predictor answers one structure to every text."""
    named = [trial for trial in phrases if trial.means]
    foreign = [trial for trial in phrases if not trial.means]
    if named:
        meanings = [trial.means for trial in named]
        majority = max(meanings.count(name) for name in meanings) / len(meanings)
        add(table, "text_right", _flags(named), constant=majority)
    if foreign:
        add(table, "text_refused", _flags(foreign), constant=0.0)
    for name, trials in (("text_right", named), ("text_refused", foreign)):
        for kind in names_in(trial.kind for trial in trials):
            add(table, f"{name}/{kind}", _flags([trial for trial in trials if trial.kind == kind]))


def _flags(trials: Sequence[PhraseTrial]) -> list[FloatArray]:
    """Whether each text was understood, or refused where it names nothing known."""
    return [np.array([float(trial.answer == trial.means)]) for trial in trials]
