"""Walls from clips and landmarks that lack something, or are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from wall_phantoms import FS, IVS, LVID, NO_SCALE, PW, chain, measure, times_of, values

from echoapex.cine import FrameTimes
from echoapex.errors import MeasureError
from echoapex.landmarks import WALL_LANDMARKS, Landmarks
from echoapex.measure.lv_mass import measure_mass
from echoapex.measure.measurement import Beat
from echoapex.measure.wall_thickness import fractional_shortening


def test_without_a_scale_there_are_ratios_only():
    found = measure(chain(), NO_SCALE)
    assert found.unit == "px"
    assert set(values(found)) == {"FS", "RWT", "HR"}
    assert values(found)["RWT"] == pytest.approx(2 * PW / LVID, rel=0.01)
    assert found.curves["LVID"].max() == pytest.approx(LVID / 0.5, rel=0.01)
    assert {c.length_mm for c in found.calipers} == {None}
    assert all("square pixels" in m.warnings[0] and "the file has none" in m.warnings[0] for m in found.measurements)
    assert measure_mass(found.measurements) == ()


def test_gaps_are_bridged_and_said():
    landmarks = chain()
    points = landmarks.points.copy()
    points[[8, 30, 31]] = np.nan
    points[50, 1] = np.nan
    found = measure(Landmarks(WALL_LANDMARKS, points, landmarks.sigma_px))
    assert np.flatnonzero(np.isnan(found.curves["LVID"])).tolist() == [8, 30, 31, 50]
    assert values(found)["LVIDd"] == pytest.approx(LVID, abs=0.3)
    assert any("4 of 90 frames" in warning for warning in found.warnings)
    assert 8 not in found.measurements[0].sources[0].frames


def test_one_landmark_never_found_costs_one_wall_only():
    landmarks = chain()
    points = landmarks.points.copy()
    points[:, 3] = np.inf
    found = measure(Landmarks(WALL_LANDMARKS, points, landmarks.sigma_px))
    assert set(values(found)) == {"IVSd", "LVIDd", "LVIDs", "FS", "HR"}
    assert values(found)["IVSd"] == pytest.approx(IVS, abs=0.05)
    assert [c.name for c in found.calipers[:3]] == ["IVSd", "LVIDd", "LVIDs"]
    assert any("LVPWd could not be measured" in warning for warning in found.warnings)
    assert measure_mass(found.measurements) == ()


def test_a_wall_that_may_as_well_be_nothing_is_not_measured():
    landmarks = chain()
    sigma = landmarks.sigma_px.copy()
    sigma[:, 3] = 30.0
    found = measure(Landmarks(WALL_LANDMARKS, landmarks.points, sigma))
    assert set(values(found)) == {"IVSd", "LVIDd", "LVIDs", "FS", "HR"}
    assert "LVPWd" not in {c.name for c in found.calipers}
    assert any("LVPWd could not be measured" in warning and "too unsure" in warning for warning in found.warnings)
    nowhere = measure(Landmarks(WALL_LANDMARKS, landmarks.points, np.full_like(sigma, 90.0)))
    assert set(values(nowhere)) == {"HR"} and nowhere.calipers == ()


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 2), (2, 3), (0, 3)])
def test_swapped_points_are_not_used(first, second):
    landmarks = chain()
    swapped = landmarks.points.copy()
    swapped[:20, [first, second]] = swapped[:20, [second, first]]
    found = measure(Landmarks(WALL_LANDMARKS, swapped, landmarks.sigma_px))
    assert np.isnan(found.curves["LVID"][:20]).all()
    assert any("wrong order in 20 of 90 frames" in warning for warning in found.warnings)
    assert values(found)["IVSd"] == pytest.approx(IVS, abs=0.05)
    swapped = landmarks.points.copy()
    swapped[:, [first, second]] = swapped[:, [second, first]]
    with pytest.raises(MeasureError, match="in their order"):
        measure(Landmarks(WALL_LANDMARKS, swapped, landmarks.sigma_px))


def test_an_image_in_the_other_hand_gives_the_same():
    landmarks = chain()
    mirrored = landmarks.points * np.array([-1.0, 1.0]) + np.array([400.0, 0.0])
    assert values(measure(Landmarks(WALL_LANDMARKS, mirrored, landmarks.sigma_px))) == pytest.approx(
        values(measure(landmarks))
    )


def test_all_landmarks_in_one_place():
    points = np.full((30, 4, 2), 50.0)
    with pytest.raises(MeasureError, match="in their order"):
        measure(Landmarks(WALL_LANDMARKS, points, np.ones((30, 4))))


def test_r_waves_give_end_diastole():
    found = measure(chain(), r_wave_times=(0.2, 1.2))
    assert [beat.ed for beat in found.beats] == [10, 60]


def test_known_beats_are_used():
    beats = (Beat(7, 26, 57),)
    found = measure(chain(), beats=beats)
    assert found.beats == beats
    assert values(found)["HR"] == pytest.approx(60)
    none = measure(chain(), beats=())
    assert none.measurements == ()
    assert none.warnings[-1] == "No beat was found: none was given"
    with pytest.raises(MeasureError, match="ED before its ES"):
        measure(chain(), beats=(Beat(80, 95),))


def test_a_known_beat_without_landmarks_near_it_gives_nothing():
    landmarks = chain()
    points = landmarks.points.copy()
    points[:15] = np.nan
    found = measure(Landmarks(WALL_LANDMARKS, points, landmarks.sigma_px), beats=[Beat(7, 26, 57)])
    assert found.beat_walls[0].ed is None
    assert set(values(found)) == {"LVIDs", "HR"}
    assert any("IVSd could not be measured" in warning for warning in found.warnings)


def test_a_heart_that_stands_still_has_curves_but_no_numbers():
    found = measure(chain(fs=0.0))
    assert found.measurements == found.calipers == found.beats == ()
    assert found.curves["LVID"] == pytest.approx(LVID)
    assert any("No beat was found" in warning for warning in found.warnings)


def test_two_frames_are_enough():
    landmarks = chain()
    two = Landmarks(WALL_LANDMARKS, landmarks.points[[7, 26]], landmarks.sigma_px[:2])
    found = measure(two, times=FrameTimes.unknown("two stills"))
    assert values(found)["LVIDd"] == pytest.approx(LVID, abs=0.2)
    assert values(found)["FS"] == pytest.approx(FS, abs=0.3)
    assert [source.frames for m in found.measurements[:4] for source in m.sources] == [(0,), (0,), (0,), (1,)]
    assert any("two stills" in warning for warning in found.warnings)


def test_low_frame_rates_are_reported():
    found = measure(chain(40, rate=20), times=times_of(40, 20))
    assert any("20 frames/s" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"landmarks": Landmarks(WALL_LANDMARKS, np.ones((1, 4, 2)), np.ones((1, 4)))}, "two frames"),
        ({"landmarks": Landmarks(WALL_LANDMARKS[:3], np.ones((9, 3, 2)), np.ones((9, 3)))}, "no PW-epi"),
        ({"landmarks": Landmarks(WALL_LANDMARKS, np.full((9, 4, 2), np.nan), np.ones((9, 4)))}, "in their order"),
        ({"landmarks": Landmarks(WALL_LANDMARKS, np.ones((9, 4, 2)), -np.ones((9, 4)))}, "not negative"),
        ({"times": times_of(7)}, "one time"),
        ({"lv_masks": np.ones((7, 9, 9), bool)}, "one mask"),
        ({"lv_masks": np.ones((90, 9, 9))}, "bool or integer"),
        ({"confidence": [0.5]}, "one confidence"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    landmarks = change.pop("landmarks", chain())
    with pytest.raises(MeasureError, match=words):
        measure(landmarks, **change)


@pytest.mark.parametrize(("lvidd", "lvids"), [(0, 30), (48, 0), (np.nan, 30), (48, np.inf)])
def test_fs_of_impossible_diameters_is_refused(lvidd, lvids):
    with pytest.raises(MeasureError, match="FS needs"):
        fractional_shortening(lvidd, lvids)
