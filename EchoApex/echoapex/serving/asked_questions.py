"""Questions on their way to the inference process, as messages, and their answers from messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import EchoApexError
from ..inference.segmentation import Segmentation
from ..landmarks import Landmarks
from ..session.model_questions import PromptQuestion, Question
from .message_shapes import TEXT, Message
from .messages import question_to_message
from .shared_memory import SharedCine


def ignore(*_: object) -> None:
    """Nobody wants to know."""


@dataclass
class Asked:
    """A question on its way: who is told of the answer, of a refusal, and how far it is."""

    number: int
    question: Question | str
    answered: Callable[[Any], None]
    refused: Callable[[str], None] = ignore
    progress: Callable[[int, int], None] = ignore
    replaces: str = ""
    words: str = ""
    tries: int = 0

    @property
    def is_click(self) -> bool:
        """Whether it is answered before what goes through the whole cine."""
        return isinstance(self.question, PromptQuestion) or self.question == TEXT

    def to_message(self, shared: SharedCine) -> Message:
        """The question as it is sent, its masks in ``shared``."""
        if isinstance(self.question, str):
            about: Message = {"kind": self.question, "words": self.words}
        else:
            about = question_to_message(self.question, shared)
        return {"do": "ask", "id": self.number, **about}

    def answer_of(self, told: Message, shared: SharedCine) -> object:
        """The answer in a message, its masks copied before another question may take their place.

        Raises `EchoApexError` for a message that holds no answer to this question.
        """
        try:
            if self.question in ("view", TEXT):
                return told[str(self.question)]
            if self.question == "landmarks":
                return _landmarks(told["landmarks"])
            return self._masks(told, shared)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise EchoApexError("This answers another question", value=f"{type(error).__name__} {error}") from None

    def _masks(self, told: Message, shared: SharedCine) -> Segmentation:
        confidence = np.array(told["confidence"], np.float32)
        masks, first = (shared.prompt, 1) if self.is_click else (shared.masks, 0)
        found = np.zeros((confidence.size, *masks.shape), bool)
        for index in range(confidence.size):
            found[index] = masks.get(first + index)
        return Segmentation(found, confidence)


def _landmarks(told: Mapping[str, Any]) -> Landmarks:
    covariance = told["covariance_px"]
    return Landmarks(
        tuple(told["names"]),
        np.array(told["points"], np.float64),
        np.array(told["sigma_px"], np.float64),
        None if covariance is None else np.array(covariance, np.float64),
    )
