"""The modules ``qt`` and ``ctk`` that panel code imports, and Qt's static functions as PythonQt offers them."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtWidgets

from . import dialect
from .calls import answer, refuseKeywords
from .panelcode import isPanelCode

_FIRST_OF_PAIR = {
    QtWidgets.QFileDialog: ("getOpenFileName", "getOpenFileNames", "getSaveFileName"),
    QtWidgets.QInputDialog: ("getText", "getMultiLineText", "getInt", "getDouble", "getItem"),
}


def installNamespaces(loader: type, widgets: dict[str, type]) -> None:
    """Makes ``import qt`` and ``import ctk`` work; ``widgets`` are the stand-ins of CTK's classes by name."""
    _replaceStatics()
    names = {name: getattr(module, name) for module in dialect.QT_MODULES for name in dir(module) if name[0] == "Q"}
    qt = types.ModuleType("qt", "Qt as one flat namespace.")
    qt.__dict__.update(names, QUiLoader=loader, Signal=QtCore.Signal, Slot=QtCore.Slot, Property=QtCore.Property)
    qt.__dict__.update(SIGNAL=lambda text: f"2{text}", SLOT=lambda text: f"1{text}")
    ctk = types.ModuleType("ctk", "Stand-ins of CTK's widgets.")
    ctk.__dict__.update(widgets)
    ctk.__dict__["__getattr__"] = refuseUnknown("ctk", "ctk")
    sys.modules.update(qt=qt, ctk=ctk)


def refuseUnknown(module: str, *prefixes: str) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that says which class of Slicer or CTK the Host does not have."""

    def __getattr__(name: str) -> Any:
        if name.startswith(prefixes):
            raise NotImplementedError(f"{module}.{name} has no stand-in in the Host")
        raise AttributeError(f"module '{module}' has no attribute '{name}'")

    return __getattr__


def _replaceStatics() -> None:
    for owner, names in _FIRST_OF_PAIR.items():
        for name in names:
            setattr(owner, name, staticmethod(_firstOfPair(name, getattr(owner, name))))
    QtCore.QTimer.singleShot = staticmethod(_singleShot(QtCore.QTimer.singleShot))


def _firstOfPair(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """A dialog's function that gives panel code only what was chosen, without filter or confirmation."""

    def chosen(*arguments: Any, **keywords: Any) -> Any:
        if not isPanelCode(sys._getframe(1).f_code.co_filename):
            return original(*arguments, **keywords)
        refuseKeywords(name, keywords)
        return answer(original(*arguments)[0])

    return chosen


def _singleShot(original: Callable[..., Any]) -> Callable[..., Any]:
    def singleShot(*arguments: Any) -> None:
        if not isPanelCode(sys._getframe(1).f_code.co_filename) or len(arguments) != 2:
            original(*arguments)
            return
        milliseconds, function = arguments
        # PySide6 would drop a bound method whose object nobody else refers to.
        original(int(milliseconds), lambda: function())

    return singleShot
