"""Uncompressed pixels that do not lie as the header says: seen in the picture, and never shown as noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from io_writers import dicom, fan, region, save
from numpy.typing import NDArray

from echoapex.io import read_cine


def moving() -> NDArray[np.uint8]:
    """Six frames of soft speckle that shifts a little from frame to frame."""
    still = cv2.GaussianBlur(fan(1)[0], (0, 0), 2)
    return np.stack([np.roll(still, shift, axis=0) for shift in range(6)])


def color(frames: NDArray[np.uint8]) -> bytes:
    return np.repeat(frames[..., None], 3, axis=-1).tobytes()


def planes(frames: NDArray[np.uint8]) -> bytes:
    return np.repeat(frames[:, None], 3, axis=1).tobytes()


RGB = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}
LAYOUTS: dict[str, tuple[dict[str, Any], Any]] = {
    "color called gray": ({}, color),
    "16 bits called 8": ({}, lambda frames: frames.astype("<u2").tobytes()),
    "8 bits called 16": ({"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}, bytes),
    "8 bits stored in 16": ({"BitsAllocated": 16}, bytes),
    "sides exchanged": ({"Rows": 128, "Columns": 96}, bytes),
    "half the rows": ({"Rows": 48}, bytes),
    "half the columns": ({"Columns": 64}, bytes),
    "gray called color": ({**RGB, "PlanarConfiguration": 0}, bytes),
    "planes called pixels": ({**RGB, "PlanarConfiguration": 0}, planes),
    "pixels called planes": ({**RGB, "PlanarConfiguration": 1}, color),
    "planes called gray": ({}, planes),
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_the_picture_overrules_the_header(tmp_path: Path, kind: str) -> None:
    tags, stored = LAYOUTS[kind]
    data = dicom(moving(), **tags)
    data.PixelData = stored(moving())
    cine = read_cine(save(data, tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, moving())
    assert any("but the pixel data show" in warning for warning in cine.warnings)


@pytest.mark.parametrize("stated", [None, 1, 2, 3, 6, 12])
def test_pixels_that_lie_as_the_header_says_stay_so(tmp_path: Path, stated: int | None) -> None:
    cine = read_cine(save(dicom(moving(), NumberOfFrames=stated), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, moving())
    assert not any("pixel data show" in warning for warning in cine.warnings)


@pytest.mark.parametrize(("planar", "stored"), [(0, color), (1, planes)])
def test_color_that_lies_as_the_header_says_stays_so(tmp_path: Path, planar: int, stored: Any) -> None:
    data = dicom(moving(), **RGB, PlanarConfiguration=planar)
    data.PixelData = stored(moving())
    cine = read_cine(save(data, tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, moving())
    assert not any("pixel data show" in warning for warning in cine.warnings)


@pytest.mark.parametrize("stated", [2, 3, 6])
def test_noise_proves_nothing(tmp_path: Path, stated: int) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (6, 96, 128), np.uint8)
    cine = read_cine(save(dicom(noise, NumberOfFrames=stated), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, noise)


def test_a_region_of_exchanged_sides_gives_no_scale(tmp_path: Path) -> None:
    tags = {"Rows": 128, "Columns": 96, "SequenceOfUltrasoundRegions": [region()]}
    cine = read_cine(save(dicom(moving(), **tags), tmp_path / "a.dcm"))
    assert cine.frames.shape == (6, 96, 128)
    assert not cine.scale.known
