"""The Host's main window: the module's panel at the left, the views beside it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .layouts import qSlicerLayoutManager

TITLE = "EchoApex Host: not 3D Slicer"
_PANEL_WIDTH = 420
_SCENES = "Scenes (*.mrb)"


def openScene(path: str) -> str:
    """Adds a scene to what is there; gives a sentence where that was not possible, "" where it was.

    Slicer's libraries unpack a file to wherever it says; here it is looked at first.
    """
    from echoapex.errors import EchoApexError
    from EchoApexLib.study.sceneArchive import unpackScene

    try:
        with tempfile.TemporaryDirectory(prefix="echoapex-mrb-") as folder:
            slicer.util.loadScene(str(unpackScene(Path(path), Path(folder).resolve())))
    except EchoApexError as refusal:
        return str(refusal)
    except RuntimeError:
        return f"The scene could not be read: {path}"
    return ""


class _ModuleSelector(QtWidgets.QComboBox):
    """Chooses among the scripted modules; slicer.util finds it through the main window."""

    moduleSelected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.activated.connect(lambda index: self.selectModule(self.itemData(index)))
        self._selected = ""

    selectedModule = Property(str, lambda self: self._selected)

    def selectModule(self, name: str) -> None:
        index = self.findData(name)
        if index < 0:
            raise NotImplementedError(f"The panel of the module {name} has no stand-in in the Host")
        self.setCurrentIndex(index)
        if name != self._selected:
            self._selected = name
            self.moduleSelected.emit(name)


class _PanelArea(QtWidgets.QScrollArea):
    """Scrolls a panel up and down; it is never narrower than the panel asks for, and the window gives it the room."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        if watched is self.widget() and event.type() == QtCore.QEvent.Type.LayoutRequest:
            needed = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
            self.setMinimumWidth(needed)
        return super().eventFilter(watched, event)


class qSlicerMainWindow(QtWidgets.QMainWindow):
    """Panel, views and status bar; a module is entered when it is chosen and left when another one is."""

    initialWindowShown = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self.setWindowTitle(TITLE)
        self.resize(1280, 860)
        self._entered: Any = None
        self._selector = _ModuleSelector()
        self._selector.moduleSelected.connect(self._enter)
        self._panels = QtWidgets.QStackedWidget()
        area = QtWidgets.QSplitter(QtCore.Qt.Orientation.Vertical)
        slicer.app.setLayoutManager(qSlicerLayoutManager(area))
        halves = QtWidgets.QSplitter()
        halves.addWidget(self._panelSide())
        halves.addWidget(area)
        halves.setStretchFactor(1, 1)
        halves.setSizes([_PANEL_WIDTH, self.width() - _PANEL_WIDTH])
        self.setCentralWidget(halves)
        self.statusBar()
        file = self.menuBar().addMenu("File")
        file.addAction("Open scene...", self._openScene, QtGui.QKeySequence("Ctrl+O"))
        file.addAction("Save scene...", self._saveScene, QtGui.QKeySequence("Ctrl+S"))
        file.addAction("Close scene", self.on_FileCloseSceneAction_triggered, QtGui.QKeySequence("Ctrl+W"))
        self._addUnusedActions()
        self.addToolBar(slicer.modules.sequences.toolBar())
        slicer.modules.sequences.toolBar().hide()

    def _addUnusedActions(self) -> None:
        """Slicer's window has actions for undo and redo of the scene with these keys, which belong to no widget."""
        for text, key in (("Undo", "Ctrl+Z"), ("Redo", "Ctrl+Y")):
            QtGui.QAction(text, self).setShortcut(QtGui.QKeySequence(key))

    def moduleSelector(self) -> QtWidgets.QComboBox:
        return self._selector

    def on_FileCloseSceneAction_triggered(self) -> None:
        slicer.mrmlScene.Clear(0)

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        self._leave()
        super().closeEvent(event)

    def _openScene(self) -> None:
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, "Open a scene", "", _SCENES)
        if path and (problem := openScene(path)):
            self.statusBar().showMessage(problem)

    def _saveScene(self) -> None:
        dialog = QtWidgets.QFileDialog(self, "Save the scene", "", _SCENES)
        dialog.setAcceptMode(QtWidgets.QFileDialog.AcceptMode.AcceptSave)
        # It asks before a file is replaced, under its full name.
        dialog.setDefaultSuffix("mrb")
        if dialog.exec():
            path = dialog.selectedFiles()[0]
            saved = slicer.util.saveScene(path)
            self.statusBar().showMessage(f"The scene was saved: {path}" if saved else f"Not saved: {path}")

    def _panelSide(self) -> QtWidgets.QWidget:
        side = QtWidgets.QWidget()
        side.setMinimumWidth(_PANEL_WIDTH)
        column = QtWidgets.QVBoxLayout(side)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self._selector)
        column.addWidget(self._panels, 1)
        return side

    def _addModule(self, module: Any) -> None:
        """Offers a scripted module for selection."""
        if self._selector.findData(module.name) < 0:
            self._selector.addItem(module.title, module.name)
            self._selector.setCurrentIndex(self._selector.findData(self._selector.selectedModule))

    def _enter(self, name: str) -> None:
        self._leave()
        widget = slicer.app.moduleManager().module(name).widgetRepresentation()
        self._panels.setCurrentWidget(self._scrollAreaOf(widget))
        self._entered = widget
        widget.enter()

    def _leave(self) -> None:
        if self._entered is not None:
            self._entered.exit()
            self._entered = None

    def _scrollAreaOf(self, widget: QtWidgets.QWidget) -> QtWidgets.QScrollArea:
        for index in range(self._panels.count()):
            area = self._panels.widget(index)
            if isinstance(area, QtWidgets.QScrollArea) and area.widget() is widget:
                return area
        area = _PanelArea()
        area.setWidget(widget)
        self._panels.addWidget(area)
        return area
