"""Clips without a heart: what they show, that they repeat, and what their files say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoapex.cine import Mode, ModeSource
from echoapex.errors import EchoApexError, ReadError, ScaleError
from echoapex.io import describe, read_cine
from echoapex.simulation import draw_case
from echoapex.simulation.dicom_writing import new_dataset
from echoapex.simulation.no_heart_clips import OtherClip, OtherKind, draw_other
from echoapex.simulation.no_heart_dicom import other_dicom
from echoapex.simulation.no_heart_tissue import SCENES
from echoapex.simulation.speckle import Blob, Fan
from echoapex.simulation.ultrasound_imaging import Canvas
from echoapex.simulation.vendor_looks import Look

LOOK = Look("test")
IMAGES, TRACES = (OtherKind.NO_HEART, OtherKind.AIR), (OtherKind.SPECTRAL, OtherKind.M_MODE)


def draw(seed: int, kind: OtherKind | None = None, frames: int = 2, size: tuple[int, int] = (120, 160)) -> OtherClip:
    return draw_other(seed, LOOK, *size, frames, kind)


@pytest.mark.parametrize("kind", OtherKind)
def test_a_clip_is_what_was_asked_for(kind: OtherKind) -> None:
    clip = draw(3, kind, frames=4)
    assert clip.kind is kind
    assert (clip.frames.dtype, clip.frames.shape) == (np.uint8, (4, 120, 160))
    assert (clip.sector.dtype, clip.sector.shape) == (np.bool_, (120, 160))
    assert 0.02 <= clip.frame_time_s <= 0.04
    assert clip.frames[:, clip.sector].std() > 3


@pytest.mark.parametrize("kind", OtherKind)
def test_the_same_seed_draws_the_same_clip_and_another_seed_another(kind: OtherKind) -> None:
    clip, again = draw(5, kind), draw(5, kind)
    assert np.array_equal(clip.frames, again.frames)
    assert clip.axes == again.axes
    assert not np.array_equal(clip.frames, draw(6, kind).frames)


def test_seeds_draw_every_kind_and_every_scene() -> None:
    clips = [draw(seed, frames=1, size=(48, 48)) for seed in range(80)]
    assert {clip.kind for clip in clips} == set(OtherKind)
    assert {clip.scene for clip in clips if clip.kind is OtherKind.NO_HEART} == set(SCENES)


@pytest.mark.parametrize("kind", IMAGES)
def test_images_have_the_sector_and_scale_of_their_machine(kind: OtherKind) -> None:
    look = Look("curved", width_deg=70, virtual_apex_mm=10)
    clip = draw_other(8, look, 120, 160, 2, kind)
    assert not clip.frames[:, ~clip.sector].any()
    # At the arc's ends the beams reach the depth; the face of the probe is at the top.
    rows, columns = np.nonzero(clip.sector)
    assert clip.mm_per_px is not None
    depth = (rows.max() - 0.02 * 120) * clip.mm_per_px
    assert 60 < depth < 221
    half_width = (np.ptp(columns) + 1) * clip.mm_per_px / 2
    assert half_width == pytest.approx((depth + 10) * np.sin(np.deg2rad(35)), rel=0.03)


def test_air_rings_near_the_probe_and_stands_still() -> None:
    for seed in range(6):
        frames = draw(seed, OtherKind.AIR, frames=4).frames.astype(float)
        assert frames[:, :50].sum() > 3 * frames[:, 80:].sum()
        assert np.corrcoef(frames[1, :50].ravel(), frames[3, :50].ravel())[0, 1] > 0.95


def test_organs_move() -> None:
    moved = [draw(seed, OtherKind.NO_HEART, frames=12).frames[[0, -1]].astype(float) for seed in range(6)]
    assert all(np.abs(last - first).mean() > 0.5 for first, last in moved)


def test_speckle_is_as_bright_as_the_gray_curve_says() -> None:
    look = Look("flat", smoothing=0.0, headroom_db=20, dynamic_range_db=60)
    fan = Fan(look, Canvas.fit(120, 160, look, 120), 120)
    envelope = fan.smoothed(fan.blurred(fan.noise(np.random.default_rng(0))))
    # 20 dB below white in a range of 60 dB: two thirds of white.
    assert np.median(fan.gray(envelope)) == pytest.approx(255 * 40 / 60, rel=0.03)


def test_a_blob_is_one_on_its_border() -> None:
    blob = Blob(10.0, 20.0, 6.0, 3.0, np.pi / 2)
    x, d = np.array([10.0, 10.0, 13.0], np.float32), np.array([20.0, 26.0, 20.0], np.float32)
    assert blob.radius(x, d) == pytest.approx([0, 1, 1], abs=1e-6)


# Traces


def strips(clip: OtherClip) -> np.ndarray:
    assert clip.axes is not None
    x0, y0, x1, y1 = clip.axes.box
    return clip.frames[:, y0 : y1 + 1, x0 : x1 + 1]


@pytest.mark.parametrize("kind", TRACES)
def test_a_trace_scrolls_or_is_written_over_at_the_speed_of_its_axis(kind: OtherKind) -> None:
    kinds = set()
    for seed in range(12):
        clip = draw(seed, kind, frames=7)
        strip = strips(clip)
        assert clip.axes is not None
        width, moved = strip.shape[2], round(6 * clip.frame_time_s / clip.axes.seconds_per_px)
        assert 0 < moved < width
        scrolled = np.array_equal(strip[6][:, : width - moved], strip[0][:, moved:])
        kinds.add(scrolled)
        if not scrolled:
            # What was written, and the bar ahead of it.
            changed = np.flatnonzero((strip[0] != strip[6]).any(axis=0))
            assert changed.size <= moved + 2 * max(2, width // 60)
    assert kinds == {True, False}


def test_the_baseline_is_where_the_axes_say() -> None:
    for seed in range(8):
        clip = draw(seed, OtherKind.SPECTRAL)
        assert clip.axes is not None
        baseline = strips(clip)[0, clip.axes.zero_row - clip.axes.box[1]]
        assert np.mean(baseline >= 90) > 0.9


def test_speeds_of_the_axis_hold_the_flow() -> None:
    for seed in range(8):
        clip = draw(seed, OtherKind.SPECTRAL)
        assert clip.axes is not None
        assert clip.axes.unit == "cm/s"
        assert 12 < strips(clip).shape[1] * clip.axes.value_per_px < 1500


@pytest.mark.parametrize("kind", TRACES)
def test_a_trace_has_no_scale(kind: OtherKind) -> None:
    cine = draw(2, kind).cine()
    assert cine.mode.is_trace
    assert cine.simulated
    with pytest.raises(ScaleError, match="time on one axis"):
        cine.scale.require()


def test_the_image_of_a_clip_as_a_cine() -> None:
    clip = draw(2, OtherKind.NO_HEART, frames=3)
    cine = clip.cine()
    assert (cine.mode, cine.view, cine.simulated) == (Mode.TWO_D, "OTHER", True)
    assert cine.scale.require() == (clip.mm_per_px, clip.mm_per_px)
    assert cine.times.frame_rate == pytest.approx(1 / clip.frame_time_s)


# Files


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_comes_back_from_its_file(tmp_path: Path, kind: OtherKind) -> None:
    clip = draw(4, kind, frames=5)
    other_dicom(tmp_path / "a.dcm", clip, draw_case("easy", 4), 7)
    cine = read_cine(tmp_path / "a.dcm")
    assert np.array_equal(cine.frames[:, clip.sector], clip.frames[:, clip.sector])
    assert cine.frames[:, ~clip.sector].any()
    assert cine.scale.require() == pytest.approx((clip.mm_per_px, clip.mm_per_px))
    assert cine.times.frame_rate == pytest.approx(1 / clip.frame_time_s, rel=1e-4)
    assert (cine.simulated, cine.view, cine.mode) == (True, None, Mode.TWO_D)
    assert cine.mode_source is ModeSource.HEADER


@pytest.mark.parametrize(("kind", "codes"), [(OtherKind.SPECTRAL, (3, 3, 4, 7)), (OtherKind.M_MODE, (2, 1, 4, 3))])
def test_the_header_of_a_trace_says_what_it_is(tmp_path: Path, kind: OtherKind, codes: tuple[int, ...]) -> None:
    clip = draw(4, kind)
    other_dicom(tmp_path / "a.dcm", clip, draw_case("easy", 4), 7)
    (item,) = pydicom.dcmread(tmp_path / "a.dcm").SequenceOfUltrasoundRegions
    units = (item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection)
    assert (item.RegionSpatialFormat, item.RegionDataType, *units) == codes
    assert clip.axes is not None
    assert item.PhysicalDeltaX == pytest.approx(clip.axes.seconds_per_px)
    assert item.RegionLocationMinY0 + item.ReferencePixelY0 == clip.axes.zero_row
    with pytest.raises(ReadError, match=f"no 2D image.*{clip.mode} only"):
        read_cine(tmp_path / "a.dcm")
    record = describe(tmp_path / "a.dcm")
    assert (record["mode"], record["mode_source"]) == (clip.mode.value, "header")


def test_a_clip_lies_in_the_study_of_its_patient(tmp_path: Path) -> None:
    case = draw_case("easy", 4)
    heart = new_dataset(case, "A4C", 1, (2, 120, 160))
    found = []
    for number, kind in enumerate(OtherKind, start=2):
        other_dicom(tmp_path / "a.dcm", draw(4, kind), case, number)
        found.append(pydicom.dcmread(tmp_path / "a.dcm"))
    assert {item.StudyInstanceUID for item in found} == {heart.StudyInstanceUID}
    assert {item.PatientID for item in found} == {heart.PatientID}
    assert len({item.SOPInstanceUID for item in [*found, heart]}) == 5


# What cannot be drawn, and odd machines


@pytest.mark.parametrize(
    ("seed", "rows", "columns", "frames", "rule"),
    [
        (-1, 100, 100, 1, "seed from 0"),
        (0, 100, 100, 0, "at least one frame"),
        (0, 47, 100, 1, "48 to 4096 rows and columns"),
        (0, 100, 5000, 1, "48 to 4096 rows and columns"),
    ],
)
def test_impossible_clips_are_refused(seed: int, rows: int, columns: int, frames: int, rule: str) -> None:
    with pytest.raises(EchoApexError, match=rule):
        draw_other(seed, LOOK, rows, columns, frames)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    kind=st.sampled_from(OtherKind),
    size=st.tuples(st.integers(48, 160), st.integers(48, 160)),
    width=st.floats(20, 150),
    apex=st.floats(0, 60),
    smoothing=st.floats(0, 4),
    frequency=st.floats(1.5, 12),
)
def test_any_machine_draws_something(
    seed: int, kind: OtherKind, size: tuple[int, int], width: float, apex: float, smoothing: float, frequency: float
) -> None:
    look = Look("odd", frequency, width_deg=width, virtual_apex_mm=apex, smoothing=smoothing)
    clip = draw_other(seed, look, *size, 2, kind)
    assert clip.frames.shape == (2, *size)
    assert clip.sector.any()
    assert clip.frames[:, clip.sector].any()
