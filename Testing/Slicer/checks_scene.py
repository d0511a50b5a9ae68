"""The work of EchoApexSegment in scenes: saved, closed, loaded, brought by Slicer's own reader; and what it needs."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
import slicer
from driving import (
    COLUMNS,
    ROWS,
    RedView,
    answering_yes,
    closing_the_scene,
    disk,
    draw,
    needs_model,
    open_simulated,
    panel,
    settle,
    shown_panel,
    simulated_cine,
    wait_for_model,
    wait_until,
    write_simulated,
)
from transcript import Transcript

LONG_FRAMES, LONG_ROWS, LONG_COLUMNS = 200, 600, 800
LONG_PATIENCE_S = 1800.0


@contextmanager
def scene_events() -> Iterator[list[str]]:
    """The names of the events of saving that the scene tells within it, each once in a row."""
    scene, told = slicer.mrmlScene, []

    def heard(name: str) -> None:
        if told[-1:] != [name]:
            told.append(name)

    events = {"StartSave": scene.StartSaveEvent, "EndSave": scene.EndSaveEvent}
    tags = [scene.AddObserver(event, lambda *_, name=name: heard(name)) for name, event in events.items()]
    try:
        yield told
    finally:
        for tag in tags:
            scene.RemoveObserver(tag)


def check_work_goes_on_in_a_scene_that_was_saved_as_mrb(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene(), tempfile.TemporaryDirectory() as folder:
        draw(clip, disk())
        clip.show(1)
        settle()
        frames, plain = clip.cine.frames.copy(), clip.state.to_plain()
        file = Path(folder) / "work.mrb"
        assert slicer.util.saveScene(str(file))
        slicer.mrmlScene.Clear(0)
        assert shown.bench.clip is None and shown.bench.process is None
        slicer.util.loadScene(str(file))
        wait_until(lambda: shown.bench.clip is not None)
        again = shown.bench.clip
        assert again is not clip and again.state.to_plain() == plain
        assert np.array_equal(again.cine.frames, frames) and np.array_equal(again.state.mask(0, "LV"), disk())
        again.show(0)
        draw(again, disk(radius=20.0))
        again.show(1)
        assert np.array_equal(again.state.mask(0, "LV"), disk(radius=20.0))


def check_what_is_drawn_last_is_in_the_saved_scene(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene(), tempfile.TemporaryDirectory() as folder:
        draw(clip, disk())
        file = Path(folder) / "work.mrb"
        with scene_events() as told:
            assert slicer.util.saveScene(str(file))
        transcript.note(f"saving a .mrb tells {', '.join(told) or 'nothing'}")
        transcript.note(f"status after it: {clip.state.entry(0, 'LV').status}")
        slicer.mrmlScene.Clear(0)
        slicer.util.loadScene(str(file))
        wait_until(lambda: shown.bench.clip is not None)
        shown.bench.clip.scene.readEdits()
        assert np.array_equal(shown.bench.clip.state.mask(0, "LV"), disk())


def check_a_scene_is_loaded_while_another_module_is_shown(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene(), tempfile.TemporaryDirectory() as folder:
        draw(clip, disk())
        clip.show(1)
        settle()
        file = Path(folder) / "work.mrb"
        assert slicer.util.saveScene(str(file))
        slicer.mrmlScene.Clear(0)
        slicer.util.selectModule("Data")
        slicer.util.loadScene(str(file))
        settle()
        assert shown.bench.clip is None and shown.bench.process is None, "nothing starts behind the user's back"
        slicer.util.selectModule("EchoApexSegment")
        wait_until(lambda: shown.bench.clip is not None)
        assert np.array_equal(shown.bench.clip.state.mask(0, "LV"), disk())


def check_the_scene_is_closed_while_the_editor_draws(transcript: Transcript) -> None:
    shown, _clip = open_simulated(transcript)
    shown.ui.editSection.collapsed = False
    settle()
    shown.editing.editor.setActiveEffectByName("Paint")
    settle()
    slicer.mrmlScene.Clear(0)
    settle()
    assert shown.editing.editor.activeEffect() is None and shown.ui.editSection.collapsed
    assert shown.editing.editor.segmentationNode() is None


def check_the_scene_is_closed_by_its_key_after_a_stroke(transcript: Transcript) -> None:
    """In the release of November 2026 this crashed Slicer 5.13: Paint went on in a view whose node was gone."""
    shown, clip = open_simulated(transcript)
    shown.ui.editSection.collapsed = False
    settle()
    shown.editing.editor.setActiveEffectByName("Paint")
    settle()
    red = RedView(clip.scene.volume)
    red.drag((140.0, 100.0), (180.0, 100.0))
    with answering_yes() as asked:
        slicer.util.mainWindow().on_FileCloseSceneAction_triggered()
    transcript.note(f"Slicer asked: {', '.join(asked) or 'nothing'}")
    # Places on the screen: there is no frame any more.
    for place in ((20, 20), (60, 60), (100, 40)):
        red.move_on_screen(place)
    settle()
    assert shown.bench.clip is None and shown.editing.editor.activeEffect() is None
    assert shown.ui.messageLabel.text == "", shown.ui.messageLabel.text


def check_the_scene_of_an_analyzed_study_is_gone_on_with(transcript: Transcript) -> None:
    from EchoApexLib.record.studyContents import SceneClip, SceneStudy
    from EchoApexLib.study.studyInScene import writeScene

    shown = shown_panel(transcript)
    red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    label, color = red.GetLayoutLabel(), red.GetLayoutColor()
    clips = tuple(SceneClip(view, simulated_cine(view), view, {}) for view in ("A4C", "PLAX"))
    with tempfile.TemporaryDirectory() as folder, closing_the_scene():
        slicer.util.loadScene(str(writeScene(Path(folder) / "scene.mrb", SceneStudy(clips))))
        wait_until(lambda: shown.bench.clip is not None)
        clip = shown.bench.clip
        bar = slicer.modules.sequences.toolBar()
        transcript.note(f"shown: {clip.browser.GetName()}; played: {bar.activeBrowserNode().GetName()}")
        assert clip.view == "A4C" and bar.activeBrowserNode() is clip.browser
        assert (red.GetLayoutLabel(), red.GetLayoutColor()) == (label, color), red.GetLayoutLabel()
        draw(clip, disk())
        clip.show(1)
        assert np.array_equal(clip.state.mask(0, "LV"), disk())
        other = next(
            one for one in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode") if one is not clip.browser
        )
        bar.setActiveBrowserNode(other)
        wait_until(lambda: shown.bench.clip is not clip)
        assert shown.bench.clip.browser is other and shown.ui.cineSelector.currentNode() is other


def check_the_scene_is_closed_in_the_middle_of_a_propagation(transcript: Transcript) -> None:
    needs_model(transcript)
    shown, clip = open_simulated(transcript, beats=2.0)
    with closing_the_scene():
        wait_for_model(shown)
        draw(clip, disk())
        shown.ui.wholeButton.click()
        wait_until(lambda: clip.progress is not None and clip.progress[0] > 0)
        process = shown.bench.process
        slicer.mrmlScene.Clear(0)
        assert shown.bench.clip is None and shown.bench.process is None and process.pid is None
        settle()
        assert shown.ui.messageLabel.text == "" and "No cine is open" in shown.ui.cineLabel.text


def check_slicers_own_reader_brings_a_cine_without_scale(transcript: Transcript) -> None:
    shown = shown_panel(transcript)
    others = {name: kind for name, kind in slicer.modules.dicomPlugins.items() if not name.startswith("EchoApex")}
    with mock.patch.object(slicer.modules, "dicomPlugins", others), closing_the_scene():
        _import_simulated()
        slicer.util.selectModule("EchoApexSegment")
        browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
        kinds = [node.GetClassName() for node in slicer.util.getNodesByClass("vtkMRMLStorableNode")]
        assert len(browsers) == 1, f"Slicer made {kinds} of the clip and {len(browsers)} sequence browsers"
        shown.ui.cineSelector.setCurrentNode(browsers[0])
        wait_until(lambda: shown.bench.clip is not None)
        settle()
        cine = shown.bench.clip.cine
        transcript.note(f"{browsers[0].GetName()}: {shown.ui.cineLabel.text}; {shown.ui.scaleLabel.text}")
        assert cine.frames.shape[1:] == (ROWS, COLUMNS) and not cine.scale.known
        assert shown.ui.scaleLabel.text.startswith("No scale, so no millimeters:")


def check_the_dicom_plug_in_goes_before_slicers_reader(transcript: Transcript) -> None:
    if "EchoApexDICOMPlugin" not in slicer.modules.dicomPlugins:
        transcript.skip("the DICOM plug-in is not loaded: the folder EchoApex is not among the module paths")
    from EchoApexLib.cine.cineFromBrowser import cineOf

    with closing_the_scene():
        _import_simulated()
        browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
        assert [browser.GetName() for browser in browsers] == ["A4C (simulated)"]
        cine = cineOf(browsers[0])
        transcript.note(f"{cine.frame_count} frames, {cine.scale.source}, {cine.times.source}")
        assert cine.scale.known and cine.times.known and cine.view == "A4C"


def _import_simulated() -> None:
    """A simulated clip through a DICOM database of its own, loaded by the plug-in that is surest of it."""
    from DICOMLib import DICOMUtils

    with tempfile.TemporaryDirectory() as folder, DICOMUtils.TemporaryDICOMDatabase() as database:
        write_simulated(Path(folder), beats=0.4)
        DICOMUtils.importDicom(folder, database)
        for patient in database.patients():
            DICOMUtils.loadPatientByUID(patient)


def check_missing_libraries_are_named_before_anything_starts(transcript: Transcript) -> None:
    with mock.patch("EchoApexLib.session.sceneController.missingModules", lambda: ("torch", "timm")):
        shown, clip = open_simulated(transcript)
        with closing_the_scene():
            settle()
            assert "torch, timm" in shown.ui.deviceLabel.text, shown.ui.deviceLabel.text
            assert shown.ui.startButton.text == "Install..." and shown.bench.process is None
            clip.show(1)
            assert clip.frame == 1


def check_the_installers_are_called_as_they_are_declared(transcript: Transcript) -> None:
    found = []
    if importlib.util.find_spec("slicer.packaging") is not None:
        found.append("slicer.packaging")
        packaging = importlib.import_module("slicer.packaging")
        inspect.signature(packaging.pip_ensure).bind(["numpy"], requester="EchoApex")
    if importlib.util.find_spec("PyTorchUtils") is not None:
        found.append("PyTorchUtils")
        logic = importlib.import_module("PyTorchUtils").PyTorchUtilsLogic
        wanted = dict.fromkeys(("torchVersionRequirement", "torchvisionVersionRequirement"), ">=0")
        inspect.signature(logic.installTorch).bind(None, askConfirmation=True, **wanted)
    if not found:
        transcript.skip("neither slicer.packaging nor the extension PyTorch is here")
    transcript.note(f"looked at: {', '.join(found)}")
    assert callable(slicer.util.pip_install)


def _long_cine() -> Any:
    """A cine of 200 frames of noise, 800 x 600, in which a brighter disk beats; without a scale."""
    from echoapex.cine import Cine, FrameTimes, Scale, Sector, TimeSource

    frames = np.random.default_rng(1).integers(0, 90, (LONG_FRAMES, LONG_ROWS, LONG_COLUMNS), dtype=np.uint8)
    for number, frame in enumerate(frames):
        frame[disk(LONG_ROWS, LONG_COLUMNS, _radius(number))] += 100
    times = FrameTimes(np.arange(LONG_FRAMES) / 50.0, TimeSource.CONTAINER)
    return Cine(frames, times, Scale.none("it was made by a check"), Sector.whole_frame(LONG_ROWS, LONG_COLUMNS))


def _radius(number: int) -> float:
    return 110.0 + 20.0 * float(np.cos(number / 8.0))


def _open_long(transcript: Transcript) -> tuple[Any, Any]:
    """The shown panel with the long cine; skips as `shown_panel`."""
    from EchoApexLib.cine.cineFromBrowser import openCine

    shown = shown_panel(transcript)
    shown.ui.cineSelector.setCurrentNode(openCine(slicer.mrmlScene, _long_cine(), "Noise"))
    settle()
    return shown, shown.bench.clip


def check_a_long_cine_is_stepped(transcript: Transcript) -> None:
    start = time.perf_counter()
    shown, clip = _open_long(transcript)
    transcript.note(f"opened in {time.perf_counter() - start:.2f} s")
    with closing_the_scene():
        draw(clip, disk(LONG_ROWS, LONG_COLUMNS, _radius(0)))
        steps = []
        for frame in range(1, LONG_FRAMES):
            start = time.perf_counter()
            clip.show(frame)
            slicer.util.forceRenderAllViews()
            steps.append(time.perf_counter() - start)
        transcript.note(f"{median(steps) * 1000:.1f} ms a step with its picture, {max(steps) * 1000:.1f} ms at most")
        assert clip.frame == LONG_FRAMES - 1
        assert clip.state.mask(0, "LV")[LONG_ROWS // 2, LONG_COLUMNS // 2]


def check_the_cost_of_a_frame_in_the_panel_beside_that_without_it(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript, beats=1.0)
    with closing_the_scene():
        costs = {}
        for module in ("Data", "EchoApexSegment"):
            slicer.util.selectModule(module)
            settle()
            costs[module] = median(_turns(shown, clip))
        ratio = costs["EchoApexSegment"] / costs["Data"]
        told = ", ".join(f"{seconds * 1000:.1f} ms in {module}" for module, seconds in costs.items())
        transcript.note(
            f"a frame until the panel shows it, its timer of up to 15 ms with it: {told}; ratio {ratio:.2f}"
        )
        assert shown.ui.frameLabel.text.startswith(f"Frame {clip.frame} ")


def _turns(shown: Any, clip: Any) -> list[float]:
    """The seconds that each of 100 frames takes, with its picture and until the panel, where it is shown, shows it."""
    seconds = []
    for turn in range(100):
        start = time.perf_counter()
        clip.browser.SetSelectedItemNumber(turn % clip.cine.frame_count)
        slicer.app.processEvents()
        while shown.timer.active and shown._outdated:
            slicer.app.processEvents()
        slicer.app.processEvents()
        seconds.append(time.perf_counter() - start)
        settle()
    return seconds


def check_a_long_cine_is_carried_while_the_window_answers(transcript: Transcript) -> None:
    needs_model(transcript)
    shown, clip = _open_long(transcript)
    with closing_the_scene():
        wait_for_model(shown)
        draw(clip, disk(LONG_ROWS, LONG_COLUMNS, _radius(0)))
        shown.ui.wholeButton.click()
        start, red = time.perf_counter(), RedView(clip.scene.volume)
        red.wheel(3)
        transcript.note(f"{time.perf_counter() - start:.2f} s for 3 steps of the wheel meanwhile")
        assert clip.frame == 3
        wait_until(lambda: clip.progress is None, LONG_PATIENCE_S)
        transcript.note(f"{time.perf_counter() - start:.1f} s for {LONG_FRAMES} frames; {shown.ui.deviceLabel.text}")
        assert all(clip.state.entry(frame, "LV").mask is not None for frame in range(LONG_FRAMES))
        assert panel() is shown
