"""How the panel of EchoApex looks: nothing overlaps or is cut off, and all that acts says what it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from look_cases import area_of, lacking, overlapping, reached_by_tab, widgets_of
from study_panel_cases import click_row, clip_files, opened, wait, written_report

PANEL_WIDTH = 420
SMALL_SCREEN = (1280, 800)


@pytest.fixture
def small(studyPanel: Any, host: Any) -> Iterator[Any]:
    """The panel in a window of a small screen, at the least width a panel has."""
    from slicerhost.driving import settle

    size = host.window.size()
    host.window.resize(*SMALL_SCREEN)
    settle(80)
    yield studyPanel
    host.window.resize(size)
    settle(50)


def check_looks(panel: Any) -> None:
    assert overlapping(panel) == []
    assert lacking(panel) == []
    area = area_of(panel)
    assert area.width() <= PANEL_WIDTH
    assert area.widget().width() <= area.viewport().width(), "nothing is beyond the right edge"
    assert area.widget().minimumSizeHint().width() <= area.viewport().width()


def test_an_empty_panel_is_seen_whole(small: Any) -> None:
    wait(lambda: small.ui.listLabel.text() == "No examination is open.")
    check_looks(small)
    small.ui.scaleSection.collapsed = False
    wait(small.ui.calibrateButton.isVisible)
    check_looks(small)
    small.ui.scaleSection.collapsed = True


def test_with_clips_numbers_and_a_message_nothing_overlaps_or_is_cut(small: Any, tmp_path: Path) -> None:
    folder = written_report(tmp_path / "report")
    clip_files(tmp_path / "a folder with a long name that has no end", "c", "d-with-a-name-that-is-long")
    opened(small, folder / "clips", tmp_path / "a folder with a long name that has no end")
    small.study.openReport(folder)
    wait(lambda: small.ui.measurementTable.rowCount() == 3)
    click_row(small.ui.measurementTable, 0)
    small.say("A message that is so long that it takes two lines of the panel, because it names a rule: 12.5")
    wait(small.ui.messageLabel.isVisible)
    check_looks(small)
    assert small.ui.clipTable.rowCount() == 6


def test_a_word_that_cannot_be_broken_pushes_nothing_out_of_sight(small: Any) -> None:
    from slicerhost.driving import settle

    wide = small.uiWidget.minimumSizeHint().width()
    for say in (small.say, small.ui.clipLabel.setText, small.ui.missingLabel.setText):
        say("0123456789abcdef" * 8)
    settle(20)
    assert small.uiWidget.minimumSizeHint().width() == wide


def test_everything_that_acts_says_what_it_does(small: Any) -> None:
    from PySide6 import QtWidgets

    kinds = (QtWidgets.QPushButton, QtWidgets.QComboBox, QtWidgets.QDoubleSpinBox, QtWidgets.QTableWidget)
    acting = [one for kind in kinds for one in widgets_of(small, kind) if one.objectName()]
    assert len(acting) > 18
    assert [one.objectName() for one in (*acting, small.ui.folderEdit) if not one.toolTip()] == []


def test_every_key_is_printed_on_its_button(small: Any) -> None:
    from EchoApexPanelLib.studySections import KEYS

    wrong = {key: name for key, name in KEYS.items() if f"({key})" not in getattr(small.ui, name).text()}
    assert wrong == {"Enter": "showButton"}


def test_tab_goes_from_top_to_bottom(small: Any, host: Any, tmp_path: Path) -> None:

    folder = written_report(tmp_path / "report")
    opened(small, folder / "clips")
    small.study.openReport(folder)
    wait(lambda: small.ui.measurementTable.rowCount() == 3)
    click_row(small.ui.measurementTable, 0)
    reached_by_tab(small, host.window)


def test_it_is_said_that_this_is_no_medical_device(small: Any) -> None:
    import slicer

    assert small.ui.noticeLabel.isVisible() and "Not a medical device" in small.ui.noticeLabel.text()
    assert "Not a medical device" in slicer.modules.echoapex.helpText
