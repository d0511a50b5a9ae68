"""The module of sequences: its tool bar, and which browser that turns to when a scene is read."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore
from vtkmodules.vtkCommonCore import VTK_OBJECT

from .modules import qSlicerLoadableModule
from .properties import stored
from .widgets_sequences import qMRMLSequenceBrowserToolBar

_PERIOD_MS = 20


class qSlicerSequencesModule(qSlicerLoadableModule):
    """Its tool bar turns to the last browser with sequences that a scene brings, a moment after it was read."""

    def __init__(self, name: str, logic: Any) -> None:
        super().__init__(name, logic)
        self._bar = qMRMLSequenceBrowserToolBar()
        self._bar.setVisible(False)
        self._bar.setMRMLScene(slicer.mrmlScene)
        self._toShow: Any = None
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(_PERIOD_MS)
        self._timer.timeout.connect(self.updateAllVirtualOutputNodes)
        self._observe(slicer.mrmlScene)

    toolBarVisible = stored(bool, "toolBarVisible", False, changed="_showToolBar")
    autoShowToolBar = stored(bool, "autoShowToolBar", True)

    def toolBar(self) -> qMRMLSequenceBrowserToolBar:
        return self._bar

    def isToolBarVisible(self) -> bool:
        return self._bar.isVisible()

    def setToolBarActiveBrowserNode(self, browser: Any) -> None:
        self._bar.setActiveBrowserNode(browser)

    def setToolBarVisible(self, visible: bool) -> None:
        self.toolBarVisible = visible

    def setAutoShowToolBar(self, show: bool) -> None:
        self.autoShowToolBar = show

    def showSequenceBrowser(self, browser: Any) -> bool:
        if self.autoShowToolBar:
            self.setToolBarActiveBrowserNode(browser)
            self.setToolBarVisible(True)
        return True

    def updateAllVirtualOutputNodes(self) -> None:
        if self._toShow is not None and not slicer.mrmlScene.IsImporting():
            browser, self._toShow = self._toShow, None
            self._timer.stop()
            if browser.GetScene() is not None:
                self.showSequenceBrowser(browser)

    def _showToolBar(self) -> None:
        self._bar.setVisible(self.toolBarVisible)

    def _observe(self, scene: Any) -> None:
        def added(_scene: Any, _event: str, node: Any) -> None:
            if node.IsA("vtkMRMLSequenceBrowserNode") and self.autoShowToolBar and scene.IsImporting():
                shown = self._toShow
                # None of them has its sequences by then: the last one that is added is shown.
                if shown is None or not shown.GetNumberOfSynchronizedSequenceNodes():
                    self._toShow = node
                self._timer.start()

        added.CallDataType = VTK_OBJECT  # type: ignore[attr-defined]
        scene.AddObserver(scene.NodeAddedEvent, added)
