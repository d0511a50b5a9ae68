"""Aortic root and left atrium in PLAX, on drawn shapes of known size in any position, and on simulated hearts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_cases import SEED, simulated, true_landmarks, true_masks, true_result

from echoapex.analysis.clip_analysis import measure_clip
from echoapex.cine import FrameTimes, Scale, ScaleSource, TimeSource
from echoapex.errors import MeasureError
from echoapex.measure.measurement import Beat
from echoapex.measure.root_and_atrium import RootResult, measure_root_and_atrium
from echoapex.simulation.anatomy import systolic_atrial_diameter
from echoapex.simulation.presets import draw_case

ROWS, COLUMNS, MM = 200, 220, (0.6, 0.6)
BEAT = Beat(2, 5, 9)
ROOT_MM, ATRIUM_BACK_MM = 30.0, 50.0
LADS_MM = ATRIUM_BACK_MM - 14.9  # the wall of the root bulges by 1.9 mm at the middle of its sinuses


def half_root(along):
    return 13.0 + 2.0 * np.exp(-(((along - 12.0) / 6.0) ** 2))


def drawn(angle_deg=0.0, *, mirrored=False, mm=MM, atrium_back=ATRIUM_BACK_MM):
    """Outlines ``bool [H, W]`` of a root whose axis has this direction, the ventricle tilted against it."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    x_mm, y_mm = (x - 110) * mm[1], (y - 100) * mm[0]
    turn = np.deg2rad(angle_deg)
    along = x_mm * np.cos(turn) + y_mm * np.sin(turn)
    across = (-x_mm * np.sin(turn) + y_mm * np.cos(turn)) * (-1 if mirrored else 1) + 15
    root = (along > 0) & (along < 45) & (np.abs(across) < half_root(along))
    atrium = (along > 0) & (along < 40) & (across > 17.5) & (across < atrium_back)
    tilt = np.deg2rad(20.0)
    a, c = along + 34, across - 20
    ventricle = ((a * np.cos(tilt) - c * np.sin(tilt)) / 36) ** 2 + (
        (a * np.sin(tilt) + c * np.cos(tilt)) / 22
    ) ** 2 < 1
    return {"AO": root, "LA": atrium, "LV": ventricle & ~root & ~atrium}


def cine_of(frame, count=10):
    return {name: np.repeat(mask[None], count, axis=0) for name, mask in frame.items()}


def measured(masks, mm=MM, **options) -> RootResult:
    scale = Scale(mm, ScaleSource.DICOM_REGION)
    times = FrameTimes(np.arange(10) / 40.0, TimeSource.FRAME_TIME)
    return measure_root_and_atrium("PLAX-1", masks, beats=[BEAT], scale=scale, times=times, **options)


def values(result: RootResult) -> dict[str, float | None]:
    return {item.name: item.value for item in result.measurements}


@pytest.mark.parametrize(("angle", "mirrored"), [(0, False), (35, True), (-20, False), (90, True), (180, False)])
def test_the_lengths_are_right_at_any_angle_and_in_either_hand(angle, mirrored) -> None:
    found = values(measured(cine_of(drawn(angle, mirrored=mirrored))))
    assert found["AoRootd"] == pytest.approx(ROOT_MM, abs=0.8)
    assert found["LADs"] == pytest.approx(LADS_MM, abs=1.0)


def test_pixels_may_be_oblong() -> None:
    found = values(measured(cine_of(drawn(20, mm=(0.5, 0.8))), (0.5, 0.8)))
    assert found["AoRootd"] == pytest.approx(ROOT_MM, abs=0.8) and found["LADs"] == pytest.approx(LADS_MM, abs=1.0)


def test_each_length_has_method_frames_confidence_and_a_caliper_as_long_as_it_is() -> None:
    sure = {name: np.linspace(0.5, 0.95, 10) for name in ("AO", "LA")}
    sure["LA"] = sure["LA"] - 0.2
    result = measured(cine_of(drawn()), confidence=sure)
    root, atrium = result.measurements
    assert (root.name, root.method, root.unit) == ("AoRootd", "inner_edge", "mm")
    assert (atrium.name, atrium.method, atrium.unit) == ("LADs", "leading_edge", "mm")
    assert root.sources[0].frames == (1, 2, 3) and atrium.sources[0].frames == (4, 5, 6)
    assert root.confidence == pytest.approx(sure["AO"][1]) and atrium.confidence == pytest.approx(sure["LA"][4])
    for caliper, item in zip(result.calipers, result.measurements, strict=True):
        drawn_mm = np.hypot(*((np.array(caliper.end) - caliper.start) * MM[0]))
        assert drawn_mm == pytest.approx(item.value) and caliper.length_mm == pytest.approx(item.value)
        assert caliper.frame in item.sources[0].frames


def test_root_is_that_of_end_diastole_and_the_atrium_that_of_end_systole() -> None:
    masks = cine_of(drawn())
    large = drawn(atrium_back=56.0)
    masks["LA"][4:7] = large["LA"]
    assert values(measured(masks))["LADs"] == pytest.approx(LADS_MM + 6.0, abs=1.0)


def test_where_the_edge_of_the_image_cuts_it_off_there_is_a_reason_in_place_of_a_number() -> None:
    masks = cine_of(drawn())
    without_front = np.ones((ROWS, COLUMNS), bool)
    without_front[:62, 117:] = False  # the front of the sinuses, but for their beginning
    result = measured({name: mask & without_front for name, mask in masks.items()}, sector=without_front)
    assert set(values(result)) == {"LADs"} and "AoRootd is withheld" in result.withheld[0].rule
    assert [caliper.name for caliper in result.calipers] == ["LADs"]
    without_back = np.ones((ROWS, COLUMNS), bool)
    without_back[140:] = False
    result = measured({name: mask & without_back for name, mask in masks.items()}, sector=without_back)
    assert set(values(result)) == {"AoRootd"} and "cuts off the left atrium" in result.withheld[0].rule


def test_contradictions_are_withheld() -> None:
    masks = cine_of(drawn())
    small = {**masks, "AO": masks["AO"] & (np.arange(ROWS) > 96)[:, None]}
    result = measured(small)
    assert not values(result) and "far too small" in result.withheld[0].rule
    jumping = {name: mask.copy() for name, mask in masks.items()}
    jumping["LA"][5] = drawn(atrium_back=62.0)["LA"]
    result = measured(jumping)
    assert set(values(result)) == {"AoRootd"} and "contradict each other" in result.withheld[0].rule


@pytest.mark.parametrize("missing", ["AO", "LA", "LV"])
def test_what_is_not_outlined_is_named(missing) -> None:
    masks = {name: mask for name, mask in cine_of(drawn()).items() if name != missing}
    result = measured(masks)
    assert set(values(result)) == ({"AoRootd"} if missing == "LA" else set())
    assert all(f"no outline of {missing}" in reason.rule for reason in result.withheld)


def test_of_a_model_the_root_is_withheld_and_of_a_person_it_counts_in_the_frames_that_were_looked_at() -> None:
    masks = cine_of(drawn())
    result = measured(masks, root_frames=set())
    assert (
        set(values(result)) == {"LADs"}
        and "drawn or accepted the outline of the aortic root" in result.withheld[0].rule
    )
    (root, _atrium) = measured(masks, root_frames={2, 7}).measurements
    assert root.value == pytest.approx(ROOT_MM, abs=0.8) and root.sources[0].frames == (2,)


def test_without_scale_or_beat_nothing_is_measured_and_misfits_are_refused() -> None:
    masks = cine_of(drawn())
    times = FrameTimes(np.arange(10) / 40.0, TimeSource.FRAME_TIME)
    known = Scale(MM, ScaleSource.DICOM_REGION)
    assert not measure_root_and_atrium("a", masks, beats=[BEAT], scale=Scale.none("none"), times=times).measurements
    assert not measure_root_and_atrium("a", masks, beats=[], scale=known, times=times).measurements
    with pytest.raises(MeasureError):
        measured({**masks, "LA": masks["LA"][:, 1:]})


def test_on_a_simulated_heart_the_atrium_is_that_of_the_heart_and_the_root_of_a_model_is_withheld() -> None:
    result = true_result("PLAX")
    assert result.root is not None
    truth = systolic_atrial_diameter(draw_case("easy", SEED).heart())
    (atrium,) = result.root.measurements
    assert atrium.value == pytest.approx(truth, abs=2.5)
    assert any("AoRootd is withheld" in reason.rule for reason in result.not_measured)
    assert {caliper.name for caliper in result.calipers} >= {"IVSd", "LADs"}


def test_a_root_that_no_heart_has_goes_alone() -> None:
    cine = simulated("PLAX").cine()
    y, x = cine.scale.require()
    large = replace(cine, scale=Scale((4.6 * y, 4.6 * x), ScaleSource.DICOM_REGION))
    result = measure_clip(large, "a", "PLAX", true_masks("PLAX"), true_landmarks("PLAX"))
    assert "LADs" not in {item.name for item in result.measurements}
