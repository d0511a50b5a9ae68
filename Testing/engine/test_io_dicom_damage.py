"""Intact files with odd traits are read whole; one bad frame does not cost the others; pixels mean what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from io_writers import dicom, fan, save, save_frames
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from echoapex.errors import ReadError
from echoapex.io import read_cine

YBR = {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422", "PlanarConfiguration": 0, "FrameTime": 40}
END = b"\xff\xd9"


def smooth() -> NDArray[np.uint8]:
    """Twelve frames that JPEG hardly changes."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 3) for frame in fan(12)])


def jpegs() -> list[bytes]:
    color = [np.repeat(frame[..., None], 3, axis=-1) for frame in smooth()]
    return [cv2.imencode(".jpg", frame)[1].tobytes() for frame in color]


def offsets(streams: list[bytes]) -> bytes:
    """An offset table whose entries lie 8 bytes too far."""
    sizes = np.cumsum([0, *(len(part) + 8 for part in streams[:-1])]) + 8
    return sizes.astype("<u4").tobytes()


def items(parts: list[bytes], table: bytes = b"") -> bytes:
    """Encapsulated data as given, without any help."""
    start = b"\xfe\xff\x00\xe0"
    body = b"".join(start + len(part).to_bytes(4, "little") + part for part in (table, *parts))
    return body + b"\xfe\xff\xdd\xe0\0\0\0\0"


def written(path: Path, pixel_data: bytes, **tags: Any) -> Path:
    data = dicom(np.zeros((12, 96, 128), np.uint8), JPEGBaseline8Bit, **{**YBR, **tags})
    data.PixelData = pixel_data
    return save(data, path)


def even(stream: bytes) -> bytes:
    return stream + b"\0" * (len(stream) % 2)


INTACT = {
    "padded": lambda streams: items([part + b"\x20" * (512 - len(part) % 512) for part in streams]),
    "filled": lambda streams: items([part + b"\xff" * (32 - len(part) % 16) for part in streams]),
    "no end marker": lambda streams: items([even(part.removesuffix(END)) for part in streams]),
    "empty fragment": lambda streams: items([*map(even, streams), b""]),
    "two fragments": lambda streams: items(
        [piece for part in map(even, streams) for piece in (part[:600], part[600:])]
    ),
    "all in one fragment": lambda streams: items([b"".join(map(even, streams))]),
    "offsets of zero": lambda streams: items(list(map(even, streams)), bytes(48)),
    "wrong offsets": lambda streams: items(list(map(even, streams)), offsets(list(map(even, streams)))),
    "short offsets": lambda streams: items(list(map(even, streams)), bytes(4)),
}


@pytest.mark.parametrize("kind", INTACT)
@pytest.mark.parametrize("stated", [12, 5, 24, 0, None])
def test_an_intact_file_is_read_whole(tmp_path: Path, kind: str, stated: int | None) -> None:
    cine = read_cine(written(tmp_path / "a.dcm", INTACT[kind](jpegs()), NumberOfFrames=stated))
    assert cine.frames.shape == (12, 96, 128)
    assert np.abs(cine.frames.astype(int) - smooth()).mean() < 2
    assert any("12 frames are there" in warning for warning in cine.warnings) is (stated != 12)


@pytest.mark.parametrize("bad", [b"\0" * 500, jpegs()[3][: len(jpegs()[3]) // 2]])
def test_one_bad_frame_is_left_out_and_the_others_keep_their_times(tmp_path: Path, bad: bytes) -> None:
    streams = [*jpegs()[:3], bad, *jpegs()[4:]]
    cine = read_cine(written(tmp_path / "a.dcm", items(list(map(even, streams)))))
    assert cine.frame_count == 11
    assert cine.times.seconds is not None
    assert np.allclose(cine.times.seconds, [0.04 * index for index in range(12) if index != 3])
    assert any("counted from 0: 3" in warning for warning in cine.warnings)


def test_a_clip_of_bad_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cut short or damaged"):
        read_cine(written(tmp_path / "a.dcm", items([b"\0" * 500] * 12)))


def test_compressed_frames_called_uncompressed_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dcm", items(list(map(even, jpegs()))))
    says, wrong = b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.1\0\0\0"
    path.write_bytes(path.read_bytes().replace(says, wrong, 1))
    cine = read_cine(path)
    assert cine.frame_count == 12
    assert any("but the pixel data are JPEG Baseline" in warning for warning in cine.warnings)


@pytest.mark.parametrize("wrong", ["5", "4.70", "4.80", "4.90", "4.102", "4.202"])
def test_frames_of_another_codec_than_the_header_says_are_read(tmp_path: Path, wrong: str) -> None:
    data = dicom(np.zeros((12, 96, 128), np.uint8), f"1.2.840.10008.1.2.{wrong}", **YBR)
    data.PixelData = items(list(map(even, jpegs())))
    cine = read_cine(save(data, tmp_path / "a.dcm"))
    assert np.abs(cine.frames.astype(int) - smooth()).mean() < 2
    assert any("but the pixel data are JPEG Baseline" in warning for warning in cine.warnings)


def test_rle_called_jpeg_is_read(tmp_path: Path) -> None:
    data = dicom(fan(12))
    data.compress(RLELossless)
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    cine = read_cine(save(data, tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan(12))
    assert any("but the pixel data are RLE Lossless" in warning for warning in cine.warnings)


@pytest.mark.parametrize("wrong", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.102"])
def test_uncompressed_frames_called_compressed_are_read(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "a.dcm"
    data = dcmread(save(dicom(fan(12)), path))
    data.file_meta.TransferSyntaxUID = wrong
    with path.open("wb") as stream:
        stream.write(b"\0" * 128 + b"DICM")
        write_file_meta_info(stream, data.file_meta, enforce_standard=True)
        whole = DicomFileLike(stream)
        whole.is_implicit_VR, whole.is_little_endian = False, True
        write_dataset(whole, data)
    cine = read_cine(path)
    assert np.array_equal(cine.frames, fan(12))
    assert any("but the pixel data are not compressed" in warning for warning in cine.warnings)


@pytest.mark.parametrize(
    "tags",
    [
        {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PlanarConfiguration": None},
        {"SamplesPerPixel": 1, "PhotometricInterpretation": "RGB"},
        {"PhotometricInterpretation": "MONOCHROME2"},
        {"PhotometricInterpretation": None},
    ],
)
def test_a_header_that_denies_the_colors_of_its_images_is_overruled(tmp_path: Path, tags: dict[str, Any]) -> None:
    cine = read_cine(written(tmp_path / "a.dcm", items(list(map(even, jpegs()))), **tags))
    assert np.abs(cine.frames.astype(int) - smooth()).mean() < 2
    assert any("but the images have 3" in warning for warning in cine.warnings)


def test_gray_images_under_a_header_of_color_are_read(tmp_path: Path) -> None:
    streams = [even(cv2.imencode(".jpg", frame)[1].tobytes()) for frame in smooth()]
    cine = read_cine(written(tmp_path / "a.dcm", items(streams)))
    assert np.abs(cine.frames.astype(int) - smooth()).mean() < 2
    assert any("but the images have 1" in warning for warning in cine.warnings)


@pytest.mark.parametrize("allocated", [1, 32])
def test_jpeg_says_how_many_bits_there_are(tmp_path: Path, allocated: int) -> None:
    cine = read_cine(written(tmp_path / "a.dcm", items(list(map(even, jpegs()))), BitsAllocated=allocated))
    assert np.abs(cine.frames.astype(int) - smooth()).mean() < 2


def test_video_in_dicom_is_read(tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "v.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (128, 96))
    for frame in smooth():
        writer.write(np.repeat(frame[..., None], 3, axis=-1))
    writer.release()
    stream = even((tmp_path / "v.mp4").read_bytes())
    tags = {**YBR, "PhotometricInterpretation": "YBR_PARTIAL_420"}
    for syntax in ("1.2.840.10008.1.2.4.102", JPEGBaseline8Bit):
        cine = read_cine(save_frames([stream], syntax, tmp_path / "a.dcm", **tags))
        assert cine.frames.shape == (12, 96, 128)
        assert np.abs(cine.frames.astype(int) - smooth()).mean() < 6
        assert cine.times.source.value == "FrameTime"
    cine = read_cine(save_frames([stream], syntax, tmp_path / "b.dcm", **(tags | {"FrameTime": None})))
    assert cine.times.source.value == "container" and cine.times.seconds is not None
    np.testing.assert_allclose(np.diff(cine.times.seconds), 1 / 25)
    assert any("those that the video in it states" in warning for warning in cine.warnings)


def test_video_that_is_none_is_refused(tmp_path: Path) -> None:
    path = save_frames([b"ffconcat version 1.0\nfile x.avi\n"], "1.2.840.10008.1.2.4.102", tmp_path / "a.dcm", **YBR)
    with pytest.raises(ReadError, match="not the video"):
        read_cine(path)


def ybr() -> NDArray[np.uint8]:
    return np.stack([fan(2), np.full_like(fan(2), 128), np.full_like(fan(2), 128)], axis=-1)


def test_ycbcr_called_rgb_is_seen_in_the_pixels_of_any_codec(tmp_path: Path) -> None:
    streams = [
        cv2.imencode(".jp2", frame[..., ::-1], [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])[1] for frame in ybr()
    ]
    codestreams = [(data := stream.tobytes())[data.index(b"\xff\x4f\xff\x51") :] for stream in streams]
    packed = save_frames(
        codestreams, JPEG2000Lossless, tmp_path / "j.dcm", **{**YBR, "PhotometricInterpretation": "RGB"}
    )
    for path in (packed, save(dicom(ybr()), tmp_path / "n.dcm")):
        cine = read_cine(path)
        assert np.abs(cine.frames.astype(int) - fan(2)).max() <= 2
        assert not cine.color
        assert any("the pixels are YBR_FULL" in warning for warning in cine.warnings)


def test_rgb_called_ycbcr_is_seen(tmp_path: Path) -> None:
    rgb = np.repeat(fan(2)[..., None], 3, axis=-1)
    cine = read_cine(save(dicom(rgb, PhotometricInterpretation="YBR_FULL"), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan(2))
    assert not cine.color


def on_blue(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Gray frames on the colored ground of a screen, as RGB."""
    return np.where(frames[..., None] > 0, frames[..., None], np.array([20, 40, 110], np.uint8)).astype(np.uint8)


def test_a_colored_ground_proves_nothing_and_what_lies_on_it_does(tmp_path: Path) -> None:
    luminance = np.where(fan(2) > 0, fan(2), 42)
    stored = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]] for frame in on_blue(fan(2))])
    for pixels, declared in ((stored, "RGB"), (on_blue(fan(2)), "YBR_FULL")):
        cine = read_cine(save(dicom(pixels, PhotometricInterpretation=declared), tmp_path / "a.dcm"))
        assert np.abs(cine.frames.astype(int) - luminance).max() <= 1


def test_a_black_first_frame_proves_nothing_and_the_next_does(tmp_path: Path) -> None:
    rgb = np.repeat(fan(3)[..., None], 3, axis=-1)
    rgb[0] = 0
    cine = read_cine(save(dicom(rgb, PhotometricInterpretation="YBR_FULL"), tmp_path / "a.dcm"))
    assert not cine.color
    assert any("the pixels are RGB" in warning for warning in cine.warnings)


@pytest.mark.parametrize("dtype, bits", [(np.int16, 16), (np.uint16, 16), (np.uint16, 12)])
def test_small_values_in_wide_samples_are_gray_levels(tmp_path: Path, dtype: Any, bits: int) -> None:
    cine = read_cine(save(dicom(fan().astype(dtype), BitsStored=bits), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan())
    assert any("were kept as gray levels" in warning for warning in cine.warnings)


def test_samples_that_the_header_rescales_to_gray_levels_are_those(tmp_path: Path) -> None:
    tags = {"RescaleIntercept": 1024, "RescaleSlope": 1}
    cine = read_cine(save(dicom(fan(2).astype(np.int16) - 1024, **tags), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan(2))


def test_signed_samples_of_a_small_range_begin_at_black(tmp_path: Path) -> None:
    cine = read_cine(save(dicom(fan(2).astype(np.int16) - 128), tmp_path / "a.dcm"))
    assert np.array_equal(cine.frames, fan(2))


def test_a_window_shows_what_it_is_meant_to(tmp_path: Path) -> None:
    wide = fan().astype(np.uint16) * 4
    cine = read_cine(save(dicom(wide, WindowCenter=510, WindowWidth=1021), tmp_path / "a.dcm"))
    assert np.abs(cine.frames.astype(int) - fan()).max() <= 1
    dark = read_cine(save(dicom(wide), tmp_path / "b.dcm"))
    assert np.array_equal(dark.frames, fan())


def test_a_blank_picture_is_said(tmp_path: Path) -> None:
    cine = read_cine(save(dicom(np.full((3, 96, 128), 30, np.uint8)), tmp_path / "a.dcm"))
    assert any("blank" in warning for warning in cine.warnings)
