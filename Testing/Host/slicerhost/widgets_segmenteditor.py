"""Stand-in of the Segment Editor, with one effect, and as deaf as Slicer's while a scene closes."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Signal
from vtkmodules.vtkCommonMath import vtkMatrix4x4

from .properties import setterOf, stored
from .widgets_qmrml import qMRMLWidget

MINIMUM_WIDTH_PX = 545
"""What the editor of Slicer 5.13 asks for (measured there: a panel of 384 pixels became as wide)."""

_EVENTS = ("MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent")
_BRUSH_PX = 4.0

_NODE_SIGNALS = {
    "segmentationNodeChanged": "vtkMRMLSegmentationNode*",
    "sourceVolumeNodeChanged": "vtkMRMLVolumeNode*",
}


class _Paint:
    """The effect Paint: a drag in a slice view draws into the current segment."""

    name = "Paint"

    def __init__(self) -> None:
        self._drawing = False

    def process(self, editor: qMRMLSegmentEditorWidget, view: Any, event: str) -> bool:
        """Draws what an event of the mouse asks for; whether nobody else is to hear of it."""
        segmentation, volume = editor.segmentationNode(), editor.sourceVolumeNode()
        for node in (segmentation, volume):
            if node is None or node.GetScene() is None:
                raise RuntimeError("Slicer would crash here: the effect Paint is active and its nodes are gone")
        if event != "MouseMoveEvent":
            self._drawing = event == "LeftButtonPressEvent"
        if self._drawing:
            self._draw(segmentation, volume, editor.currentSegmentID(), _pixelUnder(view, volume))
        return self._drawing or event != "MouseMoveEvent"

    @staticmethod
    def _draw(segmentation: Any, volume: Any, segment: str, pixel: tuple[float, float]) -> None:
        columns, rows, _ = volume.GetImageData().GetDimensions()
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, volume)
        drawn = np.zeros((1, rows, columns), np.uint8) if mask is None else mask.copy()
        y, x = np.ogrid[:rows, :columns]
        drawn[0][(x - pixel[0]) ** 2 + (y - pixel[1]) ** 2 <= _BRUSH_PX**2] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(drawn, segmentation, segment, volume)


def _pixelUnder(view: Any, volume: Any) -> tuple[float, float]:
    """The pixel (x right, y down) of a volume where the mouse is in a slice view."""
    x, y = view.interactor().GetEventPosition()
    toIJK = vtkMatrix4x4()
    volume.GetRASToIJKMatrix(toIJK)
    ras = view.mrmlSliceNode().GetXYToRAS().MultiplyPoint((x, y, 0.0, 1.0))
    column, row, _, _ = toIJK.MultiplyPoint(ras)
    return column, row


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """Nodes, the current segment, undo of the scene's logic, and the effect Paint.

    As Slicer's it takes on what its node says whenever that changes, but not while the scene closes: an effect that is
    active then stays so, and so do its observers of the views, until `removeViewObservations`. It hears again a moment
    after the scene was closed: in Slicer events of the views came first, and crashed it.
    """

    currentSegmentIDChanged = Signal(str)
    segmentationNodeChanged = Signal(object)
    sourceVolumeNodeChanged = Signal(object)
    _cppSignals = qMRMLWidget._cppSignals | {f"{k}({v})": f"{k}(PyObject)" for k, v in _NODE_SIGNALS.items()}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._effects, self._active = {_Paint.name: _Paint()}, None
        self._observed: list[tuple[Any, int]] = []
        self._later = QtCore.QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.updateWidgetFromMRML)
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        text = "The Segment Editor is part of 3D Slicer; here masks are edited by its logic, and by a small brush."
        self._label = QtWidgets.QLabel(text)
        self._label.setWordWrap(True)
        self._button = QtWidgets.QToolButton()
        self._button.setText(_Paint.name)
        self._button.setCheckable(True)
        self._button.toggled.connect(lambda on: self.setActiveEffectByName(_Paint.name if on else ""))
        self._label.setMinimumWidth(MINIMUM_WIDTH_PX)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._label)
        column.addWidget(self._button)
        observed = self._observed
        # A bound method of the widget would be gone with it when it is wanted.
        self.destroyed.connect(lambda: _unobserve(observed))

    maximumNumberOfUndoStates = stored(int, "maximumNumberOfUndoStates", 10)
    readOnly = stored(bool, "readOnly", False)
    undoEnabled = stored(bool, "undoEnabled", True)
    segmentationNodeSelectorVisible = stored(bool, "segmentationNodeSelectorVisible", True)
    sourceVolumeNodeSelectorVisible = stored(bool, "sourceVolumeNodeSelectorVisible", True)
    switchToSegmentationsButtonVisible = stored(bool, "switchToSegmentationsButtonVisible", True)
    addRemoveSegmentButtonsVisible = stored(bool, "addRemoveSegmentButtonsVisible", True)
    specifyGeometryButtonVisible = stored(bool, "specifyGeometryButtonVisible", True)
    show3DButtonVisible = stored(bool, "show3DButtonVisible", True)
    maskingSectionVisible = stored(bool, "maskingSectionVisible", True)
    autoShowSourceVolumeNode = stored(bool, "autoShowSourceVolumeNode", True)
    jumpToSelectedSegmentEnabled = stored(bool, "jumpToSelectedSegmentEnabled", False)

    setMaximumNumberOfUndoStates = setterOf("maximumNumberOfUndoStates")
    setReadOnly = setterOf("readOnly")
    setUndoEnabled = setterOf("undoEnabled")
    setSegmentationNodeSelectorVisible = setterOf("segmentationNodeSelectorVisible")
    setSourceVolumeNodeSelectorVisible = setterOf("sourceVolumeNodeSelectorVisible")
    setSwitchToSegmentationsButtonVisible = setterOf("switchToSegmentationsButtonVisible")
    setAddRemoveSegmentButtonsVisible = setterOf("addRemoveSegmentButtonsVisible")
    setSpecifyGeometryButtonVisible = setterOf("specifyGeometryButtonVisible")
    setShow3DButtonVisible = setterOf("show3DButtonVisible")
    setMaskingSectionVisible = setterOf("maskingSectionVisible")
    setAutoShowSourceVolumeNode = setterOf("autoShowSourceVolumeNode")
    setJumpToSelectedSegmentEnabled = setterOf("jumpToSelectedSegmentEnabled")

    def setMRMLScene(self, scene: Any) -> None:
        super().setMRMLScene(scene)
        self._logic.SetMRMLScene(scene)
        self._observations.clear()
        if scene is not None:
            self._observations.add(scene, scene.EndCloseEvent, lambda: self._later.start(0))
        self._observeNode()
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self) -> Any:
        return self._node

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        if node is self._node:
            return
        self._node = node
        self._logic.SetSegmentEditorNode(node)
        self.setMRMLScene(self.mrmlScene())

    def _observeNode(self) -> None:
        if self._node is not None:
            self._observations.add(self._node, "ModifiedEvent", self.updateWidgetFromMRML)

    def segmentationNode(self) -> Any:
        return self._node.GetSegmentationNode() if self._node is not None else None

    def setSegmentationNode(self, node: Any) -> None:
        if self._node is not None and node is not self.segmentationNode():
            self._node.SetAndObserveSegmentationNode(node)
            self.segmentationNodeChanged.emit(node)

    def sourceVolumeNode(self) -> Any:
        return self._node.GetSourceVolumeNode() if self._node is not None else None

    def setSourceVolumeNode(self, node: Any) -> None:
        if self._node is not None and node is not self.sourceVolumeNode():
            self._node.SetAndObserveSourceVolumeNode(node)
            self.sourceVolumeNodeChanged.emit(node)

    def currentSegmentID(self) -> str:
        return (self._node.GetSelectedSegmentID() or "") if self._node is not None else ""

    def setCurrentSegmentID(self, segmentID: str) -> None:
        if self._node is not None and segmentID != self.currentSegmentID():
            self._node.SetSelectedSegmentID(segmentID)
            self.currentSegmentIDChanged.emit(segmentID)

    def saveStateForUndo(self) -> None:
        self._logic.SaveStateForUndo()

    def undo(self) -> None:
        self._logic.Undo()

    def redo(self) -> None:
        self._logic.Redo()

    def activeEffect(self) -> Any:
        return self._active

    def availableEffectNames(self) -> list[str]:
        return list(self._effects)

    def setActiveEffectByName(self, name: str) -> None:
        if name and name not in self._effects:
            raise NotImplementedError(f"The effect '{name}' of the Segment Editor has no stand-in in the Host")
        if self._node is not None:
            self._node.SetActiveEffectName(name)

    def installKeyboardShortcuts(self, widget: Any = None) -> None:
        """There are no shortcuts that choose an effect."""

    def uninstallKeyboardShortcuts(self) -> None:
        """There are no shortcuts that choose an effect."""

    def setupViewObservations(self) -> None:
        self.removeViewObservations()
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames():
            view = manager.sliceWidget(name).sliceView()
            for event in _EVENTS:
                self._observed.append((view.interactor(), self._observeView(view, event)))

    def _observeView(self, view: Any, event: str) -> int:
        def call(interactor: Any, _event: str) -> None:
            if self._heard(view, event):
                interactor.GetCommand(tag).SetAbortFlag(1)

        tag: int = view.interactor().AddObserver(event, call, 1.0)
        return tag

    def _heard(self, view: Any, event: str) -> bool:
        """Passes an event of a view to the effect; none while the scene closes, as in Slicer."""
        scene = self.mrmlScene()
        if scene is None or scene.IsClosing() or self._node is None or self._active is None:
            return False
        return bool(self._active.process(self, view, event))

    def removeViewObservations(self) -> None:
        _unobserve(self._observed)

    def updateWidgetFromMRML(self) -> None:
        scene = self.mrmlScene()
        if scene is None or scene.IsClosing() or scene.IsBatchProcessing() or self._node is None:
            return
        wanted = self._effects.get(self._node.GetActiveEffectName() or "")
        if wanted is not self._active:
            self._active = wanted
            if wanted is None:
                self.removeViewObservations()
            else:
                self.setupViewObservations()
        blocked = self._button.blockSignals(True)
        self._button.setChecked(wanted is not None)
        self._button.blockSignals(blocked)


def _unobserve(observed: list[tuple[Any, int]]) -> None:
    for interactor, tag in observed:
        interactor.RemoveObserver(tag)
    observed.clear()
