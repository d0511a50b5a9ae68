"""Numbers of a report that rest on what was changed by hand since are marked, until that is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
from correction_cases import prompted, reported, worker
from session_cases import draw, square
from trace_cases import apical_clip, apical_report

from echoapex.analysis.clip_corrections import Calibration
from echoapex.console import plain
from echoapex.measure.measurement import Measurement, Source
from EchoApexLib.sequences.cineSequence import sequencesWith
from EchoApexLib.study.changedSince import ChangesSince, changedUnder, changesTold
from EchoApexLib.study.clipList import ClipList
from EchoApexLib.study.measurementRows import measurementRows
from EchoApexLib.study.numberDecisions import NumberDecisions
from EchoApexLib.study.openedReport import OpenedReport, Place
from EchoApexLib.study.reportInScene import ReportInScene
from EchoApexLib.study.studyInScene import newScene
from EchoApexLib.trace.efTrace import EfTrace
from EchoApexLib.trace.traceWords import MOVED, markedRows

NUMBERS = (
    Measurement("LVEDV", 90.0, "mL", "A4C", (Source("a", (1,)),)),
    Measurement("LVESV", 40.0, "mL", "A4C", (Source("a", (3,)),)),
    Measurement("LVEF", 55.0, "%", "A4C", (Source("a", (1, 3)),)),
    Measurement("HR", 60.0, "1/min", "ed_to_ed", (Source("a", (1, 6)),)),
    Measurement("LVIDd", 47.0, "mm", "linear", (Source("b", (1,)),)),
    Measurement("FS", 36.0, "%", "linear", (Source("b", (1, 3)),)),
    Measurement("IVSd", 9.0, "mm", "linear", (Source("b", (1,)),)),
)


@pytest.fixture
def scene() -> Iterator[Any]:
    with newScene() as made:
        yield made


@pytest.fixture
def shown(scene: Any, tmp_path: Path) -> ReportInScene:
    clips = cases.make_clip("a", "A4C"), cases.make_clip("b", "PLAX", seed=7)
    found = reported(scene, tmp_path, *clips, measurements=plain(NUMBERS))
    for clip in "ab":
        found.read(clip)
    return found


@pytest.fixture
def clips() -> ClipList:
    return ClipList()


def stale(shown: ReportInScene, since: ChangesSince, clips: ClipList) -> set[str]:
    """The names of the numbers that are marked."""
    rows = markedRows(measurementRows(shown.report), since.of(clips), None, {})
    return {row.item.name for row in rows if MOVED in row.cells[0]}


def test_nothing_is_marked_where_nothing_was_changed(shown: ReportInScene, clips: ClipList, scene: Any) -> None:
    since = ChangesSince(shown)
    assert since.of(clips) == {} and changesTold(since.of(clips)) == ""
    bench = worker(scene, "r1")
    for clip in "ab":
        bench.openBrowser(shown.browserOf(clip))
    assert since.of(clips) == {}, "who only looks has changed nothing"
    NumberDecisions(scene, shown).confirm(NUMBERS[2])
    assert since.of(clips) == {}, "what is accepted is as it was"
    bench.close()


def test_an_outline_drawn_marks_what_rests_on_it_until_it_is_undone(
    shown: ReportInScene, clips: ClipList, scene: Any
) -> None:
    since, browser = ChangesSince(shown), shown.browserOf("a")
    bench = worker(scene, "r1")
    bench.openBrowser(browser)
    browser.SetSelectedItemNumber(3)
    draw(bench.current.scene.segmentation, browser, square(20, 20), "LV")
    assert stale(shown, since, clips) == {"LVESV", "LVEF"}, "also before it is read"
    (row,) = [
        row for row in markedRows(measurementRows(shown.report), since.of(clips), None, {}) if row.item.name == "LVESV"
    ]
    assert row.cells[1] == "40.0 mL (before)"
    assert row.warnings[0] == (
        "By hand since: the outline of LV in frame 3 of A4C. This is the number of before; analyze again."
    )
    bench.current.scene.readEdits()
    assert stale(shown, since, clips) == {"LVESV", "LVEF"}
    bench.current.undo()
    assert since.of(clips) == {}
    prompted(bench, 2, square(30, 20))
    assert stale(shown, since, clips) == set(), "no number rests on this frame"
    browser.SetSelectedItemNumber(1)
    bench.current.clear()
    assert stale(shown, since, clips) == {"LVEDV", "LVEF", "HR"}
    bench.close()


def test_an_outline_drawn_in_slicer_marks_too(shown: ReportInScene, clips: ClipList) -> None:
    since, browser = ChangesSince(shown), shown.browserOf("a")
    (masks,) = sequencesWith(browser, "vtkMRMLSegmentationNode")
    draw(masks.GetNthDataNode(1), browser, square(10, 30), "LA")
    assert stale(shown, since, clips) == {"LVEDV", "LVEF", "HR"}
    assert changesTold(since.of(clips)) == "the outline of LA in frame 1 of A4C"


def test_a_scale_by_hand_marks_what_needs_one_until_it_is_taken_back(shown: ReportInScene, clips: ClipList) -> None:
    since, file = ChangesSince(shown), dict(shown.report.files())["a"]
    clips.calibrations.give([file], Calibration(((3.0, 4.0), (3.0, 44.0)), 50.0))
    assert stale(shown, since, clips) == {"LVEDV", "LVESV"}
    clips.calibrations.undo()
    assert since.of(clips) == {}


def test_another_view_marks_all_numbers_of_the_clip_until_it_is_taken_back(
    shown: ReportInScene, clips: ClipList
) -> None:
    since, browser = ChangesSince(shown), shown.browserOf("a")
    browser.SetAttribute("EchoApex.View", "A2C")
    assert stale(shown, since, clips) == {"LVEDV", "LVESV", "LVEF", "HR"}
    assert changesTold(since.of(clips)) == "the view of A4C, now A2C"
    browser.SetAttribute("EchoApex.View", "A4C")
    assert since.of(clips) == {}


def test_a_view_given_in_the_list_alone_marks_the_numbers_too(scene: Any, tmp_path: Path, clips: ClipList) -> None:
    shown = reported(scene, tmp_path, cases.make_clip("a", "A4C"), measurements=plain(NUMBERS[:4]))
    since, file = ChangesSince(shown), dict(shown.report.files())["a"]
    assert shown.browserOf("a") is None
    clips.giveView(file, "A2C")
    assert stale(shown, since, clips) == {"LVEDV", "LVESV", "LVEF", "HR"}
    for view in ("A4C", None):
        clips.giveView(file, view)
        assert since.of(clips) == {}


def test_walls_placed_mark_what_is_made_of_them_until_they_are_undone(
    shown: ReportInScene, clips: ClipList, scene: Any
) -> None:
    since, browser = ChangesSince(shown), shown.browserOf("b")
    bench = worker(scene, "r1")
    bench.openBrowser(browser)
    walls = bench.current.walls
    walls.setPhases(1, 3)
    browser.SetSelectedItemNumber(1)
    assert since.of(clips) == {}
    points = walls.points
    place = np.array(points.GetNthControlPointPosition(2))
    points.InvokeEvent(points.PointStartInteractionEvent)
    points.SetNthControlPointPosition(2, *(place + np.array([0.5, 0.0, 0.0])))
    points.InvokeEvent(points.PointEndInteractionEvent)
    assert stale(shown, since, clips) == {"LVIDd", "FS"}
    assert changesTold(since.of(clips)) == "LVIDd, LVPWd of PLAX"
    assert walls.undo() is not None
    assert since.of(clips) == {}
    walls.confirm("IVSd")
    assert stale(shown, since, clips) == {"IVSd"}, "where it was confirmed it is measured in this frame alone"
    bench.close()


def test_a_beat_left_out_marks_the_numbers_of_its_clip_until_it_counts_again(
    shown: ReportInScene, clips: ClipList, scene: Any
) -> None:
    since, decisions = ChangesSince(shown), NumberDecisions(scene, shown)
    decisions.excludeBeat(Place("a", 1), "a pause")
    assert stale(shown, since, clips) == {"LVEDV", "LVESV", "LVEF", "HR"}
    decisions.includeBeat(Place("a", 1))
    assert since.of(clips) == {}


def test_what_is_traced_says_what_the_number_is_by_now(scene: Any, tmp_path: Path, clips: ClipList) -> None:
    shown = ReportInScene(scene, OpenedReport(apical_report(tmp_path)))
    browsers = {view: shown.read(view.lower()) for view in ("A4C", "A2C")}
    since, browser = ChangesSince(shown), browsers["A2C"]
    (masks,) = sequencesWith(browser, "vtkMRMLSegmentationNode")
    smaller = apical_clip("A2C").segmentations["LV"].masks[12].copy()
    smaller[:, : int(np.flatnonzero(smaller.any(axis=0))[0]) + 3] = False
    draw(masks.GetNthDataNode(12), browser, smaller, "LV")
    trace = EfTrace(scene, browsers)
    rows = markedRows(measurementRows(shown.report), since.of(clips), trace, {"A4C": "a4c", "A2C": "a2c"})
    told = {(row.item.name, row.item.method): row for row in rows}
    for method in ("A2C", "biplane"):
        now, row = trace.numbers.value("LVEF", method), told["LVEF", method]
        assert now is not None and row.item.value is not None and now > row.item.value + 0.5
        assert row.cells[:2] == (f"LVEF {MOVED}", f"{now:.1f} % (report {row.item.value:.1f} %)")
        assert "with the outline of LV in frame 12 of A2C; the report has" in row.warnings[0]
    assert MOVED not in told["LVEF", "A4C"].cells[0] and MOVED not in told["LVEDV", "A2C"].cells[0]


def test_the_next_report_takes_the_marks_off(scene: Any, tmp_path: Path, clips: ClipList) -> None:
    clip = cases.make_clip("a", "A4C")
    shown = reported(scene, tmp_path, clip, measurements=plain(NUMBERS[:4]))
    browser = shown.read("a")
    (masks,) = sequencesWith(browser, "vtkMRMLSegmentationNode")
    draw(masks.GetNthDataNode(3), browser, square(20, 20), "LV")
    browser.SetAttribute("EchoApex.View", "A2C")
    assert changedUnder(NUMBERS[1], ChangesSince(shown).of(clips))
    found = {name: replace(one, masks=one.masks.copy()) for name, one in clip.segmentations.items()}
    found["LV"].masks[3] = square(20, 20)
    after = reported(scene, tmp_path, replace(clip, segmentations=found, view="A2C"), measurements=plain(NUMBERS[:4]))
    assert after.read("a") is browser
    assert ChangesSince(after).of(clips) == {}
