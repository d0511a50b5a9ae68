"""Study folders with everything that goes wrong in archives, and an observer that sees the truth in their clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from report_cases import CARD, simulated, true_landmarks, true_masks

from echoapex.cine import Cine
from echoapex.inference.segmentation import Segmentation
from echoapex.inference.view_classification import ViewEstimate
from echoapex.landmarks import Landmarks
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.study.batch_analysis import StudyOptions, StudyReport, analyze_study

MODEL: Any = SimpleNamespace(card=CARD)
"""All that a study needs of a model when something else looks at the clips."""

PATIENT_A, PATIENT_B = "MRN-4711", "MRN-0815"


@dataclass(frozen=True)
class Take:
    """One acquisition: the simulated ``view`` it shows and which of its frames, in which order."""

    view: str
    start: int | None = None
    stop: int | None = None
    step: int = 1

    @property
    def frames(self) -> slice:
        return slice(self.start, self.stop, self.step)


class TruthIn:
    """Makes observers that see the truth in files of these names; ``recognized`` is what they say of a file's view."""

    def __init__(self, takes: dict[str, Take], recognized: dict[str, ViewEstimate] | None = None) -> None:
        self.takes, self.recognized, self.asked = takes, recognized or {}, []

    def __call__(self, model: object, cine: Cine) -> TrueObserver:
        assert cine.path is not None
        return TrueObserver(self, cine.path.name)


class TrueObserver:
    """Sees the truth in one file."""

    def __init__(self, truth: TruthIn, name: str) -> None:
        self._truth, self._name = truth, name

    def view(self) -> ViewEstimate | None:
        return self._truth.recognized.get(self._name)

    def outlines(self, names: Sequence[str]) -> dict[str, Segmentation]:
        self._truth.asked.append((self._name, tuple(names)))
        take = self._truth.takes[self._name]
        found = true_masks(take.view)
        return {
            name: Segmentation(found[name].masks[take.frames], found[name].confidence[take.frames]) for name in names
        }

    def landmarks(self) -> Landmarks | None:
        take = self._truth.takes[self._name]
        truth = true_landmarks(take.view)
        if truth is None:
            return None
        return Landmarks(truth.names, truth.points[take.frames], truth.sigma_px[take.frames])


def write_take(
    path: Path, take: Take, *, patient: str | None = PATIENT_A, study: str | None = "1.2.3", **changes: Any
) -> None:
    """Writes the simulated clip of ``take`` as DICOM; ``changes`` set header fields, None deletes them."""
    from pydicom import dcmread
    from pydicom.uid import generate_uid

    clip = simulated(take.view)
    write_dicom(path, replace(clip, frames=clip.frames[take.frames], phases=clip.phases[take.frames]), 1)
    header = dcmread(path)
    # Each file is an acquisition of its own, even where it shows the same.
    instance = generate_uid(entropy_srcs=[str(path)])
    fields = {
        "SOPInstanceUID": instance,
        "PatientID": patient,
        "StudyInstanceUID": study,
        "PatientName": "Roe^Jane",
        **changes,
    }
    for name, value in fields.items():
        if value is not None:
            setattr(header, name, value)
        elif name in header:
            delattr(header, name)
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.save_as(path, enforce_file_format=True)


def set_region(path: Path, **values: Any) -> None:
    """Changes the ultrasound region of a file."""
    from pydicom import dcmread

    header = dcmread(path)
    for name, value in values.items():
        setattr(header.SequenceOfUltrasoundRegions[0], name, value)
    header.save_as(path, enforce_file_format=True)


_KNOWN_VIEWS = dict.fromkeys(("A4C", "A2C", "PLAX", "OTHER"), 0.0)


def sure_of(view: str) -> ViewEstimate:
    return ViewEstimate(view, 0.98, _KNOWN_VIEWS | {view: 0.98}, f"looks like {view} (0.98)")


def unsure(best: str) -> ViewEstimate:
    return ViewEstimate("UNKNOWN", 0.41, _KNOWN_VIEWS | {best: 0.41}, f"looks most like {best} (0.41), below 0.70")


def reason_of(reasons: Sequence[Exception], word: str) -> str:
    """The one reason that has this word in it."""
    (found,) = [str(reason) for reason in reasons if word in str(reason)]
    return found


def measured(report: Any, name: str, method: str) -> float:
    (item,) = [m for m in report.measurements if (m.name, m.method) == (name, method)]
    assert item.value is not None
    return float(item.value)


def analyzed(folder: Path, takes: dict[str, Take], **options: object) -> StudyReport:
    (report,) = analyze_study([folder], MODEL, options=StudyOptions(observe=TruthIn(takes), **options))
    return report
