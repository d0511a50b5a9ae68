"""Which clip of a scene is shown when it is opened, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..record.recordSaving import RECORD
from ..sequences.cineSequence import sequencesWith

RED = "Red"
"""The slice view in which cines are shown: axial, so that a frame stands as it was taken."""

SECOND = "EchoApexSecond"
"""The slice view of the second cine where two are shown side by side; Slicer's own views are left alone."""

_SLICE, _COMPOSITE = "vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"
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


def showPair(scene: Any, first: Any, second: Any) -> None:
    """Shows the clip of ``first`` in the red view and that of ``second`` in the second one, each with its own findings.

    The views stay as they are arranged. `showBrowser` shows one clip again, with its findings in all views.
    """
    for browser in clipBrowsers(scene):
        _setFindingsVisible(browser, browser in (first, second))
    for browser, view in ((first, RED), (second, SECOND)):
        volume = browser.GetProxyNode(browser.GetMasterSequenceNode())
        _background(scene, volume, view)
        _fit(scene, volume, view)
        _showFindingsOnlyIn(browser, _singleton(scene, _SLICE, view).GetID())


def isPairShown(scene: Any, first: Any, second: Any) -> bool:
    """Whether all is as `showPair` has left it."""
    for browser, name in ((first, RED), (second, SECOND)):
        volume, view = browser.GetProxyNode(browser.GetMasterSequenceNode()), _singleton(scene, _SLICE, name)
        if _singleton(scene, _COMPOSITE, name).GetBackgroundVolumeID() != volume.GetID():
            return False
        if any(tuple(one.GetViewNodeIDs() or ()) != (view.GetID(),) for one in _displaysOf(browser)):
            return False
    return True


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
    view = scene.GetSingletonNode(RED, _COMPOSITE)
    shown = None if view is None else view.GetBackgroundVolumeID()
    for browser in clipBrowsers(scene) if shown else ():
        volume = browser.GetProxyNode(browser.GetMasterSequenceNode())
        if volume is not None and volume.GetID() == shown:
            return browser
    return None


def _setFindingsVisible(browser: Any, visible: bool) -> None:
    for sequence in sequencesWith(browser):
        browser.GetProxyNode(sequence).SetDisplayVisibility(visible)
    _showFindingsOnlyIn(browser, None)


def _showFindingsOnlyIn(browser: Any, view: str | None) -> None:
    """Draws what was found in a clip in the view with this node ID alone; in all views where it is None."""
    wanted = () if view is None else (view,)
    for display in _displaysOf(browser):
        if tuple(display.GetViewNodeIDs() or ()) != wanted:
            display.SetViewNodeIDs(list(wanted))


def _displaysOf(browser: Any) -> Iterator[Any]:
    for sequence in sequencesWith(browser):
        proxy = browser.GetProxyNode(sequence)
        displays = (proxy.GetNthDisplayNode(index) for index in range(proxy.GetNumberOfDisplayNodes()))
        yield from (display for display in displays if display is not None)


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


def _background(scene: Any, volume: Any, name: str = RED) -> None:
    _singleton(scene, _COMPOSITE, name).SetBackgroundVolumeID(volume.GetID())


def _fit(scene: Any, volume: Any, name: str = RED) -> None:
    columns, rows, _ = volume.GetImageData().GetDimensions()
    sx, sy, _ = volume.GetSpacing()
    view = _singleton(scene, _SLICE, name)
    if not view.GetLayoutLabel():
        # Slicer takes name and color of its view from the node that a scene brings, also where they are empty.
        view.SetLayoutLabel({RED: "R", SECOND: "2"}[name])
        view.SetLayoutColor(*(view.GetRedColor() if name == RED else view.GetYellowColor()))
    if not view.HasSliceOrientationPreset(_AXIAL):
        view.AddDefaultSliceOrientationPresets(scene)
    view.SetOrientation(_AXIAL)
    view.JumpSliceByCentering(-sx * (columns - 1) / 2, -sy * (rows - 1) / 2, 0.0)
    # Square, like the view that is read back before it has a window.
    side = max(sx * columns, sy * rows)
    view.SetFieldOfView(side, side, 1.0)
