"""EchoApexSegment by keyboard alone."""

from __future__ import annotations

from typing import Any

from segment_cases import LV, carried, opened, place, real_cine, type_words, wait


def test_a_structure_is_found_carried_reviewed_and_measured_by_keys(panel: Any, key: Any) -> None:
    clip = opened(panel, real_cine())
    type_words(panel, "left ventricle")
    wait(lambda: clip.state.entry(0, "LV").mask is not None)
    key("\\")
    wait(lambda: clip.progress is None and clip.state.entry(29, "LV").mask is not None)
    key("Right")
    key("Right")
    assert clip.frame == 2
    key("Return")
    assert str(clip.entry.status) == "accepted"
    key("R")
    key("F")
    assert str(clip.entry.status) == "flagged"
    key("Home")
    assert clip.frame == 0
    key("N")
    assert clip.frame in clip.state.needs_review("LV")
    key("Ctrl+Z")
    assert str(clip.state.entry(2, "LV").status) != "flagged"
    key("Ctrl+Y")
    assert str(clip.state.entry(2, "LV").status) == "flagged"
    key("End")
    assert clip.frame == clip.cine.frame_count - 1
    key("Del")
    assert clip.entry.mask is None
    key("Left")
    key("D")
    key("Home")
    key("S")
    assert (clip.curve.phases.ed, clip.curve.phases.es) == (clip.cine.frame_count - 2, 0)


def test_keys_choose_tools(panel: Any, key: Any, red: Any) -> None:
    opened(panel, real_cine())
    key("P")
    assert panel.ui.pointButton.isChecked()
    key("B")
    assert panel.ui.boxButton.isChecked() and not panel.ui.pointButton.isChecked()
    key("T")
    assert panel.ui.polarityButton.isChecked()
    key("Esc")
    assert not panel.ui.boxButton.isChecked()


def test_what_is_typed_into_a_field_is_text(panel: Any, host: Any) -> None:
    from PySide6.QtTest import QTest
    from slicerhost.driving import settle

    clip = opened(panel, real_cine())
    host.window.activateWindow()
    panel.ui.textEdit.setFocus()
    settle(20)
    QTest.keyClicks(panel.ui.textEdit, "fcrd")
    settle(20)
    assert panel.ui.textEdit.text() == "fcrd" and clip.state.next_undo is None
    assert not panel.ui.pointButton.isChecked()


def test_keys_are_slicers_own_in_other_modules(panel: Any, panelOf: Any, key: Any) -> None:
    opened(panel, real_cine())
    panelOf("HostProbe")
    key("P")
    assert not panel.ui.pointButton.isChecked()


def test_every_key_is_printed_on_its_button(panel: Any) -> None:
    from EchoApexSegmentLib.keys import KEYS

    for keys, button in KEYS.items():
        if keys != "Return":
            assert f"({keys})" in getattr(panel.ui, button).text(), button


def test_every_widget_can_be_reached_by_tab(panel: Any) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QPushButton

    buttons = panel.uiWidget.findChildren(QPushButton)
    assert len(buttons) > 20
    assert all(button.focusPolicy() & Qt.FocusPolicy.TabFocus for button in buttons)


def test_accepting_with_enter_does_not_press_what_has_the_focus(panel: Any, key: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    place(panel, red, LV)
    carried(panel)
    key("Return")
    assert str(clip.entry.status) == "accepted" and clip.frame == 0
