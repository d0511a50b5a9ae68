"""Walls whose points jump, swell or leave the image are withheld with the reason; those of a heart are given."""

from __future__ import annotations

import numpy as np
import pytest
from wall_phantoms import FRAMES, IVS, LVID, MM, NO_SCALE, PW, chain, measure, moved, times_of, values

from echoapex.analysis.clip_analysis import measure_clip
from echoapex.cine import Cine, FrameTimes, Scale, ScaleSource, Sector
from echoapex.landmarks import PW_EPI, PW_LV
from echoapex.measure.caliper_line import POSTERIOR, SEPTUM, caliper_lines
from echoapex.measure.wall_paths import judge_walls, scatter

INWARDS = -np.array([np.cos(np.deg2rad(80)), np.sin(np.deg2rad(80))]) / MM[0]
"""One millimeter from the posterior wall to the septum, in pixels."""
LATE = np.arange(FRAMES) % 50 > 20
"""The later part of each beat."""


def jumping(mm=10.0, frames=LATE):
    """A posterior wall that lies ``mm`` deeper in the cavity, as on chordae, in some frames."""
    return moved(chain(), frames, PW_LV, mm * INWARDS)


def judged(landmarks, **more):
    return judge_walls(caliper_lines(landmarks, MM), times_of(), MM, **more)


def names(result):
    return {item.name for item in result.measurements}


@pytest.mark.parametrize("fs", [10.0, 34.0, 60.0])
@pytest.mark.parametrize("rate", [20.0, 50.0, 150.0])
def test_a_heart_is_not_doubted(fs, rate):
    lines = caliper_lines(chain(round(1.8 * rate), fs=fs, rate=rate), MM)
    found = judge_walls(lines, times_of(round(1.8 * rate), rate), MM)
    assert (found.withheld, found.doubted) == ({}, {})


@pytest.mark.parametrize("rate", [50.0, 150.0])
def test_landmarks_that_waver_are_no_jumps(rate):
    steady = chain(round(1.8 * rate), rate=rate)
    noise = np.random.default_rng(0).normal(0, 0.8, steady.points.shape)
    wavering = moved(steady, slice(None), PW_LV, noise[:, 2])
    assert judge_walls(caliper_lines(wavering, MM), times_of(len(noise), rate), MM).withheld == {}


@pytest.mark.parametrize("mm", [8.0, 10.0, 15.0])
def test_a_posterior_wall_that_jumps_to_chordae_is_withheld_and_said(mm):
    result = measure(jumping(mm))
    assert names(result) & {"LVPWd", "LVIDd", "LVIDs", "RWT", "FS"} == set()
    assert {reason.rule.split(" withheld")[0] for reason in result.withheld} == {"LVPWd is", "LVIDd and LVIDs are"}
    assert all("jump faster than a wall moves" in str(reason) for reason in result.withheld)
    assert not result.calipers
    # What jumps stays to be looked at.
    assert np.ptp(result.curves["LVPW"]) > mm / 2


def test_a_jumping_pericardium_costs_the_posterior_wall_only():
    result = measure(moved(chain(), LATE, PW_EPI, -10 * INWARDS))
    assert {"IVSd", "LVIDd", "LVIDs", "FS"} <= names(result)
    assert names(result) & {"LVPWd", "RWT"} == set()
    assert values(result)["LVIDd"] == pytest.approx(LVID, abs=0.5)
    assert {caliper.name for caliper in result.calipers} == {"IVSd", "LVIDd", "LVIDs"}


def test_a_jumping_diameter_leaves_the_septum_where_an_outline_gives_the_beats():
    inner = chain().points
    half = np.linalg.norm(inner[:, 2] - inner[:, 1], axis=1) / 2
    y, x = np.mgrid[:240, :240]
    masks = np.hypot(x - 120, y - 120) < half[:, None, None]
    result = measure(jumping(15.0), lv_masks=masks)
    assert {"IVSd"} == names(result) - {"HR"}
    assert values(result)["IVSd"] == pytest.approx(IVS, abs=0.3)
    assert not measure(jumping(15.0)).measurements


def test_lone_frames_are_outvoted_and_one_jump_is_doubted_only():
    assert judged(jumping(frames=[40])).withheld == {}
    found = judged(jumping(6.0, np.arange(FRAMES) > 60))
    assert found.withheld == {}
    assert "in 1 step of the clip" in found.doubted[POSTERIOR]


def test_a_doubt_stands_at_the_value():
    result = measure(jumping(6.0, np.arange(FRAMES) > 80))
    doubted = {item.name for item in result.measurements if any("is doubted" in text for text in item.warnings)}
    assert {"LVPWd", "RWT"} <= doubted
    assert "IVSd" not in doubted


@pytest.mark.parametrize(("factor", "place"), [(1.4, None), (2.2, "doubted"), (3.0, "withheld")])
def test_a_wall_thickens_about_twofold_at_most(factor, place):
    steady = chain()
    # From its thinnest at end-diastole on, slowly.
    share = (steady.points[:, 1] - steady.points[:, 2]) @ INWARDS
    share = (share - share.min()) / np.ptp(share)
    swelling = moved(steady, slice(None), PW_EPI, -(PW * (factor - 4 / 3) * (1 - np.abs(share)))[:, None] * INWARDS)
    found = judged(swelling)
    told = [name for name in ("doubted", "withheld") if "times as thick" in getattr(found, name).get(POSTERIOR, "")]
    assert told == ([] if place is None else [place])


def test_points_outside_of_the_image_are_withheld():
    landmarks = chain()
    sector = np.ones((400, 400), bool)
    assert judged(landmarks, sector=sector).withheld == {}
    sector[int(landmarks.of(PW_EPI)[:, 1].min()) - 1 :] = False
    found = judged(landmarks, sector=sector)
    assert SEPTUM not in found.withheld
    assert "outside of the ultrasound image in 100% of the frames" in found.withheld[POSTERIOR]
    assert judged(landmarks, sector=np.ones((60, 60), bool)).withheld[SEPTUM]


def test_without_scale_or_times_speeds_are_not_judged():
    fast = jumping(4.0)
    assert judge_walls(caliper_lines(fast), times_of()).withheld == {}
    assert judge_walls(caliper_lines(fast, MM), FrameTimes.unknown("none"), MM).withheld == {}
    assert measure(jumping(15.0), NO_SCALE).withheld


def test_the_scatter_of_a_length_is_in_its_uncertainty():
    random = np.random.default_rng(1)
    lengths = np.column_stack([random.normal(10, sd, 4000) for sd in (0.5, 1.0, 2.0)])
    assert scatter(lengths, times_of(4000)) == pytest.approx([0.5, 1.0, 2.0], rel=0.15)
    steady = chain(sigma=0.5)
    noisy = moved(steady, slice(None), PW_EPI, random.normal(0, 1.6, (FRAMES, 1)) * INWARDS)
    calm, shaken = (measure(one).standard_deviations["LVPWd"] for one in (steady, noisy))
    assert shaken > calm + 0.7
    assert measure(noisy).standard_deviations["IVSd"] == pytest.approx(
        measure(steady).standard_deviations["IVSd"], abs=0.05
    )


def test_a_clip_says_which_wall_is_withheld_and_why():
    landmarks = moved(chain(), LATE, PW_EPI, -10 * INWARDS)
    frames = np.full((FRAMES, 220, 220), 30, np.uint8)
    cine = Cine(frames, times_of(), Scale(MM, ScaleSource.DICOM_REGION), Sector.whole_frame(220, 220))
    clip = measure_clip(cine, "PLAX-1", "PLAX", {}, landmarks)
    assert "LVPWd" not in {item.name for item in clip.measurements}
    assert any(str(reason).startswith("LVPWd is withheld: its points jump") for reason in clip.not_measured)
