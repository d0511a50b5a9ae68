"""Displays against time in a single frame: told by their shape, and never in a heart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from io_writers import dicom, real, save
from numpy.typing import NDArray

from echoapex.cine import Mode, ModeSource
from echoapex.io import read_cine
from echoapex.io.trace_strips import find_trace
from echoapex.simulation import PRESETS, SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.machine_interfaces import INTERFACES, Readings, draw_ecg, fixed_screen
from echoapex.simulation.no_heart_clips import OtherKind, draw_other
from echoapex.simulation.screen_capture import screen_frames
from echoapex.simulation.vendor_looks import Sampling

QUICK = Sampling(depth_samples=160, beams=64, scatterers_per_cell=2.0, slab_mm=0.0)
TRACES = {OtherKind.SPECTRAL: Mode.DOPPLER, OtherKind.M_MODE: Mode.M_MODE}
Picture = NDArray[np.uint8]


def still(kind: OtherKind, seed: int, rows: int = 240, columns: int = 320) -> Picture:
    return np.asarray(draw_other(seed, draw_case("hard", seed).look, rows, columns, 1, kind).frames[0])


def on_a_screen(kind: OtherKind, seed: int, name: str) -> Picture:
    """The trace in the place of the sector, on a machine's screen of 480 x 640 pixels, as gray levels."""
    design = INTERFACES[name]
    x0, y0, x1, y1 = (round(share * size) for share, size in zip(design.picture, (640, 480, 640, 480), strict=True))
    screen = fixed_screen(design, 480, 640, Readings("OTHER", 40, 15, 3, 70), ((x0 + x1) / 2, y0), 0.3)
    screen[y0:y1, x0:x1] = still(kind, seed, y1 - y0, x1 - x0)[..., None]
    draw_ecg(screen, design, 0.7, 0.9, 0.3)
    return np.asarray(cv2.cvtColor(screen, cv2.COLOR_RGB2GRAY), np.uint8)


def heart(preset: str, view: str, seed: int, interface: str | None = None) -> SimulatedClip:
    size = (120, 160) if interface is None else (300, 400)
    case = draw_case(preset, seed)
    return simulate_clip(case, view, rows=size[0], columns=size[1], sampling=QUICK, max_frames=1, interface=interface)


def crops(clip: SimulatedClip) -> Iterator[Picture]:
    """Cuts that fill the picture, as in public data sets."""
    x0, y0, x1, y1 = clip.cine().sector.box
    wide, high = x1 - x0, y1 - y0
    for left, top, right, bottom in ((0.2, 0, 0.2, 0), (0.3, 0.3, 0.3, 0.1), (0, 0.4, 0.3, 0)):
        cut = clip.frames[
            0, y0 + int(top * high) : y1 - int(bottom * high), x0 + int(left * wide) : x1 - int(right * wide)
        ]
        yield np.asarray(cv2.resize(cut, (112, 112), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("kind", TRACES)
def test_stills_of_traces_are_told_from_one_frame(kind: OtherKind) -> None:
    found = [find_trace(still(kind, seed)) for seed in range(900_100, 900_140)]
    known = [one for one in found if one is not None]
    assert len(known) >= 38
    assert sum(one.mode is TRACES[kind] for one in known) >= 34
    assert all(one.reason for one in known)


@pytest.mark.parametrize("kind", TRACES)
def test_stills_of_traces_are_told_on_the_screens_of_machines(kind: OtherKind) -> None:
    found = [find_trace(on_a_screen(kind, 900_200 + seed, name)) for seed, name in enumerate(2 * list(INTERFACES))]
    assert sum(one is not None for one in found) >= len(found) - 1


@pytest.mark.parametrize("kind", TRACES)
def test_stills_of_traces_are_told_in_lossy_pictures_of_any_size(kind: OtherKind) -> None:
    sizes = ((600, 800), (434, 636), (768, 1024))
    pictures = [still(kind, 900_300 + seed, *size) for seed, size in enumerate(3 * sizes)]
    coded = [cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 75])[1] for picture in pictures]
    found = [find_trace(np.asarray(cv2.imdecode(one, cv2.IMREAD_GRAYSCALE), np.uint8)) for one in coded]
    assert sum(one is not None for one in found) >= len(found) - 1


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("view", ["A4C", "PLAX"])
def test_hearts_are_no_trace_however_they_are_cut(preset: str, view: str) -> None:
    for seed in range(900_100, 900_105):
        clip = heart(preset, view, seed)
        assert [find_trace(picture) for picture in (clip.frames[0], *crops(clip))] == [None] * 4


@pytest.mark.parametrize("name", INTERFACES)
def test_hearts_on_the_screens_of_machines_are_no_trace(name: str) -> None:
    clip = heart("hard", "PLAX", 900_110, name)
    for flow in (False, True):
        screen = screen_frames(clip, color_flow=flow)[0]
        assert find_trace(np.asarray(cv2.cvtColor(screen, cv2.COLOR_RGB2GRAY), np.uint8)) is None


@pytest.mark.parametrize("kind", [OtherKind.NO_HEART, OtherKind.AIR])
def test_other_organs_are_no_trace(kind: OtherKind) -> None:
    assert not any(find_trace(still(kind, seed)) for seed in range(900_100, 900_120))


def test_pages_of_text_and_flat_pictures_are_no_trace() -> None:
    page = np.zeros((480, 640), np.uint8)
    for line in range(20):
        cv2.putText(page, "LVIDd 4.6 cm   IVSd 0.9 cm   EF 61 %", (40, 22 * line + 30), 0, 0.5, 220, 1)
    cv2.line(page, (20, 14), (620, 14), 220, 1)
    for picture in (page, 255 - page, np.zeros((200, 300), np.uint8), np.full((90, 90), 77, np.uint8)):
        assert find_trace(np.asarray(picture, np.uint8)) is None


@pytest.mark.parametrize(
    "name", ["OBXXXX1A.dcm", "gdcm-US-ALOKA-16.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "US1_UNCR.dcm"]
)
def test_real_images_are_no_trace(name: str) -> None:
    assert find_trace(read_cine(real(name)).frames[0]) is None


def test_a_straight_line_alone_is_no_trace() -> None:
    picture = heart("hard", "A4C", 900_101).frames[0].copy()
    picture[70, 4:156] = 220
    assert find_trace(picture) is None


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_still_trace_is_read_as_one_with_the_reason(tmp_path: Path, count: int) -> None:
    frames = np.repeat(still(OtherKind.SPECTRAL, 900_100)[None], count, axis=0)
    cine = read_cine(save(dicom(frames, FrameTime=30), tmp_path / "still.dcm"))
    assert (cine.mode, cine.mode_source) == (Mode.DOPPLER, ModeSource.PIXELS)
    assert any("looks like Doppler only" in text and "straight baseline" in text for text in cine.warnings)


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70)), elements=st.integers(0, 255)))
def test_any_picture_is_looked_at(picture: Picture) -> None:
    found = find_trace(picture)
    assert found is None or found.mode.is_trace
