"""The mouse in a plot view: markers of a trace are dragged, a click goes to a frame. VTK only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..nodes.interactorEvents import InteractorEvents
from .efTrace import Marker

REACH_PX = 14
"""How far from a marker it can be taken (our choice), in pixels of the screen."""

LEFT_AXIS, BOTTOM_AXIS = 0, 1
"""Of a ``vtkChartXY``."""


@dataclass(frozen=True)
class Wanted:
    """Who is told: which markers there are (none of them where the chart is not ours: ``active`` says so), that one was
    taken, dragged to a place of the axis, and let go; and that a place without a marker was pressed or dragged over."""

    active: Callable[[], bool]
    markers: Callable[[], Sequence[Marker]]
    taken: Callable[[Marker], None]
    dragged: Callable[[float], None]
    letGo: Callable[[], None]
    pointed: Callable[[float, float], None]


class ChartMouse:
    """Listens in a ``plotView`` (``qMRMLPlotView``) until `close`; other buttons, and keys held, are left to Slicer."""

    def __init__(self, plotView: Any, wanted: Wanted) -> None:
        # Before the chart is asked for: without its class known, Slicer hands out one that cannot do a thing.
        import vtkmodules.vtkChartsCore  # noqa: F401

        self._chart, self._interactor = plotView.chart(), plotView.renderWindow().GetInteractor()
        self._wanted = wanted
        self._doing = ""
        listened = {
            "LeftButtonPressEvent": self._pressed,
            "LeftButtonDoubleClickEvent": self._pressed,
            "MouseMoveEvent": self._moved,
            "LeftButtonReleaseEvent": self._released,
        }
        self._events = InteractorEvents(self._interactor, listened)

    def close(self) -> None:
        """Stops to listen."""
        self._doing = ""
        self._events.close()

    def _pressed(self) -> bool:
        if self._interactor.GetControlKey() or self._interactor.GetAltKey() or self._interactor.GetShiftKey():
            return False
        if not self._wanted.active() or not self._inside():
            return False
        # What VTK has shown of the point under the mouse would stay while nothing is left to it.
        self._chart.GetTooltip().SetVisible(False)
        marker = self._nearest()
        self._doing = "pointing" if marker is None else "dragging"
        if marker is not None:
            self._wanted.taken(marker)
        else:
            self._wanted.pointed(*self._data())
        return True

    def _moved(self) -> bool:
        if not self._doing:
            return False
        if not self._wanted.active():
            # The chart was closed, or is of another clip, in the middle of it.
            self._doing = ""
            return False
        if self._doing == "dragging":
            self._wanted.dragged(self._data()[0])
        else:
            self._wanted.pointed(*self._data())
        return True

    def _released(self) -> bool:
        doing, self._doing = self._doing, ""
        if doing == "dragging":
            self._wanted.letGo()
        return bool(doing)

    # Places

    def _axis(self, which: int) -> tuple[float, float, float, float]:
        """Where an axis begins and ends in pixels, and in numbers."""
        axis, along = self._chart.GetAxis(which), 0 if which == BOTTOM_AXIS else 1
        return axis.GetPoint1()[along], axis.GetPoint2()[along], axis.GetMinimum(), axis.GetMaximum()

    def _data(self) -> tuple[float, float]:
        x, y = self._interactor.GetEventPosition()
        return _number(x, self._axis(BOTTOM_AXIS)), _number(y, self._axis(LEFT_AXIS))

    def toPixel(self, x: float, y: float) -> tuple[float, float]:
        """Where a place of the chart is, in pixels of the view from its lower left corner."""
        return _pixel(x, self._axis(BOTTOM_AXIS)), _pixel(y, self._axis(LEFT_AXIS))

    def _inside(self) -> bool:
        """Whether the mouse is in the chart, or as near to it as a marker reaches."""
        places = zip(self._interactor.GetEventPosition(), (BOTTOM_AXIS, LEFT_AXIS), strict=True)
        for place, which in places:
            first, last, _, _ = self._axis(which)
            if not (last > first and first - REACH_PX <= place <= last + REACH_PX):
                return False
        return True

    def _nearest(self) -> Marker | None:
        x, y = self._interactor.GetEventPosition()

        def away(marker: Marker) -> float:
            at = self.toPixel(marker.x, marker.y)
            return float((at[0] - x) ** 2 + (at[1] - y) ** 2)

        near = [one for one in self._wanted.markers() if away(one) <= REACH_PX**2]
        return min(near, key=away, default=None)


def _number(place: float, axis: tuple[float, float, float, float]) -> float:
    first, last, low, high = axis
    return low + (place - first) / (last - first) * (high - low)


def _pixel(number: float, axis: tuple[float, float, float, float]) -> float:
    first, last, low, high = axis
    return first + (number - low) / ((high - low) or 1.0) * (last - first)
