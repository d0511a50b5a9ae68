"""The clips that a user has opened: found by a process of its own, several studies apart, each with its view.

No Qt: whoever shows the list calls `ClipReader.poll` every now and then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from echoapex.analysis.clip_corrections import Calibration
from echoapex.cine import Mode, ScaleSource
from echoapex.console import harmless
from echoapex.errors import EchoApexError
from echoapex.io.json_shapes import Shape, check_shape, list_of, number, one_of, or_null, record, row, text, whole
from echoapex.io.untrusted_json import parse_json
from echoapex.serving.watched_process import WatchedProcess
from echoapex.study.clip_listing import CLIP, COUNT, LEFT_OUT, REFUSED, STUDY

_SHAPES: Mapping[str, Shape] = {
    COUNT: record({"clips": whole(), "left_out": whole()}, more_allowed=True),
    LEFT_OUT: record({"text": text}, more_allowed=True),
    REFUSED: record({"text": text}, more_allowed=True),
    STUDY: record(
        {
            "study": text,
            "patient": record(
                {"sex": or_null(text), **dict.fromkeys(("age", "height_cm", "weight_kg"), or_null(number()))}
            ),
            "notes": list_of(text),
        },
        more_allowed=True,
    ),
    CLIP: record(
        {
            "study": text,
            "file": text,
            "parts": list_of(text),
            "view": or_null(text),
            "mode": or_null(one_of(*Mode)),
            "frames": or_null(whole()),
            "rate": or_null(number()),
            "scale": or_null(one_of(*ScaleSource)),
            "mm_per_px": or_null(row(number(), number())),
            "scale_reason": or_null(text),
            "warnings": list_of(text),
            "refusal": or_null(text),
        },
        more_allowed=True,
    ),
}
_BROKEN = "The list of clips was not understood"


@dataclass(frozen=True)
class ListedClip:
    """One clip of the list. What its header does not say is None; ``refusal`` says why it is not used.

    ``result`` is what became of it in an analysis, ``viewSource`` who named the view: ``header``, ``recognized`` by the
    model with ``probability``, or ``user``. ``calibration`` is by hand and goes before the scale of the file.
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
    calibration: Calibration | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """What has to be read for it."""
        return self.parts or (self.file,)


@dataclass
class ListedStudy:
    """One study: what its headers say of the patient, and notes on how its files were told apart."""

    id: str
    patient: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    files: list[Path] = field(default_factory=list)


class ClipList:
    """Studies and clips in the order in which they were found; views that the user has given go before all others."""

    def __init__(self) -> None:
        self.studies: dict[str, ListedStudy] = {}
        self._clips: dict[Path, ListedClip] = {}
        self._given: dict[Path, str] = {}

    @property
    def clips(self) -> tuple[ListedClip, ...]:
        """All clips, study by study."""
        return tuple(self.clip(file) for study in self.studies.values() for file in study.files)

    def clip(self, file: Path) -> ListedClip:
        """The clip of a file, with the view that the user has given."""
        found = self._clips[file]
        given = self._given.get(file)
        return found if given is None else replace(found, view=given, viewSource="user", probability=None)

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

    def giveView(self, file: Path, view: str | None) -> None:
        """The user says which view it is; None takes that back."""
        if view is None:
            self._given.pop(file, None)
        else:
            self._given[file] = view

    def givenViews(self, study: str) -> dict[Path, str]:
        """The views that the user has given to clips of a study."""
        return {clip.file: self._given[clip.file] for clip in self.clipsOf(study) if clip.file in self._given}

    def takeResult(self, file: Path, **found: Any) -> None:
        """Puts what an analysis has found of a clip in the place of what its header says; of others nothing."""
        if file in self._clips:
            self._clips[file] = replace(self._clips[file], **found)


class ClipReader:
    """Fills a new `ClipList` from files and folders by a process of its own; `poll` brings what has come.

    ``said`` gets a sentence where nothing can be listed. Raises `EchoApexError` where the process cannot be started.
    """

    def __init__(self, paths: Sequence[str | Path], python: str, said: Callable[[str], None]) -> None:
        self.list = ClipList()
        self.leftOut: tuple[str, ...] = ()
        self.expected: int | None = None
        self._said = said
        self._refused = False
        given = json.dumps([str(Path(path).absolute()) for path in paths]).encode()
        command = [python, "-m", "echoapex.study.clip_listing_process"]
        self._process: WatchedProcess | None = WatchedProcess(command, given=given)
        self._lastWords = ""

    @property
    def busy(self) -> bool:
        """Whether there is more to come."""
        return self._process is not None

    def poll(self) -> bool:
        """Takes what was found by now; whether there was anything."""
        process = self._process
        if process is None:
            return False
        code = process.exit_code
        lines = process.lines()
        self._lastWords = ([self._lastWords, *process.messages()])[-1]
        try:
            for line in lines:
                self._take(line)
        except EchoApexError as refusal:
            self._said(str(refusal))
            self.close()
            return True
        if code is not None:
            self._end(code)
        return bool(lines) or code is not None

    def _end(self, code: int) -> None:
        self.close()
        if code != 0 and not self._refused:
            found = self._lastWords or f"exit code {code}"
            self._said(f"Not all clips could be listed: the process that reads their headers ended ({found}).")

    def close(self) -> None:
        """Reads no further; what is listed stays."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _take(self, line: str) -> None:
        message = parse_json(line, _BROKEN)
        about = str(message.get("say")) if isinstance(message, dict) else ""
        if about not in _SHAPES:
            raise EchoApexError(_BROKEN, value=about)
        check_shape(message, _SHAPES[about], _BROKEN)
        getattr(self, f"_take_{about}")(message)

    def _take_count(self, message: Mapping[str, Any]) -> None:
        self.expected = message["clips"]

    def _take_left_out(self, message: Mapping[str, Any]) -> None:
        self.leftOut = (*self.leftOut, harmless(message["text"]))

    def _take_refused(self, message: Mapping[str, Any]) -> None:
        self._refused = True
        self._said(harmless(message["text"]))

    def _take_study(self, message: Mapping[str, Any]) -> None:
        notes = tuple(map(harmless, message["notes"]))
        self.list.addStudy(ListedStudy(message["study"], message["patient"], notes))

    def _take_clip(self, message: Mapping[str, Any]) -> None:
        spacing = message["mm_per_px"]
        if message["study"] not in self.list.studies:
            raise EchoApexError(_BROKEN, value=message["study"])
        self.list.addClip(
            ListedClip(
                study=message["study"],
                file=Path(message["file"]),
                parts=tuple(map(Path, message["parts"])),
                view=message["view"],
                viewSource="header" if message["view"] else "",
                mode=message["mode"],
                frames=message["frames"],
                rate=message["rate"],
                scale=message["scale"],
                mmPerPx=None if spacing is None else (float(spacing[0]), float(spacing[1])),
                scaleReason=message["scale_reason"] or "",
                warnings=tuple(map(harmless, message["warnings"])),
                refusal=harmless(message["refusal"] or ""),
            )
        )
