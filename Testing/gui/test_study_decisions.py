"""A sonographer's word on the numbers of a study: confirmed, excluded with a reason, a beat left out; by keys."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from study_panel_cases import cells, click_row, opened, shown, stub, wait, written_report

STILL = "import time; print('started', flush=True); time.sleep(600)"


@pytest.fixture
def reported(studyPanel: Any, tmp_path: Path) -> Any:
    """The panel with a report of two clips of noise, and with these clips in its list."""
    folder = written_report(tmp_path / "report")
    opened(studyPanel, folder / "clips")
    studyPanel.study.openReport(folder)
    wait(lambda: shown() == ("A4C (simulated)", 1))
    return studyPanel


def type_reason(panel: Any, words: str) -> None:
    """Types into the field that has the focus, which must be that of the reason, and presses Return."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication
    from slicerhost.driving import settle

    field = QApplication.focusWidget()
    assert field is panel.ui.reasonEdit
    QTest.keyClicks(field, words)
    QTest.keyClick(field, Qt.Key.Key_Return)
    settle(80)


def status(panel: Any, row: int) -> str:
    return cells(panel.ui.measurementTable, row)[6]


def command_of(panel: Any, key: Any) -> list[str]:
    """What would be started to analyze the study."""
    commands: list[Any] = []
    panel.study._start = commands.append or (lambda command: None)
    key("A")
    (command,) = commands
    return list(command)


def clips_in(command: list[str]) -> list[dict[str, Any]]:
    path = command[command.index("--corrections") + 1]
    return list(json.loads(Path(path).read_text(encoding="utf-8"))["clips"].values())


def test_a_number_is_excluded_for_a_reason_and_included_again(reported: Any, key: Any) -> None:
    ui = reported.ui
    click_row(ui.measurementTable, 2)
    key("X")
    assert "Say why" in ui.messageLabel.text() and status(reported, 2) == "predicted"
    type_reason(reported, "  ")
    assert "Say why" in ui.messageLabel.text() and status(reported, 2) == "predicted"
    ui.reasonEdit.clear()
    key("X")
    type_reason(reported, "a poor view")
    assert [status(reported, row) for row in range(3)] == ["predicted", "predicted", "excluded"]
    assert cells(ui.measurementTable, 2)[0] == "LVMass ✗"
    assert "Excluded: a poor view. Analyze again" in ui.measurementLabel.text()
    assert ui.reasonEdit.text() == "" and ui.excludeButton.text() == "Include (X)"
    (clip,) = clips_in(command_of(reported, key))
    assert clip["excluded"] == [{"name": "LVMass", "method": "linear", "reason": "a poor view"}]
    key("X")
    assert status(reported, 2) == "predicted" and "--corrections" not in command_of(reported, key)


def test_an_outline_changed_since_the_report_marks_its_numbers_until_it_is_undone(reported: Any, key: Any) -> None:
    import slicer
    from session_cases import draw, square

    ui, bench = reported.ui, slicer.util.getModuleWidget("EchoApexSegment").bench

    def first_cells() -> list[str]:
        return [cells(ui.measurementTable, row)[0] for row in range(3)]

    before = first_cells()
    key("W")
    wait(lambda: bench.clip is not None)
    work = bench.clip
    assert shown() == ("A4C (simulated)", 1)
    draw(work.scene.segmentation, work.browser, square(20, 20), "LV")
    key("W")
    wait(lambda: "LVEF ↻" in first_cells()[0])
    click_row(ui.measurementTable, 0)
    assert "the outline of LV in frame 1 of A4C" in ui.measurementLabel.text()
    assert first_cells()[2] == before[2], "a mass by lengths rests on no outline"
    key("W")
    wait(lambda: work.state.next_undo is not None)
    key("Ctrl+Z")
    key("W")
    wait(lambda: first_cells() == before)
    bench.close()


def test_confirming_accepts_outlines_and_can_be_taken_back(reported: Any, key: Any) -> None:
    ui = reported.ui
    click_row(ui.measurementTable, 0)
    key("Y")
    assert status(reported, 0) == "confirmed" and "Confirmed. Analyze again" in ui.measurementLabel.text()
    assert cells(ui.measurementTable, 0)[0] == "LVEF ✓"
    accepted = [
        (entry["structure"], entry["frame"])
        for clip in clips_in(command_of(reported, key))
        for entry in clip["session"]["entries"]
    ]
    assert sorted(accepted) == [("LV", 0), ("LV", 1), ("LV", 3), ("LV", 7)]
    assert ui.confirmButton.text() == "Confirm no more (Y)"
    key("Y")
    assert status(reported, 0) == "predicted" and ui.confirmButton.text() == "Confirm (Y)"


def test_the_beat_that_is_shown_is_excluded_and_included_again(reported: Any, key: Any) -> None:
    ui = reported.ui
    click_row(ui.measurementTable, 0)
    assert shown() == ("A4C (simulated)", 1) and ui.beatButton.text() == "Exclude beat (H)"
    key("H")
    type_reason(reported, "an extrasystole")
    assert ui.beatLabel.text() == "Excluded: the beat of frames 1 to 3 (an extrasystole)."
    assert ui.beatButton.text() == "Include beat (H)"
    (clip,) = clips_in(command_of(reported, key))
    assert clip["excluded_beats"] == [{"ed": 1, "es": 3, "reason": "an extrasystole"}] and clip["excluded"] == []
    key("End")
    assert ui.beatButton.text() == "Exclude beat (H)", "another beat"
    key("Home")
    key("H")
    assert not ui.beatLabel.isVisible()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals there")
@pytest.mark.parametrize("end", ["killed", "canceled", "closed"])
def test_an_analysis_that_ends_early_loses_nothing(reported: Any, key: Any, end: str) -> None:
    import slicer

    stub(reported, STILL)
    click_row(reported.ui.measurementTable, 0)
    key("X")
    type_reason(reported, "a poor view")
    key("A")
    wait(lambda: reported.study.analyzing)
    path = reported.study._corrections._path
    assert path is not None and path.is_file()
    if end == "killed":
        os.kill(reported.study.analysis.pid, signal.SIGKILL)
    elif end == "canceled":
        key("Esc")
    else:
        reported.study.close()
    wait(lambda: not reported.study.analyzing)
    assert not path.exists()
    if end == "closed":
        return
    assert status(reported, 0) == "excluded" and reported.results.row is not None
    browser = slicer.util.getNode("A4C (simulated)")
    assert "a poor view" in browser.GetAttribute("EchoApex.Decisions")
    assert len(clips_in(command_of(reported, key))) == 1


def test_a_scene_with_damaged_decisions_says_so_and_shows_the_report(reported: Any) -> None:
    import slicer

    slicer.util.getNode("A4C (simulated)").SetAttribute("EchoApex.Decisions", "[1]")
    reported.outdate()
    wait(lambda: "damaged" in reported.ui.messageLabel.text())
    assert cells(reported.ui.measurementTable, 0)[1] == "33.3 %"


def test_a_view_that_was_given_in_either_panel_goes_to_the_analysis_once(reported: Any, key: Any) -> None:
    import slicer

    file = reported.examination.chosen
    reported.study.giveView(file, "A2C")
    browser = slicer.util.getNode("A4C (simulated)")
    assert browser.GetAttribute("EchoApex.View") == "A2C"
    # As EchoApexSegment does it.
    browser.SetAttribute("EchoApex.View", "A3C")
    command = command_of(reported, key)
    assert "--views" not in command and [clip["view"] for clip in clips_in(command)] == ["A3C"]
    assert reported.study.list.clip(file).view == "A3C"
    reported.study.giveView(file, None)
    assert browser.GetAttribute("EchoApex.View") is None


def test_back_from_echoapex_segment_number_clip_and_frame_are_as_they_were(reported: Any, key: Any) -> None:
    import slicer

    for _ in range(3):
        click_row(reported.ui.measurementTable, 0)
    assert shown() == ("A2C (simulated)", 7)
    key("W")
    segment = slicer.util.getModuleWidget("EchoApexSegment")
    wait(lambda: segment.bench.clip is not None)
    assert segment.ui.studyButton.isVisible()
    key("Home")
    segment.ui.cineSelector.setCurrentNode(slicer.util.getNode("A4C (simulated)"))
    wait(lambda: shown()[0] == "A4C (simulated)")
    key("W")
    assert shown() == ("A2C (simulated)", 7)
    assert reported.ui.measurementTable.currentRow() == 0 and reported.results.row.item.name == "LVEF"
    key("N")
    assert shown() == ("A2C (simulated)", 0), "the next one"
    segment.bench.close()


def test_a_new_report_is_not_shown_while_another_module_is(reported: Any, panelOf: Any, tmp_path: Path) -> None:
    for _ in range(3):
        click_row(reported.ui.measurementTable, 0)
    folder = written_report(tmp_path / "other")
    panelOf("HostProbe")
    reported.study.openReport(folder)
    before = shown()
    reported.onTick()
    assert shown() == before
    panelOf("EchoApex")
    wait(lambda: reported.ui.measurementTable.rowCount() == 3)
    assert reported.study.report.folder == folder
