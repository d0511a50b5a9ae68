"""What is being done with a clip, told while it is done."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Stage(StrEnum):
    """Steps of one clip, in their order; landmarks are looked for in PLAX only."""

    READING = "reading"
    VIEW = "view"
    OUTLINES = "outlines"
    LANDMARKS = "landmarks"
    MEASURING = "measuring"


TellStage = Callable[[Stage], None]


def untold(_: Stage) -> None:
    """For nobody who wants to know."""
