"""One patient before one subject: whole clips are read once, whatever tasks ask for their outlines and numbers."""

from __future__ import annotations

from ...analysis.clip_analysis import ClipResult, analyze_clip
from ...analysis.clip_view import FoundView
from ...inference.view_classification import ViewEstimate
from .evaluated_model import Subject
from .simulated_patients import SimulatedPatient


class Visit:
    """What ``subject`` finds in the whole clips of ``patient``, the way a study finds it.

    Only findings are kept: observers hold every frame they encoded, and those of several clips are too much.
    """

    def __init__(self, subject: Subject, patient: SimulatedPatient) -> None:
        self.subject, self.patient = subject, patient
        self._results: dict[str, ClipResult] = {}
        self._estimates: dict[str, ViewEstimate | None] = {}

    def result(self, view: str) -> ClipResult:
        """The clip of a main view, outlined and measured as a study does it when told the view."""
        if view not in self._results:
            clip = self.patient.clip(view)
            observer, known = self.subject.observe(clip), self.subject.structures
            self._estimates[view] = observer.view()
            self._results[view] = analyze_clip(observer, known, clip.cine(), view, FoundView(view))
        return self._results[view]

    def estimate(self, view: str) -> ViewEstimate | None:
        """The view that is recognized in the clip of a main view; None from a subject that tells no views."""
        if view not in self._estimates:
            self._estimates[view] = self.subject.observe(self.patient.clip(view)).view()
        return self._estimates[view]
