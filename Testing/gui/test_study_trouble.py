"""What goes wrong in the panel of EchoApex is one clear sentence, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from study_panel_cases import cells, clip_files, opened, press, shown, stub, wait, written_report

STILL = "import time; print('started', flush=True); time.sleep(600)"


@pytest.fixture
def listed(studyPanel: Any, tmp_path: Path) -> Any:
    """The panel with two clips of noise."""
    opened(studyPanel, clip_files(tmp_path / "clips", "a", "b"))
    assert len(studyPanel.study.list.clips) == 2
    return studyPanel


def said(panel: Any) -> str:
    """The one sentence in the panel."""
    text = panel.ui.messageLabel.text()
    assert text and "\n" not in text
    return str(text)


def test_an_empty_folder(studyPanel: Any, tmp_path: Path) -> None:
    opened(studyPanel, tmp_path)
    assert "There is no file that may be a clip" in said(studyPanel)
    assert studyPanel.ui.listLabel.text() == "No examination is open." and not studyPanel.ui.analyzeButton.isEnabled()


def test_many_files_of_which_few_are_clips(studyPanel: Any, tmp_path: Path) -> None:
    for number in range(290):
        (tmp_path / f"{number}.txt").write_text("no clip")
    clips = opened(studyPanel, clip_files(tmp_path, "a", "b"))
    assert len(clips) == 2
    text = studyPanel.ui.listLabel.text()
    assert text.startswith("2 clips; left out: 0.txt and 289 more: "), text


def test_only_files_that_are_no_clips(studyPanel: Any, tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.txt").write_text("no clip")
    opened(studyPanel, tmp_path)
    assert "None of these files is a clip of ultrasound" in said(studyPanel)


def test_a_clip_that_is_not_used_says_why(studyPanel: Any, tmp_path: Path) -> None:
    folder = clip_files(tmp_path, "a")
    (folder / "b.nrrd").write_bytes((folder / "a.nrrd").read_bytes()[:-300])
    opened(studyPanel, folder)
    assert cells(studyPanel.ui.clipTable, 1)[2] == "not used"
    studyPanel.examination.choose((folder / "b.nrrd").resolve())
    wait(lambda: studyPanel.ui.clipLabel.text().startswith("b.nrrd. Not used: "))
    press(studyPanel, "showButton")
    assert "b.nrrd: This clip is not used" in said(studyPanel)


def test_two_patients_are_apart(studyPanel: Any, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    opened(studyPanel, clip_files(tmp_path / "one", "a"), clip_files(tmp_path / "two", "b"))
    table = studyPanel.ui.clipTable
    assert [table.item(row, 0).text() for row in range(4)] == [
        "study-1: 1 clip",
        "a.nrrd",
        "study-2: 1 clip",
        "b.nrrd",
    ]
    assert table.columnSpan(0, 0) == table.columnCount() and table.columnSpan(1, 0) == 1


def test_a_clip_of_the_list_is_shown_without_an_analysis(listed: Any) -> None:
    press(listed, "showButton")
    assert shown() == ("Cine", 0)
    press(listed, "showButton")
    import slicer

    assert len(slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals there")
def test_an_analysis_that_is_killed(listed: Any) -> None:
    stub(listed, STILL)
    press(listed, "analyzeButton")
    wait(lambda: listed.study.analyzing)
    os.kill(listed.study.analysis.pid, signal.SIGKILL)
    wait(lambda: not listed.study.analyzing)
    assert "ended from outside before its report was written" in said(listed)
    assert listed.ui.progressLabel.text() == "Failed." and listed.ui.analyzeButton.isEnabled()
    assert len(listed.study.list.clips) == 2


def test_an_analysis_that_fails(listed: Any) -> None:
    result = {"failures": [{"file": "/reports", "rule": "The report cannot be written here", "value": "disk full"}]}
    stub(listed, f"import json; print(json.dumps({result!r})); raise SystemExit(1)")
    press(listed, "analyzeButton")
    wait(lambda: not listed.study.analyzing)
    assert said(listed) == "/reports: The report cannot be written here (found: disk full)."


def test_an_earlier_report_stays_open_when_the_next_analysis_is_canceled(listed: Any, tmp_path: Path) -> None:
    listed.study.openReport(written_report(tmp_path / "report"))
    stub(listed, STILL)
    press(listed, "analyzeButton")
    press(listed, "cancelButton")
    wait(lambda: not listed.study.analyzing)
    assert "canceled" in said(listed) and listed.study.report is not None
    assert listed.ui.progressLabel.text() == "Canceled."


def test_libraries_are_asked_for_once_and_with_consent(listed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from echoapex.errors import EchoApexError
    from EchoApexLib.study import studyController

    asked: list[str] = []

    def decline() -> None:
        asked.append("asked")
        raise EchoApexError("The model needs PyTorch, which was not installed")

    monkeypatch.setattr(studyController, "missingModules", lambda: ("torch",))
    monkeypatch.setattr(studyController, "installModelLibraries", decline)
    press(listed, "analyzeButton")
    assert said(listed) == "The model needs PyTorch, which was not installed." and asked == ["asked"]
    assert not listed.study.analyzing


def test_opening_in_the_middle_of_an_analysis_is_refused(listed: Any, tmp_path: Path) -> None:
    stub(listed, STILL)
    press(listed, "analyzeButton")
    listed.openPaths([tmp_path])
    assert "An analysis runs" in said(listed) and len(listed.study.list.clips) == 2 and listed.study.analyzing


def test_without_a_folder_for_reports_or_with_an_impossible_patient_nothing_is_begun(listed: Any) -> None:
    stub(listed, STILL)
    listed.ui.heightBox.setValue(2)
    press(listed, "analyzeButton")
    assert "height" in said(listed) and not listed.study.analyzing
    listed.ui.heightBox.setValue(0)
    listed.ui.folderEdit.currentPath = " "
    press(listed, "analyzeButton")
    assert "in which folder" in said(listed) and not listed.study.analyzing


def test_closing_the_scene_in_the_middle_of_an_analysis(listed: Any, tmp_path: Path) -> None:
    import slicer

    folder = str(written_report(tmp_path / "report"))
    flag = tmp_path / "go on"
    result = {"studies": [{"folder": folder, "report": "", "html": ""}], "failures": []}
    wait_for = f"import json, pathlib, time\nwhile not pathlib.Path({str(flag)!r}).exists(): time.sleep(0.01)\n"
    stub(listed, f"{wait_for}print(json.dumps({result!r}))")
    press(listed, "showButton")
    press(listed, "analyzeButton")
    slicer.mrmlScene.Clear(0)
    wait(lambda: listed.study.analyzing)
    assert len(listed.study.list.clips) == 2 and listed.ui.clipTable.rowCount() == 2
    flag.write_text("")
    wait(lambda: not listed.study.analyzing and shown()[0])
    assert shown()[0] == "A4C (simulated)" and listed.ui.measurementTable.rowCount() == 3


def test_in_another_module_an_analysis_goes_on_and_its_end_is_said(listed: Any, panelOf: Any, tmp_path: Path) -> None:
    flag = tmp_path / "go on"
    code = f"import pathlib, time\nwhile not pathlib.Path({str(flag)!r}).exists(): time.sleep(0.01)\n"
    stub(listed, f"{code}print('o' * 200_000)")
    press(listed, "analyzeButton")
    panelOf("HostProbe")
    assert listed.keys is None and listed.timer.isActive()
    flag.write_text("")
    wait(lambda: not listed.study.analyzing)
    assert "was not understood" in said(listed) and not listed.timer.isActive()
    panelOf("EchoApex")
    assert listed.timer.isActive()


def test_a_reload_in_the_middle_of_an_analysis_ends_it(listed: Any, host: Any) -> None:
    import psutil
    import slicer
    from PySide6.QtCore import QCoreApplication, QEvent
    from slicerhost.driving import settle

    stub(listed, STILL)
    press(listed, "analyzeButton")
    process = psutil.Process(listed.study.analysis.pid)
    timer = listed.timer
    listed.onReload()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    settle(40)
    new = slicer.util.getModuleWidget("EchoApex")
    assert new is not listed and new.timer.isActive() and not timer.isActive() and listed.Observations == []
    wait(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    slicer.mrmlScene.Clear(0)
    settle(40)
    assert new.ui.listLabel.text() == "No examination is open."


@pytest.mark.parametrize("change", [{"schema": 3}, {"clips": "none"}])
def test_a_report_that_cannot_be_read(studyPanel: Any, tmp_path: Path, change: Any) -> None:
    file = written_report(tmp_path / "report") / "report.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    studyPanel.attempt(lambda: studyPanel.study.openReport(file.parent))
    assert "report.json: " in said(studyPanel) and studyPanel.study.report is None


def test_a_clip_that_was_removed_from_the_disk(studyPanel: Any, tmp_path: Path) -> None:
    folder = written_report(tmp_path / "report")
    (folder / "clips" / "a.nrrd").unlink()
    studyPanel.study.openReport(folder)
    wait(studyPanel.ui.messageLabel.text)
    assert "a.nrrd" in said(studyPanel) and studyPanel.ui.measurementTable.rowCount() == 3


def test_files_that_are_dropped_are_listed(studyPanel: Any, tmp_path: Path) -> None:
    from PySide6 import QtCore, QtGui, QtWidgets

    folder = clip_files(tmp_path / "clips", "a")
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(folder))])
    given = (data, QtCore.Qt.MouseButton.LeftButton, QtCore.Qt.KeyboardModifier.NoModifier)
    action = QtCore.Qt.DropAction.CopyAction
    entered = QtGui.QDragEnterEvent(QtCore.QPoint(5, 5), action, *given)
    QtWidgets.QApplication.sendEvent(studyPanel.uiWidget, entered)
    assert entered.isAccepted()
    QtWidgets.QApplication.sendEvent(studyPanel.uiWidget, QtGui.QDropEvent(QtCore.QPointF(5, 5), action, *given))
    wait(lambda: studyPanel.study.list.clips)
    assert cells(studyPanel.ui.clipTable, 0)[0] == "a.nrrd"
