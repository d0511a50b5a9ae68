"""EchoApexSegment as a guest in Slicer: it comes, goes, is reloaded and runs without a window, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from segment_cases import open_file, opened, real_cine, wait

ROOT = Path(__file__).resolve().parents[2]


def shortcuts(host: Any) -> list[str]:
    """The keys of the enabled shortcuts of the main window, sorted."""
    from PySide6.QtGui import QShortcut

    found = [shortcut for shortcut in host.window.findChildren(QShortcut) if shortcut.isEnabled()]
    return sorted(shortcut.key().toString() for shortcut in found)


def draw(clip: Any) -> np.ndarray:
    """Draws a rectangle on the frame that is shown, as an editor would, and gives its mask."""
    import slicer

    mask = np.zeros((clip.cine.rows, clip.cine.columns), bool)
    mask[60:100, 120:170] = True
    clip.scene.addStructure("LV")
    array = mask[np.newaxis].astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, clip.scene.segmentation, "LV", clip.scene.volume)
    return mask


def saved(panel: Any, folder: Path) -> tuple[str, np.ndarray]:
    """A scene with a cine and a mask on its first frame, and that mask; the scene is closed again."""
    import slicer

    clip = opened(panel, real_cine())
    mask = draw(clip)
    clip.show(1)
    path = str(folder / "work.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    return path, mask


def test_entering_and_leaving_twice_is_as_once(panel: Any, host: Any) -> None:
    keys, taken = panel.keys, shortcuts(host)
    panel.enter()
    assert panel.keys is keys and shortcuts(host) == taken
    panel.exit()
    panel.exit()
    assert "P" not in shortcuts(host) and panel.viewInput is None and not panel.timer.isActive()
    panel.enter()
    assert shortcuts(host) == taken and panel.timer.isActive()


def test_a_panel_at_rest_ticks_rarely_and_often_again_when_it_is_used(panel: Any, red: Any) -> None:
    from EchoApexSegment import IDLE_TICK_MS, TICK_MS

    opened(panel, real_cine())
    process = panel.bench.process
    wait(lambda: len(process.told.encoded) == panel.bench.clip.cine.frame_count)
    wait(lambda: panel.timer.interval() == IDLE_TICK_MS)
    panel.step(1)
    assert panel.timer.interval() == TICK_MS
    wait(lambda: panel.timer.interval() == IDLE_TICK_MS)
    answers: list[Any] = []
    process.ask_view(answers.append)
    wait(lambda: panel.timer.interval() == TICK_MS or answers)
    wait(lambda: answers)


def test_without_a_window_the_panel_is_made_and_opens_a_cine(
    host: Any, scene: Any, uncaught: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    monkeypatch.setattr(slicer.util, "mainWindow", lambda: None)
    monkeypatch.setattr(type(slicer.app), "layoutManager", lambda app: None)
    monkeypatch.setitem(vars(slicer.modules), "EchoApexSegmentWidget", None)
    place = slicer.modules.echoapexsegment.createNewWidgetRepresentation()
    panel = place.self()
    for _ in range(2):
        panel.enter()
        assert (panel.keys, panel.viewInput) == (None, None)
        open_file(panel, real_cine())
        assert panel.bench.clip is not None
        panel.exit()
    panel.cleanup()
    assert panel.bench.clip is None and uncaught == []
    place.deleteLater()


def test_a_panel_that_was_not_set_up_is_cleaned_up(host: Any, scene: Any) -> None:
    import EchoApexSegment
    import slicer

    panel = EchoApexSegment.EchoApexSegmentWidget(slicer.qMRMLWidget())
    panel.exit()
    panel.cleanup()
    assert panel.uiWidget is None and panel.bench is None


def test_a_reloaded_panel_goes_on_and_the_old_one_hears_nothing(panel: Any, host: Any) -> None:
    import slicer
    from PySide6.QtCore import QCoreApplication, QEvent
    from slicerhost.driving import settle

    clip = opened(panel, real_cine())
    mask, taken, pid = draw(clip), shortcuts(host), panel.bench.process.pid
    gone: list[str] = []
    panel.uiWidget.destroyed.connect(lambda: gone.append("widgets"))
    timer = panel.timer
    panel.onReload()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    settle()
    new = slicer.util.getModuleWidget("EchoApexSegment")
    assert new is not panel and new.timer.isActive() and shortcuts(host) == taken
    assert gone == ["widgets"] and not timer.isActive() and panel.bench.process is None
    assert panel.Observations == [] and panel.bench.clip is None
    wait(lambda: new.bench.process is not None and new.bench.process.ready)
    assert new.bench.process.pid != pid and np.array_equal(new.bench.clip.state.mask(0, "LV"), mask)
    slicer.mrmlScene.Clear(0)
    open_file(new, real_cine())
    assert panel.bench.clip is None and new.bench.clip is not None
    new.bench.close()


def test_a_scene_that_is_loaded_in_another_module_waits(panel: Any, panelOf: Any, tmp_path: Path) -> None:
    import slicer
    from slicerhost.driving import settle

    path, mask = saved(panel, tmp_path)
    panelOf("HostProbe")
    slicer.util.loadScene(path)
    settle(40)
    assert panel.bench.clip is None and panel.bench.process is None
    panelOf("EchoApexSegment")
    wait(lambda: panel.bench.process is not None and panel.bench.process.ready)
    assert np.array_equal(panel.bench.clip.state.mask(0, "LV"), mask)


def test_coming_back_does_not_undo_the_zoom(panel: Any, panelOf: Any) -> None:
    import slicer

    opened(panel, real_cine())
    node = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    node.SetFieldOfView(40.0, 40.0, 1.0)
    panelOf("HostProbe")
    panelOf("EchoApexSegment")
    assert min(node.GetFieldOfView()[:2]) == pytest.approx(40.0)


def test_the_effect_of_the_editor_is_put_away(panel: Any, panelOf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import slicer

    opened(panel, real_cine())
    panel.ui.editSection.collapsed = False
    editor, effects = panel.editing.editor, []
    monkeypatch.setattr(type(editor), "setActiveEffectByName", lambda editor, name: effects.append(name))
    panel.ui.pointButton.setChecked(True)
    assert effects == [""], "a click is a prompt or a stroke, not both"
    panelOf("HostProbe")
    assert effects == ["", ""], "Paint would go on in other modules"
    panelOf("EchoApexSegment")
    slicer.mrmlScene.Clear(0)
    assert effects == ["", "", ""] and editor.segmentationNode() is None and editor.sourceVolumeNode() is None


def test_keys_are_silent_where_something_is_typed_already(panel: Any, panelOf: Any, host: Any) -> None:
    from PySide6.QtWidgets import QLineEdit
    from slicerhost.driving import settle

    opened(panel, real_cine())
    probe = panelOf("HostProbe")
    field = QLineEdit(host.window)
    field.show()
    host.window.activateWindow()
    field.setFocus()
    settle(20)
    assert field.hasFocus() and probe is not panel
    panelOf("EchoApexSegment")
    assert "P" not in shortcuts(host)
    field.clearFocus()
    settle(20)
    assert "P" in shortcuts(host)
    field.deleteLater()


def test_the_modules_whose_nodes_are_used_are_named(host: Any) -> None:
    import slicer

    assert {"Markups", "Plots", "Segmentations", "Sequences"} <= set(slicer.modules.echoapexsegment.dependencies)


def test_the_self_test_of_the_module_passes(panel: Any) -> None:
    import slicer

    slicer.selfTests["EchoApexSegment"]()
    assert panel.bench.clip is not None and panel.bench.clip.cine.simulated


def test_the_libraries_are_found_from_the_sources(tmp_path: Path) -> None:
    """In a Python that knows nothing of this repository, as Slicer's is with the folder of the module alone."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'EchoApexSegment')!r})\n"
        "from EchoApexSegmentLib.libraryPaths import addLibraries\n"
        "addLibraries()\n"
        "addLibraries()\n"
        "import EchoApexLib, echoapex\n"
        "print(len([one for one in sys.path if one.endswith('EchoApex')]))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.split() == ["1"], found.stderr
