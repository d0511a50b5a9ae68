"""A report that is opened where its clips are in the scene: what was corrected there stays, the rest is taken over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
from correction_cases import gathered, prompted, reported, worker
from session_cases import draw, square

from echoapex.inference.segmentation import Segmentation
from echoapex.measure.measurement import Beat
from echoapex.session.frame_entries import Status
from EchoApexLib.cine.cineFromBrowser import cineOf
from EchoApexLib.cine.clipOpening import openFile
from EchoApexLib.cine.fileMarks import markFile
from EchoApexLib.record.raters import ratersOf
from EchoApexLib.record.studyContents import SceneClip
from EchoApexLib.session.borrowedSession import borrowedSession
from EchoApexLib.sliceView.redSliceSetup import clipBrowsers
from EchoApexLib.study.gatheredCorrections import CorrectionsOfScene
from EchoApexLib.study.reportInScene import chartOf
from EchoApexLib.study.studyInScene import newScene
from EchoApexLib.userSettings import UserSettings
from EchoApexLib.walls.wallPointNodes import findWallPoints


@pytest.fixture
def scene() -> Iterator[Any]:
    with newScene() as made:
        yield made


@pytest.fixture
def clip() -> SceneClip:
    return cases.make_clip("a", "A4C")


def changed(clip: SceneClip) -> SceneClip:
    """The clip as another analysis might find it."""
    other = {
        name: Segmentation(np.roll(one.masks, 1, axis=2), one.confidence * np.float32(0.5))
        for name, one in clip.segmentations.items()
    }
    curve = replace(clip.curve, values=clip.curve.values * 0.9, beats=(Beat(2, 4, 7),))
    return replace(clip, segmentations=other, curve=curve)


def test_the_next_report_goes_into_the_clip_that_is_there(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    nodes = scene.GetNumberOfNodes()
    newer = changed(clip)
    shown = reported(scene, tmp_path, newer)
    assert shown.read("a") is browser and clipBrowsers(scene) == [browser]
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1
    assert "beats" in [one.GetName() for one in _tables(scene)][-1]
    with borrowedSession(scene, browser, UserSettings()) as session:
        for name, one in newer.segmentations.items():
            assert np.array_equal(session.state.masks(name), one.masks), name
        assert session.state.entry(3, "LV").confidence == pytest.approx(float(newer.segmentations["LV"].confidence[3]))
    assert chartOf(browser) is not None and scene.GetNumberOfNodes() < 2 * nodes
    assert CorrectionsOfScene(scene).write() is None, "what an analysis has found is no correction"


def _tables(scene: Any) -> list[Any]:
    count = scene.GetNumberOfNodesByClass("vtkMRMLTableNode")
    return [scene.GetNthNodeByClass(index, "vtkMRMLTableNode") for index in range(count)]


def test_the_next_report_leaves_what_is_by_hand_and_all_that_can_be_undone(
    scene: Any, tmp_path: Path, clip: SceneClip
) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    bench = worker(scene, "r1")
    bench.openBrowser(browser)
    work = bench.current
    prompted(bench, 2, square(30, 20))
    browser.SetSelectedItemNumber(4)
    work.accept()
    accepted = work.state.mask(4, "LV")
    browser.SetSelectedItemNumber(3)
    draw(work.scene.segmentation, browser, square(20, 20), "LA")

    newer = changed(clip)
    assert reported(scene, tmp_path, newer).read("a") is browser
    state = work.state
    assert np.array_equal(state.mask(2, "LV"), square(30, 20)) and state.entry(2, "LV").prompts
    assert np.array_equal(state.mask(4, "LV"), accepted) and state.entry(4, "LV").status is Status.ACCEPTED
    assert np.array_equal(state.mask(3, "LA"), square(20, 20)), "it was drawn and not read yet"
    assert np.array_equal(state.mask(1, "LV"), newer.segmentations["LV"].masks[1])
    assert np.array_equal(work.scene._masks.mask(1, "LV"), newer.segmentations["LV"].masks[1])
    assert ratersOf(browser) == "r1"

    names = []
    while state.next_undo is not None:
        names.append(state.next_undo.name)
        work.undo()
    assert names[:3] == ["analysis"] * 3 and set(names[3:]) == {
        "prompt on frame 2",
        "accept of frame 4",
        "edit of frame 3",
    }
    for name, one in clip.segmentations.items():
        assert np.array_equal(state.masks(name), one.masks), name
    bench.close()


def test_what_an_analysis_does_not_find_any_more_goes_unless_it_is_by_hand(
    scene: Any, tmp_path: Path, clip: SceneClip
) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    with borrowedSession(scene, browser, UserSettings()) as session:
        session.tell(session.state.accept([1], "LA"))
    fewer = replace(clip, segmentations={"LV": clip.segmentations["LV"]})
    reported(scene, tmp_path, fewer).read("a")
    with borrowedSession(scene, browser, UserSettings()) as session:
        frames = [frame for frame in range(cases.FRAMES) if session.state.entry(frame, "LA").mask is not None]
        assert frames == [1]


def test_a_clip_of_another_scale_or_length_is_read_anew(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    rescaled = replace(clip.cine, scale=replace(clip.cine.scale, mm_per_px=(0.5, 0.5)))
    other = reported(scene, tmp_path, replace(clip, cine=rescaled)).read("a")
    assert other is not browser and len(clipBrowsers(scene)) == 2


def test_a_clip_that_was_opened_from_its_file_before_goes_on_with_the_report(scene: Any, tmp_path: Path) -> None:
    clip = cases.make_clip("a", "PLAX", scale=cases.NO_SCALE, times=cases.NO_TIMES)
    shown = reported(scene, tmp_path, clip)
    file = dict(shown.report.files())["a"]
    browser = openFile(scene, file).finish(lambda: None)
    markFile(browser, file)
    bench = worker(scene, "r1")
    bench.openBrowser(browser)
    prompted(bench, 2, square(30, 20))
    assert gathered(scene, browser).drawn == {("LV", 2)}
    assert CorrectionsOfScene(scene).write(only=[tmp_path / "other.dcm"]) is None
    assert shown.read("a") is browser and clipBrowsers(scene) == [browser]
    state = bench.current.state
    assert np.array_equal(state.mask(2, "LV"), square(30, 20))
    assert np.array_equal(state.mask(1, "LV"), clip.segmentations["LV"].masks[1])
    assert findWallPoints(browser, cineOf(browser)) is not None and chartOf(browser) is not None
    assert browser.GetName() == "Cine"
    bench.close()
