"""What happens while studies are analyzed: events, each in words for people and as plain data for machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..analysis.clip_analysis import ClipResult
from ..analysis.clip_stages import Stage
from ..console import plain
from ..errors import EchoApexError
from ..measure.measurement import Measurement
from ..report import StudyReport
from ..report.report_folder import JSON_FILE, PAGE_FILE, TABLE_FILE


@dataclass(frozen=True)
class Event:
    """Something that has happened; ``event`` names its kind."""

    event: ClassVar[str]

    @property
    def words(self) -> tuple[str, ...]:
        """Sentences for people, none for what only machines want to know."""
        return ()

    @property
    def record(self) -> dict[str, Any]:
        """The event as plain data, fit for JSON."""
        return {"event": self.event, **plain(vars(self))}


Progress = Callable[[Event], None]


@dataclass(frozen=True)
class Message(Event):
    """Something worth telling that has no kind of its own."""

    event: ClassVar[str] = "message"
    text: str

    @property
    def words(self) -> tuple[str, ...]:
        """The text."""
        return (self.text,)


@dataclass(frozen=True)
class StudyStarted(Event):
    """A study is begun: the ``number``-th (from 1) of ``studies``; its ``files`` in the order in which they come."""

    event: ClassVar[str] = "study"
    study: str
    number: int
    studies: int
    files: tuple[Path, ...]

    @property
    def record(self) -> dict[str, Any]:
        """Also with the number of its ``clips``."""
        return {**super().record, "clips": len(self.files)}


@dataclass(frozen=True)
class ClipPlace:
    """Which clip is told of: ``file`` is the ``number``-th (from 1) of ``clips`` in ``study``.

    There may be one more of them at the next: a copy that stands in for what cannot be read.
    """

    study: str
    file: Path
    number: int
    clips: int


@dataclass(frozen=True)
class ClipStage(Event):
    """A stage of a clip begins."""

    event: ClassVar[str] = "clip"
    place: ClipPlace
    stage: Stage

    @property
    def words(self) -> tuple[str, ...]:
        """Where we are, once for each clip."""
        if self.stage is not Stage.READING:
            return ()
        return (f"{self.place.study}: clip {self.place.number} of {self.place.clips}",)

    @property
    def record(self) -> dict[str, Any]:
        """The place and the stage."""
        return {"event": self.event, **plain(self.place), "stage": self.stage.value}


@dataclass(frozen=True)
class ClipDone(Event):
    """What became of a clip that could be read; its numbers are those of this clip alone."""

    event: ClassVar[str] = "clip_done"
    place: ClipPlace
    clip: ClipResult

    @property
    def words(self) -> tuple[str, ...]:
        """Why what is missing is missing."""
        failed = () if self.clip.refusal is None else (self.clip.refusal,)
        return tuple(map(str, (*failed, *self.clip.not_measured)))

    @property
    def record(self) -> dict[str, Any]:
        """The place, what was found, and why what is missing was not; ``confidence`` is the mean over the frames."""
        clip = self.clip
        return {
            "event": self.event,
            **plain(self.place),
            "clip": clip.id,
            "view": clip.view,
            "view_probability": plain(clip.view_probability),
            "view_source": clip.view_source.value,
            "mode": plain(clip.cine.mode),
            "frame_count": clip.cine.frame_count,
            "scale_source": plain(clip.cine.scale.source),
            "confidence": {name: float(item.confidence.mean()) for name, item in clip.segmentations.items()},
            "beats": len(clip.beats),
            "measurements": [_number(item) for item in clip.measurements],
            "warnings": len(clip.warnings),
            "failure": None if clip.refusal is None else clip.refusal.as_failure(),
            "not_measured": [reason.as_failure() for reason in clip.not_measured],
        }


@dataclass(frozen=True)
class ClipFailed(Event):
    """A file that gives no clip: it ``failed``, or shows nothing that is measured (M-mode, a copy)."""

    event: ClassVar[str] = "clip_failed"
    place: ClipPlace
    reason: EchoApexError
    failed: bool = True

    @property
    def words(self) -> tuple[str, ...]:
        """The reason."""
        return (str(self.reason),)

    @property
    def record(self) -> dict[str, Any]:
        """The place and the reason."""
        return {"event": self.event, **plain(self.place), "failed": self.failed, **_reason(self.reason)}


@dataclass(frozen=True)
class Writing(Event):
    """A part of the report of ``study`` is being written."""

    event: ClassVar[str] = "writing"
    study: str
    what: str

    @property
    def words(self) -> tuple[str, ...]:
        """The part."""
        return (f"writing {self.what}",)


@dataclass(frozen=True)
class StudyDone(Event):
    """A study has been analyzed and written to ``folder``; without a ``scene``, ``scene_message`` says why."""

    event: ClassVar[str] = "study_done"
    report: StudyReport
    folder: Path
    scene: Path | None
    scene_message: str

    @property
    def words(self) -> tuple[str, ...]:
        """What is to be said of the scene."""
        return (self.scene_message,) if self.scene_message else ()

    @property
    def record(self) -> dict[str, Any]:
        """Where everything lies, and how much it is."""
        return {
            "event": self.event,
            "study": self.report.id,
            "folder": plain(self.folder),
            "report": plain(self.folder / JSON_FILE),
            "html": plain(self.folder / PAGE_FILE),
            "csv": plain(self.folder / TABLE_FILE),
            "scene": plain(self.scene),
            "scene_message": self.scene_message or None,
            "clips": len(self.report.clips),
            "measurements": len(self.report.measurements),
            "failures": len(self.report.failures),
        }


@dataclass(frozen=True)
class StudyFailed(Event):
    """A study could not be written, and why."""

    event: ClassVar[str] = "study_failed"
    study: str
    reason: EchoApexError

    @property
    def words(self) -> tuple[str, ...]:
        """The reason."""
        return (str(self.reason),)

    @property
    def record(self) -> dict[str, Any]:
        """The study and the reason."""
        return {"event": self.event, "study": self.study, **_reason(self.reason)}


def in_words(tell: Callable[[str], None]) -> Progress:
    """Progress for people: ``tell`` is called with each sentence of each event."""

    def told(event: Event) -> None:
        for sentence in event.words:
            tell(sentence)

    return told


def unwatched(_: Event) -> None:
    """For nobody who wants to know."""


def _number(item: Measurement) -> Mapping[str, Any]:
    return {"name": item.name, "value": plain(item.value), "unit": item.unit, "method": item.method}


def _reason(reason: EchoApexError) -> dict[str, Any]:
    told = reason.as_failure()
    return {"rule": told["rule"], "value": told["value"], "message": str(reason)}
