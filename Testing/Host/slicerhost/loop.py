"""Qt's event loop with Python's lock held, as in Slicer: there a Python thread runs only between the loop's calls.

PySide6 gives the lock up while its loop idles, so that a panel that starves its threads would pass its tests.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import PySide6
from PySide6 import QtCore, QtWidgets

_EXEC = "_ZN12QApplication4execEv"


def runHoldingLock(app: QtWidgets.QApplication) -> int:
    """Runs the application's loop until it quits, and returns its exit code; Python's lock is not given up.

    On Windows and macOS the lock is given up, and one line on standard error says so.
    """
    library = _widgetsLibrary()
    if library is None:
        print("EchoApex Host: on this system the event loop does not hold Python's lock", file=sys.stderr)
        return app.exec()
    function = getattr(ctypes.PyDLL(str(library)), _EXEC)
    function.restype = ctypes.c_int
    return int(function())


def _widgetsLibrary() -> Path | None:
    if not sys.platform.startswith("linux"):
        return None
    return Path(PySide6.__path__[0]) / "Qt" / "lib" / "libQt6Widgets.so.6"


def runFor(milliseconds: int, *, holdLock: bool = False) -> None:
    """Lets the application work for a while."""
    app = QtWidgets.QApplication.instance()
    assert isinstance(app, QtWidgets.QApplication)
    if holdLock:
        # Qt 6 would close all windows by quit().
        QtCore.QTimer.singleShot(milliseconds, lambda: app.exit(0))
        runHoldingLock(app)
        return
    loop = QtCore.QEventLoop()
    QtCore.QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
