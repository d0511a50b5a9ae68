"""A scripted module runs in the Host as it is: panel from a .ui file, views, mouse, scene, parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

FRAMES, ROWS, COLUMNS = 5, 60, 80


def makeCine(scene: Any) -> Any:
    """A browser of frames of one gray level each, with a volume in pixels of 1 mm."""
    import slicer
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    for frame in range(FRAMES):
        image = vtkImageData()
        image.SetDimensions(COLUMNS, ROWS, 1)
        image.AllocateScalars(3, 1)
        vtk_to_numpy(image.GetPointData().GetScalars())[:] = 20 + 30 * frame
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.SetAndObserveImageData(image)
        volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
        sequence.SetDataNodeAtValue(volume, str(0.03 * frame))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    proxy = browser.GetProxyNode(sequence)
    proxy.CreateDefaultDisplayNodes()
    proxy.GetDisplayNode().AutoWindowLevelOff()
    proxy.GetDisplayNode().SetWindowLevel(255, 127.5)
    slicer.util.setSliceViewerLayers(background=proxy, fit=True)
    return browser


@pytest.fixture
def probe(panelOf: Any) -> Any:
    panel = panelOf("HostProbe")
    panel.calls.clear()
    return panel


def test_the_selector_fills_and_follows_the_scene(probe: Any, scene: Any) -> None:
    assert probe.ui.browserSelector.currentNode() is None
    browser = makeCine(scene)
    assert probe.ui.browserSelector.currentNode() is browser
    assert probe.parameters.browser is browser
    scene.RemoveNode(browser)
    assert probe.ui.browserSelector.currentNode() is None


def test_browsing_changes_what_is_drawn(probe: Any, scene: Any, red: Any) -> None:
    browser = makeCine(scene)
    x, y = red.center()
    for frame in range(FRAMES):
        browser.SetSelectedItemNumber(frame)
        assert abs(int(red.pixels()[y, x, 0]) - (20 + 30 * frame)) <= 2


def test_the_picture_of_the_window_contains_the_view(
    host: Any, probe: Any, scene: Any, red: Any, tmp_path: Any
) -> None:
    from PySide6 import QtGui
    from slicerhost.driving import savePicture

    makeCine(scene).SetSelectedItemNumber(FRAMES - 1)
    picture = QtGui.QImage(str(savePicture(host.window, tmp_path / "window.png")))
    place = red.screen.mapTo(host.window, red.screen.rect().center())
    assert abs(picture.pixelColor(place).red() - (20 + 30 * (FRAMES - 1))) <= 2


def test_a_click_places_a_point_where_it_was_made(probe: Any, scene: Any, red: Any) -> None:
    makeCine(scene)
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Points")
    points.CreateDefaultDisplayNodes()
    probe.ui.placeWidget.setCurrentNode(points)
    probe.ui.placeWidget.setPlaceModeEnabled(True)
    place = red.fromFrame((30, 20))
    red.click(place)
    assert points.GetNumberOfDefinedControlPoints() == 1
    found = np.array(points.GetNthControlPointPositionWorld(0))
    np.testing.assert_allclose(found, red.toRAS(place), atol=0.01)
    np.testing.assert_allclose(found, [-30, -20, 0], atol=0.3)
    assert not probe.ui.placeWidget.placeModeEnabled
    red.drag(place, (place[0] + 40, place[1] + 16))
    np.testing.assert_allclose(
        points.GetNthControlPointPositionWorld(0), red.toRAS((place[0] + 40, place[1] + 16)), atol=0.5
    )


def test_the_wheel_reaches_an_observer_before_the_view(probe: Any, scene: Any, red: Any) -> None:
    makeCine(scene)
    red.wheel(2)
    assert probe.calls == ["wheel", "wheel"]
    red.wheel(-1)
    assert probe.calls == ["wheel", "wheel"]


def test_a_cleared_scene_keeps_the_views_and_the_binding(probe: Any, scene: Any, red: Any) -> None:
    makeCine(scene)
    node = red.widget.mrmlSliceNode()
    scene.Clear(0)
    assert scene.GetNodeByID("vtkMRMLSliceNodeRed") is node
    assert probe.calls == ["close"]
    probe.ui.radius.value = 7.25
    assert probe.parameters.radius == 7.25
    browser = makeCine(scene)
    browser.SetSelectedItemNumber(1)
    x, y = red.center()
    assert abs(int(red.pixels()[y, x, 0]) - 50) <= 2


def test_parameters_and_widgets_follow_each_other(probe: Any) -> None:
    ui, parameters = probe.ui, probe.parameters
    assert (parameters.radius, parameters.passes, parameters.automatic, parameters.label) == (4.5, 2, False, "LV")
    assert (ui.radius.value, ui.passes.value(), ui.automatic.isChecked(), ui.label.text()) == (4.5, 2, False, "LV")
    parameters.passes, parameters.automatic, parameters.label, parameters.radius = 5, True, "LA", 3.125
    assert (ui.radius.value, ui.passes.value(), ui.automatic.isChecked(), ui.label.text()) == (3.125, 5, True, "LA")
    ui.passes.setValue(6)
    ui.automatic.click()
    ui.label.setText("RV")
    ui.radius.setValue(2.5)
    assert (parameters.radius, parameters.passes, parameters.automatic, parameters.label) == (2.5, 6, False, "RV")
    with pytest.raises(ValueError, match="passes"):
        parameters.passes = "many"


def test_a_button_and_a_shortcut_reach_the_panel(host: Any, probe: Any) -> None:
    from slicerhost.driving import CONTROL, clickButton, pressKey

    clickButton(probe.ui.runButton)
    pressKey(probe.ui.label, "k", CONTROL)
    assert probe.calls == [("run", False), "shortcut"]


def test_a_title_folds_its_contents(probe: Any) -> None:
    from slicerhost.driving import clickButton, settle

    inputs, label = probe.ui.inputs, probe.ui.label
    probe.ui.passes.hide()
    clickButton(inputs)
    assert inputs.collapsed and not label.isVisible()
    clickButton(inputs)
    settle()
    assert label.isVisible() and not probe.ui.passes.isVisible()
    probe.ui.passes.show()


def test_a_module_is_entered_and_left(host: Any, probe: Any, panelOf: Any) -> None:
    import slicer

    host.window._leave()
    assert probe.calls == ["exit"]
    host.window._enter("HostProbe")
    assert probe.calls == ["exit", "enter"]
    assert slicer.util.selectedModule() == "HostProbe"
    with pytest.raises(NotImplementedError, match="Volumes has no stand-in"):
        slicer.util.selectModule("Volumes")


def test_a_module_is_reloaded_and_tested(probe: Any, panelOf: Any) -> None:
    import slicer

    old = probe
    probe.onReload()
    new = panelOf("HostProbe")
    assert old.calls == ["cleanup"] and new is not old
    assert new.ui.label.text() == "LV" and not old.ui.label.isVisible()
    slicer.selfTests["HostProbe"]()
    assert "test" in new.calls


def test_an_exception_in_a_slot_is_not_lost(probe: Any, uncaught: list[BaseException]) -> None:
    probe.ui.runButton.clicked.connect(lambda: None)
    del probe.ui.runButton
    probe.onWheel = None
    import slicer

    def fail() -> None:
        raise KeyError("from a slot")

    observer = slicer.mrmlScene.AddObserver("UserEvent", lambda *_: fail())
    slicer.mrmlScene.InvokeEvent("UserEvent")
    slicer.mrmlScene.RemoveObserver(observer)
    assert [str(error) for error in uncaught] == ["'from a slot'"]
    uncaught.clear()
