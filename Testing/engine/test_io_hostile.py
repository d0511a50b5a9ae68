"""Files that are damaged at random, and files that are made to do harm."""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from io_writers import dicom, fan, save, save_frames, transcode
from pydicom.uid import JPEGBaseline8Bit
from reader_fuzzer import CANARY, fuzz, write_corpus

from echoapex.cli import main
from echoapex.errors import ReadError
from echoapex.io import dicom_decoding, read_cine, read_masks, size_limits
from echoapex.io.cine_reading import read_cine as read_here

CI_SHARE = 500


def test_damaged_files_are_read_refused_in_a_sentence_or_contained(tmp_path: Path) -> None:
    outcome = fuzz(CI_SHARE, 12, tmp_path)
    assert not outcome.found
    # Damage that always or never hurts would try nothing.
    assert CI_SHARE // 10 < outcome.read < CI_SHARE * 9 // 10


def test_the_files_that_are_damaged_are_intact_before(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path)
    assert len(corpus) > 20
    for path in corpus:
        assert CANARY not in str(read_cine(path).warnings)


METAIMAGE = """ObjectType = Image
NDims = {dims}
DimSize = {size}
ElementType = MET_UCHAR
ElementSpacing = {spacing}
ElementDataFile = LOCAL
"""


@pytest.mark.parametrize("dims", [-1, 0, 11, 128, 2_000_000_000])
def test_a_metaimage_of_impossible_axes_costs_only_itself(tmp_path: Path, dims: int) -> None:
    shown = max(1, min(dims, 200))
    text = METAIMAGE.format(dims=dims, size=" ".join(["2"] * shown), spacing=" ".join(["1"] * shown))
    bad = tmp_path / "bad.mhd"
    bad.write_bytes(text.encode() + bytes(64))
    save(dicom(), tmp_path / "good.dcm")
    with pytest.raises(ReadError):
        read_cine(bad)
    assert np.array_equal(read_cine(tmp_path / "good.dcm").frames, fan())


def test_a_jpeg_larger_than_its_header_is_not_decoded(tmp_path: Path) -> None:
    stream = bytes(cv2.imencode(".jpg", np.zeros((96, 128), np.uint8))[1])
    at = stream.index(b"\xff\xc0") + 5
    huge = stream[:at] + struct.pack(">HH", 30_000, 30_000) + stream[at + 4 :]
    path = save_frames([stream, huge], JPEGBaseline8Bit, tmp_path / "a.dcm")
    cine = read_cine(path)
    assert cine.frame_count == 1
    assert any("frame" in warning for warning in cine.warnings)


def test_a_jpeg_2000_larger_than_its_header_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = transcode(save(dicom(), tmp_path / "raw.dcm"), tmp_path / "packed.dcm", "JPEG2000Lossless")
    data = packed.read_bytes()
    at = data.index(b"\xff\x4f\xff\x51") + 8
    packed.write_bytes(data[:at] + struct.pack(">II", 30_000, 30_000) + data[at + 8 :])
    decoded: list[int] = []
    whole = dicom_decoding._by_pydicom

    def counting(*given: Any) -> Any:
        decoded.append(1)
        return whole(*given)

    monkeypatch.setattr(dicom_decoding, "_by_pydicom", counting)
    assert read_here(packed).frame_count == len(decoded) == len(fan()) - 1


def test_a_deflated_file_is_counted_before_it_is_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(dicom(fan(1)), tmp_path / "a.dcm")
    content = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    head = 144 + struct.unpack_from("<I", content, 140)[0] + 2
    content = content[:140] + struct.pack("<I", head - 144) + content[144:head]
    # The length of the element itself, which ends the group.
    content = content.replace(b"UI\x14\0" + b"1.2.840.10008.1.2.1.99", b"UI\x16\0" + b"1.2.840.10008.1.2.1.99")
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    path.write_bytes(content + packer.compress(bytes(3 << 20)) + packer.flush())
    monkeypatch.setattr("echoapex.io.dicom_deflate.MAX_BYTES", 1 << 20)
    with pytest.raises(ReadError, match="may become at most 1,048,576 bytes large"):
        read_here(path)


def test_numbers_that_take_more_bytes_than_pixels_are_counted_as_bytes(tmp_path: Path) -> None:
    side = 4096
    frames = size_limits.MAX_BYTES // (side * side * 8) + 1
    header = f"NRRD0004\ntype: double\ndimension: 3\nsizes: {side} {side} {frames}\nencoding: gzip\n\n"
    (tmp_path / "a.nrrd").write_bytes(header.encode() + zlib.compress(bytes(1000), wbits=31))
    with pytest.raises(ReadError, match="at most 4,294,967,296 bytes"):
        read_cine(tmp_path / "a.nrrd")


def test_one_harmful_clip_in_a_folder_leaves_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = METAIMAGE.format(dims=128, size=" ".join(["2"] * 128), spacing=" ".join(["1"] * 128))
    (tmp_path / "bad.mhd").write_text(shown)
    save(dicom(), tmp_path / "good.dcm")
    assert main(["info", str(tmp_path)]) == 1
    out, said = capsys.readouterr()
    assert "good.dcm" in out and "bad.mhd" in said and "1 read, 1 not" in said


def test_a_name_that_no_system_takes_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(tmp_path / ("x" * 5000))
    save(dicom(), tmp_path / "clip.dcm")
    clip, out = str(tmp_path / "clip.dcm"), str(tmp_path / "out")
    for arguments in (
        ["info", name],
        ["analyze", name, "--out", out, "--no-scene"],
        ["analyze", clip, "--out", name, "--no-scene"],
        ["curate", name, "--out", out],
        ["deidentify", clip, "--out", name],
        ["segment", clip, "--structure", "LV", "--out", f"{name}.nrrd"],
        ["segment", clip, "--structure", "LV", "--model", name, "--out", f"{out}.nrrd"],
        ["simulate", "--out", name],
    ):
        assert main(arguments) == 1, arguments
        said = capsys.readouterr().err
        assert "Traceback" not in said and len(said) < 3000 and said.rstrip().endswith("."), said
    assert main(["info", name]) == 1
    assert "no file of a name as long" in capsys.readouterr().err
    assert not (tmp_path / "out.key").exists(), "no key for what is not there"
    with pytest.raises(ReadError, match="no file of a name as long"):
        read_masks(name)
