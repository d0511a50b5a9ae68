"""slicer.app: the scene, the logics and the managers that code finds through the application."""

from __future__ import annotations

import shutil
import sys
import tempfile
import types
from typing import Any, ClassVar

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal
from vtkmodules.vtkCommonCore import vtkCollection, vtkOutputWindow

from .inputoutput import qSlicerIOManager
from .layouts import qSlicerLayoutManager
from .modules import LOGICS, qSlicerLoadableModule, qSlicerModuleManager, registerModule
from .sequencesmodule import qSlicerSequencesModule
from .widgets_ctk import ctkSettingsDialog

VERSION = (5, 13, 0)
"""The version of Slicer whose libraries these are."""


class qSlicerApplication(QtWidgets.QApplication):
    """The application; ``testing`` keeps message boxes away, as Slicer's own test mode does."""

    startupCompleted = Signal()
    renderPaused = Signal(bool)
    mrmlSceneChanged = Signal(object)
    _cppSignals: ClassVar = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}

    def __init__(self, testing: bool) -> None:
        super().__init__(["EchoApexHost"])
        self.setApplicationName("EchoApex Host")
        self.setOrganizationName("EchoApexHost")
        self.setApplicationVersion(".".join(map(str, VERSION)))
        self._testing, self._layoutManager = testing, None
        self._settingsDialog: ctkSettingsDialog | None = None
        self._folder = tempfile.mkdtemp(prefix="echoapex-host-")
        self._settings = _settingsIn(self._folder)
        _sendMessagesToStandardError()
        slicer.app = self
        self._scene = slicer.mrmlScene = slicer.vtkMRMLScene()
        self._caches = _connectCaches(self._scene, self._folder)
        self._logic = _applicationLogic(self._scene, self._folder)
        self._moduleManager = qSlicerModuleManager()
        self._logics = _moduleLogics(self._logic, self._scene)
        self._ioManager = qSlicerIOManager(self._logics)

    temporaryPath = Property(str, lambda self: self._folder)
    slicerHome = Property(str, lambda self: sys.prefix)
    majorVersion = Property(int, lambda self: VERSION[0])
    minorVersion = Property(int, lambda self: VERSION[1])
    revision = Property(str, lambda self: "")
    documentationBaseUrl = Property(str, lambda self: "")

    def mrmlScene(self) -> Any:
        return self._scene

    def applicationLogic(self) -> Any:
        return self._logic

    def layoutManager(self) -> qSlicerLayoutManager | None:
        return self._layoutManager

    def settingsDialog(self) -> ctkSettingsDialog:
        if self._settingsDialog is None:
            self._settingsDialog = ctkSettingsDialog()
        return self._settingsDialog

    def setLayoutManager(self, manager: qSlicerLayoutManager) -> None:
        self._layoutManager = manager

    def moduleManager(self) -> qSlicerModuleManager:
        return self._moduleManager

    def moduleLogic(self, name: str) -> Any:
        return self._logics[name]

    def coreIOManager(self) -> qSlicerIOManager:
        return self._ioManager

    def ioManager(self) -> qSlicerIOManager:
        return self._ioManager

    def settings(self) -> QtCore.QSettings:
        return self._settings

    def userSettings(self) -> QtCore.QSettings:
        return self._settings

    def revisionUserSettings(self) -> QtCore.QSettings:
        return self._settings

    def startupEnvironment(self) -> QtCore.QProcessEnvironment:
        return QtCore.QProcessEnvironment.systemEnvironment()

    def testingEnabled(self) -> bool:
        return self._testing

    def moduleDocumentationUrl(self, name: str) -> str:
        return ""

    def pauseRender(self) -> None:
        self.setRenderPaused(True)

    def resumeRender(self) -> None:
        self.setRenderPaused(False)

    def setRenderPaused(self, paused: bool) -> None:
        self.renderPaused.emit(paused)

    def _removeFolder(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _settingsIn(folder: str) -> QtCore.QSettings:
    """Settings that live as long as the application, also for code that makes a QSettings of its own."""
    ini = QtCore.QSettings.Format.IniFormat
    QtCore.QSettings.setDefaultFormat(ini)
    QtCore.QSettings.setPath(ini, QtCore.QSettings.Scope.UserScope, folder)
    return QtCore.QSettings()


def _sendMessagesToStandardError() -> None:
    window = vtkOutputWindow()
    window.SetDisplayModeToAlwaysStdErr()
    vtkOutputWindow.SetInstance(window)


def _connectCaches(scene: Any, folder: str) -> list[Any]:
    """What reading an .mrb needs; the scene does not keep it."""
    cache, inputOutput, logic = slicer.vtkCacheManager(), slicer.vtkDataIOManager(), slicer.vtkDataIOManagerLogic()
    cache.SetRemoteCacheDirectory(folder)
    cache.SetMRMLScene(scene)
    inputOutput.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(inputOutput)
    logic.SetMRMLScene(scene)
    logic.SetAndObserveDataIOManager(inputOutput)
    return [cache, inputOutput, logic]


def _applicationLogic(scene: Any, folder: str) -> Any:
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetMRMLScene(scene)
    logic.SetTemporaryPath(folder)
    logic.GetColorLogic().SetMRMLScene(scene)
    logic.GetColorLogic().AddDefaultColorNodes()
    logic.SetSliceLogics(vtkCollection())
    logic.SetViewLogics(vtkCollection())
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    return logic


def _moduleLogics(applicationLogic: Any, scene: Any) -> dict[str, Any]:
    slicer.modules, slicer.moduleNames = types.ModuleType("slicer.modules"), types.SimpleNamespace()
    sys.modules["slicer.modules"] = slicer.modules
    logics = {}
    for name, kind in LOGICS.items():
        logic = logics[name] = getattr(slicer, kind)()
        logic.SetMRMLApplicationLogic(applicationLogic)
        logic.SetMRMLScene(scene)
        applicationLogic.SetModuleLogic(name, logic)
        registerModule((qSlicerSequencesModule if name == "Sequences" else qSlicerLoadableModule)(name, logic))
    return logics
