"""Stand-ins of Slicer's table of segments and of the Segment Editor."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .properties import setterOf, stored
from .widgets_qmrml import qMRMLWidget

_VISIBLE, _COLOR, _NAME = range(3)
_SEGMENT_ID = QtCore.Qt.ItemDataRole.UserRole


class qMRMLSegmentsTableView(qMRMLWidget):
    """The segments of a segmentation: visibility, color and name."""

    selectionChanged = Signal(object, object)
    _cppSignals = qMRMLWidget._cppSignals | {
        "selectionChanged(QItemSelection,QItemSelection)": "selectionChanged(PyObject,PyObject)"
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._table = QtWidgets.QTableWidget(0, 3)
        self._table.setHorizontalHeaderLabels(["", "", "Name"])
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.verticalHeader().hide()
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.setColumnWidth(_VISIBLE, 28)
        self._table.setColumnWidth(_COLOR, 28)
        self._table.itemChanged.connect(self._onItemChanged)
        self._table.itemSelectionChanged.connect(lambda: self.selectionChanged.emit(None, None))
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._table)

    headerVisible = stored(bool, "headerVisible", True, changed="_showColumns")
    visibilityColumnVisible = stored(bool, "visibilityColumnVisible", True, changed="_showColumns")
    colorColumnVisible = stored(bool, "colorColumnVisible", True, changed="_showColumns")
    opacityColumnVisible = stored(bool, "opacityColumnVisible", True)
    statusColumnVisible = stored(bool, "statusColumnVisible", False)
    layerColumnVisible = stored(bool, "layerColumnVisible", False)
    filterBarVisible = stored(bool, "filterBarVisible", False)
    readOnly = stored(bool, "readOnly", False, changed="_update")
    jumpToSelectedSegmentEnabled = stored(bool, "jumpToSelectedSegmentEnabled", False)
    segmentCount = Property(int, lambda self: self._table.rowCount())

    setHeaderVisible = setterOf("headerVisible")
    setVisibilityColumnVisible = setterOf("visibilityColumnVisible")
    setColorColumnVisible = setterOf("colorColumnVisible")
    setOpacityColumnVisible = setterOf("opacityColumnVisible")
    setStatusColumnVisible = setterOf("statusColumnVisible")
    setLayerColumnVisible = setterOf("layerColumnVisible")
    setFilterBarVisible = setterOf("filterBarVisible")
    setReadOnly = setterOf("readOnly")

    def setSelectionMode(self, mode: int) -> None:
        self._table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode(mode))

    def tableWidget(self) -> QtWidgets.QTableView:
        return self._table

    def segmentationNode(self) -> Any:
        return self._node

    def setSegmentationNode(self, node: Any) -> None:
        self._observations.clear()
        self._node = node
        if node is not None:
            segmentation = slicer.vtkSegmentation
            events = (segmentation.SegmentAdded, segmentation.SegmentRemoved, segmentation.SegmentModified)
            for event in (*events, node.DisplayModifiedEvent):
                self._observations.add(node, event, self._update)
        self._update()

    def segmentIDForRow(self, row: int) -> str:
        return self._table.item(row, _NAME).data(_SEGMENT_ID)

    def rowForSegmentID(self, segmentID: str) -> int:
        rows = range(self._table.rowCount())
        return next((row for row in rows if self.segmentIDForRow(row) == segmentID), -1)

    def displayedSegmentIDs(self) -> list[str]:
        return [self.segmentIDForRow(row) for row in range(self._table.rowCount())]

    def selectedSegmentIDs(self) -> list[str]:
        return [self.segmentIDForRow(index.row()) for index in self._table.selectionModel().selectedRows()]

    def setSelectedSegmentIDs(self, segmentIDs: list[str]) -> None:
        self.clearSelection()
        flags = QtCore.QItemSelectionModel.SelectionFlag
        for segmentID in segmentIDs:
            index = self._table.model().index(self.rowForSegmentID(segmentID), _NAME)
            self._table.selectionModel().select(index, flags.Select | flags.Rows)

    def clearSelection(self) -> None:
        self._table.clearSelection()

    def _update(self) -> None:
        selected = self.selectedSegmentIDs()
        self._table.blockSignals(True)
        segmentation = self._node.GetSegmentation() if self._node is not None else None
        self._table.setRowCount(segmentation.GetNumberOfSegments() if segmentation is not None else 0)
        for row in range(self._table.rowCount()):
            self._fillRow(row, segmentation.GetNthSegmentID(row))
        self.setSelectedSegmentIDs(selected)
        self._table.blockSignals(False)

    def _fillRow(self, row: int, segmentID: str) -> None:
        segment = self._node.GetSegmentation().GetSegment(segmentID)
        visible, color = QtWidgets.QTableWidgetItem(), QtWidgets.QTableWidgetItem()
        name = QtWidgets.QTableWidgetItem(segment.GetName())
        visible.setCheckState(
            QtCore.Qt.CheckState.Checked if self._isVisible(segmentID) else QtCore.Qt.CheckState.Unchecked
        )
        color.setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
        name.setData(_SEGMENT_ID, segmentID)
        if self.readOnly:
            name.setFlags(name.flags() & ~QtCore.Qt.ItemFlag.ItemIsEditable)
        for column, item in enumerate((visible, color, name)):
            self._table.setItem(row, column, item)

    def _isVisible(self, segmentID: str) -> bool:
        display = self._node.GetDisplayNode()
        return display is not None and bool(display.GetSegmentVisibility(segmentID))

    def _onItemChanged(self, item: QtWidgets.QTableWidgetItem) -> None:
        segmentID = self.segmentIDForRow(item.row())
        if item.column() == _VISIBLE:
            shown = item.checkState() == QtCore.Qt.CheckState.Checked
            self._node.GetDisplayNode().SetSegmentVisibility(segmentID, shown)
        elif item.column() == _NAME:
            self._node.GetSegmentation().GetSegment(segmentID).SetName(item.text())

    def _showColumns(self) -> None:
        self._table.horizontalHeader().setVisible(self.headerVisible)
        self._table.setColumnHidden(_VISIBLE, not self.visibilityColumnVisible)
        self._table.setColumnHidden(_COLOR, not self.colorColumnVisible)


_NODE_SIGNALS = {
    "segmentationNodeChanged": "vtkMRMLSegmentationNode*",
    "sourceVolumeNodeChanged": "vtkMRMLVolumeNode*",
}


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """What the Segment Editor knows without its effects: nodes, the current segment, and undo of the scene's logic."""

    currentSegmentIDChanged = Signal(str)
    segmentationNodeChanged = Signal(object)
    sourceVolumeNodeChanged = Signal(object)
    _cppSignals = qMRMLWidget._cppSignals | {f"{k}({v})": f"{k}(PyObject)" for k, v in _NODE_SIGNALS.items()}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        text = "The Segment Editor is part of 3D Slicer; here masks are edited by its logic."
        self._label = QtWidgets.QLabel(text)
        self._label.setWordWrap(True)
        QtWidgets.QVBoxLayout(self).addWidget(self._label)

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

    def mrmlSegmentEditorNode(self) -> Any:
        return self._node

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        self._node = node
        self._logic.SetSegmentEditorNode(node)

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
        """There are no effects here, so none is active."""
        return None

    def availableEffectNames(self) -> list[str]:
        return []

    def setActiveEffectByName(self, name: str) -> None:
        if name:
            raise NotImplementedError(f"The effect '{name}' of the Segment Editor has no stand-in in the Host")

    def installKeyboardShortcuts(self, widget: Any = None) -> None:
        """There are no effects that shortcuts could choose."""

    def uninstallKeyboardShortcuts(self) -> None:
        """There are no effects that shortcuts could choose."""

    def setupViewObservations(self) -> None:
        """There are no effects that would watch the views."""

    def removeViewObservations(self) -> None:
        """There are no effects that would watch the views."""

    def updateWidgetFromMRML(self) -> None:
        """What is shown does not depend on the nodes."""
