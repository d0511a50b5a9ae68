"""Counts what panel code paints at once, in place of asking for it: each recomposes the whole window in Slicer."""

from __future__ import annotations

import sys
from types import FrameType

from PySide6 import QtCore, QtWidgets

from .panelcode import isPanelCode


class ForcedRepaints(QtCore.QObject):
    """How often windows were painted while panel code ran, between `__enter__` and `__exit__`, and which ``widgets``.

    Whatever forces it (``repaint()``, a progress bar), the painting happens within the call, while what ``update()``
    asks for is painted by the event loop. Widgets that cannot be seen are never painted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.widgets: set[str] = set()

    def __enter__(self) -> ForcedRepaints:
        QtWidgets.QApplication.instance().installEventFilter(self)
        return self

    def __exit__(self, *_: object) -> None:
        QtWidgets.QApplication.instance().removeEventFilter(self)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        kinds = QtCore.QEvent.Type
        if event.type() in (kinds.UpdateRequest, kinds.Paint) and _inPanelCode(sys._getframe(1)):
            self.count += event.type() == kinds.UpdateRequest
            self.widgets.add(watched.objectName() or type(watched).__name__)
        return False


def _inPanelCode(frame: FrameType | None) -> bool:
    while frame is not None:
        if isPanelCode(frame.f_code.co_filename):
            return True
        frame = frame.f_back
    return False
