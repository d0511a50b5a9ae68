"""A study from its folder to signed numbers, by keys as far as keys go: analyzed, corrected, analyzed again, saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from study_panel_cases import cells, opened, shown, wait

from echoapex.measure.measurement import Measurement
from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import TRAINING

RATER = "r7"


@pytest.fixture(scope="module")
def examination(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A4C, and A2C of which the scale is not known, of one small simulated heart."""
    from pydicom import dcmread

    folder = tmp_path_factory.mktemp("examination")
    for number, view in enumerate(("A4C", "A2C"), 1):
        clip = simulate_clip(
            draw_case("easy", 5), view, rows=120, columns=160, beats=1.2, max_frames=14, sampling=TRAINING
        )
        write_dicom(folder / f"{view}.dcm", clip, number)
    header = dcmread(folder / "A2C.dcm")
    del header.SequenceOfUltrasoundRegions
    header.save_as(folder / "A2C.dcm", enforce_file_format=True)
    return folder


@pytest.fixture
def segment(host: Any, keptProcess: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The panel of EchoApexSegment, which loads no model of its own, with a rater in the settings."""
    import slicer

    from EchoApexLib.userSettings import UserSettings

    found = slicer.util.getModuleWidget("EchoApexSegment")
    monkeypatch.setattr(found.bench, "_startProcess", keptProcess)
    monkeypatch.setattr(found.bench, "_settings", lambda: UserSettings(rater=RATER))
    yield found
    found.bench.close()


def analyzed(panel: Any, key: Any) -> dict[tuple[str, str, str], Measurement]:
    """Analyzes by key; the numbers of the new report by name, method and clips."""
    before = panel.study.report
    wait(panel.ui.analyzeButton.isEnabled)
    key("A")
    wait(lambda: not panel.study.analyzing)
    wait(lambda: panel.study.report is not before)
    return numbers(panel)


def numbers(panel: Any) -> dict[tuple[str, str, str], Measurement]:
    return {
        (item.name, item.method, "+".join(source.clip for source in item.sources)): item
        for item in panel.study.report.measurements
    }


def go_to(panel: Any, key: Any, name: str, method: str = "A4C") -> None:
    """Chooses a number of the A4C in the table with the arrow keys."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from slicerhost.driving import settle

    table = panel.ui.measurementTable
    items = [row.item for row in panel.results._rows]
    wanted = next(index for index, item in enumerate(items) if (item.name, item.method) == (name, method))
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Down)
    for _ in items:
        QTest.keyClick(table, Qt.Key.Key_Up)
    while table.currentRow() < wanted:
        QTest.keyClick(table, Qt.Key.Key_Down)
    settle(80)
    assert panel.results.row.item is items[wanted]


def typed(panel: Any, words: str) -> None:
    """Types into the field that has the focus, and presses Return."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication
    from slicerhost.driving import settle

    field = QApplication.focusWidget()
    assert field is panel.ui.reasonEdit
    QTest.keyClicks(field, words)
    QTest.keyClick(field, Qt.Key.Key_Return)
    settle(80)


def status_of(panel: Any) -> str:
    """The status in the chosen row of the table."""
    table = panel.ui.measurementTable
    return cells(table, table.currentRow())[6]


def test_from_a_folder_to_signed_numbers(
    studyPanel: Any, segment: Any, examination: Path, key: Any, tmp_path: Path
) -> None:
    import slicer
    from session_cases import draw
    from slicerhost.driving import settle

    panel, ui = studyPanel, studyPanel.ui
    opened(panel, examination)

    # Analyzed, canceled once.
    key("A")
    wait(lambda: panel.study.analysis.progress.clips)
    key("Esc")
    wait(lambda: not panel.study.analyzing)
    assert "canceled" in ui.messageLabel.text() and panel.study.report is None
    first = analyzed(panel, key)
    assert {item.status for item in first.values()} == {"predicted"}
    wait(lambda: shown()[0] == "A4C (simulated)")

    # To the EF, and one outline corrected at ES.
    ef = first["LVEF", "A4C", "A4C-1"]
    ed, es = ef.sources[0].frames
    go_to(panel, key, "LVEF")
    key("N")
    key("N")
    assert shown() == ("A4C (simulated)", es)
    # HERE: dragging ES in the chart, and EF following.
    key("W")
    wait(lambda: segment.bench.clip is not None and segment.bench.clip.frame == es)
    work = segment.bench.clip
    # Narrower; it keeps touching the atrium, by which the base is known in all frames.
    smaller = work.state.mask(es, "LV")
    smaller[:, : int(np.flatnonzero(smaller.any(axis=0))[0]) + 3] = False
    draw(work.scene.segmentation, work.browser, smaller, "LV")
    key("Right")

    # Back where the study was left; only what depends on the outline changes, and says so.
    key("W")
    assert shown() == ("A4C (simulated)", es) and panel.results.row.item.name == "LVEF"
    assert np.array_equal(work.state.mask(es, "LV"), smaller)
    second = analyzed(panel, key)
    wait(lambda: shown() == ("A4C (simulated)", es))
    assert panel.results.row.item.name == "LVEF" and status_of(panel) == "corrected"
    assert second.keys() == first.keys()
    for name, item in second.items():
        rests = any(source.clip == "A4C-1" and es in source.frames for source in item.sources)
        assert item.status == ("corrected" if rests else "predicted"), name
        assert item.rater == (RATER if rests else "")
        if not rests:
            assert item == first[name]
    volume = "LVESV", "A4C", "A4C-1"
    assert second[volume].value < first[volume].value
    assert second["LVEF", "A4C", "A4C-1"].value > ef.value

    # The work in EchoApexSegment goes on with all that can be undone.
    assert segment.bench.clip is work and not work.closed
    assert np.array_equal(work.state.mask(es, "LV"), smaller)
    undoable = [work.state.next_undo.name]
    while work.state.next_undo.name != f"edit of frame {es}":
        work.state.undo()
        undoable.append(work.state.next_undo.name)
    for _ in undoable[1:]:
        work.state.redo()

    # One number is confirmed, another one excluded with a reason.
    go_to(panel, key, "LVEDV")
    key("Y")
    assert status_of(panel) == "confirmed" and work.state.entry(ed, "LV").status == "accepted"
    go_to(panel, key, "LVEF", "area_length_A4C")
    key("X")
    typed(panel, "no apex")
    assert status_of(panel) == "excluded" and "no apex" in ui.measurementLabel.text()
    # HERE: calibrating the A2C, which has no scale; its volumes appear, marked.

    # Saved, closed, opened again: the same numbers.
    before = [cells(ui.measurementTable, row) for row in range(ui.measurementTable.rowCount())]
    path = str(tmp_path / "work.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    settle(80)
    assert ui.measurementTable.rowCount() == 0 and segment.bench.clip is None
    slicer.util.loadScene(path)
    wait(lambda: panel.study.report is not None)
    assert [cells(ui.measurementTable, row) for row in range(ui.measurementTable.rowCount())] == before

    # The work goes on: the next analysis has all that was corrected, and gives the same numbers.
    opened(panel, examination)
    third = analyzed(panel, key)
    assert {name: item.value for name, item in third.items()} == {name: item.value for name, item in second.items()}
    assert third[volume].status == "corrected" and third[volume].rater == RATER
    assert third["LVEDV", "A4C", "A4C-1"].status == "confirmed"
    left_out = {name: item.excluded.reason for name, item in third.items() if item.excluded is not None}
    assert left_out == {("LVEF", "area_length_A4C", "A4C-1"): "no apex"}
    assert len(slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")) == 1
    key("W")
    wait(lambda: segment.bench.clip is not None)
    assert np.array_equal(segment.bench.clip.state.mask(es, "LV"), smaller)
    assert list(Path(tmp_path).glob("**/echoapex-corrections-*")) == []
