"""Prompts and words on their way to the inference process and back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from echoapex.errors import EchoApexError
from echoapex.inference.segmentation import Segmentation
from echoapex.prompts import Prompt
from echoapex.serving import InferenceProcess
from echoapex.session.model_questions import Question
from echoapex.session.state import SessionState


class PromptQueue:
    """Asks one prompt at a time: the next one corrects the mask of the one before.

    ``running`` gives the process, ``answered`` gets a question of ``state`` with its answer, ``refused`` a sentence.
    """

    def __init__(
        self,
        state: SessionState,
        running: Callable[[], InferenceProcess],
        answered: Callable[[Question, Segmentation], None],
        refused: Callable[[str], None],
    ) -> None:
        self._state, self._running, self._answered, self._refused = state, running, answered, refused
        self._waiting: deque[tuple[int, Prompt, str]] = deque()
        self._asking = False
        self._asked: int | None = None
        self._reading: int | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is waited for."""
        return self._asking or self._reading is not None

    def add(self, frame: int, prompt: Prompt, structure: str) -> None:
        """Asks as soon as those before are answered. Raises `PromptError` where it cannot be used."""
        self._running()
        # Refused now, not when its turn comes.
        self._state.ask(frame, prompt, structure)
        self._waiting.append((frame, prompt, structure))
        self._next()

    def read(self, words: str, understood: Callable[[Mapping[str, Any]], None]) -> None:
        """Asks what ``words`` name, in place of those before; ``understood`` gets ``structure`` and ``reason``."""

        def heard(found: Mapping[str, Any]) -> None:
            self._reading = None
            understood(found)

        def refused(sentence: str) -> None:
            self._reading = None
            self._refused(sentence)

        self._cancel(self._reading)
        self._reading = self._running().ask_text(words, heard, refused)

    def drop(self) -> bool:
        """Nobody waits for the answers any more; whether anything was under way."""
        was = self.busy
        self._waiting.clear()
        self._cancel(self._asked if self._asking else None)
        self._cancel(self._reading)
        self._asking, self._reading = False, None
        return was

    def _cancel(self, number: int | None) -> None:
        if number is not None:
            with suppress(EchoApexError):
                self._running().cancel(number)

    def _next(self) -> None:
        if self._asking or not self._waiting:
            return
        frame, prompt, structure = self._waiting.popleft()
        try:
            question = self._state.ask(frame, prompt, structure)
            # Before: an answer may come at once.
            self._asking = True
            self._asked = self._running().ask(question, lambda found: self._hear(question, found), self._refuse)
        except EchoApexError as refusal:
            self._refuse(str(refusal))

    def _hear(self, question: Question, found: Segmentation) -> None:
        self._asking = False
        self._answered(question, found)
        self._next()

    def _refuse(self, sentence: str) -> None:
        self._asking = False
        # The prompts after it were given to a mask that did not come about.
        self._waiting.clear()
        self._refused(sentence)


def isKept(prompt: Prompt, found: Segmentation) -> bool:
    """Whether a place that ``prompt`` takes away is still in the mask that was ``found``."""
    return any(found.masks[0][int(point.y), int(point.x)] for point in prompt.points if not point.positive)
