"""Modules: those written in C++, of which there is the logic, and scripted ones, which run as they are."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .panelcode import registerPanelCode
from .properties import stored
from .widgets_qmrml import qSlicerWidget

LOGICS = {
    "Volumes": "vtkSlicerVolumesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Models": "vtkSlicerModelsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Colors": "vtkMRMLColorLogic",
    "Units": "vtkSlicerUnitsLogic",
}


class qSlicerLoadableModule(QtCore.QObject):
    """A module of Slicer of which the Host has the logic and no panel."""

    def __init__(self, name: str, logic: Any = None, path: str = "") -> None:
        super().__init__()
        self._moduleName, self._logic, self._path = name, logic, path
        self._widget: Any = None
        self._titleValue = name

    name = Property(str, lambda self: self._moduleName)
    path = Property(str, lambda self: self._path)
    title = stored(str, "title", "")
    categories = stored("QStringList", "categories", [])
    dependencies = stored("QStringList", "dependencies", [])
    contributors = stored("QStringList", "contributors", [])
    associatedNodeTypes = stored("QStringList", "associatedNodeTypes", [])
    helpText = stored(str, "helpText", "")
    acknowledgementText = stored(str, "acknowledgementText", "")
    hidden = stored(bool, "hidden", False)
    index = stored(int, "index", -1)
    icon = stored(QtGui.QIcon, "icon", QtGui.QIcon())
    widgetRepresentationCreationEnabled = stored(bool, "widgetRepresentationCreationEnabled", True)

    def logic(self) -> Any:
        return self._logic

    def mrmlScene(self) -> Any:
        return slicer.mrmlScene

    def setMRMLScene(self, scene: Any) -> None:
        if self._logic is not None:
            self._logic.SetMRMLScene(scene)

    def widgetRepresentation(self) -> Any:
        raise NotImplementedError(f"The panel of the module {self._moduleName} has no stand-in in the Host")


class qSlicerScriptedLoadableModule(qSlicerLoadableModule):
    """A module written in Python."""

    def widgetRepresentation(self) -> qSlicerScriptedLoadableModuleWidget:
        if self._widget is None:
            self._widget = self.createNewWidgetRepresentation()
        return self._widget

    def createNewWidgetRepresentation(self) -> qSlicerScriptedLoadableModuleWidget:
        widget = qSlicerScriptedLoadableModuleWidget()
        widget._setUp(self._moduleName)
        return widget


class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """The place of a scripted module's panel."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._moduleName = ""
        self._panel: Any = None
        QtWidgets.QVBoxLayout(self)

    moduleName = Property(str, lambda self: self._moduleName)
    isEntered = stored(bool, "isEntered", False)

    def self(self) -> Any:
        return self._panel

    def enter(self) -> None:
        self.isEntered = True
        self._call("enter")

    def exit(self) -> None:
        self.isEntered = False
        self._call("exit")

    def reload(self) -> None:
        """Makes the panel anew from the module's present code."""
        self._setUp(self._moduleName)

    def _setUp(self, moduleName: str) -> None:
        self._moduleName = moduleName
        self.setObjectName(f"{moduleName}ModuleWidget")
        self.setMRMLScene(slicer.mrmlScene)
        self._panel = getattr(sys.modules[moduleName], f"{moduleName}Widget")(self)
        setattr(slicer.modules, f"{moduleName}Widget", self._panel)
        self._panel.setup()

    def _call(self, name: str) -> None:
        function = getattr(self._panel, name, None)
        if function is not None:
            function()


class qSlicerModuleManager(QtCore.QObject):
    """Finds modules by name."""

    moduleLoaded = Signal(str)
    moduleAboutToBeUnloaded = Signal(str)

    def module(self, name: str) -> Any:
        return getattr(slicer.modules, name.lower(), None)

    def modulesNames(self) -> list[str]:
        return list(vars(slicer.moduleNames))


def registerModule(module: qSlicerLoadableModule) -> None:
    """Makes a module known as slicer.modules.<name>."""
    name = module.name
    setattr(slicer.modules, name.lower(), module)
    setattr(slicer.moduleNames, name, name)


def loadScriptedModule(path: Path) -> qSlicerScriptedLoadableModule:
    """Loads a module's file as Slicer does: its folder on sys.path, an instance of its class as its description."""
    name = path.stem
    folder = str(path.parent.resolve())
    registerPanelCode(folder)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None and specification.loader is not None
    code = importlib.util.module_from_spec(specification)
    sys.modules[name] = code
    specification.loader.exec_module(code)
    module = qSlicerScriptedLoadableModule(name, None, str(path.resolve()))
    setattr(slicer.modules, f"{name}Instance", getattr(code, name)(module))
    registerModule(module)
    slicer.app.moduleManager().moduleLoaded.emit(name)
    return module
