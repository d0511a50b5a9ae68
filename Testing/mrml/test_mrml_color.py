"""The colors of a cine: a second sequence in step with the gray one, for showing alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
import SimpleITK as sitk
from numpy.typing import NDArray
from written_reports import write_report

from echoapex.analysis.clip_corrections import Calibration
from echoapex.cine import Cine
from EchoApexLib.cine import clipOpening
from EchoApexLib.cine.cineFromBrowser import cineOf, openCine
from EchoApexLib.cine.clipOpening import ClipOpening, OpeningState, openFile
from EchoApexLib.cine.scaleByHand import calibrate
from EchoApexLib.record.studyContents import SceneStudy
from EchoApexLib.sequences.colorSequence import COLORS, colorVolumeOf, grayVolumeOf, shownVolumeOf, whyNoColor
from EchoApexLib.sliceView import redSliceSetup as red
from EchoApexLib.study.openedReport import OpenedReport
from EchoApexLib.study.reportInScene import ReportInScene
from EchoApexLib.study.studyInScene import addClip, addStudy, newScene, readStudy

SHAPE = (cases.FRAMES, cases.ROWS, cases.COLUMNS, 3)
COLORED = np.random.default_rng(11).integers(0, 256, SHAPE, np.uint8)


def colored_cine(**facts: Any) -> Cine:
    return replace(cases.make_cine(**facts), color=True, color_frames=COLORED)


def pixels(volume: Any) -> NDArray[np.uint8]:
    from vtk.util.numpy_support import vtk_to_numpy

    return np.asarray(vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())).reshape(SHAPE[1:])


def background(scene: Any, name: str = red.RED) -> str:
    return str(scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode").GetBackgroundVolumeID())


def matrix(volume: Any) -> list[float]:
    import vtk

    found = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(found)
    return [found.GetElement(row, column) for row in range(4) for column in range(4)]


def written_color_file(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(COLORED, isVector=True), str(folder / "a.nrrd"))
    return folder / "a.nrrd"


def test_colors_lie_where_the_gray_frames_lie_and_step_with_them() -> None:
    with newScene() as scene:
        browser = openCine(scene, colored_cine(), "A4C")
        colors, master = browser.GetNodeReference(COLORS), browser.GetMasterSequenceNode()
        values = [[one.GetNthIndexValue(item) for item in range(cases.FRAMES)] for one in (colors, master)]
        assert values[0] == values[1] and colors.GetIndexUnit() == "s"
        assert master.GetDataNodeClassName() == "vtkMRMLScalarVolumeNode"
        volume = colorVolumeOf(browser)
        assert volume.GetClassName() == "vtkMRMLVectorVolumeNode"
        assert matrix(volume) == matrix(grayVolumeOf(browser))
        for frame in (3, 0, 7):
            browser.SetSelectedItemNumber(frame)
            assert np.array_equal(pixels(volume), COLORED[frame])
        display = volume.GetDisplayNode()
        assert (display.GetAutoWindowLevel(), display.GetWindow(), display.GetLevel()) == (0, 255.0, 127.5)
        # What works on the cine knows nothing of them.
        assert cineOf(browser).color_frames is None
        np.testing.assert_array_equal(cineOf(browser).frames, colored_cine().frames)


def test_the_view_shows_them_in_place_of_gray_and_the_clip_is_known_again() -> None:
    with newScene() as scene:
        clip = replace(cases.make_clip(), cine=colored_cine())
        (browser,) = addStudy(scene, SceneStudy((clip,)))
        view = scene.GetSingletonNode(red.RED, "vtkMRMLSliceNode")
        place = tuple(view.GetFieldOfView()), tuple(view.GetSliceToRAS().MultiplyPoint((0, 0, 0, 1)))
        assert background(scene) == grayVolumeOf(browser).GetID() and not red.isShownInColor(scene, browser)
        red.setShownInColor(scene, True)
        assert background(scene) == colorVolumeOf(browser).GetID() and red.isShownInColor(scene, browser)
        assert red.shownBrowser(scene) is browser
        assert place == (tuple(view.GetFieldOfView()), tuple(view.GetSliceToRAS().MultiplyPoint((0, 0, 0, 1))))
        assert cases.proxy_of(browser, "vtkMRMLSegmentationNode").GetDisplayVisibility()
        assert scene.GetFirstNodeByClass("vtkMRMLSelectionNode").GetActiveVolumeID() == grayVolumeOf(browser).GetID()
        red.setShownInColor(scene, False)
        assert background(scene) == grayVolumeOf(browser).GetID() and red.shownBrowser(scene) is browser


def test_the_choice_is_kept_by_clip_also_in_a_saved_scene(tmp_path: Path) -> None:
    with newScene() as scene:
        first, second = openCine(scene, colored_cine(), "A4C"), openCine(scene, cases.make_cine(seed=2), "A2C")
        red.showBrowser(scene, first)
        red.setShownInColor(scene, True)
        red.showBrowser(scene, second)
        assert background(scene) == grayVolumeOf(second).GetID() and red.shownBrowser(scene) is second
        red.showBrowser(scene, first)
        assert red.isShownInColor(scene, first)
        first.SetSelectedItemNumber(5)
        assert scene.WriteToMRB(str(tmp_path / "saved.mrb"), None)
    with cases.opened(tmp_path / "saved.mrb") as scene:
        browser = red.shownBrowser(scene)
        assert browser.GetName() == "A4C (simulated)" and red.isShownInColor(scene, browser)
        for frame in (5, 2):
            browser.SetSelectedItemNumber(frame)
            assert np.array_equal(pixels(colorVolumeOf(browser)), COLORED[frame])
        assert not colorVolumeOf(browser).GetDisplayNode().GetAutoWindowLevel()
        np.testing.assert_array_equal(cineOf(browser).frames, colored_cine().frames)
        assert len(readStudy(scene).clips) == 2


def test_two_clips_side_by_side_stay_a_pair_in_color() -> None:
    with newScene() as scene:
        clips = [
            replace(cases.make_clip(name, view), cine=colored_cine()) for name, view in (("a", "A4C"), ("b", "A2C"))
        ]
        one, other = addStudy(scene, SceneStudy(tuple(clips)))
        red.showPair(scene, one, other)
        red.setShownInColor(scene, True)
        assert background(scene, red.SECOND) == colorVolumeOf(other).GetID()
        assert red.isPairShown(scene, one, other) and red.shownBrowser(scene) is one
        red.showPair(scene, one, other)
        assert red.isShownInColor(scene, one) and background(scene, red.SECOND) == colorVolumeOf(other).GetID()
        assert not colorVolumeOf(one).GetDisplayNode().GetViewNodeIDs(), "colors are no finding of one view"
        red.showBrowser(scene, other)
        assert not red.isPairShown(scene, one, other)


def test_a_scale_by_hand_is_that_of_the_colors_too() -> None:
    with newScene() as scene:
        browser = openCine(scene, colored_cine(scale=cases.NO_SCALE), "A4C")
        calibrate(browser, Calibration(((10, 10), (10, 50)), 20.0), cases.NO_SCALE)
        assert colorVolumeOf(browser).GetSpacing() == grayVolumeOf(browser).GetSpacing() == (0.5, 0.5, 1.0)
        browser.SetSelectedItemNumber(4)
        assert matrix(colorVolumeOf(browser)) == matrix(grayVolumeOf(browser))


def test_a_cine_without_color_says_so_and_stays_gray() -> None:
    with newScene() as scene:
        browser = openCine(scene, cases.make_cine(), "A4C")
        red.showBrowser(scene, browser)
        red.setShownInColor(scene, True)
        assert shownVolumeOf(browser) is grayVolumeOf(browser) and not red.isShownInColor(scene, browser)
        assert "no color" in whyNoColor(browser) and whyNoColor(None)
        colored = openCine(scene, colored_cine(), "A2C")
        assert whyNoColor(colored) == ""
        red.showBrowser(scene, colored)
        red.setShownInColor(scene, True)
        scene.RemoveNode(colored.GetNodeReference(COLORS))
        assert whyNoColor(colored) and shownVolumeOf(colored) is grayVolumeOf(colored)
        red.showBrowser(scene, colored)
        assert red.shownBrowser(scene) is colored


def test_a_file_in_color_is_opened_with_its_colors(tmp_path: Path) -> None:
    file = written_color_file(tmp_path / "clips")
    with newScene() as scene:
        browser = openFile(scene, file).finish(lambda: None)
        browser.SetSelectedItemNumber(6)
        assert np.array_equal(pixels(colorVolumeOf(browser)), COLORED[6])


def done(opening: ClipOpening, wait: Callable[[], None]) -> ClipOpening:
    while opening.busy:
        opening.poll()
        wait()
    return opening


def test_colors_come_a_few_frames_at_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    # A gray frame takes a quarter of what a gray and a colored one take together.
    monkeypatch.setattr(clipOpening, "PIECE_BYTES", 8 * cases.ROWS * cases.COLUMNS)
    file, seen = written_color_file(tmp_path / "clips"), []
    with newScene() as scene:
        opening = openFile(scene, file)
        done(opening, lambda: (seen.append(opening.done), time.sleep(0.01))[1])
        assert opening.state is OpeningState.DONE and opening.count == 2 * cases.FRAMES
        steps = np.diff(seen)
        assert steps.max() == 2, "two frames at a look"
        assert np.array_equal(pixels(colorVolumeOf(opening.browser)), COLORED[0])


def test_a_clip_of_a_report_is_in_color_within_its_sector(tmp_path: Path) -> None:
    folder = write_report(tmp_path, cases.make_clip())
    written_color_file(folder / "clips")
    with newScene() as scene:
        browser = ReportInScene(scene, OpenedReport(folder)).read("a")
        inside = cineOf(browser).sector.mask
        found = pixels(colorVolumeOf(browser))
        frame = browser.GetSelectedItemNumber()
        assert np.array_equal(found, np.where(inside[..., None], COLORED[frame], 0))


def test_the_scene_that_an_analysis_writes_stays_gray(tmp_path: Path) -> None:
    """Colors are as large as three cines, and nobody has asked for them there."""
    from EchoApexLib.study.studyFromReport import readReport

    folder = write_report(tmp_path, cases.make_clip())
    written_color_file(folder / "clips")
    study, refusals = readReport(folder)
    assert refusals == () and study.clips[0].cine.color_frames is None
    with newScene() as scene:
        assert colorVolumeOf(addClip(scene, study.clips[0], "A4C")) is None
