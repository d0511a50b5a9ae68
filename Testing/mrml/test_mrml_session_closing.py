"""A session lets go of its scene whatever happens to it: closed, cleared, or its nodes taken away by hand."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
import session_cases
from session_cases import CARD, Opened, square

from echoapex.errors import EchoApexError
from echoapex.session.state import SessionState
from EchoApexLib.cine.cineFromBrowser import openCine
from EchoApexLib.session.sessionMaskSegments import MASKS
from EchoApexLib.session.sessionPrompts import POSITIVE, PROMPTS
from EchoApexLib.sliceView.redSliceSetup import RED
from EchoApexLib.study.studyInScene import newScene


@pytest.fixture
def work() -> Iterator[Opened]:
    with session_cases.opened() as made:
        made.session.showPrompts("LV")
        made.answer(3, square(10, 10))
        yield made


def observed(watched: tuple[Any, int]) -> bool:
    node, tag = watched
    return node.GetCommand(tag) is not None


def test_close_removes_every_observer_and_what_was_only_shown() -> None:
    with newScene() as scene:
        cine = cases.make_cine()
        browser = openCine(scene, cine)
        volume = browser.GetProxyNode(browser.GetMasterSequenceNode())
        Opened(scene, browser, SessionState(CARD, cine)).session.close()
        nodes = scene.GetNumberOfNodes()
        work = Opened(scene, browser, SessionState(CARD, cine))
        work.session.preview(square(10, 10))
        watched = [*work.session._observers._tags]
        assert {node for node, _ in watched} >= {scene, browser, volume} and all(map(observed, watched))
        work.session.close()
        assert work.session.closed and not any(map(observed, watched)) and scene.GetNumberOfNodes() == nodes
        browser.SetSelectedItemNumber(4)
        work.session.close()


def test_close_reads_and_records_what_was_drawn_last(work: Opened) -> None:
    work.draw(square(30, 30))
    work.session.close()
    assert np.array_equal(work.state.mask(0, "LV"), square(30, 30)) and len(work.edited) == 1


def test_a_closed_session_says_so(work: Opened) -> None:
    work.session.close()
    session = work.session
    calls: tuple[Callable[[], Any], ...] = (
        lambda: session.frame,
        lambda: session.structures,
        lambda: session.segmentation,
        lambda: session.show(0),
        lambda: session.addStructure("LV"),
        lambda: session.segmentIdOf("LV"),
        lambda: session.rename("LV", "a"),
        lambda: session.visible("LV"),
        lambda: session.preview(square(1, 1)),
        session.readEdits,
        lambda: session.showPrompts("LV"),
        lambda: session.pixelOf((0.0, 0.0, 0.0)),
        lambda: session.rasOf((0.0, 0.0)),
        session.saveRecord,
        lambda: session.write(work.state.edit(0, square(1, 1), "LV")),
    )
    for call in calls:
        with pytest.raises(EchoApexError, match="closed"):
            call()
    session.preview(None)


@pytest.mark.parametrize("singletons", [False, True])
def test_clearing_the_scene_in_the_middle_is_safe(work: Opened, singletons: bool) -> None:
    work.session.preview(square(10, 10))
    work.draw(square(1, 1))
    watched = [*work.session._observers._tags]
    work.scene.Clear(singletons)
    assert work.session.closed and not work.problems and not any(map(observed, watched))
    work.session.close()
    cine = cases.make_cine()
    again = Opened(work.scene, openCine(work.scene, cine), SessionState(CARD, cine))
    again.answer(2, square(5, 5))
    again.session.show(2)
    assert np.array_equal(again.shown(), square(5, 5))


def nodes_of(work: Opened) -> dict[str, Any]:
    masks, points = work.browser.GetNodeReference(MASKS), work.browser.GetNodeReference(f"{PROMPTS}.{POSITIVE}")
    return {
        "browser": work.browser,
        "images": work.browser.GetMasterSequenceNode(),
        "image": work.session.volume,
        "masks": masks,
        "mask": work.session.segmentation,
        "points": points,
        "point": work.browser.GetProxyNode(points),
        "record": work.browser.GetNodeReference("EchoApex.Session"),
    }


@pytest.mark.parametrize("name", ["browser", "images", "image", "masks", "mask", "points", "point", "record"])
def test_a_node_removed_by_hand_closes_the_session_with_a_sentence(
    work: Opened, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    kept, node = work.state.to_plain(), nodes_of(work)[name]
    work.scene.RemoveNode(node)
    assert work.session.closed and work.state.to_plain() == kept
    (problem,) = work.problems
    assert "was removed from the scene" in problem
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("name", ["masks", "points"])
def test_a_sequence_taken_out_of_the_browser_closes_the_session(work: Opened, name: str) -> None:
    work.browser.RemoveSynchronizedSequenceNode(nodes_of(work)[name].GetID())
    assert work.session.closed and len(work.problems) == 1


@pytest.mark.parametrize("name", ["masks", "mask", "points", "point", "record"])
def test_work_goes_on_after_a_node_was_removed(work: Opened, name: str) -> None:
    """What belonged to the removed node is made again from the session, which has lost nothing."""
    work.scene.RemoveNode(nodes_of(work)[name])
    again = Opened(work.scene, work.browser, work.state)
    again.session.showPrompts("LV")
    again.session.readEdits()
    again.session.show(3)
    assert np.array_equal(again.state.mask(3, "LV"), square(10, 10)) and np.array_equal(again.shown(), square(10, 10))
    points = again.browser.GetProxyNode(again.browser.GetNodeReference(f"{PROMPTS}.{POSITIVE}"))
    assert points.GetNumberOfControlPoints() == 1 and not again.problems


def test_a_removed_segment_is_put_back_with_a_sentence(work: Opened) -> None:
    work.answer(3, square(40, 20), "LA")
    work.session.show(3)
    work.session.segmentation.GetSegmentation().RemoveSegment("LV")
    work.session.show(0)
    work.session.show(3)
    assert np.array_equal(work.shown(), square(10, 10)) and not work.edited
    segmentation = work.session.segmentation.GetSegmentation()
    assert [segmentation.GetNthSegmentID(index) for index in range(2)] == ["LV", "LA"]
    (problem,) = work.problems
    assert "put back" in problem and "LV, frame 3" in problem


def test_a_renamed_and_recolored_segment_is_so_on_every_frame(work: Opened) -> None:
    segment = work.session.segmentation.GetSegmentation().GetSegment("LV")
    segment.SetName("Chamber")
    segment.SetColor(0.25, 0.5, 0.75)
    for frame in (1, 3, 7, 0):
        work.session.show(frame)
        found = work.session.segmentation.GetSegmentation().GetSegment("LV")
        assert (work.session.nameOf("LV"), found.GetColor()) == ("Chamber", (0.25, 0.5, 0.75))
    assert not work.edited and not work.problems


def test_a_session_of_another_cine_is_refused() -> None:
    with newScene() as scene:
        browser = openCine(scene, cases.make_cine(frames=3))
        with pytest.raises(EchoApexError, match="another cine"):
            Opened(scene, browser, SessionState(CARD, cases.make_cine()))


def test_no_observer_keeps_a_session_alive() -> None:
    with newScene() as scene:
        cine = cases.make_cine()
        browser = openCine(scene, cine)
        work = Opened(scene, browser, SessionState(CARD, cine))
        alive = weakref.ref(work.session)
        del work
        gc.collect()
        assert alive() is None
        browser.SetSelectedItemNumber(2)


def ruler_of(scene: Any) -> Any:
    view = scene.GetSingletonNode(RED, "vtkMRMLSliceNode")
    if view is None:
        view = scene.CreateNodeByClass("vtkMRMLSliceNode")
        view.SetSingletonTag(RED)
        view.SetLayoutName(RED)
        view = scene.AddNode(view)
        view.SetRulerType(view.RulerTypeThin)
    return view


def open_beside(scene: Any, scale: Any) -> Opened:
    cine = cases.make_cine(scale=scale)
    return Opened(scene, openCine(scene, cine), SessionState(CARD, cine))


def test_the_ruler_is_hidden_as_long_as_any_cine_has_no_scale() -> None:
    with newScene() as scene:
        view = ruler_of(scene)
        works = [open_beside(scene, scale) for scale in (cases.NO_SCALE, None, cases.NO_SCALE)]
        for work in works[:2]:
            work.session.close()
            assert view.GetRulerType() == view.RulerTypeNone
        works[2].session.close()
        assert view.GetRulerType() == view.RulerTypeThin


def test_the_ruler_stays_with_a_scale() -> None:
    with newScene() as scene:
        view = ruler_of(scene)
        work = open_beside(scene, None)
        assert view.GetRulerType() == view.RulerTypeThin
        work.session.close()
        assert view.GetRulerType() == view.RulerTypeThin


def test_without_a_scale_nothing_is_called_millimeters() -> None:
    with newScene() as scene:
        work = open_beside(scene, cases.NO_SCALE)
        work.session.showPrompts("LV")
        work.answer(2, square(10, 10))
        for index in range(scene.GetNumberOfNodes()):
            node = scene.GetNthNode(index)
            if node.IsA("vtkMRMLUnitNode"):
                continue  # Slicer's own
            told = [node.GetName(), *(node.GetAttribute(name) for name in node.GetAttributeNames())]
            assert not any("mm" in str(text).split() or "millimeter" in str(text) for text in told), told
