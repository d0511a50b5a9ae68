"""Which view is this? Clips of every view that the subject knows and is simulated, and clips of something else."""

from __future__ import annotations

from dataclasses import replace

from ...cine import Mode, ModeSource
from ...inference.view_classification import ViewEstimate
from ...models.model_card import OTHER
from ...simulation.no_heart_clips import OtherClip, OtherKind, draw_other
from ...simulation.view_planes import VIEWS
from ..trial_types import Findings, ViewTrial
from .one_patient import Visit
from .simulated_patients import MAIN_VIEWS, SHORT_FRAMES, SimulatedPatient

_RARER = tuple(kind for kind in OtherKind if kind is not OtherKind.NO_HEART)


def try_views(visit: Visit, findings: Findings) -> None:
    """One clip of each view; one of an organ that is no heart, and one of another kind of `OTHER`, in turn by seed."""
    patient = visit.patient
    for view in (view for view in VIEWS if view in visit.subject.views):
        whole = view in MAIN_VIEWS
        estimate = visit.estimate(view) if whole else visit.subject.observe(patient.short(view)).view()
        findings.views.append(_trial(estimate, view))
    for kind in (OtherKind.NO_HEART, _RARER[patient.seed % len(_RARER)]):
        # Without what its header would say: the network itself is to tell that a trace shows no view.
        cine = replace(_drawn(patient, kind).cine(), mode=Mode.TWO_D, mode_source=ModeSource.ASSUMED)
        findings.views.append(_trial(visit.subject.observe(cine).view(), OTHER, kind.value))


def _drawn(patient: SimulatedPatient, kind: OtherKind) -> OtherClip:
    how = patient.acquisition
    return draw_other(patient.seed, patient.case.look, how.rows, how.columns, SHORT_FRAMES, kind)


def _trial(estimate: ViewEstimate | None, truth: str, kind: str = "") -> ViewTrial:
    assert estimate is not None, "only those who tell views are asked"
    return ViewTrial(truth, str(estimate.view), float(estimate.probability), kind)
