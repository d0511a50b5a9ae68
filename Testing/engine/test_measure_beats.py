"""Beats of curves whose ED and ES are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure_phantoms import volume_curve

from echoapex.cine import FrameTimes, TimeSource
from echoapex.errors import MeasureError
from echoapex.measure.beats import find_beats, frame_rate_doubts, heart_rates, search_beats
from echoapex.measure.measurement import Beat

UNKNOWN = FrameTimes.unknown("test")


def times_of(seconds):
    return FrameTimes(np.asarray(seconds, float), TimeSource.FRAME_TIME)


def test_three_regular_beats():
    curve, seconds = volume_curve(160, start_phase=0.8)
    found = search_beats(curve, times_of(seconds))
    # ED at 0.2, 1.2, 2.2 s and ES 0.38 s later; the last beat ends with the clip.
    assert [beat.ed for beat in found.beats] == pytest.approx([10, 60, 110], abs=3)
    assert [beat.es for beat in found.beats] == pytest.approx([29, 79, 129], abs=1)
    assert [beat.complete for beat in found.beats] == [True, True, False]
    assert found.warnings == ()
    assert heart_rates(found.beats, times_of(seconds)) == pytest.approx([60, 60], abs=2)
    assert find_beats(curve, times_of(seconds)) == list(found.beats)


@pytest.mark.parametrize("start_phase", np.linspace(0, 0.95, 12))
def test_any_start_within_the_cycle(start_phase):
    curve, seconds = volume_curve(130, start_phase=start_phase)
    beats = find_beats(curve, times_of(seconds))
    assert len(beats) >= 2
    for beat in beats:
        assert curve[beat.ed] == pytest.approx(120.0, abs=1.0)
        assert curve[beat.es] == pytest.approx(48.0, abs=1.0)


@pytest.mark.parametrize(("rate_hz", "heart_rate"), [(25, 45), (30, 75), (50, 60), (80, 150), (50, 175), (120, 60)])
def test_frame_and_heart_rates(rate_hz, heart_rate):
    curve, seconds = volume_curve(int(4 * rate_hz), rate_hz=rate_hz, heart_rate=heart_rate, start_phase=0.7)
    times = times_of(seconds)
    beats = find_beats(curve, times)
    assert len(beats) == pytest.approx(4 * heart_rate / 60, abs=1)
    assert np.mean(heart_rates(beats, times)) == pytest.approx(heart_rate, rel=0.03)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("times_known", [True, False])
def test_noise(seed, times_known):
    clean, seconds = volume_curve(150, rate_hz=40, heart_rate=70, ef=45, start_phase=0.75)
    noisy = clean * (1 + np.random.default_rng(seed).normal(0, 0.03, clean.size))
    beats = find_beats(noisy, times_of(seconds) if times_known else UNKNOWN)
    assert len(beats) == 4
    for beat in beats:
        assert clean[beat.ed] > 115
        assert clean[beat.es] < 70


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_has_no_beats(seed):
    noise = 100 * (1 + np.random.default_rng(seed).normal(0, 0.04, 120))
    found = search_beats(noise, times_of(np.arange(120) / 50))
    assert found.beats == ()
    assert found.reason


@pytest.mark.parametrize("curve", [np.full(60, 90.0), np.zeros(60), 90 + 0.5 * np.sin(np.arange(60) / 5)])
def test_a_heart_that_does_not_move_has_no_beats(curve):
    found = search_beats(curve, UNKNOWN)
    assert found.beats == ()
    assert "changes by no more than 3%" in found.reason


def test_atrial_kick_and_diastasis_are_not_beats():
    phase = np.arange(200) / 50 % 1.0
    points, levels = [0, 0.05, 0.38, 0.45, 0.6, 0.85, 0.95, 1], [120, 120, 50, 50, 103, 100, 121, 120]
    beats = find_beats(np.interp(phase, points, levels), times_of(np.arange(200) / 50))
    assert len(beats) == 4
    assert all(b.es - b.ed > 15 for b in beats)


def test_a_lone_systole_is_a_beat_without_a_length():
    curve, seconds = volume_curve(40, start_phase=-0.2)
    found = search_beats(curve, times_of(seconds))
    (beat,) = found.beats
    assert beat.ed == pytest.approx(10, abs=3)
    assert beat.es == pytest.approx(29, abs=1)
    assert not beat.complete
    assert heart_rates(found.beats, times_of(seconds)) == []


def test_from_ed_to_es_exactly_as_in_half_sequences():
    curve, seconds = volume_curve(20)
    found = search_beats(curve, times_of(seconds))
    assert found.beats == (Beat(0, 19),)
    assert any("first frame" in warning for warning in found.warnings)


def test_two_frames():
    assert search_beats([120.0, 50.0], UNKNOWN).beats == (Beat(0, 1),)
    rising = search_beats([50.0, 120.0], UNKNOWN)
    assert rising.beats == ()
    assert "does not get smaller" in rising.reason


def test_systole_cut_by_the_end_is_left_out_where_there_are_others():
    curve, seconds = volume_curve(61 + 9, start_phase=-0.2)
    found = search_beats(curve, times_of(seconds))
    assert [beat.es for beat in found.beats] == pytest.approx([29], abs=1)


def test_systole_begun_before_the_clip_is_left_out_where_there_are_others():
    # The first systole starts half way down.
    curve, seconds = volume_curve(100, start_phase=0.16)
    found = search_beats(curve, times_of(seconds))
    assert all(curve[beat.ed] > 118 for beat in found.beats)
    assert any("cut short" in warning for warning in found.warnings)


def test_of_two_systoles_cut_by_the_clip_only_the_whole_looking_one_counts():
    curve = np.concatenate([np.linspace(135, 95, 11), np.linspace(97, 135, 11)[:-1], np.linspace(135, 110, 6)])
    found = search_beats(curve, times_of(np.arange(curve.size) / 30))
    assert [(beat.ed, beat.es) for beat in found.beats] == [(0, 10)]
    assert any("left out" in warning for warning in found.warnings)
    assert any("Only part of a beat" in warning for warning in found.warnings)


@pytest.mark.parametrize(("start", "frames"), [(0.15, 55), (0.12, 55), (0.1, 58)])
def test_parts_of_two_systoles_are_no_beat(start, frames):
    # It begins and ends within a systole: neither has its whole depth, and an EF by one of them would be far too low.
    curve, seconds = volume_curve(frames, start_phase=start)
    found = search_beats(curve, times_of(seconds))
    assert found.beats == () and found.reason == "the clip holds no whole systole"


def test_gaps_are_bridged_and_reported():
    curve, seconds = volume_curve(110, start_phase=0.8)
    holed = curve.copy()
    holed[[3, 40, 41, 42, 90]] = np.nan
    holed[-4:] = np.nan
    found = search_beats(holed, times_of(seconds))
    full = search_beats(curve, times_of(seconds))
    assert [b.es for b in found.beats] == pytest.approx([b.es for b in full.beats], abs=1)
    assert any("9 of 110 frames" in warning for warning in found.warnings)
    assert all(np.isfinite(holed[[b.ed, b.es]]).all() for b in found.beats)


def test_es_is_taken_from_a_measured_frame():
    curve, seconds = volume_curve(110, start_phase=0.8)
    es = find_beats(curve, times_of(seconds))[0].es
    curve[es - 1 : es + 2] = np.nan
    beat = find_beats(curve, times_of(seconds))[0]
    assert np.isfinite(curve[beat.es])
    assert abs(beat.es - es) <= 3


def test_a_single_bad_mask_is_not_a_beat():
    curve, seconds = volume_curve(110, start_phase=0.8)
    good = find_beats(curve, times_of(seconds))
    curve[47] = 10.0
    found = search_beats(curve, times_of(seconds))
    assert [(b.ed, b.es) for b in found.beats] == [(b.ed, b.es) for b in good]
    assert any("frame 47" in warning for warning in found.warnings)


def test_nothing_measured():
    found = search_beats(np.full(30, np.nan), UNKNOWN)
    assert found.beats == ()
    assert "0 of 30 frames" in found.reason


def test_irregular_frame_times():
    rng = np.random.default_rng(2)
    seconds = np.cumsum(rng.uniform(0.012, 0.03, 150))
    seconds -= seconds[0]
    index = np.interp(seconds, np.arange(400) / 100, np.arange(400))
    regular, _ = volume_curve(400, rate_hz=100, start_phase=0.8)
    curve = np.interp(index, np.arange(400), regular)
    times = times_of(seconds)
    beats = find_beats(curve, times)
    assert [seconds[b.es] for b in beats] == pytest.approx(0.58 + np.arange(len(beats)), abs=0.05)
    assert np.mean(heart_rates(beats, times)) == pytest.approx(60, rel=0.05)


def test_atrial_fibrillation():
    # Beats of unequal length and stroke.
    pieces = [volume_curve(n, rate_hz=50, heart_rate=3000 / n, ef=ef)[0] for n, ef in [(40, 55), (28, 42), (55, 62)]]
    curve = np.concatenate([np.full(3, 120.0), *pieces, np.full(4, 120.0)])
    beats = find_beats(curve, times_of(np.arange(curve.size) / 50))
    assert [curve[b.es] for b in beats] == pytest.approx([120 * 0.45, 120 * 0.58, 120 * 0.38], abs=2)


def test_irregular_beats_are_said():
    # Systole and filling keep their length; only the rest after them differs from beat to beat.
    beat = np.cos(np.linspace(0, 2 * np.pi, 28))
    pieces = [piece for rest in (4, 20, 2, 30) for piece in (np.ones(rest), beat)]
    curve = 120 + 40 * np.concatenate([*pieces, np.ones(5)])
    found = search_beats(curve, times_of(np.arange(curve.size) / 50))
    assert len(found.beats) == 4
    assert any("irregular" in warning and "mean over 4" in warning for warning in found.warnings)


@pytest.mark.parametrize("heart_rate", [50, 70, 100, 140])
def test_regular_beats_are_not_called_irregular(heart_rate):
    curve, seconds = volume_curve(200, rate_hz=40, heart_rate=heart_rate, start_phase=0.7)
    noisy = curve * (1 + np.random.default_rng(heart_rate).normal(0, 0.02, curve.size))
    assert not any("irregular" in warning for warning in search_beats(noisy, times_of(seconds)).warnings)


def test_r_waves_set_end_diastole():
    curve, seconds = volume_curve(160, start_phase=0.8)
    r_waves = (0.2, 1.2, 2.2)
    found = search_beats(curve, times_of(seconds), r_waves)
    assert [beat.ed for beat in found.beats] == [10, 60, 110]
    assert [beat.next_ed for beat in found.beats] == [60, 110, None]
    assert [beat.es for beat in found.beats] == pytest.approx([29, 79, 129], abs=1)
    assert found.warnings == ()


def test_r_wave_at_the_first_frame_needs_no_warning():
    curve, seconds = volume_curve(52)
    found = search_beats(curve, times_of(seconds), (0.0, 1.0))
    assert found.beats == (Beat(0, 19, 50),)
    assert found.warnings == ()


def test_a_missed_r_wave_leaves_the_length_open():
    curve, seconds = volume_curve(160, start_phase=0.8)
    found = search_beats(curve, times_of(seconds), (0.2, 2.2))
    assert [(b.ed, b.next_ed) for b in found.beats] == [(10, None), (110, None)]
    assert found.beats[0].es == pytest.approx(29, abs=1)


def test_r_waves_that_do_not_fit_are_reported_and_not_used():
    curve, seconds = volume_curve(110, start_phase=0.8)
    found = search_beats(curve, times_of(seconds), (0.58, 1.58))
    assert any("No R wave starts a systole" in warning for warning in found.warnings)
    assert found.beats == search_beats(curve, times_of(seconds)).beats


def test_r_waves_without_frame_times_are_reported():
    curve, _ = volume_curve(110, start_phase=0.8)
    assert any("R waves are not used" in warning for warning in search_beats(curve, UNKNOWN, (0.2,)).warnings)


@pytest.mark.parametrize("shift", [-0.3, 0.15])
def test_an_ecg_out_of_step_is_doubted(shift):
    curve, seconds = volume_curve(200, start_phase=0.6)
    found = search_beats(curve, times_of(seconds), np.array([0.4, 1.4, 2.4]) + shift)
    assert any("in step" in warning for warning in found.warnings)


@pytest.mark.parametrize("source", TimeSource)
def test_times_of_display_are_doubted(source):
    doubts = frame_rate_doubts(FrameTimes(np.arange(60) / 50, source))
    assert bool(doubts) == (source in (TimeSource.DISPLAY_RATE, TimeSource.CONTAINER))


def test_impossible_heart_rates_are_doubted():
    curve, seconds = volume_curve(160, start_phase=0.8)
    found = search_beats(curve, times_of(seconds / 5))
    assert found.beats
    assert any("check the frame times" in warning for warning in found.warnings)


@pytest.mark.parametrize("curve", [[], [100.0], [[1.0, 2.0]]])
def test_ef_needs_two_frames(curve):
    with pytest.raises(MeasureError, match="EF needs"):
        find_beats(curve, UNKNOWN)


def test_curves_that_do_not_fit_are_refused():
    with pytest.raises(MeasureError, match="one time for each frame"):
        find_beats([1.0, 2.0, 3.0], times_of([0, 0.1]))
    with pytest.raises(MeasureError, match="finite"):
        find_beats([1.0, np.inf, 3.0], UNKNOWN)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=2, max_size=60),
    r_waves=st.lists(st.floats(-1, 3), max_size=4),
)
def test_hostile_curves_give_beats_in_order_or_a_reason(values, r_waves):
    found = search_beats(values, times_of(np.arange(len(values)) / 30), r_waves)
    assert bool(found.beats) != bool(found.reason)
    for beat in found.beats:
        assert 0 <= beat.ed < beat.es < len(values)
        assert np.isfinite(values[beat.ed])
        assert np.isfinite(values[beat.es])
        assert beat.next_ed is None or beat.es < beat.next_ed < len(values)


@settings(max_examples=30, deadline=None)
@given(factor=st.floats(0.01, 1000), start=st.floats(0, 1))
def test_beats_do_not_depend_on_the_unit(factor, start):
    curve, seconds = volume_curve(120, start_phase=start)
    assert find_beats(curve * factor, times_of(seconds)) == find_beats(curve, times_of(seconds))
