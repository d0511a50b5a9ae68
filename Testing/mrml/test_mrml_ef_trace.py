"""The trace of the ejection fraction in a scene: the chart, what is moved in it, and both cines in step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases
from trace_cases import BEATS, FRAMES, apical_clip, apical_report, apical_scene, measured

from echoapex.analysis.clip_corrections import Calibration
from echoapex.cine import Scale
from echoapex.errors import EchoApexError
from echoapex.measure.biplane_ef import measure_biplane
from echoapex.measure.measurement import Beat
from echoapex.measure.volumes_while_editing import Phases
from EchoApexLib.cine.scaleByHand import calibrate
from EchoApexLib.measurements.phasesByHand import PHASES, keepPhases, phasesOf
from EchoApexLib.sequences.cineSequence import sequencesWith
from EchoApexLib.session.borrowedSession import borrowedSession
from EchoApexLib.sliceView.redSliceSetup import SECOND, clipBrowsers, isPairShown, showBrowser, showPair
from EchoApexLib.study.openedReport import OpenedReport, Place
from EchoApexLib.study.reportInScene import ReportInScene
from EchoApexLib.study.studyInScene import newScene
from EchoApexLib.trace.efTrace import EfTrace
from EchoApexLib.trace.pairedPlaying import PairedPlaying
from EchoApexLib.trace.traceChart import TraceChart
from EchoApexLib.trace.traceController import TraceController
from EchoApexLib.trace.tracedClips import pairedClips
from EchoApexLib.userSettings import UserSettings


@pytest.fixture
def scene() -> Iterator[Any]:
    with newScene() as made:
        yield made


@pytest.fixture
def both(scene: Any) -> dict[str, Any]:
    return apical_scene(scene)


def marker(trace: EfTrace, view: str, phase: str, beat: int = 0) -> Any:
    return next(one for one in trace.markers if (one.view, one.phase, one.beat) == (view, phase, beat))


def columns(chart: TraceChart, series: str) -> tuple[list[float], list[float]]:
    """What a series of the chart shows, x and y."""
    nodes = [chart.node.GetNthPlotSeriesNode(index) for index in range(chart.node.GetNumberOfPlotSeriesNodes())]
    (found,) = [node for node in nodes if node.GetName() == series]
    table = found.GetTableNode().GetTable()
    x, y = (
        [table.GetColumnByName(name).GetValue(row) for row in range(table.GetNumberOfRows())]
        for name in (found.GetXColumnName(), found.GetYColumnName())
    )
    return x, y


def test_what_is_traced_is_what_was_analyzed(both: dict[str, Any]) -> None:
    trace = EfTrace(both["A4C"].GetScene(), both)
    a4c, a2c = measured(apical_clip("A4C")), measured(apical_clip("A2C"))
    ef = next(item.value for item in measure_biplane(a4c, a2c) if item.name == "LVEF")
    assert trace.numbers.value("LVEF", "biplane") == pytest.approx(ef, rel=1e-12)
    np.testing.assert_allclose(trace.sizes("A4C"), a4c.volume_ml, rtol=1e-12)
    assert [(one.name, one.frame) for one in trace.markers] == [
        *(("A4C ED", 4), ("A4C ES", 12), ("A4C ED", 20), ("A4C ES", 28)),
        *(("A2C ED", 2), ("A2C ES", 12)),
    ]


def test_over_the_phase_both_beats_lie_on_each_other(both: dict[str, Any]) -> None:
    trace = EfTrace(both["A4C"].GetScene(), both)
    assert [one.x for one in trace.markers] == [0, 1, 0, 1, 0, 1]
    line = trace.line("A2C")
    assert line.x[line.frames == 22] == 2 and line.x[line.frames == 7] == 0.5
    assert [trace.frameAt(view, 1.5) for view in ("A4C", "A2C")] == [16, 17]
    assert trace.frameAt("A4C", 0.5, beat=1) == 24
    trace.byPhase = False
    assert [round(one.x * 30) for one in trace.markers] == [4, 12, 20, 28, 2, 12]
    assert trace.frameAt("A4C", 0.5) == 15 and trace.line("A4C").x.size == FRAMES["A4C"]


def test_a_moved_marker_is_kept_where_the_panel_of_one_cine_keeps_it(both: dict[str, Any]) -> None:
    trace = EfTrace(both["A4C"].GetScene(), both)
    before = trace.numbers.value("LVEF", "biplane")
    assert trace.move(marker(trace, "A2C", "ES"), 9) == 9
    assert phasesOf(both["A2C"], FRAMES["A2C"]) == Phases(None, 9, False, True)
    assert both["A4C"].GetAttribute(PHASES) is None
    a2c = measured(apical_clip("A2C"), (Beat(2, 9),))
    assert trace.numbers.value("LVESV", "A2C") == pytest.approx(a2c.volume_ml[9], rel=1e-12)
    assert trace.numbers.value("LVEF", "biplane") < before and trace.byHand
    trace.clear("A2C")
    assert trace.numbers.value("LVEF", "biplane") == before and not trace.byHand


def test_of_several_beats_the_one_by_hand_counts_alone(both: dict[str, Any]) -> None:
    trace = EfTrace(both["A4C"].GetScene(), both)
    trace.move(marker(trace, "A4C", "ES", beat=1), 26)
    assert trace.beats("A4C") == (Beat(20, 26),)
    assert trace.numbers.value("LVESV", "A4C") == measured(apical_clip("A4C"), (Beat(20, 26),)).volume_ml[26]
    assert trace.marker is not None and (trace.marker.name, trace.marker.frame) == ("A4C ES", 26)


def test_one_of_the_beats_can_be_chosen(both: dict[str, Any]) -> None:
    trace = EfTrace(both["A4C"].GetScene(), both)
    trace.chooseBeat("A4C", 1)
    assert trace.beats("A4C") == BEATS["A4C"][1:]
    assert trace.numbers.value("LVEF", "A4C") == next(
        item.value for item in measured(apical_clip("A4C"), BEATS["A4C"][1:]).measurements if item.name == "LVEF"
    )
    trace.chooseBeat("A4C", None)
    assert trace.beats("A4C") == BEATS["A4C"]


def test_the_axis_stays_while_a_marker_is_dragged(both: dict[str, Any]) -> None:
    trace = EfTrace(both["A4C"].GetScene(), both)
    trace.hold()
    trace.move(marker(trace, "A2C", "ES"), 17)
    assert marker(trace, "A2C", "ES").x == 1.5, "half of the diastole, as it was"
    assert trace.frameAt("A2C", 1.5) == 17
    trace.letGo()
    assert marker(trace, "A2C", "ES").x == 1


def test_without_a_next_ed_the_axis_ends_behind_es(scene: Any) -> None:
    from dataclasses import replace

    clip = apical_clip("A2C")
    assert clip.curve is not None
    trace = EfTrace(scene, apical_scene(scene, replace(clip, curve=replace(clip.curve, beats=(Beat(2, 12),)))))
    assert trace.end == 1.25 and trace.line("A2C").frames.tolist() == list(range(15))
    assert trace.place("A2C", 14) == 1.2 and trace.place("A2C", 15) is None
    assert trace.frameAt("A2C", 1.2) == 14, "ES can be moved there"
    assert trace.move(marker(trace, "A2C", "ES"), 14) == 14


def test_the_chart_has_lines_markers_and_the_frame(both: dict[str, Any]) -> None:
    trace = EfTrace(both["A4C"].GetScene(), both)
    chart = TraceChart(both["A4C"].GetScene(), trace)
    chart.write()
    chart.showFrame("A4C", 8)
    assert columns(chart, "EF trace A4C ES")[1] == [trace.sizes("A4C")[12], trace.sizes("A4C")[28]]
    assert columns(chart, "Frame shown")[0] == [0.5, 0.5]
    x, y = columns(chart, "EF trace biplane")
    assert (x[0], x[-1]) == (0, 2) and y[0] == trace.numbers.value("LVEDV", "biplane")
    ef = trace.numbers.value("LVEF", "biplane")
    assert f"biplane {ef:.1f} %" in chart.node.GetTitle() and "simulated" in chart.node.GetTitle()
    assert "phase-aligned, different beats" in chart.node.GetXAxisTitle()
    nodes = both["A4C"].GetScene().GetNumberOfNodes()
    trace.move(marker(trace, "A2C", "ES"), 9)
    chart.update()
    assert both["A4C"].GetScene().GetNumberOfNodes() == nodes, "nothing is added while a marker is dragged"
    assert "by hand" in chart.node.GetTitle()
    assert columns(chart, "EF trace A2C ES")[1] == [trace.sizes("A2C")[9]]


def test_a_view_alone_and_a_clip_without_scale_are_traced_and_it_is_said(scene: Any) -> None:
    both = apical_scene(scene, apical_clip("A4C"), apical_clip("A2C", scale=Scale.none("a test")))
    trace = EfTrace(scene, both)
    assert list(trace.views) == ["A4C"] and "px" in trace.problems[0]
    alone = EfTrace(scene, {"A2C": both["A2C"]})
    assert alone.unit == "px" and alone.numbers.value("LVEF", "A2C") is not None
    chart = TraceChart(scene, alone)
    chart.write()
    assert chart.node.GetYAxisTitle() == "LV area (px)" and "biplane" not in chart.node.GetTitle()


def test_a_scale_by_hand_counts_in_the_chart_at_once(scene: Any) -> None:
    both = apical_scene(scene, apical_clip("A4C"), apical_clip("A2C", scale=Scale.none("a test")))
    showBrowser(scene, both["A4C"])
    control = TraceController(scene, lambda: None, lambda _: None, lambda _: None, lambda *_: None)
    control.update(both["A4C"], None)
    assert control.trace is not None and list(control.trace.views) == ["A4C"]
    calibrate(both["A2C"], Calibration(((10.0, 10.0), (10.0, 60.0)), 50 * 1.1), Scale.none("a test"))
    control.update(both["A4C"], None)
    assert list(control.trace.views) == ["A4C", "A2C"]
    trace = EfTrace(scene, both)
    assert control.trace.numbers.value("LVEF", "biplane") == trace.numbers.value("LVEF", "biplane") is not None
    control.pair()
    calibrate(both["A2C"], None, Scale.none("a test"))
    control.update(both["A4C"], None)
    assert list(control.trace.views) == ["A4C"] and not control.paired


def test_without_beats_the_chart_runs_over_time(scene: Any) -> None:
    from dataclasses import replace

    clip = apical_clip("A4C")
    assert clip.curve is not None
    both = apical_scene(scene, replace(clip, curve=replace(clip.curve, beats=())))
    trace = EfTrace(scene, both)
    assert trace.markers == () and trace.marker is None and not trace.overPhase
    TraceChart(scene, trace).write()


def test_clips_that_cannot_be_traced_are_one_sentence(scene: Any) -> None:
    from EchoApexLib.study.studyInScene import addStudy

    noise = addStudy(scene, scene_cases.make_study())
    with pytest.raises(EchoApexError, match="no measurable left ventricle"):
        EfTrace(scene, {"A4C": noise[0]})
    both = apical_scene(scene)
    both["A4C"].SetAttribute(PHASES, '{"ed": 900}')
    trace = EfTrace(scene, both)
    assert list(trace.views) == ["A2C"] and "ED and ES of this scene are damaged" in trace.problems[0]


def test_changed_outlines_count_and_are_told(both: dict[str, Any]) -> None:
    from EchoApexLib.sequences.cineSequence import sequencesWith

    before = EfTrace(both["A4C"].GetScene(), both).numbers.value("LVEF", "A2C")
    (drawn,) = sequencesWith(both["A2C"], "vtkMRMLSegmentationNode")
    drawn.GetNthDataNode(12).GetSegmentation().DeepCopy(drawn.GetNthDataNode(8).GetSegmentation())
    trace = EfTrace(both["A4C"].GetScene(), both)
    assert trace.changedOutlines == {"A4C": 0, "A2C": 1}
    now = trace.numbers.value("LVEF", "A2C")
    assert before is not None and now is not None and 0 < now < before


def test_a_saved_scene_keeps_what_was_moved(both: dict[str, Any], tmp_path: Path) -> None:
    scene = both["A4C"].GetScene()
    trace = EfTrace(scene, both)
    trace.move(marker(trace, "A2C", "ES"), 9)
    chart = TraceChart(scene, trace)
    chart.write()
    assert scene.WriteToMRB(str(tmp_path / "work.mrb"), None)
    with scene_cases.opened(tmp_path / "work.mrb") as again:
        found = {browser.GetName()[:3]: browser for browser in clipBrowsers(again)}
        reopened = EfTrace(again, found)
        assert reopened.numbers.measurements == trace.numbers.measurements
        count = again.GetNumberOfNodesByClass("vtkMRMLPlotChartNode")
        TraceChart(again, reopened).write()
        assert again.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == count


def test_the_pair_is_that_of_the_biplane_numbers(tmp_path: Path) -> None:
    clips = [apical_clip("A4C", name="first"), apical_clip("A2C", name="second"), apical_clip("A2C", name="third")]
    from dataclasses import replace

    from trace_cases import numbers_of
    from written_reports import write_report

    from echoapex.console import plain

    measurements = numbers_of(clips[0], clips[2])
    report = OpenedReport(write_report(tmp_path, *clips, measurements=plain(measurements)))
    assert pairedClips(report, "first") == {"A4C": "first", "A2C": "third"}
    assert pairedClips(report, "second") == {"A4C": "first", "A2C": "second"}
    single = [replace(item) for item in measurements if item.method != "biplane"]
    report = OpenedReport(write_report(tmp_path, *clips, measurements=plain(single)))
    assert pairedClips(report, "first") == {"A4C": "first", "A2C": "second"}


@pytest.mark.parametrize("byPhase", [True, False])
@pytest.mark.parametrize("leader", ["A4C", "A2C"])
def test_whichever_is_stepped_the_other_follows(both: dict[str, Any], byPhase: bool, leader: str) -> None:
    trace = EfTrace(both["A4C"].GetScene(), both, byPhase=byPhase)
    other = {"A4C": "A2C", "A2C": "A4C"}[leader]
    playing = PairedPlaying(both, trace.matching, pytest.fail)
    for frame in (2, 5, 12, 16, 20):
        both[leader].SetSelectedItemNumber(frame)
        assert both[leader].GetSelectedItemNumber() == frame
        assert both[other].GetSelectedItemNumber() == trace.matching(leader, frame, other)
    both["A4C"].SetSelectedItemNumber(12)
    assert both["A2C"].GetSelectedItemNumber() == 12, "both are in ES, which happens to be at one time"
    both["A4C"].SetSelectedItemNumber(4)
    assert both["A2C"].GetSelectedItemNumber() == (2 if byPhase else 4)
    playing.close()
    both["A4C"].SetSelectedItemNumber(9)
    assert both["A2C"].GetSelectedItemNumber() == (2 if byPhase else 4)


def test_only_one_of_them_is_played_by_itself(both: dict[str, Any]) -> None:
    trace = EfTrace(both["A4C"].GetScene(), both)
    playing = PairedPlaying(both, trace.matching, pytest.fail)
    for browser in both.values():
        browser.SetPlaybackActive(True)
    both["A2C"].SetSelectedItemNumber(7)
    assert [bool(browser.GetPlaybackActive()) for browser in both.values()] == [False, True]
    playing.close()


def test_a_pair_whose_clip_is_gone_stops_without_harm(both: dict[str, Any]) -> None:
    scene = both["A4C"].GetScene()
    trace = EfTrace(scene, both)
    playing = PairedPlaying(both, trace.matching, pytest.fail)
    scene.RemoveNode(both["A2C"])
    both["A4C"].SetSelectedItemNumber(9)
    assert trace.closed
    scene.Clear(False)
    playing.close()


def test_side_by_side_each_view_has_its_own_outlines_until_one_is_shown_again(both: dict[str, Any]) -> None:
    scene = both["A4C"].GetScene()
    first, second = both.values()
    assert not isPairShown(scene, first, second)
    showPair(scene, first, second)
    assert isPairShown(scene, first, second)
    views = [scene.GetSingletonNode(name, "vtkMRMLSliceNode").GetID() for name in ("Red", SECOND)]
    proxies = [browser.GetProxyNode(sequencesWith(browser)[0]) for browser in (first, second)]
    displays = [proxy.GetDisplayNode() for proxy in proxies]
    assert [tuple(one.GetViewNodeIDs()) for one in displays] == [(view,) for view in views]
    assert all(proxy.GetDisplayVisibility() for proxy in proxies)
    showBrowser(scene, second)
    assert [tuple(one.GetViewNodeIDs()) for one in displays] == [(), ()]
    assert [bool(proxy.GetDisplayVisibility()) for proxy in proxies] == [False, True]
    assert not isPairShown(scene, first, second)


def test_ed_and_es_by_hand_are_found_again(both: dict[str, Any]) -> None:
    keepPhases(both["A4C"], Phases(5, None, True, False))
    trace = EfTrace(both["A4C"].GetScene(), both)
    assert trace.beats("A4C") == (Beat(5, 12, 20),)
    keepPhases(both["A4C"], Phases())
    trace.takePhases()
    assert trace.beats("A4C") == BEATS["A4C"]


def test_a_report_of_both_views_is_one_that_its_schema_allows(tmp_path: Path) -> None:
    report = OpenedReport(apical_report(tmp_path / "report"))
    assert {item.method for item in report.measurements} >= {"biplane", "A4C", "A2C"}


def test_a_clip_that_is_read_for_the_trace_alone_is_not_drawn_over_the_one_that_is_shown(
    scene: Any, tmp_path: Path
) -> None:
    shown = ReportInScene(scene, OpenedReport(apical_report(tmp_path / "report")))
    first = shown.show(Place("a4c", 0))
    control = TraceController(scene, lambda: None, lambda _: None, lambda _: None, lambda clip, _: shown.read(clip))
    for _ in range(3):
        control.update(first, shown)
    assert control.trace is not None and list(control.trace.browsers) == ["A4C", "A2C"]
    second = control.trace.browsers["A2C"]
    assert all(_drawn(first)) and not any(_drawn(second))
    with borrowedSession(scene, second, UserSettings()) as session:
        session.tell(session.state.accept([2], "LV"))
    assert all(_drawn(first)) and not any(_drawn(second))
    shown.show(Place("a2c", 2))
    assert any(_drawn(second)) and not any(_drawn(first))


def test_a_clip_of_a_new_report_of_the_same_files_is_traced_and_no_other(scene: Any, tmp_path: Path) -> None:
    folder = apical_report(tmp_path / "report")
    before = ReportInScene(scene, OpenedReport(folder))
    first = before.show(Place("a4c", 0))
    before.read("a2c")
    (folder / "report.json").write_text((folder / "report.json").read_text() + " ")
    now, other = (ReportInScene(scene, OpenedReport(one)) for one in (folder, apical_report(tmp_path / "other")))
    assert now.clipOf(first) is None
    asked: list[str] = []
    control = TraceController(scene, lambda: None, lambda _: None, lambda _: None, lambda clip, _: asked.append(clip))
    control.update(first, now)
    assert control.trace is not None and list(control.trace.browsers) == ["A4C", "A2C"] and control.problem == ""
    assert now.clipOf(first) == "a4c" and asked == [], "both were there, and what was found is theirs by now"
    assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 2
    control.update(first, other)
    assert control.trace is None and control.problem == "No trace: this clip is none of the report that is open."
    control.update(first, None)
    assert control.trace is not None and control.problem == ""


def test_without_a_report_clips_of_two_reports_make_no_pair(scene: Any, tmp_path: Path) -> None:
    folders = [apical_report(tmp_path / name) for name in ("one", "other")]
    (folders[1] / "report.json").write_text((folders[1] / "report.json").read_text() + " ")
    one, other = (ReportInScene(scene, OpenedReport(folder)) for folder in folders)
    first, foreign = one.show(Place("a4c", 0)), other.read("a2c")
    control = TraceController(scene, lambda: None, lambda _: None, lambda _: None, lambda *_: None)
    control.update(first, None)
    assert control.trace is not None and list(control.trace.browsers) == ["A4C"]
    second = one.read("a2c")
    control.update(first, None)
    assert control.trace.browsers["A2C"] is second is not foreign


def _drawn(browser: Any) -> list[bool]:
    """Of each finding of a clip, whether it is drawn."""
    proxies = (browser.GetProxyNode(sequence) for sequence in sequencesWith(browser))
    return [bool(proxy.GetDisplayVisibility()) for proxy in proxies]
