"""Ejection fraction and volumes of whole clips against exact truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure_phantoms import cine_masks, volume_curve

from echoapex.cine import FrameTimes, Scale, ScaleSource, TimeSource
from echoapex.errors import MeasureError, ScaleError
from echoapex.measure.biplane_ef import measure_biplane
from echoapex.measure.long_axis import BaseSource
from echoapex.measure.measurement import Source
from echoapex.measure.single_plane_ef import ejection_fraction, measure_lv

MM = (0.5, 0.5)
SCALE = Scale(MM, ScaleSource.DICOM_REGION)
NO_SCALE = Scale.none("the file has none")


def times_of(seconds):
    return FrameTimes(np.asarray(seconds, float), TimeSource.FRAME_TIME)


def measured(result, name, method="A4C"):
    return next(m for m in result.measurements if (m.name, m.method) == (name, method))


@pytest.fixture(scope="module")
def clip():
    volumes, seconds = volume_curve(80, start_phase=0.85, edv=130, ef=58)
    return cine_masks(volumes, mm_per_px=MM), volumes, seconds


@pytest.fixture(scope="module")
def result(clip):
    masks, _, seconds = clip
    confidence = 0.95 - 0.001 * np.arange(80)
    return measure_lv("clip1", "A4C", masks, scale=SCALE, times=times_of(seconds), confidence=confidence)


@pytest.mark.parametrize("method", ["A4C", "area_length_A4C"])
def test_exact_volumes_and_ef(result, method):
    assert measured(result, "LVEF", method).value == pytest.approx(58, abs=0.5)
    assert measured(result, "LVEDV", method).value == pytest.approx(130, rel=0.012)
    assert measured(result, "LVESV", method).value == pytest.approx(130 * 0.42, rel=0.015)
    assert measured(result, "LVSV", method).value == pytest.approx(130 * 0.58, rel=0.02)
    assert [measured(result, n, method).unit for n in ("LVEF", "LVEDV", "LVESV", "LVSV")] == ["%", "mL", "mL", "mL"]


def test_volume_of_every_frame(result, clip):
    assert result.volume_ml == pytest.approx(clip[1], rel=0.015)
    assert result.area_px == pytest.approx(clip[0].sum(axis=(1, 2)))


def test_every_value_can_be_traced(result):
    first, second = result.beats
    ef = measured(result, "LVEF")
    assert ef.sources == (Source("clip1", (first.ed, first.es)), Source("clip1", (second.ed, second.es)))
    assert measured(result, "LVEDV").sources == (Source("clip1", (first.ed,)), Source("clip1", (second.ed,)))
    assert measured(result, "LVESV").sources == (Source("clip1", (first.es,)), Source("clip1", (second.es,)))
    by_hand = [ejection_fraction(result.volume_ml[b.ed], result.volume_ml[b.es]) for b in result.beats]
    assert ef.value == pytest.approx(np.mean(by_hand))
    each = [b.ef_percent for b in result.beat_volumes if b.method == "A4C"]
    assert each == pytest.approx(by_hand)


def test_confidence_is_the_least_of_the_frames_used(result):
    assert measured(result, "LVEF").confidence == pytest.approx(0.95 - 0.001 * result.beats[-1].es)
    assert measured(result, "LVEDV").confidence == pytest.approx(0.95 - 0.001 * result.beats[-1].ed)


def test_heart_rate(result):
    rate = measured(result, "HR", "ed_to_ed")
    assert rate.value == pytest.approx(60, abs=4)
    assert rate.unit == "1/min"
    assert rate.sources == (Source("clip1", (result.beats[0].ed, result.beats[0].next_ed)),)


def test_a_good_clip_has_no_warnings(result):
    assert result.warnings == ()
    assert all(m.warnings == () for m in result.measurements)


def test_axes_are_there_for_display(result):
    assert len(result.axes) == 80
    assert all(axis is not None and axis.unit == "mm" for axis in result.axes)


@settings(max_examples=12, deadline=None)
@given(
    angle=st.floats(-180, 180),
    flip=st.booleans(),
    ef=st.floats(15, 78),
    edv=st.floats(60, 200),
    cut=st.sampled_from([0.0, 0.4, 0.7]),
    mm_per_px=st.sampled_from([(0.5, 0.5), (0.4, 0.7), (0.8, 0.45)]),
)
def test_ef_of_any_pose_size_and_pixel_shape(angle, flip, ef, edv, cut, mm_per_px):
    volumes, seconds = volume_curve(26, rate_hz=30, start_phase=0.9, edv=edv, ef=ef)
    masks = cine_masks(volumes, mm_per_px=mm_per_px, angle_deg=angle, flip=flip, cut=cut)
    scale = Scale(mm_per_px, ScaleSource.USER)
    found = measure_lv("c", "A2C", masks, scale=scale, times=times_of(seconds))
    beat = found.beats[0]
    truth = ejection_fraction(volumes[beat.ed], volumes[beat.es])
    assert truth == pytest.approx(ef, abs=1.0)
    # A small ventricle that lies along the pixel grid gains or loses half a pixel on all sides at once.
    assert found.beat_volumes[0].ef_percent == pytest.approx(truth, abs=1.5)
    assert measured(found, "LVEDV", "A2C").value == pytest.approx(edv, rel=0.02)


def test_without_a_scale_there_is_ef_but_no_volume(clip):
    masks, _, seconds = clip
    found = measure_lv("c", "A4C", masks, scale=NO_SCALE, times=times_of(seconds))
    assert found.volume_ml is None
    assert {m.name for m in found.measurements} == {"LVEF", "HR"}
    assert measured(found, "LVEF").value == pytest.approx(58, abs=0.5)
    ef = measured(found, "LVEF", "area_length_A4C")
    assert ef.value == pytest.approx(58, abs=0.5)
    assert any("square pixels" in w and "the file has none" in w for w in ef.warnings)
    assert all(b.edv_ml is None and b.esv_ml is None for b in found.beat_volumes)


def test_ef_does_not_depend_on_the_scale(clip):
    masks, _, seconds = clip
    values = [
        measured(
            measure_lv("c", "A4C", masks, scale=Scale(mm, ScaleSource.USER), times=times_of(seconds)), "LVEF"
        ).value
        for mm in [(0.5, 0.5), (0.25, 0.25), (1.0, 1.0)]
    ]
    assert values == pytest.approx([values[0]] * 3, abs=1e-6)


def test_unknown_times_give_ef_but_no_heart_rate(clip):
    found = measure_lv("c", "A4C", clip[0], scale=SCALE, times=FrameTimes.unknown("a bare video"))
    assert measured(found, "LVEF").value == pytest.approx(58, abs=0.5)
    assert not [m for m in found.measurements if m.name == "HR"]
    assert any("a bare video" in warning for warning in found.warnings)


def test_low_frame_rates_are_reported():
    volumes, seconds = volume_curve(30, rate_hz=20, start_phase=0.8)
    masks = cine_masks(volumes, mm_per_px=(1.0, 1.0))
    found = measure_lv("c", "A4C", masks, scale=Scale((1.0, 1.0), ScaleSource.USER), times=times_of(seconds))
    assert any("20 frames/s" in warning for warning in found.warnings)


def test_ntsc_video_is_not_a_low_frame_rate(clip):
    seconds = np.arange(80) * 1001 / 30000
    found = measure_lv("c", "A4C", clip[0], scale=SCALE, times=times_of(seconds))
    assert not any("frames/s" in warning for warning in found.warnings)


def test_frames_without_a_ventricle_are_gaps(clip):
    masks, volumes, seconds = clip
    masks = masks.copy()
    masks[[20, 21]] = False
    masks[50] = False
    masks[50, 3:5, 3:5] = True
    found = measure_lv("c", "A4C", masks, scale=SCALE, times=times_of(seconds))
    assert np.flatnonzero(np.isnan(found.volume_ml)).tolist() == [20, 21, 50]
    assert np.flatnonzero(np.isnan(found.area_px)).tolist() == [20, 21, 50]
    assert found.axes[20] is None
    assert any("3 of 80 frames" in warning for warning in found.warnings)
    assert measured(found, "LVEF").value == pytest.approx(58, abs=0.8)


def test_r_waves_are_used(clip):
    masks, _, seconds = clip
    found = measure_lv("c", "A4C", masks, scale=SCALE, times=times_of(seconds), r_wave_times=(0.15, 1.15))
    assert [beat.ed for beat in found.beats] == pytest.approx([7.5, 57.5], abs=0.5)


def test_one_flipped_frame_is_put_right():
    # A round ventricle whose base is hard to see in one frame.
    volumes, seconds = volume_curve(40, rate_hz=40, start_phase=0.8)
    masks = cine_masks(volumes, mm_per_px=MM, cut=0.5, angle_deg=-90)
    straight = measure_lv("c", "A4C", masks, scale=SCALE, times=times_of(seconds))
    masks = masks.copy()
    rows = np.flatnonzero(masks[30].any(axis=1))
    masks[30, : rows[0] + 14] = False
    rounded = rows[-1] - np.arange(14)
    for step, row in enumerate(rounded[::-1]):
        columns = np.flatnonzero(masks[30, row])
        trim = int(2.6 * step)
        masks[30, row, columns[:trim]] = masks[30, row, columns[-trim - 1 :]] = False
    found = measure_lv("c", "A4C", masks, scale=SCALE, times=times_of(seconds))
    assert any("1 frame(s) pointed elsewhere" in warning for warning in found.warnings)
    assert found.axes[30].direction(MM) @ straight.axes[30].direction(MM) > 0.9


def test_atrium_is_used_in_all_frames_or_in_none(clip):
    masks, _, seconds = clip
    atria = np.stack([_atrium(mask) for mask in masks])
    helped = measure_lv("c", "A4C", masks, scale=SCALE, times=times_of(seconds), la_masks=atria)
    assert {axis.base_source for axis in helped.axes} == {BaseSource.LA_INTERFACE}
    assert helped.warnings == ()
    assert measured(helped, "LVEF").value == pytest.approx(58, abs=0.8)
    atria[10:20] = False
    mixed = measure_lv("c", "A4C", masks, scale=SCALE, times=times_of(seconds), la_masks=atria)
    assert {axis.base_source for axis in mixed.axes} == {BaseSource.FLAT_EDGE}
    assert any("70 of 80 frames" in warning for warning in mixed.warnings)


def _atrium(mask, angle_deg=-70.0, depth_px=50):
    """A block below the base of `cine_masks`, as wide as the base."""
    direction = np.array([np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))])
    y, x = np.nonzero(mask)
    points = np.column_stack([x, y])
    level, side = points @ direction, points @ np.array([-direction[1], direction[0]])
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    depth = columns * direction[0] + rows * direction[1]
    across = -columns * direction[1] + rows * direction[0]
    inside = (depth > level.min() - depth_px) & (depth < level.min() + 2)
    return inside & (across >= side.min()) & (across <= side.max()) & ~mask


def test_a_heart_that_stands_still_has_curves_but_no_ef():
    masks = cine_masks(np.full(12, 100.0), mm_per_px=(1.0, 1.0))
    found = measure_lv("c", "A4C", masks, scale=Scale((1.0, 1.0), ScaleSource.USER), times=times_of(np.arange(12) / 50))
    assert found.measurements == ()
    assert found.beats == ()
    assert np.isfinite(found.volume_ml).all()
    assert any("No beat was found" in warning for warning in found.warnings)


def test_reversed_clips_have_the_same_ef(clip):
    masks, _, seconds = clip
    found = measure_lv("c", "A4C", masks[::-1], scale=SCALE, times=times_of(seconds))
    assert measured(found, "LVEF").value == pytest.approx(58, abs=0.8)


def test_ed_and_es_frames_alone_are_enough():
    masks = cine_masks([120.0, 54.0], mm_per_px=MM)
    found = measure_lv("c", "A4C", masks, scale=SCALE, times=FrameTimes.unknown("two stills"))
    assert measured(found, "LVEF").value == pytest.approx(55, abs=0.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"view": "PLAX"}, "views A4C, A2C"),
        ({"masks": np.ones((1, 40, 40), bool)}, "EF needs"),
        ({"masks": np.ones((40, 40), bool)}, r"\[T, H, W\]"),
        ({"masks": np.zeros((5, 40, 40), bool)}, "in any frame"),
        ({"masks": np.ones((5, 40, 40), float)}, "bool or integer"),
        ({"times": times_of([0, 1])}, "one time for each mask"),
        ({"la_masks": np.ones((5, 4, 4), bool)}, "same size"),
        ({"confidence": [0.9]}, "one confidence"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    arguments = {
        "view": "A4C",
        "masks": np.ones((5, 40, 40), bool),
        "scale": SCALE,
        "times": FrameTimes.unknown("test"),
        **change,
    }
    with pytest.raises(MeasureError, match=words):
        measure_lv("c", arguments.pop("view"), arguments.pop("masks"), **arguments)


@pytest.mark.parametrize(("edv", "esv"), [(0, 0), (-5, 1), (np.nan, 40), (100, np.nan), (100, -1)])
def test_ef_of_impossible_volumes_is_refused(edv, esv):
    with pytest.raises(MeasureError, match="EF needs"):
        ejection_fraction(edv, esv)


def _view(view, masks, seconds, scale=SCALE, confidence=None):
    return measure_lv(view, view, masks, scale=scale, times=times_of(seconds), confidence=confidence)


def test_biplane_of_two_equal_views_is_single_plane(clip):
    masks, _, seconds = clip
    a4c, a2c = _view("A4C", masks, seconds, confidence=[0.9] * 80), _view("A2C", masks, seconds, confidence=[0.8] * 80)
    by_name = {m.name: m for m in measure_biplane(a4c, a2c)}
    assert by_name["LVEF"].value == pytest.approx(58, abs=0.5)
    assert by_name["LVEDV"].value == pytest.approx(130, rel=0.012)
    assert by_name["LVSV"].value == pytest.approx(by_name["LVEDV"].value - by_name["LVESV"].value)
    assert {m.method for m in by_name.values()} == {"biplane"}
    assert by_name["LVEF"].sources == measured(a4c, "LVEF").sources + measured(a2c, "LVEF", "A2C").sources
    assert by_name["LVEF"].confidence == 0.8
    assert by_name["LVEF"].warnings == ()


def test_biplane_warns_of_foreshortening(clip):
    masks, _, seconds = clip
    short = cine_masks(np.array(clip[1]) * 0.45, mm_per_px=MM)
    found = measure_biplane(_view("A4C", masks, seconds), _view("A2C", short, seconds))
    assert any("foreshortened" in warning for warning in found[0].warnings)
    assert found[0].confidence is None


def test_biplane_needs_the_right_views_scale_and_beats(clip):
    masks, _, seconds = clip
    good = _view("A4C", masks, seconds)
    still = _view("A2C", masks[:1].repeat(80, axis=0), seconds)
    with pytest.raises(MeasureError, match="A2C clip"):
        measure_biplane(good, good)
    with pytest.raises(MeasureError, match="beat"):
        measure_biplane(good, still)
    with pytest.raises(ScaleError, match="scale"):
        measure_biplane(good, _view("A2C", masks, seconds, NO_SCALE))
