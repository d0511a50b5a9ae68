"""The clips that a user has opened: several studies apart, each with its view and its scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from echoapex.analysis.clip_corrections import Calibration
from echoapex.cine import Scale, ScaleSource

from .calibrations import Calibrations

_SAME_SHARE = 0.04
"""How far the sectors of two clips of one setting may lie apart, as a share of the rows of a frame (our choice: where
the near field is dark, a sector is found to begin lower)."""


@dataclass(frozen=True)
class ListedClip:
    """One clip of the list. What its header does not say is None; ``refusal`` says why it is not used.

    ``result`` is what became of it in an analysis, ``viewSource`` who named the view: ``header``, ``recognized`` by the
    model with ``probability``, or ``user``. ``size`` is ``(rows, columns)``, ``box`` that of the sector, ``depth`` what
    the machine was set to in mm. ``calibration`` is by hand and goes before the scale of the file.
    """

    study: str
    file: Path
    parts: tuple[Path, ...] = ()
    view: str | None = None
    viewSource: str = ""
    probability: float | None = None
    mode: str | None = None
    frames: int | None = None
    rate: float | None = None
    scale: str | None = None
    mmPerPx: tuple[float, float] | None = None
    scaleReason: str = ""
    warnings: tuple[str, ...] = ()
    refusal: str = ""
    result: str = ""
    size: tuple[int, int] | None = None
    machine: str = ""
    depth: float | None = None
    box: tuple[int, ...] | None = None
    calibration: Calibration | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """What has to be read for it."""
        return self.parts or (self.file,)

    @property
    def fileScale(self) -> Scale:
        """The scale without what was given by hand, as far as it is known."""
        if self.mmPerPx is None or self.scale in (None, ScaleSource.NONE, ScaleSource.USER):
            return Scale.none(self.scaleReason or "the header says nothing of it")
        return Scale(self.mmPerPx, ScaleSource(self.scale))

    def likeDepthOf(self, other: ListedClip) -> bool:
        """Whether it was recorded with the setting of ``other``, as far as can be told without knowing the depth.

        Both must come from one machine that names itself, with frames of one size and the sector in one place; a depth
        that both files state must be the same.
        """
        if self.box is None or other.box is None or not self.machine or self.size is None:
            return False
        apart = max(abs(one - two) for one, two in zip(self.box, other.box, strict=True))
        near = apart <= _SAME_SHARE * self.size[0]
        depths = self.depth is None or other.depth is None or self.depth == other.depth
        return near and depths and (self.machine, self.size) == (other.machine, other.size)


@dataclass
class ListedStudy:
    """One study: what its headers say of the patient, and notes on how its files were told apart."""

    id: str
    patient: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    files: list[Path] = field(default_factory=list)


class ClipList:
    """Studies and clips in the order in which they were found; what the user has given goes before all else.

    Views and ``calibrations`` are given by the user; pictures are pixels of `echoapex.study.clip_pictures` by file.
    """

    def __init__(self, calibrations: Calibrations | None = None) -> None:
        self.calibrations = Calibrations() if calibrations is None else calibrations
        self.pictures: dict[Path, bytes] = {}
        self._boxes: dict[Path, tuple[int, ...]] = {}
        self.studies: dict[str, ListedStudy] = {}
        self._clips: dict[Path, ListedClip] = {}
        self._given: dict[Path, str] = {}

    @property
    def clips(self) -> tuple[ListedClip, ...]:
        """All clips, study by study."""
        return tuple(self.clip(file) for study in self.studies.values() for file in study.files)

    def __contains__(self, file: Path) -> bool:
        """Whether a file is listed."""
        return file in self._clips

    def clip(self, file: Path) -> ListedClip:
        """The clip of a file, with the view and the scale that the user has given."""
        found = replace(self._clips[file], box=self._boxes.get(file))
        given, calibration = self._given.get(file), self.calibrations.of(file)
        if given is not None:
            found = replace(found, view=given, viewSource="user", probability=None)
        if calibration is None:
            return found
        scale = calibration.scale(found.fileScale)
        return replace(found, calibration=calibration, scale=scale.source, mmPerPx=scale.mm_per_px)

    def clipsOf(self, study: str) -> tuple[ListedClip, ...]:
        """The clips of a study; none where there is no such study."""
        found = self.studies.get(study)
        return () if found is None else tuple(self.clip(file) for file in found.files)

    def addStudy(self, study: ListedStudy) -> None:
        """Adds a study without clips."""
        self.studies[study.id] = study

    def addClip(self, clip: ListedClip) -> None:
        """Adds a clip to its study, or puts what is known by now in its place."""
        if clip.file not in self._clips:
            self.studies[clip.study].files.append(clip.file)
        self._clips[clip.file] = clip

    def takeSeen(self, file: Path, box: tuple[int, ...], picture: bytes) -> None:
        """The clip of a file was looked at: where its sector lies, and a small picture of it."""
        if file in self._clips:
            self._boxes[file], self.pictures[file] = box, picture

    def likeDepthOf(self, file: Path) -> tuple[Path, ...]:
        """The files of all clips with the setting of this one, itself first; see `ListedClip.likeDepthOf`."""
        clip = self.clip(file)
        return (file, *(one.file for one in self.clips if one.file != file and one.likeDepthOf(clip)))

    def fileScale(self, file: Path) -> Scale:
        """The scale of a file without what was given by hand, as far as it is known."""
        return self._clips[file].fileScale

    def giveView(self, file: Path, view: str | None) -> None:
        """The user says which view it is; None takes that back."""
        if view is None:
            self._given.pop(file, None)
        else:
            self._given[file] = view

    def givenView(self, file: Path) -> str | None:
        """The view that the user has given to the clip of a file, if any."""
        return self._given.get(file)

    def givenViews(self, study: str) -> dict[Path, str]:
        """The views that the user has given to clips of a study."""
        return {clip.file: self._given[clip.file] for clip in self.clipsOf(study) if clip.file in self._given}

    def takeResult(self, file: Path, **found: Any) -> None:
        """Puts what an analysis has found of a clip in the place of what its header says; of others nothing.

        A scale by hand stays out of it: that of the file is needed when it is taken back.
        """
        if found.get("scale") == ScaleSource.USER:
            found = {name: value for name, value in found.items() if name not in ("scale", "mmPerPx", "scaleReason")}
        if file in self._clips:
            self._clips[file] = replace(self._clips[file], **found)
