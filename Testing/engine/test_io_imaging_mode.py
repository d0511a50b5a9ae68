"""2D, color flow, M-mode and Doppler: from the header, and from the pixels where it is silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from io_writers import dicom, fan, fan_mask, real, region, save
from numpy.typing import NDArray

from echoapex.cine import Cine, Mode, ModeSource, Sector
from echoapex.io import describe, find_sector, read_cine
from echoapex.io.color_to_gray import luminance, sample_colors
from echoapex.io.imaging_mode import FoundMode, mode_of_pixels
from echoapex.simulation import PRESETS, draw_case, simulate_clip
from echoapex.simulation.no_heart_clips import OtherClip, OtherKind, draw_other
from echoapex.simulation.vendor_looks import Sampling

RED, BLUE = (230, 40, 20), (20, 60, 220)
QUICK = Sampling(depth_samples=160, beams=64, scatterers_per_cell=2.0, slab_mm=0.0)
TRACES = {OtherKind.SPECTRAL: Mode.DOPPLER, OtherKind.M_MODE: Mode.M_MODE}


def gray_rgb(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(frames[..., None], 3, axis=-1)


def flow(*, moving: bool = True) -> NDArray[np.uint8]:
    """A speckled fan with a red and a blue jet that come and go, or stand still, ``[T, H, W, 3]``."""
    rgb = gray_rgb(fan(12))
    for frame in range(12):
        phase = frame % 6 if moving else 3
        rgb[frame, 40 : 42 + 3 * phase, 56:66] = RED
        rgb[frame, 60 : 78 - 3 * phase, 60:70] = BLUE
    return rgb


def mode_of_rgb(rgb: NDArray[np.uint8]) -> FoundMode:
    return mode_of_pixels(luminance(rgb), Sector.from_mask(fan_mask(), "region"), sample_colors(rgb))


def mode_of_gray(frames: NDArray[np.uint8]) -> FoundMode:
    return mode_of_pixels(frames, find_sector(frames), None)


def read(tmp_path: Path, pixels: NDArray[np.uint8], *regions: pydicom.Dataset, **tags: Any) -> Cine:
    tags |= {"SequenceOfUltrasoundRegions": pydicom.Sequence(regions)} if regions else {}
    return read_cine(save(dicom(pixels, FrameTime=30, **tags), tmp_path / "clip.dcm"))


def trace(kind: OtherKind, seed: int, *, frames: int = 20) -> OtherClip:
    return draw_other(seed, draw_case("hard", seed).look, 240, 320, frames, kind)


def lossy(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    coded = [cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 75])[1] for frame in frames]
    return np.stack([cv2.imdecode(stream, cv2.IMREAD_GRAYSCALE) for stream in coded])


# Color flow


def test_color_that_comes_and_goes_is_color_flow() -> None:
    assert mode_of_rgb(flow()) == FoundMode(Mode.COLOR, ModeSource.PIXELS)


def test_a_color_that_stands_still_over_a_moving_image_is_drawn_on_the_screen() -> None:
    assert mode_of_rgb(flow(moving=False)).mode is Mode.TWO_D


def test_in_a_still_or_a_frozen_clip_being_there_is_enough() -> None:
    for found in (mode_of_rgb(flow()[3:4]), mode_of_rgb(np.repeat(flow()[3:4], 5, axis=0))):
        assert found.mode is Mode.COLOR
        assert any("one picture cannot tell" in text and "taken for color flow" in text for text in found.warnings)


@pytest.mark.parametrize("tint", [(1.0, 0.78, 0.5), (0.55, 0.75, 1.0), (1.0, 0.5, 0.1)])
def test_a_tinted_gray_map_is_no_flow(tint: tuple[float, float, float]) -> None:
    tinted = np.round(fan(12)[..., None] * np.array(tint)).astype(np.uint8)
    assert mode_of_rgb(tinted).mode is Mode.TWO_D


def test_flow_shows_over_a_tinted_map_too() -> None:
    rgb = np.round(flow() * np.array([1.0, 0.85, 0.65])).astype(np.uint8)
    assert mode_of_rgb(rgb).mode is Mode.COLOR


def annotated() -> NDArray[np.uint8]:
    """A gray fan with a running green ECG, a moving yellow line and counting letters in it, ``[T, H, W, 3]``."""
    rgb = gray_rgb(fan(12, 240, 320))
    x = np.arange(80, 240)
    for frame in range(12):
        y = (180 - 25 * np.exp(-0.5 * (((x - 12 * frame) % 60 - 30) / 3) ** 2)).astype(int)
        rgb[frame, y, x] = rgb[frame, y + 1, x] = (0, 255, 0)
        rgb[frame, 140:220, 80 + 12 * frame] = (255, 255, 0)
        cv2.putText(rgb[frame], f"{frame}", (150, 120), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 200, 0), 1)
    return rgb


def test_a_colored_ecg_and_letters_in_the_sector_are_no_flow(tmp_path: Path) -> None:
    rgb = annotated()
    sector, colors = Sector.from_mask(fan_mask(240, 320), "region"), sample_colors(rgb)
    assert colors.colored(sector.mask)
    assert mode_of_pixels(luminance(rgb), sector, colors).mode is Mode.TWO_D
    whole = region(RegionLocationMaxX1=319, RegionLocationMaxY1=239)
    cine = read(tmp_path, rgb, whole)
    assert (cine.mode, cine.warnings) == (Mode.TWO_D, ())


def test_gray_cines_stored_with_color_are_2d(tmp_path: Path) -> None:
    cine = read(tmp_path, gray_rgb(fan()))
    assert (cine.mode, cine.mode_source, cine.color) == (Mode.TWO_D, ModeSource.PIXELS, False)


def test_a_color_box_in_a_clip_that_the_header_calls_2d_is_seen(tmp_path: Path) -> None:
    cine = read(tmp_path, flow(), region())
    assert (cine.mode, cine.mode_source) == (Mode.COLOR, ModeSource.PIXELS)
    assert any("says 2D, but the pixels show color flow" in warning for warning in cine.warnings)


@pytest.mark.parametrize(
    "rgb", [flow(moving=False), flow()[3:4], np.repeat(flow()[3:4], 5, axis=0)], ids=["drawn", "still", "frozen"]
)
def test_colors_that_stand_still_do_not_overrule_the_header(tmp_path: Path, rgb: NDArray[np.uint8]) -> None:
    cine = read(tmp_path, rgb, region())
    assert (cine.mode, cine.mode_source) == (Mode.TWO_D, ModeSource.HEADER)
    told = any("one picture cannot tell; the header was believed" in text for text in cine.warnings)
    assert told == (np.ptp(rgb, axis=0).max() == 0)


def test_the_header_goes_before_pixels_without_color(tmp_path: Path) -> None:
    cine = read(tmp_path, gray_rgb(fan()), region(), region(RegionDataType=2))
    assert (cine.mode, cine.mode_source) == (Mode.COLOR, ModeSource.HEADER)
    sepia = np.round(fan(12)[..., None] * np.array([1.0, 0.78, 0.5])).astype(np.uint8)
    cine = read(tmp_path, sepia, region())
    assert (cine.mode, cine.warnings) == (Mode.TWO_D, ())


def test_the_flag_for_color_data_alone_makes_no_flow(tmp_path: Path) -> None:
    # Machines set it for any colored text or map.
    assert read(tmp_path, gray_rgb(fan()), UltrasoundColorDataPresent=1).mode is Mode.TWO_D


def test_info_agrees_with_the_cine(tmp_path: Path) -> None:
    cine = read(tmp_path, flow())
    record = describe(tmp_path / "clip.dcm")
    assert (record["mode"], record["mode_source"]) == (cine.mode.value, cine.mode_source.value) == ("color", "pixels")


def test_color_of_videos_is_seen_wherever_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "late.avi"
    rgb = np.concatenate([gray_rgb(fan(60, seed=1)), flow()])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (128, 96))
    for frame in rgb:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    assert read_cine(path).mode is Mode.COLOR


# Real files


@pytest.mark.parametrize("name", ["examples_ybr_color.dcm", "color3d_jpeg_baseline.dcm"])
def test_real_gray_cines_are_2d_by_header_and_by_pixels(name: str) -> None:
    cine = read_cine(real(name))
    assert (cine.mode, cine.mode_source) == (Mode.TWO_D, ModeSource.HEADER)
    assert mode_of_gray(cine.frames) == FoundMode(Mode.TWO_D, ModeSource.PIXELS)


@pytest.mark.parametrize("name", ["OBXXXX1A.dcm", "gdcm-US-ALOKA-16.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm"])
def test_real_gray_stills_are_2d_in_spite_of_colored_markers(name: str) -> None:
    assert read_cine(real(name)).mode is Mode.TWO_D


@pytest.mark.parametrize("name", ["US1_UNCR.dcm", "examples_rgb_color.dcm"])
def test_real_power_doppler_without_a_word_in_the_header_is_color(name: str) -> None:
    cine = read_cine(real(name))
    assert (cine.mode, cine.mode_source) == (Mode.COLOR, ModeSource.PIXELS)


# Traces


@pytest.mark.parametrize("kind", TRACES)
def test_most_traces_are_recognized_by_what_their_columns_do(kind: OtherKind) -> None:
    found = [mode_of_gray(trace(kind, 900_100 + seed).frames) for seed in range(12)]
    assert sum(one.mode is TRACES[kind] for one in found) >= 10
    assert sum(one.mode.is_trace for one in found) >= 11
    assert all(any("look like" in text for text in one.warnings) == one.mode.is_trace for one in found)


@pytest.mark.parametrize("kind", TRACES)
def test_most_traces_are_recognized_in_lossy_video(kind: OtherKind) -> None:
    found = [mode_of_gray(lossy(trace(kind, 900_100 + seed).frames)) for seed in range(10)]
    assert sum(one.mode.is_trace for one in found) >= 8


def test_a_trace_is_read_with_a_warning_where_the_header_is_silent(tmp_path: Path) -> None:
    cine = read(tmp_path, trace(OtherKind.M_MODE, 900_100).frames)
    assert (cine.mode, cine.mode_source) == (Mode.M_MODE, ModeSource.PIXELS)
    assert any("look like M-mode only" in warning for warning in cine.warnings)


@pytest.mark.parametrize("kind", [OtherKind.NO_HEART, OtherKind.AIR])
def test_images_without_a_heart_are_2d(kind: OtherKind) -> None:
    for seed in range(900_100, 900_110):
        frames = draw_other(seed, draw_case("hard", seed).look, 120, 160, 12, kind).frames
        assert mode_of_gray(frames).mode is Mode.TWO_D


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("view", ["A4C", "A2C"])
def test_simulated_hearts_are_2d(preset: str, view: str) -> None:
    clip = simulate_clip(draw_case(preset, 900_100), view, rows=96, columns=128, sampling=QUICK, max_frames=10)
    assert mode_of_gray(clip.frames) == FoundMode(Mode.TWO_D, ModeSource.PIXELS)


def test_a_live_image_beside_a_scrolling_trace_is_2d() -> None:
    scrolling = np.stack([np.roll(fan(1, 96, 128, seed=9)[0], -3 * t, axis=1) for t in range(12)])
    assert mode_of_gray(scrolling).mode.is_trace
    assert mode_of_gray(np.concatenate([fan(12), scrolling], axis=1)).mode is Mode.TWO_D


def test_a_frozen_image_over_a_running_ecg_is_2d() -> None:
    frames = np.repeat(fan(1, 200, 256), 12, axis=0)
    strip = np.random.default_rng(0).integers(0, 255, (24, 400)).astype(np.uint8)
    for t, frame in enumerate(frames):
        frame[-24:] = strip[:, 4 * t : 4 * t + 256]
    assert mode_of_gray(frames) == FoundMode(Mode.TWO_D, ModeSource.ASSUMED)


def test_a_disk_that_wanders_over_black_is_2d() -> None:
    frames = np.zeros((12, 96, 128), np.uint8)
    for direction in (3, -3):
        for t, frame in enumerate(frames):
            frame[:] = 0
            cv2.circle(frame, (60 + direction * (t - 6), 48), 20, 200, -1)
        assert mode_of_gray(frames).mode is Mode.TWO_D


def test_what_never_moves_is_assumed_to_be_2d() -> None:
    still = fan(1)
    for frames in (still, np.repeat(still, 9, axis=0), np.zeros((5, 40, 40), np.uint8)):
        assert mode_of_gray(frames) == FoundMode(Mode.TWO_D, ModeSource.ASSUMED)


@settings(max_examples=60, deadline=None)
@given(
    rgb=arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 6), st.integers(1, 24), st.integers(1, 24), st.just(3)),
        elements=st.integers(0, 255),
    )
)
def test_any_pixels_have_some_mode(rgb: NDArray[np.uint8]) -> None:
    gray = luminance(rgb)
    found = mode_of_pixels(gray, find_sector(gray), sample_colors(rgb))
    assert found.mode in Mode
    assert found.source is not ModeSource.HEADER
