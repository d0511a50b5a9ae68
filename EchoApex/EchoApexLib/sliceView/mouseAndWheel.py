"""Mouse and wheel of a slice view as prompts and steps, before Slicer's own interaction sees them. VTK only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..nodes.interactorEvents import InteractorEvents
from .rubberBand import RubberBand

Ras = tuple[float, float, float]
Place = tuple[int, int]

BOX_PX = 4
"""A box with a shorter side is a slip of the hand (our choice), in pixels of the screen."""


class Tool(StrEnum):
    """What the left button does."""

    NONE = "none"
    POINT = "point"
    BOX = "box"


@dataclass(frozen=True)
class Wanted:
    """Who is told: a point with whether it adds, a box as two corners, both also while they are dragged; the end of a
    drag that leads to nothing; and steps of the wheel. Places are RAS, before parent transforms are taken off."""

    pointed: Callable[[Ras, bool], None]
    pointDragged: Callable[[Ras, bool], None]
    boxed: Callable[[Ras, Ras], None]
    boxDragged: Callable[[Ras, Ras], None]
    dropped: Callable[[], None]
    stepped: Callable[[int], None]


class SliceInput:
    """Listens to the ``interactor`` of the view of ``sliceNode`` until `close`; ``render`` draws the view anew."""

    def __init__(self, interactor: Any, sliceNode: Any, wanted: Wanted, render: Callable[[], None]) -> None:
        self._interactor, self._sliceNode, self._wanted = interactor, sliceNode, wanted
        self._band = RubberBand(interactor.GetRenderWindow(), render)
        self._start: Place | None = None
        self._last: Place = (0, 0)
        self.tool = Tool.NONE
        self.adds = True
        listened = {
            "LeftButtonPressEvent": self._pressed,
            # In place of the second press of two quick clicks; Slicer would maximize the view.
            "LeftButtonDoubleClickEvent": self._pressed,
            "MouseMoveEvent": self._moved,
            "LeftButtonReleaseEvent": self._released,
            "MouseWheelForwardEvent": lambda: self._stepped(1),
            "MouseWheelBackwardEvent": lambda: self._stepped(-1),
        }
        self._events = InteractorEvents(interactor, listened)

    def close(self) -> None:
        """Stops to listen."""
        self.drop()
        self._events.close()

    def drop(self) -> None:
        """Ends a drag without a prompt."""
        if self._start is not None:
            self._start = None
            self._band.hide()
            self._wanted.dropped()

    @property
    def _positive(self) -> bool:
        """Shift turns around what the button does."""
        return self.adds != bool(self._interactor.GetShiftKey())

    def _pressed(self) -> bool:
        if self.tool is Tool.NONE or self._interactor.GetControlKey() or self._interactor.GetAltKey():
            return False
        self._start = self._last = self._interactor.GetEventPosition()
        if self.tool is Tool.POINT:
            self._wanted.pointDragged(self._ras(self._start), self._positive)
        return True

    def _moved(self) -> bool:
        if self._start is None:
            return False
        now = self._interactor.GetEventPosition()
        if now == self._last:
            return True
        self._last = now
        if self.tool is Tool.POINT:
            self._wanted.pointDragged(self._ras(now), self._positive)
        else:
            self._band.show(self._start, now)
            if _isBox(self._start, now):
                self._wanted.boxDragged(self._ras(self._start), self._ras(now))
        return True

    def _released(self) -> bool:
        if self._start is None:
            return False
        start, end, self._start = self._start, self._interactor.GetEventPosition(), None
        self._band.hide()
        if self.tool is Tool.POINT:
            self._wanted.pointed(self._ras(end), self._positive)
        elif _isBox(start, end):
            self._wanted.boxed(self._ras(start), self._ras(end))
        else:
            self._wanted.dropped()
        return True

    def _stepped(self, step: int) -> bool:
        if self._interactor.GetControlKey() or self._interactor.GetShiftKey():
            return False
        self._wanted.stepped(step)
        return True

    def _ras(self, place: Place) -> Ras:
        x, y, z, _ = self._sliceNode.GetXYToRAS().MultiplyPoint((float(place[0]), float(place[1]), 0.0, 1.0))
        return float(x), float(y), float(z)


def _isBox(one: Place, other: Place) -> bool:
    return min(abs(one[0] - other[0]), abs(one[1] - other[1])) >= BOX_PX
