"""What people have corrected in the clips of a scene, gathered for the next analysis of them.

What was drawn and not yet taken over is read first. A scene is only read here: nothing in it is lost, whatever becomes
of the analysis.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from echoapex.analysis.clip_corrections import Calibration, ClipCorrections
from echoapex.analysis.corrections_file import clip_record, file_record, write_corrections
from echoapex.errors import EchoApexError
from echoapex.models.model_card import ModelCard
from echoapex.session.frame_entries import PackedMask, Status
from echoapex.session.state import SessionState

from ..cine.cineFromBrowser import cineOf
from ..cine.echoViewLabel import VIEW
from ..cine.fileMarks import FILE, fileMark
from ..measurements.phasesByHand import PHASES, phasesOf
from ..record.decisions import DECISIONS, LONGEST_TEXT, decisionsOf
from ..record.raters import ratersOf
from ..sequences.cineSequence import sequencesWith
from ..sequences.segmentationSequence import LABELMAP, maskOf
from ..session.sessionMaskSegments import MASKS
from ..session.sessionSaveAndRestore import SESSION, restoreState
from ..session.sessionScene import openSession
from ..session.startFromAnalysis import analyzedEntries
from ..sliceView.redSliceSetup import clipBrowsers
from ..userSettings import UserSettings
from ..walls.wallProtocol import PROTOCOL
from ..walls.wallsByHand import wallsByHand

_SAID = (VIEW, PHASES, PROTOCOL, DECISIONS)
"""Attributes of a browser that say something by hand."""


class CorrectionsFile:
    """A file of corrections for as long as an analysis needs it."""

    def __init__(self) -> None:
        self._path: Path | None = None

    def keep(self, path: Path | None) -> Path | None:
        """Keeps ``path`` in place of the one before, which is removed."""
        self.remove()
        self._path = path
        return path

    def remove(self) -> None:
        """Removes the file, if there is one."""
        if self._path is not None:
            # A process that has just been ended may hold it on Windows.
            with suppress(OSError):
                self._path.unlink()
        self._path = None


class CorrectionsOfScene:
    """The corrections of the clips in ``scene``, as files for analyses. It remembers which outlines nobody has touched:
    looking through all of them takes a second for a long cine.

    ``settings`` gives what the user has set: the model that sessions are with which nobody has begun, and who works now
    and has corrected what nobody has signed.
    """

    def __init__(self, scene: Any, settings: Callable[[], UserSettings] = UserSettings) -> None:
        self._scene, self._settings = scene, settings
        self._untouched: dict[str, int] = {}

    def write(
        self, calibrations: Mapping[Path, Calibration] | None = None, only: Iterable[Path] | None = None
    ) -> Path | None:
        """Writes what was corrected to a new file that only this user may read; None where there is nothing.

        ``calibrations`` are by file of a clip, shown or not. Clips that are known to be of other files than ``only``
        these are left out. Raises `EchoApexError` where what the scene says is damaged, or no file can be written.
        """
        settings = self._settings()
        rater = settings.rater.strip()[:LONGEST_TEXT]
        marks = None if only is None else {None, *map(fileMark, only)}
        browsers = [one for one in clipBrowsers(self._scene) if marks is None or one.GetAttribute(FILE) in marks]
        clips = self._clips(browsers, settings.modelCard(), rater) if browsers else {}
        scales = (calibrations or {}).items()
        files = {
            path: entry
            for file, one in scales
            for path, entry in file_record(file, ClipCorrections(rater, calibration=one)).items()
        }
        if not (clips or files):
            return None
        try:
            handle, name = tempfile.mkstemp(prefix="echoapex-corrections-", suffix=".json")
        except OSError as error:
            raise EchoApexError("The corrections cannot be written", value=error.strerror) from None
        os.close(handle)
        try:
            write_corrections(name, clips, files)
        except EchoApexError:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)

    def _clips(self, browsers: Iterable[Any], card: ModelCard, rater: str) -> dict[str, Any]:
        clips: dict[str, Any] = {}
        for browser in browsers:
            try:
                clips |= self._clip(browser, card, rater)
            except EchoApexError as refusal:
                told = browser.GetName() if refusal.value is None else f"{browser.GetName()}: {refusal.value}"
                raise EchoApexError(refusal.rule, value=told) from None
        return clips

    def _clip(self, browser: Any, card: ModelCard, rater: str) -> dict[str, Any]:
        session = openSession(browser)
        if session is not None:
            session.readEdits()
            session.saveRecord()
        touched = _lastTouch(browser)
        drawn = self._untouched.get(browser.GetID()) != touched
        said = isSaid(browser)
        if not (drawn or said or browser.GetNodeReference(SESSION)):
            return {}
        state = _state(browser, card, drawn)
        if not (said or isByHand(state)):
            self._untouched[browser.GetID()] = touched
            return {}
        decisions = decisionsOf(browser)
        corrections = ClipCorrections(
            ratersOf(browser) or rater,
            flip=state.cine.flip,
            view=browser.GetAttribute(VIEW),
            phases=phasesOf(browser, state.cine.frame_count),
            excluded=decisions.excluded,
            walls=wallsByHand(browser, state.cine),
            excluded_beats=decisions.beats,
            confirmed_values=decisions.confirmed,
        )
        return clip_record(state, corrections, browser.GetName()[:LONGEST_TEXT])


def _lastTouch(browser: Any) -> int:
    """When an outline of the clip of ``browser`` was changed last."""
    last = 0
    for sequence in sequencesWith(browser, "vtkMRMLSegmentationNode"):
        for item in range(sequence.GetNumberOfDataNodes()):
            segmentation = sequence.GetNthDataNode(item).GetSegmentation()
            segments = (segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments()))
            images = (segment.GetRepresentation(LABELMAP) for segment in segments)
            last = max([last, *(image.GetMTime() for image in images if image is not None)])
    return last


def _state(browser: Any, card: ModelCard, drawn: bool) -> SessionState:
    """The session of a clip, or what would be that of one nobody has worked on.

    Where something may have been ``drawn`` that no session has read, it is in it, too.
    """
    state = restoreState(browser, card)
    if state is None:
        state = SessionState(card, cineOf(browser))
        state.begin(analyzedEntries(browser, state.cine)[1] if drawn else {})
    elif drawn and openSession(browser) is None:
        _readDrawn(browser, state)
    return state


def _readDrawn(browser: Any, state: SessionState) -> None:
    """Takes masks into ``state`` that differ from what it has; one that was accepted stays as it is."""
    masks, shape = browser.GetNodeReference(MASKS), (state.cine.rows, state.cine.columns)
    for structure in () if masks is None else state.structures:
        for frame in range(state.cine.frame_count):
            entry = state.entry(frame, structure)
            mask = maskOf(masks.GetNthDataNode(frame).GetSegmentation(), structure, shape)
            same = not mask.any() if entry.mask is None else PackedMask.of(mask) == entry.mask
            if not same and entry.review is not Status.ACCEPTED:
                state.edit(frame, mask, structure)


def isSaid(browser: Any) -> bool:
    """Whether somebody has said anything of the clip of ``browser``, but for its outlines."""
    return any(browser.GetAttribute(name) for name in _SAID)


def isByHand(state: SessionState) -> bool:
    """Whether there is any mask that a person has drawn, prompted or accepted."""
    frames = range(state.cine.frame_count)
    return any(state.entry(frame, structure).by_a_person for structure in state.structures for frame in frames)
