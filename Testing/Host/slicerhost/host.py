"""Starts the Host: dialect, application, window, and the modules of the repository."""

from __future__ import annotations

import ctypes
import importlib.abc
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtGui

from . import dialect, dicomlib, i18n, parameters, scripted
from .application import qSlicerApplication
from .layouts import qSlicerLayoutManager
from .modules import (
    loadScriptedModule,
    qSlicerLoadableModule,
    qSlicerModuleManager,
    qSlicerScriptedLoadableModule,
    qSlicerScriptedLoadableModuleWidget,
)
from .namespace import installNamespaces, refuseUnknown
from .panelcode import registerPanelCode
from .plotview import qMRMLPlotView, qMRMLPlotWidget
from .sliceview import qMRMLSliceControllerWidget, qMRMLSliceView, qMRMLSliceWidget
from .uiloader import QUiLoader
from .widgets_ctk import CTK_WIDGETS
from .widgets_qmrml import qMRMLNodeComboBox, qMRMLTableView, qMRMLWidget, qSlicerWidget
from .widgets_segmenteditor import qMRMLSegmentEditorWidget
from .widgets_segments import qMRMLSegmentsTableView
from .widgets_sequences import (
    qMRMLSequenceBrowserPlayWidget,
    qMRMLSequenceBrowserSeekWidget,
    qMRMLSequenceBrowserToolBar,
    qSlicerMarkupsPlaceWidget,
)
from .window import qSlicerMainWindow

ROOT = Path(__file__).resolve().parents[3]
MODULES = ("EchoApex", "EchoApexSegment", "EchoApexTrain")
_PACKAGING = Path(__file__).with_name("installed.py")

SLICER_CLASSES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        qMRMLNodeComboBox,
        qMRMLPlotView,
        qMRMLPlotWidget,
        qMRMLSegmentEditorWidget,
        qMRMLSegmentsTableView,
        qMRMLSequenceBrowserPlayWidget,
        qMRMLSequenceBrowserSeekWidget,
        qMRMLSequenceBrowserToolBar,
        qMRMLSliceControllerWidget,
        qMRMLSliceView,
        qMRMLSliceWidget,
        qMRMLTableView,
        qMRMLWidget,
        qSlicerApplication,
        qSlicerLayoutManager,
        qSlicerLoadableModule,
        qSlicerMainWindow,
        qSlicerMarkupsPlaceWidget,
        qSlicerModuleManager,
        qSlicerScriptedLoadableModule,
        qSlicerScriptedLoadableModuleWidget,
        qSlicerWidget,
    )
}


@dataclass(frozen=True)
class Host:
    """The running Host."""

    app: qSlicerApplication
    window: qSlicerMainWindow


def boot(*, testing: bool) -> Host:
    """Starts the Host once for a process; ``testing`` keeps message boxes away."""
    _keepSingletons()
    dialect.install()
    QUiLoader._standIns = (
        CTK_WIDGETS
        | {name: kind for name, kind in SLICER_CLASSES.items() if issubclass(kind, qMRMLWidget | qSlicerWidget)}
        | {kind.__name__: kind for kind in (qMRMLNodeComboBox, qMRMLTableView)}
    )
    for kind in QUiLoader._standIns.values():
        dialect.hookStandIn(kind)
    installNamespaces(QUiLoader, CTK_WIDGETS)
    _completeSlicer()
    app = qSlicerApplication(testing)
    _useLegibleFont(app)
    window = qSlicerMainWindow()
    return Host(app, window)


def _keepSingletons() -> None:
    """Lets Python 3.11 live through more Qt calls than there are references to None, True and False.

    PySide6 6.12 gives one reference to None too many back at every call that returns nothing (measured: 1000 at 1000
    calls of setText), and the process would end with "none_dealloc"; at its end "bool_dealloc" was seen, too. From
    Python 3.12 on they are immortal.
    """
    if sys.version_info < (3, 12):
        for singleton in (None, True, False):
            ctypes.c_ssize_t.from_address(id(singleton)).value += 1 << 40


def _completeSlicer() -> None:
    """Gives the package slicer what only the application brings."""
    registerPanelCode(slicer.util.__file__)
    slicer.__dict__.update(SLICER_CLASSES)
    slicer.__dict__["__getattr__"] = refuseUnknown("slicer", "qMRML", "qSlicer", "ctk")
    parts = {
        "ScriptedLoadableModule": scripted,
        "i18n": i18n,
        "parameterNodeWrapper": parameters,
    }
    for name, part in parts.items():
        sys.modules[f"slicer.{name}"] = part
        setattr(slicer, name, part)
    sys.modules["DICOMLib"] = dicomlib
    sys.meta_path.append(_PackagingFinder())


class _PackagingFinder(importlib.abc.MetaPathFinder):
    """Finds slicer.packaging when it is imported: before that the package slicer has no such attribute."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        return importlib.util.spec_from_file_location(name, _PACKAGING) if name == "slicer.packaging" else None


def _useLegibleFont(app: qSlicerApplication) -> None:
    """Stops where there are no fonts: every text would be a row of boxes."""
    if not QtGui.QFontDatabase.families():
        raise RuntimeError("Qt finds no fonts; install some, on Debian and Ubuntu: apt install fonts-dejavu-core")


def loadModules(host: Host) -> list[str]:
    """Loads the modules of this repository that exist, in their order, and returns their names."""
    files = [ROOT / name / f"{name}.py" for name in MODULES]
    registerPanelCode(ROOT / "EchoApex")
    sys.path.insert(0, str(ROOT / "EchoApex"))
    found = [file for file in files if file.exists()]
    for file in found:
        addModule(host, file)
    return [file.stem for file in found]


def addModule(host: Host, file: Path) -> Any:
    """Loads one scripted module and offers it in the window."""
    module = loadScriptedModule(file)
    host.window._addModule(module)
    return module


def close(host: Host) -> None:
    """Lets the panels clean up and removes the application's temporary folder."""
    host.window.close()
    for name in host.app.moduleManager().modulesNames():
        host.app.moduleManager().moduleAboutToBeUnloaded.emit(name)
    host.app._removeFolder()


def leave(host: Host, code: int) -> None:
    """Ends the process without Python's own ending, which may abort after so many changes to classes of PySide6."""
    close(host)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
