"""Stepping through a cine shows the masks and landmarks of the frame, and what is edited on a frame stays on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
import slicer

from EchoApexLib.nodes.coordinates import ijkToRas, rasFromPixels
from EchoApexLib.nodes.vtkImages import fillImage, frameOfImage, vtkMatrix
from EchoApexLib.record.studyContents import SceneStudy
from EchoApexLib.study.studyInScene import addStudy, newScene, readStudy, writeScene

ORDER = (0, 3, 7, 5, 3, 1)
CLIP = cases.make_clip()


@pytest.fixture(params=["made", "read back"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """The scene of one clip, as it was made and as it is read from a file."""
    if request.param == "made":
        with newScene() as made:
            addStudy(made, SceneStudy((CLIP,)))
            yield made
    else:
        with cases.opened(writeScene(tmp_path / "scene.mrb", SceneStudy((CLIP,)))) as opened:
            yield opened


def browser_of(scene: Any) -> Any:
    return cases.browser_of(scene, "A4C (simulated)")


def shown_frame(scene: Any) -> np.ndarray:
    browser = browser_of(scene)
    return frameOfImage(browser.GetProxyNode(browser.GetMasterSequenceNode()).GetImageData())


def shown_mask(scene: Any, name: str) -> np.ndarray:
    segment = cases.proxy_of(browser_of(scene), "vtkMRMLSegmentationNode").GetSegmentation().GetSegment(name)
    return frameOfImage(segment.GetRepresentation("Binary labelmap")) == segment.GetLabelValue()


def shown_points(scene: Any) -> Any:
    return cases.proxy_of(browser_of(scene), "vtkMRMLMarkupsFiducialNode")


def test_stepping_shows_frame_masks_and_landmarks_of_the_same_moment(scene: Any) -> None:
    ras = rasFromPixels(CLIP.landmarks.points, ijkToRas(CLIP.cine.scale.mm_per_px))
    for frame in ORDER:
        browser_of(scene).SetSelectedItemNumber(frame)
        assert np.array_equal(shown_frame(scene), CLIP.cine.frames[frame])
        for name, item in CLIP.segmentations.items():
            assert np.array_equal(shown_mask(scene, name), item.masks[frame]), (name, frame)
        points = shown_points(scene)
        for index in range(4):
            placed = points.GetNthControlPointPositionStatus(index) == points.PositionDefined
            assert placed == bool(np.isfinite(ras[frame, index, 0]))
            if placed:
                assert np.allclose(points.GetNthControlPointPosition(index), ras[frame, index], atol=1e-9)


def test_a_landmark_placed_on_one_frame_stays_there_and_only_there(scene: Any) -> None:
    browser = browser_of(scene)
    browser.SetSelectedItemNumber(5)  # where none is known
    shown_points(scene).SetNthControlPointPosition(2, -3.25, -4.5, 0.0)
    for frame in (6, 0, 7, 3):
        browser.SetSelectedItemNumber(frame)
    found = readStudy(scene).clips[0].landmarks.points
    y, x = CLIP.cine.scale.mm_per_px
    expected = CLIP.landmarks.points.copy()
    expected[5, 2] = 3.25 / x, 4.5 / y
    assert np.allclose(found, expected, atol=1e-9, equal_nan=True)
    browser.SetSelectedItemNumber(5)
    assert np.allclose(shown_points(scene).GetNthControlPointPosition(2), (-3.25, -4.5, 0.0))


def test_a_landmark_moved_on_one_frame_stays_there_and_only_there(scene: Any) -> None:
    browser = browser_of(scene)
    browser.SetSelectedItemNumber(3)
    shown_points(scene).SetNthControlPointPosition(0, -1.0, -2.0, 0.0)
    for frame in (4, 3, 2, 0):
        browser.SetSelectedItemNumber(frame)
    found = readStudy(scene).clips[0].landmarks.points
    changed = ~np.isclose(found, CLIP.landmarks.points, atol=1e-9, equal_nan=True).all(axis=-1)
    assert np.argwhere(changed).tolist() == [[3, 0]]


@pytest.mark.parametrize("frame", [3, 5])
def test_a_mask_drawn_on_one_frame_stays_there_and_only_there(scene: Any, frame: int) -> None:
    """LA is empty in both frames, and frame 5 has no mask at all."""
    drawn = np.zeros((cases.ROWS, cases.COLUMNS), bool)
    drawn[10:20, 30:50] = True
    browser = browser_of(scene)
    browser.SetSelectedItemNumber(frame)
    _draw(cases.proxy_of(browser, "vtkMRMLSegmentationNode"), "LA", drawn)
    for other in (frame + 1, 0, 7, frame, frame - 1):
        browser.SetSelectedItemNumber(other)
    found = readStudy(scene).clips[0].segmentations
    expected = {name: item.masks.copy() for name, item in CLIP.segmentations.items()}
    expected["LA"][frame] = drawn
    for name, masks in expected.items():
        assert np.array_equal(found[name].masks, masks), name


def _draw(node: Any, segment: str, mask: np.ndarray) -> None:
    """Writes a mask as the Segment Editor does."""
    image = fillImage(slicer.vtkOrientedImageData(), mask.astype(np.uint8))
    image.SetGeometryFromImageToWorldMatrix(vtkMatrix(ijkToRas(CLIP.cine.scale.mm_per_px)))
    assert slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, node, segment)


def test_stepping_writes_nothing_into_the_cine(scene: Any) -> None:
    browser = browser_of(scene)
    sequence = browser.GetMasterSequenceNode()
    assert not browser.GetSaveChanges(sequence)
    for frame in ORDER:
        browser.SetSelectedItemNumber(frame)
        shown_frame(scene)[:] = 7  # an effect that writes into the image that is shown
    assert np.array_equal(readStudy(scene).clips[0].cine.frames, CLIP.cine.frames)


def test_the_scene_opens_on_the_first_end_diastole(scene: Any) -> None:
    assert browser_of(scene).GetSelectedItemNumber() == CLIP.curve.beats[0].ed == 1


def test_names_of_what_is_shown_do_not_change_while_stepping(scene: Any) -> None:
    for frame in ORDER:
        browser_of(scene).SetSelectedItemNumber(frame)
    assert shown_points(scene).GetName() == "A4C (simulated) landmarks"
    assert cases.proxy_of(browser_of(scene), "vtkMRMLSegmentationNode").GetName() == "A4C (simulated) structures"


def test_how_findings_are_drawn_does_not_change_while_stepping(scene: Any) -> None:
    browser = browser_of(scene)
    proxy = cases.proxy_of(browser, "vtkMRMLSegmentationNode")
    display = proxy.GetDisplayNode()
    display.SetOpacity2DFill(0.11)
    for frame in ORDER:
        browser.SetSelectedItemNumber(frame)
    assert proxy.GetDisplayNode() is display and display.GetOpacity2DFill() == pytest.approx(0.11)


def test_no_display_node_goes_into_a_sequence() -> None:
    with newScene() as scene:
        addStudy(scene, SceneStudy((CLIP,)))
        for name in ("cine", "structures", "landmarks"):
            inside = cases.sequence(scene, f"A4C (simulated) {name}").GetSequenceScene()
            assert inside.GetNumberOfNodesByClass("vtkMRMLDisplayNode") == 0
            assert inside.GetNumberOfNodes() == cases.FRAMES


def test_the_segmentation_keeps_to_the_geometry_of_the_frame(scene: Any) -> None:
    proxy = cases.proxy_of(browser_of(scene), "vtkMRMLSegmentationNode")
    for frame in ORDER:
        browser_of(scene).SetSelectedItemNumber(frame)
        role = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
        image = slicer.vtkOrientedImageData()
        assert slicer.vtkSegmentationConverter.DeserializeImageGeometry(
            proxy.GetSegmentation().GetConversionParameter(role), image, False
        )
        assert image.GetDimensions() == (cases.COLUMNS, cases.ROWS, 1)
        y, x = CLIP.cine.scale.mm_per_px
        assert image.GetSpacing() == pytest.approx((x, y, 1.0))
