"""A study from its folder to signed numbers, by keys as far as keys go: analyzed, corrected, analyzed again, saved."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from journey_cases import UNMEASURED, UNUSED, write_examination
from study_panel_cases import cells, chart_title, choose_clip, marker, opened, place, scale_of_shown, shown, wait

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


@dataclass
class Journey:
    """One sonographer's work on one examination. Each step leaves what those after it compare with."""

    panel: Any
    segment: Any
    examination: Path
    key: Any
    plot: Any
    folder: Path
    reports: list[Numbers] = field(default_factory=list)
    es: int = -1
    """The frame of ES in the A4C, as it was moved."""
    outline: Any = None
    """The LV there, as it was drawn."""
    work: Any = None
    """Who works on the A4C in EchoApexSegment."""

    @property
    def ui(self) -> Any:
        return self.panel.ui

    @property
    def marked(self) -> set[str]:
        """The names of the numbers that are marked as those of before."""
        table = self.ui.measurementTable
        names = [table.item(row, 0).text() for row in range(table.rowCount())]
        return {name.split()[0] for name in names if "↻" in name}

    def analyze(self) -> Numbers:
        self.reports.append(analyzed(self.panel, self.key))
        return self.reports[-1]


EF, ESV = ("LVEF", "A4C", "A4C-1"), ("LVESV", "A4C", "A4C-1")


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


def is_analyzed_after_a_cancel(journey: Journey) -> None:
    panel, key = journey.panel, journey.key
    assert len(opened(panel, journey.examination)) == journey.ui.clipTable.rowCount() == 8
    key("A")
    wait(lambda: panel.study.analysis.progress.clips)
    key("Esc")
    wait(lambda: not panel.study.analyzing)
    assert "canceled" in journey.ui.messageLabel.text() and panel.study.report is None
    first = journey.analyze()
    assert {item.status for item in first.values()} == {"predicted"}
    assert ("LVEDV", "A2C", "A2C-1") not in first
    wait(lambda: shown()[0] == A4C)
    check_reasons(panel)


def the_script_gives_the_same_report(journey: Journey) -> None:
    report = journey.panel.study.report.folder
    assert by_script(report, journey.examination) == (report / "report.json").read_bytes()


def es_is_dragged_put_back_and_moved_by_keys(journey: Journey) -> None:
    from slicerhost.driving import settle

    panel, plot, key, first = journey.panel, journey.plot, journey.key, journey.reports[0]
    ed, es = first[EF].sources[0].frames
    go_to(panel, key, "LVEF")
    key("N")
    key("N")
    assert shown() == (A4C, es)
    wait(lambda: f"A4C {first[EF].value:.1f} %" in chart_title())
    as_found, moved = chart_title(), es - 2
    plot.drag(place(panel, plot, "A4C", "ES"), plot.fromChart((moved - ed) / (es - ed), 40))
    settle(80)
    assert shown() == (A4C, moved) and marker(panel, "A4C", "ES").frame == moved
    dragged = chart_title()
    assert dragged != as_found and "by hand" in dragged and {"LVEF", "LVESV"} <= journey.marked
    key("U")
    assert chart_title() == as_found and marker(panel, "A4C", "ES").frame == es and journey.marked == set()
    key(",")
    key(",")
    assert shown() == (A4C, moved) and chart_title() == dragged
    journey.es = moved


def an_outline_is_corrected_in_echoapex_segment(journey: Journey) -> None:
    from session_cases import draw

    segment, key, frame = journey.segment, journey.key, journey.es
    key("W")
    wait(lambda: segment.bench.clip is not None and segment.bench.clip.frame == frame)
    work = journey.work = segment.bench.clip
    # Narrower; it keeps touching the atrium, by which the base is known in all frames.
    smaller = work.state.mask(frame, "LV")
    smaller[:, : int(np.flatnonzero(smaller.any(axis=0))[0]) + 3] = False
    draw(work.scene.segmentation, work.browser, smaller, "LV")
    journey.outline = smaller
    key("Right")


def only_what_depends_on_it_changes_as_the_chart_has_said(journey: Journey) -> None:
    panel, key, frame = journey.panel, journey.key, journey.es
    dragged = chart_title()
    key("W")
    assert shown() == (A4C, frame) and panel.results.row.item.name == "LVEF"
    assert np.array_equal(journey.work.state.mask(frame, "LV"), journey.outline)
    wait(lambda: "by hand" in chart_title() and chart_title() != dragged)
    told = panel.trace.control.trace.numbers.value("LVEF", "A4C")
    assert f"A4C {told:.1f} %" in chart_title()
    first, second = journey.reports[0], journey.analyze()
    wait(lambda: shown() == (A4C, frame))
    assert panel.results.row.item.name == "LVEF" and status_of(panel) == "corrected" and journey.marked == set()
    assert second[EF].value == pytest.approx(told, rel=1e-9)
    assert second.keys() == first.keys()
    for name, item in second.items():
        rests = any(source.clip == "A4C-1" and frame in source.frames for source in item.sources)
        assert (item.status, item.rater) == (("corrected", RATER) if rests else ("predicted", "")), name
        if not rests:
            assert item == first[name]
    assert second[EF].sources[0].frames[1] == frame and second[ESV].value != first[ESV].value


def the_work_there_goes_on_with_all_that_can_be_undone(journey: Journey) -> None:
    work, frame = journey.work, journey.es
    assert journey.segment.bench.clip is work and not work.closed
    assert np.array_equal(work.state.mask(frame, "LV"), journey.outline)
    undoable = [work.state.next_undo.name]
    while work.state.next_undo.name != f"edit of frame {frame}":
        work.state.undo()
        undoable.append(work.state.next_undo.name)
    for _ in undoable[1:]:
        work.state.redo()


def a_number_is_confirmed_and_another_one_excluded(journey: Journey) -> None:
    panel, key = journey.panel, journey.key
    ed = journey.reports[0][EF].sources[0].frames[0]
    go_to(panel, key, "LVEDV")
    key("Y")
    assert status_of(panel) == "confirmed" and journey.work.state.entry(ed, "LV").status == "accepted"
    go_to(panel, key, "LVEF", "area_length_A4C")
    key("X")
    typed(journey.ui.reasonEdit, "no apex")
    assert status_of(panel) == "excluded" and "no apex" in journey.ui.measurementLabel.text()


SCALE_BY_HAND = "The scale of A2C-1 is by hand: two points 150 mm apart"


def a_scale_by_two_points_gives_volumes_that_say_so(journey: Journey) -> None:
    panel, key, ui = journey.panel, journey.key, journey.ui
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
    second, third = journey.reports[1], journey.analyze()
    assert third["LVEF", "biplane", "A4C-1+A2C-1"].value == pytest.approx(told, rel=1e-9)
    assert {("LVEDV", "A2C", "A2C-1"), ("LVEF", "biplane", "A4C-1+A2C-1")} <= third.keys() - second.keys()
    for name, item in third.items():
        scaled = "A2C-1" in name[2] and (item.unit != "%" or item.method == "biplane")
        assert (SCALE_BY_HAND in item.warnings) == scaled, name
        assert not scaled or (item.status, item.rater) == ("corrected", RATER)
        if "A2C-1" not in name[2]:
            assert item.value == second[name].value
    go_to(panel, key, "LVEDV", "A2C")
    assert status_of(panel) == "corrected" and SCALE_BY_HAND in ui.measurementLabel.text()
    assert third["LVEDV", "A4C", "A4C-1"].status == "confirmed" and journey.marked == set()
    left_out = {name: item.excluded.reason for name, item in third.items() if item.excluded is not None}
    assert left_out == {("LVEF", "area_length_A4C", "A4C-1"): "no apex"}


def the_report_says_so_in_a_window_and_as_a_page(journey: Journey) -> None:
    journey.key("P")
    preview = journey.panel.results.preview
    for page in (preview.browser.toPlainText(), journey.panel.study.report.page.read_text(encoding="utf-8")):
        assert SCALE_BY_HAND in page and f"A4C-1, by hand ({RATER}): " in page and "excluded: no apex" in page
    preview.dialog.reject()


def cleared(journey: Journey) -> None:
    """The scene is closed and the list empty, as in a new application."""
    import slicer
    from slicerhost.driving import settle

    from EchoApexLib.study.clipList import ClipList

    slicer.mrmlScene.Clear(0)
    journey.panel.study.list = ClipList()
    settle(80)
    assert journey.ui.measurementTable.rowCount() == 0 and journey.segment.bench.clip is None


def saved_and_opened_again_it_has_the_same_numbers(journey: Journey) -> None:
    import slicer

    panel, table = journey.panel, journey.ui.measurementTable
    before = [cells(table, row) for row in range(table.rowCount())]
    path = str(journey.folder / "work.mrb")
    assert slicer.util.saveScene(path)
    cleared(journey)
    slicer.util.loadScene(path)
    wait(lambda: panel.study.report is not None)
    assert [cells(table, row) for row in range(table.rowCount())] == before
    go_to(panel, journey.key, "LVEDV", "A2C")
    journey.key("N")
    assert shown()[0] == A2C and scale_of_shown().mm_per_px == pytest.approx((1.5, 1.5))


def the_next_analysis_has_all_that_was_corrected(journey: Journey) -> None:
    import slicer

    panel, third = journey.panel, journey.reports[2]
    opened(panel, journey.examination)
    assert {clip.file.name: clip.scale for clip in panel.study.list.clips}["A2C.dcm"] == "user"
    assert journey.analyze() == third
    browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    assert sorted(browser.GetName() for browser in browsers) == [A2C, A4C]
    the_outline_is_there(journey)
    assert list(journey.folder.glob("**/echoapex-corrections-*")) == []


def the_outline_is_there(journey: Journey) -> None:
    """The work on the A4C can go on with what was drawn."""
    choose_clip(journey.panel, "A4C.dcm")
    journey.key("W")
    wait(lambda: journey.segment.bench.clip is not None)
    state = journey.segment.bench.clip.state
    assert np.array_equal(state.mask(journey.es, "LV"), journey.outline)
    assert state.entry(journey.es, "LV").status == "edited"
    journey.key("W")


def without_the_scene_the_report_brings_back_all_of_it(journey: Journey) -> None:
    panel, report = journey.panel, journey.panel.study.report.folder
    cleared(journey)
    opened(panel, journey.examination)
    panel.study.openReport(report)
    wait(lambda: shown()[0] == A4C)
    assert status_of_number(panel, EF) == "corrected" and journey.marked == set()
    the_outline_is_there(journey)
    assert status_of_number(panel, ("LVEDV", "A4C", "A4C-1")) == "confirmed"
    assert status_of_number(panel, ("LVEF", "area_length_A4C", "A4C-1")) == "excluded"
    assert {clip.file.name: clip.scale for clip in panel.study.list.clips}["A2C.dcm"] == "user"


def status_of_number(panel: Any, name: tuple[str, str, str]) -> str:
    rows = [row for row in panel.results._rows if (row.item.name, row.item.method) == name[:2]]
    return str(rows[0].status)


def test_from_a_folder_to_signed_numbers(
    studyPanel: Any, segment: Any, examination: Path, key: Any, plot: Any, tmp_path: Path
) -> None:
    journey = Journey(studyPanel, segment, examination, key, plot, tmp_path)
    is_analyzed_after_a_cancel(journey)
    the_script_gives_the_same_report(journey)
    es_is_dragged_put_back_and_moved_by_keys(journey)
    an_outline_is_corrected_in_echoapex_segment(journey)
    only_what_depends_on_it_changes_as_the_chart_has_said(journey)
    the_work_there_goes_on_with_all_that_can_be_undone(journey)
    a_number_is_confirmed_and_another_one_excluded(journey)
    a_scale_by_two_points_gives_volumes_that_say_so(journey)
    the_report_says_so_in_a_window_and_as_a_page(journey)
    saved_and_opened_again_it_has_the_same_numbers(journey)
    the_next_analysis_has_all_that_was_corrected(journey)
    without_the_scene_the_report_brings_back_all_of_it(journey)
