"""What a prompt would outline, shown while it is dragged."""

from __future__ import annotations

from collections.abc import Callable

from echoapex.errors import PromptError
from echoapex.inference.segmentation import Segmentation
from echoapex.prompts import Prompt
from echoapex.serving import InferenceProcess
from echoapex.session.model_questions import PromptQuestion
from echoapex.session.state import SessionState

from .sessionScene import SessionScene


class DragPreview:
    """Asks the process that ``running`` gives and shows the answers in ``scene``; ``state`` is never changed."""

    def __init__(self, scene: SessionScene, state: SessionState, running: Callable[[], InferenceProcess]) -> None:
        self._scene, self._state, self._running = scene, state, running
        self._asked = self._shownFrom = 0

    def show(self, prompt: Prompt, structure: str) -> None:
        """Shows what ``prompt`` would outline on the frame that is shown, as soon as that is known."""
        self._asked += 1
        try:
            question = self._state.ask(self._scene.frame, prompt, structure)
        except PromptError:
            # On the way, a drag may pass over places where no prompt can be: letting go there tells.
            self._scene.preview(None)
            return
        number = self._asked
        self._running().ask(question, lambda found: self._found(number, question, found), replaces="preview")

    def end(self) -> None:
        """The drag is over: nothing of it is shown any more, nor what is still on its way."""
        self._shownFrom = self._asked + 1
        self._scene.preview(None)

    def _found(self, number: int, question: PromptQuestion, found: Segmentation) -> None:
        # Of one drag, the newest answer comes last.
        if number >= self._shownFrom and not self._scene.closed and question.frame == self._scene.frame:
            self._scene.preview(found.masks[0], question.structure)
