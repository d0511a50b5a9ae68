"""Examinations that are not as they should be: long ones, patients without a name or with another's, a full disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from study_panel_cases import cells, clip_files, opened, press, wait

MANY = 60
LARGEST_FILE = 2048
"""Bytes that a file may have where the disk is as good as full: less than any report has."""


def patients(folder: Path, **headers: tuple[str, str]) -> Path:
    """A folder with a small A4C of each patient, given as (name, ID) by the name of its file."""
    from pydicom import dcmread
    from pydicom.uid import generate_uid

    from echoapex.simulation import draw_case, simulate_clip
    from echoapex.simulation.dicom_writing import write_dicom
    from echoapex.simulation.vendor_looks import TRAINING

    for seed, (file, (name, identity)) in enumerate(headers.items()):
        path = folder / f"{file}.dcm"
        case = draw_case("easy", seed)
        write_dicom(path, simulate_clip(case, "A4C", rows=80, columns=100, max_frames=4, sampling=TRAINING), 1)
        header = dcmread(path)
        header.PatientName, header.PatientID, header.StudyInstanceUID = name, identity, generate_uid()
        header.save_as(path, enforce_file_format=True)
    return folder


def heads(panel: Any) -> list[str]:
    """The first cells of the list."""
    return [cells(panel.ui.clipTable, row)[0] for row in range(panel.ui.clipTable.rowCount())]


def test_a_study_of_many_clips(studyPanel: Any, tmp_path: Path) -> None:
    names = [f"{chr(0x100 + number)} clip" for number in range(MANY)]
    clips = opened(studyPanel, clip_files(tmp_path, *names))
    assert len(clips) == MANY and studyPanel.ui.listLabel.text().startswith(f"{MANY} clips")
    last = clips[-1]
    studyPanel.examination.choose(last.file)
    wait(lambda: studyPanel.ui.clipLabel.text().startswith(last.file.name))
    press(studyPanel, "showButton")
    assert not studyPanel.ui.messageLabel.text()


def test_a_patient_without_a_name(studyPanel: Any, tmp_path: Path) -> None:
    (clip,) = opened(studyPanel, patients(tmp_path, one=("", "")))
    assert clip.view == "A4C" and not clip.refusal
    assert heads(studyPanel) == ["one.dcm"] and studyPanel.ui.analyzeButton.isEnabled()


def test_two_patients_with_one_name(studyPanel: Any, tmp_path: Path) -> None:
    opened(studyPanel, patients(tmp_path, one=("Some^Name", "1"), two=("Some^Name", "2")))
    assert len(studyPanel.study.list.studies) == 2
    shown = heads(studyPanel)
    assert shown[1] == "one.dcm" and shown[3] == "two.dcm"
    assert not any("Some" in text for text in shown), "nobody is named"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
def test_a_disk_that_is_full_while_the_report_is_written(studyPanel: Any, tmp_path: Path) -> None:
    import resource

    from EchoApexLib.study.studyAnalysis import StudyAnalysis

    panel = studyPanel
    (tmp_path / "clips").mkdir()
    opened(panel, patients(tmp_path / "clips", one=("", "1")))
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({LARGEST_FILE}, {resource.RLIM_INFINITY}));"
    run = "import runpy, sys; sys.argv[0] = 'echoapex'; runpy.run_module('echoapex', run_name='__main__')"
    panel.study._start = lambda command: StudyAnalysis([sys.executable, "-c", f"{limit} {run}", *command[3:]])
    press(panel, "analyzeButton")
    wait(lambda: not panel.study.analyzing)
    text = panel.ui.messageLabel.text()
    assert "File too large" in text and "\n" not in text, text
    assert panel.study.report is None and list(Path(panel.ui.folderEdit.currentPath).rglob("report.json")) == []
    assert heads(panel) == ["one.dcm"] and panel.ui.analyzeButton.isEnabled()
