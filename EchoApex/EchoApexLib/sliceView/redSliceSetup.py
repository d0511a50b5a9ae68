"""Which clip of a scene is shown when it is opened, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..record.recordSaving import RECORD
from ..sequences.cineSequence import sequencesWith
from ..sequences.colorSequence import SHOWN_IN_COLOR, colorVolumeOf, grayVolumeOf, shownVolumeOf

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
    views stay as they are arranged, whether the red one is seen or not. Of a cine with color that is shown which was
    chosen (`setShownInColor`); Slicer's active volume is the gray one.
    """
    for index, browser in enumerate(browsers):
        _setFindingsVisible(browser, index == chosen)
    volume = shownVolumeOf(browsers[chosen])
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    if selection is not None:
        selection.SetActiveVolumeID(grayVolumeOf(browsers[chosen]).GetID())
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
        volume = shownVolumeOf(browser)
        _background(scene, volume, view)
        _fit(scene, volume, view)
        _showFindingsOnlyIn(browser, _singleton(scene, _SLICE, view).GetID())


def isPairShown(scene: Any, first: Any, second: Any) -> bool:
    """Whether all is as `showPair` has left it."""
    for browser, name in ((first, RED), (second, SECOND)):
        view = _singleton(scene, _SLICE, name)
        if not _shows(_singleton(scene, _COMPOSITE, name), browser):
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
    browsers = () if view is None else clipBrowsers(scene)
    return next((browser for browser in browsers if _shows(view, browser)), None)


def hideUnlessShown(scene: Any, browser: Any) -> None:
    """Draws nothing of a clip that no view shows: new nodes are visible, and would lie over the clip that is shown."""
    views = (scene.GetSingletonNode(name, _COMPOSITE) for name in (RED, SECOND))
    if not any(view is not None and _shows(view, browser) for view in views):
        _setFindingsVisible(browser, False)


def isShownInColor(scene: Any, browser: Any) -> bool:
    """Whether the red view shows the cine of ``browser`` in color."""
    view, volume = scene.GetSingletonNode(RED, _COMPOSITE), colorVolumeOf(browser)
    return view is not None and volume is not None and view.GetBackgroundVolumeID() == volume.GetID()


def setShownInColor(scene: Any, inColor: bool) -> None:
    """Shows the cines in our views in color, those that have any, or in gray; the scene keeps it for each of them.

    Place and size stay as they are, and so does what lies on top.
    """
    views = [view for view in (scene.GetSingletonNode(name, _COMPOSITE) for name in (RED, SECOND)) if view is not None]
    for browser in clipBrowsers(scene):
        for view in (view for view in views if _shows(view, browser)):
            if inColor and colorVolumeOf(browser) is not None:
                browser.SetAttribute(SHOWN_IN_COLOR, "1")
            else:
                browser.RemoveAttribute(SHOWN_IN_COLOR)
            view.SetBackgroundVolumeID(shownVolumeOf(browser).GetID())


def _shows(composite: Any, browser: Any) -> bool:
    """Whether a view shows the cine of ``browser``, in gray or in color."""
    volumes = (grayVolumeOf(browser), colorVolumeOf(browser))
    return composite.GetBackgroundVolumeID() in [volume.GetID() for volume in volumes if volume is not None]


def _setFindingsVisible(browser: Any, visible: bool) -> None:
    for proxy in _findingsOf(browser):
        proxy.SetDisplayVisibility(visible)
    _showFindingsOnlyIn(browser, None)


def _showFindingsOnlyIn(browser: Any, view: str | None) -> None:
    """Draws what was found in a clip in the view with this node ID alone; in all views where it is None."""
    wanted = () if view is None else (view,)
    for display in _displaysOf(browser):
        if tuple(display.GetViewNodeIDs() or ()) != wanted:
            display.SetViewNodeIDs(list(wanted))


def _displaysOf(browser: Any) -> Iterator[Any]:
    for proxy in _findingsOf(browser):
        displays = (proxy.GetNthDisplayNode(index) for index in range(proxy.GetNumberOfDisplayNodes()))
        yield from (display for display in displays if display is not None)


def _findingsOf(browser: Any) -> Iterator[Any]:
    """What is drawn over the cine of ``browser``; its colors are no finding."""
    for sequence in sequencesWith(browser):
        proxy = browser.GetProxyNode(sequence)
        if proxy is not colorVolumeOf(browser):
            yield proxy


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
