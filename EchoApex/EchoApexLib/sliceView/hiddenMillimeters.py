"""What Slicer shows in millimeters is hidden while a cine without a scale is worked on."""

from __future__ import annotations

from typing import Any

from .redSliceSetup import RED

RULER = "EchoApex.Ruler"
"""Attribute of the slice view: the type of its ruler before it was hidden. Of a browser: that its cine hides it."""


def hideRuler(scene: Any, browser: Any) -> None:
    """Hides the ruler of the red view, which knows only millimeters, until `restoreRuler` is called for ``browser``."""
    view = scene.GetSingletonNode(RED, "vtkMRMLSliceNode")
    browser.SetAttribute(RULER, "hidden")
    if view is not None and view.GetAttribute(RULER) is None:
        view.SetAttribute(RULER, str(view.GetRulerType()))
        view.SetRulerType(view.RulerTypeNone)


def restoreRuler(scene: Any, browser: Any) -> None:
    """Shows the ruler as it was before, unless the cine of another browser hides it, too."""
    view = scene.GetSingletonNode(RED, "vtkMRMLSliceNode")
    browser.RemoveAttribute(RULER)
    if view is None or view.GetAttribute(RULER) is None:
        return
    name = "vtkMRMLSequenceBrowserNode"
    browsers = (scene.GetNthNodeByClass(item, name) for item in range(scene.GetNumberOfNodesByClass(name)))
    if not any(other.GetAttribute(RULER) for other in browsers):
        view.SetRulerType(int(view.GetAttribute(RULER)))
        view.RemoveAttribute(RULER)
