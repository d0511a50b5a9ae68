"""EchoApexSegment as a sonographer uses it: on a real cine, with the shipped model, by mouse and by key."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from segment_cases import LV, PATIENCE_S, RV, carried, drawn, opened, place, press, real_cine, simulated, wait

from echoapex.inference.segmentation import Segmentation
from echoapex.session.frame_entries import PackedMask
from echoapex.simulation.heart import Tissue
from EchoApexLib.record.studyContents import SceneClip, SceneStudy
from EchoApexLib.study.studyInScene import writeScene

pytestmark = pytest.mark.usefixtures("ownProcess")


def saved_and_loaded(panel: Any, path: Path) -> Any:
    """The clip of the scene that is saved, closed and loaded; all that was on screen has come back."""
    import slicer

    clip = panel.bench.clip
    saved, numbers = clip.state.to_plain(), panel.ui.numbersLabel.text()
    frames = clip.cine.frames.copy()
    assert slicer.util.saveScene(str(path))
    curves = slicer.app.layoutManager().plotWidget(0).plotView().chart()
    assert curves.GetNumberOfPlots() == 3
    slicer.mrmlScene.Clear(0)
    assert panel.bench.clip is None and panel.bench.process is None
    wait(lambda: curves.GetNumberOfPlots() == 0)
    slicer.util.loadScene(str(path))
    wait(lambda: panel.bench.process is not None and panel.bench.process.ready)
    assert curves.GetNumberOfPlots() == 3
    again = panel.bench.clip
    assert again is not clip and np.array_equal(again.cine.frames, frames) and again.state.to_plain() == saved
    assert all(np.array_equal(drawn(again, frame), again.state.mask(frame, "LV")) for frame in range(len(frames)))
    wait(lambda: panel.ui.numbersLabel.text() == numbers)
    return again


def test_a_cine_from_the_first_click_to_the_saved_scene_and_on(
    panel: Any, red: Any, scene: Any, tmp_path: Path
) -> None:
    from slicerhost.driving import SHIFT

    clip = opened(panel, real_cine())
    count = clip.cine.frame_count
    assert "30 frames of 320 x 240, 30.0 frames/s" in panel.ui.cineLabel.text()
    assert panel.ui.scaleLabel.text().startswith("No scale, so no millimeters:")
    panel.ui.viewBox.setCurrentIndex(panel.ui.viewBox.findData("A4C"))
    panel.ui.viewBox.activated.emit(panel.ui.viewBox.currentIndex())

    place(panel, red, LV)
    assert clip.state.mask(0, "LV")[LV[1], LV[0]] and not clip.state.mask(0, "LV")[RV[1], RV[0]]
    assert np.array_equal(drawn(clip, 0), clip.state.mask(0, "LV"))

    carried(panel)
    assert all(clip.state.entry(frame, "LV").mask is not None for frame in range(count))
    assert all(np.array_equal(drawn(clip, frame), clip.state.mask(frame, "LV")) for frame in range(count))
    sizes = clip.state.masks("LV").sum(axis=(1, 2))
    for frame, button in ((int(sizes[:15].argmax()), "edButton"), (int(sizes.argmin()), "esButton")):
        clip.show(frame)
        press(panel, button)
    wait(lambda: "LVEF" in panel.ui.numbersLabel.text())
    before = panel.ui.numbersLabel.text()

    clip.show(9)
    wait(lambda: panel.ui.frameLabel.text().startswith("Frame 9 "))
    carried_there = clip.state.mask(9, "LV").copy()
    rows, columns = np.nonzero(carried_there)
    top = (int(np.median(columns[rows < rows.min() + 12])), int(rows.min()) + 6)
    place(panel, red, top, modifiers=SHIFT)
    corrected = clip.state.mask(9, "LV").copy()
    assert not corrected[top[1], top[0]] and np.count_nonzero(corrected) > 0.6 * np.count_nonzero(carried_there)

    press(panel, "undoButton")
    assert np.array_equal(clip.state.mask(9, "LV"), carried_there) and np.array_equal(drawn(clip, 9), carried_there)
    assert panel.ui.messageLabel.text() == "Undone: prompt on frame 9 (Left ventricle cavity)."
    clip.show(0)
    press(panel, "redoButton")
    assert clip.frame == 9 and np.array_equal(drawn(clip, 9), corrected)

    press(panel, "acceptButton")
    assert str(clip.entry.status) == "accepted"
    carried(panel)
    assert np.array_equal(clip.state.mask(9, "LV"), corrected), "an accepted frame is never overwritten"
    wait(lambda: "LVEF" in panel.ui.numbersLabel.text() and panel.ui.numbersLabel.text() != before)

    again = saved_and_loaded(panel, tmp_path / "work.mrb")
    again.show(20)
    place(panel, red, LV)
    assert str(again.entry.status) == "prompted" and again.state.next_undo is not None


def test_an_analyzed_study_is_gone_on_with_where_it_shows_a_clip(panel: Any, red: Any, tmp_path: Path) -> None:
    import slicer

    _, heart = simulated(tmp_path, "A4C", 900_221, beats=1.2)
    truth = np.stack([heart.labels(frame) == Tissue.LV for frame in range(len(heart.frames))])
    found = Segmentation(truth, np.full(len(truth), 0.9, np.float32))
    clip = SceneClip("clip", heart.cine(), "A4C", {"LV": found})
    before = opened(panel, real_cine())
    slicer.util.loadScene(str(writeScene(tmp_path / "scene.mrb", SceneStudy((clip,)))))
    wait(lambda: panel.bench.clip is not before and panel.bench.process.ready)
    work = panel.bench.clip
    assert work.browser.GetName() == "A4C (simulated)", "what is seen is worked on"
    assert panel.ui.cineSelector.currentNode() is work.browser and np.array_equal(work.state.masks("LV"), truth)
    panel.ui.cineSelector.setCurrentNode(None)
    assert panel.ui.cineSelector.currentNode() is work.browser, "what is worked on stays in sight"
    wait(lambda: "LVEF" in panel.ui.numbersLabel.text())
    y, x = np.argwhere(truth[0]).mean(axis=0)
    place(panel, red, (x, y))
    assert str(work.entry.status) == "prompted" and work.entry.mask != PackedMask.of(truth[0])
    press(panel, "undoButton")
    assert str(work.entry.status) == "predicted" and np.array_equal(drawn(work, 0), truth[0])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the Host's loop gives the lock up")
def test_the_inference_process_works_while_the_loop_holds_pythons_lock(panel: Any, red: Any, host: Any) -> None:
    """In such a loop, which is Slicer's, a thread of this process starves (test_host_lock)."""
    from PySide6.QtCore import QTimer
    from slicerhost.loop import runHoldingLock

    clip = opened(panel, real_cine())
    place(panel, red, LV)
    press(panel, "wholeButton")
    end, ticks = time.monotonic() + PATIENCE_S, []

    def look() -> None:
        ticks.append(clip.progress)
        if clip.progress is None or time.monotonic() > end:
            host.app.exit(0)

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(20)
    runHoldingLock(host.app)
    timer.stop()
    assert clip.progress is None and clip.state.entry(29, "LV").mask is not None
    assert len(ticks) > 1, "the panel went on meanwhile"
