"""The trace of the ejection fraction in the panel of EchoApex: dragged in the chart, moved by keys, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from study_panel_cases import cells, chart_title, click_row, frames, marker, place, press, row_of, shown, wait

A4C, A2C = "A4C (simulated)", "A2C (simulated)"


@pytest.fixture(scope="module")
def report(host: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of an A4C and an A2C clip."""
    import trace_cases

    return trace_cases.apical_report(tmp_path_factory.mktemp("trace") / "report")


@pytest.fixture
def traced(studyPanel: Any, report: Path) -> Iterator[Any]:
    """The panel with that report, both clips of which are traced."""
    studyPanel.study.openReport(report)
    wait(lambda: studyPanel.trace.control.trace is not None and len(studyPanel.trace.control.trace.views) == 2)
    yield studyPanel
    studyPanel.trace.control.setByPhase(True)


def arrangement() -> int:
    import slicer

    return slicer.app.layoutManager().layout


def test_both_views_and_biplane_are_in_one_chart(traced: Any) -> None:
    import slicer

    drawn = slicer.app.layoutManager().plotWidget(0).plotView().chart()
    names = [drawn.GetPlot(index).GetLabel() for index in range(drawn.GetNumberOfPlots())]
    assert {"EF trace A4C", "EF trace A2C", "EF trace biplane", "Frame shown"} <= set(names)
    report = next(one for one in traced.study.report.measurements if (one.name, one.method) == ("LVEF", "biplane"))
    assert f"biplane {report.value:.1f} %" in chart_title() and f"{report.value:.1f} %" in traced.ui.traceLabel.text()
    assert shown() == (A4C, 4) and traced.ui.traceNotesLabel.text() == ""


def test_es_is_dragged_in_the_chart_and_ef_follows_at_once(traced: Any, plot: Any) -> None:
    from slicerhost.driving import settle

    before = chart_title()
    row = row_of(traced, "LVEF")
    start = place(traced, plot, "A2C", "ES")
    end = plot.fromChart(0.5, 40)
    plot.press(start)
    assert shown() == (A2C, 12), "the clip of the marker is shown"
    plot.move(((start[0] + end[0]) // 2, start[1]))
    between = chart_title()
    assert between != before and "by hand" in between and 7 < frames()["A2C"] < 12
    plot.move(end)
    plot.release(end)
    settle(80)
    assert chart_title() != between and shown() == (A2C, 7) and marker(traced, "A2C", "ES").frame == 7
    assert marker(traced, "A2C", "ES").x == 1, "the axis is that of the beat as it is by now"
    notes = traced.ui.traceNotesLabel.text()
    assert notes.startswith("By hand: ES of A2C in frame 7. The report has LVEF 57.7 % (biplane)")
    assert "Analyze again" in notes
    assert row == row_of(traced, "LVEF")


def test_numbers_that_rest_on_what_was_moved_are_marked(traced: Any, plot: Any) -> None:
    from slicerhost.driving import settle

    table = traced.ui.measurementTable
    before = [cells(table, row) for row in range(table.rowCount())]
    plot.drag(place(traced, plot, "A2C", "ES"), plot.fromChart(0.5, 40))
    settle(80)
    after = [cells(table, row) for row in range(table.rowCount())]
    items = traced.study.report.measurements
    touched = [
        item.name != "HR" and any(one.clip == "a2c" and 12 in one.frames for one in item.sources) for item in items
    ]
    assert [old != new for old, new in zip(before, after, strict=True)] == touched and not all(touched)
    row = next(row for row, item in enumerate(items) if (item.name, item.method) == ("LVEF", "biplane"))
    assert after[row][0].startswith("LVEF ↻") and after[row][1].endswith(f"% (report {before[row][1]})")
    click_row(table, row)
    assert "by hand, with ES of A2C in frame 7" in traced.ui.measurementLabel.text()
    press(traced, "copyButton")
    from PySide6.QtWidgets import QApplication

    copied = QApplication.clipboard().text()
    assert copied.startswith("As in the report") and "ES of A2C in frame 7" in copied and before[row][1] in copied
    press(traced, "foundMarkersButton")
    assert [cells(table, row) for row in range(table.rowCount())] == before


def test_a_click_in_the_chart_goes_to_the_frame_and_moves_nothing_else(traced: Any, plot: Any) -> None:
    axis = plot.view.chart().GetAxis(1)
    ends = axis.GetMinimum(), axis.GetMaximum()
    plot.click(plot.fromChart(0.5, 20))
    assert shown() == (A4C, 8)
    plot.drag(plot.fromChart(0.5, 20), plot.fromChart(1.5, 20))
    assert shown() == (A4C, 16) and (axis.GetMinimum(), axis.GetMaximum()) == ends
    assert not traced.trace.control.trace.byHand
    press(traced, "phaseButton")
    plot.click(plot.fromChart(0.9, 20))
    assert shown() == (A4C, 27)


def test_with_a_key_held_the_mouse_is_slicers(traced: Any, plot: Any) -> None:
    from slicerhost.driving import CONTROL

    axis = plot.view.chart().GetAxis(1)
    ends = axis.GetMinimum(), axis.GetMaximum()
    plot.drag(plot.fromChart(0.5, 20), plot.fromChart(0.8, 20), modifiers=CONTROL)
    assert (axis.GetMinimum(), axis.GetMaximum()) != ends and shown() == (A4C, 4)


def test_where_points_are_to_be_selected_the_mouse_is_slicers(traced: Any, plot: Any) -> None:
    import slicer

    node = slicer.app.layoutManager().plotWidget(0).mrmlPlotViewNode()
    node.SetInteractionMode(node.InteractionModeSelectPoints)
    plot.click(plot.fromChart(0.5, 20))
    assert shown() == (A4C, 4)
    node.SetInteractionMode(node.InteractionModePanView)


def test_by_keys_alone_markers_are_chosen_moved_and_put_back(traced: Any, key: Any) -> None:
    ui = traced.ui
    assert "Keys move A4C ED, frame 4" in ui.traceLabel.text()
    key("Q")
    assert "Keys move A4C ES, frame 12" in ui.traceLabel.text() and shown() == (A4C, 12)
    for _ in range(3):
        key(",")
    assert shown() == (A4C, 9) and "ES of A4C in frame 9" in ui.traceNotesLabel.text()
    assert "the beat set by hand counts alone" in ui.traceNotesLabel.text()
    key(".")
    assert shown() == (A4C, 10)
    key("U")
    assert ui.traceNotesLabel.text() == "" and "Keys move A4C ES, frame 12" in ui.traceLabel.text()
    for _ in range(4):
        key("Q")
    assert shown() == (A2C, 12)


def test_one_beat_can_be_chosen_of_several(traced: Any) -> None:
    from slicerhost.driving import settle

    box = traced.ui.a4cBeatBox
    assert [box.itemText(row) for row in range(box.count())] == ["all 2 beats", "beat 1", "beat 2"]
    assert not traced.ui.a2cBeatBox.isEnabled()
    box.setCurrentIndex(2)
    box.activated.emit(2)
    settle(80)
    assert [one.frame for one in traced.trace.control.trace.markers] == [20, 28, 2, 12] and box.currentIndex() == 2


def test_both_panels_have_one_ed_and_es(traced: Any, plot: Any, panelOf: Any) -> None:
    import slicer

    plot.drag(place(traced, plot, "A4C", "ES"), plot.fromChart(0.5, 40))
    wait(lambda: marker(traced, "A4C", "ES").frame == 8)
    press(traced, "workButton")
    segment = slicer.util.getModuleWidget("EchoApexSegment")
    wait(lambda: segment.bench.clip is not None)
    assert segment.bench.clip.curve.phases.es == 8 and segment.bench.clip.curve.phases.es_by_hand
    panelOf("EchoApex")
    wait(lambda: traced.trace.control.trace is not None)
    traced.trace.control.step(2)
    panelOf("EchoApexSegment")
    wait(lambda: segment.bench.clip.curve.phases.es == 10)
    segment.bench.clip.show(7)
    segment.bench.clip.setPhase(ed=False)
    panelOf("EchoApex")
    wait(lambda: traced.trace.control.trace is not None and marker(traced, "A4C", "ES").frame == 7)
    segment.bench.close()


def test_what_was_moved_is_in_the_saved_scene(traced: Any, plot: Any, tmp_path: Path) -> None:
    import slicer
    from slicerhost.driving import settle

    plot.drag(place(traced, plot, "A2C", "ES"), plot.fromChart(0.5, 40))
    wait(lambda: marker(traced, "A2C", "ES").frame == 7)
    notes, numbers = traced.ui.traceNotesLabel.text(), chart_title()
    assert slicer.util.saveScene(str(tmp_path / "work.mrb"))
    slicer.mrmlScene.Clear(0)
    settle(80)
    assert traced.trace.control.trace is None and traced.ui.traceLabel.text() == ""
    slicer.util.loadScene(str(tmp_path / "work.mrb"))
    wait(lambda: traced.ui.traceNotesLabel.text() == notes)
    assert chart_title() == numbers


def test_side_by_side_both_go_in_step_and_back(traced: Any, key: Any) -> None:
    import slicer

    from EchoApexPanelLib.plotView import LAYOUT_ID, PAIR_LAYOUT_ID

    key("V")
    assert arrangement() == PAIR_LAYOUT_ID and traced.trace.control.paired
    second = slicer.app.layoutManager().sliceWidget("EchoApexSecond")
    assert second.isVisible() and second.sliceLogic().GetBackgroundLayer().GetVolumeNode().GetName().startswith("A2C")
    assert frames() == {"A4C": 4, "A2C": 2}, "both are in ED"
    for _ in range(4):
        key("Right")
    assert frames() == {"A4C": 8, "A2C": 7}, "half of the systole"
    key("T")
    assert frames() == {"A4C": 8, "A2C": 8} and "Time" in plot_axis()
    key("T")
    key("V")
    assert arrangement() == LAYOUT_ID and shown() == (A4C, 8)
    assert not second.isVisible()


def plot_axis() -> str:
    import slicer

    return slicer.app.layoutManager().plotWidget(0).plotView().chart().GetAxis(1).GetTitle()


def test_side_by_side_they_are_played_together(traced: Any, key: Any) -> None:
    import slicer

    key("V")
    seen = []
    key("G")
    wait(lambda: seen.append(frames()) or len({one["A4C"] for one in seen}) > 4)
    key("G")
    clip = traced.trace.control.trace
    assert all(one["A2C"] == clip.matching("A4C", one["A4C"], "A2C") for one in seen)
    bar = slicer.modules.sequences.toolBar()
    assert bar.activeBrowserNode() in clip.browsers.values()


def test_the_tool_bar_of_sequences_and_the_panel_agree(traced: Any, key: Any) -> None:
    import slicer
    from slicerhost.driving import settle

    bar, browsers = slicer.modules.sequences.toolBar(), traced.trace.control.trace.browsers
    wait(lambda: bar.activeBrowserNode() is browsers["A4C"])
    bar.setActiveBrowserNode(browsers["A2C"])
    settle(80)
    assert shown()[0] == A2C and bar.activeBrowserNode() is browsers["A2C"]
    key("V")
    assert shown()[0] == A4C and bar.activeBrowserNode() is browsers["A2C"], "side by side either is right"
    bar.activeBrowserNode().SetSelectedItemNumber(12)
    assert frames() == {"A4C": 12, "A2C": 12}
    key("V")
    assert shown()[0] == A4C and bar.activeBrowserNode() is browsers["A4C"]


def test_a_number_of_the_other_view_stays_side_by_side(traced: Any, key: Any) -> None:
    items = traced.study.report.measurements
    key("V")
    row = next(row for row, item in enumerate(items) if (item.name, item.method) == ("LVESV", "A2C"))
    click_row(traced.ui.measurementTable, row)
    click_row(traced.ui.measurementTable, row)
    assert traced.trace.control.paired and frames() == {"A4C": 12, "A2C": 12}
    assert shown()[0] == A4C, "A4C is on the left again"


def test_leaving_the_module_or_closing_the_scene_ends_it(traced: Any, key: Any, panelOf: Any) -> None:
    import slicer
    from slicerhost.driving import settle

    from EchoApexPanelLib.plotView import LAYOUT_ID

    key("V")
    key("G")
    panelOf("EchoApexSegment")
    assert arrangement() == LAYOUT_ID and not traced.trace.control.paired
    panelOf("EchoApex")
    wait(lambda: traced.trace.control.trace is not None)
    key("V")
    assert traced.trace.control.paired
    slicer.mrmlScene.Clear(0)
    settle(80)
    assert arrangement() == LAYOUT_ID and not traced.trace.control.paired and traced.trace.control.trace is None


def test_the_scene_is_closed_while_a_marker_is_dragged(traced: Any, plot: Any) -> None:
    import slicer
    from slicerhost.driving import settle

    end = plot.fromChart(0.5, 40)
    plot.press(place(traced, plot, "A2C", "ES"))
    slicer.mrmlScene.Clear(0)
    plot.move(end)
    plot.release(end)
    settle(80)
    assert traced.trace.control.trace is None


def updates(panel: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, set[str | None]]]:
    """A list that gets, at each update of the trace from now on, why there is none and the clips that are traced."""
    control, seen = panel.trace.control, []

    def update(browser: Any, shown: Any) -> None:
        type(control).update(control, browser, shown)
        browsers = () if control.trace is None else control.trace.browsers.values()
        seen.append((control.problem, {shown.clipOf(one) for one in browsers}))

    monkeypatch.setattr(control, "update", update)
    return seen


def test_another_clip_has_its_own_chart(traced: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import scene_cases
    import trace_cases
    from written_reports import write_report

    from echoapex.console import plain

    clips = trace_cases.apical_clip("A4C"), trace_cases.apical_clip("A2C")
    walls = scene_cases.make_clip("p", "PLAX", scale=scene_cases.NO_SCALE, times=scene_cases.NO_TIMES)
    numbers = plain(trace_cases.numbers_of(*clips))
    (tmp_path / "other").mkdir()
    seen = updates(traced, monkeypatch)
    traced.study.openReport(write_report(tmp_path / "other", *clips, walls, measurements=numbers))
    wait(lambda: seen and seen[-1][1] == {"a4c", "a2c"})
    assert seen[0] == ("No trace: this clip is none of the report that is open.", set())
    assert not any(None in clips for _, clips in seen), "the clips of the report before are not traced under this one"
    from EchoApexLib.study.openedReport import Place

    traced.trace.control.step(1)
    wait(lambda: "↻" in cells(traced.ui.measurementTable, 0)[0])
    traced.study.show(Place("p", 2))
    wait(lambda: chart_title().startswith("PLAX"))
    assert "↻" in cells(traced.ui.measurementTable, 0)[0], "what was moved is still told"
    assert cells(traced.ui.measurementTable, 0)[1].endswith("(before)")
    assert traced.trace.control.trace is None and "apical view" in traced.ui.traceNotesLabel.text()
    assert not traced.ui.markerButton.isEnabled()
