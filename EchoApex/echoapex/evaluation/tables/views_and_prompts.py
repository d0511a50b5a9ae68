"""The tables of ``views`` and ``prompts``: answers that are right or wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...models.model_card import OTHER, UNKNOWN
from ..bootstrap_scores import FloatArray, count
from ..trial_types import Findings, PhraseTrial, RemovalTrial, ViewTrial
from .score_rows import Table, add, by_patient, names_in

REMOVED, KEPT = 0.2, 0.8
"""Share of a region below which it is removed, and above which it is kept (our choice; see `pointing`)."""

_NO_VIEW = (OTHER, UNKNOWN)


def views_table(patients: Sequence[Findings], known: Sequence[str]) -> Table:
    """Recall of every view on the model's card, what becomes of other clips, and who is taken for whom.

    `UNKNOWN` for a known view is wrong, and ``lost``. ``abstention`` is the share of clips of something else (`OTHER`,
    and views that are not on the card) for which no view is named. The constant predictor names one view for all.
    """
    trials = [trial for patient in patients for trial in patient.views]
    truths = names_in(t.truth for t in trials)
    told = [view for view in truths if view in known and view != OTHER]
    table: Table = {}
    if told:
        rows = by_patient([(told.index(t.truth), t.answer == t.truth) for t in _of(p, told)] for p in patients)
        add(table, "balanced_accuracy", rows, statistic=balanced_accuracy, constant=1 / len(told))
        lost = by_patient([t.answer in _NO_VIEW for t in _of(p, told)] for p in patients)
        add(table, "lost", lost, constant=0.0)
    for view in told:
        add(table, f"recall/{view}", by_patient([t.answer == view for t in _of(p, [view])] for p in patients))
    for view in (view for view in truths if view not in told):
        away = by_patient([t.answer in _NO_VIEW for t in _of(p, [view])] for p in patients)
        add(table, f"abstention/{view}", away, constant=0.0)
    for kind in names_in(t.kind for t in trials if t.kind):
        away = by_patient([t.answer in _NO_VIEW for t in p.views if t.kind == kind] for p in patients)
        add(table, f"abstention/{OTHER}/{kind}", away, constant=0.0)
    return table | _confusion(patients, trials)


def _of(patient: Findings, views: Sequence[str]) -> list[ViewTrial]:
    return [trial for trial in patient.views if trial.truth in views]


def balanced_accuracy(rows: FloatArray) -> float:
    """Mean recall over the classes of ``[n, 2]`` rows (class, right), each class counting the same."""
    return float(np.mean([rows[rows[:, 0] == label, 1].mean() for label in np.unique(rows[:, 0])]))


def _confusion(patients: Sequence[Findings], trials: Sequence[ViewTrial]) -> Table:
    """Share of the clips of a view that got each answer, as ``confusion/TRUTH/ANSWER``, for answers given."""
    table: Table = {}
    for truth in names_in(t.truth for t in trials):
        for answer in names_in(t.answer for t in trials if t.truth == truth):
            rows = by_patient([t.answer == answer for t in _of(p, [truth])] for p in patients)
            add(table, f"confusion/{truth}/{answer}", rows)
    return table


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
