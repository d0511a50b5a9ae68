"""One patient, all tasks: which trials each of them makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...analysis.view_structures import WALL_VIEW
from ..trial_types import Findings
from .carrying import try_carrying
from .evaluated_model import Subject
from .inside_trabeculae import try_inside_trabeculae
from .one_patient import Visit
from .pointing import try_clicks, try_held_out
from .simulated_patients import MAIN_VIEWS, SimulatedPatient
from .structure_masks import keep_worst_pictures, try_masks
from .views import try_views
from .walls import try_walls
from .whole_clips import APICAL, try_beats, try_ef

TASKS = ("segmentation", "ef", "walls", "views", "prompts", "beats", "carrying")

HELD_OUT = ("PERICARDIAL_EFFUSION", "AO")
"""Structures that are tried as held out in models that do not know them by name."""


def possible_tasks(subject: Subject) -> tuple[str, ...]:
    """The tasks that ``subject`` has an answer to at all: without a head there is nothing to score."""
    lacking = {"walls": not subject.landmarks, "views": not subject.views}
    return tuple(task for task in TASKS if not lacking.get(task, False))


def examine(
    subject: Subject, patient: SimulatedPatient, tasks: Sequence[str], held_out: Sequence[str] = ()
) -> dict[str, Findings]:
    """The trials of each of ``tasks`` on one patient; each clip is drawn and read once.

    ``held_out`` are the structures that count as kept out of training.
    """
    visit = Visit(subject, patient)
    found = {}
    for task in tasks:
        found[task] = Findings(patient.seed)
        if task == "prompts":
            _prompts(visit, found[task], held_out)
        else:
            _TRIALS[task](visit, found[task])
    return found


def _segmentation(visit: Visit, findings: Findings) -> None:
    patient = visit.patient
    for view in (*MAIN_VIEWS, *patient.other_views):
        clip = patient.clip(view) if view in MAIN_VIEWS else patient.short(view)
        try_masks(visit.subject, patient, findings, view, clip)
        try_inside_trabeculae(visit.subject, patient, findings, clip)
    keep_worst_pictures(findings)


def _prompts(visit: Visit, findings: Findings, held_out: Sequence[str]) -> None:
    for view in MAIN_VIEWS:
        try_clicks(visit.subject, visit.patient, findings, view)
    for name in held_out:
        try_held_out(visit.subject, visit.patient, findings, name)


def _beats(visit: Visit, findings: Findings) -> None:
    # Without landmarks there are no beats in PLAX, and none are missed.
    try_beats(visit, findings, (*APICAL, WALL_VIEW) if visit.subject.landmarks else APICAL)


def _carrying(visit: Visit, findings: Findings) -> None:
    try_carrying(visit.subject, visit.patient, findings)


_TRIALS: dict[str, Callable[[Visit, Findings], None]] = {
    "segmentation": _segmentation,
    "ef": try_ef,
    "walls": try_walls,
    "views": try_views,
    "beats": _beats,
    "carrying": _carrying,
}
