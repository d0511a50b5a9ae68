"""A report as it is shown: its numbers lead to the frames that they come from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
from written_reports import write_report

from echoapex.errors import EchoApexError, ReadError
from echoapex.measure.measurement import Exclusion, MeasurementStatus
from EchoApexLib.measurements import frameLine
from EchoApexLib.sliceView.redSliceSetup import shownBrowser
from EchoApexLib.study.measurementRows import measurementRows, tabSeparated
from EchoApexLib.study.openedReport import OpenedReport, Place
from EchoApexLib.study.reportInScene import ReportInScene, chartOf, markFrame
from EchoApexLib.study.studyInScene import newScene


@pytest.fixture
def report(tmp_path: Path) -> OpenedReport:
    second = cases.make_clip("b", "A2C", landmarks=False, seed=7)
    reasons = [{"file": "../hidden/DOE^JANE/x.dcm", "rule": "Cut short", "value": "3 bytes"}]
    more = {"failures": reasons, "not_measured": [{"file": None, "rule": "No heart rate", "value": None}]}
    return OpenedReport(write_report(tmp_path, cases.make_clip(), second, **more))


def test_each_number_is_a_row_that_says_how_it_was_made(report: OpenedReport) -> None:
    rows = measurementRows(report)
    assert [row.cells for row in rows] == [
        ("LVEF", "33.3 %", "biplane disks", "–", "52–72", "0.91", "predicted", ""),
        ("LVEDVI", "–", "disks A4C", "–", "–", "–", "predicted", ""),
        ("LVMass", "152.0 g", "linear", "mild", "–", "–", "predicted", ""),
    ]
    assert "frames 1 (ED), 3 (ES)" in rows[0].words and "ASE/EACVI 2015 F" in rows[0].words
    assert rows[0].words.endswith("Simulated.") and not rows[0].outside and rows[2].outside
    assert len(rows[1].warnings) == 1


def test_what_a_person_did_to_a_number_is_said(report: OpenedReport) -> None:
    item = replace(
        report.measurements[0], status=MeasurementStatus.CORRECTED, rater="r1", excluded=Exclusion("a pause")
    )
    report.measurements = (item,)
    (row,) = measurementRows(report)
    assert "Corrected by r1. Excluded: a pause." in row.words


def test_the_frames_of_a_number_begin_with_end_diastole_and_end_systole(report: OpenedReport) -> None:
    (first, *_) = measurementRows(report)
    assert first.places == (Place("a", 1), Place("a", 3), Place("b", 7), Place("b", 0))
    assert [report.phase(place) for place in first.places] == ["ED", "ES", "ES", ""]


def test_the_table_to_paste_says_that_it_is_simulated(report: OpenedReport) -> None:
    note, head, *lines = tabSeparated(report).splitlines()
    assert note.startswith("Simulated heart") and head.startswith("Quantity\tValue")
    assert len(lines) == 3 and all(line.count("\t") == head.count("\t") for line in lines[:1])


def test_what_was_not_measured_names_files_without_their_folder(report: OpenedReport) -> None:
    assert report.notMeasured == ("x.dcm: Cut short (found: 3 bytes).", "No heart rate.")
    assert "DOE" not in " ".join(report.notMeasured)


def test_each_file_gets_what_became_of_it(report: OpenedReport) -> None:
    found = dict(report.results())
    clip = found[(report.folder / "clips" / "a.nrrd").resolve()]
    assert clip["view"] == "A4C" and clip["frames"] == cases.FRAMES and clip["refusal"] == ""
    assert clip["result"].startswith("measured, ") and clip["scale"] == "dicom_region"
    assert {entry["refusal"] for entry in found.values()} == {"", "Cut short (found: 3 bytes)"}


def test_a_clip_that_was_read_and_not_measured_says_why(tmp_path: Path) -> None:
    why = [{"file": "clips/a.nrrd", "rule": "A single frame shows no beat", "value": None}]
    folder = write_report(tmp_path, cases.make_clip(), not_measured=why, measurements=[])
    (entry,) = list(OpenedReport(folder).results())[1:]
    assert entry[1]["result"] == "outlined, not measured" and entry[1]["refusal"] == ""
    assert "A single frame shows no beat" in entry[1]["warnings"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema": 3}, r"written by a newer EchoApex: of its schema this one reads up to 2 \(found: 3\)"),
        ({"schema": "2"}, "Only reports of schema 1 and 2 can be read"),
        ({"failures": [{"rule": 3}]}, "This report does not keep to its schema"),
        (None, "There is no report here"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, change: Any, sentence: str) -> None:
    if change is not None:
        file = write_report(tmp_path, cases.make_clip()) / "report.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ReadError, match=sentence):
        OpenedReport(tmp_path)


def test_a_clip_is_read_when_it_is_first_shown_and_only_then(report: OpenedReport) -> None:
    with newScene() as scene:
        shown = ReportInScene(scene, report)
        assert shown.best == "a" and shown.browserOf("a") is None
        assert shown.first("a") == Place("a", 1)
        browser = shown.show(Place("a", 3))
        assert browser.GetName() == "A4C (simulated)" and browser.GetSelectedItemNumber() == 3
        assert shownBrowser(scene) is browser and shown.browserOf("b") is None
        other = shown.show(Place("b", 7))
        assert shownBrowser(scene) is other and shown.show(Place("a", 0)) is browser
        assert shown.first("a") == Place("a", 0)
        assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 2


def test_the_clips_of_a_saved_scene_are_found_again_and_those_of_a_new_report_are_not(
    report: OpenedReport, tmp_path: Path
) -> None:
    path = str(tmp_path / "saved.mrb")
    with newScene() as scene:
        ReportInScene(scene, report).show(Place("a", 3))
        assert scene.WriteToMRB(path, None)
    with cases.opened(path) as scene:
        known = ReportInScene(scene, report).browserOf("a")
        assert known is not None and known.GetName() == "A4C (simulated)"
        text = (report.folder / "report.json").read_text()
        (report.folder / "report.json").write_text(text.replace("0.0.test", "0.0.next"))
        assert ReportInScene(scene, OpenedReport(report.folder)).browserOf("a") is None


def test_a_clip_that_is_gone_is_one_sentence(report: OpenedReport) -> None:
    (report.folder / "clips" / "b.nrrd").unlink()
    with newScene() as scene:
        shown = ReportInScene(scene, report)
        with pytest.raises(EchoApexError, match=r"b\.nrrd"):
            shown.show(Place("b", 0))
        assert shown.show(Place("a", 0)) is not None


def test_the_frame_that_is_shown_is_a_line_in_the_chart(report: OpenedReport) -> None:
    with newScene() as scene:
        browser = ReportInScene(scene, report).show(Place("a", 3))
        chart = chartOf(browser)
        table, series = (chart.GetNodeReference(role) for role in (frameLine.TABLE, frameLine.SERIES))
        seconds = np.array(report.clips["a"]["frame_times_s"])
        assert [table.GetTable().GetColumn(0).GetValue(row) for row in (0, 1)] == [seconds[3]] * 2
        assert table.GetTable().GetColumn(1).GetValue(0) == 0.0
        count = chart.GetNumberOfPlotSeriesNodes()
        browser.SetSelectedItemNumber(6)
        markFrame(browser)
        markFrame(browser)
        assert table.GetTable().GetColumn(0).GetValue(0) == seconds[6]
        assert chart.GetNumberOfPlotSeriesNodes() == count and chart.HasPlotSeriesNodeID(series.GetID())
        frameLine.showFrameLine(chart, 999)
        assert table.GetTable().GetColumn(0).GetValue(0) == seconds[6]
