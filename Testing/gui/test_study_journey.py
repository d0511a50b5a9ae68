"""A study from its folder to signed numbers, by keys as far as keys go: analyzed, corrected, analyzed again, saved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journey_cases import UNMEASURED, UNUSED, write_examination
from study_panel_cases import cells, chart_title, marker, opened, place, scale_of_shown, shown, wait

from echoapex.measure.measurement import Measurement

RATER = "r7"
SCRIPT = Path(__file__).resolve().parents[2] / "EchoApex" / "EchoApexScripts" / "analyzeStudies.py"
A4C, A2C = "A4C (simulated)", "A2C (simulated)"
Numbers = dict[tuple[str, str, str], Measurement]


@pytest.fixture(scope="module")
def examination(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examination(tmp_path_factory.mktemp("examination"))


@pytest.fixture
def segment(host: Any, studyPanel: Any, keptProcess: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The panel of EchoApexSegment, which loads no model of its own; both panels have a rater in the settings."""
    import slicer

    from EchoApexLib.userSettings import UserSettings

    found = slicer.util.getModuleWidget("EchoApexSegment")
    monkeypatch.setattr(found.bench, "_startProcess", keptProcess)
    for panel in (found.bench, studyPanel.study):
        monkeypatch.setattr(panel, "_settings", lambda: UserSettings(rater=RATER))
    yield found
    found.bench.close()


def analyzed(panel: Any, key: Any) -> Numbers:
    """Analyzes by key; the numbers of the new report by name, method and clips."""
    before = panel.study.report
    wait(panel.ui.analyzeButton.isEnabled)
    key("A")
    wait(lambda: not panel.study.analyzing)
    wait(lambda: panel.study.report is not before)
    return {
        (item.name, item.method, "+".join(source.clip for source in item.sources)): item
        for item in panel.study.report.measurements
    }


def by_script(report: Path, examination: Path) -> bytes:
    """The report.json of the script that runs without a window, written beside the folder of another ``report``."""
    out = report.parent / "by-script"
    command = [sys.executable, str(SCRIPT), str(examination), "--out", str(out), "--no-scene"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # The damaged file.
    assert done.returncode == 1, done.stderr
    return (out / "report.json").read_bytes()


def check_reasons(panel: Any) -> None:
    """The list says of each clip that is not measured why."""
    clips = {clip.file.name: clip for clip in panel.study.list.clips}
    assert {name for name, clip in clips.items() if clip.refusal} == UNUSED.keys()
    assert {name for name, clip in clips.items() if clip.result.startswith("measured")} == {"A4C.dcm", "A2C.dcm"}
    for name, told in UNUSED.items():
        assert told in clips[name].refusal
    for name, told in UNMEASURED.items():
        assert any(told in warning for warning in clips[name].warnings), name


def choose_clip(panel: Any, name: str) -> None:
    """Chooses a clip in the list with the arrow keys."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from slicerhost.driving import settle

    table = panel.ui.clipTable
    names = [table.item(row, 0).text() for row in range(table.rowCount())]
    table.setFocus()
    for _ in names:
        QTest.keyClick(table, Qt.Key.Key_Up)
    for _ in range(names.index(name)):
        QTest.keyClick(table, Qt.Key.Key_Down)
    settle(80)
    assert panel.examination.clip.file.name == name


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


def typed(field: Any, words: str, end: str = "Return") -> None:
    """Types into the field that has the focus, and ends that with Return or Tab."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication
    from slicerhost.driving import settle

    now = QApplication.focusWidget()
    assert now is field or now.parent() is field
    QTest.keyClicks(now, words)
    QTest.keyClick(now, getattr(Qt.Key, f"Key_{end}"))
    settle(80)


def status_of(panel: Any) -> str:
    """The status in the chosen row of the table."""
    table = panel.ui.measurementTable
    return cells(table, table.currentRow())[6]


def test_from_a_folder_to_signed_numbers(
    studyPanel: Any, segment: Any, examination: Path, key: Any, plot: Any, tmp_path: Path
) -> None:
    import slicer
    from session_cases import draw
    from slicerhost.driving import settle

    from EchoApexLib.study.clipList import ClipList

    panel, ui = studyPanel, studyPanel.ui
    assert len(opened(panel, examination)) == ui.clipTable.rowCount() == 8

    # Analyzed, canceled once.
    key("A")
    wait(lambda: panel.study.analysis.progress.clips)
    key("Esc")
    wait(lambda: not panel.study.analyzing)
    assert "canceled" in ui.messageLabel.text() and panel.study.report is None
    first = analyzed(panel, key)
    assert {item.status for item in first.values()} == {"predicted"}
    assert ("LVEDV", "A2C", "A2C-1") not in first
    wait(lambda: shown()[0] == A4C)
    check_reasons(panel)
    report = panel.study.report.folder
    assert by_script(report, examination) == (report / "report.json").read_bytes()

    # To the EF; ES is dragged in the chart, put back, and moved there by keys.
    ef, volume = ("LVEF", "A4C", "A4C-1"), ("LVESV", "A4C", "A4C-1")
    ed, es = first[ef].sources[0].frames
    go_to(panel, key, "LVEF")
    key("N")
    key("N")
    assert shown() == (A4C, es)
    wait(lambda: f"A4C {first[ef].value:.1f} %" in chart_title())
    as_found, moved = chart_title(), es - 2
    plot.drag(place(panel, plot, "A4C", "ES"), plot.fromChart((moved - ed) / (es - ed), 40))
    settle(80)
    assert shown() == (A4C, moved) and marker(panel, "A4C", "ES").frame == moved
    dragged = chart_title()
    assert dragged != as_found and "by hand" in dragged
    key("U")
    assert chart_title() == as_found and marker(panel, "A4C", "ES").frame == es
    key(",")
    key(",")
    assert shown() == (A4C, moved) and chart_title() == dragged

    # One outline is corrected there.
    key("W")
    wait(lambda: segment.bench.clip is not None and segment.bench.clip.frame == moved)
    work = segment.bench.clip
    # Narrower; it keeps touching the atrium, by which the base is known in all frames.
    smaller = work.state.mask(moved, "LV")
    smaller[:, : int(np.flatnonzero(smaller.any(axis=0))[0]) + 3] = False
    draw(work.scene.segmentation, work.browser, smaller, "LV")
    key("Right")

    # Back where the study was left; only what depends on it changes, says so, and is what the chart has said.
    key("W")
    assert shown() == (A4C, moved) and panel.results.row.item.name == "LVEF"
    assert np.array_equal(work.state.mask(moved, "LV"), smaller)
    wait(lambda: "by hand" in chart_title() and chart_title() != dragged)
    told = panel.trace.control.trace.numbers.value("LVEF", "A4C")
    assert f"A4C {told:.1f} %" in chart_title()
    second = analyzed(panel, key)
    wait(lambda: shown() == (A4C, moved))
    assert panel.results.row.item.name == "LVEF" and status_of(panel) == "corrected"
    assert second[ef].value == pytest.approx(told, rel=1e-9)
    assert second.keys() == first.keys()
    for name, item in second.items():
        rests = any(source.clip == "A4C-1" and moved in source.frames for source in item.sources)
        assert (item.status, item.rater) == (("corrected", RATER) if rests else ("predicted", "")), name
        if not rests:
            assert item == first[name]
    assert second[ef].sources[0].frames == (ed, moved) and second[volume].value != first[volume].value

    # The work in EchoApexSegment goes on with all that can be undone.
    assert segment.bench.clip is work and not work.closed
    assert np.array_equal(work.state.mask(moved, "LV"), smaller)
    undoable = [work.state.next_undo.name]
    while work.state.next_undo.name != f"edit of frame {moved}":
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
    typed(ui.reasonEdit, "no apex")
    assert status_of(panel) == "excluded" and "no apex" in ui.measurementLabel.text()

    # The clip without a scale gets one by two points; its volumes appear, and those of both views, marked.
    choose_clip(panel, "A2C.dcm")
    key("M")
    wait(lambda: shown()[0] == A2C and ui.rulerButton.isChecked())
    ui.firstXBox.setFocus()
    ui.firstXBox.selectAll()
    for box, value in zip((*panel.scale.boxes, ui.distanceBox), (80, 10, 80, 110, 150), strict=True):
        typed(box, str(value), "Tab")
    key("L")
    wait(lambda: scale_of_shown().source == "user" and "biplane" in chart_title())
    told = panel.trace.control.trace.numbers.value("LVEF", "biplane")
    third = analyzed(panel, key)
    assert third["LVEF", "biplane", "A4C-1+A2C-1"].value == pytest.approx(told, rel=1e-9)
    by_hand = "The scale of A2C-1 is by hand: two points 150 mm apart"
    assert {("LVEDV", "A2C", "A2C-1"), ("LVEF", "biplane", "A4C-1+A2C-1")} <= third.keys() - second.keys()
    for name, item in third.items():
        scaled = "A2C-1" in name[2] and (item.unit != "%" or item.method == "biplane")
        assert (by_hand in item.warnings) == scaled, name
        assert not scaled or (item.status, item.rater) == ("corrected", RATER)
        if "A2C-1" not in name[2]:
            assert item.value == second[name].value
    go_to(panel, key, "LVEDV", "A2C")
    assert status_of(panel) == "corrected" and by_hand in ui.measurementLabel.text()
    assert third["LVEDV", "A4C", "A4C-1"].status == "confirmed"
    left_out = {name: item.excluded.reason for name, item in third.items() if item.excluded is not None}
    assert left_out == {("LVEF", "area_length_A4C", "A4C-1"): "no apex"}

    # The report, in a window and as a page.
    key("P")
    preview = panel.results.preview
    for page in (preview.browser.toPlainText(), panel.study.report.page.read_text(encoding="utf-8")):
        assert by_hand in page and f"A4C-1, by hand ({RATER}): " in page and "excluded: no apex" in page
    preview.dialog.reject()

    # Saved, closed, opened again, as if by a new application: the same numbers.
    before = [cells(ui.measurementTable, row) for row in range(ui.measurementTable.rowCount())]
    path = str(tmp_path / "work.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    panel.study.list = ClipList()
    settle(80)
    assert ui.measurementTable.rowCount() == 0 and segment.bench.clip is None
    slicer.util.loadScene(path)
    wait(lambda: panel.study.report is not None)
    assert [cells(ui.measurementTable, row) for row in range(ui.measurementTable.rowCount())] == before
    go_to(panel, key, "LVEDV", "A2C")
    key("N")
    assert shown()[0] == A2C and scale_of_shown().mm_per_px == pytest.approx((1.5, 1.5))

    # The work goes on: the next analysis has all that was corrected, and gives the same numbers.
    opened(panel, examination)
    assert {clip.file.name: clip.scale for clip in panel.study.list.clips}["A2C.dcm"] == "user"
    assert analyzed(panel, key) == third
    browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    assert sorted(browser.GetName() for browser in browsers) == [A2C, A4C]
    choose_clip(panel, "A4C.dcm")
    key("W")
    wait(lambda: segment.bench.clip is not None)
    assert np.array_equal(segment.bench.clip.state.mask(moved, "LV"), smaller)
    assert list(Path(tmp_path).glob("**/echoapex-corrections-*")) == []
