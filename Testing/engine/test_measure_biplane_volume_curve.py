"""The biplane curve of two clips with different heart rates, and what is said of clips that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from measure_phantoms import beat_fraction, cine_masks, volume_curve

from echoapex.cine import FrameTimes, Scale, ScaleSource, TimeSource
from echoapex.errors import MeasureError, ScaleError
from echoapex.measure.biplane_ef import measure_biplane
from echoapex.measure.biplane_volume_curve import STEPS, biplane_curve
from echoapex.measure.single_plane_ef import measure_lv

MM = (0.8, 0.8)


def view(name, *, frames=75, rate_hz=50.0, heart_rate=60.0, start_phase=0.85, drop=(), scale=MM):
    volumes, seconds = volume_curve(
        frames, rate_hz=rate_hz, heart_rate=heart_rate, start_phase=start_phase, edv=130, ef=58
    )
    masks = cine_masks(volumes, mm_per_px=MM, angle_deg=-80)
    masks[list(drop)] = False
    times = FrameTimes(seconds, TimeSource.FRAME_TIME)
    known = Scale(scale, ScaleSource.USER) if scale else Scale.none("no scale")
    return measure_lv(name, name, masks, scale=known, times=times)


@pytest.fixture(scope="module")
def pair():
    return view("A4C"), view("A2C", rate_hz=40, heart_rate=80, start_phase=0.7)


def test_the_curve_of_one_heart_seen_at_two_rates(pair):
    curve = biplane_curve(*pair)
    assert curve.label == "phase-aligned, different beats"
    assert curve.phase == pytest.approx(np.linspace(0, 2, 2 * STEPS + 1))
    # Truth: ED is at phase 0 and ES at phase 0.38 of the beat; ED is found to a frame or two on its flat top.
    truth = 130 * (1 - 0.58 * (1 - beat_fraction(np.interp(curve.phase, [0, 1, 2], [0, 0.38, 0.98]))))
    assert curve.volume_ml == pytest.approx(truth, abs=9)
    assert curve.volume_ml[[0, STEPS, -1]] == pytest.approx(truth[[0, STEPS, -1]], rel=0.03)
    assert (np.diff(curve.volume_ml[1:STEPS]) < 0).all()


def test_its_ends_are_the_biplane_volumes(pair):
    curve = biplane_curve(*pair)
    by_name = {m.name: m.value for m in measure_biplane(*pair)}
    assert curve.volume_ml[0] == pytest.approx(by_name["LVEDV"])
    assert curve.volume_ml[STEPS] == pytest.approx(by_name["LVESV"])


def test_its_sources_are_frames_that_were_measured():
    a4c, a2c = view("A4C", drop=(15, 16)), view("A2C")
    curve = biplane_curve(a4c, a2c)
    assert curve.volume_ml == pytest.approx(biplane_curve(view("A4C"), a2c).volume_ml, rel=0.01)
    frames = {f for source in curve.sources if source.clip == "A4C" for f in source.frames}
    assert not frames & {15, 16}
    first = a4c.beats[0]
    assert set(range(first.ed, first.next_ed + 1)) - {15, 16} <= frames
    assert {source.clip for source in curve.sources} == {"A4C", "A2C"}


def test_without_a_complete_beat_it_ends_at_end_systole(pair):
    alone = view("A2C", frames=35, start_phase=0.85)
    assert not any(beat.complete for beat in alone.beats)
    curve = biplane_curve(pair[0], alone)
    assert curve.phase[-1] == 1.0
    assert curve.volume_ml.shape == curve.phase.shape
    used = {f for source in curve.sources if source.clip == "A4C" for f in source.frames}
    assert max(used) == max(beat.es for beat in pair[0].beats)


def test_heart_rates_that_differ_are_said(pair):
    warnings = measure_biplane(*pair)[0].warnings
    assert any("heart rates in A4C (60/min) and A2C" in warning for warning in warnings)
    alike = measure_biplane(pair[0], view("A2C", heart_rate=63))
    assert not any("heart rates" in warning for warning in alike[0].warnings)


def test_it_needs_the_right_views_scale_and_beats(pair):
    with pytest.raises(MeasureError, match="A2C clip"):
        biplane_curve(pair[0], pair[0])
    with pytest.raises(ScaleError, match="scale"):
        biplane_curve(pair[0], view("A2C", scale=None))
    still = measure_lv(
        "still",
        "A2C",
        cine_masks(np.full(9, 100.0), mm_per_px=MM),
        scale=Scale(MM, ScaleSource.USER),
        times=FrameTimes.unknown("test"),
    )
    with pytest.raises(MeasureError, match="beat"):
        biplane_curve(pair[0], still)
