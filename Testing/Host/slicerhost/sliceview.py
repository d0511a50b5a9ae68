"""A slice view: Slicer's own slice logic, displayable managers and interaction, drawn into a Qt widget."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkInteractionStyle import vtkInteractorStyleUser
from vtkmodules.vtkRenderingCore import vtkActor2D, vtkImageMapper, vtkRenderer

from .abstractview import ctkVTKAbstractView, qMRMLAbstractViewWidget
from .widgets_qmrml import qMRMLWidget

_MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
)


def managerFactory(applicationLogic: Any) -> Any:
    """The factory of what draws nodes in slice views, with everything registered that Slicer registers."""
    factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
    factory.SetMRMLApplicationLogic(applicationLogic)
    for name in _MANAGERS:
        if not factory.IsDisplayableManagerRegistered(name):
            factory.RegisterDisplayableManager(name)
    return factory


class ctkVTKSliceView(ctkVTKAbstractView):
    """The picture of a slice, below what the displayable managers draw."""

    resized = Signal(QtCore.QSize)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._renderer = vtkRenderer()
        self._renderer.GetActiveCamera().ParallelProjectionOn()
        overlay = vtkRenderer()
        overlay.SetLayer(1)
        overlay.InteractiveOff()
        overlay.GetActiveCamera().ParallelProjectionOn()
        window = self._screen.renderWindow
        window.SetNumberOfLayers(2)
        window.AddRenderer(self._renderer)
        window.AddRenderer(overlay)
        self._mapper, self._actor = vtkImageMapper(), vtkActor2D()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        self._actor.SetMapper(self._mapper)
        self._actor.GetProperty().SetDisplayLocationToBackground()
        self._actor.VisibilityOff()
        self._renderer.AddViewProp(self._actor)

    def setImageDataConnection(self, connection: Any) -> None:
        if connection is not self._mapper.GetInputConnection(0, 0):
            self._mapper.SetInputConnection(connection)
            self._actor.SetVisibility(connection is not None)
        self.scheduleRender()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit(self.size())


class qMRMLSliceView(ctkVTKSliceView):
    """The slice view of one slice node."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._node: Any = None
        factory = managerFactory(slicer.app.applicationLogic())
        self._managers = slicer.vtkMRMLDisplayableManagerGroup()
        self._managers.Initialize(factory, self._renderer)
        self._managers.AddObserver("UpdateEvent", lambda *_: self.scheduleRender())
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetDisplayableManagers(self._managers)

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene

    def mrmlSliceNode(self) -> Any:
        return self._node

    def setMRMLSliceNode(self, node: Any) -> None:
        self._node = node
        self._managers.SetMRMLDisplayableNode(node)

    def sliceViewInteractorStyle(self) -> Any:
        return self._style

    def interactorObserver(self) -> Any:
        return self._style

    def interactorStyle(self) -> Any:
        return self._style

    def displayableManagerByClassName(self, name: str) -> Any:
        return self._managers.GetDisplayableManagerByClassName(name)

    def getDisplayableManagers(self, found: Any) -> None:
        for index in range(self._managers.GetDisplayableManagerCount()):
            found.AddItem(self._managers.GetNthDisplayableManager(index))

    def convertDeviceToXYZ(self, position: Any) -> list[float]:
        x, y = position
        return [float(x), float(y), 0.0]

    def convertXYZToRAS(self, position: Any) -> list[float]:
        return list(self._node.GetXYToRAS().MultiplyPoint([*position, 1.0])[:3])

    def convertRASToXYZ(self, position: Any) -> list[float]:
        toXYZ = vtkMatrix4x4()
        toXYZ.DeepCopy(self._node.GetXYToRAS())
        toXYZ.Invert()
        return list(toXYZ.MultiplyPoint([*position, 1.0])[:3])

    def setViewCursor(self, cursor: QtGui.QCursor) -> None:
        self._screen.setCursor(cursor)

    def unsetViewCursor(self) -> None:
        self._screen.unsetCursor()

    def setDefaultViewCursor(self, cursor: QtGui.QCursor) -> None:
        self._screen.setCursor(cursor)

    def _connectLogic(self, logic: Any) -> None:
        """Lets the mouse move this logic's slice; the style of the interactor itself must not react."""
        interactor = self._screen.interactor
        interactor.SetInteractorStyle(vtkInteractorStyleUser())
        self._style.SetSliceLogic(logic)
        self._style.SetInteractor(interactor)
        interactor.Initialize()


class qMRMLSliceControllerWidget(qMRMLWidget):
    """The bar above a slice view: its name and the slider of the slice's position."""

    _STEPS = 100

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic: Any = None
        self._label = QtWidgets.QLabel()
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._slider.valueChanged.connect(lambda position: self.setSliceOffsetValue(position / self._STEPS))
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.addWidget(self._label)
        row.addWidget(self._slider, 1)

    sliceViewName = Property(str, lambda self: self._logic.GetSliceNode().GetLayoutName())
    sliceViewLabel = Property(str, lambda self: self._logic.GetSliceNode().GetLayoutLabel())
    sliceOrientation = Property(str, lambda self: self._logic.GetSliceNode().GetOrientation())

    def setSliceOffsetValue(self, offset: float) -> None:
        self._logic.SetSliceOffset(offset)

    def setSliceOrientation(self, orientation: str) -> None:
        self._logic.GetSliceNode().SetOrientation(orientation)

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()

    def _connectLogic(self, logic: Any) -> None:
        self._logic = logic
        self._label.setText(logic.GetSliceNode().GetLayoutName())

    def _update(self) -> None:
        bounds = [0.0] * 6
        self._logic.GetLowestVolumeSliceBounds(bounds)
        self._slider.blockSignals(True)
        self._slider.setRange(round(bounds[4] * self._STEPS), round(bounds[5] * self._STEPS))
        self._slider.setValue(round(self._logic.GetSliceOffset() * self._STEPS))
        self._slider.blockSignals(False)


class qMRMLSliceWidget(qMRMLAbstractViewWidget):
    """A slice view with its bar."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._logic: Any = None
        self._controller, self._view = qMRMLSliceControllerWidget(), qMRMLSliceView()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._controller)
        column.addWidget(self._view, 1)
        self._view.resized.connect(self._fitToWidget)

    sliceOrientation = Property(str, lambda self: self._controller.sliceOrientation)
    sliceViewName = Property(str, lambda self: self._controller.sliceViewName)
    sliceViewLabel = Property(str, lambda self: self._controller.sliceViewLabel)

    def sliceView(self) -> qMRMLSliceView:
        return self._view

    def sliceController(self) -> qMRMLSliceControllerWidget:
        return self._controller

    def sliceLogic(self) -> Any:
        return self._logic

    def mrmlSliceNode(self) -> Any:
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self._logic.GetSliceCompositeNode()

    def interactorStyle(self) -> Any:
        return self._view.interactorStyle()

    def imageDataConnection(self) -> Any:
        return self._logic.GetImageDataConnection()

    def setSliceOrientation(self, orientation: str) -> None:
        self._controller.setSliceOrientation(orientation)

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()

    def _connectLogic(self, logic: Any) -> None:
        """Shows the slice of a logic that has its node already."""
        self._logic = logic
        self._view.setMRMLSliceNode(logic.GetSliceNode())
        self._view._connectLogic(logic)
        self._controller._connectLogic(logic)
        self._observations.add(logic, "ModifiedEvent", self._onLogicModified)
        self._observations.add(logic.GetSliceNode(), "ModifiedEvent", self._fitToWidget)
        self._onLogicModified()

    def _onLogicModified(self) -> None:
        self._view.setImageDataConnection(self._logic.GetImageDataConnection())
        self._controller._update()

    def _fitToWidget(self) -> None:
        """Gives the node the size of the picture, also when closing the scene has taken it away."""
        if self._logic is None:
            return
        node, size = self._logic.GetSliceNode(), self._view.renderWindow().GetSize()
        if 0 in node.GetDimensions():
            node.SetDimensions(*size, 1)
            node.SetFieldOfView(*map(float, size), 1.0)
        elif node.GetDimensions()[:2] != size and 0 not in size:
            self._logic.ResizeSliceNode(*size)


def makeSliceWidget(node: Any) -> qMRMLSliceWidget:
    """A view of a slice node of the application's scene, with a logic of its own."""
    applicationLogic = slicer.app.applicationLogic()
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLApplicationLogic(applicationLogic)
    applicationLogic.GetSliceLogics().AddItem(logic)
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.SetSliceNode(node)
    widget = qMRMLSliceWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    widget._connectLogic(logic)
    return widget
