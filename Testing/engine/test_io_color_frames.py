"""Colors of a clip beside its gray frames: those of the file, only where they are asked for, and never for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import SimpleITK as sitk
from io_writers import dicom, fan, fan_mask, save, save_frames
from numpy.typing import NDArray
from pydicom.uid import JPEGBaseline8Bit

from echoapex.cine import Cine, Flip
from echoapex.errors import EchoApexError
from echoapex.io import cine_reading, color_frames, read_cine, read_series
from echoapex.io.color_to_gray import luminance, rgb_of_ybr

FRAMES = 3


def colored(frames: int = FRAMES) -> NDArray[np.uint8]:
    """Gray speckle with a red flow area that moves, RGB ``uint8 [T, H, W, 3]``."""
    rgb = np.repeat(fan(frames)[..., None], 3, axis=-1)
    for frame in range(frames):
        rgb[frame, 40:60, 50 + 2 * frame : 64 + 2 * frame] = (220, 30, 10)
    return rgb


def in_color(path: Path) -> Cine:
    return cine_reading.read_cine(path, in_color=True)


def test_rgb_comes_as_it_is_stored_and_gray_stays_the_same(tmp_path: Path) -> None:
    path = save(dicom(colored()), tmp_path / "a.dcm")
    cine, gray = in_color(path), cine_reading.read_cine(path)
    assert cine.color_frames is not None and np.array_equal(cine.color_frames, colored())
    assert np.array_equal(cine.frames, luminance(colored())) and np.array_equal(cine.frames, gray.frames)
    assert gray.color_frames is None and gray.color and gray.warnings == cine.warnings


def test_ybr_comes_as_rgb(tmp_path: Path) -> None:
    ybr = np.full((FRAMES, 96, 128, 3), 128, np.uint8)
    ybr[..., 0] = fan(FRAMES)
    ybr[:, 40:60, 50:64] = (90, 100, 220)
    cine = in_color(save(dicom(ybr, PhotometricInterpretation="YBR_FULL"), tmp_path / "a.dcm"))
    assert cine.color_frames is not None and np.array_equal(cine.color_frames, rgb_of_ybr(ybr))
    assert cine.color_frames[0, 50, 60, 0] > 200


def test_jpeg_has_the_colors_of_its_decoder_in_the_order_of_rgb(tmp_path: Path) -> None:
    smooth = np.full((96, 128, 3), 60, np.uint8)
    smooth[32:64, 48:80] = (220, 30, 10)
    stream = cv2.imencode(".jpg", smooth[..., ::-1])[1].tobytes()
    tags: dict[str, Any] = {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422", "PlanarConfiguration": 0}
    cine = in_color(save_frames([stream, stream], JPEGBaseline8Bit, tmp_path / "a.dcm", **tags))
    assert cine.color_frames is not None and cine.color_frames.shape == (2, 96, 128, 3)
    assert np.abs(cine.color_frames[1, 36:60, 52:76].astype(int) - (220, 30, 10)).mean() < 6


def test_video_and_volumes_keep_their_colors(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"FFV1"), 50, (128, 96))
    for frame in colored():
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    for name in ("a.nrrd", "a.mha"):
        sitk.WriteImage(sitk.GetImageFromArray(colored(), isVector=True), str(tmp_path / name))
    for name in ("a.avi", "a.nrrd", "a.mha"):
        found = in_color(tmp_path / name).color_frames
        assert found is not None and np.array_equal(found, colored()), name
        assert cine_reading.read_cine(tmp_path / name).color_frames is None


def test_the_guarded_reader_brings_them_too(tmp_path: Path) -> None:
    path = save(dicom(colored()), tmp_path / "a.dcm")
    found = read_cine(path, in_color=True).color_frames
    assert found is not None and np.array_equal(found, colored())
    assert read_cine(path).color_frames is None


def test_a_series_has_color_in_all_frames_where_any_has(tmp_path: Path) -> None:
    frames = colored(9)
    frames[4] = fan(9)[4][..., None]
    paths = [
        save(dicom(frame[None], InstanceNumber=index), tmp_path / f"{index}.dcm") for index, frame in enumerate(frames)
    ]
    found = read_series(paths, in_color=True).color_frames
    assert found is not None and np.array_equal(found, frames)
    assert read_series(paths).color_frames is None


def test_what_is_gray_or_colored_outside_of_the_sector_alone_has_none(tmp_path: Path) -> None:
    gray = np.repeat(fan(FRAMES)[..., None], 3, axis=-1)
    assert in_color(save(dicom(gray), tmp_path / "gray.dcm")).color_frames is None
    # A red label in the corner.
    gray[:, :10, :20] = (250, 0, 0)
    frames = color_frames.ColorFrames.of(gray, True)
    assert frames.stack(fan_mask()) is None


def test_flow_in_a_single_frame_is_enough() -> None:
    rgb = np.repeat(fan(6)[..., None], 3, axis=-1)
    rgb[5] = colored(6)[5]
    found = color_frames.ColorFrames.of(rgb, True).stack(fan_mask())
    assert found is not None and np.array_equal(found, rgb)


def test_too_many_are_left_out_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(dicom(colored()), tmp_path / "a.dcm")
    monkeypatch.setattr(color_frames, "MOST_COLOR_BYTES", colored().nbytes - 1)
    cine = in_color(path)
    assert cine.color_frames is None and np.array_equal(cine.frames, luminance(colored()))
    assert [text for text in cine.warnings if "in color were left out" in text]
    monkeypatch.setattr(color_frames, "MOST_COLOR_BYTES", colored().nbytes)
    assert in_color(path).color_frames is not None


def test_colors_are_turned_and_masked_with_the_frames(tmp_path: Path) -> None:
    cine = in_color(save(dicom(colored()), tmp_path / "a.dcm"))
    turned = cine.turned(Flip.BOTH)
    assert turned.color_frames is not None and np.array_equal(turned.color_frames, colored()[:, ::-1, ::-1])
    masked = cine.masked_color_frames()
    assert masked is not None and not masked[:, ~cine.sector.mask].any()
    assert np.array_equal(masked[:, cine.sector.mask], colored()[:, cine.sector.mask])
    assert replace(cine, color_frames=None).masked_color_frames() is None


def test_colors_of_another_size_are_refused(tmp_path: Path) -> None:
    cine = in_color(save(dicom(colored()), tmp_path / "a.dcm"))
    with pytest.raises(EchoApexError, match="Frames in color"):
        replace(cine, color_frames=colored()[:-1])
