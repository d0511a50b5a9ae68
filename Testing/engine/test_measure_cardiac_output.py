"""Cardiac output: stroke volume times a heart rate that can be trusted, whose source is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_cases import simulated, true_masks, true_result

from echoapex.analysis.clip_analysis import ClipResult, measure_clip
from echoapex.analysis.study_measurements import summarize
from echoapex.cine import Scale
from echoapex.errors import MeasureError
from echoapex.measure.cardiac_output import ClipRates, cardiac_output
from echoapex.measure.measurement import Measurement, Source

VOLUME = Measurement("LVSV", 70.0, "mL", "A4C", (Source("A4C-1", (2, 10)),), 0.9, ("short",))


def rate(value: float | None, stated: float | None = None, clip: str = "A4C-1") -> ClipRates:
    measured = None if value is None else Measurement("HR", value, "1/min", "ed_to_ed", (Source(clip, (2, 30)),), 0.8)
    return ClipRates(clip, measured, stated)


def test_the_output_is_volume_times_rate_with_the_frames_of_both() -> None:
    found = cardiac_output(VOLUME, [rate(60.0, 62.0)])
    assert (found.name, found.value, found.unit, found.method) == ("CO", pytest.approx(4.2), "L/min", "A4C")
    assert found.sources == (Source("A4C-1", (2, 10)), Source("A4C-1", (2, 30)))
    assert found.confidence == 0.9 and found.warnings == ("short",)


def test_the_rate_of_a_pair_is_the_mean_and_has_to_agree() -> None:
    pair = [rate(60.0), rate(64.0, clip="A2C-1")]
    assert cardiac_output(VOLUME, pair).value == pytest.approx(70 * 62 / 1000)
    with pytest.raises(MeasureError, match=r"differ by over 10%.*60/min and 70/min"):
        cardiac_output(VOLUME, [rate(60.0), rate(70.0, clip="A2C-1")])


def test_a_rate_of_the_header_is_said_and_one_that_contradicts_the_beats_withholds_the_output() -> None:
    found = cardiac_output(VOLUME, [rate(None, 60.0)])
    assert found.value == pytest.approx(4.2)
    assert "heart rate that the file of clip A4C-1 states, 60/min" in found.warnings[0]
    with pytest.raises(MeasureError, match="contradict each other"):
        cardiac_output(VOLUME, [rate(60.0, 90.0)])
    with pytest.raises(MeasureError, match="holds no whole beat"):
        cardiac_output(VOLUME, [rate(None)])


def by_method(items: tuple[Measurement, ...], name: str = "CO") -> dict[str, Measurement]:
    return {item.method: item for item in items if item.name == name}


def test_a_study_has_the_output_of_each_apical_clip_and_of_the_pair() -> None:
    clips = [true_result(view) for view in ("A4C", "A2C")]
    found = by_method(summarize(clips, None).measurements)
    assert set(found) == {"A4C", "A2C", "biplane"}
    volumes = by_method(summarize(clips, None).measurements, "LVSV")
    rates = [item.value for clip in clips for item in clip.measurements if item.name == "HR"]
    assert found["biplane"].value == pytest.approx((volumes["biplane"].value or 0) * sum(rates) / 2000)


def of_rate(stated: float | None) -> ClipResult:
    cine = replace(simulated("A4C").cine(), heart_rate=stated)
    return measure_clip(cine, "A4C", "A4C", {"LV": true_masks("A4C")["LV"]})


def test_a_clip_says_why_it_has_no_output() -> None:
    assert by_method(of_rate(None).measurements)
    doubted = of_rate(140.0)
    assert not by_method(doubted.measurements)
    assert any("No cardiac output (CO, A4C)" in reason.rule for reason in doubted.not_measured)
    pair = summarize([doubted, true_result("A2C")], None)
    assert any("No cardiac output (CO, biplane)" in reason.rule for reason in pair.not_measured)


def test_without_a_scale_there_is_no_output_and_no_length() -> None:
    cine = replace(simulated("A4C").cine(), scale=Scale.none("no region"))
    names = {item.name for item in measure_clip(cine, "a", "A4C", {"LV": true_masks("A4C")["LV"]}).measurements}
    assert names == {"LVEF", "HR"}


@pytest.mark.parametrize("view", ["A4C", "A2C"])
def test_the_length_of_the_ventricle_is_that_of_the_heart(view: str) -> None:
    heart = simulated(view).heart
    found = {item.name: item for item in true_result(view).measurements if item.name.startswith("LVL")}
    assert found["LVLd"].value == pytest.approx(heart.length(0.0), abs=1.5)
    assert found["LVLs"].value == pytest.approx(heart.length(heart.curve.es_phase), abs=1.5)
    assert found["LVLd"].method == view and found["LVLd"].sources[0].frames == (true_result(view).beats[0].ed,)
