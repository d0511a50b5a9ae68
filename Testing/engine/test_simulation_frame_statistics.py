"""Figures of apical frames: right on drawn pictures, and those of real clips on simulated hearts."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from echoapex.errors import EchoApexError
from echoapex.io import read_cine
from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.frame_statistics import (
    REAL_A4C,
    SIDE_PX,
    Figure,
    frame_statistics,
    medians,
    simulated_statistics,
)
from echoapex.simulation.heart import Tissue
from echoapex.simulation.vendor_looks import TRAINING

TOOL = Path(__file__).resolve().parents[1] / "Benchmarks" / "frame_statistics.py"


def drawn(tilt_deg: float = 12.0, size: int = 2 * SIDE_PX) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A dark ellipse whose lower end leans to the right, in a gray square; wall on its right, none on its left."""
    cavity = np.zeros((size, size), np.uint8)
    cv2.ellipse(cavity, (size // 2, size // 2), (size // 8, size // 4), -tilt_deg, 0, 360, 1, -1)
    near = cv2.distanceTransform(1 - cavity, cv2.DIST_L2, 5)
    right = np.arange(size)[None] > size / 2
    frame = np.full((size, size), 20, np.uint8)
    frame[(near < 40) & right] = 90
    frame[cavity > 0] = 10
    return frame, np.ones((size, size), bool), cavity > 0


def test_figures_of_a_drawn_picture_are_those_it_was_drawn_with() -> None:
    found = frame_statistics(*drawn())
    assert found["tilt_deg"] == pytest.approx(12, abs=1)
    assert found["apex_depth"] == pytest.approx(0.25 + 0.25 * (1 - np.cos(np.deg2rad(12))), abs=0.01)
    assert found["sector_share"] == pytest.approx(1)
    assert found["sector_median"] == 20
    assert found["cavity_mean"] == pytest.approx(10, abs=1)
    assert found["lateral_contrast"] == pytest.approx(80, abs=3)
    assert found["lateral_gray_5_px_outside"] == pytest.approx(90, abs=2)
    assert found["lateral_gray_4_px_inside"] == pytest.approx(10, abs=2)
    for percent in (25, 50, 90):
        level = percent / 100
        assert found[f"width_at_{percent}_percent"] == pytest.approx(2 * np.sqrt(level * (1 - level)), abs=0.04)


def test_figures_do_not_depend_on_the_size_of_the_picture() -> None:
    small, large = (frame_statistics(*drawn(size=size)) for size in (SIDE_PX, 3 * SIDE_PX))
    for name in set(REAL_A4C) - {"lateral_gray_2_px_outside", "lateral_gray_1_px_inside"}:
        assert small[name] == pytest.approx(large[name], abs=0.12 * abs(large[name]) + 0.02), name


def test_a_frame_leaning_the_other_way_has_the_opposite_tilt() -> None:
    frame, sector, cavity = (array[:, ::-1] for array in drawn())
    assert frame_statistics(frame, sector, cavity)["tilt_deg"] == pytest.approx(-12, abs=1)


def test_a_frame_without_a_ventricle_is_refused() -> None:
    frame, sector, cavity = drawn()
    with pytest.raises(EchoApexError, match="with a sector and a ventricle"):
        frame_statistics(frame, sector, np.zeros_like(cavity))
    with pytest.raises(EchoApexError, match="with a sector and a ventricle"):
        frame_statistics(frame, np.zeros_like(sector), cavity)


def test_limits_are_the_range_or_a_quarter_to_each_side() -> None:
    assert Figure(14, 5, 31).limits == (5, 31)
    assert Figure(20).limits == (15, 25)


@pytest.fixture(scope="module")
def simulated() -> dict[str, float]:
    return medians([simulated_statistics("hard", seed) for seed in range(5000, 5120)])


@pytest.mark.parametrize("name", list(REAL_A4C))
def test_simulated_hearts_have_the_figures_of_real_clips(simulated: dict[str, float], name: str) -> None:
    low, high = REAL_A4C[name].limits
    assert low <= simulated[name] <= high


def test_the_first_hearts_had_not() -> None:
    """What the figures are there to tell apart."""
    first = medians([simulated_statistics("hard-1", seed) for seed in range(5000, 5016)])
    outside = [name for name, figure in REAL_A4C.items() if not figure.limits[0] <= first[name] <= figure.limits[1]]
    assert {"lateral_contrast", "apical_contrast", "tilt_deg", "sector_share"} <= set(outside)


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("frame_statistics_tool", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(tool: ModuleType, monkeypatch: pytest.MonkeyPatch, argument: str) -> int:
    monkeypatch.setattr(sys, "argv", [str(TOOL), argument])
    return int(tool.main())


def test_the_tool_measures_a_folder_of_clips_with_outlines(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = simulate_clip(draw_case("hard", 4), "A4C", rows=200, columns=240, sampling=TRAINING, max_frames=3)
    write_dicom(tmp_path / "clip.dcm", clip, 1)
    cavity = (clip.labels(1) == Tissue.LV).astype(np.uint8)
    polygon = max(cv2.findContours(cavity, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)[:, 0].tolist()
    outlines = {"clip.dcm": {"1": {"LV": {"a": polygon, "b": polygon}}}, "missing.dcm": {"0": {"LV": {"a": polygon}}}}
    (tmp_path / "outlines.json").write_text(json.dumps(outlines))
    assert run(tool, monkeypatch, str(tmp_path)) == 0
    told, warned = capsys.readouterr()
    cine = read_cine(tmp_path / "clip.dcm")
    expected = frame_statistics(cine.frames[1], cine.sector.mask, cavity > 0)
    values = {line.split()[0]: float(line.split()[1]) for line in told.splitlines()[1:]}
    assert told.startswith("2 frames") and "missing.dcm" in warned
    assert set(values) == set(REAL_A4C)
    for name, value in values.items():
        assert value == pytest.approx(expected[name], abs=0.006 + 0.03 * abs(expected[name])), name


def test_the_tool_simulates_and_refuses(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tool, monkeypatch, "simulated:hard-1:2") == 0
    assert "2 frames" in capsys.readouterr().out
    assert run(tool, monkeypatch, str(tmp_path)) == 1
    assert "needs outlines.json" in capsys.readouterr().err
    (tmp_path / "outlines.json").write_text("{}")
    assert run(tool, monkeypatch, str(tmp_path)) == 1
    assert "no outline" in capsys.readouterr().err
