"""EchoApexSegment in trouble: one clear sentence in the panel, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from segment_cases import LV, carried, open_file, opened, place, press, real_cine, simulated, wait

from echoapex.models.installed_models import find_model
from echoapex.serving import ProcessState

ownProcess = pytest.mark.usefixtures("ownProcess")
"""For what happens to the process itself; all others share one."""


def said(panel: Any) -> str:
    return panel.ui.messageLabel.text()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@ownProcess
def test_the_scene_is_closed_in_the_middle_of_a_propagation(panel: Any, red: Any, tmp_path: Path) -> None:
    import slicer

    path, _ = simulated(tmp_path, "A4C", 900_202, beats=2.0)
    clip = opened(panel, path)
    place(panel, red, (160, 90))
    press(panel, "wholeButton")
    wait(lambda: clip.progress is not None and clip.progress[0] > 0)
    pid = panel.bench.process.pid
    slicer.mrmlScene.Clear(0)
    assert panel.bench.clip is None and not is_running(pid)
    wait(lambda: panel.ui.cineLabel.text() == "No cine is open.")
    assert said(panel) == ""
    again = opened(panel, path)
    place(panel, red, (160, 90))
    assert again.entry.mask is not None


def test_a_cancelled_propagation_keeps_nothing(panel: Any, red: Any, tmp_path: Path) -> None:
    path, _ = simulated(tmp_path, "A4C", 900_202, beats=2.0)
    clip = opened(panel, path)
    place(panel, red, (160, 90))
    press(panel, "wholeButton")
    wait(lambda: clip.progress is not None and clip.progress[0] > 0)
    assert panel.ui.progressBar.isVisibleTo(panel.uiWidget)
    press(panel, "cancelButton")
    wait(lambda: not panel.bench.process.busy)
    assert [frame for frame in range(clip.cine.frame_count) if clip.state.entry(frame, "LV").mask is not None] == [0]
    carried(panel)
    assert all(clip.state.entry(frame, "LV").mask is not None for frame in range(clip.cine.frame_count))


@ownProcess
def test_a_process_killed_five_times_is_said_and_started_by_the_button(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    place(panel, red, LV)
    before = clip.state.mask(0, "LV")
    for count in range(5):
        pid = panel.bench.process.pid
        os.kill(pid, signal.SIGKILL)
        wait(lambda pid=pid: panel.bench.process.pid != pid)
        if count < 4:
            assert "was started again; nothing is lost" in said(panel)
    assert panel.bench.process.state is ProcessState.BROKEN
    assert "5 times in a row" in said(panel) and panel.ui.startButton.isVisibleTo(panel.uiWidget)
    assert np.array_equal(clip.state.mask(0, "LV"), before)
    press(panel, "acceptButton")
    assert str(clip.entry.status) == "accepted", "what needs no model goes on"
    press(panel, "startButton")
    wait(lambda: panel.bench.process.ready)
    carried(panel)
    assert clip.state.entry(5, "LV").mask is not None


@ownProcess
def test_a_damaged_model_is_named(panel: Any, red: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "models" / "damaged"
    folder.mkdir(parents=True)
    source = find_model()
    for name in ("card.json", "model.safetensors"):
        (folder / name).write_bytes((source / name).read_bytes())
    with (folder / "model.safetensors").open("r+b") as weights:
        weights.seek(5000)
        weights.write(b"damaged")
    monkeypatch.setattr("EchoApexLib.userSettings.find_model", lambda _: folder)
    open_file(panel, real_cine())
    wait(lambda: panel.bench.process.state is ProcessState.BROKEN)
    assert "model.safetensors" in said(panel) and panel.ui.startButton.isVisibleTo(panel.uiWidget)
    assert panel.bench.clip.cine.frame_count == 30, "looking at the cine goes on"


@ownProcess
def test_a_full_disk_is_said_and_work_goes_on(
    panel: Any, red: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way of a folder")
    monkeypatch.setenv("ECHOAPEX_CACHE", str(blocked / "cache"))
    clip = opened(panel, real_cine())
    wait(lambda: said(panel))
    assert "no longer kept" in said(panel)
    place(panel, red, LV)
    assert clip.entry.mask is not None


def test_without_a_scale_there_are_no_millimeters(panel: Any, red: Any) -> None:
    opened(panel, real_cine())
    place(panel, red, LV)
    carried(panel)
    press(panel, "edButton")
    panel.bench.clip.show(10)
    press(panel, "esButton")
    press(panel, "suggestButton")
    wait(lambda: panel.bench.clip.progress is None and panel.bench.clip.walls.points is not None)
    texts = [label.text() for label in (panel.ui.numbersLabel, panel.ui.massLabel, panel.ui.frameLabel)]
    table = panel.ui.wallTable
    texts += [table.item(row, column).text() for row in range(table.rowCount()) for column in range(4)]
    assert "Without a scale there are no milliliters." in texts[0]
    assert any(" px" in text for text in texts) and not any(" mm" in text or " mL" in text for text in texts)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("missing.dcm", None, "There is no such file"), ("text.dcm", b"no picture", "text.dcm")],
)
def test_a_file_that_is_no_cine_is_refused(
    panel: Any, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    open_file(panel, tmp_path / name)
    assert words in said(panel) and panel.bench.clip is None


@ownProcess
def test_missing_libraries_are_named_before_anything_starts(panel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import slicer

    monkeypatch.setattr("EchoApexLib.session.sceneController.missingModules", lambda: ("torch", "timm"))
    open_file(panel, real_cine())
    wait(lambda: "torch, timm" in panel.ui.deviceLabel.text())
    assert panel.ui.startButton.text() == "Install..." and panel.bench.process is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 1, "looking needs no model"


def test_two_cines_have_their_own_sessions(panel: Any, red: Any, tmp_path: Path) -> None:
    path, _ = simulated(tmp_path, "A4C", 900_201, beats=0.3)
    first = opened(panel, real_cine())
    place(panel, red, LV)
    second = opened(panel, path)
    assert second is not first and second.state.structures == () and "simulated" in panel.ui.cineLabel.text()
    panel.stepClip(1)
    wait(lambda: panel.bench.clip is first and panel.bench.process.ready)
    assert first.entry.mask is not None
    place(panel, red, (LV[0] + 5, LV[1]))
    assert len(first.entry.prompts) == 2
    assert "Not a medical device" in panel.ui.deviceLabel.toolTip(), "what the model's card says of its limits"


def test_the_panel_is_left_and_entered_and_reloaded(panel: Any, panelOf: Any, red: Any, host: Any) -> None:
    clip = opened(panel, real_cine())
    place(panel, red, LV)
    panelOf("HostProbe")
    assert panel.keys is None and panel.viewInput is None
    red.click(red.fromFrame((LV[0], LV[1] + 10)))
    assert panelOf("EchoApexSegment") is panel
    wait(lambda: panel.bench.process.ready)
    assert len(clip.entry.prompts) == 1, "in another module a click is no prompt"
    place(panel, red, (LV[0] + 5, LV[1]))
    assert len(clip.entry.prompts) == 2


def test_slicer_starts_without_what_only_the_model_needs(tmp_path: Path) -> None:
    """In a process of its own: loading the module and showing its panel loads neither torch nor its friends."""
    root = Path(__file__).resolve().parents[2]
    program = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(root / 'Testing' / 'Host')!r})\n"
        "from slicerhost import host\n"
        "running = host.boot(testing=True)\n"
        "host.loadModules(running)\n"
        "import slicer\n"
        "slicer.util.selectModule('EchoApexSegment')\n"
        "heavy = {'torch', 'torchvision', 'timm', 'cv2', 'pydicom', 'segment_anything', 'SimpleITK'}\n"
        "print('loaded', sorted(heavy & set(sys.modules)), flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "loaded []" in done.stdout, done.stdout + done.stderr[-2000:]


@ownProcess
def test_a_click_while_nothing_runs_is_refused_and_the_next_one_works(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    place(panel, red, LV)
    panel.bench.process._give_up("for this test")
    red.click(red.fromFrame((LV[0] + 4, LV[1])))
    assert said(panel) == "The inference process does not run: start it again."
    assert len(clip.entry.prompts) == 1
    press(panel, "wholeButton")
    assert said(panel) == "The inference process does not run: start it again." and clip.progress is None
    wait(lambda: panel.ui.startButton.isVisibleTo(panel.uiWidget))
    press(panel, "startButton")
    wait(lambda: panel.bench.process.ready)
    place(panel, red, (LV[0] + 4, LV[1]))
    assert len(clip.entry.prompts) == 2


def paint(clip: Any) -> np.ndarray:
    """Draws a rectangle on the frame that is shown, as the Segment Editor would, and gives its mask."""
    import slicer

    mask = np.zeros((clip.cine.rows, clip.cine.columns), bool)
    mask[80:120, 150:200] = True
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        mask[None].astype(np.uint8), clip.scene.segmentation, "LV", clip.scene.volume
    )
    return mask


def test_undo_in_the_middle_of_a_propagation_ends_it_and_nothing_else(panel: Any, red: Any, tmp_path: Path) -> None:
    path, _ = simulated(tmp_path, "A4C", 900_202, beats=2.0)
    clip = opened(panel, path)
    place(panel, red, (160, 90))
    press(panel, "wholeButton")
    wait(lambda: clip.progress is not None and clip.progress[0] > 0)
    press(panel, "undoButton")
    assert "Cancelled" in said(panel) and clip.progress is None
    wait(lambda: not panel.bench.process.busy)
    assert [frame for frame in range(clip.cine.frame_count) if clip.state.entry(frame, "LV").mask is not None] == [0]


def test_a_stroke_is_undone_before_what_came_before_it(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    place(panel, red, LV)
    carried(panel)
    clip.show(5)
    before, stroke = clip.state.mask(5, "LV"), paint(clip)
    press(panel, "undoButton")
    assert np.array_equal(clip.state.mask(5, "LV"), before) and clip.state.mask(9, "LV").any()
    press(panel, "redoButton")
    assert np.array_equal(clip.state.mask(5, "LV"), stroke)
    paint(clip)
    press(panel, "clearButton")
    clip.show(6)
    clip.show(5)
    assert clip.entry.mask is None, "what was cleared does not come back"


def test_the_editor_follows_cine_and_structure(panel: Any, red: Any, tmp_path: Path) -> None:
    path, _ = simulated(tmp_path, "A4C", 900_201, beats=0.3)
    first = opened(panel, real_cine())
    panel.ui.editSection.collapsed = False
    part = next(part for part in panel.parts if hasattr(part, "editor"))
    assert part.editor.segmentationNode() is first.scene.segmentation
    second = opened(panel, path)
    assert part.editor.segmentationNode() is second.scene.segmentation
    panel.chooseStructure("LA")
    assert part.editor.currentSegmentID() == "LA"
    panel.ui.editSection.collapsed = True


def test_a_cine_whose_masks_were_removed_can_be_chosen_again(panel: Any, red: Any) -> None:
    import slicer

    clip = opened(panel, real_cine())
    place(panel, red, LV)
    mask, browser = clip.state.mask(0, "LV"), clip.browser
    slicer.mrmlScene.RemoveNode(clip.scene._masks.sequence)
    wait(lambda: panel.bench.clip is None and panel.ui.cineSelector.currentNode() is None)
    assert "was removed from the scene" in said(panel)
    panel.ui.cineSelector.setCurrentNode(browser)
    wait(lambda: panel.bench.clip is not None and panel.bench.process.ready)
    assert np.array_equal(panel.bench.clip.state.mask(0, "LV"), mask)


def test_a_structure_chosen_by_words_is_that_of_the_next_cine(panel: Any, red: Any, tmp_path: Path) -> None:
    path, _ = simulated(tmp_path, "A4C", 900_201, beats=0.3)
    opened(panel, real_cine())
    panel.nameStructure("left atrium", lambda: None)
    assert opened(panel, path).structure == "LA"
    panel.chooseStructure("LV")


def test_wall_points_are_placed_though_a_tool_was_on(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    press(panel, "edButton")
    clip.show(10)
    press(panel, "esButton")
    clip.walls.setPhases(ed=0, es=10)
    clip.show(0)
    panel.setTool("point")
    press(panel, "placeButton")
    assert not panel.ui.pointButton.isChecked() and clip.walls.missing == "IVS-RV"
    red.click(red.fromFrame((150, 80)))
    assert clip.walls.missing == "IVS-LV" and clip.state.next_undo is None
    panel.setTool("point")
    red.click(red.fromFrame(LV))
    wait(lambda: clip.entry.mask is not None)
    assert clip.walls.missing == "IVS-LV", "with a tool on a click is a prompt"


def test_end_diastole_is_refused_as_a_whole(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    clip.walls.setPhases(ed=0, es=10)
    clip.show(10)
    before = clip.curve.phases
    press(panel, "edButton")
    assert "ED and ES must be two frames" in said(panel)
    assert clip.curve.phases == before and clip.walls.phases == (0, 10)


@ownProcess
def test_without_room_for_the_cine_nothing_hangs(panel: Any, red: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from echoapex.errors import EchoApexError

    def full(shape: object) -> None:
        raise EchoApexError("There is no room to share the cine with the inference process", value="full")

    monkeypatch.setattr("echoapex.serving.restarting_client.SharedCine", full)
    open_file(panel, real_cine())
    wait(lambda: panel.bench.process.state is ProcessState.BROKEN)
    assert "no room to share" in said(panel) and panel.ui.startButton.isVisibleTo(panel.uiWidget)
    monkeypatch.undo()
    press(panel, "startButton")
    wait(lambda: panel.bench.process.ready)
    place(panel, red, LV)


def test_two_quick_clicks_are_two_prompts(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    panel.setTool("point")
    red.doubleClick(red.fromFrame(LV))
    wait(lambda: len(clip.entry.prompts) == 2)


def test_a_stroke_that_was_saved_unread_is_in_the_session_again(panel: Any, red: Any, tmp_path: Path) -> None:
    import slicer

    clip = opened(panel, real_cine())
    place(panel, red, LV)
    stroke = paint(clip)
    assert slicer.util.saveScene(str(tmp_path / "unread.mrb"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(tmp_path / "unread.mrb"))
    wait(lambda: panel.bench.clip is not None and panel.bench.process.ready)
    assert np.array_equal(panel.bench.clip.state.mask(0, "LV"), stroke)
    assert str(panel.bench.clip.entry.status) == "edited"
