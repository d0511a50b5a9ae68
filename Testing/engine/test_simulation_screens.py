"""Screens of machines around simulated sectors: what moves, what hides, and what stays true in their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from echoapex.cli import main
from echoapex.errors import EchoApexError
from echoapex.io import read_cine
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip, write_study
from echoapex.simulation.color_flow import ColorBox, color_frames
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.heart import CAVITIES, Tissue
from echoapex.simulation.machine_interfaces import INTERFACES, ecg_height
from echoapex.simulation.screen_capture import draw_interface, screen_frames
from echoapex.simulation.simulated_study import Display
from echoapex.simulation.vendor_looks import TRAINING

SIZE = (180, 260)


def clip_on(name: str | None, view: str = "A4C", frames: int = 6) -> SimulatedClip:
    rows, columns = SIZE
    case = draw_case("hard", 900_020)
    return simulate_clip(
        case, view, rows=rows, columns=columns, sampling=TRAINING, max_frames=frames, interface=name, beats=3.0
    )


def test_there_are_several_designs_and_seeds_draw_all_of_them() -> None:
    assert len(INTERFACES) >= 6
    assert {draw_interface(seed) for seed in range(80)} == set(INTERFACES)


@pytest.mark.parametrize("name", list(INTERFACES))
def test_the_sector_lies_in_the_screen_where_the_truth_says(name: str) -> None:
    clip = clip_on(name)
    screens, inside = screen_frames(clip), clip.imager.in_sector(clip.canvas)
    assert screens.shape == (6, *SIZE, 3) and screens.dtype == np.uint8
    left, top, right, bottom = INTERFACES[name].picture
    rows, columns = np.nonzero(inside)
    assert columns.min() >= left * SIZE[1] - 1 and columns.max() <= right * SIZE[1]
    assert rows.min() >= top * SIZE[0] - 1 and rows.max() <= bottom * SIZE[0]
    assert 0.08 < inside.mean() < 0.8
    same = np.all(screens[..., 0] == clip.frames, axis=0)[inside]
    assert same.mean() > 0.97, "only the ECG lies over the sector"
    assert np.unique(screens[0][~inside], axis=0).shape[0] > 4, "there is a screen around it"


@pytest.mark.parametrize("name", list(INTERFACES))
def test_only_sector_and_ecg_move(name: str) -> None:
    clip = clip_on(name)
    screens = screen_frames(clip)
    outside = ~clip.imager.in_sector(clip.canvas)
    moving = np.any(screens != screens[0], axis=(0, 3)) & outside
    assert moving.any() == (INTERFACES[name].ecg is not None)
    if moving.any():
        middle, height = INTERFACES[name].ecg or (0.0, 0.0)
        rows = np.flatnonzero(moving.any(axis=1)) / SIZE[0]
        assert rows.min() > middle - height and rows.max() < middle + height


def test_an_ecg_peaks_at_the_r_wave() -> None:
    phase = np.arange(0, 2, 0.001)
    assert phase[np.argmax(ecg_height(phase))] % 1 == pytest.approx(0, abs=0.01)


def test_an_ecg_crosses_the_sector_of_some_screens() -> None:
    crossing = []
    for name in INTERFACES:
        clip = clip_on(name, frames=3)
        inside = clip.imager.in_sector(clip.canvas)
        crossing.append(bool((screen_frames(clip)[..., 0] != clip.frames)[:, inside].any()))
    assert any(crossing) and not all(crossing)


def test_color_is_shown_in_moving_blood_within_its_box() -> None:
    clip = clip_on("tern")
    depth = clip.imager.conditions.depth_mm
    pictures = color_frames(clip, ColorBox(0.3 * depth, 0.9 * depth, -0.4, 0.4))
    colored = np.ptp(pictures.astype(int), axis=3) > 20
    assert colored.mean() > 0.005
    points = clip.canvas.points()
    assert np.all(points[colored.any(axis=0).ravel(), 1] > 0.25 * depth)
    blood = np.stack([np.isin(clip.labels(frame), CAVITIES) for frame in range(len(pictures))])
    assert (colored & blood).sum() > 0.75 * colored.sum()
    unchanged = np.all(pictures == clip.frames[..., None], axis=3)
    assert unchanged.mean() > 0.5


def test_a_captured_screen_reads_back_with_its_sector_and_scale(tmp_path: Path) -> None:
    clip = clip_on("granite")
    write_dicom(tmp_path / "screen.dcm", clip, 1)
    cine = read_cine(tmp_path / "screen.dcm")
    assert cine.frames.shape == clip.frames.shape
    assert cine.scale.require() == pytest.approx((clip.canvas.mm_per_px,) * 2)
    cavity = clip.labels(0) == Tissue.LV
    assert cine.sector.mask[cavity].mean() > 0.95


def test_a_still_is_one_frame_without_times(tmp_path: Path) -> None:
    paths = write_study(tmp_path, 900_021, ("A4C",), "hard", {}, rows=150, columns=200, display=Display(still=True))
    dataset = pydicom.dcmread(paths[0])
    assert "NumberOfFrames" not in dataset and "FrameTime" not in dataset
    assert read_cine(paths[0]).frame_count == 1


def test_what_cannot_be_shown_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match=r"An interface is one of granite.*marble"):
        clip_on("marble")
    with pytest.raises(EchoApexError, match=r"Color flow.*an interface is needed"):
        write_study(tmp_path / "a", 1, ("A4C",), "hard", {}, display=Display(color_flow=True))
    assert not (tmp_path / "a").exists()
    with pytest.raises(EchoApexError, match="simulated for an interface"):
        screen_frames(clip_on(None))


def test_the_command_line_simulates_screens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("echoapex.simulation.write_study", lambda *_, display, **__: asked.append(display) or [])
    for options in (["--color-flow"], ["--interface", "quartz", "--still"], []):
        assert main(["simulate", "--out", str(tmp_path), *options]) == 0
    drawn, chosen, plain = asked
    assert drawn.color_flow and drawn.interface in INTERFACES
    assert (chosen.interface, chosen.still, chosen.color_flow) == ("quartz", True, False)
    assert plain == Display()
