"""NIfTI, MetaImage, NRRD and Slicer's sequences."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from io_writers import fan
from numpy.typing import NDArray

from echoapex.cine import ScaleSource, TimeSource
from echoapex.errors import NotAClipError, ReadError
from echoapex.io import read_cine, write_masks


def write(path: Path, array: NDArray[Any], spacing: tuple[float, ...], **keys: str) -> Path:
    """``array`` [.., y, x] with ``spacing`` in the order x, y, .. of the file."""
    image = sitk.GetImageFromArray(array)
    if array.ndim == 4:
        image = sitk.JoinSeries([sitk.GetImageFromArray(part) for part in array])
    image.SetSpacing(spacing)
    for key, value in keys.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path))
    return path


def marked(frames: int = 3) -> NDArray[np.uint8]:
    """Frames of 20 rows and 30 columns of rising grays; row 2, column 25 of frame k holds 100 + k."""
    array = np.tile(np.arange(30, dtype=np.uint8), (frames, 20, 1))
    array[np.arange(frames), 2, 25] = 100 + np.arange(frames)
    return array


# CAMUS: float32 images of 0-255, first axis of the file is x, half sequences are 3D.


def test_a_camus_still_is_upright(tmp_path: Path) -> None:
    path = write(tmp_path / "patient0001_4CH_ED.nii.gz", marked(1)[0].astype(np.float32), (3.08, 1.54))
    cine = read_cine(path)
    assert cine.frames.shape == (1, 20, 30)
    assert cine.frames[0, 2, 25] == 100
    assert np.array_equal(cine.frames, marked(1))
    assert cine.scale.mm_per_px == pytest.approx((1.54, 3.08))
    assert cine.scale.source is ScaleSource.PIXEL_SPACING
    assert cine.times.source is TimeSource.SINGLE_FRAME
    assert cine.kind == "nifti"


def test_a_camus_half_sequence_has_its_frames_on_the_third_axis(tmp_path: Path) -> None:
    path = write(tmp_path / "patient0001_2CH_half_sequence.nii.gz", marked(7).astype(np.float32), (3.08, 3.08, 1.0))
    cine = read_cine(path)
    assert np.array_equal(cine.frames, marked(7))
    assert cine.scale.mm_per_px == pytest.approx((3.08, 3.08))
    assert not cine.times.known
    assert "no unit of time" in cine.times.reason


def test_a_known_file_byte_by_byte_has_x_first(tmp_path: Path) -> None:
    """A NIfTI written by hand: 3 columns, 2 rows, values counting along x."""
    header = np.zeros(352, np.uint8)
    header[0:4] = np.frombuffer(np.int32(348).tobytes(), np.uint8)
    header[40:56] = np.frombuffer(np.array([2, 3, 2, 1, 1, 1, 1, 1], np.int16).tobytes(), np.uint8)
    header[70:74] = np.frombuffer(np.array([2, 8], np.int16).tobytes(), np.uint8)
    header[76:108] = np.frombuffer(np.array([1, 0.25, 0.5, 1, 1, 1, 1, 1], np.float32).tobytes(), np.uint8)
    header[108:112] = np.frombuffer(np.float32(352).tobytes(), np.uint8)
    header[123] = 2
    header[344:348] = np.frombuffer(b"n+1\0", np.uint8)
    path = tmp_path / "a.nii"
    path.write_bytes(header.tobytes() + bytes([1, 2, 3, 4, 5, 6]))
    cine = read_cine(path)
    assert cine.frames.tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert not cine.scale.known and "depth of the image would be 1 mm" in cine.scale.reason


def test_a_fourth_nifti_axis_in_seconds_gives_times(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii", marked(4)[:, None], (0.3, 0.3, 1.0, 0.02), xyzt_units="10")
    cine = read_cine(path)
    assert np.array_equal(cine.frames, marked(4))
    assert cine.times.source is TimeSource.CONTAINER
    assert cine.times.seconds == pytest.approx([0, 0.02, 0.04, 0.06])


def test_a_time_step_of_one_second_is_no_frame_rate(tmp_path: Path) -> None:
    cine = read_cine(write(tmp_path / "a.nii", marked(4)[:, None], (0.3, 0.3, 1.0, 1.0), xyzt_units="10"))
    assert not cine.times.known
    assert "1 s" in cine.times.reason


def test_metaimage(tmp_path: Path) -> None:
    cine = read_cine(write(tmp_path / "a.mhd", marked(), (1.5, 3.1, 1.0)))
    assert np.array_equal(cine.frames, marked())
    assert cine.scale.mm_per_px == pytest.approx((3.1, 1.5))
    assert cine.kind == "mhd"
    assert not cine.times.known


def test_a_spacing_of_one_is_no_scale(tmp_path: Path) -> None:
    for name in ("a.nii", "a.mha", "a.nrrd"):
        scale = read_cine(write(tmp_path / name, marked(), (1.0, 1.0, 1.0))).scale
        assert not scale.known
        assert "when nothing is known" in scale.reason


def test_color_is_turned_to_luminance(tmp_path: Path) -> None:
    rgb = np.repeat(fan(3)[..., None], 3, axis=-1)
    rgb[:, 40:60, 50:80] = (200, 0, 0)
    image = sitk.GetImageFromArray(rgb, isVector=True)
    for name in ("a.mha", "a.nrrd"):
        sitk.WriteImage(image, str(tmp_path / name))
        cine = read_cine(tmp_path / name)
        assert cine.frames[1, 50, 60] == round(0.299 * 200)
        assert cine.color


@pytest.mark.parametrize("name", ["a.nii", "a.mha", "a.nrrd"])
def test_numbers_outside_the_gray_levels_are_stretched_and_said(tmp_path: Path, name: str) -> None:
    values = np.linspace(-1, 3, 600).reshape(1, 20, 30).astype(np.float32)
    cine = read_cine(write(tmp_path / name, values, (0.3, 0.3, 1.0)))
    assert (cine.frames.min(), cine.frames.max()) == (0, 255)
    assert "stretched" in cine.warnings[0]


@pytest.mark.parametrize("name", ["a.mha", "a.nrrd"])
def test_gray_levels_that_are_no_numbers_are_refused(tmp_path: Path, name: str) -> None:
    values = np.full((2, 20, 30), np.nan, np.float32)
    with pytest.raises(ReadError, match="finite"):
        read_cine(write(tmp_path / name, values, (0.3, 0.3, 1.0)))


def test_a_volume_over_time_is_refused(tmp_path: Path) -> None:
    volume = np.zeros((4, 5, 20, 30), np.uint8)
    with pytest.raises(ReadError, match="volume over time"):
        read_cine(write(tmp_path / "a.nii", volume, (0.3, 0.3, 0.3, 0.02)))
    with pytest.raises(NotAClipError, match="volume over time"):
        read_cine(write(tmp_path / "a.nrrd", volume, (0.3, 0.3, 0.3, 0.02)))


def metaimage(path: Path, **changes: str) -> Path:
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "DimSize": "30 20 3",
        "ElementType": "MET_UCHAR",
        "ElementSpacing": "0.3 0.3 1",
        "ElementDataFile": "LOCAL",
    }
    text = "".join(f"{name} = {value}\n" for name, value in {**fields, **changes}.items())
    path.write_bytes(text.encode() + marked().tobytes())
    return path


@pytest.mark.parametrize("size", ["10000 10000 3", "4000 4000 999999"])
def test_absurd_sizes_are_refused_from_the_header(tmp_path: Path, size: str) -> None:
    with pytest.raises(ReadError, match="at most"):
        read_cine(metaimage(tmp_path / "a.mha", DimSize=size))
    with pytest.raises(ReadError, match="at most"):
        read_cine(nrrd(tmp_path / "a.nrrd", sizes=size))


@pytest.mark.parametrize("name", ["a.mha", "a.nii", "a.nii.gz", "a.nrrd"])
@pytest.mark.parametrize("share", [0.01, 0.4, 0.9, 0.999])
def test_data_cut_short_are_refused(tmp_path: Path, name: str, share: float) -> None:
    path = write(tmp_path / name, fan(), (0.3, 0.3, 1.0))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ReadError):
        read_cine(path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mhd", "a.mha", "a.nrrd"])
def test_files_that_are_not_what_their_name_says_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something else entirely" * 40)
    with pytest.raises(ReadError):
        read_cine(tmp_path / name)


# NRRD and Slicer's sequences


def nrrd(path: Path, data: bytes | None = None, keys: str = "", **fields: str) -> Path:
    """An NRRD written by hand; underscores of field names become spaces, empty fields are left out."""
    values = {
        "type": "unsigned char",
        "dimension": "3",
        "sizes": "30 20 3",
        "spacings": "3 4 1",
        "encoding": "raw",
        **{name.replace("_", " "): value for name, value in fields.items()},
    }
    text = "".join(f"{name}: {value}\n" for name, value in values.items() if value)
    path.write_bytes(
        b"NRRD0005\n# by hand\n" + (text + keys).encode() + b"\n" + (marked().tobytes() if data is None else data)
    )
    return path


DIRECTIONS = "(-3,0,0) (0,-4,0) (0,0,1)"
TIMES = "index values:=0 0.02 0.05\n"


def test_plain_nrrd(tmp_path: Path) -> None:
    cine = read_cine(nrrd(tmp_path / "a.nrrd"))
    assert np.array_equal(cine.frames, marked())
    assert cine.scale.mm_per_px == pytest.approx((4.0, 3.0))
    assert not cine.times.known


def test_a_slicer_sequence_with_its_frames_last(tmp_path: Path) -> None:
    path = nrrd(
        tmp_path / "a.seq.nrrd",
        gzip.compress(marked().tobytes()),
        "axis 3 index type:=numeric\naxis 3 " + TIMES,
        dimension="4",
        sizes="30 20 1 3",
        kinds="domain domain domain list",
        labels='"" "" "" "time"',
        units='"" "" "" "s"',
        space="left-posterior-superior",
        space_directions=f"{DIRECTIONS} none",
        spacings="",
        encoding="gzip",
    )
    cine = read_cine(path)
    assert np.array_equal(cine.frames, marked())
    assert cine.times.seconds == pytest.approx([0, 0.02, 0.05])
    assert cine.scale.mm_per_px == pytest.approx((4.0, 3.0))


@pytest.mark.parametrize("kind", ["list", "vector"])
def test_a_slicer_sequence_with_its_frames_first(tmp_path: Path, kind: str) -> None:
    path = nrrd(
        tmp_path / "a.seq.nrrd",
        np.ascontiguousarray(np.moveaxis(marked(5), 0, -1)).tobytes(),
        "axis 0 index values:=0 20 40 60 80\n",
        dimension="4",
        sizes="5 30 20 1",
        kinds=f"{kind} domain domain domain",
        units='"ms" "" "" ""',
        space_directions=f"none {DIRECTIONS}",
        spacings="",
    )
    cine = read_cine(path)
    assert np.array_equal(cine.frames, marked(5))
    assert cine.times.frame_rate == pytest.approx(50)


def test_a_color_sequence(tmp_path: Path) -> None:
    rgb = np.repeat(fan(3)[..., None], 3, axis=-1)
    rgb[:, 40:60, 50:80] = (0, 0, 200)
    path = nrrd(
        tmp_path / "a.seq.nrrd",
        rgb.tobytes(),
        "axis 3 " + TIMES,
        dimension="5",
        sizes="3 128 96 1 3",
        kinds="RGB-color domain domain domain list",
        units='"" "" "" "" "s"',
        space_directions=f"none {DIRECTIONS} none",
        spacings="",
    )
    cine = read_cine(path)
    assert cine.frames.shape == (3, 96, 128)
    assert cine.frames[0, 50, 60] == round(0.114 * 200)
    assert cine.color
    assert cine.times.seconds == pytest.approx([0, 0.02, 0.05])


def test_a_frame_index_without_a_unit_of_time_gives_no_times(tmp_path: Path) -> None:
    path = nrrd(tmp_path / "a.nrrd", None, "axis 2 index values:=0 1 2\n", kinds="domain domain list")
    assert "no unit of time" in read_cine(path).times.reason


@pytest.mark.parametrize("values", ["0 1 2", "0 0.02", "0 0.04 0.02", "0 x 0.1", "0 nan 0.1"])
def test_listed_times_that_cannot_be_are_unknown(tmp_path: Path, values: str) -> None:
    path = nrrd(
        tmp_path / "a.nrrd", None, f"axis 2 index values:={values}\n", kinds="domain domain list", units='"" "" "s"'
    )
    assert not read_cine(path).times.known


@pytest.mark.parametrize(
    ("before", "fields"),
    [
        (b"", {}),
        (b"one\ntwo\n", {"line_skip": "2"}),
        (b"12345", {"byte_skip": "5"}),
        (b"one\n12", {"line_skip": "1", "byte_skip": "2"}),
        (b"anything", {"byte_skip": "-1"}),
    ],
)
def test_what_stands_before_the_data_is_passed_over(tmp_path: Path, before: bytes, fields: dict[str, str]) -> None:
    cine = read_cine(nrrd(tmp_path / "a.nrrd", before + marked().tobytes(), **fields))
    assert np.array_equal(cine.frames, marked())


@pytest.mark.parametrize("fields", [{"line_skip": "-1"}, {"byte_skip": "x"}, {"byte_skip": "3", "encoding": "gzip"}])
def test_what_cannot_be_passed_over_is_refused(tmp_path: Path, fields: dict[str, str]) -> None:
    with pytest.raises(ReadError, match="before its data"):
        read_cine(nrrd(tmp_path / "a.nrrd", **fields))


def test_big_endian_and_detached_data(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(marked().astype(">u2").tobytes())
    path = nrrd(tmp_path / "a.nhdr", b"", type="uint16", endian="big", data_file="a.raw")
    assert np.array_equal(read_cine(path).frames, marked())


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "block"},
        {"encoding": "bzip2"},
        {"sizes": "30 20 99"},
        {"sizes": "30 -20 3"},
        {"sizes": ""},
        {"sizes": "0 20 3"},
        {"sizes": "30 20 0", "kinds": "domain domain domain"},
        {"kinds": "domain domain"},
        {"spacings": "nan 0.3 1"},
        {"data_file": "../elsewhere.raw"},
        {"data_file": "missing.raw"},
        {"encoding": "gzip"},
    ],
)
def test_damaged_nrrd_headers_are_refused(tmp_path: Path, fields: dict[str, str]) -> None:
    with pytest.raises(ReadError):
        read_cine(nrrd(tmp_path / "a.nrrd", **fields))


def test_a_nan_spacing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        read_cine(metaimage(tmp_path / "a.mha", ElementSpacing="nan nan 1"))


@pytest.mark.parametrize("kind", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha", "a.nrrd"])
def test_a_label_map_named_directly_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    labels = (fan(4) // 50).astype(kind)
    with pytest.raises(NotAClipError, match="label map"):
        read_cine(write(tmp_path / name, labels, (0.5, 0.5, 1.0)))
    assert read_cine(write(tmp_path / name, fan(4).astype(kind), (0.5, 0.5, 1.0))).frame_count == 4


def test_a_mask_of_ours_named_directly_is_refused(tmp_path: Path) -> None:
    cine = read_cine(write(tmp_path / "clip.nrrd", fan(4), (0.5, 0.5, 1.0)))
    write_masks(tmp_path / "masks.nrrd", np.zeros(cine.frames.shape, bool), cine)
    with pytest.raises(NotAClipError, match="masks or segments"):
        read_cine(tmp_path / "masks.nrrd")


@pytest.mark.parametrize("unit, size", [("mm", 0.4), ("cm", 0.04), ("m", 0.0004), ("um", 400.0)])
def test_space_units_of_nrrd_are_minded(tmp_path: Path, unit: str, size: float) -> None:
    text = (
        "NRRD0005\ntype: uint8\ndimension: 3\nspace dimension: 2\nsizes: 128 96 4\n"
        f"space directions: ({size},0) (0,{size}) none\nkinds: domain domain list\n"
        f'space units: "{unit}" "{unit}"\nencoding: raw\n\n'
    )
    (tmp_path / "a.nrrd").write_bytes(text.encode() + fan(4).tobytes())
    assert read_cine(tmp_path / "a.nrrd").scale.mm_per_px == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize(("unit", "size"), [(1, 0.0004), (2, 0.4), (3, 400.0)])
def test_units_of_length_of_nifti_are_minded(tmp_path: Path, unit: int, size: float) -> None:
    path = write(tmp_path / "a.nii", fan(4), (size, size, 1.0))
    header = bytearray(path.read_bytes())
    header[123] = unit  # xyzt_units
    path.write_bytes(header)
    assert read_cine(path).scale.mm_per_px == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize("named", ["{}/secret/x.raw", "../secret/x.raw", "LIST\n{}/secret/x.raw", "%d.raw", "pipe"])
@pytest.mark.parametrize("before", ["", "Comment = ElementDataFile = LOCAL\n"])
def test_metaimage_reads_no_file_but_its_own(tmp_path: Path, named: str, before: str) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x.raw").write_bytes(bytes(800))
    (tmp_path / "here").mkdir()
    os.mkfifo(tmp_path / "here" / "pipe")
    path = tmp_path / "here" / "a.mhd"
    header = "ObjectType = Image\nNDims = 3\nDimSize = 20 10 4\nElementType = MET_UCHAR\n"
    path.write_text(header + before + "ElementDataFile = " + named.format(tmp_path) + "\n")
    with pytest.raises(ReadError, match="in one file beside it"):
        read_cine(path)
