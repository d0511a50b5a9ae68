"""The results in the panel of EchoApex: numbers, their frames, the chart, and what is taken along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from study_panel_cases import cells, click_row, opened, press, shown, wait, written_report


@pytest.fixture
def reported(studyPanel: Any, tmp_path: Path) -> Any:
    """The panel with a report of two clips of noise, the first of which is shown."""
    studyPanel.study.openReport(written_report(tmp_path / "report"))
    wait(lambda: shown() == ("A4C (simulated)", 1))
    return studyPanel


def plot_node() -> Any:
    import slicer

    return slicer.app.layoutManager().plotWidget(0).mrmlPlotViewNode()


def test_numbers_stand_with_grade_method_and_confidence(reported: Any) -> None:
    ui = reported.ui
    assert cells(ui.measurementTable, 0) == ["LVEF", "33.3 %", "biplane disks", "–", "52–72", "0.91", "predicted", ""]
    assert cells(ui.measurementTable, 1)[0] == "LVEDVI ⚠" and cells(ui.measurementTable, 2)[3] == "mild"
    assert "No heart rate: no clip holds a whole beat." in ui.missingLabel.text()
    assert "Simulated heart" in ui.reportLabel.text() and "tiny-test" in ui.reportLabel.text()


def test_a_click_goes_to_the_frame_and_another_to_the_next(reported: Any) -> None:
    table = reported.ui.measurementTable
    found = []
    for _ in range(5):
        click_row(table, 0)
        found.append(shown())
    first, second = "A4C (simulated)", "A2C (simulated)"
    assert found == [(first, 1), (first, 3), (second, 7), (second, 0), (first, 1)]
    assert "frames 1 (ED), 3 (ES)" in reported.ui.measurementLabel.text()


def test_outlines_are_those_of_the_clip_that_is_shown(reported: Any) -> None:
    import slicer

    click_row(reported.ui.measurementTable, 0)
    for _ in range(2):
        click_row(reported.ui.measurementTable, 0)
    seen = {
        node.GetName(): bool(node.GetDisplayVisibility())
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    }
    assert len(seen) == 2 and [on for name, on in seen.items() if name.startswith("A2C")] == [True]
    assert sum(seen.values()) == 1


def test_the_chart_follows_the_clip_and_the_frame(reported: Any, key: Any) -> None:
    from EchoApexLib.measurements.frameLine import TABLE

    chart = plot_node().GetPlotChartNode()
    assert chart.GetTitle().startswith("A4C")
    seconds = np.array(reported.study.report.clips["a"]["frame_times_s"])
    for steps, frame in (("", 1), ("Right", 2), ("Right", 3), ("Left", 2), ("End", len(seconds) - 1), ("Home", 0)):
        if steps:
            key(steps)
        assert shown()[1] == frame
        assert chart.GetNodeReference(TABLE).GetTable().GetColumn(0).GetValue(0) == seconds[frame]


def test_the_chart_of_another_clip_is_not_shown(reported: Any) -> None:
    first = plot_node().GetPlotChartNodeID()
    for _ in range(3):
        click_row(reported.ui.measurementTable, 0)
    assert plot_node().GetPlotChartNodeID() not in (None, first)
    assert plot_node().GetPlotChartNode().GetTitle().startswith("A2C")


def test_by_keys_alone_a_number_is_chosen_and_its_frames_are_gone_through(reported: Any, key: Any) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    table = reported.ui.measurementTable
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Down)
    QTest.keyClick(table, Qt.Key.Key_Up)
    wait(reported.ui.frameButton.isEnabled)
    key("N")
    key("N")
    assert shown() == ("A4C (simulated)", 3)


def test_the_table_goes_to_the_clipboard_and_to_a_file(reported: Any, key: Any, tmp_path: Path) -> None:
    from PySide6.QtWidgets import QApplication

    key("K")
    text = QApplication.clipboard().text()
    assert text.startswith("Simulated heart") and "LVEF\t33.3 %" in text
    (reported.study.report.folder / "measurements.csv").write_text("study,name\r\n")
    reported.results.saveTable(str(tmp_path / "numbers"))
    assert (tmp_path / "numbers.csv").read_bytes() == (reported.study.report.folder / "measurements.csv").read_bytes()
    assert "numbers.csv" in reported.ui.messageLabel.text()
    reported.attempt(lambda: reported.results.saveTable(str(tmp_path / "nosuch" / "numbers.csv")))
    assert "The table cannot be written here" in reported.ui.messageLabel.text()


def test_the_page_is_shown_in_the_browser_or_it_is_said_why_not(reported: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import EchoApexPanelLib.resultsSection as results

    pages: list[Path] = []
    monkeypatch.setattr(results, "openPage", lambda page: pages.append(page) or True)
    press(reported, "reportButton")
    assert "cannot be shown" in reported.ui.messageLabel.text() and pages == []
    reported.study.report.page.write_text("<html>")
    press(reported, "reportButton")
    assert pages == [reported.study.report.page]


def test_work_goes_on_in_echoapex_segment_and_comes_back(reported: Any, panelOf: Any) -> None:
    import slicer

    click_row(reported.ui.measurementTable, 0)
    press(reported, "workButton")
    segment = slicer.util.getModuleWidget("EchoApexSegment")
    wait(lambda: segment.bench.clip is not None)
    assert segment.bench.clip.browser.GetName() == "A4C (simulated)"
    assert segment.bench.clip.state.mask(1, "LV").any(), "it begins with what was found"
    panelOf("EchoApex")
    assert reported.study.report is not None and reported.ui.measurementTable.rowCount() == 3
    click_row(reported.ui.measurementTable, 0)
    segment.bench.close()


def test_the_clips_of_the_report_are_those_of_the_list(reported: Any) -> None:
    clips = opened(reported, reported.study.report.folder / "clips")
    assert [clip.result.partition(",")[0] for clip in clips] == ["measured", "measured"]
    assert cells(reported.ui.clipTable, 1)[2] == "measured"
    for _ in range(3):
        click_row(reported.ui.measurementTable, 0)
    assert reported.examination.chosen == clips[1].file and reported.ui.clipTable.currentRow() == 1


def test_a_saved_scene_knows_its_report(reported: Any, panelOf: Any, tmp_path: Path) -> None:
    import slicer
    from slicerhost.driving import settle

    click_row(reported.ui.measurementTable, 0)
    click_row(reported.ui.measurementTable, 0)
    path = str(tmp_path / "work.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    settle(80)
    assert reported.study.report is None and reported.ui.measurementTable.rowCount() == 0
    slicer.util.loadScene(path)
    wait(lambda: reported.study.report is not None)
    assert cells(reported.ui.measurementTable, 0)[1] == "33.3 %" and shown() == ("A4C (simulated)", 3)
    click_row(reported.ui.measurementTable, 0)
    assert shown() == ("A4C (simulated)", 1)
    wait(lambda: len(slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")) == 2)
    click_row(reported.ui.measurementTable, 0)
    assert len(slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")) == 2, "both views of the trace, each once"


def test_a_scene_whose_report_is_gone_is_one_sentence(reported: Any, tmp_path: Path) -> None:
    import slicer

    path = str(tmp_path / "work.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    (tmp_path / "report" / "report.json").unlink()
    slicer.util.loadScene(path)
    wait(reported.ui.messageLabel.text)
    assert "There is no report here" in reported.ui.messageLabel.text() and shown()[0] == "A4C (simulated)"
