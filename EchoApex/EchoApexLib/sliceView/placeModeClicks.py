"""Clicks of Slicer's place mode, each reported once as a point of the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..nodes.observers import Observers, removeNode

_CLASS = "vtkMRMLMarkupsFiducialNode"


class PointTool:
    """A list of points, not saved and in no sequence, that takes the clicks while the tool is armed.

    ``onProblem`` is as in `Observers`. A click may disarm the tool: Slicer still works on the list then, and would
    crash without it. It is removed by `tidy`, which whoever drives the tool calls when no event is under way.
    """

    def __init__(self, scene: Any, onProblem: Callable[[str], None]) -> None:
        self._scene = scene
        self._list: Any = None
        self._used: list[Any] = []
        self._observers = Observers(onProblem)
        self._onPlaced: Callable[[tuple[float, float, float]], None] | None = None

    @property
    def armed(self) -> bool:
        """Whether clicks place points: neither the tool was put away, nor place mode ended by Slicer's own button."""
        if self._list is None:
            return False
        selection, interaction = self._modes()
        if selection is None or selection.GetActivePlaceNodeID() != self._list.GetID():
            return False
        return bool(interaction.GetCurrentInteractionMode() == interaction.Place)

    def arm(self, name: str, onPlaced: Callable[[tuple[float, float, float]], None]) -> None:
        """Puts Slicer into place mode until `disarm`; ``onPlaced`` gets the RAS in mm of each click."""
        self.disarm()
        self.tidy()
        self._onPlaced = onPlaced
        self._list = self._scene.AddNewNodeByClass(_CLASS, name)
        self._list.SetSaveWithScene(False)
        self._list.SetHideFromEditors(True)
        self._list.CreateDefaultDisplayNodes()
        self._list.GetDisplayNode().SetSaveWithScene(False)
        self._list.GetDisplayNode().SetPointLabelsVisibility(False)
        self._observers.add(self._list, self._list.PointPositionDefinedEvent, self._report, data="int")
        self._startPlacing()

    def _startPlacing(self) -> None:
        selection, interaction = self._modes()
        selection.SetReferenceActivePlaceNodeClassName(_CLASS)
        selection.SetActivePlaceNodeID(self._list.GetID())
        interaction.SetPlaceModePersistence(True)
        interaction.SetCurrentInteractionMode(interaction.Place)

    def _modes(self) -> tuple[Any, Any]:
        find = self._scene.GetFirstNodeByClass
        return find("vtkMRMLSelectionNode"), find("vtkMRMLInteractionNode")

    def _report(self, index: int) -> None:
        position = [0.0, 0.0, 0.0]
        self._list.GetNthControlPointPositionWorld(index, position)
        # Removed here, the point would be missing in the widget that has just placed it.
        self._list.UnsetNthControlPointPosition(index)
        if self._onPlaced is not None:
            self._onPlaced((position[0], position[1], position[2]))

    def disarm(self) -> None:
        """Ends place mode, if this tool has begun it."""
        self._observers.clear()
        self._onPlaced = None
        if self._list is None:
            return
        selection, interaction = self._modes()
        if selection is not None and selection.GetActivePlaceNodeID() == self._list.GetID():
            interaction.SetPlaceModePersistence(False)
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
            selection.SetActivePlaceNodeID(None)
        self._used.append(self._list)
        self._list = None

    def tidy(self) -> None:
        """Removes the lists of clicks that are over; never in an event of theirs."""
        while self._used:
            removeNode(self._scene, self._used.pop())
