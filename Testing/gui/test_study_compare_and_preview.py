"""An earlier report beside the numbers, and the report in a window of the application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from study_panel_cases import cells, click_row, press, shown, wait, written_report

CHANGE = 7


@pytest.fixture
def reported(studyPanel: Any, tmp_path: Path) -> Any:
    """The panel with a report of two clips of noise."""
    studyPanel.study.openReport(written_report(tmp_path / "report"))
    wait(lambda: shown() == ("A4C (simulated)", 1))
    return studyPanel


def earlier_report(folder: Path, **changes: Any) -> Path:
    """A report of before, whose LVEF is 45.5 %."""
    file = written_report(folder) / "report.json"
    record = json.loads(file.read_text(encoding="utf-8")) | changes
    record["measurements"][0]["value"] = 45.5
    file.write_text(json.dumps(record), encoding="utf-8")
    return file


def choose(monkeypatch: pytest.MonkeyPatch, path: Path | str) -> None:
    """From now on the user chooses this file, which is all that a panel is given."""
    from PySide6 import QtWidgets

    monkeypatch.setattr(QtWidgets.QFileDialog, "getOpenFileName", staticmethod(lambda *_: str(path)))


def test_changes_are_shown_beside_the_values_and_taken_off_again(
    reported: Any, key: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ui, table = reported.ui, reported.ui.measurementTable
    assert table.isColumnHidden(CHANGE) and not ui.comparisonLabel.isVisible()
    click_row(table, 0)
    choose(monkeypatch, earlier_report(tmp_path / "earlier"))
    press(reported, "compareButton")
    assert not table.isColumnHidden(CHANGE) and table.horizontalHeader().visualIndex(CHANGE) == 2
    assert cells(table, 0)[CHANGE] == "−12.2 points"
    assert "Earlier 45.5 %: −12.2 points" in ui.measurementLabel.text(), "the number stays chosen"
    assert f"Changes since {tmp_path / 'earlier'}: 2 numbers are in both." in ui.comparisonLabel.text()
    assert ui.compareButton.text() == "Stop comparing (B)"
    key("B")
    assert table.isColumnHidden(CHANGE) and cells(table, 0)[CHANGE] == "" and not ui.comparisonLabel.isVisible()
    choose(monkeypatch, "")
    press(reported, "compareButton")
    assert table.isColumnHidden(CHANGE) and reported.ui.messageLabel.text() == ""


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"simulated": False}, "only the present one is of a simulated heart"),
        ({"schema": 7}, "written by a newer EchoApex"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(reported: Any, tmp_path: Path, changes: Any, sentence: str) -> None:
    reported.results.comparison.compareWith(str(earlier_report(tmp_path / "earlier", **changes)))
    wait(reported.ui.messageLabel.text)
    assert sentence in reported.ui.messageLabel.text()
    assert reported.study.comparison is None and reported.ui.measurementTable.rowCount() == 3


def test_a_report_of_a_newer_version_is_not_opened_and_that_before_stays(reported: Any, tmp_path: Path) -> None:
    before = reported.study.report
    newer = earlier_report(tmp_path / "newer", schema=7)
    reported.attempt(lambda: reported.study.openReport(newer.parent))
    assert "written by a newer EchoApex" in reported.ui.messageLabel.text() and "7" in reported.ui.messageLabel.text()
    assert reported.study.report is before


def test_the_changes_go_with_the_scene(reported: Any, tmp_path: Path) -> None:
    import slicer
    from slicerhost.driving import settle

    reported.results.comparison.compareWith(str(earlier_report(tmp_path / "earlier").parent))
    wait(lambda: not reported.ui.measurementTable.isColumnHidden(CHANGE))
    slicer.mrmlScene.Clear(0)
    settle(80)
    assert reported.ui.measurementTable.isColumnHidden(CHANGE) and not reported.ui.compareButton.isEnabled()


def picture(folder: Path) -> None:
    """A still as an analysis writes it."""
    import numpy as np

    from echoapex.report.still_drawing import write_png

    (folder / "pictures").mkdir()
    write_png(folder / "pictures" / "a-0003.png", np.full((60, 80, 3), 90, np.uint8))


def test_the_report_is_shown_in_a_window_with_its_pictures(reported: Any, key: Any, tmp_path: Path) -> None:
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QTextDocument
    from slicerhost.driving import settle

    picture(reported.study.report.folder)
    key("P")
    dialog, browser = reported.results.preview.dialog, reported.results.preview.browser
    assert dialog.isVisible()
    text = browser.toPlainText()
    assert "Not a medical device" in text and "33.3 %" in text and "A4C (simulated), frame 3" in text
    address = QUrl.fromLocalFile(str(reported.study.report.folder / "pictures" / "a-0003.png"))
    assert browser.document().resource(QTextDocument.ResourceType.ImageResource, address) is not None
    browser.grab()
    reported.results.comparison.compareWith(str(earlier_report(tmp_path / "earlier")))
    wait(lambda: "−12.2 points" in browser.toPlainText())
    dialog.reject()  # Esc
    settle(50)
    assert not dialog.isVisible()
    press(reported, "previewButton")
    assert dialog.isVisible() and reported.results.preview.dialog is dialog


def test_the_window_closes_with_the_scene_and_with_the_panel(reported: Any) -> None:
    import slicer
    from slicerhost.driving import settle

    press(reported, "previewButton")
    dialog = reported.results.preview.dialog
    slicer.mrmlScene.Clear(0)
    settle(80)
    assert not dialog.isVisible() and not reported.ui.previewButton.isEnabled()
    reported.results.preview.show()
    assert not dialog.isVisible()
