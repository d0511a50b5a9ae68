"""A session in a scene: what it marks is shown on its frame, what is drawn is in it, a saved scene goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
import session_cases
import slicer
import vtk
from session_cases import CARD, Opened, square

from echoapex.cine import Cine, FrameTimes, Scale, Sector, TimeSource
from echoapex.errors import EchoApexError
from echoapex.inference.segmentation import Segmentation
from echoapex.prompts import PointPrompt, Prompt
from echoapex.session.frame_entries import Status
from echoapex.session.state import SessionState
from echoapex.structures import PROMPTED, structures
from EchoApexLib.cine.cineFromBrowser import cineOf, openCine
from EchoApexLib.session.sessionMaskSegments import CONFIDENCE_TAG, MASKS
from EchoApexLib.session.sessionSaveAndRestore import SESSION, restoreState
from EchoApexLib.study.studyInScene import newScene, readStudy

ORDER = (0, 3, 7, 5, 3, 1)


@pytest.fixture
def work() -> Iterator[Opened]:
    with session_cases.opened() as made:
        yield made


def sequence_of(work: Opened) -> Any:
    return work.browser.GetNodeReference(MASKS)


def masks_in_scene(work: Opened, structure: str = "LV") -> np.ndarray:
    """The masks on every frame as the screen shows them, one after the other."""
    here = work.session.frame
    shown = []
    for frame in range(work.state.cine.frame_count):
        work.session.show(frame)
        shown.append(work.shown(structure))
    work.session.show(here)
    return np.stack(shown)


def tag_of(segment: Any, name: str) -> str:
    value = vtk.reference("")
    segment.GetTag(name, value)
    return str(value)


def test_answers_are_shown_on_their_frames_only(work: Opened) -> None:
    for frame in (3, 0, 7):
        work.session.show(frame)
        work.answer(frame, square(20 + frame, 10))
        assert np.array_equal(work.shown(), square(20 + frame, 10))
    assert np.array_equal(masks_in_scene(work), work.state.masks("LV"))
    assert not work.edited and not work.problems


def test_an_answer_to_another_frame_than_is_shown_goes_where_it_belongs(work: Opened) -> None:
    work.session.show(2)
    work.answer(6, square(20, 10))
    assert not work.shown().any()
    work.session.show(6)
    assert np.array_equal(work.shown(), square(20, 10))


def test_every_frame_has_the_same_segments_in_the_same_order(work: Opened) -> None:
    for structure in ("LA", PROMPTED, "LV"):
        work.answer(4, square(10, 10), structure)
    for frame in range(cases.FRAMES):
        segmentation = sequence_of(work).GetNthDataNode(frame).GetSegmentation()
        found = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
        assert found == ["LA", PROMPTED, "LV"] == list(work.session.structures)


def test_segments_have_name_color_and_terminology(work: Opened) -> None:
    work.session.addStructure("LV")
    segment = work.session.segmentation.GetSegmentation().GetSegment(work.session.segmentIdOf("LV"))
    known = structures()["LV"]
    assert segment.GetName() == known.name == work.session.nameOf("LV")
    assert np.allclose(np.array(segment.GetColor()) * 255, known.bright)
    assert tag_of(segment, slicer.vtkSegment.GetTerminologyEntryTagName()) == known.terminology


def test_a_mask_without_a_structure_can_be_called_something(work: Opened) -> None:
    work.session.addStructure(PROMPTED)
    work.session.rename(PROMPTED, "Device lead")
    for frame in ORDER:
        work.session.show(frame)
        assert work.session.nameOf(PROMPTED) == "Device lead"
    assert not work.edited


def test_review_and_confidence_are_told_by_tags(work: Opened) -> None:
    work.answer(2, square(10, 10))
    logic = slicer.vtkSlicerSegmentationsModuleLogic

    def told(frame: int) -> tuple[int, str]:
        segment = sequence_of(work).GetNthDataNode(frame).GetSegmentation().GetSegment("LV")
        return logic.GetSegmentStatus(segment), tag_of(segment, CONFIDENCE_TAG)

    assert told(2) == (logic.InProgress, "0.7500") and told(3) == (logic.NotStarted, "")
    work.session.write(work.state.flag([2], "LV"))
    assert told(2) == (logic.Flagged, "0.7500")
    work.session.write(work.state.accept([2], "LV"))
    assert told(2) == (logic.Completed, "0.7500")
    work.session.write(work.state.reopen([2], "LV"))
    work.session.write(work.state.clear([2], "LV"))
    assert told(2) == (logic.NotStarted, "")


def test_a_hidden_structure_stays_hidden_while_stepping(work: Opened) -> None:
    for structure in ("LV", "LA"):
        work.answer(3, square(10, 10), structure)
    work.session.setVisible("LV", False)
    for frame in ORDER:
        work.session.show(frame)
        assert (work.session.visible("LV"), work.session.visible("LA")) == (False, True)


def test_what_is_drawn_is_in_the_session_after_a_frame_change(work: Opened) -> None:
    work.answer(5, square(20, 20))
    work.session.show(5)
    work.draw(square(22, 24, 15))
    assert work.state.entry(5, "LV").status is Status.PROMPTED, "nobody has asked yet"
    work.session.show(2)
    assert np.array_equal(work.state.mask(5, "LV"), square(22, 24, 15))
    assert work.state.entry(5, "LV").status is Status.EDITED
    assert [(change.structure, change.frames) for change in work.edited] == [("LV", (5,))]
    assert work.session.readEdits() == []


def test_what_the_segment_editor_paints_over_is_read_as_well(work: Opened) -> None:
    for structure in ("LV", "LA"):
        work.session.addStructure(structure)
    work.answer(5, square(20, 20), "LA")
    work.session.show(5)
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(work.scene)
    editor = work.scene.AddNode(slicer.vtkMRMLSegmentEditorNode())
    logic.SetSegmentEditorNode(editor)
    logic.SetSegmentationNode(work.session.segmentation)
    logic.SetSourceVolumeNode(work.session.volume)
    editor.SetSelectedSegmentID("LV")
    logic.SaveStateForUndo()
    brush = session_cases.image_of(work.browser, square(15, 15))
    logic.ModifySegmentByLabelmap(work.session.segmentation, "LV", brush, logic.ModificationModeAdd, False, False)
    assert {change.structure for change in work.session.readEdits()} == {"LV", "LA"}
    assert np.array_equal(work.state.mask(5, "LV"), square(15, 15))
    assert np.array_equal(work.state.mask(5, "LA"), square(20, 20) & ~square(15, 15))
    logic.Undo()
    work.session.show(1)
    assert not work.state.mask(5, "LV").any() and np.array_equal(work.state.mask(5, "LA"), square(20, 20))


def test_what_is_drawn_while_the_model_thinks_is_not_lost(work: Opened) -> None:
    work.session.addStructure("LV")
    question = work.state.ask(0, Prompt(points=(PointPrompt(40.0, 20.0),)), "LV")
    work.draw(square(5, 5))
    change = work.state.take(question, Segmentation(square(40, 20)[None], np.ones(1, np.float32)))
    work.session.write(change)
    assert np.array_equal(work.state.mask(0, "LV"), square(5, 5)) and np.array_equal(work.shown(), square(5, 5))
    work.session.write(work.state.undo())
    assert np.array_equal(work.shown(), square(40, 20))


def test_an_accepted_mask_is_protected_from_drawing(work: Opened) -> None:
    work.answer(1, square(10, 10))
    work.session.write(work.state.accept([1], "LV"))
    work.session.show(1)
    work.draw(square(30, 30))
    work.session.show(0)
    assert np.array_equal(masks_in_scene(work)[1], square(10, 10)) and not work.edited
    (problem,) = work.problems
    assert problem == "This frame is accepted: reopen it to change it (found: LV, frame 1)."


def test_undo_and_redo_are_shown_on_their_frames(work: Opened) -> None:
    for frame in (0, 3):
        work.answer(frame, square(10 + frame, 10))
    work.session.show(5)
    work.draw(square(40, 40), "LV")
    work.session.show(6)
    seen = [work.state.masks("LV").copy()]
    while work.state.next_undo:
        change = work.state.undo()
        work.session.write(change)
        seen.append(work.state.masks("LV").copy())
        assert np.array_equal(masks_in_scene(work), seen[-1]), change
    assert len(seen) == 4 and not seen[-1].any()
    for before in reversed(seen[:-1]):
        work.session.write(work.state.redo())
        assert np.array_equal(masks_in_scene(work), before)
    assert len(work.edited) == 1


def test_a_segment_made_by_hand_becomes_the_structure_it_is_named_for(work: Opened) -> None:
    work.answer(4, square(50, 30), "LV")
    work.session.show(4)
    segmentation = work.session.segmentation.GetSegmentation()
    for identifier, name in (("Segment_1", "left atrium"), ("Segment_2", "Fish"), ("Segment_3", "LV")):
        segmentation.AddEmptySegment(identifier, name, [1.0, 1.0, 1.0])
        work.draw(square(10, 10), identifier)
    work.session.show(0)
    assert work.session.structures == ("LV", "LA") and work.session.unread == ("Fish", "LV")
    assert np.array_equal(work.state.mask(4, "LA"), square(10, 10))
    work.session.show(4)
    assert (
        segmentation is not work.session.segmentation.GetSegmentation() or segmentation.GetSegment("Segment_1") is None
    )
    assert np.array_equal(work.shown("Segment_2"), square(10, 10)), "it stays as it was"


def test_a_preview_is_shown_apart_and_vanishes(work: Opened) -> None:
    work.answer(0, square(10, 10))
    count = work.scene.GetNumberOfNodes()
    for shown in (square(20, 20), square(5, 5)):
        work.session.preview(shown, "LV")
    nodes = [node for node in segmentations(work.scene) if node is not work.session.segmentation]
    (node,) = nodes
    assert not node.GetSaveWithScene() and not node.GetDisplayNode().GetSaveWithScene() and node.GetHideFromEditors()
    assert not node.GetDisplayNode().GetVisibility2DFill()
    assert np.array_equal(work.shown(), square(10, 10))
    work.session.show(1)
    assert work.scene.GetNumberOfNodes() == count
    work.session.preview(square(3, 3))
    work.session.preview(None)
    assert work.scene.GetNumberOfNodes() == count and not work.edited


def segmentations(scene: Any) -> list[Any]:
    name = "vtkMRMLSegmentationNode"
    return [scene.GetNthNodeByClass(index, name) for index in range(scene.GetNumberOfNodesByClass(name))]


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, Any], np.ndarray]:
    """A scene with a session, saved with something drawn that nobody has read yet."""
    monkeypatch.chdir(tmp_path)
    with session_cases.opened() as work:
        work.session.showPrompts("LV")
        for frame in ORDER:
            work.answer(frame, square(10 + frame, 10))
        work.answer(2, square(40, 40), PROMPTED)
        work.session.write(work.state.accept([0], "LV"))
        work.session.rename(PROMPTED, "Lead")
        assert work.scene.WriteToMRB(str(tmp_path / "scene.mrb"), None)
        return tmp_path / "scene.mrb", work.state.to_plain(), work.state.masks("LV")


def test_work_goes_on_in_a_saved_scene(saved: tuple[Path, dict[str, Any], np.ndarray]) -> None:
    path, plain, masks = saved
    with cases.opened(path) as scene:
        browser = session_cases.browser_of(scene)
        nodes = scene.GetNumberOfNodes()
        state = restoreState(browser, CARD)
        assert state.to_plain() == plain
        again = Opened(scene, browser, state)
        assert scene.GetNumberOfNodes() == nodes, "everything was found again"
        assert again.session.readEdits() == [] and again.session.nameOf(PROMPTED) == "Lead"
        assert np.array_equal(masks_in_scene(again), masks)
        again.session.show(3)
        again.draw(square(1, 1))
        again.session.show(0)
        assert np.array_equal(state.mask(3, "LV"), square(1, 1))
        again.session.write(state.undo())
        assert state.to_plain() == plain and np.array_equal(masks_in_scene(again), masks)


def test_what_was_drawn_without_a_session_is_read_when_it_goes_on(
    saved: tuple[Path, dict[str, Any], np.ndarray],
) -> None:
    with cases.opened(saved[0]) as scene:
        browser = session_cases.browser_of(scene)
        state = restoreState(browser, CARD)
        proxy = browser.GetProxyNode(browser.GetNodeReference(MASKS))
        browser.SetSelectedItemNumber(6)
        session_cases.draw(proxy, browser, square(30, 5), "LV")
        browser.SetSelectedItemNumber(0)
        session_cases.draw(proxy, browser, square(30, 5), "LV")
        again = Opened(scene, browser, state)
        assert [change.frames for change in again.session.readEdits()] == [(6,)]
        assert np.array_equal(state.mask(6, "LV"), square(30, 5))
        assert len(again.problems) == 1 and "accepted" in again.problems[0]


@pytest.mark.parametrize("text", ["{", "[]", "", '{"schema": 99}'])
def test_a_damaged_session_is_refused_and_kept(saved: tuple[Path, dict[str, Any], np.ndarray], text: str) -> None:
    with cases.opened(saved[0]) as scene:
        browser = session_cases.browser_of(scene)
        node = browser.GetNodeReference(SESSION)
        node.SetText(text)
        with pytest.raises(EchoApexError, match="session"):
            restoreState(browser, CARD)
        fresh = Opened(scene, browser, SessionState(CARD, cineOf(browser)))
        assert node.GetText() == text and browser.GetNodeReference(SESSION) is not node
        assert len(fresh.session.readEdits()) == len(set(ORDER)) + 1, "the masks are not lost"


def test_there_is_no_session_where_there_was_none() -> None:
    with newScene() as scene:
        assert restoreState(openCine(scene, cases.make_cine()), CARD) is None


def test_the_record_follows_every_change(work: Opened) -> None:
    def recorded() -> dict[str, Any]:
        return json.loads(work.browser.GetNodeReference(SESSION).GetText())

    def plain() -> dict[str, Any]:
        return json.loads(json.dumps(work.state.to_plain()))

    work.answer(3, square(1, 1))
    assert recorded() == plain()
    work.session.write(work.state.undo())
    assert recorded() == plain() and recorded()["entries"] == []
    work.state.edit(2, square(4, 4), "LA")
    work.session.saveRecord()
    assert recorded() == plain() and len(recorded()["entries"]) == 1


def test_drawings_are_read_when_slicer_says_that_it_saves(work: Opened) -> None:
    work.session.addStructure("LV")
    work.draw(square(1, 1))
    work.scene.InvokeEvent(work.scene.StartSaveEvent)
    assert np.array_equal(work.state.mask(0, "LV"), square(1, 1)) and len(work.edited) == 1


def test_a_study_is_read_from_a_scene_with_a_session(work: Opened) -> None:
    work.session.showPrompts("LV")
    work.answer(0, square(10, 10))
    (clip,) = readStudy(work.scene).clips
    assert clip.landmarks is None and clip.view == "UNKNOWN"
    assert np.array_equal(clip.segmentations["LV"].masks, work.state.masks("LV"))


def test_two_cines_do_not_disturb_each_other() -> None:
    with newScene() as scene:
        works = []
        for seed in (1, 2):
            cine = cases.make_cine(seed=seed)
            works.append(Opened(scene, openCine(scene, cine), SessionState(CARD, cine)))
        for place, work in enumerate(works):
            work.session.showPrompts("LV")
            work.answer(3, square(10 + 30 * place, 10))
            work.session.show(3)
        works[0].draw(square(2, 2))
        works[0].session.show(1)
        assert works[1].session.frame == 3 and np.array_equal(works[1].shown(), square(40, 10))
        assert np.array_equal(works[0].state.mask(3, "LV"), square(2, 2)) and not works[1].edited
        works[0].session.close()
        works[1].draw(square(7, 7))
        works[1].session.show(0)
        assert np.array_equal(works[1].state.mask(3, "LV"), square(7, 7))
        assert (works[0].session.closed, works[1].session.closed) == (True, False)


def test_a_long_cine_of_full_size_stays_small() -> None:
    """60 frames of 600 x 800: no node for each frame in the scene, no full picture for each mask."""
    frames, rows, columns = 60, 600, 800
    pixels = np.random.default_rng(0).integers(0, 256, (frames, rows, columns), np.uint8)
    times = FrameTimes(np.arange(frames) * 0.02, TimeSource.USER)
    cine = Cine(pixels, times, Scale.none("none was given"), Sector.whole_frame(rows, columns))
    with session_cases.opened(cine) as work:
        nodes = work.scene.GetNumberOfNodes()
        for structure in ("LV", "LA", "RV"):
            work.session.addStructure(structure)
        for frame in range(frames):
            work.session.write(work.state.edit(frame, square(100 + frame, 100, 80, (rows, columns)), "LV"))
        assert work.scene.GetNumberOfNodes() == nodes < 100
        inside = sequence_of(work).GetSequenceScene()
        assert inside.GetNumberOfNodes() == frames
        assert sum(stored_bytes(inside.GetNthNode(item)) for item in range(frames)) < frames * 3 * 80 * 80
        assert np.array_equal(masks_in_scene(work)[17], work.state.mask(17, "LV"))


def stored_bytes(item: Any) -> int:
    """Pixels in the label maps of a segmentation, each counted once."""
    segmentation = item.GetSegmentation()
    segments = (segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments()))
    images = {id(image): image for image in (one.GetRepresentation("Binary labelmap") for one in segments)}
    return sum(max(image.GetNumberOfPoints(), 0) for image in images.values())
