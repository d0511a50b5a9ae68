"""The panel of EchoApexSegment: its widgets, keys and mouse, the Segment Editor in it, its coming and going."""

from __future__ import annotations

import time

import numpy as np
import qt
import slicer
from driving import (
    LV,
    MODULE,
    RedView,
    closing_the_scene,
    disk,
    draw,
    is_heard,
    needs_model,
    open_simulated,
    panel,
    press,
    settle,
    shortcuts_of,
    shown_panel,
    unknown_signals,
    wait_for_model,
    wait_until,
)
from transcript import Transcript

CLASSES = {
    "cineSection": "ctkCollapsibleButton",
    "cineSelector": "qMRMLNodeComboBox",
    "structureTable": "QTableWidget",
    "textEdit": "QLineEdit",
    "progressBar": "QProgressBar",
    "wallTable": "QTableWidget",
}
"""Class of some widgets of the panel: without its plug-in, Qt's loader makes a plain QWidget of one of CTK or MRML."""

SIGNALS = {
    "activated(int)": "viewBox",
    "cellClicked(int,int)": "wallTable",
    "clicked()": "openButton",
    "contentsCollapsed(bool)": "editSection",
    "currentNodeChanged(vtkMRMLNode*)": "cineSelector",
    "itemSelectionChanged()": "structureTable",
    "returnPressed()": "textEdit",
    "toggled(bool)": "pointButton",
}
"""A widget for each signal of the .ui file's widgets that the panel connects."""

OTHER_SIGNALS = (
    "activated()",
    "activeBrowserNodeChanged(vtkMRMLNode*)",
    "focusChanged(QWidget*,QWidget*)",
    "timeout()",
)


def check_the_panel_is_built_from_its_ui_file(transcript: Transcript) -> None:
    shown = panel()
    assert shown.uiWidget.inherits("qMRMLWidget")
    wrong = [name for name, kind in CLASSES.items() if not getattr(shown.ui, name).inherits(kind)]
    assert not wrong, wrong
    from EchoApexSegmentLib.keys import KEYS

    assert all(getattr(shown.ui, name).inherits("QPushButton") for name in KEYS.values())


def check_the_signals_of_the_panel_exist(transcript: Transcript) -> None:
    shown = shown_panel(transcript)
    shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+Alt+F12"), shown.uiWidget)
    senders = {signal: getattr(shown.ui, name) for signal, name in SIGNALS.items()}
    bar = slicer.modules.sequences.toolBar()
    senders |= dict(zip(OTHER_SIGNALS, (shortcut, bar, slicer.app, shown.timer), strict=True))
    missing = unknown_signals(senders)
    shortcut.deleteLater()
    assert not missing, missing


def check_enumerators_reach_the_widgets(transcript: Transcript) -> None:
    shown = shown_panel(transcript)
    header = shown.ui.structureTable.horizontalHeader()
    assert header.sectionResizeMode(0) == qt.QHeaderView.Stretch
    assert header.sectionResizeMode(1) == qt.QHeaderView.ResizeToContents
    assert shown.ui.textEdit.completer().filterMode == qt.Qt.MatchContains


def check_the_selector_lists_the_cine_that_was_opened(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        selector = shown.ui.cineSelector
        assert selector.nodeCount() == 1 and selector.currentNode() is clip.browser
        assert shown._parameterNode.browser is clip.browser
        assert f"{clip.cine.frame_count} frames of 320 x 240" in shown.ui.cineLabel.text
    assert selector.nodeCount() == 0 and "No cine is open" in shown.ui.cineLabel.text


def check_the_layout_shows_the_cine_and_the_curve(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        manager = slicer.app.layoutManager()
        red = manager.sliceWidget("Red")
        background = red.sliceLogic().GetBackgroundLayer().GetVolumeNode()
        transcript.note(f"layout {manager.layout}, plots: {manager.plotViewCount}")
        assert red.visible and manager.plotViewCount >= 1
        assert background is clip.scene.volume


def check_a_click_in_the_view_is_a_prompt_at_its_pixel(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        got: list[tuple[float, float, bool]] = []
        clip.click = lambda pixel, positive=True: got.append((*pixel, positive))
        shown.ui.pointButton.click()
        red = RedView(clip.scene.volume)
        for shift in (False, True):
            red.click((200.0, 120.0), shift)
        transcript.note(f"pixels {[tuple(round(value, 2) for value in one[:2]) for one in got]} for (200, 120)")
        assert [positive for _, _, positive in got] == [True, False]
        assert max(abs(got[0][0] - 200.0), abs(got[0][1] - 120.0)) <= red.half_a_pixel()


def check_a_drag_in_the_view_is_a_box_at_its_pixels(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        got: list[tuple[float, ...]] = []
        clip.box, clip.preview = got.append, lambda prompt: None
        shown.ui.boxButton.click()
        red = RedView(clip.scene.volume)
        red.drag((120.0, 60.0), (210.0, 150.0))
        assert len(got) == 1, got
        assert np.allclose(got[0], (120, 60, 210, 150), atol=red.half_a_pixel()), got
        assert shown.uiWidget.isVisible() and not got[1:]


def check_without_a_tool_the_mouse_is_slicers(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        got: list[object] = []
        clip.click = lambda *prompt: got.append(prompt)
        shown.setTool("none")
        RedView(clip.scene.volume).click(LV)
        assert got == [] and clip.state.next_undo is None


def check_the_wheel_goes_through_the_frames(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        red = RedView(clip.scene.volume)
        offset = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceOffset()
        red.wheel(3)
        assert clip.frame == 3
        red.wheel(-5)
        assert clip.frame == 0
        settle()
        assert shown.ui.frameLabel.text.startswith("Frame 0 ")
        assert slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetSliceOffset() == offset


def check_playing_from_the_tool_bar_goes_through_the_frames(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        bar = slicer.modules.sequences.toolBar()
        assert bar.activeBrowserNode() is clip.browser and slicer.modules.sequences.toolBarVisible
        play = next(one for one in bar.findChildren("QWidget") if one.className() == "qMRMLSequenceBrowserPlayWidget")
        play.onVcrPlayPause(True)
        wait_until(lambda: clip.frame >= 3)
        play.onVcrPlayPause(False)
        settle()
        transcript.note(f"stopped at frame {clip.frame}; the panel: {shown.ui.frameLabel.text.splitlines()[0]}")
        assert shown.ui.frameLabel.text.startswith(f"Frame {clip.frame} ")


def check_keys_press_the_buttons(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        slicer.util.mainWindow().setFocus()
        settle()
        for key, pressed in (("P", "pointButton"), ("B", "boxButton"), ("T", "polarityButton")):
            press(key)
            assert getattr(shown.ui, pressed).checked, key
        press("Esc")
        assert not shown.ui.boxButton.checked
        press("T")
        press("End")
        assert clip.frame == clip.cine.frame_count - 1
        press("Left")
        assert clip.frame == clip.cine.frame_count - 2


def check_no_other_action_of_the_window_has_a_key_of_the_panel(transcript: Transcript) -> None:
    shown = shown_panel(transcript)
    from EchoApexSegmentLib.keys import CLIPS, KEYS, STEPS

    ours = {qt.QKeySequence(key).toString() for key in (*KEYS, *STEPS, *CLIPS, "/")}
    window = slicer.util.mainWindow()
    actions = [one for one in window.findChildren("QAction") if one.shortcut.toString() in ours and is_heard(one)]
    transcript.note(f"actions with our keys: {[(one.shortcut.toString(), one.text) for one in actions]}")
    double = [key for key in ours if len(shortcuts_of(window, key)) != 1]
    assert not double, double
    assert not actions, "Qt would call neither the action nor our shortcut"
    assert shown.keys is not None


def check_what_is_typed_into_a_field_is_text(transcript: Transcript) -> None:
    shown, _clip = open_simulated(transcript)
    with closing_the_scene():
        slicer.util.mainWindow().activateWindow()
        shown.ui.textEdit.setFocus()
        settle()
        if not shown.ui.textEdit.hasFocus():
            transcript.skip("the window system gave the field no focus: run this with Slicer's window in front")
        for letter in "pb":
            for kind in (qt.QEvent.KeyPress, qt.QEvent.KeyRelease):
                event = qt.QKeyEvent(kind, ord(letter.upper()), qt.Qt.NoModifier, letter)
                qt.QCoreApplication.sendEvent(shown.ui.textEdit, event)
        assert shown.ui.textEdit.text == "pb" and not shown.ui.pointButton.checked
        # The list of words that fit takes the focus for a moment, and gives it back late.
        settle()
        assert shortcuts_of(slicer.util.mainWindow(), "P") == []
        shown.ui.textEdit.clear()
        shown.ui.textEdit.clearFocus()
        settle()
        assert len(shortcuts_of(slicer.util.mainWindow(), "P")) == 1


def check_another_module_has_keys_and_mouse_to_itself(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        shown.ui.pointButton.click()
        slicer.util.selectModule("Data")
        settle()
        got: list[object] = []
        clip.click = lambda *prompt: got.append(prompt)
        RedView(clip.scene.volume).click(LV)
        assert got == [] and shortcuts_of(slicer.util.mainWindow(), "P") == []
        assert not shown.timer.active and (shown.keys, shown.viewInput) == (None, None)
        slicer.util.selectModule(MODULE)
        settle()
        assert panel() is shown and shown.bench.clip is clip and shown.timer.active
        assert len(shortcuts_of(slicer.util.mainWindow(), "P")) == 1


def check_a_reloaded_panel_leaves_nothing_behind(transcript: Transcript) -> None:
    old, clip = open_simulated(transcript)
    with closing_the_scene():
        draw(clip, disk())
        clip.show(1)
        settle()
        timer, process, gone = old.timer, old.bench.process, []
        old.uiWidget.connect("destroyed()", lambda: gone.append("destroyed"))
        old.onReload()
        # What is deleted later goes when the event loop is left, which here it is not.
        qt.QCoreApplication.sendPostedEvents(None, qt.QEvent.DeferredDelete)
        settle()
        new = panel()
        assert new is not old and new.timer.active, "the new panel is not at work"
        assert not timer.active and old.Observations == [] and old.keys is None and old.viewInput is None
        assert gone, "the widgets of the old panel are still there"
        assert len(shortcuts_of(slicer.util.mainWindow(), "P")) == 1
        assert process is None or process.pid is None
        assert old.bench.clip is None and np.array_equal(new.bench.clip.state.mask(0, "LV"), disk())


def check_a_click_is_answered_by_the_model(transcript: Transcript) -> None:
    needs_model(transcript)
    from EchoApexLib.pythonDependencies import pythonExecutable

    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        wait_for_model(shown)
        transcript.note(f"{shown.ui.deviceLabel.text}, by {pythonExecutable()}")
        shown.ui.pointButton.click()
        start = time.perf_counter()
        RedView(clip.scene.volume).click(LV)
        wait_until(lambda: clip.entry.mask is not None)
        transcript.note(f"{time.perf_counter() - start:.2f} s from the click to its outline")
        assert clip.state.mask(0, "LV")[round(LV[1]), round(LV[0])]
