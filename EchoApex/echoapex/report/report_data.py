"""What a report is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..analysis.clip_analysis import ClipResult
from ..cine import FloatArray
from ..errors import EchoApexError
from ..measure.biplane_volume_curve import BiplaneCurve
from ..measure.measurement import Measurement
from ..patient import Patient

if TYPE_CHECKING:
    from ..models.model_card import ModelCard

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class TruthValue:
    """A number known exactly, since the heart was simulated; names, methods and units are those of measurements."""

    name: str
    method: str
    value: float
    unit: str


@dataclass(frozen=True)
class Truth:
    """What is known exactly about the simulated clips of a report.

    ``volume_ml`` has the true volume of the left ventricle in each frame ``[T]``, and ``dice`` the overlap of each
    structure with its true outline (mean over frames), both by the identifier of the clip.
    """

    values: tuple[TruthValue, ...]
    volume_ml: Mapping[str, FloatArray] = field(default_factory=dict)
    dice: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, name: str) -> TruthValue | None:
        """The true value of the measurement ``name``, by whichever method it was estimated."""
        return next((item for item in self.values if item.name == name), None)


@dataclass(frozen=True)
class StudyReport:
    """Everything that is reported of one study.

    ``id`` is neutral and never that of a patient. ``failures`` are files that could not be read and clips that could
    not be measured though they should; ``not_measured`` is what is missing without anything having failed, and why
    (no such view, no scale, a color clip); ``notes`` say what was decided on the way (which pair of clips, whose
    files). ``patient`` is None where nothing is known; ``biplane`` is the volume over the phase of a beat.

    Raises `EchoApexError` when two clips have the same identifier, when that of a clip or structure is not fit for a
    file name, or when a measurement comes from a clip that is not in the report.
    """

    title: str
    model: ModelCard
    clips: tuple[ClipResult, ...]
    measurements: tuple[Measurement, ...]
    failures: tuple[EchoApexError, ...] = ()
    not_measured: tuple[EchoApexError, ...] = ()
    notes: tuple[str, ...] = ()
    patient: Patient | None = None
    biplane: BiplaneCurve | None = None
    truth: Truth | None = None
    id: str = "study-1"

    def __post_init__(self) -> None:
        names = [clip.id for clip in self.clips]
        for name in (*names, *(name for clip in self.clips for name in clip.segmentations)):
            if not _FILE_NAME.fullmatch(name):
                raise EchoApexError("Clips and structures are named by letters, digits, dot, dash, _", value=name)
        if len({name.lower() for name in names}) < len(names):
            raise EchoApexError("Clips of a report need different identifiers", value=", ".join(names))
        for measurement in self.measurements:
            for source in measurement.sources:
                if source.clip not in names:
                    raise EchoApexError("A measurement must come from a clip of its report", value=source.clip)

    @property
    def simulated(self) -> bool:
        """Whether any clip is simulated: such a report says nothing about a patient."""
        return any(clip.cine.simulated for clip in self.clips)

    def clip(self, identifier: str) -> ClipResult:
        """The clip of this identifier."""
        return next(clip for clip in self.clips if clip.id == identifier)

    def frames_used(self, identifier: str) -> list[int]:
        """The frames of a clip that any number comes from, each once, in order."""
        sources = [source for item in self.measurements for source in item.sources if source.clip == identifier]
        return sorted({frame for source in sources for frame in source.frames})

    def truth_of(self, measurement: Measurement) -> TruthValue | None:
        """The true value of ``measurement``; None unless all the clips it comes from are simulated."""
        clips = [self.clip(source.clip) for source in measurement.sources]
        if self.truth is None or not clips or not all(clip.cine.simulated for clip in clips):
            return None
        return self.truth.of(measurement.name)
