"""Stand-ins behave as the widgets, views and modules of Slicer that they stand for."""

from __future__ import annotations

from typing import Any

import pytest
from widget_cases import recorded


def test_a_node_selector_without_none_takes_the_first(scene: Any) -> None:
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLTextNode"]
    seen = recorded(selector.currentNodeChanged)
    selector.setMRMLScene(scene)
    first = scene.AddNewNodeByClass("vtkMRMLTextNode", "First")
    second = scene.AddNewNodeByClass("vtkMRMLTextNode", "Second")
    hidden = scene.AddNewNodeByClass("vtkMRMLTextNode", "Hidden")
    hidden.SetHideFromEditors(True)
    assert selector.currentNode() is first and selector.nodeCount() == 2
    selector.setCurrentNodeID(second.GetID())
    selector.setCurrentNode(hidden)
    assert selector.currentNode() is second
    scene.RemoveNode(second)
    assert selector.currentNode() is first
    assert [node for _, node in seen] == [first, second, first]


def test_a_node_selector_with_none_waits_for_a_choice(scene: Any) -> None:
    import slicer
    from PySide6 import QtWidgets

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes, selector.noneEnabled, selector.baseName = ["vtkMRMLTextNode"], True, "Note"
    selector.addAttribute("vtkMRMLTextNode", "ours")
    selector.setMRMLScene(scene)
    scene.AddNewNodeByClass("vtkMRMLTextNode", "Other")
    ours = scene.AddNewNodeByClass("vtkMRMLTextNode", "Ours")
    assert selector.currentNode() is None and selector.nodeCount() == 0
    ours.SetAttribute("ours", "1")
    selector.removeAttribute("vtkMRMLTextNode", "ours")
    assert selector.nodeCount() == 2 and selector.currentNode() is None
    made = selector.addNode()
    assert made.GetName() == "Note" and selector.currentNode() is made
    made.SetName("Renamed")
    assert selector.findChild(QtWidgets.QComboBox).currentText() == "Renamed"
    scene.Clear(0)
    assert selector.currentNode() is None and selector.nodeCount() == 0


def makeSegmentation(scene: Any) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Masks")
    node.CreateDefaultDisplayNodes()
    node.GetSegmentation().AddEmptySegment("LV", "Left ventricle", [1, 0, 0])
    return node


def test_the_table_of_segments_follows_the_segmentation(scene: Any) -> None:
    import slicer
    from PySide6 import QtCore, QtWidgets

    node = makeSegmentation(scene)
    view = slicer.qMRMLSegmentsTableView()
    view.setSegmentationNode(node)
    node.GetSegmentation().AddEmptySegment("LA", "Left atrium", [0, 0, 1])
    assert view.displayedSegmentIDs() == ["LV", "LA"] and view.segmentCount == 2
    view.setSelectedSegmentIDs(["LA"])
    assert view.selectedSegmentIDs() == ["LA"] and view.rowForSegmentID("LA") == 1
    table = view.findChild(QtWidgets.QTableWidget)
    table.item(0, 0).setCheckState(QtCore.Qt.CheckState.Unchecked)
    assert not node.GetDisplayNode().GetSegmentVisibility("LV")
    table.item(1, 2).setText("Atrium")
    assert node.GetSegmentation().GetSegment("LA").GetName() == "Atrium"
    node.GetSegmentation().RemoveSegment("LV")
    assert view.displayedSegmentIDs() == ["LA"]


def test_the_segment_editor_knows_its_nodes_and_says_what_it_is_not(scene: Any) -> None:
    import slicer
    from PySide6 import QtWidgets

    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(scene)
    editor.setMRMLSegmentEditorNode(scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    node = makeSegmentation(scene)
    seen = recorded(editor.segmentationNodeChanged, editor.currentSegmentIDChanged)
    editor.setSegmentationNode(node)
    editor.setCurrentSegmentID("LV")
    assert editor.segmentationNode() is node and editor.currentSegmentID() == "LV"
    assert seen == [(0, node), (1, "LV")]
    assert "part of 3D Slicer" in editor.findChild(QtWidgets.QLabel).text()
    with pytest.raises(NotImplementedError, match="Threshold"):
        editor.setActiveEffectByName("Threshold")


def test_a_table_shows_its_node(scene: Any) -> None:
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLTableNode", "Measurements")
    node.AddColumn().SetName("EF")
    node.AddEmptyRow()
    node.SetCellText(0, 0, "55 %")
    view = slicer.qMRMLTableView()
    view.setMRMLTableNode(node)
    model = view.model()
    assert model.data(model.index(0, 0)) == "55 %"
    node.AddEmptyRow()
    assert view.model().rowCount() == 2


def makeSequence(scene: Any, count: int) -> Any:
    import slicer

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Texts")
    for index in range(count):
        text = slicer.vtkMRMLTextNode()
        text.SetText(str(index))
        sequence.SetDataNodeAtValue(text, str(index))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    return browser


def test_a_sequence_is_sought_and_played(scene: Any) -> None:
    import slicer
    from slicerhost.loop import runFor

    browser = makeSequence(scene, 4)
    seek, play = slicer.qMRMLSequenceBrowserSeekWidget(), slicer.qMRMLSequenceBrowserPlayWidget()
    for widget in (seek, play):
        widget.setMRMLSequenceBrowserNode(browser)
    seek.slider().setValue(2)
    assert browser.GetSelectedItemNumber() == 2
    play.onVcrLast()
    assert seek.slider().value() == 3
    play.onVcrFirst()
    play.setPlaybackRateFps(100.0)
    play.setPlaybackEnabled(True)
    runFor(200)
    play.setPlaybackEnabled(False)
    assert seek.slider().maximum() == 3 and browser.GetPlaybackActive() == 0


def test_a_plot_follows_its_nodes(host: Any, scene: Any) -> None:
    import numpy as np
    import slicer
    from slicerhost.driving import settle

    plot = slicer.app.layoutManager().plotWidget(0)
    values = np.column_stack([np.arange(5.0), np.arange(5.0) ** 2])
    chart = slicer.util.plot(values, 0, columnNames=["time", "area"], title="Area", show=False)
    plot.mrmlPlotViewNode().SetPlotChartNodeID(chart.GetID())
    drawn = plot.plotView().chart()
    assert drawn.GetNumberOfPlots() == 1 and drawn.GetTitle() == "Area"
    chart.SetXAxisTitle("time in s")
    chart.GetNthPlotSeriesNode(0).SetColor(1, 0, 0)
    settle(20)
    assert drawn.GetAxis(1).GetTitle() == "time in s"
    assert tuple(drawn.GetPlot(0).GetPen().GetColorObject())[:3] == (255, 0, 0)
    scene.Clear(0)
    assert drawn.GetNumberOfPlots() == 0


def test_layouts_show_and_hide_views(host: Any, scene: Any) -> None:
    import slicer
    from slicerhost.driving import settle
    from slicerhost.layouts import RED_OVER_PLOT

    manager = slicer.app.layoutManager()
    node = manager.layoutLogic().GetLayoutNode()
    red, plot = manager.sliceWidget("Red"), manager.plotWidget(0)
    seen = recorded(manager.layoutChanged)
    manager.setLayout(node.SlicerLayoutOneUpRedSliceView)
    settle()
    assert red.isVisible() and not plot.isVisible()
    assert manager.layout == node.SlicerLayoutOneUpRedSliceView
    manager.setLayout(RED_OVER_PLOT)
    settle()
    assert red.isVisible() and plot.isVisible()
    assert [number for _, number in seen] == [node.SlicerLayoutOneUpRedSliceView, RED_OVER_PLOT]


def test_nothing_is_drawn_while_rendering_is_paused(host: Any, scene: Any, red: Any) -> None:
    import slicer
    from slicerhost.driving import settle

    drawn = []
    window = red.widget.sliceView().renderWindow()
    observer = window.AddObserver("EndEvent", lambda *_: drawn.append(1))
    slicer.app.pauseRender()
    red.widget.sliceView().scheduleRender()
    settle(20)
    assert drawn == []
    slicer.app.resumeRender()
    settle(20)
    window.RemoveObserver(observer)
    assert drawn == [1]


def test_nodes_are_written_and_read(scene: Any, tmp_path: Any) -> None:
    import slicer

    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Points")
    points.AddControlPoint(1.5, -2.5, 3.25)
    assert slicer.util.saveNode(points, str(tmp_path / "points.mrk.json"))
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    scene.Clear(0)
    read = slicer.util.loadMarkups(str(tmp_path / "points.mrk.json"))
    assert tuple(read.GetNthControlPointPositionVector(0)) == (1.5, -2.5, 3.25)
    scene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    assert scene.GetFirstNodeByName("Points").GetNumberOfControlPoints() == 1


def test_the_application_knows_itself(host: Any) -> None:
    from pathlib import Path

    import slicer

    assert slicer.util.mainWindow() is host.window and host.window.windowTitle() == "EchoApex Host: not 3D Slicer"
    assert slicer.util.showStatusMessage("Ready") and host.window.statusBar().currentMessage() == "Ready"
    assert Path(slicer.util.tempDirectory()).is_relative_to(slicer.app.temporaryPath)
    assert slicer.util.startupEnvironment()["PATH"]
    assert not slicer.util.confirmYesNoDisplay("Sure?")
    assert Path(slicer.app.settings().fileName()).is_relative_to(slicer.app.temporaryPath)


@pytest.mark.filterwarnings("ignore:'exec_' will be removed:DeprecationWarning")
@pytest.mark.parametrize(("button", "answer"), [("Yes", True), ("No", False)])
def test_a_question_is_asked_where_no_test_runs(
    host: Any, uncaught: list[BaseException], monkeypatch: pytest.MonkeyPatch, button: str, answer: bool
) -> None:
    import slicer
    from PySide6 import QtCore, QtWidgets
    from slicerhost.loop import runFor

    answers = []

    def press() -> None:
        box = QtWidgets.QApplication.activeModalWidget()
        assert isinstance(box, QtWidgets.QMessageBox) and box.text() == "Sure?"
        box.button(QtWidgets.QMessageBox.StandardButton[button]).click()

    monkeypatch.setattr(host.app, "_testing", False)
    # Slicer deletes the box later, which outside of a loop would be at once.
    QtCore.QTimer.singleShot(0, lambda: answers.append(slicer.util.confirmYesNoDisplay("Sure?")))
    QtCore.QTimer.singleShot(100, press)
    runFor(300)
    assert answers == [answer]


def test_an_error_goes_on_with_the_cursor_as_before(host: Any, uncaught: list[BaseException]) -> None:
    import slicer
    from PySide6 import QtWidgets

    with pytest.raises(ValueError, match="too few"), slicer.util.tryWithErrorDisplay("Not done", waitCursor=True):
        assert QtWidgets.QApplication.overrideCursor() is not None
        raise ValueError("too few frames")
    assert QtWidgets.QApplication.overrideCursor() is None


def test_packages_are_looked_up_and_never_installed(host: Any, tmp_path: Any) -> None:
    import slicer
    import slicer.packaging

    requirements = tmp_path / "requirements.txt"
    requirements.write_text("numpy>=2.0  # arrays\n\nno-such-package-of-ours>=1\n")
    found, missing = slicer.packaging.load_requirements(requirements)
    assert slicer.packaging.pip_check(found) and not slicer.packaging.pip_check([found, missing])
    slicer.packaging.pip_ensure([found])
    with pytest.raises(RuntimeError, match=r"installs nothing.*no-such-package-of-ours"):
        slicer.packaging.pip_ensure([found, missing])
    with pytest.raises(RuntimeError, match="installs nothing"):
        slicer.packaging.pip_install("numpy")
