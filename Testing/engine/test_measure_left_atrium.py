"""The left atrium at its largest: exact shapes below a ventricle, and atria that the image cuts off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from measure_phantoms import beat_fraction, ellipse_mask

from echoapex.cine import Scale, ScaleSource
from echoapex.errors import MeasureError, ScaleError
from echoapex.measure.body_surface_area import bsa, index_by_bsa
from echoapex.measure.disk_summation import area_length_volume, biplane_area_length_volume
from echoapex.measure.left_atrium import measure_la, measure_la_biplane
from echoapex.measure.measurement import Beat, Source
from echoapex.measure.normal_ranges import NOT_GRADED_IF_CROPPED, grade
from echoapex.patient import Patient, Sex

MM = (1.0, 1.0)
SCALE = Scale(MM, ScaleSource.DICOM_REGION)
BEAT = Beat(3, 13)
FRAMES = 28


def chambers(width, length, *, angle_deg=-90.0, mm_per_px=MM, cut=0.0, flip=False):
    """Ventricle and atrium that meet in the middle of the image, and the volume of the atrium in mL."""
    turn = np.deg2rad(180.0 - angle_deg if flip else angle_deg)
    direction = np.array([np.cos(turn), np.sin(turn)])
    pose = {"mm_per_px": mm_per_px, "field_mm": 200.0}
    degrees = np.degrees(turn)
    ventricle, _ = ellipse_mask(48, 80, angle_deg=degrees, center_mm=direction * 40, **pose)
    atrium, volume = ellipse_mask(
        width, length, cut=cut, angle_deg=degrees + 180, center_mm=-direction * length / 2, **pose
    )
    return ventricle, atrium & ~ventricle, volume


@pytest.fixture(scope="module")
def clip():
    """An atrium 44 mm wide and 50 mm long at the end-systole of `BEAT`, smaller before and after."""
    largest = 1 - beat_fraction((np.arange(FRAMES) - BEAT.ed) / 26.0)
    pairs = [chambers(30 + 14 * share, 38 + 12 * share) for share in largest]
    return np.stack([a for _, a, _ in pairs]), np.stack([v for v, _, _ in pairs])


def still(width, length, view="A4C", scale=SCALE, **pose):
    ventricle, atrium, _ = chambers(width, length, **pose)
    return measure_la(
        view, view, *(np.repeat(m[None], 5, axis=0) for m in (atrium, ventricle)), beats=[Beat(0, 3)], scale=scale
    )


def value(measurements, method):
    return next(m.value for m in measurements if m.method == method)


def test_the_biplane_area_length_volume_of_a_worked_example():
    assert biplane_area_length_volume(1800, 1700, 50) == pytest.approx(51.948, abs=5e-4)
    assert biplane_area_length_volume(1800, 1800, 50) == area_length_volume(1800, 50)
    for bad in [(1800, 1700, 0), (-1, 1700, 50), (1800, np.nan, 50)]:
        with pytest.raises(MeasureError):
            biplane_area_length_volume(*bad)


def test_exact_volume_at_its_largest(clip):
    found = measure_la("c", "A4C", *clip, beats=[BEAT], scale=SCALE)
    exact = np.pi / 6 * 44**2 * 50 / 1000
    assert value(found.measurements, "A4C") == pytest.approx(exact, rel=0.02)
    assert value(found.measurements, "area_length_A4C") == pytest.approx(exact, rel=0.03)
    assert {(m.name, m.unit) for m in found.measurements} == {("LAV", "mL")}
    assert found.frames == pytest.approx((BEAT.es,), abs=1)
    assert {m.sources for m in found.measurements} == {(Source("c", found.frames),)}
    assert found.area_px == pytest.approx(clip[0].sum(axis=(1, 2)))
    assert found.warnings == ()
    assert not found.cropped


def test_the_length_runs_from_the_annulus_to_the_superior_wall():
    axis = still(44, 50).shapes[0].axis
    assert axis.length == pytest.approx(50, abs=0.8)
    assert axis.base == pytest.approx((99.5, 99.5), abs=1)
    assert axis.apex == pytest.approx((99.5, 149.5), abs=1)


@settings(max_examples=20, deadline=None)
@example(angle=0.0, flip=False, mm_per_px=(0.7, 1.2), width=34.0, length=38.0)
@given(
    angle=st.floats(-180, 180),
    flip=st.booleans(),
    mm_per_px=st.sampled_from([(1.0, 1.0), (0.7, 1.2)]),
    width=st.floats(34, 48),
    length=st.floats(38, 66),
)
def test_any_pose_size_and_pixel_shape(angle, flip, mm_per_px, width, length):
    pose = {"angle_deg": angle, "flip": flip, "mm_per_px": mm_per_px}
    found = still(width, length, scale=Scale(mm_per_px, ScaleSource.USER), **pose)
    exact = np.pi / 6 * width**2 * length / 1000
    # The two chambers share the pixels on the annulus, and the ventricle has them here: up to a pixel of the length.
    drawn = 0.02 + max(mm_per_px) / length
    assert value(found.measurements, "A4C") == pytest.approx(exact, rel=drawn)
    assert value(found.measurements, "area_length_A4C") == pytest.approx(exact, rel=drawn)


def test_an_atrium_wider_than_its_annulus():
    _, _, exact = chambers(48, 55, cut=0.6)
    found = still(48, 55, cut=0.6)
    assert found.shapes[0].axis.length == pytest.approx(55, abs=1)
    assert value(found.measurements, "A4C") == pytest.approx(exact, rel=0.03)


def test_a_single_spilling_or_missing_outline_does_not_count(clip):
    atria, ventricles = (masks.copy() for masks in clip)
    atria[BEAT.es - 1, 100:180, 60:140] = True
    atria[BEAT.es + 1] = False
    found = measure_la("c", "A4C", atria, ventricles, beats=[BEAT], scale=SCALE)
    assert value(found.measurements, "A4C") == pytest.approx(np.pi / 6 * 44**2 * 50 / 1000, rel=0.03)
    assert found.frames[0] not in (BEAT.es - 1, BEAT.es + 1)
    assert np.isnan(found.area_px[BEAT.es + 1])


def test_the_mean_over_the_beats_counts(clip):
    atria, ventricles = (np.concatenate([masks, masks]) for masks in clip)
    smaller = np.stack([chambers(36, 44)[1]] * FRAMES)
    atria[FRAMES:] = smaller
    beats = [BEAT, Beat(BEAT.ed + FRAMES, BEAT.es + FRAMES)]
    found = measure_la("c", "A2C", atria, ventricles, beats=beats, scale=SCALE, confidence=np.linspace(0.9, 0.8, 56))
    exact = np.pi / 6 * (44**2 * 50 + 36**2 * 44) / 2 / 1000
    assert value(found.measurements, "A2C") == pytest.approx(exact, rel=0.02)
    assert [source.frames for source in found.measurements[0].sources] == [(frame,) for frame in found.frames]
    assert found.measurements[0].confidence == pytest.approx(np.linspace(0.9, 0.8, 56)[found.frames[1]])


@pytest.mark.parametrize(("depth", "cropped"), [(30, True), (45, True), (60, False)])
def test_an_atrium_cut_off_by_the_edge_of_the_image(clip, depth, cropped):
    sector = np.zeros((200, 200), bool)
    sector[: 100 + depth] = True
    atria = clip[0] & sector
    found = measure_la("c", "A4C", atria, clip[1], beats=[BEAT], scale=SCALE, sector=sector)
    assert found.cropped is cropped
    assert (NOT_GRADED_IF_CROPPED in found.warnings) is cropped
    assert all(m.warnings == found.warnings for m in found.measurements)
    # Without a sector, the edge is that of the frame.
    framed = measure_la("c", "A4C", atria[:, : 100 + depth], clip[1][:, : 100 + depth], beats=[BEAT], scale=SCALE)
    assert framed.cropped is cropped


def test_an_outline_that_stops_just_short_of_the_edge_is_cut_off_too(clip):
    sector = np.zeros((200, 200), bool)
    sector[:130] = True
    atria = clip[0].copy()
    atria[:, 129:] = False
    assert measure_la("c", "A4C", atria, clip[1], beats=[BEAT], scale=SCALE, sector=sector).cropped
    atria[:, 126:] = False
    assert not measure_la("c", "A4C", atria, clip[1], beats=[BEAT], scale=SCALE, sector=sector).cropped


def test_a_sector_beside_the_atrium_is_an_edge_too(clip):
    sector = np.ones((200, 200), bool)
    sector[:, :84] = False
    assert measure_la("c", "A4C", clip[0] & sector, clip[1], beats=[BEAT], scale=SCALE, sector=sector).cropped


def test_a_ventricle_apart_from_the_atrium_is_said():
    ventricle, atrium, exact = chambers(44, 50)
    apart = np.roll(ventricle, -25, axis=0)
    masks = (np.repeat(m[None], 5, axis=0) for m in (atrium, apart))
    found = measure_la("c", "A4C", *masks, beats=[Beat(0, 3)], scale=SCALE)
    assert any("does not touch it" in warning for warning in found.warnings)
    assert value(found.measurements, "A4C") == pytest.approx(exact, rel=0.05)


def test_without_scale_beat_or_atrium_there_is_no_volume_and_a_reason(clip):
    def warnings_of(**change):
        arguments = {"beats": [BEAT], "scale": SCALE, "atria": clip[0], **change}
        atria = arguments.pop("atria")
        found = measure_la("c", "A4C", atria, clip[1], **arguments)
        assert found.measurements == ()
        return " ".join(found.warnings)

    assert "bare video" in warnings_of(scale=Scale.none("a bare video"))
    assert "no beat" in warnings_of(beats=[])
    assert "no measurable outline" in warnings_of(atria=np.zeros_like(clip[0]))
    speck = np.zeros_like(clip[0])
    speck[:, 5:7, 5:7] = True
    assert "no measurable outline" in warnings_of(atria=speck)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"view": "PLAX"}, "views A4C, A2C"),
        ({"la": np.ones((5, 9, 9))}, "bool or integer"),
        ({"la": np.ones((9, 9), bool)}, r"\[T, H, W\]"),
        ({"lv": np.ones((5, 8, 9), bool)}, "same size"),
        ({"sector": np.ones((8, 9), bool)}, "size of the masks"),
        ({"confidence": [1.0]}, "one confidence"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    masks = np.ones((5, 9, 9), bool)
    arguments = {"view": "A4C", "la": masks, "lv": masks, "beats": [Beat(0, 3)], "scale": SCALE, **change}
    with pytest.raises(MeasureError, match=words):
        measure_la("c", arguments.pop("view"), arguments.pop("la"), arguments.pop("lv"), **arguments)


def test_biplane_of_two_equal_views_is_single_plane():
    a4c, a2c = still(44, 50), still(44, 50, "A2C")
    both = measure_la_biplane(a4c, a2c)
    assert [(m.name, m.method) for m in both] == [("LAV", "biplane"), ("LAV", "area_length_biplane")]
    assert [m.value for m in both] == pytest.approx([m.value for m in a4c.measurements])
    assert both[0].sources == (Source("A4C", a4c.frames), Source("A2C", a2c.frames))
    assert both[0].warnings == ()


def test_biplane_takes_the_shorter_length_and_warns():
    a4c, a2c = still(44, 60), still(40, 48, "A2C")
    disks, area_length = measure_la_biplane(a4c, a2c)
    one, other = a4c.shapes[0], a2c.shapes[0]
    assert other.axis.length < one.axis.length
    assert area_length.value == pytest.approx(8 * one.area * other.area / (3 * np.pi * other.axis.length) / 1000)
    assert disks.value == pytest.approx(np.pi / 4 * (one.diameters @ other.diameters) * other.axis.length / 20 / 1000)
    assert any("lengths of the atrium" in warning for warning in disks.warnings)


def test_biplane_needs_the_right_views_scale_and_atria(clip):
    a4c, a2c = still(44, 50), still(44, 50, "A2C")
    with pytest.raises(MeasureError, match="A2C clip"):
        measure_la_biplane(a4c, a4c)
    with pytest.raises(ScaleError, match="scale"):
        measure_la_biplane(a4c, still(44, 50, "A2C", Scale.none("none")))
    empty = measure_la("e", "A2C", np.zeros_like(clip[0]), clip[1], beats=[BEAT], scale=SCALE)
    with pytest.raises(MeasureError, match="clip e has none"):
        measure_la_biplane(a4c, empty)
    assert measure_la_biplane(a4c, a2c)


def test_index_and_grade_of_whole_and_cropped_atria(clip):
    patient = Patient(Sex.FEMALE, 60, 165, 65)
    whole = measure_la_biplane(still(44, 50), still(44, 50, "A2C"))
    indexed = grade(index_by_bsa(whole, patient), patient)
    assert indexed[0].value == pytest.approx(whole[0].value / bsa(165, 65))
    assert [m.grade for m in indexed] == ["normal", "normal"]
    sector = np.zeros((200, 200), bool)
    sector[:135] = True
    cut = [
        measure_la(view, view, clip[0] & sector, clip[1], beats=[BEAT], scale=SCALE, sector=sector)
        for view in ("A4C", "A2C")
    ]
    assert {m.grade for m in grade(index_by_bsa(measure_la_biplane(*cut), patient), patient)} == {None}
