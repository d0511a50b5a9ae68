"""Masks of a whole cine, written and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from io_writers import dicom, fan, region, save
from pydicom import Sequence

from echoapex.cine import Cine
from echoapex.errors import EchoApexError, NotAClipError, ReadError
from echoapex.io import read_cine, read_masks, write_masks


@pytest.fixture
def cine(tmp_path: Path) -> Cine:
    """Six frames of 96 x 128 with times, 0.4 mm per pixel down and 0.3 across."""
    regions = Sequence([region(PhysicalDeltaX=0.03, PhysicalDeltaY=0.04)])
    return read_cine(save(dicom(SequenceOfUltrasoundRegions=regions, FrameTime=25), tmp_path / "clip.dcm"))


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_masks_come_back_with_times_and_scale(tmp_path: Path, cine: Cine, dtype: type) -> None:
    masks = (fan() > 120).astype(dtype)
    write_masks(tmp_path / "m.nrrd", masks, cine)
    back = read_masks(tmp_path / "m.nrrd")
    assert back.masks.dtype == np.bool_
    assert np.array_equal(back.masks, masks > 0)
    assert back.frame_times_s == pytest.approx(np.arange(6) * 0.025)
    assert back.mm_per_px == pytest.approx((0.4, 0.3))


def test_other_programs_read_sizes_and_spacing(tmp_path: Path, cine: Cine) -> None:
    write_masks(tmp_path / "m.nrrd", fan() > 120, cine)
    image = sitk.ReadImage(str(tmp_path / "m.nrrd"))
    assert image.GetSize() == (128, 96, 6)
    assert image.GetPixelID() == sitk.sitkUInt8
    assert image.GetSpacing()[:2] == pytest.approx((0.3, 0.4))
    assert [float(time) for time in image.GetMetaData("frame_times_s").split()] == pytest.approx(np.arange(6) * 0.025)
    assert image.GetMetaData("scale") == "mm"
    assert set(np.unique(sitk.GetArrayFromImage(image))) == {0, 1}
    header = (tmp_path / "m.nrrd").read_bytes().split(b"\n\n")[0].decode()
    assert "sizes: 128 96 6" in header


def test_without_scale_and_times_the_header_says_so(tmp_path: Path) -> None:
    bare = read_cine(save(dicom(), tmp_path / "clip.dcm"))
    write_masks(tmp_path / "m.nrrd", fan() > 120, bare)
    back = read_masks(tmp_path / "m.nrrd")
    assert back.mm_per_px is None
    assert back.frame_times_s is None
    image = sitk.ReadImage(str(tmp_path / "m.nrrd"))
    assert image.GetSpacing() == (1.0, 1.0, 1.0)
    assert "pixels" in image.GetMetaData("scale")
    assert image.GetMetaData("frame_times_s") == "unknown"


def test_one_frame_and_empty_masks(tmp_path: Path) -> None:
    still = read_cine(save(dicom(fan(1)), tmp_path / "clip.dcm"))
    write_masks(tmp_path / "m.nrrd", np.zeros((1, 96, 128), bool), still)
    back = read_masks(tmp_path / "m.nrrd")
    assert back.masks.shape == (1, 96, 128)
    assert not back.masks.any()


@pytest.mark.parametrize("times", ["nan " * 6, "0 1 2 3 4 inf", "0 1 2", "zero one"])
def test_times_that_are_none_are_refused(tmp_path: Path, cine: Cine, times: str) -> None:
    image = sitk.GetImageFromArray(np.zeros(cine.frames.shape, np.uint8))
    image.SetMetaData("frame_times_s", times)
    sitk.WriteImage(image, str(tmp_path / "m.nrrd"))
    with pytest.raises(ReadError, match=r"m\.nrrd: (Frame times must be|There must be one time)"):
        read_masks(tmp_path / "m.nrrd")


def test_a_mask_file_is_no_cine_but_keeps_the_times_of_one(tmp_path: Path, cine: Cine) -> None:
    write_masks(tmp_path / "m.nrrd", fan() > 120, cine)
    with pytest.raises(NotAClipError, match="masks or segments"):
        read_cine(tmp_path / "m.nrrd")
    assert read_masks(tmp_path / "m.nrrd").frame_times_s == pytest.approx(cine.times.seconds)


def test_masks_that_do_not_fit_are_refused(tmp_path: Path, cine: Cine) -> None:
    with pytest.raises(EchoApexError, match="shape of their cine"):
        write_masks(tmp_path / "m.nrrd", np.zeros((5, 96, 128), bool), cine)
    with pytest.raises(EchoApexError, match="0 and 1 only"):
        write_masks(tmp_path / "m.nrrd", fan(), cine)
    with pytest.raises(EchoApexError, match="cannot be written"):
        write_masks(tmp_path / "missing" / "m.nrrd", fan() > 120, cine)
    assert not (tmp_path / "m.nrrd").exists()


def test_other_files_are_no_masks(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file"):
        read_masks(tmp_path / "missing.nrrd")
    (tmp_path / "text.nrrd").write_text("text")
    with pytest.raises(ReadError, match="not NRRD"):
        read_masks(tmp_path / "text.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray(fan()), str(tmp_path / "gray.nrrd"))
    with pytest.raises(ReadError, match="0 and 1 only"):
        read_masks(tmp_path / "gray.nrrd")
