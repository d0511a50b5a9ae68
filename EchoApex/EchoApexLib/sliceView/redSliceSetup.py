"""Which clip of a scene is shown when it is opened, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..record.recordSaving import RECORD
from ..sequences.cineSequence import sequencesWith

RED = "Red"
"""The slice view in which cines are shown: axial, so that a frame stands as it was taken."""

_AXIAL = "Axial"
_ONE_UP_RED = (
    '<layout type="horizontal"><item><view class="vtkMRMLSliceNode" singletontag="Red">'
    '<property name="viewlabel" action="default">R</property>'
    '<property name="viewcolor" action="default">#F34A33</property></view></item></layout>'
)


def showClip(scene: Any, browsers: Sequence[Any], chosen: int, *, keepLayout: bool = False) -> None:
    """Shows the clip of ``browsers[chosen]`` in the red view, filling it, and hides what was found in the others.

    All cines lie in the same place, so that the outlines of one would be drawn over another. With ``keepLayout`` the
    views stay as they are arranged, whether the red one is seen or not.
    """
    for index, browser in enumerate(browsers):
        _setFindingsVisible(browser, index == chosen)
    volume = browsers[chosen].GetProxyNode(browsers[chosen].GetMasterSequenceNode())
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    if selection is not None:
        selection.SetActiveVolumeID(volume.GetID())
    if not keepLayout:
        _layout(scene)
    _background(scene, volume)
    _fit(scene, volume)


def clipBrowsers(scene: Any) -> list[Any]:
    """The browsers of the clips of EchoApex."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")
    browsers = [scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode") for index in range(count)]
    return [browser for browser in browsers if browser.GetNodeReference(RECORD) is not None]


def showBrowser(scene: Any, browser: Any) -> None:
    """Shows the clip of ``browser`` in the red view, wherever that is, and hides what was found in all others."""
    browsers = clipBrowsers(scene)
    showClip(scene, browsers, browsers.index(browser), keepLayout=True)


def shownBrowser(scene: Any) -> Any:
    """The browser of the clip of EchoApex that is in the red view; None where there is none."""
    view = scene.GetSingletonNode(RED, "vtkMRMLSliceCompositeNode")
    shown = None if view is None else view.GetBackgroundVolumeID()
    for browser in clipBrowsers(scene) if shown else ():
        volume = browser.GetProxyNode(browser.GetMasterSequenceNode())
        if volume is not None and volume.GetID() == shown:
            return browser
    return None


def _setFindingsVisible(browser: Any, visible: bool) -> None:
    for sequence in sequencesWith(browser):
        browser.GetProxyNode(sequence).SetDisplayVisibility(visible)


def _singleton(scene: Any, className: str, tag: str) -> Any:
    """The one node of a view; Slicer's own takes over what is read with the same tag."""
    node = scene.GetSingletonNode(tag, className)
    if node is None:
        node = scene.CreateNodeByClass(className)
        node.SetSingletonTag(tag)
        node.SetName(tag)
        node.SetLayoutName(tag)
        node = scene.AddNode(node)
    return node


def _layout(scene: Any) -> None:
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode") or scene.AddNewNodeByClass("vtkMRMLLayoutNode")
    number = layout.SlicerLayoutOneUpRedSliceView
    if not layout.IsLayoutDescription(number):
        # Only the application brings descriptions; it puts its own in the place of this one.
        layout.AddLayoutDescription(number, _ONE_UP_RED)
    layout.SetViewArrangement(number)


def _background(scene: Any, volume: Any) -> None:
    _singleton(scene, "vtkMRMLSliceCompositeNode", RED).SetBackgroundVolumeID(volume.GetID())


def _fit(scene: Any, volume: Any) -> None:
    columns, rows, _ = volume.GetImageData().GetDimensions()
    sx, sy, _ = volume.GetSpacing()
    view = _singleton(scene, "vtkMRMLSliceNode", RED)
    if not view.GetLayoutLabel():
        # Slicer takes name and color of its view from the node that a scene brings, also where they are empty.
        view.SetLayoutLabel(RED[0])
        view.SetLayoutColor(*view.GetRedColor())
    if not view.HasSliceOrientationPreset(_AXIAL):
        view.AddDefaultSliceOrientationPresets(scene)
    view.SetOrientation(_AXIAL)
    view.JumpSliceByCentering(-sx * (columns - 1) / 2, -sy * (rows - 1) / 2, 0.0)
    # Square, like the view that is read back before it has a window.
    side = max(sx * columns, sy * rows)
    view.SetFieldOfView(side, side, 1.0)
