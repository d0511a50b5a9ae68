"""Outlines, stills and the curve: lines lie on the masks' edges, and everything is where it should be."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_cases import simulated, true_result, unscaled_result

from echoapex.cine import Scale, ScaleSource, Sector
from echoapex.report.animation import player_frames, player_paths
from echoapex.report.curve_chart import HEIGHT, WIDTH, draw_chart
from echoapex.report.curve_values import clip_curve
from echoapex.report.outline_paths import Crop, axis_lines, line_color, outlines
from echoapex.report.still_drawing import SMALLER_WIDTHS, still
from echoapex.structures import structures

SVG = "{http://www.w3.org/2000/svg}"


def disk(rows: int, columns: int, x: float, y: float, radius: float) -> np.ndarray:
    grid_y, grid_x = np.mgrid[:rows, :columns]
    return (grid_x - x) ** 2 + (grid_y - y) ** 2 <= radius**2


@given(x=st.floats(30, 50), y=st.floats(30, 50), radius=st.floats(6, 28))
def test_an_outline_follows_the_edge_to_a_fraction_of_a_pixel(x: float, y: float, radius: float) -> None:
    mask = disk(80, 80, x, y, radius)
    (line,) = outlines(mask)
    assert np.abs(np.hypot(line[:, 0] - x, line[:, 1] - y) - radius).max() < 0.75
    edges = zip(line, np.roll(line, -1, axis=0))
    enclosed = abs(sum(start[0] * end[1] - end[0] * start[1] for start, end in edges)) / 2
    assert np.sqrt(enclosed / np.pi) == pytest.approx(np.sqrt(mask.sum() / np.pi), abs=0.2)


def test_pieces_and_holes_have_an_outline_each() -> None:
    ring = disk(60, 120, 30, 30, 20) & ~disk(60, 120, 30, 30, 10)
    radii = sorted(np.hypot(line[:, 0] - 30, line[:, 1] - 30).mean() for line in outlines(ring))
    assert radii == pytest.approx([10, 20], abs=0.25)
    assert len(outlines(ring | disk(60, 120, 90, 30, 12))) == 3


def test_an_empty_mask_has_no_outline_and_a_full_one_the_border() -> None:
    assert outlines(np.zeros((20, 30), bool)) == []
    (line,) = outlines(np.ones((20, 30), bool))
    assert line.min(axis=0) == pytest.approx([-0.5, -0.5], abs=0.3)
    assert line.max(axis=0) == pytest.approx([29.5, 19.5], abs=0.3)


def test_points_and_pixels_go_to_the_same_place() -> None:
    cine = simulated("A4C").cine()
    frame = np.zeros(cine.frames.shape[1:], np.uint8)
    frame[40:43, 90:93] = 255
    crop = Crop.fit(cine, 3 * (cine.sector.box[2] - cine.sector.box[0] + 1), enlarge=True)
    y, x = np.nonzero(crop.picture(frame) > 127)
    assert crop.place(np.array([91.0, 41.0])) == pytest.approx([x.mean(), y.mean()], abs=0.5)


def test_pictures_have_the_proportions_of_the_body() -> None:
    cine = simulated("A4C").cine()
    tall = replace(cine, scale=Scale((0.8, 0.4), ScaleSource.USER), sector=Sector.whole_frame(cine.rows, cine.columns))
    width, height = Crop.fit(tall, 400, enlarge=True).size
    assert height / width == pytest.approx(2 * cine.rows / cine.columns, rel=0.01)
    assert max(width, height) == 400


def test_a_still_draws_every_structure_in_its_color() -> None:
    result = true_result("A4C")
    picture = still(result, 0, "a label").reshape(-1, 3).astype(int)
    for name in result.segmentations:
        assert (np.abs(picture - line_color(name)).max(axis=1) <= 12).sum() > 50, name


def test_a_still_shows_nothing_outside_the_sector() -> None:
    result = true_result("A4C")
    bright = replace(result.cine, frames=np.where(result.cine.sector.mask, result.cine.frames, np.uint8(255)))
    shown = still(replace(result, cine=bright), 0, "")
    assert np.array_equal(shown, still(result, 0, ""))


def test_line_colors_tell_structures_apart_and_are_bright() -> None:
    colors = {name: line_color(name) for name in structures()}
    assert len(set(colors.values())) == len(colors)
    assert all(max(color) == 255 for color in colors.values())
    assert line_color("SOMETHING_ELSE") == (255, 255, 255)


def test_frames_of_the_player_fit_their_share_where_they_can() -> None:
    result = true_result("A4C")
    _, full = player_frames(result, 1e9)
    size = sum(map(len, full))
    crop, smaller = player_frames(replace(result, cine=enlarged(result.cine)), 0)
    assert max(crop.size) == SMALLER_WIDTHS[-1]
    assert len(smaller) == len(full) == result.cine.frame_count
    assert sum(map(len, player_frames(result, size)[1])) == size


def enlarged(cine):
    frames = cine.frames.repeat(4, axis=1).repeat(4, axis=2)
    return replace(cine, frames=frames, sector=Sector.whole_frame(*frames.shape[1:]))


def test_the_players_lines_lie_within_its_picture() -> None:
    result = true_result("A2C")
    crop, _ = player_frames(result, 1e9)
    paths = player_paths(result, crop)
    assert set(paths) == {"LV", "LV_MYO", "LA", "axis"}
    numbers = np.array(paths["LV"][0].strip("MZ").replace("L", " ").split(), float).reshape(-1, 2)
    assert (numbers >= -1).all() and (numbers <= np.array(crop.size) + 1).all()
    assert all(path.startswith("M") and path.endswith("Z") for path in paths["LV"])


def test_the_long_axis_is_that_of_the_measurement() -> None:
    result = true_result("A4C")
    assert result.lv is not None and result.lv.axes[5] is not None
    axis, annulus = axis_lines(result, 5)
    assert axis.tolist() == [list(result.lv.axes[5].base), list(result.lv.axes[5].apex)]
    assert annulus.mean(axis=0) == pytest.approx(result.lv.axes[5].base)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_the_curve_marks_every_beat_at_its_time() -> None:
    result = true_result("A4C")
    assert result.lv is not None
    chart = draw_chart(clip_curve(result, simulated("A4C").volumes_ml()))
    seconds = result.cine.times.seconds
    assert np.diff(chart.x) == pytest.approx(np.diff(seconds) * np.ptp(chart.x) / np.ptp(seconds), abs=0.11)
    root = ET.fromstring(chart.svg)
    marked = {(e.get("class"), e.get("cx")) for e in root.iter(f"{SVG}circle") if e.get("class") in ("ed", "es")}
    expected = {("ed", beat.ed) for beat in result.lv.beats} | {("es", beat.es) for beat in result.lv.beats}
    expected |= {("ed", beat.next_ed) for beat in result.lv.beats if beat.next_ed is not None}
    assert marked == {(kind, f"{chart.x[frame]:.1f}") for kind, frame in expected}
    assert {"Time (s)", "LV volume (mL), disks in A4C, simulated", "true volume"} <= set(texts(chart.svg))
    # The largest volume is the highest point, and the drawing holds it all.
    assert np.argmin(chart.y) == np.argmax(result.lv.volume_ml)
    assert max(chart.x) <= WIDTH and max(chart.y) <= HEIGHT and min(chart.y) >= 0


def test_without_scale_and_times_the_curve_is_in_pixels_and_frames() -> None:
    result = unscaled_result()
    assert result.lv is not None
    chart = draw_chart(clip_curve(result, simulated("A4C").volumes_ml()))
    words = texts(chart.svg)
    assert "Frame" in words and "LV area (px) in A4C" in words
    assert not {"Time (s)", "true volume"} & set(words) and "mL" not in chart.svg


def test_a_gap_in_the_curve_stays_a_gap() -> None:
    result = true_result("A4C")
    assert result.lv is not None and result.lv.volume_ml is not None
    volumes = result.lv.volume_ml.copy()
    volumes[[15, 16]] = np.nan
    chart = draw_chart(clip_curve(replace(result, lv=replace(result.lv, volume_ml=volumes))))
    assert [k for k, y in enumerate(chart.y) if y is None] == [15, 16]
    (curve,) = [e for e in ET.fromstring(chart.svg).iter(f"{SVG}path") if e.get("class") == "curve"]
    assert (curve.get("d") or "").count("M") == 2
