"""Prompts stay on their frames, clicks land where they were made, pixels and the world agree below any transform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
import session_cases
import slicer
import vtk
from hypothesis import given
from hypothesis import strategies as st
from session_cases import CARD, Opened, square

from echoapex.errors import EchoApexError
from echoapex.prompts import PointPrompt, Prompt
from echoapex.session.state import SessionState
from EchoApexLib.cine.cineFromBrowser import openCine
from EchoApexLib.nodes.vtkImages import vtkMatrix
from EchoApexLib.session.sessionPrompts import BOX, NEGATIVE, POSITIVE, PROMPTS
from EchoApexLib.sliceView.placeModeClicks import PointTool

MIXED = (3, 0, 7, 3, 5)


@pytest.fixture
def work() -> Iterator[Opened]:
    with session_cases.opened() as made:
        made.session.showPrompts("LV")
        yield made


def proxy_of(work: Opened, kind: str) -> Any:
    return work.browser.GetProxyNode(work.browser.GetNodeReference(f"{PROMPTS}.{kind}"))


def shown(work: Opened, kind: str) -> list[tuple[float, float]]:
    """The pixels of the markups on the screen."""
    node, place = proxy_of(work, kind), [0.0, 0.0, 0.0]
    pixels = []
    for index in range(node.GetNumberOfControlPoints()):
        node.GetNthControlPointPositionWorld(index, place)
        pixels.append(tuple(np.round(work.session.pixelOf(tuple(place)), 6)))
    return pixels


def points(*places: tuple[float, float, bool]) -> Prompt:
    return Prompt(points=tuple(PointPrompt(*place) for place in places))


def test_prompts_given_in_mixed_order_stay_on_their_frames(work: Opened) -> None:
    for frame, x in ((3, 13.0), (0, 10.0), (7, 17.0), (3, 33.5)):
        work.session.show(frame)
        work.answer(frame, square(30, 20), prompt=points((x, 25.0, True), (x, 40.0, False)))
    expected = {0: [10.0], 3: [13.0, 33.5], 7: [17.0]}
    for frame in (*range(8), *MIXED):
        work.session.show(frame)
        assert shown(work, POSITIVE) == [(x, 25.0) for x in expected.get(frame, [])], frame
        assert shown(work, NEGATIVE) == [(x, 40.0) for x in expected.get(frame, [])], frame
        assert shown(work, BOX) == []


def test_a_box_is_a_closed_line_of_four_corners(work: Opened) -> None:
    work.answer(2, square(30, 20), prompt=Prompt(box=(10.0, 5.0, 30.0, 20.0)))
    assert shown(work, BOX) == []
    work.session.show(2)
    assert shown(work, BOX) == [(10.0, 5.0), (30.0, 5.0), (30.0, 20.0), (10.0, 20.0)]
    node = proxy_of(work, BOX)
    y, x = work.state.cine.scale.mm_per_px
    assert node.GetCurveLengthWorld() == pytest.approx(2 * (20 * x + 15 * y))


def test_prompts_follow_undo_edits_and_the_chosen_structure(work: Opened) -> None:
    for frame in (0, 2):
        work.answer(frame, square(30, 20), prompt=points((11.0, 12.0, True)))
    work.answer(2, square(30, 20), "LA", points((50.0, 12.0, True)))
    work.session.show(2)
    assert shown(work, POSITIVE) == [(11.0, 12.0)]
    work.session.showPrompts("LA")
    assert shown(work, POSITIVE) == [(50.0, 12.0)]
    work.session.write(work.state.undo())
    assert shown(work, POSITIVE) == []
    work.session.showPrompts("LV")
    work.draw(square(1, 1))
    work.session.readEdits()
    assert shown(work, POSITIVE) == [], "a mask drawn by hand has no prompts"
    work.session.show(0)
    assert shown(work, POSITIVE) == [(11.0, 12.0)]
    work.session.showPrompts(None)
    assert shown(work, POSITIVE) == []


def test_only_frames_with_prompts_have_an_item(work: Opened) -> None:
    for frame in MIXED:
        work.session.show(frame)
        work.answer(frame, square(30, 20))
    for frame in range(8):
        work.session.show(frame)
    sequence = work.browser.GetNodeReference(f"{PROMPTS}.{POSITIVE}")
    assert sequence.GetNumberOfDataNodes() == 4
    work.session.write(work.state.clear(range(8), "LV"))
    assert sequence.GetNumberOfDataNodes() == 1, "without any it would have no class of nodes"


def test_prompts_are_locked_and_told_apart_by_glyph_and_color(work: Opened) -> None:
    work.answer(0, square(30, 20))
    displays = [proxy_of(work, kind).GetDisplayNode() for kind in (POSITIVE, NEGATIVE, BOX)]
    assert proxy_of(work, POSITIVE).GetLocked()
    assert len({display.GetGlyphType() for display in displays}) == 3
    assert len({display.GetSelectedColor() for display in displays}) == 3
    assert not any(display.GetPointLabelsVisibility() or display.GetPropertiesLabelVisibility() for display in displays)


def test_what_a_user_moves_is_what_the_session_says_again(work: Opened) -> None:
    work.answer(3, square(30, 20), prompt=points((11.0, 12.0, True)))
    work.session.show(3)
    proxy_of(work, POSITIVE).SetNthControlPointPosition(0, 1.0, 2.0, 0.0)
    work.session.show(0)
    work.session.show(3)
    assert shown(work, POSITIVE) == [(11.0, 12.0)]


class Clicks:
    """What Slicer's place mode does with the list of a tool that is armed; ``heard`` gets frame and pixel."""

    def __init__(self, work: Opened, heard: Callable[[int, Any], object] | None = None) -> None:
        self.work, self.placed = work, []
        self.tool = PointTool(work.scene, work.problems.append)
        self.heard = heard or (lambda frame, pixel: self.placed.append((frame, *np.round(pixel, 6))))

    def arm(self) -> None:
        session = self.work.session
        self.tool.arm("Points", lambda ras: self.heard(session.frame, session.pixelOf(ras)))

    @property
    def list(self) -> Any:
        selection = self.work.scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        return self.work.scene.GetNodeByID(selection.GetActivePlaceNodeID())

    def at(self, x: float, y: float) -> None:
        self.list.AddControlPointWorld(*self.work.session.rasOf((x, y)))


def interaction_of(work: Opened) -> Any:
    return work.scene.GetFirstNodeByClass("vtkMRMLInteractionNode")


def test_each_click_is_reported_once_with_its_frame(work: Opened) -> None:
    nodes, clicks = work.scene.GetNumberOfNodes(), Clicks(work)
    clicks.arm()
    assert interaction_of(work).GetCurrentInteractionMode() == interaction_of(work).Place
    assert clicks.list.GetHideFromEditors() and not clicks.list.GetSaveWithScene()
    for frame, x in ((0, 1.5), (4, 2.0), (4, 3.0), (1, 4.0)):
        work.session.show(frame)
        clicks.at(x, 9.0)
        assert clicks.list.GetNumberOfDefinedControlPoints() == 0, "it is gone at once"
    assert clicks.placed == [(0, 1.5, 9.0), (4, 2.0, 9.0), (4, 3.0, 9.0), (1, 4.0, 9.0)]
    clicks.tool.disarm()
    assert interaction_of(work).GetCurrentInteractionMode() == interaction_of(work).ViewTransform
    clicks.tool.tidy()
    assert work.scene.GetNumberOfNodes() == nodes


def test_a_list_is_not_removed_while_slicer_works_on_it(work: Opened) -> None:
    """Slicer's widget goes on with the list once the event of its new point is over: it must be there then."""
    nodes, clicks, seen = work.scene.GetNumberOfNodes(), Clicks(work), []
    clicks.heard = lambda frame, pixel: clicks.tool.disarm()
    clicks.arm()
    points = clicks.list
    points.AddObserver(points.PointPositionDefinedEvent, lambda *_: seen.append(points.GetScene()), -100.0)
    clicks.at(4.0, 5.0)
    assert seen == [work.scene] and interaction_of(work).GetCurrentInteractionMode() != interaction_of(work).Place
    clicks.tool.tidy()
    clicks.tool.tidy()
    assert points.GetScene() is None and work.scene.GetNumberOfNodes() == nodes


def test_a_click_that_is_asked_at_once_becomes_a_prompt_on_its_frame(work: Opened) -> None:
    clicks = Clicks(
        work, lambda frame, pixel: work.answer(frame, square(30, 20), prompt=points((*pixel, False), (9.0, 9.0, True)))
    )
    clicks.arm()
    for frame in (6, 2):
        work.session.show(frame)
        clicks.at(20.0 + frame, 10.0)
    for frame in (2, 6, 0):
        work.session.show(frame)
        assert shown(work, NEGATIVE) == ([(20.0 + frame, 10.0)] if frame else [])


def test_a_refused_click_is_told_as_a_sentence(work: Opened) -> None:
    clicks = Clicks(work, lambda frame, pixel: work.answer(frame, square(1, 1), prompt=points((*pixel, True))))
    clicks.arm()
    clicks.at(-7.0, 3.0)
    (problem,) = work.problems
    assert "A point must lie in the frame of 80 x 60 pixels" in problem


def test_arming_again_leaves_one_list_and_another_tool_its_place_mode(work: Opened) -> None:
    other, clicks = work.scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode"), Clicks(work)
    nodes = work.scene.GetNumberOfNodes()
    clicks.arm()
    clicks.arm()
    clicks.at(4.0, 5.0)
    assert clicks.placed == [(0, 4.0, 5.0)]
    work.scene.GetFirstNodeByClass("vtkMRMLSelectionNode").SetActivePlaceNodeID(other.GetID())
    clicks.tool.disarm()
    assert interaction_of(work).GetCurrentInteractionMode() == interaction_of(work).Place
    clicks.tool.tidy()
    assert work.scene.GetNumberOfNodes() == nodes


def place_below(work: Opened, matrix: np.ndarray) -> Any:
    """Puts the cine below a linear transform."""
    transform = work.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(vtkMatrix(matrix))
    work.session.volume.SetAndObserveTransformNodeID(transform.GetID())
    return transform


@pytest.fixture(scope="module")
def moved() -> Iterator[tuple[Opened, Any]]:
    with session_cases.opened() as made:
        yield made, place_below(made, np.eye(4))


turns = st.floats(-np.pi, np.pi)
sizes = st.floats(0.1, 10.0)
shifts = st.floats(-500.0, 500.0)
pixels = st.tuples(st.floats(-100.0, 900.0), st.floats(-100.0, 700.0))


@given(st.tuples(turns, turns, turns), st.tuples(sizes, sizes, sizes), st.tuples(shifts, shifts, shifts), pixels)
def test_pixels_and_the_world_agree_below_any_affine_transform(
    moved: tuple[Opened, Any],
    angles: tuple[float, ...],
    scales: tuple[float, ...],
    shift: tuple[float, ...],
    pixel: tuple[float, float],
) -> None:
    work, transform = moved
    builder = vtk.vtkTransform()
    builder.Translate(*shift)
    for turn, angle in zip((builder.RotateX, builder.RotateY, builder.RotateZ), angles):
        turn(np.degrees(angle))
    builder.Scale(*scales)
    transform.SetMatrixTransformToParent(builder.GetMatrix())
    ras = work.session.rasOf(pixel)
    y, x = work.state.cine.scale.mm_per_px
    assert np.allclose(ras, builder.TransformPoint(-x * pixel[0], -y * pixel[1], 0.0), rtol=1e-9, atol=1e-6)
    assert np.allclose(work.session.pixelOf(ras), pixel, rtol=1e-6, atol=1e-5)


def test_masks_and_prompts_move_with_the_cine(work: Opened) -> None:
    work.answer(0, square(30, 20), prompt=points((11.0, 12.0, True)))
    place_below(work, np.array([[0.0, -1, 0, 5], [1, 0, 0, -7], [0, 0, 1, 3], [0, 0, 0, 1]]))
    place, bounds = [0.0] * 3, [0.0] * 6
    proxy_of(work, POSITIVE).GetNthControlPointPositionWorld(0, place)
    assert np.allclose(place, work.session.rasOf((11.0, 12.0)))
    work.session.segmentation.GetRASBounds(bounds)
    corners = np.array([work.session.rasOf(corner) for corner in ((29.5, 19.5), (39.5, 29.5))])
    assert np.allclose(sorted(corners[:, 0]), bounds[:2]) and np.allclose(sorted(corners[:, 1]), bounds[2:4])
    work.session.preview(square(5, 5))
    nodes = [work.scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode") for index in range(2)]
    assert {node.GetTransformNodeID() for node in nodes} == {work.session.volume.GetTransformNodeID()}
    work.session.volume.SetAndObserveTransformNodeID(None)
    assert work.session.segmentation.GetTransformNodeID() is None
    assert shown(work, POSITIVE) == [(11.0, 12.0)]


def test_a_transform_that_is_not_linear_is_refused(work: Opened) -> None:
    node = work.scene.AddNewNodeByClass("vtkMRMLTransformNode", "Bent")
    bend = vtk.vtkThinPlateSplineTransform()
    node.SetAndObserveTransformToParent(bend)
    work.session.volume.SetAndObserveTransformNodeID(node.GetID())
    for ask in (lambda: work.session.pixelOf((0.0, 0.0, 0.0)), lambda: work.session.rasOf((0.0, 0.0))):
        with pytest.raises(EchoApexError, match=r"linear transforms only.*Bent"):
            ask()
    clicks = Clicks(work)
    clicks.arm()
    clicks.list.AddControlPoint(1.0, 2.0, 0.0)
    assert len(work.problems) == 1 and "linear" in work.problems[0]


def test_a_transform_that_flattens_is_refused(work: Opened) -> None:
    place_below(work, np.diag([1.0, 0.0, 1.0, 1.0]))
    with pytest.raises(EchoApexError, match="cannot be inverted"):
        work.session.pixelOf((0.0, 0.0, 0.0))


def test_a_session_opens_below_a_transform() -> None:
    with session_cases.newScene() as scene:
        cine = cases.make_cine()
        browser = openCine(scene, cine)
        transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        transform.SetMatrixTransformToParent(vtkMatrix(np.diag([2.0, 2.0, 1.0, 1.0])))
        browser.GetProxyNode(browser.GetMasterSequenceNode()).SetAndObserveTransformNodeID(transform.GetID())
        work = Opened(scene, browser, SessionState(CARD, cine))
        work.answer(0, square(30, 20))
        assert work.session.segmentation.GetTransformNodeID() == transform.GetID()
        role = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
        text = work.session.segmentation.GetSegmentation().GetConversionParameter(role)
        image = slicer.vtkOrientedImageData()
        assert slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, image, False)
        y, x = cine.scale.mm_per_px
        assert image.GetSpacing()[:2] == pytest.approx((x, y)) and np.array_equal(work.shown(), square(30, 20))
