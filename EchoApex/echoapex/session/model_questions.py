"""What a session asks the model: plain data that can be sent to another process, with what is needed for the answer.

Frames are counted from 0, pixels are ``(x right, y down)`` of the full frame, masks ``bool [H, W]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..cine import BoolMask
from ..prompts import Prompt
from .frame_entries import Entry, Given


@dataclass(frozen=True)
class PromptQuestion:
    """What ``asked`` outlines on one frame: all prompts of the frame together, and the mask that they correct.

    ``given`` is what is new in it, ``before`` what the session knew of the frame when it asked.
    """

    structure: str
    frame: int
    asked: Prompt
    given: Given
    before: Entry

    @property
    def frames(self) -> tuple[int, ...]:
        """The one frame, as other questions have several."""
        return (self.frame,)


@dataclass(frozen=True)
class CarryQuestion:
    """The ``given`` masks by frame, each as sure as ``certainty`` says (0 to 1), carried to ``frames`` (rising).

    ``before`` is what the session knew of these frames when it asked.
    """

    structure: str
    frames: tuple[int, ...]
    given: Mapping[int, BoolMask]
    certainty: Mapping[int, float]
    before: Mapping[int, Entry]


@dataclass(frozen=True)
class NameQuestion:
    """A structure looked for by its name on ``frames`` (rising); ``before`` as in `CarryQuestion`."""

    structure: str
    frames: tuple[int, ...]
    before: Mapping[int, Entry]


Question = PromptQuestion | CarryQuestion | NameQuestion
