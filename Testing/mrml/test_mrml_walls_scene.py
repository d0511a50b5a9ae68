"""The wall protocol in a scene: clicks, transforms, saved and found again, and what goes away in the middle."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
from wall_cases import (
    ED,
    ES,
    FRAMES,
    MM,
    STEPS,
    cine_of,
    drag,
    line_of,
    off_line,
    opened,
    shown,
    statuses,
    suggested,
    values,
    wall_marks,
)

from echoapex.errors import EchoApexError
from echoapex.landmarks import WALL_LANDMARKS, Landmarks
from echoapex.measure.wall_steps_by_hand import lengths_of
from EchoApexLib.nodes.coordinates import ijkToRas, ijkToWorldOf, pixelsFromRas, rasFromPixels
from EchoApexLib.sequences.cineSequence import addToBrowser
from EchoApexLib.sequences.landmarkSequence import addLandmarkSequence
from EchoApexLib.study.studyInScene import newScene
from EchoApexLib.walls.wallPointNodes import POINTS
from EchoApexLib.walls.wallProtocol import WallProtocol


@pytest.fixture
def scene() -> Iterator[Any]:
    with newScene() as made:
        yield made


def test_points_are_placed_by_clicks_one_after_the_other(scene: Any) -> None:
    cine = cine_of()
    browser = opened(scene, cine)
    walls = WallProtocol(scene, browser, cine)
    walls.setPhases(ED, ES)
    interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    for frame, wanted in ((ED, (0, 1, 2, 3)), (ES, (1, 2))):
        browser.SetSelectedItemNumber(frame)
        walls.startPlacing()
        for index in wanted:
            assert interaction.GetCurrentInteractionMode() == interaction.Place
            assert walls.missing == WALL_LANDMARKS[index]
            clicks = scene.GetNodeByID(selection.GetActivePlaceNodeID())
            clicks.AddControlPointWorld(*rasFromPixels(wall_marks().points[frame, index], ijkToRas(MM)).tolist())
        assert walls.missing is None and interaction.GetCurrentInteractionMode() != interaction.Place
    assert values(walls) == pytest.approx([10, 46, 9, 30], abs=0.05) and statuses(walls) == ["by hand"] * 4
    with pytest.raises(EchoApexError, match="No point is missing"):
        walls.startPlacing()
    assert walls.undo() == f"PW-LV in frame {ES}" and walls.missing == "PW-LV"


def test_the_points_lie_where_the_picture_is(scene: Any) -> None:
    """Below a transform that turns, stretches and moves the cine, set before and changed later."""
    cine = cine_of()
    browser = opened(scene, cine)
    volume = browser.GetProxyNode(browser.GetMasterSequenceNode())
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    _turn(transform, 0.4, 1.3, (5.0, -8.0, 3.0))
    volume.SetAndObserveTransformNodeID(transform.GetID())
    walls = WallProtocol(scene, browser, cine)
    walls.suggest(wall_marks(), ED, ES)
    browser.SetSelectedItemNumber(ED)
    for angle in (0.4, -1.1):
        _turn(transform, angle, 0.8, (1.0, 2.0, 3.0))
        world = [walls.points.GetNthControlPointPositionWorld(index) for index in range(4)]
        assert np.allclose(pixelsFromRas(world, ijkToWorldOf(volume)), shown(walls))
        target = wall_marks().points[ED, 0] + [0.0, 3 * angle]
        walls.points.SetNthControlPointPositionWorld(0, *rasFromPixels(target, ijkToWorldOf(volume)).tolist())
        assert np.allclose(shown(walls)[0], target, rtol=0, atol=1e-6)
        end = line_of(browser, "IVSd").GetNthControlPointPositionWorld(0)
        assert np.allclose(pixelsFromRas(end, ijkToWorldOf(volume)), target)
        assert values(walls)[0] == pytest.approx(lengths_of(shown(walls), MM)[0])
    volume.SetAndObserveTransformNodeID(None)
    assert walls.points.GetTransformNodeID() is None and line_of(browser, "IVSd").GetTransformNodeID() is None


def _turn(transform: Any, angle: float, stretch: float, offset: tuple[float, float, float]) -> None:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    rows = ((np.cos(angle) * stretch, -np.sin(angle)), (np.sin(angle), np.cos(angle)))
    for row in range(3):
        matrix.SetElement(row, 3, offset[row])
        for column in range(2):
            if row < 2:
                matrix.SetElement(row, column, float(rows[row][column]))
    transform.SetMatrixTransformToParent(matrix)


def test_a_frame_change_ends_a_drag(scene: Any) -> None:
    browser, walls = suggested(scene)
    beyond = 2 * wall_marks().points[ED, 3] - wall_marks().points[ED, 1]
    drag(walls, 1, beyond, release=False)
    browser.SetSelectedItemNumber(ES)
    assert np.allclose(shown(walls), wall_marks().points[ES])
    walls.points.InvokeEvent(walls.points.PointEndInteractionEvent)
    browser.SetSelectedItemNumber(ED)
    assert off_line(shown(walls)) < 1e-6 and np.allclose(shown(walls)[1], shown(walls)[2])
    assert walls.undo() == f"IVS-LV in frame {ED}" and np.allclose(shown(walls), wall_marks().points[ED])
    assert walls.undo() is None


def test_saved_and_found_again(scene: Any, tmp_path: Path) -> None:
    browser, walls = suggested(scene)
    drag(walls, 0, wall_marks().points[ED, 0] + [1.0, -7.3])
    walls.confirm("LVIDd")
    before, measured = walls.steps, walls.measurements
    assert scene.WriteToMRB(str(tmp_path / "a.mrb"), None)
    with cases.opened(tmp_path / "a.mrb") as again:
        found = cases.browser_of(again, "Cine")
        count = again.GetNumberOfNodes()
        reopened = WallProtocol(again, found, cine_of())
        assert again.GetNumberOfNodes() == count
        assert statuses(reopened) == ["by hand", "confirmed", "suggested", "suggested"]
        for ours, theirs in zip(reopened.steps, before):
            assert (ours.name, ours.unit, ours.status, ours.frame) == (
                *(theirs.name, theirs.unit, theirs.status, theirs.frame),
            )
            assert ours.value == pytest.approx(theirs.value, abs=1e-6)
        for item, was in zip(reopened.measurements, measured):
            assert (item.name, item.sources, item.warnings) == (was.name, was.sources, was.warnings)
        found.SetSelectedItemNumber(ED)
        assert [line_of(found, name).GetName() for name in STEPS] == [
            line_of(browser, name).GetName() for name in STEPS
        ]
        drag(reopened, 3, wall_marks().points[ED, 3] + [0.0, 4.0])
        assert again.GetNumberOfNodes() == count and reopened.undo() is not None


def test_a_damaged_record_is_refused(scene: Any) -> None:
    browser, walls = suggested(scene)
    walls.close()
    for damaged in (
        "[",
        '{"ed": 1}',
        '{"ed": 99, "es": 1, "confirmed": {}}',
        '{"ed": 1, "es": 2, "confirmed": {"a": 1}}',
    ):
        browser.SetAttribute("EchoApex.WallProtocol", damaged)
        with pytest.raises(EchoApexError, match="damaged"):
            WallProtocol(scene, browser, cine_of())


def test_landmarks_of_an_analyzed_study_are_taken(scene: Any) -> None:
    cine = cine_of()
    browser = opened(scene, cine)
    sequence = addLandmarkSequence(scene, "landmarks", cine, wall_marks())
    addToBrowser(browser, sequence)
    walls = WallProtocol(scene, browser, cine)
    assert browser.GetNodeReference(POINTS) is sequence
    walls.setPhases(ED, ES)
    assert values(walls) == pytest.approx([10, 46, 9, 30], abs=0.05) and statuses(walls) == ["suggested"] * 4
    browser.SetSelectedItemNumber(5)
    target = rasFromPixels([3.0, 4.0], ijkToRas(MM))
    walls.points.SetNthControlPointPosition(0, *target)  # neither ED nor ES: one point alone is corrected
    assert np.allclose(shown(walls)[1:], wall_marks().points[5, 1:]) and np.allclose(shown(walls)[0], [3, 4])


def test_a_cine_without_walls_has_no_nodes_for_them(scene: Any) -> None:
    cine = cine_of()
    browser = opened(scene, cine)
    count = scene.GetNumberOfNodes()
    walls = WallProtocol(scene, browser, cine)
    assert scene.GetNumberOfNodes() == count and walls.points is None
    assert statuses(walls) == ["open"] * 4 and walls.measurements == () and walls.undo() is None
    with pytest.raises(EchoApexError, match="one set of landmarks for each frame"):
        walls.suggest(Landmarks(WALL_LANDMARKS, np.zeros((3, 4, 2)), np.zeros((3, 4))), 0, 1)
    with pytest.raises(EchoApexError, match="landmarks here are"):
        walls.suggest(Landmarks(("apex",), np.zeros((FRAMES, 1, 2)), np.zeros((FRAMES, 1))), 0, 1)
    assert scene.GetNumberOfNodes() == count


@pytest.mark.parametrize("how", ["scene", "browser", "points"])
def test_what_goes_away_in_the_middle_of_a_drag_does_no_harm(scene: Any, how: str) -> None:
    problems: list[str] = []
    browser, walls = suggested(scene, onProblem=problems.append)
    points = walls.points
    drag(walls, 0, wall_marks().points[ED, 0] + [0.0, -5.0], release=False)
    if how == "scene":
        scene.Clear(0)
    elif how == "browser":
        scene.RemoveNode(browser)
    else:
        browser.RemoveSynchronizedSequenceNode(browser.GetNodeReference(POINTS).GetID())
    count = scene.GetNumberOfNodes()
    points.SetNthControlPointPosition(0, 1.0, 2.0, 0.0)
    points.InvokeEvent(points.PointEndInteractionEvent)
    assert walls.closed
    walls.suggest(wall_marks(), ED, ES)
    walls.setPhases(1, 5)
    assert walls.undo() is None
    walls.close()
    assert scene.GetNumberOfNodes() == count and problems == []


def test_closing_leaves_points_and_observes_nothing_more(scene: Any) -> None:
    browser, walls = suggested(scene)
    points, before = walls.points, values(walls)
    walls.close()
    points.SetNthControlPointPosition(0, -1.0, -1.0, 0.0)
    assert values(walls) == before and line_of(browser, "IVSd") is not None
    gone = weakref.ref(walls)
    del walls
    gc.collect()
    assert gone() is None


def test_what_is_not_closed_is_not_kept_alive_by_its_nodes(scene: Any) -> None:
    browser, walls = suggested(scene)
    gone, points = weakref.ref(walls), walls.points
    del walls
    gc.collect()
    assert gone() is None
    points.SetNthControlPointPosition(0, -1.0, -1.0, 0.0)
    assert line_of(browser, "IVSd").GetName() == "IVSd 10.0 mm"


def test_a_line_that_was_deleted_comes_back(scene: Any) -> None:
    browser, walls = suggested(scene)
    scene.RemoveNode(line_of(browser, "IVSd"))
    drag(walls, 0, wall_marks().points[ED, 0] + [0.0, -5.0])
    assert line_of(browser, "IVSd").GetDisplayVisibility()
