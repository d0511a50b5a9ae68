"""The panel of EchoApex as a sonographer uses it: from a folder to numbers, and from a number to its frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study_panel_cases import cells, click_row, opened, press, row_of, shown, wait

from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import TRAINING


@pytest.fixture(scope="module")
def examination(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small examination of a simulated heart: of its PLAX the scale is not known, and one file is cut short."""
    from pydicom import dcmread

    folder = tmp_path_factory.mktemp("examination")
    for number, view in enumerate(("A4C", "PLAX"), 1):
        clip = simulate_clip(
            draw_case("easy", 5), view, rows=120, columns=160, beats=1.2, max_frames=14, sampling=TRAINING
        )
        write_dicom(folder / f"{view}.dcm", clip, number)
    header = dcmread(folder / "PLAX.dcm")
    del header.SequenceOfUltrasoundRegions
    header.save_as(folder / "PLAX.dcm", enforce_file_format=True)
    (folder / "damaged.dcm").write_bytes((folder / "A4C.dcm").read_bytes()[:4000])
    return folder


def test_from_a_folder_to_numbers_and_from_a_number_to_its_frame(
    studyPanel: Any, examination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import EchoApexPanelLib.resultsSection as results

    panel, ui = studyPanel, studyPanel.ui
    opened(panel, examination)
    assert [cells(ui.clipTable, row)[:2] for row in range(3)] == [
        ["A4C.dcm", "A4C\nheader"],
        ["PLAX.dcm", "PLAX\nheader"],
        ["damaged.dcm", "A4C\nheader"],
    ]
    assert [cells(ui.clipTable, row)[4] for row in range(2)] == ["region", "none"]
    assert ui.listLabel.text() == "3 clips." and ui.analyzeButton.isEnabled()
    ui.ageBox.setValue(60)
    ui.sexBox.setCurrentIndex(ui.sexBox.findData("M"))

    press(panel, "analyzeButton")
    seen: set[str] = set()
    assert not ui.analyzeButton.isEnabled()
    wait(lambda: seen.add(ui.progressLabel.text()) or not panel.study.analyzing)
    assert any(text.startswith("Clip 2 of 3: ") for text in seen), seen
    assert panel.study.report is not None, ui.messageLabel.text()
    assert cells(ui.clipTable, 2)[2] == "not used" and cells(ui.clipTable, 0)[1:3] == ["A4C\nmodel", "measured"]
    assert "Simulated heart" in ui.reportLabel.text() and "demonstration" in ui.reportLabel.text()
    assert "60 years" in ui.reportLabel.text() and "damaged.dcm" in ui.missingLabel.text()
    wait(lambda: shown()[0] == "A4C (simulated)")

    row = row_of(panel, "LVEF")
    assert cells(ui.measurementTable, row)[1].endswith("%")
    click_row(ui.measurementTable, row)
    places = panel.results._rows[row].places
    assert shown() == ("A4C (simulated)", places[0].frame)
    click_row(ui.measurementTable, row)
    assert shown() == ("A4C (simulated)", places[1].frame) and places[1] != places[0]
    rows = [cells(ui.measurementTable, row) for row in range(ui.measurementTable.rowCount())]
    lengths = {row[0].split()[0] for row in rows if row[1].endswith(" mm")}
    assert lengths <= {"LVLd", "LVLs"}, "of the A4C; the PLAX has no scale"

    pages: list[Path] = []
    monkeypatch.setattr(results, "openPage", lambda page: pages.append(page) or True)
    press(panel, "reportButton")
    assert pages == [panel.study.report.folder / "report.html"] and pages[0].is_file()


def test_a_view_that_the_user_gives_goes_to_the_analysis(studyPanel: Any, examination: Path) -> None:
    panel, ui = studyPanel, studyPanel.ui
    opened(panel, examination / "A4C.dcm")
    commands: list[Any] = []
    panel.study._start = commands.append or (lambda command: None)
    ui.viewBox.setCurrentIndex(ui.viewBox.findData("A2C"))
    ui.viewBox.activated.emit(ui.viewBox.currentIndex())
    wait(lambda: cells(ui.clipTable, 0)[1] == "A2C\nyou")
    press(panel, "analyzeButton")
    (command,) = commands
    assert f"{(examination / 'A4C.dcm').resolve()}=A2C" in command
    ui.viewBox.setCurrentIndex(0)
    ui.viewBox.activated.emit(0)
    wait(lambda: cells(ui.clipTable, 0)[1] == "A4C\nheader")
