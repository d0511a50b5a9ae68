"""A panel that uses one widget of each kind, to try the Host with."""

import ctk
import qt
import slicer
import vtk
from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLSequenceBrowserNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class HostProbe(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Host probe")
        self.parent.categories = ["Testing"]


@parameterNodeWrapper
class HostProbeParameters:
    browser: vtkMRMLSequenceBrowserNode
    points: vtkMRMLMarkupsFiducialNode
    radius: float = 4.5
    passes: int = 2
    automatic: bool = False
    label: str = "LV"


class HostProbeWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.parameters = None
        self.binding = None
        self.calls = []
        self.opened = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/HostProbe.ui"))
        panel.setMRMLScene(slicer.mrmlScene)
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        self.logic = HostProbeLogic()
        self.ui.runButton.connect("clicked(bool)", self.onRun)
        self.ui.runButton.toolTip = _("Counts the points")
        self.color = ctk.ctkColorPickerButton()
        self.ui.runButton.parent().layout().addWidget(self.color)
        self.shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+K"), self.parent)
        self.shortcut.connect("activated()", self.onShortcut)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.observeWheel()
        self.initializeParameters()

    def initializeParameters(self):
        self.parameters = HostProbeParameters(self.logic.getParameterNode())
        self.binding = self.parameters.connectGui(self.parent)

    def observeWheel(self):
        interactor = slicer.app.layoutManager().sliceWidget("Red").sliceView().interactor()
        self.wheelTag = interactor.AddObserver(vtk.vtkCommand.MouseWheelForwardEvent, self.onWheel, 10.0)
        self.interactor = interactor

    def enter(self):
        self.calls.append("enter")

    def exit(self):
        self.calls.append("exit")

    def cleanup(self):
        self.calls.append("cleanup")
        self.interactor.RemoveObserver(self.wheelTag)
        self.removeObservers()
        if self.binding is not None:
            self.parameters.disconnectGui(self.binding)
            self.binding = None

    def openFile(self, path):
        """Anything but files that are called bad."""
        if "bad" in path:
            slicer.util.showStatusMessage(f"{path} cannot be opened.")
            return None
        self.opened.append(path)
        return path

    def onRun(self, checked):
        self.calls.append(("run", checked))

    def onShortcut(self):
        self.calls.append("shortcut")

    def onWheel(self, caller, event):
        self.calls.append("wheel")
        self.interactor.GetCommand(self.wheelTag).SetAbortFlag(1)

    def onSceneStartClose(self, caller, event):
        self.calls.append("close")
        self.parameters.disconnectGui(self.binding)
        self.binding = None

    def onSceneEndClose(self, caller, event):
        self.initializeParameters()


class HostProbeLogic(ScriptedLoadableModuleLogic):
    pass


class HostProbeTest(ScriptedLoadableModuleTest):
    def runTest(self):
        self.delayDisplay("The probe was asked")
        slicer.modules.HostProbeWidget.calls.append("test")
