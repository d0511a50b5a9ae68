"""Slicer's tool bar of sequences and the panel of EchoApexSegment have one and the same cine, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from segment_cases import opened, real_cine, simulated, wait

from echoapex.simulation import SimulatedClip
from EchoApexLib.record.studyContents import SceneClip, SceneStudy
from EchoApexLib.study.studyInScene import writeScene


@pytest.fixture
def bar(host: Any) -> Any:
    import slicer

    slicer.modules.sequences.setToolBarVisible(False)
    yield slicer.modules.sequences.toolBar()
    slicer.modules.sequences.setToolBarVisible(False)


def made(folder: Path, view: str, seed: int) -> SimulatedClip:
    (folder / view).mkdir()
    return simulated(folder / view, view, seed, beats=0.3)[1]


@pytest.fixture
def study(tmp_path: Path) -> str:
    """A scene as `analyze` writes it, in which A4C is shown and PLAX was added last."""
    cines = {view: made(tmp_path, view, 900_210 + number).cine() for number, view in enumerate(("A4C", "PLAX"))}
    clips = tuple(SceneClip(view, cine, view, {}) for view, cine in cines.items())
    return str(writeScene(tmp_path / "study.mrb", SceneStudy(clips)))


def test_what_the_panel_opens_is_played(panel: Any, bar: Any) -> None:
    import slicer

    first = opened(panel, real_cine())
    assert bar.activeBrowserNode() is first.browser and slicer.modules.sequences.toolBarVisible
    second = opened(panel, real_cine())
    assert second is not first and bar.activeBrowserNode() is second.browser
    panel.ui.cineSelector.setCurrentNode(first.browser)
    assert bar.activeBrowserNode() is first.browser


def test_a_scene_that_is_read_is_played_where_it_is_seen(panel: Any, bar: Any, study: str) -> None:
    """Slicer would turn its tool bar to the last cine of the scene, and play that behind the one that is seen."""
    import slicer
    from slicerhost.driving import settle

    slicer.util.loadScene(study)
    wait(lambda: panel.bench.clip is not None)
    settle(100)
    assert panel.bench.clip.view == "A4C" and bar.activeBrowserNode() is panel.bench.clip.browser
    assert slicer.modules.sequences.toolBarVisible and slicer.modules.sequences.autoShowToolBar


def test_what_is_chosen_in_the_tool_bar_is_worked_on(panel: Any, bar: Any, study: str) -> None:
    import slicer

    slicer.util.loadScene(study)
    wait(lambda: panel.bench.clip is not None and panel.bench.clip.view == "A4C")
    a4c = panel.bench.clip
    plax = next(
        one for one in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode") if one is not panel.bench.clip.browser
    )
    bar.findChild(slicer.qMRMLNodeComboBox).setCurrentNode(plax)
    wait(lambda: panel.bench.clip is not a4c)
    assert panel.bench.clip.view == "PLAX" and panel.bench.clip.browser is plax
    assert panel.ui.cineSelector.currentNode() is plax
    volume = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetBackgroundLayer().GetVolumeNode()
    assert volume is panel.bench.clip.scene.volume


def test_playing_goes_through_the_frames_of_the_panel(panel: Any, bar: Any) -> None:
    import slicer

    clip = opened(panel, real_cine())
    play = bar.findChild(slicer.qMRMLSequenceBrowserPlayWidget)
    play.onVcrPlayPause(True)
    wait(lambda: panel.ui.frameLabel.text().startswith(("Frame 3 ", "Frame 4 ", "Frame 5 ")))
    play.onVcrPlayPause(False)
    wait(lambda: panel.ui.frameLabel.text().startswith(f"Frame {clip.frame} "))
    assert bar.activeBrowserNode() is clip.browser


def test_in_another_module_the_tool_bar_is_slicers(panel: Any, panelOf: Any, bar: Any, study: str) -> None:
    import slicer
    from slicerhost.driving import settle

    panelOf("HostProbe")
    slicer.util.loadScene(study)
    settle(100)
    assert panel.bench.clip is None and bar.activeBrowserNode().GetName().startswith("PLAX")
    panelOf("EchoApexSegment")
    wait(lambda: panel.bench.clip is not None)
    settle(100)
    assert bar.activeBrowserNode() is panel.bench.clip.browser


def test_a_cine_that_is_removed_leaves_both_with_the_other(panel: Any, bar: Any) -> None:
    import slicer
    from slicerhost.driving import settle

    first, second = opened(panel, real_cine()), opened(panel, real_cine())
    slicer.mrmlScene.RemoveNode(second.browser)
    settle(100)
    assert panel.bench.clip is first and bar.activeBrowserNode() is first.browser


def transforms(name: str) -> Any:
    """A sequence browser of transforms, as a tracking system records them."""
    import slicer

    scene = slicer.mrmlScene
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", f"{name} sequence")
    for value in ("0", "1"):
        sequence.SetDataNodeAtValue(slicer.vtkMRMLLinearTransformNode(), value)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", name)
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    return browser


def test_coming_back_the_tool_bar_turns_to_what_the_panel_shows(panel: Any, panelOf: Any, bar: Any) -> None:
    from slicerhost.driving import settle

    first, second = opened(panel, real_cine()), opened(panel, real_cine())
    panelOf("HostProbe")
    bar.setActiveBrowserNode(first.browser)
    panelOf("EchoApexSegment")
    settle(60)
    assert panel.bench.clip is second and bar.activeBrowserNode() is second.browser


def test_sequences_of_others_are_left_to_them(panel: Any, bar: Any) -> None:
    """The tool bar has no "None", and turns to what there is by itself."""
    import slicer
    from slicerhost.driving import settle

    tracking = transforms("Tracking")
    settle(60)
    assert bar.activeBrowserNode() is tracking and panel.bench.clip is None and panel.ui.messageLabel.text() == ""
    clip = opened(panel, real_cine())
    bar.setActiveBrowserNode(tracking)
    settle(60)
    assert panel.bench.clip is clip and panel.ui.messageLabel.text() == ""
    assert panel.ui.cineSelector.currentNode() is clip.browser, "and the bar plays what was chosen there"
    slicer.mrmlScene.RemoveNode(clip.browser)
    settle(60)
    assert panel.bench.clip is None and "sequence of images" not in panel.ui.messageLabel.text()


def test_a_choice_that_is_no_cine_is_refused_and_all_stay_with_the_cine(panel: Any, bar: Any) -> None:
    from slicerhost.driving import settle

    clip, tracking = opened(panel, real_cine()), transforms("Tracking")
    panel.ui.cineSelector.setCurrentNode(tracking)
    settle(60)
    assert "A cine must be a sequence of images" in panel.ui.messageLabel.text()
    assert panel.bench.clip is clip and panel._parameterNode.browser is clip.browser
    assert panel.ui.cineSelector.currentNode() is clip.browser and bar.activeBrowserNode() is clip.browser


def test_a_scene_without_a_cine_shows_its_sequences_as_slicer_does(panel: Any, bar: Any, tmp_path: Path) -> None:
    import slicer
    from slicerhost.driving import settle

    transforms("Tracking")
    path = str(tmp_path / "tracking.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    slicer.modules.sequences.setToolBarVisible(False)
    slicer.util.loadScene(path)
    settle(100)
    assert bar.activeBrowserNode().GetName() == "Tracking" and slicer.modules.sequences.toolBarVisible
    assert panel.bench.clip is None and panel.ui.messageLabel.text() == ""
