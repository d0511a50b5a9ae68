"""Which view is this? Clips of every view that the subject knows and is simulated, and clips of something else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...cine import Cine, FrameTimes, Mode, ModeSource, Scale, Sector, TimeSource
from ...inference.view_classification import ViewEstimate
from ...models.model_card import OTHER
from ...simulation.inside_probes import InsideModality, draw_inside
from ...simulation.no_heart_clips import OtherClip, OtherKind, draw_other
from ...simulation.view_planes import VIEWS
from ..trial_types import Findings, ViewTrial
from .evaluated_model import Subject, ViewLook
from .one_patient import Visit
from .simulated_patients import MAIN_VIEWS, SHORT_FRAMES, SimulatedPatient

_RARER = tuple(kind for kind in OtherKind if kind is not OtherKind.NO_HEART)
_FRAME_S = 0.03


def try_views(visit: Visit, findings: Findings) -> None:
    """One clip of each view; one of an organ that is no heart, one of another kind of `OTHER`, and one by a probe
    within the body, in turn by seed.
    """
    patient, subject = visit.patient, visit.subject
    arrays: dict[str, NDArray[np.uint8]] = dict(findings.arrays)
    for view in (view for view in VIEWS if view in (*subject.views, *subject.added_views)):
        whole = view in MAIN_VIEWS
        observer = subject.observe(patient.clip(view) if whole else patient.short(view))
        trial = _trial(visit.estimate(view) if whole else observer.view(), view)
        findings.views.append(_looked_at(trial, subject.look(observer), arrays))
    findings.arrays = arrays
    for kind in (OtherKind.NO_HEART, _RARER[patient.seed % len(_RARER)]):
        # Without what its header would say: the network itself is to tell that a trace shows no view.
        cine = replace(_drawn(patient, kind).cine(), mode=Mode.TWO_D, mode_source=ModeSource.ASSUMED)
        findings.views.append(_told(subject, cine, OTHER, kind.value))
    modality = list(InsideModality)[patient.seed % len(InsideModality)]
    findings.views.append(_told(subject, _from_inside(patient, modality), modality.value))


def _drawn(patient: SimulatedPatient, kind: OtherKind) -> OtherClip:
    how = patient.acquisition
    return draw_other(patient.seed, patient.case.look, how.rows, how.columns, SHORT_FRAMES, kind)


def _from_inside(patient: SimulatedPatient, modality: InsideModality) -> Cine:
    """A clip by a probe within the body, of which no header says so."""
    phases = [index * _FRAME_S * patient.case.shape.heart_rate / 60 for index in range(SHORT_FRAMES)]
    drawn = draw_inside(patient.case, modality, patient.acquisition.rows, phases)
    return Cine(
        frames=drawn.frames,
        times=FrameTimes(np.arange(SHORT_FRAMES, dtype=np.float64) * _FRAME_S, TimeSource.FRAME_TIME),
        scale=Scale.none("a picture that is displayed turned"),
        sector=Sector.from_mask(drawn.sector, "region"),
        kind="simulation",
        modality="US",
        simulated=True,
    )


def _trial(estimate: ViewEstimate | None, truth: str, kind: str = "") -> ViewTrial:
    assert estimate is not None, "only those who tell views are asked"
    return ViewTrial(truth, str(estimate.view), float(estimate.probability), kind)


def _told(subject: Subject, cine: Cine, truth: str, kind: str = "") -> ViewTrial:
    """What is told of a clip that shows no view."""
    observer = subject.observe(cine)
    trial, look = _trial(observer.view(), truth, kind), subject.look(observer)
    return trial if look is None else replace(trial, added=look.added)


def _looked_at(trial: ViewTrial, look: ViewLook | None, arrays: dict[str, NDArray[np.uint8]]) -> ViewTrial:
    """The trial with how its clip looks, kept in ``arrays``."""
    if look is None:
        return trial
    embedding, pixels = f"{trial.truth}/embedding", f"{trial.truth}/pixels"
    arrays[embedding], arrays[pixels] = look.embedding.view(np.uint8), look.pixels
    return replace(trial, added=look.added, embedding=embedding, pixels=pixels)
