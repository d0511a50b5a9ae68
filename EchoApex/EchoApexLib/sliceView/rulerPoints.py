"""Two points on the depth ruler of a cine: set by clicks or by their pixels, and drawn joined by a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..nodes.cineNodes import samePlaceNode
from ..nodes.coordinates import ijkToWorldOf, pixelsFromRas, rasFromPixels
from ..nodes.observers import removeNode
from .placeModeClicks import PointTool

Pixel = tuple[float, float]

_COLOR = (0.2, 1.0, 0.4)  # own choice: bright on gray, and none of the calipers
_GLYPH_SCALE = 1.2


class RulerPoints:
    """At most two points in ``scene``; ``changed`` is told of each click. Nodes are made and removed by `draw` alone.

    ``onProblem`` is as in `Observers`. Nothing of it is saved with the scene.
    """

    def __init__(self, scene: Any, changed: Callable[[], None], onProblem: Callable[[str], None]) -> None:
        self._scene, self._changed = scene, changed
        self._tool = PointTool(scene, onProblem)
        self._line: Any = None
        self._browser: Any = None
        self.points: list[Pixel] = []

    @property
    def placing(self) -> bool:
        """Whether a click sets a point."""
        return self._tool.armed

    def place(self, browser: Any) -> None:
        """The next two clicks set the points on the cine of ``browser``."""
        self._browser, self.points = browser, []
        self._tool.arm("Depth ruler", self._clicked)

    def stop(self) -> None:
        """Clicks set no point any more; those that are set stay."""
        self._tool.disarm()

    def set(self, browser: Any, points: list[Pixel]) -> None:
        """These are the points, in pixels ``(x, y)`` of the cine of ``browser``."""
        self._browser, self.points = browser, points

    def clear(self) -> None:
        """There are no points."""
        self.stop()
        self._browser, self.points = None, []

    def draw(self) -> None:
        """Draws what there is; never called in an event of a node."""
        self._tool.tidy()
        volume = self._volume()
        if volume is None or not self.points:
            if self._line is not None:
                removeNode(self._scene, self._line)
            self._line = None
            return
        if self._line is None or not self._scene.IsNodePresent(self._line):
            self._line = self._newLine()
        self._move(rasFromPixels(self.points, ijkToWorldOf(volume)))

    def _clicked(self, ras: tuple[float, float, float]) -> None:
        volume = self._volume()
        if volume is None:
            return
        x, y = pixelsFromRas(ras, ijkToWorldOf(volume))
        self.points = [*self.points[:1], (round(float(x), 1), round(float(y), 1))]
        if len(self.points) == 2:
            self._tool.disarm()
        self._changed()

    def _volume(self) -> Any:
        browser = self._browser
        if browser is None or not self._scene.IsNodePresent(browser) or browser.GetMasterSequenceNode() is None:
            return None
        return browser.GetProxyNode(browser.GetMasterSequenceNode())

    def _newLine(self) -> Any:
        import slicer

        line = slicer.vtkMRMLMarkupsLineNode()
        line.SetName("Depth ruler")
        line.SetSaveWithScene(False)
        line.SetHideFromEditors(True)
        line.SetLocked(True)
        # It would be in millimeters, which are only to come.
        line.GetMeasurement("length").SetEnabled(False)
        with samePlaceNode(self._scene):
            self._scene.AddNode(line)
        line.CreateDefaultDisplayNodes()
        display = line.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetColor(*_COLOR)
        display.SetSelectedColor(*_COLOR)
        display.SetPointLabelsVisibility(False)
        display.SetPropertiesLabelVisibility(False)
        display.SetGlyphScale(_GLYPH_SCALE)
        return line

    def _move(self, ras: Any) -> None:
        line, changing = self._line, self._line.StartModify()
        while line.GetNumberOfControlPoints() > len(ras):
            line.RemoveNthControlPoint(line.GetNumberOfControlPoints() - 1)
        for index, place in enumerate(np.asarray(ras).tolist()):
            if index < line.GetNumberOfControlPoints():
                line.SetNthControlPointPosition(index, *place)
            else:
                line.AddControlPoint(*place, "")
        line.EndModify(changing)
