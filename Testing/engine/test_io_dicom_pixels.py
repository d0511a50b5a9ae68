"""Pixels of every transfer syntax and color model, against data whose content is known."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from io_writers import dicom, fan, real, save, save_frames, transcode
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from echoapex.errors import ReadError
from echoapex.io import cine_reading, read_cine
from echoapex.io.dicom import read_dicom


def colored(frames: int = 2) -> NDArray[np.uint8]:
    """Speckle with a red and blue flow area, RGB ``uint8 [T, H, W, 3]``."""
    rgb = np.repeat(fan(frames)[..., None], 3, axis=-1)
    rgb[:, 40:60, 50:64] = (220, 30, 10)
    rgb[:, 40:60, 64:80] = (10, 40, 230)
    return rgb


def exact_luminance(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    weights = np.array([299, 587, 114])
    return ((rgb.astype(np.int64) @ weights + 500) // 1000).astype(np.uint8)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("frames", [1, 4])
def test_uncompressed_gray_is_kept_as_it_is(tmp_path: Path, syntax: str, frames: int) -> None:
    cine = read_cine(save(dicom(fan(frames), syntax), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan(frames))
    assert not cine.color
    assert cine.warnings == ()


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian])
def test_rgb_gives_bt601_luminance_in_both_planar_configurations(tmp_path: Path, syntax: str, planar: int) -> None:
    rgb = colored()
    data = dicom(rgb, syntax, PlanarConfiguration=planar)
    if planar:
        data.PixelData = np.ascontiguousarray(rgb.transpose(0, 3, 1, 2)).tobytes()
    cine = read_cine(save(data, tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, exact_luminance(rgb))
    assert cine.color


def test_real_planar_and_interleaved_files_agree() -> None:
    interleaved, planar = read_cine(real("color-px.dcm")), read_cine(real("color-pl.dcm"))
    assert np.array_equal(interleaved.frames, planar.frames)
    assert np.array_equal(planar.frames[0], exact_luminance(pixel_array(real("color-pl.dcm"))))
    assert planar.color


def test_rgb_with_equal_channels_is_not_color(tmp_path: Path) -> None:
    cine = read_cine(save(dicom(np.repeat(fan()[..., None], 3, axis=-1)), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan())
    assert not cine.color


@pytest.mark.parametrize("flag", [0, 1])
def test_the_header_decides_on_color_where_it_says_so(tmp_path: Path, flag: int) -> None:
    path = save(dicom(colored(), UltrasoundColorDataPresent=flag), tmp_path / "a.dcm")
    assert read_cine(path).color is bool(flag)


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    path = save(dicom(255 - fan(), PhotometricInterpretation="MONOCHROME1"), tmp_path / "a.dcm")
    assert np.array_equal(read_cine(path).frames, fan())


def test_sixteen_bits_keep_their_upper_eight(tmp_path: Path) -> None:
    wide = fan().astype(np.uint16) * 16 + 7
    cine = read_cine(save(dicom(wide, BitsStored=12, HighBit=11), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan())
    assert "upper 8 of 12" in cine.warnings[0]


def test_signed_values_start_at_their_lowest(tmp_path: Path) -> None:
    signed = (fan().astype(np.int32) - 128).astype(np.int8)
    cine = read_cine(save(dicom(signed), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan())


def test_uncompressed_ybr_gives_the_stored_y(tmp_path: Path) -> None:
    ybr = np.stack([fan(), np.full_like(fan(), 128), np.full_like(fan(), 128)], axis=-1)
    cine = read_cine(save(dicom(ybr, PhotometricInterpretation="YBR_FULL"), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan())
    assert not cine.color
    assert read_cine(real("SC_ybr_full_uncompressed.dcm")).color


def test_uncompressed_ybr_422_gives_the_stored_y(tmp_path: Path) -> None:
    y = fan()
    pairs = np.full((*y.shape[:2], y.shape[2] // 2, 4), 128, np.uint8)
    pairs[..., 0], pairs[..., 1] = y[..., 0::2], y[..., 1::2]
    data = dicom(np.zeros((*y.shape, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422")
    data.PixelData = pairs.tobytes()
    assert np.array_equal(read_cine(save(data, tmp_path / "a.dcm")).frames, y)


def palette_tags(bits: int) -> dict[str, Any]:
    """A palette that inverts, with its last eight entries red."""
    ramp = np.arange(255, -1, -1)
    tables = {"Red": ramp.copy(), "Green": ramp.copy(), "Blue": ramp.copy()}
    for name, table in tables.items():
        table[248:] = 255 if name == "Red" else 0
    dtype, factor = (np.uint8, 1) if bits == 8 else ("<u2", 256)
    tags: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, table in tables.items():
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, bits]
        tags[f"{name}PaletteColorLookupTableData"] = (table * factor).astype(dtype).tobytes()
    return tags


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("stored", [np.uint8, np.uint16])
def test_palette_is_applied_before_luminance(tmp_path: Path, bits: int, stored: type) -> None:
    indices = fan()
    cine = read_cine(
        save(dicom(indices.astype(stored), BitsStored=8, HighBit=7, **palette_tags(bits)), tmp_path / "a.dcm")
    )
    assert np.array_equal(cine.frames, 255 - indices)
    assert not cine.color


def test_colored_palette_entries_make_a_color_cine(tmp_path: Path) -> None:
    indices = fan()
    indices[:, 40:60, 50:80] = 250
    cine = read_cine(save(dicom(indices, **palette_tags(8)), tmp_path / "a.dcm"))
    assert cine.frames[0, 50, 60] == round(0.299 * 255)
    assert cine.color


def test_palette_without_its_tables_is_refused(tmp_path: Path) -> None:
    path = save(dicom(fan(), PhotometricInterpretation="PALETTE COLOR"), tmp_path / "a.dcm")
    with pytest.raises(ReadError, match="palette"):
        read_cine(path)


@pytest.mark.parametrize("name", ["OBXXXX1A_2frame.dcm", "OBXXXX1A_expb_2frame.dcm", "OBXXXX1A_rle_2frame.dcm"])
def test_a_real_palette_cine_is_the_same_raw_big_endian_and_rle(name: str) -> None:
    cine, raw = read_cine(real(name)), read_cine(real("OBXXXX1A_2frame.dcm"))
    assert cine.frames.shape == (2, 600, 800)
    assert np.array_equal(cine.frames, raw.frames)


@pytest.mark.parametrize("name", ["gdcm-US-ALOKA-16.dcm", "gdcm-US-ALOKA-16_big.dcm"])
def test_a_real_sixteen_bit_palette(name: str) -> None:
    from pydicom.pixels import apply_color_lut

    data = dcmread(real(name))
    rgb = (apply_color_lut(data.pixel_array, data) >> 8).astype(np.uint8)
    assert np.array_equal(read_cine(real(name)).frames[0], exact_luminance(rgb))


def test_rle(tmp_path: Path) -> None:
    for pixels, truth in ((fan(), fan()), (colored(), exact_luminance(colored()))):
        data = dicom(pixels)
        data.compress(RLELossless, generate_instance_uid=False)
        assert np.array_equal(read_cine(save(data, tmp_path / "a.dcm")).frames, truth)


LOSSLESS = {
    "JPEGLosslessProcess14_1": JPEGLosslessSV1,
    "JPEGLSLossless": JPEGLSLossless,
    "JPEG2000Lossless": JPEG2000Lossless,
}


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("in_color", [False, True])
def test_lossless_codecs_give_back_what_was_stored(tmp_path: Path, name: str, in_color: bool) -> None:
    pixels = colored() if in_color else fan()
    path = transcode(save(dicom(pixels), tmp_path / "raw.dcm"), tmp_path / "packed.dcm", name)
    assert dcmread(path).file_meta.TransferSyntaxUID == LOSSLESS[name]
    cine = read_cine(path)
    assert np.array_equal(cine.frames, exact_luminance(pixels) if in_color else pixels)
    assert cine.color is in_color


def test_real_stills_in_jpeg_lossless_and_jpeg_2000() -> None:
    echo = read_cine(real("JPGLosslessP14SV1_1s_1f_8b.dcm"))
    assert np.array_equal(echo.frames[0], pixel_array(real("JPGLosslessP14SV1_1s_1f_8b.dcm")))
    packed, raw = read_cine(real("US1_J2KR.dcm")), read_cine(real("US1_UNCR.dcm"))
    assert np.array_equal(packed.frames, raw.frames)
    lossy, uncompressed = read_cine(real("US1_J2KI.dcm")), read_cine(real("US1_UNCI.dcm"))
    assert np.abs(lossy.frames.astype(int) - uncompressed.frames).max() <= 1


def stream(rgb: NDArray[np.uint8], *, subsampled: bool = True, jfif: bool = True) -> bytes:
    factor = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if subsampled else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    options = [cv2.IMWRITE_JPEG_QUALITY, 98, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    data = cv2.imencode(".jpg", rgb[..., ::-1], options)[1].tobytes()
    if jfif:
        return data
    assert data[2:4] == b"\xff\xe0"
    return data[:2] + data[4 + int.from_bytes(data[4:6], "big") :]


def color_tags(model: str) -> dict[str, Any]:
    return {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": model}


def smooth_color() -> NDArray[np.uint8]:
    """Colors without edges, which JPEG hardly changes, around the gray that most of a frame shows."""
    y, x = np.mgrid[:96, :128]
    rgb = np.repeat((40 + y + x // 2)[..., None], 3, axis=-1).astype(np.uint8)
    rgb[32:64, 32:64] = (180, 60, 60)
    return rgb


@pytest.mark.parametrize(("subsampled", "jfif"), [(True, True), (True, False), (False, True), (False, False)])
def test_ybr_data_under_a_header_that_says_rgb_are_recognized(tmp_path: Path, subsampled: bool, jfif: bool) -> None:
    packed = [stream(smooth_color(), subsampled=subsampled, jfif=jfif)] * 2
    path = save_frames(packed, JPEGBaseline8Bit, tmp_path / "a.dcm", **color_tags("RGB"))
    for fast in (True, False):
        cine = read_dicom(path, fast=fast)
        error = np.abs(cine.frames[0].astype(int) - exact_luminance(smooth_color()))
        assert np.median(error) <= 1
        assert cine.color
        assert any("header says RGB" in warning for warning in cine.warnings)


@pytest.mark.parametrize(
    "name", ["SC_rgb_dcmtk_+eb+cr.dcm", "SC_jpeg_no_color_transform.dcm", "SC_rgb_jpeg_app14_dcmd.dcm"]
)
def test_jpeg_data_that_really_are_rgb_stay_rgb(name: str) -> None:
    cine = read_cine(real(name))
    assert np.array_equal(cine.frames[0], exact_luminance(pixel_array(real(name), raw=True)))
    assert not any("header says RGB" in warning for warning in cine.warnings)


def test_an_adobe_marker_overrules_a_header_that_says_ybr(tmp_path: Path) -> None:
    source = real("SC_rgb_dcmtk_+eb+cr.dcm")
    packed = list(generate_frames(dcmread(source).PixelData, number_of_frames=1))
    path = save_frames(packed, JPEGBaseline8Bit, tmp_path / "a.dcm", Rows=100, Columns=100, **color_tags("YBR_FULL"))
    assert np.array_equal(read_cine(path).frames, read_cine(source).frames)


@pytest.mark.parametrize("name", ["examples_ybr_color.dcm", "color3d_jpeg_baseline.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm"])
def test_the_fast_jpeg_path_equals_the_slow_one_bit_for_bit(name: str) -> None:
    fast, slow = read_dicom(real(name)), read_dicom(real(name), fast=False)
    assert np.array_equal(fast.frames, slow.frames)
    assert fast.color == slow.color
    assert np.array_equal(fast.sector.mask, slow.sector.mask)


def test_the_luminance_of_a_real_cine_is_the_y_of_its_ybr() -> None:
    path = real("examples_ybr_color.dcm")
    assert np.array_equal(read_cine(path).frames, pixel_array(path, raw=True)[..., 0])


def test_jpeg_baseline_reads_without_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    path = real("examples_ybr_color.dcm")
    expected = read_cine(path).frames
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert np.array_equal(cine_reading.read_cine(path).frames, expected)


@pytest.fixture
def without_decoders(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pydicom without any plug-in for compressed data, and no OpenCV, as in a fresh 3D Slicer."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    for uid in (JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless):
        monkeypatch.setattr(get_decoder(uid), "_available", {})
    yield


@pytest.mark.usefixtures("without_decoders")
@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("in_color", [False, True])
def test_simpleitk_decodes_what_pydicom_cannot(tmp_path: Path, name: str, in_color: bool) -> None:
    pixels = colored() if in_color else fan()
    path = transcode(save(dicom(pixels), tmp_path / "raw.dcm"), tmp_path / "packed.dcm", name)
    cine = cine_reading.read_cine(path)
    assert np.array_equal(cine.frames, exact_luminance(pixels) if in_color else pixels)
    assert any("SimpleITK" in warning for warning in cine.warnings)


@pytest.mark.usefixtures("without_decoders")
def test_simpleitk_decodes_a_real_jpeg_cine() -> None:
    path = real("examples_ybr_color.dcm")
    cine = cine_reading.read_cine(path)
    assert np.array_equal(cine.frames, stored_luminance(path))
    assert any("SimpleITK" in warning for warning in cine.warnings)


def stored_luminance(path: Path) -> NDArray[np.uint8]:
    """The Y of the frames, by another decoder."""
    images = [Image.open(BytesIO(frame)) for frame in generate_frames(dcmread(path).PixelData, number_of_frames=30)]
    for image in images:
        image.draft("L", image.size)
    return np.stack([np.asarray(image) for image in images])


@pytest.mark.usefixtures("without_decoders")
def test_simpleitk_applies_a_palette(tmp_path: Path) -> None:
    raw = save(dicom(fan(), **palette_tags(16)), tmp_path / "raw.dcm")
    cine = cine_reading.read_cine(transcode(raw, tmp_path / "packed.dcm", "JPEGLosslessProcess14_1"))
    assert np.array_equal(cine.frames, 255 - fan())


@pytest.mark.parametrize("frames", [1, 30])
def test_an_unknown_transfer_syntax_is_refused_by_name(tmp_path: Path, frames: int) -> None:
    htj2k = "1.2.840.10008.1.2.4.201"
    path = save_frames([b"\0" * 64], htj2k, tmp_path / "a.dcm", NumberOfFrames=frames, **color_tags("YBR_FULL"))
    with pytest.raises(ReadError, match=r"No decoder for this transfer syntax is installed.*found: High-Throughput"):
        read_cine(path)


@pytest.mark.parametrize("model", ["YBR_PARTIAL_422", "HSV", ""])
def test_an_unknown_color_model_is_refused(tmp_path: Path, model: str) -> None:
    path = save(dicom(colored(), PhotometricInterpretation=model), tmp_path / "a.dcm")
    with pytest.raises(ReadError, match="PhotometricInterpretation must be one of"):
        read_cine(path)


def test_samples_that_do_not_fit_the_color_model_are_refused(tmp_path: Path) -> None:
    path = save(dicom(fan(), PhotometricInterpretation="RGB"), tmp_path / "a.dcm")
    with pytest.raises(ReadError, match="RGB has 3 samples"):
        read_cine(path)


def test_thirty_two_bits_are_refused() -> None:
    with pytest.raises(ReadError, match="BitsAllocated of an echo image is 8 or 16"):
        read_cine(real("SC_rgb_rle_32bit.dcm"))
