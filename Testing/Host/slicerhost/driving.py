"""Mouse, keys and pictures for tests: what a user does and sees, in pixels of frames or of views."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray
from PySide6 import QtCore, QtGui, QtTest, QtWidgets
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from .loop import runFor
from .sliceview import qMRMLSliceWidget

LEFT, RIGHT, MIDDLE = (
    QtCore.Qt.MouseButton.LeftButton,
    QtCore.Qt.MouseButton.RightButton,
    QtCore.Qt.MouseButton.MiddleButton,
)
NONE, SHIFT, CONTROL = (
    QtCore.Qt.KeyboardModifier.NoModifier,
    QtCore.Qt.KeyboardModifier.ShiftModifier,
    QtCore.Qt.KeyboardModifier.ControlModifier,
)
_DRAG_STEPS = 8


class ViewDriver:
    """A user's hand on one view; points are (x right, y down) in Qt's pixels of the view."""

    def __init__(self, view: Any) -> None:
        self.view = view
        self.screen: QtWidgets.QWidget = view.VTKWidget()

    def center(self) -> tuple[float, float]:
        return self.screen.width() // 2, self.screen.height() // 2

    def move(self, point: Sequence[float], modifiers: QtCore.Qt.KeyboardModifier = NONE) -> None:
        self._send(QtCore.QEvent.Type.MouseMove, point, QtCore.Qt.MouseButton.NoButton, self._held, modifiers)

    def press(self, point: Sequence[float], button: Any = LEFT, modifiers: Any = NONE) -> None:
        self._held = button
        self._send(QtCore.QEvent.Type.MouseButtonPress, point, button, button, modifiers)

    def release(self, point: Sequence[float], button: Any = LEFT, modifiers: Any = NONE) -> None:
        self._held = QtCore.Qt.MouseButton.NoButton
        self._send(QtCore.QEvent.Type.MouseButtonRelease, point, button, self._held, modifiers)

    _held = QtCore.Qt.MouseButton.NoButton

    def click(self, point: Sequence[float], button: Any = LEFT, modifiers: Any = NONE) -> None:
        """Moves to a point, as a hand has to, and clicks there."""
        self.move(point, modifiers)
        self.press(point, button, modifiers)
        self.release(point, button, modifiers)

    def doubleClick(self, point: Sequence[float], button: Any = LEFT, modifiers: Any = NONE) -> None:
        self.click(point, button, modifiers)
        self._send(QtCore.QEvent.Type.MouseButtonDblClick, point, button, button, modifiers)
        self.release(point, button, modifiers)

    def drag(self, start: Sequence[float], end: Sequence[float], button: Any = LEFT, modifiers: Any = NONE) -> None:
        """Presses at one point, moves in steps to another, and lets go."""
        self.move(start, modifiers)
        self.press(start, button, modifiers)
        for point in np.linspace(start, end, _DRAG_STEPS + 1)[1:]:
            self.move(point, modifiers)
        self.release(end, button, modifiers)

    def wheel(self, steps: int, point: Sequence[float] | None = None, modifiers: Any = NONE) -> None:
        """Turns the wheel by whole steps; positive is away from the hand."""
        place = QtCore.QPointF(*(point if point is not None else self.center()))
        for _ in range(abs(steps)):
            event = QtGui.QWheelEvent(
                place,
                QtCore.QPointF(self.screen.mapToGlobal(place)),
                QtCore.QPoint(0, 0),
                QtCore.QPoint(0, 120 if steps > 0 else -120),
                self._held,
                modifiers,
                QtCore.Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            QtWidgets.QApplication.sendEvent(self.screen, event)
            settle()

    def key(self, key: Any, modifiers: Any = NONE) -> None:
        """Presses a key (a character, or a qt.Qt.Key) with the view in focus."""
        pressKey(self.screen, key, modifiers)

    def _send(self, kind: Any, point: Sequence[float], button: Any, held: Any, modifiers: Any) -> None:
        place = QtCore.QPointF(*point)
        event = QtGui.QMouseEvent(kind, place, QtCore.QPointF(self.screen.mapToGlobal(place)), button, held, modifiers)
        QtWidgets.QApplication.sendEvent(self.screen, event)
        settle()


class PlotDriver(ViewDriver):
    """A user's hand on one plot view."""

    def __init__(self, widget: Any) -> None:
        super().__init__(widget.plotView())

    def fromChart(self, x: float, y: float) -> tuple[int, int]:
        """The point of the view where a place of the chart is."""
        ratio, height = self.screen.devicePixelRatioF(), self.view.renderWindow().GetSize()[1]
        places = []
        for along, number in ((1, x), (0, y)):
            axis = self.view.chart().GetAxis(along)
            first, last = (point[1 - along] for point in (axis.GetPoint1(), axis.GetPoint2()))
            share = (number - axis.GetMinimum()) / (axis.GetMaximum() - axis.GetMinimum())
            places.append(first + share * (last - first))
        return round(places[0] / ratio), round((height - 1 - places[1]) / ratio)


class SliceDriver(ViewDriver):
    """A user's hand on one slice view."""

    def __init__(self, widget: qMRMLSliceWidget) -> None:
        super().__init__(widget.sliceView())
        self.widget = widget

    def toRAS(self, point: Sequence[float]) -> NDArray[np.float64]:
        """The place of a point of the view, in mm."""
        ratio = self.screen.devicePixelRatioF()
        height = self.widget.sliceView().renderWindow().GetSize()[1]
        xyz = [int(point[0] * ratio), height - 1 - int(point[1] * ratio), 0.0, 1.0]
        return np.array(self.widget.mrmlSliceNode().GetXYToRAS().MultiplyPoint(xyz)[:3])

    def fromRAS(self, ras: Sequence[float]) -> tuple[int, int]:
        """The nearest point of the view to a place in mm."""
        ratio = self.screen.devicePixelRatioF()
        height = self.widget.sliceView().renderWindow().GetSize()[1]
        x, y = self.widget.sliceView().convertRASToXYZ(ras)[:2]
        return round(x / ratio), round((height - 1 - y) / ratio)

    def fromFrame(self, pixel: Sequence[float], volume: Any = None) -> tuple[int, int]:
        """The point of the view where pixel (x right, y down) of the shown frame, or of ``volume``, is."""
        node = volume if volume is not None else self.widget.sliceLogic().GetBackgroundLayer().GetVolumeNode()
        toRAS = vtkMatrix4x4()
        node.GetIJKToRASMatrix(toRAS)
        return self.fromRAS(toRAS.MultiplyPoint([*pixel, 0.0, 1.0])[:3])

    def pixels(self) -> NDArray[np.uint8]:
        """What the view shows now, as [height, width, 3] from the top, in device pixels."""
        view = self.widget.sliceView()
        view.forceRender()
        width, height = view.renderWindow().GetSize()
        values = vtkUnsignedCharArray()
        view.renderWindow().GetPixelData(0, 0, width - 1, height - 1, 0, values, 0)
        return np.array(vtk_to_numpy(values).reshape(height, width, 3)[::-1])


def settle(milliseconds: int = 0) -> None:
    """Lets what is queued happen, and what is due within some milliseconds."""
    if milliseconds:
        runFor(milliseconds)
    for _ in range(3):
        QtWidgets.QApplication.processEvents()


def activate(window: QtWidgets.QWidget) -> None:
    """Makes a window the one that gets keys and shortcuts."""
    window.raise_()
    window.activateWindow()
    if not QtTest.QTest.qWaitForWindowActive(window):
        raise RuntimeError(f"the window {window.windowTitle()!r} did not become active")


def closeOtherWindows(window: QtWidgets.QWidget) -> None:
    """Closes what else is open, and makes this window the active one."""
    for other in QtWidgets.QApplication.topLevelWidgets():
        if other is not window and other.isVisible():
            other.close()
    activate(window)


def clickButton(button: QtWidgets.QAbstractButton) -> None:
    """Clicks a button with the mouse, in the middle of where it can be hit."""
    place = QtCore.QPoint(button.width() // 2, min(button.height() // 2, 8))
    QtTest.QTest.mouseClick(button, LEFT, NONE, place)
    settle()


def pressKey(widget: QtWidgets.QWidget, key: Any, modifiers: Any = NONE) -> None:
    """Presses a key with a widget in focus; shortcuts of the window react too."""
    activate(widget.window())
    widget.setFocus()
    QtTest.QTest.keyClick(widget, key, modifiers)
    settle()


def savePicture(widget: QtWidgets.QWidget, path: Path | str) -> Path:
    """A PNG of a widget or of the whole window, with the views in it."""
    slicer.util.forceRenderAllViews()
    settle()
    if not widget.grab().save(str(path)):
        raise OSError(f"{path} could not be written")
    return Path(path)
