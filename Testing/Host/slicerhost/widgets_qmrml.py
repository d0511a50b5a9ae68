"""Stand-ins of Slicer's basic widgets over a scene: base classes and the selector of nodes."""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .observing import Observations
from .properties import stored


class qMRMLWidget(QtWidgets.QWidget):
    """A widget that knows a scene."""

    mrmlSceneChanged = Signal(object)
    _cppSignals: ClassVar = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._observations = Observations(self)

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


class qSlicerWidget(QtWidgets.QWidget):
    """A widget that knows a scene and passes it to what is in it by the connections of a .ui file."""

    mrmlSceneChanged = Signal(object)
    _cppSignals = qMRMLWidget._cppSignals

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._observations = Observations(self)

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


_NODE_SIGNALS = ("currentNodeChanged", "nodeAdded", "nodeAddedByUser", "nodeActivated", "nodeAboutToBeRemoved")


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Chooses a node of the scene among those of ``nodeTypes``; without "None" the first there is, is chosen."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    _cppSignals: ClassVar = {f"{name}(vtkMRMLNode*)": f"{name}(PyObject)" for name in _NODE_SIGNALS}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._current: Any = None
        self._nodes: list[Any] = []
        self._labels: dict[str, str] = {}
        self._attributes: list[tuple[str, str, Any]] = []
        self._observations, self._names = Observations(self), Observations(self)
        self._combo = QtWidgets.QComboBox()
        self._combo.activated.connect(self._onActivated)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._combo)

    nodeTypes = stored("QStringList", "nodeTypes", [], changed="_update")
    hideChildNodeTypes = stored("QStringList", "hideChildNodeTypes", [], changed="_update")
    showHidden = stored(bool, "showHidden", False, changed="_update")
    showChildNodeTypes = stored(bool, "showChildNodeTypes", True, changed="_update")
    noneEnabled = stored(bool, "noneEnabled", False, changed="_update")
    noneDisplay = stored(str, "noneDisplay", "None", changed="_update")
    addEnabled = stored(bool, "addEnabled", True, changed="_update")
    removeEnabled = stored(bool, "removeEnabled", True, changed="_update")
    renameEnabled = stored(bool, "renameEnabled", False, changed="_update")
    editEnabled = stored(bool, "editEnabled", False)
    baseName = stored(str, "baseName", "")
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    currentNodeID = Property(str, lambda self: self.currentNodeId(), lambda self, nodeID: self.setCurrentNodeID(nodeID))

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        self._observations.clear()
        self._scene = scene
        if scene is not None:
            for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent):
                self._observations.add(scene, event, self._onSceneChanged)
            self._observations.add(scene, scene.EndCloseEvent, self._onSceneChanged)
        self._update()

    def addAttribute(self, nodeClass: str, name: str, value: Any = None) -> None:
        self._attributes.append((nodeClass, name, value))
        self._update()

    def removeAttribute(self, nodeClass: str, name: str) -> None:
        self._attributes = [kept for kept in self._attributes if kept[:2] != (nodeClass, name)]
        self._update()

    def setNodeTypeLabel(self, label: str, nodeClass: str) -> None:
        self._labels[nodeClass] = label
        self._update()

    def nodeTypeLabel(self, nodeClass: str) -> str:
        return self._labels.get(nodeClass, nodeClass.removeprefix("vtkMRML").removesuffix("Node"))

    def nodeCount(self) -> int:
        return len(self._nodes)

    def nodeFromIndex(self, index: int) -> Any:
        return self._nodes[index] if 0 <= index < len(self._nodes) else None

    def currentNode(self) -> Any:
        return self._current

    def currentNodeId(self) -> str:
        return self._current.GetID() if self._current is not None else ""

    def setCurrentNode(self, node: Any) -> None:
        if isinstance(node, str):
            self.setCurrentNodeID(node)
        elif node is None or node in self._nodes:
            self._select(node)

    def setCurrentNodeID(self, nodeID: str) -> None:
        self.setCurrentNode(self._scene.GetNodeByID(nodeID) if self._scene is not None and nodeID else None)

    def setCurrentNodeIndex(self, index: int) -> None:
        self._select(self.nodeFromIndex(index))

    def addNode(self, nodeClass: str | None = None) -> Any:
        kind = nodeClass or self.nodeTypes[0]
        name = self._scene.GenerateUniqueName(self.baseName or self.nodeTypeLabel(kind))
        node = self._scene.AddNewNodeByClass(kind, name)
        self.nodeAddedByUser.emit(node)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        return node

    def removeCurrentNode(self) -> None:
        if self._current is not None:
            self.nodeAboutToBeRemoved.emit(self._current)
            self._scene.RemoveNode(self._current)

    def renameCurrentNode(self) -> None:
        name, confirmed = QtWidgets.QInputDialog.getText(self, "Rename", "New name:", text=self._current.GetName())
        if confirmed and name:
            self._current.SetName(name)

    def _onSceneChanged(self) -> None:
        if not self._scene.IsBatchProcessing():
            self._update()

    def _update(self) -> None:
        known = set(self._nodes)
        self._nodes = self._matching() if self._scene is not None else []
        self._names.clear()
        for node in self._nodes:
            self._names.add(node, "ModifiedEvent", self._onNodeModified)
        if self._current not in self._nodes:
            self._select(self._nodes[0] if self._nodes and not self.noneEnabled else None)
        self._fill()
        for node in self._nodes:
            if node not in known:
                self.nodeAdded.emit(node)

    def _matching(self) -> list[Any]:
        found = {n.GetID(): n for kind in self.nodeTypes for n in slicer.util.getNodesByClass(kind, self._scene)}
        return [node for node in found.values() if self._isShown(node)]

    def _isShown(self, node: Any) -> bool:
        if (node.GetHideFromEditors() and not self.showHidden) or node.GetClassName() in self.hideChildNodeTypes:
            return False
        if not self.showChildNodeTypes and node.GetClassName() not in self.nodeTypes:
            return False
        asked = [(name, value) for kind, name, value in self._attributes if node.IsA(kind)]
        return all(_hasAttribute(node, name, value) for name, value in asked)

    def _select(self, node: Any) -> None:
        if node is self._current:
            return
        self._current = node
        self._showCurrent()
        self.currentNodeChanged.emit(node)
        self.currentNodeIDChanged.emit(self.currentNodeId())

    def _fill(self) -> None:
        self._combo.blockSignals(True)
        self._combo.clear()
        for text, data in self._entries():
            self._combo.addItem(text, data)
        self._combo.blockSignals(False)
        self._showCurrent()

    def _entries(self) -> list[tuple[str, str]]:
        """What the list shows, and for what each entry stands: an ID, nothing, or what is to be done."""
        kind = self.nodeTypeLabel(self.nodeTypes[0]) if self.nodeTypes else "node"
        nothing = [(self.noneDisplay, "")] if self.noneEnabled else [] if self._nodes else [(f"Select a {kind}", "")]
        nodes = [(node.GetName() or "", node.GetID()) for node in self._nodes]
        actions = [
            (f"Create new {self.nodeTypeLabel(k)}", f"add {k}")
            for k in self.nodeTypes
            if self.addEnabled and self._scene
        ]
        if self._current is not None and self.renameEnabled:
            actions.append((f"Rename current {kind}", "rename"))
        if self._current is not None and self.removeEnabled:
            actions.append((f"Delete current {kind}", "remove"))
        return nothing + nodes + actions

    def _onNodeModified(self) -> None:
        if self._matching() != self._nodes:
            self._update()
            return
        for node in self._nodes:
            index = self._combo.findData(node.GetID())
            if index >= 0:
                self._combo.setItemText(index, node.GetName() or "")

    def _showCurrent(self) -> None:
        self._combo.blockSignals(True)
        self._combo.setCurrentIndex(max(0, self._combo.findData(self.currentNodeId())) if self._combo.count() else -1)
        self._combo.blockSignals(False)

    def _onActivated(self, index: int) -> None:
        chosen = self._combo.itemData(index)
        self._showCurrent()
        if chosen.startswith("add "):
            self.addNode(chosen.removeprefix("add "))
        elif chosen in ("rename", "remove"):
            self.renameCurrentNode() if chosen == "rename" else self.removeCurrentNode()
        else:
            self.setCurrentNodeID(chosen)
            self.nodeActivated.emit(self._current)


def _hasAttribute(node: Any, name: str, value: Any) -> bool:
    found = node.GetAttribute(name)
    return found is not None and (value is None or found == str(value))


class qMRMLTableView(QtWidgets.QTableView):
    """Shows a vtkMRMLTableNode; cells cannot be edited here."""

    mrmlSceneChanged = Signal(object)
    _cppSignals = qMRMLWidget._cppSignals

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._node: Any = None
        self._observations = Observations(self)

    firstRowLocked = stored(bool, "firstRowLocked", False)
    firstColumnLocked = stored(bool, "firstColumnLocked", False)
    transposed = stored(bool, "transposed", False)

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlTableNode(self) -> Any:
        return self._node

    def setMRMLTableNode(self, node: Any) -> None:
        self._observations.clear()
        self._node = node
        self._observations.add(node, "ModifiedEvent", self._update)
        self._update()

    def setFirstRowLocked(self, locked: bool) -> None:
        self.firstRowLocked = locked

    def _update(self) -> None:
        self.setModel(_TableModel(self._node, self) if self._node is not None else None)


class _TableModel(QtCore.QAbstractTableModel):
    """The cells of a vtkMRMLTableNode as texts."""

    def __init__(self, node: Any, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self._node = node

    def rowCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:  # noqa: B008
        return self._node.GetNumberOfRows()

    def columnCount(self, parent: QtCore.QModelIndex = QtCore.QModelIndex()) -> int:  # noqa: B008
        return self._node.GetNumberOfColumns()

    def data(self, index: QtCore.QModelIndex, role: int = QtCore.Qt.ItemDataRole.DisplayRole) -> Any:
        if role == QtCore.Qt.ItemDataRole.DisplayRole:
            return self._node.GetCellText(index.row(), index.column())
        return None

    def headerData(self, section: int, direction: Any, role: int = QtCore.Qt.ItemDataRole.DisplayRole) -> Any:
        if role != QtCore.Qt.ItemDataRole.DisplayRole:
            return None
        return self._node.GetColumnName(section) if direction == QtCore.Qt.Orientation.Horizontal else str(section + 1)
