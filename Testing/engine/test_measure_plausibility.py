"""Numbers that no heart has are withheld with a reason, those near them doubted, and all others left as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_cases import report, simulated, true_landmarks, true_masks, true_result

from echoapex.analysis.clip_analysis import ClipResult, measure_clip
from echoapex.analysis.study_measurements import summarize
from echoapex.cine import Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from echoapex.io.believable_cine import believable
from echoapex.limits import LIMITS
from echoapex.measure.measurement import Measurement
from echoapex.measure.plausibility import judge
from echoapex.patient import Patient, Sex
from echoapex.report.report_json import report_json


def number(name: str, value: float, method: str = "A4C") -> Measurement:
    return Measurement(name, value, LIMITS[name].unit, method)


def in_scale(view: str, factor: float) -> Cine:
    """The simulated clip of ``view`` with a scale that is wrong by this factor."""
    cine = simulated(view).cine()
    y, x = cine.scale.require()
    return replace(cine, scale=Scale((factor * y, factor * x), ScaleSource.DICOM_REGION))


def measured(cine: Cine, view: str = "A4C") -> ClipResult:
    return measure_clip(cine, view, view, true_masks(view), true_landmarks(view))


READ = ("area", "pixel", "depth", "width", "frame rate", "gap", "uneven")
MEASURED = [name for name in LIMITS if name not in READ]


@pytest.mark.parametrize("name", LIMITS)
def test_the_table_lists_unit_source_and_usual_values_within_possible_ones(name: str) -> None:
    limits = LIMITS[name]
    assert limits.possible[0] <= limits.usual[0] < limits.usual[1] < limits.possible[1]
    assert limits.unit and limits.source and limits.title and limits.check


def test_every_number_of_a_study_has_its_limits() -> None:
    clips = [true_result(view) for view in ("A4C", "A2C", "PLAX")]
    summary = summarize(clips, Patient(Sex.MALE, 50, 175, 75))
    names = {item.name for item in summary.measurements if item.value is not None}
    assert names | {"AoRootd"} == set(MEASURED)  # given for outlines by hand only


@pytest.mark.parametrize("name", MEASURED)
def test_beyond_possible_there_is_a_reason_and_beyond_usual_a_warning(name: str) -> None:
    limits = LIMITS[name]
    for value in (0.9 * limits.possible[0], 1.1 * limits.possible[1], -1.0, float("nan")):
        judgment = judge([number(name, value)], "clip.dcm")
        assert not judgment.kept
        (reason,) = judgment.reasons
        assert name in str(reason) and f"{limits.possible[1]:g}" in str(reason) and "clip.dcm" in str(reason)
    good = number(name, sum(limits.usual) / 2)
    assert judge([good]).kept == (good,) and not judge([good]).reasons
    for value in limits.possible:
        (kept,) = judge(judge([number(name, value)]).kept).kept
        assert len(kept.warnings) == 1 and "usual" in kept.warnings[0]


def of_size(name: str, value: float) -> Cine:
    """The simulated A4C with the scale that gives its image this depth or width.

    A small size is that of the whole frame, a large one that of the sector.
    """
    cine = simulated("A4C").cine()
    x0, y0, x1, y1 = cine.sector.box
    small = value < sum(LIMITS[name].usual) / 2
    rows, columns = (cine.rows, cine.columns) if small else (y1 - y0 + 1, x1 - x0 + 1)
    y, x = cine.scale.require()
    scale = {"depth": (value / rows, x), "width": (y, value / columns)}[name]
    return replace(cine, scale=Scale(scale, ScaleSource.DICOM_REGION))


def test_a_still_of_which_only_a_bright_part_was_found_keeps_its_scale() -> None:
    cine = simulated("A4C").cine()
    part = np.zeros_like(cine.sector.mask)
    part[10:14, 10:40] = True
    again = believable(replace(cine, sector=Sector.from_mask(part, "brightness")))
    assert again.scale == cine.scale and not again.warnings


@pytest.mark.parametrize("name", ["depth", "width"])
def test_an_image_of_no_possible_size_has_no_scale_and_one_of_an_odd_size_a_warning(name: str) -> None:
    limits = LIMITS[name]
    for value in (0.9 * limits.possible[0], 1.1 * limits.possible[1]):
        assert limits.title in believable(of_size(name, value)).scale.reason
    for value in (limits.possible[0], limits.possible[1]):
        cine = believable(of_size(name, value))
        assert cine.scale.known and sum(limits.title in text for text in cine.warnings) == 1
        assert believable(cine) == cine
    assert not believable(of_size(name, sum(limits.usual) / 2)).warnings


def test_a_doubt_about_the_scale_stands_beside_every_number_that_depends_on_it() -> None:
    result = measured(of_size("depth", 310.0))
    said = {item.unit: any("depth of the image" in text for text in item.warnings) for item in result.measurements}
    assert said["mL"] and not said["%"] and not said["1/min"]
    assert any("depth of the image" in text for text in result.warnings)


def with_sector(share: float) -> ClipResult:
    """The simulated A4C whose ventricle fills this share, in %, of a sector cut to fit."""
    masks = true_masks("A4C")
    largest = masks["LV"].masks[masks["LV"].masks.sum(axis=(1, 2)).argmax()]
    sector = largest.copy()
    spare = np.flatnonzero(~largest.ravel())
    sector.ravel()[spare[: round(largest.sum() * (100 / share - 1))]] = True
    cine = replace(simulated("A4C").cine(), sector=Sector.from_mask(sector, "region"), scale=Scale.none("none"))
    return measure_clip(cine, "A4C", "A4C", masks)


def test_a_ventricle_that_fills_the_picture_is_none() -> None:
    assert "area of the left ventricle would be 95" in str(with_sector(95.0).not_measured[0])
    doubted, usual = with_sector(75.0), true_result("A4C")
    assert doubted.lv is not None and any("area of the left ventricle of 75" in text for text in doubted.warnings)
    assert usual.lv is not None and not any("area of the left ventricle" in text for text in usual.warnings)


def test_what_is_made_of_the_impossible_goes_with_it() -> None:
    items = [number("LVEDV", 125_456), number("LVESV", 300), number("LVEF", 55), number("LVEF", 60, "A2C")]
    judgment = judge(items)
    assert [(item.name, item.method) for item in judgment.kept] == [("LVEF", "A2C")]
    assert "LVEF" in str(judgment.reasons[0]) and "found: 125456 mL" in str(judgment.reasons[0])


def test_true_hearts_lose_nothing() -> None:
    for view in ("A4C", "A2C", "PLAX"):
        result = true_result(view)
        assert result.measurements and not any("usual" in text for text in result.warnings)
    patient = Patient(Sex.MALE, 50, 175, 75)
    summary = summarize([true_result(view) for view in ("A4C", "A2C", "PLAX")], patient)
    names = {item.name for item in summary.measurements}
    assert names >= {"LVEF", "LVEDV", "LVEDVI", "LVMassIndex", "LAVI", "IVSd", "RWT", "HR"}
    assert summary.biplane is not None
    assert all("AoRootd" in reason.rule for reason in summary.not_measured)  # as above


@pytest.mark.parametrize("factor", [12.0, 0.03])
def test_a_scale_that_no_probe_has_gives_percent_only_and_says_so(factor: float) -> None:
    result = measured(in_scale("A4C", factor))
    assert {item.unit for item in result.measurements} == {"%", "1/min"}
    right = {(item.name, item.method): item.value for item in true_result("A4C").measurements}
    for item in result.measurements:
        assert item.value == pytest.approx(right[item.name, item.method], rel=0.02)
    reason = next(str(item) for item in result.not_measured if "No volumes" in str(item))
    assert "depth of the image" in reason and " mm, outside 20 to 400 mm" in reason
    assert result.cine.scale.mm_per_px is None


def test_a_scale_that_is_wrong_in_one_direction_gives_no_millimeters() -> None:
    cine = simulated("PLAX").cine()
    y, x = cine.scale.require()
    result = measured(replace(cine, scale=Scale((y, 10 * x), ScaleSource.DICOM_REGION)), "PLAX")
    assert "mm" not in {item.unit for item in result.measurements}
    assert any("width of the image" in str(reason) for reason in result.not_measured)


def test_a_scale_that_could_be_but_makes_an_impossible_heart_gives_no_number() -> None:
    result = measured(in_scale("A4C", 2.4))
    assert result.lv is None and result.atrium is None and not result.measurements
    assert any("LVEDV" in str(reason) for reason in result.not_measured)
    other = true_result("A2C")
    summary = summarize([result, other], None)
    assert summary.biplane is None and not any(item.method == "biplane" for item in summary.measurements)
    record = report_json(report(result, other))
    assert record["clips"][0]["volume_ml"] is None
    assert any("LVEDV" in reason["rule"] for reason in record["not_measured"])


def test_impossible_walls_are_not_drawn_either() -> None:
    landmarks = true_landmarks("PLAX")
    assert landmarks is not None
    points, through = landmarks.points.copy(), landmarks.points[:, 3] - landmarks.points[:, 0]
    # Within the image, and with a scale that could be.
    points[:, 1], points[:, 2] = points[:, 0] + 0.8 * through, points[:, 0] + 0.95 * through
    cine = simulated("PLAX").cine()
    larger = replace(cine.scale, mm_per_px=(1.6 * cine.scale.require()[0], 1.6 * cine.scale.require()[1]))
    wide = replace(cine, scale=larger)
    result = measure_clip(wide, "PLAX", "PLAX", {}, replace(landmarks, points=points))
    assert result.walls is None and any("IVSd" in str(reason) for reason in result.not_measured)


def test_frame_times_that_no_scanner_has_are_unknown() -> None:
    cine = simulated("A4C").cine()
    assert cine.times.seconds is not None
    wrong = replace(cine, times=FrameTimes(cine.times.seconds / 1000.0, TimeSource.FRAME_TIME))
    assert believable(cine).times.known
    assert not believable(wrong).times.known and "frames/s" in believable(wrong).times.reason
    names = {item.name for item in measured(wrong).measurements}
    assert "HR" not in names and "LVEF" in names


def test_an_index_by_an_impossible_body_is_withheld() -> None:
    patient = Patient(Sex.MALE, 50, 30, 1)
    summary = summarize([true_result("A4C"), true_result("A2C")], patient)
    assert not any(item.name == "LVEDVI" for item in summary.measurements)
    assert any("LVEDVI" in str(reason) for reason in summary.not_measured)
