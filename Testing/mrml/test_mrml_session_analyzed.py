"""A session on a cine that was analyzed unattended begins with what was found there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
import vtk
from session_cases import CARD, Opened, browser_of, draw, square

from echoapex.errors import EchoApexError, ReadError
from echoapex.session.frame_entries import Status
from echoapex.session.state import SessionState
from echoapex.structures import PROMPTED
from EchoApexLib.cine.cineFromBrowser import cineOf, openCine
from EchoApexLib.record.recordSaving import RECORD
from EchoApexLib.record.studyContents import SceneStudy
from EchoApexLib.sequences.cineSequence import addToBrowser, sequencesWith
from EchoApexLib.sequences.segmentationSequence import addSegmentationSequence, masksOfSequence
from EchoApexLib.session.sessionMaskSegments import CONFIDENCE_TAG, MASKS
from EchoApexLib.session.sessionSaveAndRestore import restoreState
from EchoApexLib.session.startFromAnalysis import analyzedPhases, takeAnalyzed
from EchoApexLib.study.studyInScene import addStudy, newScene, readStudy

STRUCTURES = ("LV", "LA", PROMPTED)


def begun(scene: Any) -> Opened:
    """A session on the first cine of the scene."""
    browser = browser_of(scene)
    state = SessionState(CARD, cineOf(browser))
    takeAnalyzed(browser, state)
    return Opened(scene, browser, state)


@pytest.fixture
def clip() -> Any:
    return cases.make_clip()


@pytest.fixture
def scene(clip: Any) -> Iterator[Any]:
    with newScene() as made:
        addStudy(made, SceneStudy((clip,), (), ""))
        yield made


def test_what_was_found_is_predicted_and_can_be_gone_on_with(scene: Any, clip: Any) -> None:
    work = begun(scene)
    assert set(work.state.structures) == set(STRUCTURES) and work.state.next_undo is None
    for name, found in clip.segmentations.items():
        assert np.array_equal(work.state.masks(name), found.masks)
        for frame, sure in enumerate(found.confidence):
            entry = work.state.entry(frame, name)
            assert entry.status is Status.PREDICTED and entry.confidence == pytest.approx(float(sure), abs=1e-6)
    assert work.state.entry(5, "LV").mask is not None, "absent is not the same as never looked for"
    assert work.edited == [] and work.problems == []


def test_there_is_one_set_of_outlines(scene: Any) -> None:
    work = begun(scene)
    drawn = sequencesWith(work.browser, "vtkMRMLSegmentationNode")
    assert drawn == [work.browser.GetNodeReference(MASKS)]
    assert work.session.segmentation is work.browser.GetProxyNode(drawn[0])


def test_a_correction_leaves_what_shares_its_image_as_it_was(scene: Any, clip: Any) -> None:
    work = begun(scene)
    others = {name: clip.segmentations[name].masks[2] for name in ("LA", PROMPTED)}
    mask = square(30, 20)
    work.session.show(2)
    work.answer(2, mask)
    assert np.array_equal(work.shown("LV"), mask) and work.state.entry(2, "LV").status is Status.PROMPTED
    for name, expected in others.items():
        assert np.array_equal(work.shown(name), expected), name
    assert work.session.readEdits() == [] and work.edited == []
    work.session.write(work.state.undo())
    assert np.array_equal(work.shown("LV"), clip.segmentations["LV"].masks[2])
    assert work.state.entry(2, "LV").status is Status.PREDICTED


def test_a_stroke_is_an_edit(scene: Any) -> None:
    work = begun(scene)
    work.session.show(4)
    work.draw(square(10, 30), "LA")
    work.session.show(0)
    assert [(change.structure, change.frames) for change in work.edited] == [("LA", (4,))]
    assert work.state.entry(4, "LA").status is Status.EDITED


def test_it_is_saved_and_goes_on(scene: Any, tmp_path: Path) -> None:
    work = begun(scene)
    work.answer(1, square(30, 20))
    saved = work.state.to_plain()
    with newScene() as other:
        scene.WriteToMRB(str(tmp_path / "scene.mrb"), None)
        other.ReadFromMRB(str(tmp_path / "scene.mrb"), False, None)
        state = restoreState(browser_of(other), CARD)
        assert state is not None and state.to_plain() == saved
        again = Opened(other, browser_of(other), state)
        assert again.edited == [] and np.array_equal(again.state.mask(1, "LV"), square(30, 20))
        assert np.array_equal(readStudy(other).clips[0].segmentations["LV"].masks, again.state.masks("LV"))


def analyzed(scene: Any) -> Any:
    """The sequence of the structures of the first clip."""
    return sequencesWith(browser_of(scene), "vtkMRMLSegmentationNode")[0]


def test_a_structure_that_was_added_by_hand_is_an_edit_where_it_was_drawn(scene: Any) -> None:
    for frame in range(cases.FRAMES):
        item = analyzed(scene).GetNthDataNode(frame)
        item.GetSegmentation().AddEmptySegment("RV", "RV")
        if frame == 3:
            draw(item, browser_of(scene), square(5, 5), "RV")
    work = begun(scene)
    work.session.readEdits()
    assert np.array_equal(work.state.mask(3, "RV"), square(5, 5))
    statuses = [work.state.entry(frame, "RV").status for frame in range(cases.FRAMES)]
    assert statuses == [Status.EDITED if frame == 3 else Status.EMPTY for frame in range(cases.FRAMES)]
    assert "RV" not in {change.structure for change in work.edited if change.frames != (3,)}


def test_an_outline_that_was_changed_before_is_an_edit(scene: Any) -> None:
    draw(analyzed(scene).GetNthDataNode(2), browser_of(scene), square(20, 20), "LV")
    work = begun(scene)
    entry = work.state.entry(2, "LV")
    assert entry.status is Status.EDITED and entry.confidence is None
    assert np.array_equal(work.state.mask(2, "LV"), square(20, 20))
    others = {work.state.entry(frame, "LV").status for frame in range(cases.FRAMES) if frame != 2}
    assert others == {Status.PREDICTED}


def test_a_segmentation_of_somebody_else_is_left_alone() -> None:
    with newScene() as scene:
        cine = cases.make_cine()
        browser = openCine(scene, cine)
        masks = {"Segment_1": cases.make_masks()["LV"].masks}
        own = addSegmentationSequence(scene, "mine", cine, masks)
        addToBrowser(browser, own)
        work = begun(scene)
        assert work.state.structures == () and work.browser.GetNodeReference(MASKS) is not own
        assert np.array_equal(masksOfSequence(own, (cine.rows, cine.columns))["Segment_1"], masks["Segment_1"])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"LV": [0.5]}, "The outlines of this cine or their record are damaged"),
        ({"LV": None}, "confidence.LV must be a list, and is null"),
        (
            {"LV": ["high"] * cases.FRAMES},
            r"confidence.LV\[0\] must be .* and is the text high",
        ),
        (["LV"], "confidence must be an object"),
        (None, "confidence must be an object"),
    ],
)
def test_a_damaged_record_is_refused_in_a_sentence_and_stays(scene: Any, damage: Any, words: str) -> None:
    state = SessionState(CARD, cineOf(browser_of(scene)))
    node = browser_of(scene).GetNodeReference(RECORD)
    text = json.dumps({**json.loads(node.GetText()), "confidence": damage})
    node.SetText(text)
    with pytest.raises(ReadError, match=words):
        takeAnalyzed(browser_of(scene), state)
    assert state.structures == () and node.GetText() == text
    assert browser_of(scene).GetNodeReference(MASKS) is None


def test_phases_are_those_of_the_first_beat(scene: Any, clip: Any) -> None:
    beat = clip.curve.beats[0]
    assert analyzedPhases(browser_of(scene), cases.FRAMES) == (beat.ed, beat.es)


@pytest.mark.parametrize(
    ("beats", "words"),
    [
        ([{"ed": 1}], r"beats\[0\].es is missing"),
        ([{"ed": 1, "es": 99}], "The curve of this cine is damaged"),
        ([{"ed": -1, "es": 2}], r"beats\[0\].ed must be a whole number"),
        (["ED"], r"beats\[0\] must be an object"),
        (5, "curve.beats must be a list, and is 5"),
    ],
)
def test_a_damaged_curve_is_refused_in_a_sentence(scene: Any, beats: Any, words: str) -> None:
    node = browser_of(scene).GetNodeReference(RECORD)
    record = json.loads(node.GetText())
    node.SetText(json.dumps(record | {"curve": record["curve"] | {"beats": beats}}))
    with pytest.raises(ReadError, match=words):
        analyzedPhases(browser_of(scene), cases.FRAMES)


def test_masks_that_it_begins_with_say_how_sure_they_are(scene: Any, clip: Any) -> None:
    work = begun(scene)
    segment = work.session.segmentation.GetSegmentation().GetSegment("LV")
    value = vtk.reference("")
    assert segment.GetTag(CONFIDENCE_TAG, value)
    here = clip.segmentations["LV"].confidence[work.session.frame]
    assert float(str(value)) == pytest.approx(float(here), abs=1e-4)


def test_a_cine_without_outlines_begins_empty() -> None:
    with newScene() as scene:
        openCine(scene, cases.make_cine())
        work = begun(scene)
        assert work.state.structures == () and work.browser.GetNodeReference(MASKS) is not None


def test_only_an_empty_session_begins_with_them(scene: Any) -> None:
    work = begun(scene)
    with pytest.raises(EchoApexError, match="Only an empty session"):
        work.state.begin({})
