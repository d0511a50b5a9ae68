"""Scales by hand of the clips of a list: given, taken back, put into the scene, and kept with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from echoapex.analysis.clip_corrections import Calibration
from echoapex.errors import EchoApexError

from ..cine.cineFromBrowser import cineOf
from ..cine.fileMarks import browsersOf
from ..cine.scaleByHand import calibrate, calibrationOf
from ..record.recordSaving import addTextNode
from ..sliceView.redSliceSetup import showBrowser, shownBrowser
from .calibrations import Calibrations
from .clipList import ClipList

CALIBRATIONS = "EchoApex.Calibrations"
"""Attribute of the text node that holds the scales by hand of all clips of a list."""


class ClipScales:
    """The scales by hand of clips in ``scene``; those of the list outlive it and go into the next one."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._kept: str | None = None

    def give(self, clips: ClipList, files: Iterable[Path], calibration: Calibration | None, shown: Any) -> None:
        """Gives all ``files`` this scale, or where it is None that of their own.

        ``shown`` is the browser that the points were set in. Raises `EchoApexError` for what can be no scale of it.
        """
        chosen = list(files)
        if calibration is not None:
            calibration.check(cineOf(shown), clips.fileScale(chosen[0]))
        clips.calibrations.give(chosen, calibration)
        self.apply(clips)

    def undo(self, clips: ClipList) -> None:
        """Takes the last step back."""
        clips.calibrations.undo()
        self.apply(clips)

    def apply(self, clips: ClipList) -> None:
        """Lets the clips that are in the scene have the scales of the list."""
        for clip in clips.clips:
            for browser in browsersOf(self._scene, clip.file):
                self.applyTo(browser, clip.file, clips)

    def applyTo(self, browser: Any, file: Path, clips: ClipList) -> None:
        """As `apply`, for one clip."""
        wanted = clips.calibrations.of(file)
        if wanted != calibrationOf(browser):
            calibrate(browser, wanted, clips.fileScale(file))
            if shownBrowser(self._scene) is browser:
                # Frames have another size in the view now.
                showBrowser(self._scene, browser)

    # In the scene

    def keep(self, clips: ClipList) -> None:
        """Brings what the scene keeps up to date; never called in an event of a node."""
        text = clips.calibrations.toText()
        if text != self._kept:
            node = next(iter(self._nodes()), None)
            if node is None and text:
                node = addTextNode(self._scene, "EchoApex scales by hand")
                node.SetAttribute(CALIBRATIONS, "1")
            if node is not None:
                node.SetText(text)
            self._kept = text

    def sceneClosed(self) -> None:
        """The next scene has nothing yet."""
        self._kept = None

    def read(self, clips: ClipList) -> None:
        """A scene was read: takes the scales that it keeps. Raises `EchoApexError` for damaged ones."""
        self._kept = None
        for node in self._nodes():
            clips.calibrations.add(Calibrations.fromText(node.GetText() or ""))

    def _nodes(self) -> list[Any]:
        count = self._scene.GetNumberOfNodesByClass("vtkMRMLTextNode")
        nodes = (self._scene.GetNthNodeByClass(index, "vtkMRMLTextNode") for index in range(count))
        return [node for node in nodes if node.GetAttribute(CALIBRATIONS) is not None]


def calibrationBy(points: Iterable[tuple[float, float]], distance: float, unit: str) -> Calibration:
    """The calibration of two points ``(x, y)`` in pixels, ``distance`` apart in ``unit``, ``mm`` or ``cm``.

    Raises `EchoApexError` unless there are two points.
    """
    ends = [(float(x), float(y)) for x, y in points]
    if len(ends) != 2:
        raise EchoApexError("A calibration needs two points: click two marks of the depth ruler", value=len(ends))
    return Calibration((ends[0], ends[1]), float(distance) * (10.0 if unit == "cm" else 1.0))
