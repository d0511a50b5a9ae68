"""A VTK view inside a Qt widget without a window of its own: VTK draws off screen, Qt paints the picture.

It works without a display (QT_QPA_PLATFORM=offscreen), and a screenshot of the window contains the view.
"""

from __future__ import annotations

from typing import Any

import vtkmodules.vtkInteractionStyle  # registers what the interactor needs
import vtkmodules.vtkRenderingContextOpenGL2
import vtkmodules.vtkRenderingFreeType
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401
from PySide6 import QtCore, QtGui, QtWidgets
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderWindow
from vtkmodules.vtkRenderingUI import vtkGenericRenderWindowInteractor

_BUTTONS = {
    QtCore.Qt.MouseButton.LeftButton: "LeftButton",
    QtCore.Qt.MouseButton.RightButton: "RightButton",
    QtCore.Qt.MouseButton.MiddleButton: "MiddleButton",
}
_KEYS = {
    QtCore.Qt.Key.Key_Left: "Left",
    QtCore.Qt.Key.Key_Right: "Right",
    QtCore.Qt.Key.Key_Up: "Up",
    QtCore.Qt.Key.Key_Down: "Down",
    QtCore.Qt.Key.Key_PageUp: "Prior",
    QtCore.Qt.Key.Key_PageDown: "Next",
    QtCore.Qt.Key.Key_Home: "Home",
    QtCore.Qt.Key.Key_End: "End",
    QtCore.Qt.Key.Key_Delete: "Delete",
    QtCore.Qt.Key.Key_Backspace: "BackSpace",
    QtCore.Qt.Key.Key_Escape: "Escape",
    QtCore.Qt.Key.Key_Return: "Return",
    QtCore.Qt.Key.Key_Space: "space",
    QtCore.Qt.Key.Key_Tab: "Tab",
}


class BlitWidget(QtWidgets.QWidget):
    """Shows what a render window draws, and hands mouse and keys to its interactor in pixels of the picture."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.renderWindow = vtkRenderWindow()
        self.renderWindow.SetOffScreenRendering(1)
        self.renderWindow.SetMultiSamples(0)
        self.interactor = vtkGenericRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.renderWindow)
        self.interactor.EnableRenderOff()
        self._pixels = vtkUnsignedCharArray()
        self._picture = QtGui.QImage()
        self.renderWindow.AddObserver("EndEvent", lambda *_: self._takePicture())
        self.setMouseTracking(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(50, 50)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        ratio = self.devicePixelRatioF()
        size = max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))
        self.renderWindow.SetSize(*size)
        self.interactor.UpdateSize(*size)
        self.interactor.ConfigureEvent()

    def _takePicture(self) -> None:
        width, height = self.renderWindow.GetSize()
        self.renderWindow.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, self._pixels)
        view = QtGui.QImage(memoryview(self._pixels), width, height, 4 * width, QtGui.QImage.Format.Format_RGBX8888)
        self._picture = view.flipped()
        self._picture.setDevicePixelRatio(self.devicePixelRatioF())
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        painter.drawImage(0, 0, self._picture)
        painter.end()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        self._mouse(event, f"{_BUTTONS[event.button()]}PressEvent")

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        self._mouse(event, f"{_BUTTONS[event.button()]}ReleaseEvent")

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        self._mouse(event, f"{_BUTTONS[event.button()]}PressEvent", repeat=1)
        self._mouse(event, f"{_BUTTONS[event.button()]}DoubleClickEvent", repeat=1)

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        self._mouse(event, "MouseMoveEvent")

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        self._mouse(event, "MouseWheelForwardEvent" if event.angleDelta().y() > 0 else "MouseWheelBackwardEvent")

    def enterEvent(self, event: QtGui.QEnterEvent) -> None:
        self._mouse(event, "EnterEvent")

    def leaveEvent(self, event: QtCore.QEvent) -> None:
        self.interactor.InvokeEvent("LeaveEvent")

    def _mouse(self, event: Any, name: str, repeat: int = 0) -> None:
        ratio = self.devicePixelRatioF()
        x, y = event.position().x() * ratio, event.position().y() * ratio
        height = self.renderWindow.GetSize()[1]
        control, shift = _modifiers(event)
        self.interactor.SetEventInformation(int(x), height - 1 - int(y), control, shift, "\0", repeat, None)
        self.interactor.SetAltKey(int(bool(event.modifiers() & QtCore.Qt.KeyboardModifier.AltModifier)))
        self.interactor.InvokeEvent(name)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        self._key(event, "KeyPressEvent")
        self.interactor.InvokeEvent("CharEvent")

    def keyReleaseEvent(self, event: QtGui.QKeyEvent) -> None:
        self._key(event, "KeyReleaseEvent")

    def _key(self, event: QtGui.QKeyEvent, name: str) -> None:
        control, shift = _modifiers(event)
        text = event.text()[:1]
        symbol = _KEYS.get(event.key(), text)
        self.interactor.SetKeyEventInformation(control, shift, text if text.isascii() and text else "\0", 0, symbol)
        self.interactor.InvokeEvent(name)


def _modifiers(event: Any) -> tuple[int, int]:
    """Whether Control and Shift are held, as VTK takes it."""
    held, kinds = event.modifiers(), QtCore.Qt.KeyboardModifier
    return int(bool(held & kinds.ControlModifier)), int(bool(held & kinds.ShiftModifier))
