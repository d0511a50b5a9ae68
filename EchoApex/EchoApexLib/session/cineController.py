"""The work on one open cine: prompts, propagation, review, numbers; questions go to the inference process.

No Qt. Refusals are raised as `EchoApexError`; what comes later is told through callbacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from echoapex.analysis.view_structures import WALL_VIEW
from echoapex.cine import Cine
from echoapex.errors import EchoApexError, PromptError
from echoapex.inference.segmentation import Segmentation
from echoapex.landmarks import Landmarks
from echoapex.models.model_card import OTHER, UNKNOWN
from echoapex.prompts import PointPrompt, Prompt
from echoapex.serving import InferenceProcess
from echoapex.session.frame_entries import Entry
from echoapex.session.model_questions import PromptQuestion, Question
from echoapex.session.state import SessionState
from echoapex.session.undo_history import Change
from echoapex.structures import PROMPTED, listed_structure, structures

from ..cine.echoViewLabel import VIEW, setViewOf, viewOf
from ..measurements.volumeCurve import VolumeCurve
from ..record.raters import sign
from ..sequences.segmentationSequence import titleOf
from ..walls.wallProtocol import StepStatus, WallProtocol
from .dragPreview import DragPreview
from .promptQueue import PromptQueue, isKept
from .sessionScene import SessionScene


class CineController:
    """The cine of ``browser`` with its session, curve and walls.

    ``running`` gives the inference process, or raises `EchoApexError` saying why there is none; ``changed`` is told
    that something on screen is out of date, ``said`` gets a sentence for the user.
    """

    def __init__(
        self,
        scene: Any,
        browser: Any,
        cine: Cine,
        state: SessionState,
        *,
        running: Callable[[], InferenceProcess],
        changed: Callable[[], None],
        said: Callable[[str], None],
    ) -> None:
        self.browser, self.cine, self.state = browser, cine, state
        self._running, self._changed, self._said = running, changed, said
        self.structure, self.view = "LV", viewOf(browser)
        self.scene = SessionScene(scene, browser, state, onEdited=self._edited, onProblem=said)
        self.curve = VolumeCurve(scene, browser, cine, self.view)
        self.walls = WallProtocol(scene, browser, cine, self._wallsChanged, said)
        self.progress: tuple[int, int] | None = None
        self._queue = PromptQueue(state, running, self._answered, self._refused)
        self._work: int | None = None
        self.viewInDoubt = self._viewAsked = False
        self._preview = DragPreview(self.scene, state, running)
        self._stale = {"LV", "LA"} & set(state.structures)
        self.scene.showPrompts(self.structure)
        # What was drawn and not read before the scene was saved, or by somebody else since.
        self.scene.readEdits()

    @property
    def closed(self) -> bool:
        """Whether the scene was closed, or the cine removed from it."""
        return bool(self.scene.closed)

    @property
    def frame(self) -> int:
        """The frame that is shown."""
        return int(self.scene.frame)

    @property
    def entry(self) -> Entry:
        """What is known of the chosen structure on the frame that is shown."""
        return self.state.entry(self.frame, self.structure)

    def leave(self) -> None:
        """Another cine is turned to: what was asked is not wanted any more."""
        self.cancel()
        self._queue.drop()
        self._viewAsked = False
        self._preview.end()

    def close(self) -> None:
        """Lets go of the scene."""
        self.leave()
        for part in (self.scene, self.curve, self.walls):
            part.close()

    def choose(self, structure: str) -> None:
        """The structure that everything is about from now on. Raises `PromptError` for one that is not known."""
        if structure != PROMPTED and structure not in structures():
            raise PromptError("There is no such structure", value=structure)
        self.structure = structure
        self.scene.showPrompts(structure)
        self._changed()

    def click(self, pixel: tuple[float, float], positive: bool = True) -> None:
        """A point prompt on the frame that is shown. Raises `PromptError` where it cannot be used."""
        self._prompt(Prompt(points=(PointPrompt(*pixel, positive=positive),)))

    def box(self, box: tuple[float, float, float, float]) -> None:
        """A box prompt ``(x0, y0, x1, y1)`` on the frame that is shown. Raises `PromptError` as `click`."""
        self._prompt(Prompt(box=box))

    def text(self, words: str, understood: Callable[[], None]) -> None:
        """Looks for what ``words`` name on the frame that is shown; ``understood`` is told once it is known what.

        A listed name is understood at once, other words by the model, which may take a moment. A structure that the
        model cannot find by name is chosen nevertheless, to be pointed at. Raises `PromptError` for that.
        """
        frame, chosen = self.frame, self.structure
        if (listed := listed_structure(words)) is not None:
            self.choose(listed.id)
            understood()
            self._prompt(Prompt(), frame, listed.id)
            return
        self._queue.read(words, lambda found: self._understood(found, frame, chosen, understood))
        self._said("The words are being read.")

    def _understood(self, found: Mapping[str, Any], frame: int, chosen: str, understood: Callable[[], None]) -> None:
        """Goes on with words that were read, about the ``frame`` they were given on; a later choice stays."""
        if self.closed:
            return
        structure = str(found["structure"])
        self._said(f"Looking for {found['reason']}.")
        if self.structure == chosen:
            self.choose(structure)
        understood()
        try:
            self._prompt(Prompt(), frame, structure)
        except EchoApexError as refusal:
            self._said(str(refusal))

    def preview(self, prompt: Prompt) -> None:
        """Shows what ``prompt`` would outline while it is dragged."""
        self._preview.show(prompt, self.structure)

    def endPreview(self) -> None:
        """The drag is over."""
        self._preview.end()

    def _prompt(self, prompt: Prompt, frame: int | None = None, structure: str | None = None) -> None:
        self.endPreview()
        self.scene.readEdits()
        self._queue.add(self.frame if frame is None else frame, prompt, structure or self.structure)

    def _answered(self, question: Question, found: Segmentation) -> None:
        self._take(question, found)
        if not found.masks.any():
            self._said(f"Nothing was found there for {titleOf(question.structure)}.")
        elif isinstance(question, PromptQuestion) and isKept(question.given.prompt, found):
            self._said("The model keeps the place that was to be taken away: try another one, or edit it by hand.")

    def _refused(self, sentence: str) -> None:
        self._said(sentence)
        self._changed()

    def _take(self, question: Question, found: Segmentation) -> None:
        if self.closed:
            return
        if (
            isinstance(question, PromptQuestion)
            and self.state.entry(question.frame, question.structure) != question.before
        ):
            self._said(f"Frame {question.frame} has changed meanwhile: the answer to the prompt was dropped.")
        self._write(self.state.take(question, found))

    # Through the cine

    def propagate(self, direction: int = 0) -> None:
        """Carries the structure from the frame that is shown: back (-1), forward (1), or through all of the cine (0).

        Raises `PromptError` where there is nothing to go by.
        """
        self.scene.readEdits()
        here, count = self.frame, self.cine.frame_count
        frames = {-1: range(here + 1), 0: range(count), 1: range(here, count)}[direction]
        question = self.state.ask_propagation(self.structure, frames)
        self.cancel()
        self._work = self._running().ask(
            question, lambda found: self._propagated(question, found), self._workRefused, self._progressed
        )
        self._progressed(0, max(len(question.frames), 1))

    def _propagated(self, question: Question, found: Segmentation) -> None:
        self._work = self.progress = None
        self._take(question, found)
        absent = int(np.count_nonzero(~found.masks.any(axis=(1, 2))))
        if absent:
            self._said(f"{titleOf(question.structure)} was not found on {absent} of {len(question.frames)} frames.")

    def _workRefused(self, sentence: str) -> None:
        self._work = self.progress = None
        self._refused(sentence)

    def _progressed(self, done: int, total: int) -> None:
        self.progress = (done, total)
        self._changed()

    def cancel(self) -> None:
        """Ends what goes through the cine; nothing of it is kept."""
        if self._work is not None:
            with suppress(EchoApexError):
                # Without a process there is nothing to be cancelled.
                self._running().cancel(self._work)
            self._work = self.progress = None
            self._changed()

    # Review

    def undo(self) -> None:
        """Takes the last change back and goes to where it was; what is still under way is taken back first."""
        if self._takeBack():
            return
        self.scene.readEdits()
        self._again(self.state.undo(), "Undone", "There is nothing to undo.")

    def redo(self) -> None:
        """Does again what was undone last and goes to where it was."""
        if self._queue.busy or self._work is not None:
            self._said("Something is under way: wait for it, or cancel it.")
            return
        self.scene.readEdits()
        self._again(self.state.redo(), "Done again", "There is nothing to do again.")

    def _takeBack(self) -> bool:
        """Drops what has been asked and not answered yet; whether there was anything."""
        if self._work is not None:
            self.cancel()
            self._said("Cancelled: nothing of it is kept.")
            return True
        if not self._queue.drop():
            return False
        self._said("The prompt was taken back before its answer came.")
        return True

    def _again(self, change: Change | None, what: str, nothing: str) -> None:
        if change is None:
            self._said(nothing)
            return
        self._write(change)
        if change.frames and self.frame not in change.frames:
            self.show(change.frames[0])
        self._said(f"{what}: {change.name} ({titleOf(change.structure)}).")

    def accept(self) -> None:
        """Accepts the mask of the frame that is shown: it is locked until `reopen`. Raises `PromptError` for none."""
        self.scene.readEdits()
        self._write(self.state.accept([self.frame], self.structure))

    def acceptAll(self) -> None:
        """Accepts every mask of the structure that there is and that is not flagged."""
        self.scene.readEdits()
        frames = self.state.unreviewed(self.structure)
        if not frames:
            raise PromptError("There is no mask left to accept", value=titleOf(self.structure))
        self._write(self.state.accept(frames, self.structure))

    def flag(self) -> None:
        """Flags the frame that is shown as doubtful."""
        self.scene.readEdits()
        self._write(self.state.flag([self.frame], self.structure))

    def reopen(self) -> None:
        """Takes acceptance and flag from the frame that is shown."""
        self.scene.readEdits()
        self._write(self.state.reopen([self.frame], self.structure))

    def clear(self) -> None:
        """Removes mask and prompts of the frame that is shown. Raises `PromptError` where it is accepted."""
        self.scene.readEdits()
        self._write(self.state.clear([self.frame], self.structure))

    def nextToReview(self) -> None:
        """Goes to the next frame that needs review, around the end of the cine."""
        frames = self.state.needs_review(self.structure)
        if not frames:
            self._said(f"No frame of {titleOf(self.structure)} needs review.")
            return
        self.show(next((one for one in frames if one > self.frame), frames[0]))

    def show(self, frame: int) -> None:
        """Goes to a frame; beyond either end to the last one there."""
        self.scene.show(min(max(frame, 0), self.cine.frame_count - 1))

    # Numbers

    def setView(self, view: str) -> None:
        """Measures as in this view, as somebody says."""
        sign(self.browser, self.state.rater)
        self._setView(view)

    def _setView(self, view: str) -> None:
        self.view = view
        setViewOf(self.browser, view)
        self.curve.setView(view)
        self._changed()

    def recognizeView(self) -> None:
        """Asks the model which view it is, once, where nothing says it; `viewInDoubt` says that it does not tell."""
        if self.view == UNKNOWN and not self._viewAsked:
            self._viewAsked = True
            self._running().ask_view(self._viewFound)

    def _viewFound(self, found: Mapping[str, Any]) -> None:
        if self.closed or self.view != UNKNOWN:
            return
        if found["view"] in (UNKNOWN, OTHER):
            self.viewInDoubt = True
            self._changed()
            return
        self._setView(str(found["view"]))
        sure = f"{self.view}, probability {found['probability']:.2f}"
        self._said(f"The model takes this cine for {sure}: choose the view if that is wrong.")

    def setPhase(self, ed: bool) -> None:
        """The frame that is shown is end-diastole, or end-systole. Raises `EchoApexError` where it is both."""
        phase = {"ed" if ed else "es": self.frame}
        # Both or none: the walls have phases of their own.
        if self._hasWalls and self.walls.phases[1 if ed else 0] == self.frame:
            raise EchoApexError("ED and ES must be two frames", value=f"both are frame {self.frame}")
        sign(self.browser, self.state.rater)
        self.curve.setPhases(**phase)
        if self._hasWalls:
            self.walls.setPhases(**phase)
        self._changed()

    @property
    def _hasWalls(self) -> bool:
        """Whether walls are measured here, or may yet be: points need ED and ES before they can be placed."""
        return self.walls.points is not None or self.view in (WALL_VIEW, UNKNOWN)

    def findPhases(self) -> None:
        """End-diastole and end-systole as they are found, not as they were set by hand."""
        self.curve.clearPhases()
        self.walls.clearPhases()
        self._changed()

    def measure(self) -> bool:
        """Brings curve and numbers up to date; whether there was anything to do."""
        stale, self._stale = self._stale, set()
        if (said := self.browser.GetAttribute(VIEW)) not in (None, self.view):
            self._setView(said)
        for structure in sorted(stale):
            self.curve.follow(self.state, structure)
        return self.curve.takePhases() or bool(stale)

    def suggestWalls(self) -> None:
        """Asks the model for the landmarks of the walls; ED and ES are those of the curve."""
        self.cancel()
        self._work = self._running().ask_landmarks(self._wallsFound, self._workRefused, self._progressed)
        self._progressed(0, self.cine.frame_count)

    def placeWalls(self) -> None:
        """Lets clicks place the points of the walls; where they have no ED or no ES, that of the curve counts.

        Raises `EchoApexError` as `WallProtocol.startPlacing`.
        """
        ed, es = self.walls.phases
        found = self.curve.phases.ed if ed is None else ed, self.curve.phases.es if es is None else es
        if found != (ed, es) and found[0] != found[1]:
            self.walls.setPhases(*found)
        self.walls.startPlacing()

    def _wallsFound(self, landmarks: Landmarks) -> None:
        self._work = self.progress = None
        if not self.closed:
            try:
                self.walls.suggest(landmarks, self.curve.phases.ed, self.curve.phases.es)
                if self.walls.next is not None:
                    # Nothing is to be confirmed that has not been seen.
                    self.walls.jump(self.walls.next)
            except EchoApexError as refusal:
                self._said(str(refusal))
        self._changed()

    def _wallsChanged(self) -> None:
        if any(step.status in (StepStatus.BY_HAND, StepStatus.CONFIRMED) for step in self.walls.steps):
            sign(self.browser, self.state.rater)
        self._changed()

    def _edited(self, change: Change) -> None:
        self._stale |= {change.structure} & {"LV", "LA"}
        self._changed()

    def _write(self, change: Change) -> None:
        self.scene.write(change)
        self._edited(change)
