"""Stand-ins of Slicer's widgets for browsing a sequence and for placing markups."""

from __future__ import annotations

from typing import Any, ClassVar

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .properties import stored
from .widgets_qmrml import qMRMLNodeComboBox, qMRMLWidget, qSlicerWidget


class qMRMLSequenceBrowserSeekWidget(qMRMLWidget):
    """A slider over the frames of a sequence browser, with the time of the frame."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._browser: Any = None
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._label = QtWidgets.QLabel()
        self._slider.valueChanged.connect(self.setSelectedItemNumber)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider, 1)
        row.addWidget(self._label)

    def slider(self) -> QtWidgets.QSlider:
        return self._slider

    def setSelectedItemNumber(self, number: int) -> None:
        if self._browser is not None:
            self._browser.SetSelectedItemNumber(number)

    def setMRMLSequenceBrowserNode(self, browser: Any) -> None:
        self._observations.clear()
        self._browser = browser
        self._observations.add(browser, "ModifiedEvent", self._update)
        self._update()

    def _update(self) -> None:
        count = self._browser.GetNumberOfItems() if self._browser is not None else 0
        self.setEnabled(count > 0)
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, count - 1))
        self._slider.setValue(self._browser.GetSelectedItemNumber() if count else 0)
        self._slider.blockSignals(False)
        self._label.setText(self._indexText() if count else "")

    def _indexText(self) -> str:
        sequence = self._browser.GetMasterSequenceNode()
        return (
            f"{self._browser.GetFormattedIndexValue(self._browser.GetSelectedItemNumber())} {sequence.GetIndexUnit()}"
        )


class qMRMLSequenceBrowserPlayWidget(qMRMLWidget):
    """Buttons that step through and play a sequence browser."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._browser: Any = None
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        steps = (("|<", self.onVcrFirst), ("<", self.onVcrPrevious), (">", self.onVcrNext), (">|", self.onVcrLast))
        for text, act in steps:
            row.addWidget(self._button(text, act))
        self._play = self._button("Play", self.onVcrPlayPause)
        row.addWidget(self._play)
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self.onVcrNext)

    RecordingControlsVisible = stored(bool, "RecordingControlsVisible", True)
    PlayPauseShortcut = stored(str, "PlayPauseShortcut", "")
    NextFrameShortcut = stored(str, "NextFrameShortcut", "")
    PreviousFrameShortcut = stored(str, "PreviousFrameShortcut", "")

    def setMRMLSequenceBrowserNode(self, browser: Any) -> None:
        self._observations.clear()
        self._browser = browser
        self._observations.add(browser, "ModifiedEvent", self._update)
        self._update()

    def setPlaybackEnabled(self, enabled: bool) -> None:
        self._browser.SetPlaybackActive(enabled)

    def setPlaybackRateFps(self, rate: float) -> None:
        self._browser.SetPlaybackRateFps(rate)

    def setPlaybackLoopEnabled(self, enabled: bool) -> None:
        self._browser.SetPlaybackLooped(enabled)

    def setRecordingControlsVisible(self, visible: bool) -> None:
        self.RecordingControlsVisible = visible

    def onVcrFirst(self) -> None:
        self._browser.SelectFirstItem()

    def onVcrLast(self) -> None:
        self._browser.SelectLastItem()

    def onVcrNext(self) -> None:
        self._browser.SelectNextItem(1)

    def onVcrPrevious(self) -> None:
        self._browser.SelectNextItem(-1)

    def onVcrPlayPause(self, play: bool) -> None:
        self._browser.SetPlaybackActive(play)

    def _button(self, text: str, act: Any) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton()
        button.setText(text)
        button.setCheckable(text == "Play")
        button.clicked.connect((lambda on: act(on)) if text == "Play" else (lambda: act()))
        return button

    def _update(self) -> None:
        playing = self._browser is not None and bool(self._browser.GetPlaybackActive())
        self.setEnabled(self._browser is not None)
        self._play.setChecked(playing)
        if playing:
            self._timer.start(round(1000 / max(self._browser.GetPlaybackRateFps(), 0.1)))
        else:
            self._timer.stop()


class qMRMLSequenceBrowserToolBar(QtWidgets.QToolBar):
    """The tool bar of sequences: plays and seeks in the browser of its list, which has no "None"."""

    activeBrowserNodeChanged = Signal(object)
    mrmlSceneChanged = Signal(object)
    _cppSignals: ClassVar = {
        "activeBrowserNodeChanged(vtkMRMLNode*)": "activeBrowserNodeChanged(PyObject)",
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)",
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("SequenceBrowserToolBar")
        self.setWindowTitle("Sequence browser")
        self._play, self._seek = qMRMLSequenceBrowserPlayWidget(), qMRMLSequenceBrowserSeekWidget()
        self._selector = qMRMLNodeComboBox()
        self._selector.nodeTypes = ["vtkMRMLSequenceBrowserNode"]
        for widget in (self._play, self._seek, self._selector):
            self.addWidget(widget)
        self._selector.currentNodeChanged.connect(self._onNode)

    def setMRMLScene(self, scene: Any) -> None:
        self._selector.setMRMLScene(scene)
        self.mrmlSceneChanged.emit(scene)

    def activeBrowserNode(self) -> Any:
        return self._selector.currentNode()

    def setActiveBrowserNode(self, browser: Any) -> None:
        self._selector.setCurrentNode(browser)

    def _onNode(self, browser: Any) -> None:
        self._play.setMRMLSequenceBrowserNode(browser)
        self._seek.setMRMLSequenceBrowserNode(browser)
        self.activeBrowserNodeChanged.emit(browser)


class qSlicerMarkupsPlaceWidget(qSlicerWidget):
    """Switches place mode for one markups node."""

    activeMarkupsPlaceModeChanged = Signal(bool)
    activeMarkupsFiducialPlaceModeChanged = Signal(bool)
    HidePlaceMultipleMarkupsOption, ShowPlaceMultipleMarkupsOption = 0, 1
    ForcePlaceSingleMarkup, ForcePlaceMultipleMarkups = 2, 3

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._wasActive = False
        self._place, self._delete = QtWidgets.QToolButton(), QtWidgets.QToolButton()
        self._place.setText("Place")
        self._place.setCheckable(True)
        self._place.toggled.connect(self.setPlaceModeEnabled)
        self._delete.setText("Delete")
        self._delete.clicked.connect(lambda: self.deleteLastPoint())
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._place)
        row.addWidget(self._delete)

    buttonsVisible = stored(bool, "buttonsVisible", True, changed="_showButtons")
    deleteAllControlPointsOptionVisible = stored(bool, "deleteAllControlPointsOptionVisible", True)
    deleteAllMarkupsOptionVisible = stored(bool, "deleteAllMarkupsOptionVisible", True)
    placeMultipleMarkups = stored(int, "placeMultipleMarkups", ShowPlaceMultipleMarkupsOption)
    placeModePersistency = stored(bool, "placeModePersistency", False)
    placeModeEnabled = Property(bool, lambda self: self._isPlacing(), lambda self, on: self.setPlaceModeEnabled(on))
    currentNodeActive = Property(bool, lambda self: self._isActive(), lambda self, on: self.setCurrentNodeActive(on))

    def setMRMLScene(self, scene: Any) -> None:
        super().setMRMLScene(scene)
        self._observations.clear()
        if scene is not None:
            interaction = self.interactionNode()
            self._observations.add(interaction, interaction.InteractionModeChangedEvent, self._update)
            self._observations.add(self.selectionNode(), "ModifiedEvent", self._update)
        self._update()

    def setCurrentNode(self, node: Any) -> None:
        self._node = node
        self._update()

    def currentNode(self) -> Any:
        return self._node

    currentMarkupsNode = currentNode

    def placeButton(self) -> QtWidgets.QToolButton:
        return self._place

    def deleteButton(self) -> QtWidgets.QToolButton:
        return self._delete

    def interactionNode(self) -> Any:
        return slicer.app.applicationLogic().GetInteractionNode()

    def selectionNode(self) -> Any:
        return slicer.app.applicationLogic().GetSelectionNode()

    def setButtonsVisible(self, visible: bool) -> None:
        self.buttonsVisible = visible

    def setPlaceModePersistency(self, persistent: bool) -> None:
        self.placeModePersistency = persistent

    def setPlaceMultipleMarkups(self, option: int) -> None:
        self.placeMultipleMarkups = option

    def setCurrentNodeActive(self, active: bool) -> None:
        if active and self._node is not None:
            self.selectionNode().SetReferenceActivePlaceNodeClassName(self._node.GetClassName())
            self.selectionNode().SetActivePlaceNodeID(self._node.GetID())

    def setPlaceModeEnabled(self, enabled: bool) -> None:
        interaction = self.interactionNode()
        if enabled and self._node is not None:
            self.setCurrentNodeActive(True)
            forced = self.placeMultipleMarkups == self.ForcePlaceMultipleMarkups
            interaction.SetPlaceModePersistence(forced or self.placeModePersistency)
            interaction.SetCurrentInteractionMode(interaction.Place)
        elif self._isPlacing():
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        self._update()

    def deleteLastPoint(self) -> None:
        if self._node is not None and self._node.GetNumberOfControlPoints() > 0:
            self._node.RemoveNthControlPoint(self._node.GetNumberOfControlPoints() - 1)

    def deleteAllPoints(self) -> None:
        if self._node is not None:
            self._node.RemoveAllControlPoints()

    def _isActive(self) -> bool:
        return self._node is not None and self.selectionNode().GetActivePlaceNodeID() == self._node.GetID()

    def _isPlacing(self) -> bool:
        interaction = self.interactionNode()
        return self._isActive() and interaction.GetCurrentInteractionMode() == interaction.Place

    def _update(self) -> None:
        placing = self._isPlacing()
        self._place.blockSignals(True)
        self._place.setChecked(placing)
        self._place.blockSignals(False)
        self.setEnabled(self._node is not None)
        if placing != self._wasActive:
            self._wasActive = placing
            self.activeMarkupsPlaceModeChanged.emit(placing)
            self.activeMarkupsFiducialPlaceModeChanged.emit(placing)

    def _showButtons(self) -> None:
        self._place.setVisible(self.buttonsVisible)
        self._delete.setVisible(self.buttonsVisible)
