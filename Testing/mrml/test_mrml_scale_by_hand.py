"""A scale by hand: everything keeps its pixels, it can be taken back, and it survives the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases

from echoapex.analysis.clip_corrections import Calibration
from echoapex.cine import Scale, ScaleSource
from echoapex.errors import EchoApexError
from EchoApexLib.cine.cineFromBrowser import cineOf
from EchoApexLib.cine.fileMarks import markFile
from EchoApexLib.cine.scaleByHand import SCALE_CHANGES, calibrate, calibrationOf
from EchoApexLib.sequences.cineSequence import SCALE_ATTRIBUTE, spacingOfSequence
from EchoApexLib.study.calibrations import Calibrations
from EchoApexLib.study.clipList import ClipList, ListedClip, ListedStudy
from EchoApexLib.study.clipScales import CALIBRATIONS, ClipScales, calibrationBy
from EchoApexLib.study.studyInScene import addClip, newScene, readStudy

UP = Calibration(((10.0, 5.0), (10.0, 45.0)), 120.0)
"""3 mm per pixel: 60 rows are 18 cm."""

FILES = [Path(f"/clips/{name}.dcm") for name in "abcd"]


def listed(**facts: Any) -> ClipList:
    """Four clips without a scale; the last one of another machine."""
    found = ClipList()
    found.addStudy(ListedStudy("study-1", {}))
    for file in FILES:
        machine = "Maker B" if file == FILES[3] else "Maker A"
        clip = {"scale": "none", "scaleReason": "no region", "size": (60, 80), "machine": machine} | facts
        found.addClip(ListedClip("study-1", file, **clip))
        found.takeSeen(file, (0, 0, 79, 56), bytes(48 * 64))
    return found


def test_outlines_and_points_keep_their_pixels_and_it_can_be_taken_back() -> None:
    with newScene() as scene:
        browser = addClip(scene, cases.make_clip(scale=cases.NO_SCALE), "A4C")
        (before,) = readStudy(scene).clips
        for calibration in (UP, Calibration(((0.0, 0.0), (30.0, 40.0)), 50.0), None):
            calibrate(browser, calibration, Scale.none("not known"))
            (after,) = readStudy(scene).clips
            assert all(
                np.array_equal(after.segmentations[name].masks, found.masks)
                for name, found in before.segmentations.items()
            )
            np.testing.assert_allclose(after.landmarks.points, before.landmarks.points)
            shown = browser.GetProxyNode(browser.GetMasterSequenceNode())
            assert shown.GetSpacing()[:2] == spacingOfSequence(browser.GetMasterSequenceNode())[::-1]
            assert after.cine.scale == (cases.NO_SCALE if calibration is None else calibration.scale(cases.NO_SCALE))
        assert "unknown, in pixels: the header has no region" in browser.GetMasterSequenceNode().GetAttribute(
            SCALE_ATTRIBUTE
        )


def test_pixels_keep_the_proportions_of_the_file_however_often_it_is_changed() -> None:
    own = Scale((0.2, 0.4), ScaleSource.DICOM_REGION)
    with newScene() as scene:
        browser = addClip(scene, cases.make_clip(scale=own), "A4C")
        for _ in range(3):
            calibrate(browser, UP, Scale.none("not known"))
        assert cineOf(browser).scale.mm_per_px == pytest.approx((3.0, 6.0))
        calibrate(browser, None, Scale.none("not known"))
        assert cineOf(browser).scale == own


def test_a_clip_that_came_with_a_scale_by_hand_gets_that_of_its_file_from_the_list() -> None:
    own = Scale((0.2, 0.4), ScaleSource.DICOM_REGION)
    with newScene() as scene:
        browser = addClip(scene, cases.make_clip(scale=Scale((3.0, 3.0), ScaleSource.USER)), "A4C")
        calibrate(browser, None, own)
        assert cineOf(browser).scale == own


def test_whoever_works_on_it_is_told_before() -> None:
    told: list[Any] = []
    with newScene() as scene:
        browser = addClip(scene, cases.make_clip(scale=cases.NO_SCALE), "A4C")
        browser.AddObserver(SCALE_CHANGES, lambda *_: told.append(spacingOfSequence(browser.GetMasterSequenceNode())))
        calibrate(browser, UP, cases.NO_SCALE)
    assert told == [(1.0, 1.0)]


def test_it_survives_the_scene_in_the_clip_and_in_the_list(tmp_path: Path) -> None:
    path = str(tmp_path / "scene.mrb")
    with newScene() as scene:
        clips, scales = listed(), ClipScales(scene)
        browser = addClip(scene, cases.make_clip(scale=cases.NO_SCALE), "A4C")
        markFile(browser, FILES[0])
        scales.give(clips, FILES[:2], UP, browser)
        assert calibrationOf(browser) == UP
        scales.keep(clips)
        assert scene.WriteToMRB(path, None)
    with cases.opened(path) as scene:
        again, scales = listed(), ClipScales(scene)
        scales.read(again)
        assert [clip.calibration for clip in again.clips] == [UP, UP, None, None]
        browser = cases.browser_of(scene, "A4C")
        assert cineOf(browser).scale == UP.scale(cases.NO_SCALE) and calibrationOf(browser) == UP
        scales.give(again, FILES[:1], None, browser)
        assert cineOf(browser).scale == cases.NO_SCALE
        texts = [node.GetText() for node in (cases.node(scene, "EchoApex scales by hand"),)]
        assert texts[0] and not any(name in texts[0] for name in ("clips", ".dcm"))
        scene.GetFirstNodeByName("EchoApex scales by hand").SetText('{"a": 3}')
        with pytest.raises(EchoApexError, match="The scales by hand in this scene are damaged"):
            scales.read(again)
        assert again.clip(FILES[1]).calibration == UP


def test_a_new_scene_gets_what_the_list_knows() -> None:
    with newScene() as scene:
        clips, scales = listed(), ClipScales(scene)
        clips.calibrations.give(FILES[:1], UP)
        for _ in range(2):
            scales.keep(clips)
            assert scene.GetFirstNodeByName("EchoApex scales by hand").GetAttribute(CALIBRATIONS)
            scene.Clear(0)
            scales.sceneClosed()


def test_clips_of_one_depth_are_those_of_one_machine_size_and_sector() -> None:
    clips = listed()
    assert clips.likeDepthOf(FILES[0]) == tuple(FILES[:3])
    clips.takeSeen(FILES[1], (0, 0, 79, 50), bytes(48 * 64))
    assert clips.likeDepthOf(FILES[0]) == (FILES[0], FILES[2])
    clips.addClip(ListedClip("study-1", FILES[2], size=(60, 81), machine="Maker A"))
    assert clips.likeDepthOf(FILES[0]) == (FILES[0],)
    assert listed(machine="").likeDepthOf(FILES[0]) == (FILES[0],), "a machine that is not named may be any"
    deep = listed(depth=160.0)
    deep.addClip(ListedClip("study-1", FILES[1], size=(60, 80), machine="Maker A", depth=140.0))
    assert deep.likeDepthOf(FILES[0]) == (FILES[0], FILES[2])


def test_the_list_says_by_hand_and_undo_goes_back_step_by_step() -> None:
    clips = listed(scale="pixel_spacing", mmPerPx=(0.5, 0.25))
    assert not clips.calibrations.canUndo
    clips.calibrations.give(FILES[:2], UP)
    first = clips.clip(FILES[0])
    assert (first.scale, first.mmPerPx, first.calibration) == (ScaleSource.USER, (3.0, 1.5), UP)
    clips.calibrations.give(FILES[:1], None)
    assert clips.clip(FILES[0]).mmPerPx == (0.5, 0.25) and clips.clip(FILES[1]).calibration == UP
    clips.calibrations.undo()
    assert clips.clip(FILES[0]).calibration == UP
    clips.calibrations.undo()
    assert all(clip.calibration is None for clip in clips.clips) and not clips.calibrations.canUndo


def test_scales_of_a_report_count_where_the_user_has_decided_nothing() -> None:
    clips, other = listed(), Calibration(((0.0, 0.0), (0.0, 50.0)), 90.0)
    clips.calibrations.give(FILES[:1], UP)
    clips.calibrations.give(FILES[:1], None)
    clips.calibrations.adopt({FILES[0]: other, FILES[1]: other})
    assert [clip.calibration for clip in clips.clips] == [None, other, None, None]
    again = Calibrations.fromText(clips.calibrations.toText())
    assert again.of(FILES[1]) == other and again.of(FILES[0]) is None
    # An analysis made with it does not hide the scale of the file.
    clips.takeResult(FILES[1], scale="user", mmPerPx=(1.8, 1.8), frames=9)
    assert clips.fileScale(FILES[1]) == Scale.none("no region") and clips.clip(FILES[1]).frames == 9


@pytest.mark.parametrize(
    ("points", "distance", "sentence"),
    [
        ([], 50.0, "needs two points"),
        ([(1, 1)], 50.0, "needs two points"),
        ([(1, 1), (1, 51)], 0.0, r"must be 0\.1 to 500 mm \(found: 0 mm\)"),
        ([(1, 1), (1, 51)], -3.0, "must be 0.1 to 500 mm"),
        ([(1, 1), (1, 51)], float("nan"), r"must be 0\.1 to 500 mm \(found: nan mm\)"),
        ([(1, 1), (1, 51)], float("inf"), "must be 0.1 to 500 mm"),
        ([(1, 1), (1, 51)], 500.0, "the depth of the image would be"),
        ([(1, 1), (1, 51)], 2.0, "the depth of the image would be"),
        ([(1, 1), (1, 1)], 50.0, "must be a pixel apart or more"),
        ([(1, 1), (1, 70)], 100.0, "must lie in the frame of 80 x 60 pixels"),
        ([(1, 1), (float("nan"), 20)], 100.0, "must lie in the frame"),
    ],
)
def test_what_can_be_no_scale_is_one_sentence_and_nothing_changes(
    points: list[Any], distance: float, sentence: str
) -> None:
    with newScene() as scene:
        clips, scales = listed(), ClipScales(scene)
        browser = addClip(scene, cases.make_clip(scale=cases.NO_SCALE), "A4C")
        markFile(browser, FILES[0])
        with pytest.raises(EchoApexError, match=sentence) as refused:
            scales.give(clips, FILES[:1], calibrationBy(points, distance, "mm"), browser)
        assert "\n" not in str(refused.value)
        assert not clips.calibrations.canUndo and cineOf(browser).scale == cases.NO_SCALE


def test_centimeters_are_ten_millimeters() -> None:
    assert calibrationBy([(10, 5), (10, 45)], 12.0, "cm") == UP
