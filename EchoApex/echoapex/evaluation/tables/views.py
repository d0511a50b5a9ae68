"""The table of ``views``: which were told right, by whom, and what becomes of clips that show none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ...models.model_card import OTHER, UNKNOWN
from ..bootstrap_scores import FloatArray
from ..trial_types import Findings, ViewTrial
from .score_rows import Table, add, by_patient, names_in

NEIGHBORS = 20
"""Clips of other patients that tell the view of one by their likeness, as in pretraining."""
_TEMPERATURE = 0.07
_NO_VIEW = (OTHER, UNKNOWN)

Answer = Callable[[ViewTrial], str]


def views_table(patients: Sequence[Findings], known: Sequence[str], head: str = "", added: Sequence[str] = ()) -> Table:
    """Recall of every view on the model's card, what becomes of other clips, and who is taken for whom.

    `UNKNOWN` for a known view is wrong, and ``lost``. ``abstention`` is the share of clips of something else (`OTHER`,
    probes within the body, and views that are not on the card) for which no view is named. The constant predictor names
    one view for all. A view head that was taught later has the same under its name ``head``, for the views ``added``;
    beside it stands what neighbors by embedding (``knn``) and by 32 x 32 ``pixels`` reach: of each patient the views
    are told by the others.
    """
    table = _of_head(patients, known, lambda trial: trial.answer, "")
    if head:
        table |= _of_head(patients, added, lambda trial: trial.added, f"{head}/")
    return table | _by_neighbors(patients, "knn", "embedding") | _by_neighbors(patients, "pixels", "pixels")


def _of_head(patients: Sequence[Findings], known: Sequence[str], answer: Answer, name: str) -> Table:
    """All metrics of one head; ``name`` stands after the kind of the metric."""
    trials = [trial for patient in patients for trial in patient.views]
    truths = names_in(t.truth for t in trials)
    told = [view for view in truths if view in known and view != OTHER]
    table: Table = {}
    if told:
        rows = by_patient([(told.index(t.truth), answer(t) == t.truth) for t in _of(p, told)] for p in patients)
        metric = f"balanced_accuracy/{name}".rstrip("/")
        add(table, metric, rows, statistic=balanced_accuracy, constant=1 / len(told))
        lost = by_patient([answer(t) in _NO_VIEW for t in _of(p, told)] for p in patients)
        add(table, f"lost/{name}".rstrip("/"), lost, constant=0.0)
    for view in told:
        add(table, f"recall/{name}{view}", by_patient([answer(t) == view for t in _of(p, [view])] for p in patients))
    for view in (view for view in truths if view not in told):
        away = by_patient([answer(t) in _NO_VIEW for t in _of(p, [view])] for p in patients)
        add(table, f"abstention/{name}{view}", away, constant=0.0)
    for kind in names_in(t.kind for t in trials if t.kind):
        away = by_patient([answer(t) in _NO_VIEW for t in p.views if t.kind == kind] for p in patients)
        add(table, f"abstention/{name}{OTHER}/{kind}", away, constant=0.0)
    return table | _confusion(patients, trials, answer, name)


def _of(patient: Findings, views: Sequence[str]) -> list[ViewTrial]:
    return [trial for trial in patient.views if trial.truth in views]


def balanced_accuracy(rows: FloatArray) -> float:
    """Mean recall over the classes of ``[n, 2]`` rows (class, right), each class counting the same."""
    return float(np.mean([rows[rows[:, 0] == label, 1].mean() for label in np.unique(rows[:, 0])]))


def _confusion(patients: Sequence[Findings], trials: Sequence[ViewTrial], answer: Answer, name: str) -> Table:
    """Share of the clips of a view that got each answer, as ``confusion/TRUTH/ANSWER``, for answers given."""
    table: Table = {}
    for truth in names_in(t.truth for t in trials):
        for given in names_in(answer(t) for t in trials if t.truth == truth):
            rows = by_patient([answer(t) == given for t in _of(p, [truth])] for p in patients)
            add(table, f"confusion/{name}{truth}/{given}", rows)
    return table


def _by_neighbors(patients: Sequence[Findings], name: str, entry: str) -> Table:
    """Balanced accuracy and recalls where each patient's views are told by the most alike clips of the others."""
    shown = [(place, t) for place, p in enumerate(patients) for t in p.views if getattr(t, entry) is not None]
    truths = names_in(trial.truth for _, trial in shown)
    owners = np.array([place for place, _ in shown])
    if len(set(owners.tolist())) < 2:
        return {}
    rows = np.stack([_numbers(patients[place].arrays[getattr(trial, entry)], entry) for place, trial in shown])
    labels = np.array([truths.index(trial.truth) for _, trial in shown])
    told = np.concatenate([_told(rows, labels, owners, place, len(truths)) for place in range(len(patients))])
    order = np.concatenate([np.flatnonzero(owners == place) for place in range(len(patients))])
    right = np.zeros(len(labels), bool)
    right[order] = told == labels[order]
    of_each = [np.column_stack([labels, right])[owners == place] for place in range(len(patients))]
    table: Table = {}
    groups = by_patient(of_each)
    add(table, f"balanced_accuracy/{name}", groups, statistic=balanced_accuracy, constant=1 / len(truths))
    for label, view in enumerate(truths):
        add(table, f"recall/{name}/{view}", by_patient(group[group[:, 0] == label, 1] for group in of_each))
    return table


def _numbers(kept: NDArray[np.uint8], entry: str) -> FloatArray:
    """A clip as a vector of length 1; gray values without their mean, so that brightness alone is no likeness."""
    vector = kept.view(np.float16).astype(np.float64) if entry == "embedding" else kept.astype(np.float64).ravel()
    vector = vector - vector.mean() if entry == "pixels" else vector
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))


def _told(rows: FloatArray, labels: NDArray[np.int64], owners: NDArray[np.int64], place: int, count: int) -> FloatArray:
    """Labels of one patient's clips by `NEIGHBORS` of the others, which vote with ``exp(likeness / temperature)``."""
    own, others = owners == place, owners != place
    likeness = rows[own] @ rows[others].T
    votes = np.zeros((int(own.sum()), count))
    for row, line in enumerate(likeness):
        nearest = np.argsort(-line, kind="stable")[:NEIGHBORS]
        np.add.at(votes[row], labels[others][nearest], np.exp(line[nearest] / _TEMPERATURE))
    return np.asarray(votes.argmax(axis=1))
