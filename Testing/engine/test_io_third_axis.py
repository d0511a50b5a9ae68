"""Whether the third axis of a file is time or space: volumes are no cines, and cines no volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from io_writers import fan
from numpy.typing import NDArray
from test_io_volume import marked, nrrd, write

from echoapex.errors import NotAClipError
from echoapex.io import read_cine


def test_a_volume_of_equal_spacing_is_no_cine(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(fan(8))
    image.SetSpacing((0.8, 0.8, 0.8))
    for name in ("a.nii.gz", "a.mha", "a.nrrd"):
        sitk.WriteImage(image, str(tmp_path / name))
        with pytest.raises(NotAClipError, match="3D volume"):
            read_cine(tmp_path / name)


FORMATS = ["a.nii.gz", "a.mha", "a.nrrd"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("spacing", [(0.6, 0.6, 0.9), (0.3, 0.4, 0.7), (0.5, 0.5, 0.25), (0.8, 0.8, 1.5)])
def test_a_distance_of_slices_that_is_no_time_between_frames_makes_a_volume(
    tmp_path: Path, name: str, spacing: tuple[float, ...]
) -> None:
    with pytest.raises(NotAClipError, match=rf"3D volume.*{spacing[2]:g} mm between slices"):
        read_cine(write(tmp_path / name, fan(8), spacing))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("step", [0.02, 33.0, 3.0])
def test_a_step_that_may_be_of_time_or_space_is_told(tmp_path: Path, name: str, step: float) -> None:
    cine = read_cine(write(tmp_path / name, fan(8), (0.5, 0.5, step)))
    assert cine.frame_count == 8 and not cine.times.known
    assert any(f"steps of {step:g} and no unit of time" in text for text in cine.warnings)


def ball(slices: int = 24) -> NDArray[np.uint8]:
    """A speckled ball in slices ``[z, y, x]``."""
    z, y, x = np.mgrid[:slices, :96, :128]
    inside = ((z - slices / 2) / (slices / 2)) ** 2 + ((y - 48) / 44) ** 2 + ((x - 64) / 44) ** 2 < 1
    return np.where(inside, np.random.default_rng(1).integers(60, 180, z.shape), 0).astype(np.uint8)


@pytest.mark.parametrize("name", FORMATS)
def test_slices_without_a_spacing_are_known_by_their_outline(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotAClipError, match=r"3D volume.*outline that grows"):
        read_cine(write(tmp_path / name, ball(), (1.0, 1.0, 1.0)))
    with pytest.raises(NotAClipError, match="3D volume"):
        read_cine(write(tmp_path / name, ball()[:13], (0.5, 0.5, 1.0)))


def test_cines_that_start_black_or_flicker_are_no_slices(tmp_path: Path) -> None:
    dark = fan(24)
    dark[:5] = 0
    flicker = fan(24)
    flicker[::3] //= 20
    for frames in (dark, flicker, fan(24)):
        assert read_cine(write(tmp_path / "a.nrrd", frames, (0.5, 0.5, 1.0))).frame_count == 24


def test_a_nrrd_that_calls_its_third_axis_time_is_a_cine(tmp_path: Path) -> None:
    for keys in ({"kinds": "domain domain time"}, {"units": '"mm" "mm" "s"'}):
        cine = read_cine(nrrd(tmp_path / "a.nrrd", spacings="3 3 0.9", **keys))
        assert cine.frame_count == 3 and not any("unit of time" in text for text in cine.warnings)


def test_a_nrrd_with_four_axes_and_one_slice_is_a_cine(tmp_path: Path) -> None:
    path = nrrd(tmp_path / "a.nrrd", dimension="4", sizes="30 20 1 3", spacings="3 4 1 1")
    assert np.array_equal(read_cine(path).frames, marked())
