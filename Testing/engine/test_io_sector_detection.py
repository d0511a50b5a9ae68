"""The sector: what is image lies in it, what is text, strip or ruler does not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from io_writers import dicom, fan, fan_mask, real, save
from numpy.typing import NDArray

from echoapex.cine import Flip, Sector
from echoapex.io import describe, find_sector, read_cine
from echoapex.io.sector_detection import LEAST_CERTAINTY, images_side_by_side, is_whole_screen

ROWS, COLUMNS = 300, 400


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


def clip(frames: int = 8) -> NDArray[np.uint8]:
    return fan(frames, ROWS, COLUMNS)


def furniture() -> NDArray[np.uint8]:
    """What a scanner draws around the image: text, a ruler, a gray bar, a banner. ``uint8 [H, W]``."""
    page = np.zeros((ROWS, COLUMNS), np.uint8)
    for row, text in enumerate(("Adult Echo", "S5-1 49Hz", "MI 1.1")):
        cv2.putText(page, text, (4, 20 + 16 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255)
    page[20:280:20, 392:398] = 200
    page[20:120, 375:383] = np.linspace(255, 0, 100).astype(np.uint8)[:, None]
    page[-10:, 60:340] = 120
    return page


def ecg(frames: int) -> NDArray[np.uint8]:
    """A trace that sweeps along the bottom. ``uint8 [T, H, W]``."""
    strip = np.zeros((frames, ROWS, COLUMNS), np.uint8)
    x = np.arange(COLUMNS)
    y = (278 - 8 * np.exp(-(((x % 90) - 45) ** 2) / 12)).astype(int)
    for frame in range(frames):
        shown = x < COLUMNS * (frame + 1) // frames
        strip[frame, y[shown], x[shown]] = 255
    return strip


def test_a_moving_fan_is_found_without_its_furniture() -> None:
    frames = np.maximum(np.maximum(clip(), furniture()), ecg(8))
    sector = find_sector(frames)
    truth = fan_mask(ROWS, COLUMNS)
    assert sector.source == "motion"
    assert overlap(sector.mask, truth) > 0.95
    outside = np.maximum(furniture(), ecg(8)[-1]) > 0
    assert not (sector.mask & outside & ~truth).any()


def test_a_still_is_found_by_its_brightness() -> None:
    sector = find_sector(np.maximum(clip(1), furniture()))
    assert sector.source == "brightness"
    assert overlap(sector.mask, fan_mask(ROWS, COLUMNS)) > 0.93
    assert not (sector.mask & (furniture() > 0) & ~fan_mask(ROWS, COLUMNS)).any()


def test_a_clip_without_motion_is_found_by_its_brightness() -> None:
    frozen = np.repeat(clip(1), 10, axis=0)
    assert find_sector(frozen).source == "brightness"
    assert overlap(find_sector(frozen).mask, fan_mask(ROWS, COLUMNS)) > 0.93


def test_a_dark_side_of_a_still_belongs_to_the_sector() -> None:
    dark = clip(1)
    truth = fan_mask(ROWS, COLUMNS)
    dark[:, :, 250:] = 0
    assert overlap(find_sector(dark).mask, truth) > 0.9


def test_a_dark_side_with_little_noise_belongs_to_the_sector() -> None:
    frames = clip()
    frames[:, :, 250:] //= 40
    assert overlap(find_sector(frames).mask, fan_mask(ROWS, COLUMNS)) > 0.93


def dimmed(frames: NDArray[np.uint8], sides: tuple[float, float], noise: int = 0) -> NDArray[np.uint8]:
    """`clip` with less gain at its sides and in the depth, ``sides`` (left, right) times 400 gray levels in the lower
    corners, and noise of 0 to ``noise`` gray levels where that leaves nothing."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    dx, dy = x - COLUMNS / 2, y - 4.0
    away = np.clip(np.abs(np.arctan2(dx, dy)) / np.deg2rad(40) - 0.3, 0, None) / 0.7
    loss = 400 * away * np.hypot(dx, dy) / (ROWS * 0.88) * np.where(dx < 0, sides[0], sides[1])
    floor = np.random.default_rng(5).integers(0, noise + 1, frames.shape)
    return np.where(fan_mask(ROWS, COLUMNS), np.maximum(frames - loss, floor), 0).astype(np.uint8)


@pytest.mark.parametrize("sides", [(1.0, 1.0), (1.6, 0.5), (0.0, 1.3)])
@pytest.mark.parametrize("frames", [1, 8])
def test_lower_corners_that_are_black_belong_to_the_sector(frames: int, sides: tuple[float, float]) -> None:
    dim, truth = dimmed(clip(frames), sides), fan_mask(ROWS, COLUMNS)
    assert (dim[:, truth].max(axis=0) == 0).mean() > 0.08
    sector = find_sector(np.maximum(dim, furniture()))
    assert (sector.mask & truth).sum() > 0.93 * truth.sum()
    assert overlap(sector.mask, truth) > 0.9 and sector.certainty > LEAST_CERTAINTY
    assert not (sector.mask & (furniture() > 0) & ~truth).any()


def test_corners_with_hardly_any_noise_are_found_to_their_border() -> None:
    dim, truth = dimmed(clip(), (2.5, 2.5), noise=1), fan_mask(ROWS, COLUMNS)
    assert overlap(find_sector(np.maximum(dim, furniture())).mask, truth) > 0.95


def test_halves_of_a_clip_have_its_sector() -> None:
    frames = dimmed(clip(24), (1.0, 0.6), noise=1)
    whole, halves = find_sector(frames), (find_sector(frames[:12]), find_sector(frames[12:]))
    assert all(np.abs(np.subtract(half.box, whole.box)).max() <= 2 for half in halves)


def test_a_trace_that_scrolls_above_a_dim_fan_stays_outside() -> None:
    frames, truth = np.zeros((24, ROWS + 40, COLUMNS), np.uint8), np.zeros((ROWS + 40, COLUMNS), bool)
    frames[:, 40:], truth[40:] = dimmed(clip(24), (1.0, 1.0)), fan_mask(ROWS, COLUMNS)
    along = np.arange(20, COLUMNS - 20)
    for frame in range(24):
        beat = 18 * np.exp(-((((along + 7 * frame) % 60) - 30) ** 2) / 12)
        frames[frame, (32 - beat).astype(int), along] = 255
    sector = find_sector(frames)
    assert (sector.mask & truth).sum() > 0.9 * truth.sum() and not sector.mask[:36].any()


def test_shaded_tool_bars_around_a_still_stay_outside() -> None:
    page = np.zeros((ROWS + 70, COLUMNS + 100), np.uint8)
    shade = np.linspace(40, 75, COLUMNS + 100).astype(np.uint8)
    page[:30], page[-40:] = shade, shade[::-1]
    page[30:-40, :40] = np.linspace(40, 75, ROWS).astype(np.uint8)[:, None]
    for left in range(6, COLUMNS + 60, 46):
        for bottom in (20, ROWS + 56):
            cv2.putText(page, "Scan", (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 220)
    truth = np.zeros(page.shape, bool)
    truth[27 : ROWS + 27, 70 : COLUMNS + 70] = fan_mask(ROWS, COLUMNS)
    page[truth] = dimmed(clip(1), (0.3, 0.3))[0][fan_mask(ROWS, COLUMNS)]
    bars = (page > 0) & ~truth
    page[bars] += np.random.default_rng(6).integers(0, 7, int(bars.sum())).astype(np.uint8)
    sector = find_sector(page[None])
    assert overlap(sector.mask, truth) > 0.9 and sector.certainty > LEAST_CERTAINTY


def test_a_block_of_writing_beside_a_still_stays_outside() -> None:
    still, truth = dimmed(clip(1), (1.0, 1.0)), fan_mask(ROWS, COLUMNS)
    page = still[0].copy()
    for row in range(12, 80, 8):
        cv2.putText(page, "WMWBWMWB", (310, row), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 255)
    sector = find_sector(page[None])
    assert not sector.mask[:80, 305:].any() and (sector.mask & truth).sum() > 0.9 * truth.sum()


def test_a_black_cavity_and_a_shadow_stay_inside() -> None:
    frames = clip()
    frames[:, 120:200, 170:230] = 0
    frames[:, 90:260, 185:195] = 0
    sector = find_sector(frames)
    assert sector.mask[160, 200]
    assert overlap(sector.mask, fan_mask(ROWS, COLUMNS)) > 0.95


def test_a_flat_gray_background_is_outside() -> None:
    frames = np.where(fan_mask(ROWS, COLUMNS), clip(1), np.uint8(40))
    assert overlap(find_sector(frames).mask, fan_mask(ROWS, COLUMNS)) > 0.93


def test_small_frames_as_of_echonet() -> None:
    frames = np.stack([cv2.resize(frame, (112, 112), interpolation=cv2.INTER_AREA) for frame in clip()])
    truth = cv2.resize(fan_mask(ROWS, COLUMNS).astype(np.uint8), (112, 112)) > 0
    assert overlap(find_sector(frames).mask, truth) > 0.93


@pytest.mark.parametrize("value", [0, 77, 255])
def test_where_nothing_stands_out_it_is_the_whole_frame(value: int) -> None:
    sector = find_sector(np.full((3, 40, 50), value, np.uint8))
    assert sector.mask.all()
    assert sector.source in ("whole_frame", "brightness")
    assert find_sector(np.zeros((3, 40, 50), np.uint8)).source == "whole_frame"


def test_a_region_in_which_nothing_stands_out_is_taken_whole() -> None:
    sector = find_sector(np.zeros((3, 40, 50), np.uint8), (10, 5, 30, 25))
    assert sector.box == (10, 5, 30, 25)
    assert sector.source == "region"
    assert sector.mask.sum() == 21 * 21


def test_a_fan_in_a_region_leaves_out_what_lies_beside_it() -> None:
    frames = np.maximum(np.maximum(clip(), furniture()), ecg(8))
    sector = find_sector(frames, (0, 0, COLUMNS - 1, ROWS - 1))
    assert sector.source == "region"
    assert overlap(sector.mask, fan_mask(ROWS, COLUMNS)) > 0.95


@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24))))
def test_any_frames_have_a_sector_of_their_size(frames: NDArray[np.uint8]) -> None:
    sector = find_sector(frames)
    x0, y0, x1, y1 = sector.box
    assert sector.mask.shape == frames.shape[1:]
    assert sector.mask[y0 : y1 + 1, x0 : x1 + 1].sum() == sector.mask.sum() > 0


def test_the_real_cine_has_its_fan_without_text_and_buttons() -> None:
    cine = read_cine(real("color3d_jpeg_baseline.dcm"))
    mask = cine.sector.mask
    assert mask[60:380, 320].all()
    assert mask[300, 110:580].all()
    assert not mask[:30].any()
    assert not mask[450:].any()
    assert not mask[:200, :120].any()
    assert not mask[:, 600:].any()
    assert cine.masked_frames()[:, ~mask].max() == 0


def test_the_cropped_real_cine_has_the_same_fan_without_a_region() -> None:
    full, small = (read_cine(real(name)) for name in ("color3d_jpeg_baseline.dcm", "examples_ybr_color.dcm"))
    assert small.sector.source == "motion"
    assert overlap(small.sector.mask, full.sector.mask[::2, ::2]) > 0.95


def recorded_screen(seed: int = 0) -> NDArray[np.uint8]:
    """A fan that moves on a screen with bars and writing, all of it with the noise of a video."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:180, :320]
    fan = (y > 40) & (y < 150) & (np.abs(x - 160) < 0.7 * (y - 35))
    screen = np.full((8, 180, 320), 30)
    screen[:, :12], screen[:, 168:] = 70, 60
    screen[:, 2:9, 10:300:6] = screen[:, 170:177, 10:300:5] = screen[:, 20:160:7, 2:15] = 220
    screen[:, fan] = rng.integers(20, 240, (8, int(fan.sum())))
    return np.clip(screen + rng.integers(-4, 5, screen.shape), 0, 255).astype(np.uint8)


def screen_fan() -> NDArray[np.bool_]:
    """The exact sector of `recorded_screen`."""
    y, x = np.mgrid[:180, :320]
    return (y > 40) & (y < 150) & (np.abs(x - 160) < 0.7 * (y - 35))


def test_the_sector_in_a_noisy_recording_of_a_screen_is_found() -> None:
    sector = find_sector(recorded_screen())
    assert sector.source == "motion" and sector.certainty > 0.8
    assert overlap(sector.mask, screen_fan()) > 0.95


def test_a_recorded_screen_whose_sector_was_not_found_is_told() -> None:
    screen = recorded_screen()
    whole = Sector.whole_frame(180, 320)
    assert is_whole_screen(screen, whole)
    assert not is_whole_screen(screen[:1], whole)
    found = np.zeros((180, 320), bool)
    found[40:150, 80:240] = True
    assert not is_whole_screen(screen, Sector.from_mask(found, "motion"))


def test_an_image_that_fills_its_frame_is_no_screen() -> None:
    speckle = np.random.default_rng(1).integers(0, 255, (8, 180, 320)).astype(np.uint8)
    assert not is_whole_screen(speckle, Sector.whole_frame(180, 320))
    dim = speckle.copy()
    dim[:, :, :40], dim[:, :, -40:] = dim[:, :, :40] // 30, dim[:, :, -40:] // 30
    assert not is_whole_screen(dim, Sector.whole_frame(180, 320))


def test_two_fans_side_by_side_are_two_images(tmp_path: Path) -> None:
    both = np.concatenate([fan(6), fan(6, seed=9)], axis=2)
    cine = read_cine(save(dicom(both, FrameTime=30), tmp_path / "dual.dcm"))
    assert cine.image_count == 2 and any("2 images side by side" in text for text in cine.warnings)
    assert read_cine(save(dicom(fan(), FrameTime=30), tmp_path / "one.dcm")).image_count == 1


@pytest.mark.parametrize("angle", [40, 70])
def test_a_wide_fan_that_a_shadow_cuts_in_two_is_one_image(angle: int) -> None:
    y, x = np.mgrid[:96, :256]
    dx, dy = x - 128, y - 2.0
    inside = (np.hypot(dx, dy) < 125) & (np.abs(dx) <= dy * np.tan(np.deg2rad(angle))) & (np.abs(dx) > 2 + dy / 12)
    frames = np.where(inside, np.random.default_rng(2).integers(20, 220, (6, 96, 256)), 0).astype(np.uint8)
    assert images_side_by_side(frames, find_sector(frames)) == 1


def test_a_small_picture_beside_a_large_one_is_no_second_image() -> None:
    frames = np.zeros((6, 96, 200), np.uint8)
    frames[:, :, :128] = fan(6)
    frames[:, 40:60, 160:180] = fan(6)[:, 40:60, 50:70]
    assert images_side_by_side(frames, find_sector(frames)) == 1


DESIGNS = ("bars", "buttons on the left", "gray page", "text beside", "panel on the right", "trace above")


def screen(design: str, frames: int, *, cut: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A fan within the interface of a machine, ``uint8 [T, 360, 560]``, and its exact sector; ``cut`` pixels at its
    left are black. A trace moves below the fan or, in one design, above it."""
    page = np.full((360, 560), 90 if design == "gray page" else 0, np.uint8)
    page[30:340, 120:470] = 0
    if design == "bars":
        page[:24], page[344:] = 50, 40
    if design in ("bars", "gray page", "buttons on the left"):
        for top in range(40, 320, 40):
            page[top : top + 30, 6:90] = 120
            cv2.putText(page, "Gain", (12, top + 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 230)
    if design == "panel on the right":
        page[:, 476:] = 70
        page[20:340:30, 484:552] = 150
    for row in range(60, 200, 18):
        cv2.putText(page, "FR 48 Hz", (484, row), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 240)
    page[50:150, 460:468] = np.linspace(255, 0, 100).astype(np.uint8)[:, None]
    y, x = np.mgrid[:360, :560]
    dx, dy = x - 290, y - 50.0
    truth = (np.hypot(dx, dy) < 240) & (np.hypot(dx, dy) > 4) & (np.abs(dx) <= dy * np.tan(np.deg2rad(40)))
    truth &= x >= 290 - 154 + cut
    clip = np.repeat(page[None], frames, axis=0)
    random = np.random.default_rng(7)
    clip[:, truth] = random.integers(20, 220, (frames, int(truth.sum())))
    for frame in range(frames):
        along = np.arange(125, 465)
        beat = 12 * np.exp(-((((along + 17 * frame) % 90) - 45) ** 2) / 12)
        clip[frame, ((38 if design == "trace above" else 322) - beat).astype(int), along] = 255
    return clip, truth


@pytest.mark.parametrize("frames", [1, 6])
@pytest.mark.parametrize("design", DESIGNS)
def test_the_sector_is_found_within_the_screen_of_a_machine(design: str, frames: int) -> None:
    clip, truth = screen(design, frames)
    sector = find_sector(clip)
    assert overlap(sector.mask, truth) > 0.93
    assert sector.certainty > 0.8


@pytest.mark.parametrize("frames", [1, 6])
def test_a_side_that_the_display_cuts_off_stays_outside(frames: int) -> None:
    clip, truth = screen("bars", frames, cut=50)
    assert find_sector(clip).box[0] >= 290 - 154 + 50 - (4 if frames > 1 else 60)
    assert overlap(find_sector(clip).mask, truth) > (0.93 if frames > 1 else 0.85)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_fan_is_found(turns: int) -> None:
    turned = np.rot90(clip(), turns, axes=(1, 2))
    sector = find_sector(turned)
    assert overlap(sector.mask, np.rot90(fan_mask(ROWS, COLUMNS), turns)) > 0.95
    assert sector.certainty > 0.8


def test_a_convex_fan_is_found() -> None:
    y, x = np.mgrid[:300, :400]
    radius, angle = np.hypot(x - 200, y + 60), np.abs(np.arctan2(x - 200, y + 60))
    truth = (radius > 80) & (radius < 340) & (angle < np.deg2rad(32))
    frames = np.where(truth, np.random.default_rng(4).integers(20, 220, (6, 300, 400)), 0).astype(np.uint8)
    sector = find_sector(frames)
    assert overlap(sector.mask, truth) > 0.93 and sector.certainty > 0.8


def test_how_sure_it_is_falls_from_a_fan_to_what_is_none() -> None:
    assert find_sector(np.zeros((3, 90, 120), np.uint8)).certainty == 0
    blobs = np.zeros((6, 300, 400), np.uint8)
    random = np.random.default_rng(8)
    for top, left in ((10, 20), (20, 300), (210, 60), (180, 330), (120, 180)):
        blobs[:, top : top + 50, left : left + 60] = random.integers(20, 220, (6, 50, 60))
    assert find_sector(blobs).certainty < 0.5 < 0.9 < find_sector(clip()).certainty
    assert find_sector(clip(), (0, 0, COLUMNS - 1, ROWS - 1)).certainty > 0.9
    assert find_sector(np.zeros((3, 90, 120), np.uint8), (5, 5, 99, 80)).certainty == LEAST_CERTAINTY


def test_the_certainty_is_kept_where_a_clip_is_turned_and_told(tmp_path: Path) -> None:
    path = save(dicom(fan(), FrameTime=30), tmp_path / "fan.dcm")
    cine = read_cine(path)
    assert cine.turned(Flip.VERTICAL).sector.certainty == cine.sector.certainty > 0.5
    assert describe(path)["sector"]["certainty"] == pytest.approx(cine.sector.certainty, abs=1e-3)
