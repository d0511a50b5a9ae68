"""A person's word on numbers and beats of a report: excluded with a reason, confirmed, taken back, saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import scene_cases as cases
from correction_cases import gathered, reported

from echoapex.analysis.clip_corrections import ExcludedBeat
from echoapex.console import plain
from echoapex.errors import EchoApexError
from echoapex.measure.measurement import Beat, Exclusion, Measurement, MeasurementStatus, Source
from EchoApexLib.cine.cineFromBrowser import cineOf
from EchoApexLib.measurements.volumeCurve import VolumeCurve
from EchoApexLib.study.gatheredCorrections import CorrectionsOfScene
from EchoApexLib.study.measurementRows import measurementRows
from EchoApexLib.study.numberDecisions import NumberDecisions
from EchoApexLib.study.openedReport import OpenedReport, Place
from EchoApexLib.study.reportInScene import ReportInScene
from EchoApexLib.study.studyInScene import newScene
from EchoApexLib.userSettings import UserSettings


@pytest.fixture
def scene() -> Iterator[Any]:
    with newScene() as made:
        yield made


@pytest.fixture
def numbers(scene: Any, tmp_path: Path) -> tuple[ReportInScene, NumberDecisions]:
    clips = cases.make_clip("a", "A4C"), cases.make_clip("b", "PLAX", seed=7)
    made = (
        Measurement("LVEF", 50.0, "%", "A4C", (Source("a", (1, 3)),), 0.9),
        Measurement("LVIDd", 47.0, "mm", "linear", (Source("b", (1, 2)),), 0.9),
        Measurement("LVIDs", 30.0, "mm", "linear", (Source("b", (3,)),), 0.9),
        Measurement("FS", 36.0, "%", "linear", (Source("b", (1, 2, 3)),), 0.9),
    )
    shown = reported(scene, tmp_path, *clips, measurements=plain(made))
    return shown, NumberDecisions(scene, shown, lambda: UserSettings(rater="r1"))


def named(shown: ReportInScene, name: str) -> Measurement:
    return next(item for item in shown.report.measurements if item.name == name)


def now(decisions: NumberDecisions, item: Measurement) -> Measurement:
    """A number of the report as it is by now."""
    return next(one for one in decisions.numbers if (one.name, one.sources) == (item.name, item.sources))


def test_a_number_is_excluded_with_a_reason_and_counts_again(
    numbers: tuple[ReportInScene, NumberDecisions], scene: Any
) -> None:
    shown, decisions = numbers
    item, before = named(shown, "LVEF"), decisions.stamp
    with pytest.raises(EchoApexError, match="Say why"):
        decisions.exclude(item, "  ")
    with pytest.raises(EchoApexError, match="at most 300"):
        decisions.exclude(item, "x" * 301)
    decisions.exclude(item, "a poor\n view")
    assert decisions.reasonOf(item) == "a poor view" and decisions.stamp != before
    assert now(decisions, item).excluded.reason == "a poor view" and item.excluded is None
    found = gathered(scene, shown.read("a"))
    assert found is not None and found.excluded == {("LVEF", "A4C"): "a poor view"} and found.rater == "r1"
    decisions.include(item)
    assert decisions.reasonOf(item) is None and CorrectionsOfScene(scene).write() is None


def test_what_rests_on_an_excluded_number_is_out_with_it_and_counts_again_with_it(
    numbers: tuple[ReportInScene, NumberDecisions], scene: Any
) -> None:
    shown, decisions = numbers
    decisions.exclude(named(shown, "LVIDs"), "oblique")
    assert {item.name: item.excluded for item in decisions.numbers} == {
        "LVEF": None,
        "LVIDd": None,
        "LVIDs": Exclusion("oblique"),
        "FS": Exclusion("oblique", "LVIDs"),
    }
    (row,) = [row for row in measurementRows(shown.report, decisions) if row.item.name == "FS"]
    assert row.status == "excluded"
    assert "Excluded: it rests on LVIDs (oblique). Analyze again to have this in the report." in row.words
    found = gathered(scene, shown.read("b"))
    assert found is not None and found.excluded == {("LVIDs", "linear"): "oblique"}, "the others follow from it"
    decisions.exclude(named(shown, "FS"), "of itself")
    decisions.include(named(shown, "LVIDs"))
    assert now(decisions, named(shown, "FS")).excluded == Exclusion("of itself")
    decisions.include(named(shown, "FS"))
    assert all(item.excluded is None for item in decisions.numbers)


def test_a_number_that_was_out_for_another_one_in_the_report_counts_with_that(scene: Any, tmp_path: Path) -> None:
    item = Measurement("LVEDV", 90.0, "mL", "A4C", (Source("a", (1,)),), excluded=Exclusion("poor"))
    made = (item, replace(item, name="LVEF", unit="%", excluded=Exclusion("poor", "LVEDV")))
    shown = reported(scene, tmp_path, cases.make_clip("a", "A4C"), measurements=plain(made))
    decisions = NumberDecisions(scene, shown)
    for _ in range(2):  # before and after its clip is in the scene
        assert {item.name: item.excluded for item in decisions.numbers} == {one.name: one.excluded for one in made}
        assert decisions.reasonOf(named(shown, "LVEF")) is None
        shown.read("a")
    decisions.include(named(shown, "LVEDV"))
    assert all(item.excluded is None for item in decisions.numbers)


def test_exclusions_of_a_report_that_is_opened_anew_stay(scene: Any, tmp_path: Path) -> None:
    clip = cases.make_clip("a", "A4C")
    item = {**json.loads(json.dumps(plain(cases.make_measurements("a", "a")[0]))), "excluded": {"reason": "poor"}}
    shown = reported(scene, tmp_path, clip, measurements=[item])
    decisions = NumberDecisions(scene, shown)
    (number,) = shown.report.measurements
    assert decisions.reasonOf(number) == "poor"
    shown.read("a")
    assert decisions.reasonOf(number) == "poor"
    decisions.include(number)
    assert decisions.reasonOf(number) is None and now(decisions, number).excluded is None


def test_a_beat_is_excluded_where_it_is_shown_and_counts_again(
    numbers: tuple[ReportInScene, NumberDecisions],
) -> None:
    shown, decisions = numbers
    assert [(beat.ed, beat.es, reason) for beat, reason in decisions.beats("a")] == [(1, 3, None), (6, 7, None)]
    decisions.excludeBeat(Place("a", 4), "a pause")
    assert [reason for _, reason in decisions.beats("a")] == ["a pause", None]
    assert decisions.beatAt(Place("a", 0)) == (Beat(1, 3, 6), "a pause")
    # As the next report has it: the beat is none of it any more.
    shown.report.clips["a"]["beats"].pop(0)
    assert [(beat.ed, reason) for beat, reason in decisions.beats("a")] == [(1, "a pause"), (6, None)]
    decisions.includeBeat(Place("a", 2))
    assert [reason for _, reason in decisions.beats("a")] == [None]


def test_confirming_accepts_the_outlines_that_a_number_rests_on(
    numbers: tuple[ReportInScene, NumberDecisions], scene: Any
) -> None:
    shown, decisions = numbers
    item = named(shown, "LVEF")
    decisions.confirm(item)
    assert now(decisions, item).status is MeasurementStatus.CONFIRMED and now(decisions, item).rater == "r1"
    found = gathered(scene, shown.read("a"))
    assert found is not None and found.confirmed == {("LV", 1), ("LV", 3)} and not found.drawn
    decisions.reopen(item)
    assert now(decisions, item).status is MeasurementStatus.PREDICTED
    assert CorrectionsOfScene(scene).write() is None


def test_confirming_a_number_of_the_walls_confirms_what_it_is_made_of(
    numbers: tuple[ReportInScene, NumberDecisions], scene: Any
) -> None:
    shown, decisions = numbers
    decisions.confirm(named(shown, "FS"))
    for name in ("FS", "LVIDd", "LVIDs"):
        assert now(decisions, named(shown, name)).status is MeasurementStatus.CONFIRMED
    found = gathered(scene, shown.read("b"))
    assert found is not None and found.confirmed_values == {
        ("FS", "linear"): 36.0,
        ("LVIDd", "linear"): 47.0,
        ("LVIDs", "linear"): 30.0,
    }
    decisions.reopen(named(shown, "FS"))
    assert CorrectionsOfScene(scene).write() is None


def test_decisions_and_phases_are_saved_with_the_scene(
    numbers: tuple[ReportInScene, NumberDecisions], scene: Any, tmp_path: Path
) -> None:
    shown, decisions = numbers
    decisions.exclude(named(shown, "LVEF"), 'größer als "10" %')
    decisions.excludeBeat(Place("a", 1), "a pause")
    browser = shown.read("a")
    VolumeCurve(scene, browser, cineOf(browser), "A4C").setPhases(2, 5)
    before = gathered(scene, browser)
    assert scene.WriteToMRB(str(tmp_path / "work.mrb"), None)
    with cases.opened(tmp_path / "work.mrb") as again:
        found = gathered(again, ReportInScene(again, OpenedReport(shown.report.folder)).browserOf("a"))
        assert found == before and found is not None
        assert found.excluded_beats == (ExcludedBeat(1, 3, "a pause"),)
