"""The volume curve of a cine in a scene: tables and plot in place, phases by hand, saved and found again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases

from echoapex.cine import BoolMask, Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from echoapex.errors import EchoApexError, MeasureError, PromptError
from echoapex.measure.single_plane_ef import measure_lv
from EchoApexLib.measurements.volumeCurve import CHART, MEASUREMENTS, TABLE, VolumeCurve
from EchoApexLib.sequences.cineSequence import addBrowser, addCineSequence
from EchoApexLib.study.studyInScene import newScene

FRAMES, ROWS, COLUMNS = 24, 90, 70
SCALE = Scale((1.1, 1.1), ScaleSource.DICOM_REGION)


def ventricles() -> BoolMask:
    """Half ellipses, ED in frame 4 and 20, ES in frame 12."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    filling = 0.5 + 0.5 * np.cos(2 * np.pi * (np.arange(FRAMES) - 4) / 16)
    wide, long = 14 + 7 * filling, 52 + 6 * filling
    inside = ((x - 35) / wide[:, None, None]) ** 2 + ((75 - y) / long[:, None, None]) ** 2 <= 1
    return np.asarray(inside & (y <= 75))


def cine_of(scale: Scale = SCALE, times: FrameTimes | None = None) -> Cine:
    known = times or FrameTimes(np.arange(FRAMES) / 30, TimeSource.FRAME_TIME)
    frames = np.zeros((FRAMES, ROWS, COLUMNS), np.uint8)
    return Cine(frames, known, scale, Sector.whole_frame(ROWS, COLUMNS), simulated=True)


def opened(scene: Any, cine: Cine, name: str = "Cine") -> Any:
    return addBrowser(scene, name, addCineSequence(scene, f"{name} cine", cine), cine)


@pytest.fixture
def scene() -> Iterator[Any]:
    with newScene() as made:
        yield made


def columns(table: Any) -> dict[str, list[Any]]:
    arrays = (table.GetTable().GetColumn(index) for index in range(table.GetNumberOfColumns()))
    return {array.GetName(): [array.GetValue(row) for row in range(array.GetNumberOfTuples())] for array in arrays}


def value(curve: VolumeCurve, name: str, method: str = "A4C") -> Any:
    return next(item for item in curve.measurements if (item.name, item.method) == (name, method))


def marked(columns: dict[str, list[Any]], title: str) -> list[int]:
    return np.flatnonzero(np.isfinite(columns[title])).tolist()


def test_the_numbers_are_those_of_the_engine(scene: Any) -> None:
    cine, masks = cine_of(), ventricles()
    curve = VolumeCurve(scene, opened(scene, cine), cine, "A4C")
    assert curve.chart is None and "EF needs an outline" in curve.reason
    curve.update(masks, "LV", confidence=np.full(FRAMES, 0.9))
    study = measure_lv("Cine", "A4C", masks, scale=SCALE, times=cine.times)
    assert curve.beats == study.beats and curve.reason == ""
    for ours, theirs in zip(curve.measurements, study.measurements, strict=True):
        assert (ours.name, ours.method, ours.sources, ours.unit) == (
            *(theirs.name, theirs.method, theirs.sources, theirs.unit),
        )
        assert ours.value == pytest.approx(theirs.value, rel=1e-9)
    assert value(curve, "LVEF").confidence == pytest.approx(0.9)
    assert (curve.phases.ed, curve.phases.es) == (study.beats[0].ed, study.beats[0].es) == (4, 12)


def test_curve_phases_and_current_frame_are_one_table_and_one_plot(scene: Any) -> None:
    cine = cine_of()
    browser = opened(scene, cine)
    curve = VolumeCurve(scene, browser, cine, "A4C")
    curve.update(ventricles(), "LV")
    curve.setFrame(7)
    table = columns(browser.GetNodeReference(TABLE))
    assert list(table)[:2] == ["Time (s)", "LV volume (mL)"]
    assert table["Time (s)"] == pytest.approx(cine.times.seconds)
    assert table["LV volume (mL)"] == pytest.approx(curve.values)
    assert marked(table, "ED and ES (mL)") == sorted({f for beat in curve.beats for f in (beat.ed, beat.es)})
    assert marked(table, "Current frame (mL)") == [7]
    assert (table["Moment"][4], table["Moment"][12], table["Moment"][5]) == ("ED", "ES", "-")
    chart = curve.chart
    assert (chart.GetXAxisTitle(), chart.GetYAxisTitle()) == ("Time (s)", "LV volume (mL)")
    shown = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [series.GetYColumnName() for series in shown] == list(table)[1:4]
    assert all(series.GetTableNode() is browser.GetNodeReference(TABLE) for series in shown)
    assert shown[0].GetLineStyle() != shown[0].LineStyleNone and shown[1].GetLineStyle() == shown[1].LineStyleNone


def test_nodes_are_updated_in_place(scene: Any) -> None:
    cine = cine_of()
    curve = VolumeCurve(scene, opened(scene, cine), cine, "A4C")
    curve.update(ventricles(), "LV")
    before, chart = scene.GetNumberOfNodes(), curve.chart
    for frame in range(3):
        curve.update(ventricles(), "LV", missing=[frame])
        curve.setFrame(frame)
        curve.setPhases(ed=frame + 3)
    curve.clearPhases()
    assert scene.GetNumberOfNodes() == before and curve.chart is chart
    assert chart.GetNumberOfPlotSeriesNodes() == 3


def test_a_hand_moves_es_and_the_numbers_follow_and_say_so(scene: Any) -> None:
    cine = cine_of()
    browser = opened(scene, cine)
    curve = VolumeCurve(scene, browser, cine, "A4C")
    curve.update(ventricles(), "LV")
    found = value(curve, "LVEF").value
    curve.setPhases(es=9)
    assert (curve.phases.ed, curve.phases.es, curve.phases.ed_by_hand, curve.phases.es_by_hand) == (4, 9, False, True)
    expected = 100 * (1 - curve.values[9] / curve.values[4])
    assert value(curve, "LVEF").value == pytest.approx(expected) and expected < found - 5
    assert value(curve, "LVEF").sources[0].frames == (4, 9)
    assert "ES (frame 9) set by hand" in value(curve, "LVEF").warnings
    moments = columns(browser.GetNodeReference(TABLE))["Moment"]
    assert (moments[4], moments[9]) == ("ED", "ES by hand")
    numbers = columns(browser.GetNodeReference(MEASUREMENTS))
    row = list(zip(numbers["Name"], numbers["Method"])).index(("LVEF", "A4C"))
    assert numbers["Value"][row] == pytest.approx(expected)
    assert "by hand" in numbers["Warnings"][row] and numbers["Clips and frames"][row] == "Cine: 4, 9"
    curve.clearPhases()
    assert value(curve, "LVEF").value == pytest.approx(found) and not curve.phases.by_hand


def test_frames_without_an_outline_are_gaps_and_said(scene: Any) -> None:
    cine = cine_of()
    curve = VolumeCurve(scene, opened(scene, cine), cine, "A4C")
    curve.update(ventricles(), "LV", missing=[*range(6, 12), *range(13, 19)])
    assert np.flatnonzero(np.isnan(curve.values)).tolist() == [*range(6, 12), *range(13, 19)]
    assert curve.reason == "EF needs all frames from ED to ES; 12 of 24 have no outline"
    assert not [item for item in curve.measurements if item.name == "LVEF"]
    curve.setPhases(4, 12)
    assert curve.reason == "" and value(curve, "LVEF").value > 30


def test_without_a_scale_nothing_is_in_milliliters(scene: Any) -> None:
    cine = cine_of(Scale.none("the header has no region"), FrameTimes.unknown("the header has no frame rate"))
    browser = opened(scene, cine)
    curve = VolumeCurve(scene, browser, cine, "A4C")
    curve.update(ventricles(), "LV")
    assert curve.unit == "px" and curve.values == pytest.approx(ventricles().sum(axis=(1, 2)))
    assert {item.unit for item in curve.measurements} == {"%"}
    table, numbers = columns(browser.GetNodeReference(TABLE)), columns(browser.GetNodeReference(MEASUREMENTS))
    assert list(table)[:2] == ["Frame", "LV area (px)"]
    assert curve.chart.GetYAxisTitle() == "LV area (px)"
    assert not any("mL" in str(text) for text in (*table, *numbers["Unit"]))


def test_another_view_has_no_volumes_until_it_is_named(scene: Any) -> None:
    cine = cine_of()
    curve = VolumeCurve(scene, opened(scene, cine), cine, "PLAX")
    curve.update(ventricles(), "LV", confidence=np.full(FRAMES, 0.8))
    square_cm = np.prod(cine.scale.mm_per_px) / 100
    assert curve.unit == "cm²" and curve.values == pytest.approx(ventricles().sum(axis=(1, 2)) * square_cm)
    assert "A4C, A2C (found: PLAX)" in curve.reason
    curve.setView("UNKNOWN")
    assert "A4C, A2C (found: none is set)" in curve.reason
    assert (curve.phases.ed, curve.phases.es) == (4, 12)
    curve.setView("A2C")
    assert curve.unit == "mL" and value(curve, "LVEF", "A2C").confidence == pytest.approx(0.8)


def test_an_atrium_is_measured_beside_the_ventricle(scene: Any) -> None:
    cine, masks = cine_of(), ventricles()
    y, x = np.mgrid[:ROWS, :COLUMNS]
    atrium = np.repeat((((x - 35) / 11) ** 2 + ((y - 79) / 8) ** 2 <= 1)[None] & (y > 75), FRAMES, axis=0)
    curve = VolumeCurve(scene, opened(scene, cine), cine, "A4C")
    curve.update(atrium, "LA")
    assert "no frame has one" in curve.reason
    curve.update(masks, "LV")
    assert value(curve, "LAV").unit == "mL" and value(curve, "LVEF").value > 30


def test_what_does_not_fit_is_refused_and_changes_nothing(scene: Any) -> None:
    cine = cine_of()
    curve = VolumeCurve(scene, opened(scene, cine), cine, "A4C")
    curve.update(ventricles(), "LV")
    before = curve.measurements
    with pytest.raises(MeasureError, match="shape of their cine"):
        curve.update(ventricles()[:, 1:], "LV")
    with pytest.raises(MeasureError, match="one confidence for each frame"):
        curve.update(ventricles(), "LV", confidence=[0.5])
    with pytest.raises(EchoApexError, match="LV and LA"):
        curve.update(ventricles(), "RV")
    with pytest.raises(PromptError, match="0 to 23"):
        curve.setPhases(es=24)
    with pytest.raises(PromptError, match="0 to 23"):
        curve.setFrame(-1)
    with pytest.raises(EchoApexError, match="two frames"):
        curve.setPhases(5, 5)
    assert curve.measurements == before and not curve.phases.by_hand


def test_saved_and_found_again(scene: Any, tmp_path: Path) -> None:
    cine = cine_of()
    curve = VolumeCurve(scene, opened(scene, cine), cine, "A4C")
    curve.update(ventricles(), "LV")
    curve.setPhases(es=10)
    before = curve.measurements
    assert scene.WriteToMRB(str(tmp_path / "a.mrb"), None)
    with cases.opened(tmp_path / "a.mrb") as again:
        browser = cases.browser_of(again, "Cine")
        chart, count = browser.GetNodeReference(CHART), again.GetNumberOfNodes()
        assert chart.GetNumberOfPlotSeriesNodes() == 3
        reopened = VolumeCurve(again, browser, cine, "A4C")
        reopened.update(ventricles(), "LV")
        assert reopened.phases.es == 10 and reopened.phases.es_by_hand and not reopened.phases.ed_by_hand
        assert reopened.measurements == before
        assert reopened.chart is chart and again.GetNumberOfNodes() == count


def test_phases_that_do_not_fit_the_cine_are_refused(scene: Any) -> None:
    cine = cine_of()
    browser = opened(scene, cine)
    for damaged in ('{"ed": 99, "es": 3}', '{"ed": "x"}', "[", '{"other": 1}'):
        browser.SetAttribute("EchoApex.Phases", damaged)
        with pytest.raises(EchoApexError, match="damaged"):
            VolumeCurve(scene, browser, cine, "A4C")


def test_a_closed_scene_and_removed_nodes_do_no_harm(scene: Any) -> None:
    cine = cine_of()
    browser, other = opened(scene, cine), opened(scene, cine, "Other")
    curve, beside = VolumeCurve(scene, browser, cine, "A4C"), VolumeCurve(scene, other, cine, "A2C")
    curve.update(ventricles(), "LV")
    beside.update(ventricles(), "LV")
    scene.RemoveNode(browser.GetNodeReference(TABLE))
    scene.RemoveNode(curve.chart)
    curve.setPhases(es=10)
    assert curve.chart.GetNumberOfPlotSeriesNodes() == 3 and browser.GetNodeReference(TABLE) is not None
    assert curve.chart is not beside.chart and not beside.phases.by_hand
    scene.RemoveNode(other)
    assert beside.closed and not curve.closed
    beside.update(ventricles(), "LV")
    scene.Clear(0)
    assert curve.closed
    count = scene.GetNumberOfNodes()
    curve.update(ventricles(), "LV")
    curve.setPhases(3, 9)
    curve.clearPhases()
    curve.setFrame(2)
    curve.setView("A2C")
    curve.close()
    assert scene.GetNumberOfNodes() == count
