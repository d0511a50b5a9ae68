"""Stand-in of Slicer's table of segments."""

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
