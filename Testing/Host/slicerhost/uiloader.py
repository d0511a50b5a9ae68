"""Loads .ui files with the stand-ins in place of the widgets of CTK and Slicer."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any, ClassVar

from PySide6 import QtCore, QtUiTools, QtWidgets


class QUiLoader(QtUiTools.QUiLoader):
    """Qt's loader; a widget of CTK or Slicer that has no stand-in is refused by its name."""

    _standIns: ClassVar[dict[str, type]] = {}

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        for kind in self._standIns.values():
            self.registerCustomWidget(kind)

    def load(self, device: QtCore.QFile, parent: QtWidgets.QWidget | None = None) -> Any:
        """The widget of an open file; NotImplementedError where it needs what the Host does not have."""
        tree = ElementTree.parse(device.fileName())
        self._refuseUnknown(tree)
        connections = _takeNodeConnections(tree)
        content = QtCore.QBuffer()
        content.setData(ElementTree.tostring(tree.getroot()))
        content.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        self.setWorkingDirectory(QtCore.QFileInfo(device).absoluteDir())
        widget = super().load(content, parent)
        for connection in connections:
            _connectByName(widget, connection)
        return widget

    def _refuseUnknown(self, tree: ElementTree.ElementTree) -> None:
        used = {element.get("class", "") for element in tree.iter("widget")}
        missing = sorted(n for n in used if n.startswith(("ctk", "qMRML", "qSlicer")) and n not in self._standIns)
        if missing:
            raise NotImplementedError(f"{', '.join(missing)} has no stand-in in the Host")


def _takeNodeConnections(tree: Any) -> list[Any]:
    """Removes the connections whose arguments are nodes or scenes: Qt's loader cannot make them between stand-ins."""
    parent = tree.find("connections")
    found = [c for c in tree.iterfind(".//connection") if "vtkMRML" in c.findtext("signal", "")]
    for connection in found:
        parent.remove(connection)
    return found


def _connectByName(root: QtWidgets.QWidget, connection: Any) -> None:
    signal, slot = (connection.findtext(part, "").partition("(")[0] for part in ("signal", "slot"))
    sender, receiver = (_named(root, connection.findtext(part, "")) for part in ("sender", "receiver"))
    getattr(sender, signal).connect(getattr(receiver, slot))


def _named(root: QtWidgets.QWidget, name: str) -> Any:
    found = root if root.objectName() == name else root.findChild(QtCore.QObject, name)
    if found is None:
        raise ValueError(f"a connection of the .ui file names '{name}', which is not in it")
    return found
