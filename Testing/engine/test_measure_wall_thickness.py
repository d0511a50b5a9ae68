"""Walls from landmarks whose distances are known exactly."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure_phantoms import ellipse_mask
from wall_phantoms import FRAMES, FS, IVS, LVID, PW, chain, measure, moved, values

from echoapex.cine import Scale, ScaleSource
from echoapex.landmarks import PW_EPI, WALL_LANDMARKS, Landmarks
from echoapex.measure.caliper_line import lay_chain
from echoapex.measure.lv_mass import measure_mass


@pytest.fixture(scope="module")
def result():
    return measure(chain())


def test_exact_lengths(result):
    found = values(result)
    assert found["IVSd"] == pytest.approx(IVS, abs=0.05)
    assert found["LVIDd"] == pytest.approx(LVID, abs=0.2)
    assert found["LVPWd"] == pytest.approx(PW, abs=0.05)
    assert found["LVIDs"] == pytest.approx(LVID * (1 - FS / 100), abs=0.2)
    assert found["FS"] == pytest.approx(FS, abs=0.5)
    assert found["RWT"] == pytest.approx(2 * found["LVPWd"] / found["LVIDd"])
    assert found["HR"] == pytest.approx(60, abs=4)
    assert {m.name: m.unit for m in result.measurements} == {
        **dict.fromkeys(("IVSd", "LVIDd", "LVPWd", "LVIDs"), "mm"),
        "FS": "%",
        "RWT": "1",
        "HR": "1/min",
    }
    assert {m.method for m in result.measurements if m.name != "HR"} == {"linear"}


def test_every_value_can_be_traced_to_frames_of_the_curves(result):
    assert len(result.beats) == 2
    by_name = {m.name: m for m in result.measurements}
    for name, curve in (("IVSd", "IVS"), ("LVIDd", "LVID"), ("LVPWd", "LVPW"), ("LVIDs", "LVID")):
        assert {source.clip for source in by_name[name].sources} == {"plax"}
        by_hand = [np.median(result.curves[curve][list(source.frames)]) for source in by_name[name].sources]
        assert by_name[name].value == pytest.approx(np.mean(by_hand))
    for beat, source in zip(result.beats, by_name["LVIDd"].sources):
        assert source.frames == tuple(range(beat.ed - 2, beat.ed + 3))
    first = by_name["FS"].sources[0].frames
    assert {result.beats[0].ed, result.beats[0].es} <= set(first)


def test_values_by_beat_come_before_their_mean():
    filling = chain()
    points = filling.points.copy()
    points[45:] = points[45:] * 1.1
    found = measure(Landmarks(WALL_LANDMARKS, points, filling.sigma_px))
    each = [walls.ed.lengths[0] for walls in found.beat_walls]
    assert each[1] == pytest.approx(1.1 * each[0], rel=0.01)
    assert values(found)["IVSd"] == pytest.approx(np.mean(each))


def test_calipers_are_collinear_and_as_long_as_the_value_of_their_beat(result):
    assert [c.name for c in result.calipers] == ["IVSd", "LVIDd", "LVPWd", "LVIDs"] * 2
    for number, walls in enumerate(result.beat_walls):
        septum, inner, posterior, systole = result.calipers[4 * number : 4 * number + 4]
        assert (septum.frame, inner.frame, systole.frame) == (walls.beat.ed, walls.beat.ed, walls.beat.es)
        assert (septum.end, inner.end) == (inner.start, posterior.start)
        assert [c.length_mm for c in (septum, inner, posterior)] == pytest.approx(list(walls.ed.lengths))
        for caliper in (septum, inner, posterior, systole):
            drawn = (np.array(caliper.end) - np.array(caliper.start)) * 0.5
            assert np.linalg.norm(drawn) == pytest.approx(caliper.length_mm)
            assert drawn / caliper.length_mm == pytest.approx([np.cos(np.deg2rad(80)), np.sin(np.deg2rad(80))])
        assert inner.start == pytest.approx(tuple(chain().of("IVS-LV")[walls.beat.ed]), abs=0.6)


def test_a_good_clip_only_lacks_the_check_of_its_direction(result):
    assert len(result.warnings) == 1
    assert "direction of the calipers was not checked" in result.warnings[0]
    assert all(m.warnings == result.warnings for m in result.measurements)


@settings(max_examples=30, deadline=None)
@given(
    angle=st.floats(-180, 180),
    mm_per_px=st.sampled_from([(0.5, 0.5), (0.3, 0.8), (1.1, 0.45)]),
    walls=st.tuples(st.floats(5, 18), st.floats(5, 18)),
    lvid=st.floats(33, 72),
    fs=st.floats(10, 45),
)
def test_any_direction_pixel_shape_and_size(angle, mm_per_px, walls, lvid, fs):
    landmarks = chain(60, walls=walls, lvid=lvid, fs=fs, angle_deg=angle, mm_per_px=mm_per_px)
    found = values(measure(landmarks, Scale(mm_per_px, ScaleSource.USER)))
    assert [found["IVSd"], found["LVPWd"]] == pytest.approx(walls, rel=0.01)
    assert found["LVIDd"] == pytest.approx(lvid, rel=0.01)
    assert found["FS"] == pytest.approx(fs, abs=0.8)


@settings(max_examples=15, deadline=None)
@given(factor=st.floats(0.1, 1.5), angle=st.floats(-180, 180), seed=st.integers(0, 99))  # larger noise is no wall's
def test_scale_and_rotation_change_noisy_landmarks_alike(factor, angle, seed):
    plain = chain(60)
    noise = np.random.default_rng(seed).normal(0, 0.6, plain.points.shape)
    noisy = Landmarks(WALL_LANDMARKS, plain.points + noise, plain.sigma_px)
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    turned = Landmarks(WALL_LANDMARKS, noisy.points @ rotation, plain.sigma_px)
    first = measure(noisy)
    second = measure(turned, Scale((0.5 * factor, 0.5 * factor), ScaleSource.USER))
    assert second.beats == first.beats
    for name in ("IVSd", "LVIDd", "LVPWd", "LVIDs"):
        assert values(second)[name] == pytest.approx(factor * values(first)[name])
    for name in ("FS", "RWT"):
        assert values(second)[name] == pytest.approx(values(first)[name])
    assert second.beat_walls[0].ed.bend_deg == pytest.approx(first.beat_walls[0].ed.bend_deg, abs=1e-6)
    confidence = [{m.name: m.confidence for m in found.measurements} for found in (first, second)]
    assert confidence[0]["LVPWd"] == pytest.approx(confidence[1]["LVPWd"])


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_the_order_of_the_names_does_not_matter(result, order):
    plain = chain()
    extra = np.zeros((FRAMES, 1, 2))
    found = measure(
        Landmarks(
            (*(WALL_LANDMARKS[k] for k in order), "apex"),
            np.concatenate([plain.points[:, order], extra], axis=1),
            np.ones((FRAMES, 5)),
        )
    )
    assert values(found) == values(result)


@pytest.mark.parametrize("seed", range(3))
def test_wild_single_frames_are_outvoted(result, seed):
    rng = np.random.default_rng(seed)
    landmarks = chain()
    for beat in result.beats:
        for phase in (beat.ed, beat.es):
            landmarks = moved(landmarks, phase + int(rng.integers(-1, 2)), "IVS-RV", rng.normal(0, 15, 2))
            landmarks = moved(landmarks, phase, PW_EPI, rng.normal(0, 15, 2))
    wild = measure(landmarks)
    assert all(walls.ed.bend_deg < 5 for walls in wild.beat_walls)
    found = values(wild)
    assert found["IVSd"] == pytest.approx(IVS, abs=0.3)
    assert found["LVPWd"] == pytest.approx(PW, abs=0.3)
    assert found["LVIDd"] == pytest.approx(LVID, abs=0.5)


def test_noise_of_landmarks_averages_out_without_bias():
    errors = []
    for seed in range(12):
        plain = chain()
        noise = np.random.default_rng(seed).normal(0, 1.0, plain.points.shape)
        found = values(measure(Landmarks(WALL_LANDMARKS, plain.points + noise, plain.sigma_px)))
        errors.append([found["IVSd"] - IVS, found["LVIDd"] - LVID, found["LVPWd"] - PW])
    # 1 px is 0.5 mm: a length of one frame errs by 0.7 mm.
    assert np.abs(np.mean(errors, axis=0)) == pytest.approx(0, abs=0.25)
    assert np.std(errors, axis=0).max() < 0.5


def test_an_uncertain_landmark_has_little_say_in_the_line():
    landmarks = moved(chain(), slice(None), PW_EPI, np.array([16.0, 0.0]))
    sigma = landmarks.sigma_px.copy()
    sigma[:, 3] = 6.0
    found = measure(Landmarks(WALL_LANDMARKS, landmarks.points, sigma))
    assert values(found)["IVSd"] == pytest.approx(IVS, abs=0.1)
    start, end = np.array(found.calipers[1].start), np.array(found.calipers[1].end)
    assert np.degrees(np.arctan2(*(end - start)[::-1])) == pytest.approx(80, abs=1)
    by_name = {m.name: m for m in found.measurements}
    assert by_name["LVPWd"].confidence < 0.3 < 0.9 < by_name["LVIDd"].confidence
    assert by_name["RWT"].confidence == by_name["LVPWd"].confidence
    assert any("LVPWd is uncertain" in warning and "3.0 mm" in warning for warning in found.warnings)
    told = {name for name, item in by_name.items() if any("LVPWd is uncertain" in text for text in item.warnings)}
    assert told == {"LVPWd", "RWT"}
    sigma[:, 3] = 12.0
    unsure = measure(Landmarks(WALL_LANDMARKS, landmarks.points, sigma))
    assert "LVPWd" not in values(unsure) and "IVSd" in values(unsure), "it may as well be nothing"


def test_a_posterior_wall_is_laid_where_it_is_without_the_diameter() -> None:
    plain = chain()
    points = plain.points[0].copy()
    direction = (points[3] - points[0]) / np.linalg.norm(points[3] - points[0])
    whole = lay_chain(points, direction, np.array([10.0, 40.0, 8.0]))
    without = lay_chain(points, direction, np.array([10.0, np.nan, 8.0]))
    assert without[1] is None and whole[2] is not None and without[2] is not None
    assert np.isfinite(without[2]).all() and np.linalg.norm(np.subtract(without[2], points[2:])) < 12.0
    assert lay_chain(np.full((4, 2), np.nan), direction, np.array([10.0, 40.0, 8.0])) == [None, None, None]


def test_confidence_is_the_probability_of_an_error_below_a_tenth():
    # Both ends of a wall err by 1 px = 0.5 mm; a tenth of the wall is 1.1 mm, 1.556 standard deviations.
    found = measure(chain())
    assert found.standard_deviations["IVSd"] == pytest.approx(0.5 * np.sqrt(2), rel=1e-4)
    by_name = {m.name: m for m in found.measurements}
    assert by_name["IVSd"].confidence == pytest.approx(0.880, abs=0.002)
    assert by_name["HR"].confidence is None
    assert measure_mass(found.measurements)[0].confidence == by_name["LVPWd"].confidence
    # Pixels 0.3 by 0.8 mm, calipers upright: only the rows count.
    upright = measure(chain(angle_deg=90, mm_per_px=(0.3, 0.8)), Scale((0.3, 0.8), ScaleSource.USER))
    assert upright.standard_deviations["IVSd"] == pytest.approx(0.3 * np.sqrt(2), rel=1e-4)


@pytest.mark.parametrize("mm_per_px", [(0.5, 0.5), (0.3, 0.8)])
def test_what_is_not_known_along_a_wall_makes_it_no_less_sure(mm_per_px):
    """Landmarks known to 0.4 mm across the walls and to 4 mm along them."""
    plain = chain(mm_per_px=mm_per_px)
    turn, per_px = np.deg2rad(80.0), np.diag(1 / np.array(mm_per_px[::-1]))
    across, along = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    covariance = per_px @ (0.16 * np.outer(across, across) + 16.0 * np.outer(along, along)) @ per_px
    spread = np.broadcast_to(covariance, (FRAMES, 4, 2, 2))
    known = Landmarks(WALL_LANDMARKS, plain.points, np.full((FRAMES, 4), np.sqrt(np.trace(covariance) / 2)), spread)
    found = measure(known, Scale(mm_per_px, ScaleSource.USER))
    assert found.standard_deviations["IVSd"] == pytest.approx(0.4 * np.sqrt(2), rel=0.01)
    assert not any("uncertain" in warning for warning in found.warnings)
    alike = measure(Landmarks(WALL_LANDMARKS, plain.points, known.sigma_px), Scale(mm_per_px, ScaleSource.USER))
    assert any("IVSd is uncertain" in warning for warning in alike.warnings)


def test_confidence_of_the_frames_counts_where_it_is_given():
    found = measure(chain(), confidence=0.9 - 0.001 * np.arange(FRAMES))
    by_name = {m.name: m for m in found.measurements}
    assert by_name["LVIDd"].confidence == pytest.approx(0.9 - 0.001 * by_name["LVIDd"].sources[-1].frames[-1])


def test_unknown_uncertainty_is_no_confidence():
    plain = chain()
    found = measure(Landmarks(WALL_LANDMARKS, plain.points, np.full((FRAMES, 4), np.nan)))
    assert values(found)["IVSd"] == pytest.approx(IVS, abs=0.05)
    assert all(m.confidence is None for m in found.measurements)
    exact = measure(Landmarks(WALL_LANDMARKS, plain.points, np.zeros((FRAMES, 4))))
    assert {m.confidence for m in exact.measurements if m.name != "HR"} == {1.0}


@pytest.mark.parametrize(("angle", "flagged"), [(0, False), (7, False), (14, True), (-14, True)])
def test_a_bend_is_flagged(angle, flagged):
    landmarks = chain()
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = landmarks.points.copy()
    points[:, 3] = points[:, 2] + (points[:, 3] - points[:, 2]) @ rotation.T
    found = measure(Landmarks(WALL_LANDMARKS, points, landmarks.sigma_px))
    assert found.beat_walls[0].ed.bend_deg == pytest.approx(abs(angle), abs=0.1)
    assert any("bend by 14°" in warning for warning in found.warnings) is flagged
    # Calipers are drawn on one line all the same.
    turns = [np.arctan2(c.end[1] - c.start[1], c.end[0] - c.start[0]) for c in found.calipers[:3]]
    assert turns == pytest.approx([turns[0]] * 3)


@pytest.mark.parametrize("offset", [-2, 0, 2])
def test_a_single_bent_frame_is_no_bend(result, offset):
    landmarks = moved(chain(), result.beats[0].ed + offset, PW_EPI, np.array([12.0, 0.0]))
    found = measure(landmarks)
    assert found.beat_walls[0].ed.bend_deg < 1
    assert found.warnings == result.warnings


def plax_masks(count, axis_deg, mm_per_px, cut=0.3, apex_cut=0.0):
    mask, _ = ellipse_mask(50, 88, cut=cut, angle_deg=axis_deg, mm_per_px=mm_per_px)
    if apex_cut:
        # The edge of the sector crosses the apex aslant.
        y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
        slant = np.deg2rad(axis_deg + 15)
        depth = x * mm_per_px[1] * np.cos(slant) + y * mm_per_px[0] * np.sin(slant)
        mask &= depth < depth[mask].max() - apex_cut
    return np.repeat(mask[None], count, axis=0)


@pytest.mark.parametrize("mm_per_px", [(0.5, 0.5), (0.4, 0.7)])
@pytest.mark.parametrize("apex_cut", [0.0, 15.0, 30.0])
@pytest.mark.parametrize("axis_deg", [170, -10, 200, 95])
@pytest.mark.parametrize("tilt", [0, 8, -22, 30])
def test_the_direction_is_checked_against_the_long_axis(mm_per_px, apex_cut, axis_deg, tilt):
    landmarks = chain(60, angle_deg=axis_deg + 90 + tilt, mm_per_px=mm_per_px)
    masks = plax_masks(60, axis_deg, mm_per_px, apex_cut=apex_cut)
    found = measure(landmarks, Scale(mm_per_px, ScaleSource.USER), lv_masks=masks)
    assert found.beat_walls[0].ed.tilt_deg == pytest.approx(abs(tilt), abs=3 if apex_cut < 20 else 6)
    assert any("off the perpendicular" in warning for warning in found.warnings) is (abs(tilt) > 15)


def test_a_round_cavity_has_no_direction():
    mask, _ = ellipse_mask(50, 50, cut=1.0)
    found = measure(chain(), lv_masks=np.repeat(mask[None], FRAMES, axis=0))
    assert found.beat_walls[0].ed.tilt_deg is None
    assert any("shows no long axis" in warning for warning in found.warnings)
    empty = measure(chain(), lv_masks=np.zeros((FRAMES, 20, 20), bool))
    assert values(empty) == values(found)
