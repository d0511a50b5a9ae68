"""Cines in a scene: the very same after saving, and those that Slicer itself brought, without an invented scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
import session_cases
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from echoapex.cine import Cine, Flip, Mode, ModeSource, ScaleSource, Setting, TimeSource
from echoapex.errors import EchoApexError, ReadError
from EchoApexLib.cine.cineFromBrowser import cineOf, mayBeCine, openCine
from EchoApexLib.record.recordSaving import RECORD
from EchoApexLib.sequences.cineSequence import SCALE_ATTRIBUTE
from EchoApexLib.study.studyInScene import newScene


def assert_same(found: Cine, given: Cine) -> None:
    assert np.array_equal(found.frames, given.frames) and np.array_equal(found.sector.mask, given.sector.mask)
    assert (found.scale, found.sector.box, found.sector.source) == (given.scale, given.sector.box, given.sector.source)
    assert (found.times.source, found.times.reason) == (given.times.source, given.times.reason)
    assert np.array_equal(found.times.seconds, given.times.seconds)
    facts = ("kind", "modality", "color", "image_count", "mode", "mode_source", "heart_rate", "r_wave_times", "view")
    for fact in (*facts, "simulated", "setting", "flip"):
        assert getattr(found, fact) == getattr(given, fact), fact
        assert type(getattr(found, fact)) is type(getattr(given, fact)), fact


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"scale": cases.NO_SCALE, "simulated": False},
        {"times": cases.NO_TIMES, "frames": 1},
        {"mode": Mode.COLOR},
        {"setting": Setting("peak", contrast=True, probe="rotated"), "flip": Flip.VERTICAL},
    ],
)
def test_a_cine_is_the_same_after_saving(facts: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    cine = cases.make_cine(**({"view": "A4C", "mode_source": ModeSource.HEADER} | facts))
    with newScene() as scene:
        assert_same(cineOf(openCine(scene, cine)), cine)
        assert scene.WriteToMRB(str(tmp_path / "scene.mrb"), None)
    with cases.opened(tmp_path / "scene.mrb") as scene:
        assert_same(cineOf(session_cases.browser_of(scene)), cine)


def test_names_are_unique_and_say_what_is_simulated() -> None:
    with newScene() as scene:
        names = [openCine(scene, cases.make_cine(simulated=made)).GetName() for made in (True, False, False)]
    assert names == ["Cine (simulated)", "Cine", "Cine_1"]


def test_a_damaged_record_is_refused_and_stays() -> None:
    with newScene() as scene:
        browser = openCine(scene, cases.make_cine())
        for text in ("{", '{"schema": 1}', ""):
            browser.GetNodeReference(RECORD).SetText(text)
            with pytest.raises(ReadError, match="record"):
                cineOf(browser)
            assert browser.GetNodeReference(RECORD).GetText() == text


def slicers_own(
    scene: Any, values: np.ndarray, unit: str = "", steps: float = 1.0, spacing: tuple[float, ...] = (0.3, 0.3, 1.0)
) -> Any:
    """A sequence as Slicer's importers make it: ``[T, H, W]``, ``[T, H, W, 3]`` or with several slices in ``H``."""
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Imported")
    sequence.SetIndexName("time" if unit else "frame")
    sequence.SetIndexUnit(unit)
    for index, frame in enumerate(values):
        sequence.SetDataNodeAtValue(volume_of(frame, spacing), str(7 + index * steps))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Imported browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    return browser


def volume_of(frame: np.ndarray, spacing: tuple[float, ...], slices: int = 1) -> Any:
    channels = frame.shape[2] if frame.ndim == 3 else 1
    volume = slicer.vtkMRMLScalarVolumeNode() if channels == 1 else slicer.vtkMRMLVectorVolumeNode()
    image = vtk.vtkImageData()
    image.SetDimensions(frame.shape[1], frame.shape[0] // slices, slices)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(frame).reshape(-1, channels), deep=True))
    volume.SetAndObserveImageData(image)
    volume.SetSpacing(*spacing)
    volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    volume.SetOrigin(12.0, 5.0, 0.0)
    return volume


@pytest.mark.parametrize(("unit", "steps", "interval"), [("s", 0.25, 0.25), ("ms", 40.0, 0.04)])
def test_times_of_the_index_are_taken_in_seconds(unit: str, steps: float, interval: float) -> None:
    with newScene() as scene:
        cine = cineOf(slicers_own(scene, cases.make_cine().frames, unit, steps))
    assert cine.times.source is TimeSource.CONTAINER
    assert np.allclose(cine.times.seconds, np.arange(cases.FRAMES) * interval)


def test_nothing_is_invented_about_slicers_own_images() -> None:
    given = cases.make_cine()
    with newScene() as scene:
        cine = cineOf(slicers_own(scene, given.frames))
    assert np.array_equal(cine.frames, given.frames)
    assert cine.scale.source is ScaleSource.NONE and "does not say where its spacing comes from" in cine.scale.reason
    assert not cine.times.known and "numbers its frames" in cine.times.reason
    assert (cine.path, cine.heart_rate, cine.simulated) == (None, None, False)


def test_colors_become_luminance() -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (3, 50, 60, 3), np.uint8)
    with newScene() as scene:
        cine = cineOf(slicers_own(scene, rgb))
        gray = cineOf(slicers_own(scene, np.repeat(rgb[..., :1], 3, axis=-1)))
    expected = np.rint(rgb @ np.array([0.299, 0.587, 0.114]))
    assert np.abs(cine.frames.astype(int) - expected).max() <= 1
    assert cine.color and not gray.color and np.array_equal(gray.frames, rgb[..., 0])


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float32])
def test_values_that_fit_are_taken_and_others_refused(kind: Any) -> None:
    frames = cases.make_cine().frames
    with newScene() as scene:
        assert np.array_equal(cineOf(slicers_own(scene, frames.astype(kind))).frames, frames)
        beyond = frames.astype(kind)
        beyond[2, 3, 4] = 256
        with pytest.raises(EchoApexError, match=r"whole numbers from 0 to 255.*256"):
            cineOf(slicers_own(scene, beyond))


def test_fractions_are_refused() -> None:
    with newScene() as scene, pytest.raises(EchoApexError, match="whole numbers"):
        cineOf(slicers_own(scene, np.full((2, 40, 40), 0.5)))


def test_more_than_one_slice_is_refused() -> None:
    with newScene() as scene:
        browser = slicers_own(scene, np.zeros((1, 40, 40), np.uint8))
        sequence = browser.GetMasterSequenceNode()
        sequence.SetDataNodeAtValue(volume_of(np.zeros((40, 40), np.uint8), (1.0, 1.0, 1.0), slices=2), "8")
        with pytest.raises(EchoApexError, match=r"one slice a frame \(found: Imported: 2\)"):
            cineOf(browser)


def test_frames_of_different_places_are_refused() -> None:
    with newScene() as scene:
        browser = slicers_own(scene, np.zeros((2, 40, 40), np.uint8))
        browser.GetMasterSequenceNode().GetNthDataNode(1).SetOrigin(0.0, 0.0, 4.0)
        with pytest.raises(EchoApexError, match="one size and place"):
            cineOf(browser)


def test_what_is_no_image_is_refused() -> None:
    with newScene() as scene:
        sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Models")
        browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        with pytest.raises(EchoApexError, match=r"no images \(found: Browser\)"):
            cineOf(browser)
        sequence.SetDataNodeAtValue(slicer.vtkMRMLModelNode(), "0")
        with pytest.raises(EchoApexError, match="must be a sequence of images"):
            cineOf(browser)


def test_what_may_be_a_cine_is_told_without_reading_it() -> None:
    """Browsers of other extensions are left to them."""
    with newScene() as scene:
        assert mayBeCine(openCine(scene, cases.make_cine()))
        assert mayBeCine(slicers_own(scene, np.zeros((2, 40, 40), np.uint8)))
        assert mayBeCine(slicers_own(scene, np.zeros((2, 40, 40, 3), np.uint8)))
        volumes = slicers_own(scene, np.zeros((1, 40, 40), np.uint8))
        volumes.GetMasterSequenceNode().RemoveAllDataNodes()
        assert not mayBeCine(volumes)
        volumes.GetMasterSequenceNode().SetDataNodeAtValue(volume_of(np.zeros((40, 40), np.uint8), (1, 1, 1), 2), "8")
        transforms = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Tracking")
        assert not mayBeCine(volumes) and not mayBeCine(transforms)


def test_a_session_works_on_slicers_own_cine_in_its_own_place() -> None:
    with newScene() as scene:
        browser = slicers_own(scene, cases.make_cine().frames)
        cine = cineOf(browser)
        work = session_cases.Opened(scene, browser, session_cases.SessionState(session_cases.CARD, cine))
        mask = session_cases.square(30, 10)
        work.answer(4, mask)
        work.session.show(4)
        assert np.array_equal(work.shown(), mask)
        assert work.session.rasOf((0.0, 0.0)) == pytest.approx((12.0, 5.0, 0.0))
        assert browser.GetMasterSequenceNode().GetAttribute(SCALE_ATTRIBUTE).startswith("unknown, in pixels")
