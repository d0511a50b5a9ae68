"""Times, scale, mode, privacy and refusals of DICOM headers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from io_writers import dicom, fan, fan_mask, real, region, save

from echoapex.cine import Cine, TimeSource
from echoapex.errors import NotAClipError, ReadError
from echoapex.io import cine_reading, describe, read_cine
from echoapex.io.dicom_times import find_frame_times
from echoapex.study.file_grouping import look

VECTOR_POINTER, TIME_POINTER = 0x00181065, 0x00181063


def read(tmp_path: Path, **tags: Any) -> Cine:
    return read_cine(save(dicom(**tags), tmp_path / "clip.dcm"))


def with_regions(tmp_path: Path, *items: pydicom.Dataset, **tags: Any) -> Cine:
    return read(tmp_path, SequenceOfUltrasoundRegions=pydicom.Sequence(items), **tags)


# Frame times


def test_both_real_cines_have_their_frame_time() -> None:
    for name in ("examples_ybr_color.dcm", "color3d_jpeg_baseline.dcm"):
        cine = read_cine(real(name))
        assert cine.times.source is TimeSource.FRAME_TIME
        assert cine.times.seconds is not None
        assert np.diff(cine.times.seconds) == pytest.approx(0.033333)


def test_frame_time_vector_counts_when_it_is_pointed_to(tmp_path: Path) -> None:
    tags = {"FrameTimeVector": [0, 20, 30, 40, 50, 60], "FrameTime": 25, "FrameIncrementPointer": VECTOR_POINTER}
    cine = read(tmp_path, **tags)
    assert cine.times.source is TimeSource.FRAME_TIME_VECTOR
    assert cine.times.seconds == pytest.approx([0, 0.02, 0.05, 0.09, 0.14, 0.20])


def test_frame_time_vector_is_left_alone_when_nothing_points_to_it(tmp_path: Path) -> None:
    vector = [0, 20, 30, 40, 50, 60]
    assert read(tmp_path, FrameTimeVector=vector, FrameTime=25).times.source is TimeSource.FRAME_TIME
    assert not read(tmp_path, FrameTimeVector=vector, FrameIncrementPointer=TIME_POINTER).times.known


@pytest.mark.parametrize("vector", [[0, 20, 30], [0, 20, 0, 40, 50, 60], [0, 20, -30, 40, 50, 60], [0, 1e6] * 3])
def test_a_vector_that_cannot_be_is_passed_over_with_a_warning(tmp_path: Path, vector: list[float]) -> None:
    cine = read(tmp_path, FrameTimeVector=vector, FrameTime=25, FrameIncrementPointer=VECTOR_POINTER)
    assert cine.times.source is TimeSource.FRAME_TIME
    assert any("FrameTimeVector" in warning for warning in cine.warnings)


def test_the_order_of_what_is_believed(tmp_path: Path) -> None:
    tags = {"FrameTime": 25, "CineRate": 50, "RecommendedDisplayFrameRate": 30}
    found = []
    for name in tags:
        cine = read(tmp_path, **tags)
        found.append((cine.times.source.value, cine.times.frame_rate))
        tags = {key: value for key, value in tags.items() if key != name}
    assert found == [
        ("FrameTime", pytest.approx(40)),
        ("CineRate", pytest.approx(50)),
        ("RecommendedDisplayFrameRate", pytest.approx(30)),
    ]


@pytest.mark.parametrize("frame_time", ["0", "-33.3", "1e9"])
def test_a_frame_time_that_cannot_be_is_not_believed(tmp_path: Path, frame_time: str) -> None:
    assert read(tmp_path, FrameTime=frame_time, CineRate=50).times.source is TimeSource.CINE_RATE
    times = read(tmp_path, FrameTime=frame_time).times
    assert times.seconds is None
    assert "FrameTime" in times.reason


def test_without_a_rate_times_are_unknown_with_the_reason(tmp_path: Path) -> None:
    times = read(tmp_path).times
    assert times.source is TimeSource.UNKNOWN
    assert "FrameTime" in times.reason


def test_a_single_frame_is_at_time_zero(tmp_path: Path) -> None:
    cine = read(tmp_path, pixels=fan(1), FrameTime=33)
    assert cine.times.source is TimeSource.SINGLE_FRAME
    assert cine.times.seconds == pytest.approx([0.0])


@settings(max_examples=60, deadline=None)
@given(
    vector=st.lists(st.floats(-1e6, 1e6), max_size=8),
    frame_time=st.one_of(st.none(), st.floats(-1e9, 1e9)),
    rate=st.one_of(st.none(), st.integers(-10, 10**6)),
)
def test_times_are_unknown_or_rise(vector: list[float], frame_time: float | None, rate: int | None) -> None:
    header = pydicom.Dataset()
    header.FrameIncrementPointer = VECTOR_POINTER
    header.FrameTimeVector = [f"{value:.8g}" for value in vector]
    header.FrameTime = None if frame_time is None else f"{frame_time:.8g}"
    header.CineRate = rate
    times, _ = find_frame_times(header, 5)
    assert times.reason if times.seconds is None else np.all(np.diff(times.seconds) > 0)


def test_heart_rate_and_r_waves(tmp_path: Path) -> None:
    cine = read(tmp_path, HeartRate=72, RWaveTimeVector=[10.0, 850.0])
    assert cine.heart_rate == 72
    assert cine.r_wave_times == pytest.approx((0.01, 0.85))


def test_a_heart_rate_of_zero_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, HeartRate=0).heart_rate is None
    assert read_cine(real("color3d_jpeg_baseline.dcm")).heart_rate is None


# Mode, and what is no cine


M_MODE = {"RegionSpatialFormat": 2, "RegionDataType": 1, "PhysicalUnitsXDirection": 4}
DOPPLER = {"RegionSpatialFormat": 3, "RegionDataType": 3, "PhysicalUnitsXDirection": 4, "PhysicalUnitsYDirection": 7}


@pytest.mark.parametrize(("changes", "mode"), [(M_MODE, "M-mode"), (DOPPLER, "Doppler")])
def test_a_clip_with_a_trace_only_is_described_and_not_read(tmp_path: Path, changes: dict[str, Any], mode: str) -> None:
    data = dicom(SequenceOfUltrasoundRegions=pydicom.Sequence([region(**changes)]), FrameTime=20)
    path = save(data, tmp_path / "trace.dcm")
    with pytest.raises(ReadError, match=f"no 2D image.*{mode} only"):
        read_cine(path)
    record = describe(path)
    assert record["mode"] == mode
    assert record["sector"] is None
    assert record["scale_mm_per_px"] is None
    assert record["frame_count"] == 6
    assert any("no 2D image" in warning for warning in record["warnings"])


@pytest.mark.parametrize(("code", "mode"), [("0001", "2D"), ("0011", "color"), ("0002", "M-mode"), ("0008", "Doppler")])
def test_image_type_tells_the_mode_where_there_are_no_regions(tmp_path: Path, code: str, mode: str) -> None:
    path = save(dicom(ImageType=["ORIGINAL", "PRIMARY", "TTE", code]), tmp_path / "a.dcm")
    assert describe(path)["mode"] == mode


def test_modes_of_images(tmp_path: Path) -> None:
    for items, mode in (([region()], "2D"), ([region(), region(RegionDataType=2)], "color"), ([], "2D")):
        path = save(dicom(SequenceOfUltrasoundRegions=pydicom.Sequence(items)), tmp_path / "a.dcm")
        assert describe(path)["mode"] == mode


def test_an_image_beside_a_trace_is_read_without_the_trace(tmp_path: Path) -> None:
    trace = region(**DOPPLER, RegionLocationMinY0=60)
    frames = fan()
    frames[:, 60:] = 90
    cine = with_regions(tmp_path, region(RegionLocationMaxY1=59), trace, pixels=frames)
    assert not cine.sector.mask[60:].any()
    assert any("trace stands beside" in warning for warning in cine.warnings)


@pytest.mark.parametrize("modality", ["CT", "MR", "SR", "IVUS", None])
def test_another_modality_is_refused(tmp_path: Path, modality: str | None) -> None:
    with pytest.raises(ReadError, match="An echo cine has the modality US"):
        read(tmp_path, Modality=modality, SOPClassUID="1.2.840.10008.5.1.4.1.1.2")


def test_real_files_of_other_modalities_are_refused() -> None:
    for name in ("CT_small.dcm", "MR_small.dcm", "reportsi.dcm", "rtplan.dcm"):
        with pytest.raises(ReadError, match="modality US"):
            read_cine(real(name))


@pytest.mark.parametrize("tags", [{"Rows": 10_000, "Columns": 10_000}, {"Rows": 1, "Columns": 60_000}])
def test_frames_beyond_the_limit_are_refused_from_the_header(tmp_path: Path, tags: dict[str, int]) -> None:
    with pytest.raises(ReadError, match="at most 4096 x 4096"):
        read(tmp_path, **tags)


def test_an_absurd_total_is_refused_from_the_header(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="4,294,967,296 bytes in all its frames"):
        read(tmp_path, NumberOfFrames=2_000_000_000)


@pytest.mark.parametrize("stated", [None, -3, 0, 1, 4, 7])
def test_as_many_whole_frames_are_read_as_are_there(tmp_path: Path, stated: int | None) -> None:
    cine = read(tmp_path, NumberOfFrames=stated)
    assert np.array_equal(cine.frames, fan())
    said = "missing" if stated is None else stated
    assert f"NumberOfFrames is {said}; 6 frames are there and were read" in cine.warnings


def test_a_part_of_a_frame_is_cut_short(tmp_path: Path) -> None:
    data = dicom(fan())
    data.PixelData = data.PixelData[:-500]
    with pytest.raises(ReadError, match="cut short"):
        read_cine(save(data, tmp_path / "a.dcm"))


VOLUMES = {
    "enhanced": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.2"},
    "philips": {"SOPClassUID": "1.2.840.113543.6.6.1.3.10002"},
    "organized": {"DimensionOrganizationType": "3D"},
    "steps through space": {"FrameIncrementPointer": 0x00182005},
    "spatially related": {"ImageType": ["DERIVED", "PRIMARY", "", "0400"]},
}


@pytest.mark.parametrize("kind", VOLUMES)
def test_a_volume_is_named_and_is_no_cine(tmp_path: Path, kind: str) -> None:
    with pytest.raises(NotAClipError, match="3D volume: its frames are slices"):
        read(tmp_path, **VOLUMES[kind])


def test_a_damaged_modality_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="damaged") as refusal:
        read(tmp_path, Modality="US PN SECRET^JANE")
    assert "SECRET" not in str(refusal.value)


def test_an_import_that_fails_is_not_a_damaged_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(dicom(), tmp_path / "a.dcm")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    for act in (cine_reading.read_cine, cine_reading.describe):
        with pytest.raises(ReadError, match=r"cannot be imported \(found: pydicom\)"):
            act(path)


def failing(of: str) -> Any:
    def act(*_: object, **__: object) -> None:
        raise ImportError("no", name=of)

    return act


@pytest.mark.parametrize("step", ["pydicom.dcmread", "pydicom.pixels.pixel_array"])
def test_an_import_that_fails_on_the_way_to_the_pixels_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = save(dicom(), tmp_path / "a.dcm")
    if step == "pydicom.dcmread":
        header = pydicom.dcmread(path, stop_before_pixels=True)
        monkeypatch.setattr("echoapex.io.dicom.read_header", lambda path: header)
    monkeypatch.setattr(step, failing("zlib"))
    with pytest.raises(ReadError, match=r"cannot be imported \(found: zlib\)"):
        cine_reading.read_cine(path)


def test_files_are_grouped_though_no_library_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(dicom(), tmp_path / "a.dcm")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    assert not look(path).readable


def test_pixels_that_cannot_be_decoded_are_no_damaged_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = np.repeat(fan()[..., None], 3, axis=-1)
    path = save(dicom(rgb), tmp_path / "a.dcm")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("pydicom.pixels.pixel_array", broken)
    with pytest.raises(ReadError, match="pixel data cannot be decoded"):
        cine_reading.read_cine(path)


def test_a_heart_rate_that_no_heart_has_is_passed_over_with_a_warning(tmp_path: Path) -> None:
    cine = read(tmp_path, HeartRate=1200)
    assert cine.heart_rate is None
    assert any("HeartRate 1200 was passed over" in warning for warning in cine.warnings)


@pytest.mark.parametrize("rate", ["999", "NaN", "-70", "abc", "7"])
def test_a_stated_heart_rate_that_cannot_be_costs_nothing_but_itself(tmp_path: Path, rate: str) -> None:
    path = save(dicom(HeartRate=7777), tmp_path / "clip.dcm")
    path.write_bytes(path.read_bytes().replace(b"7777", rate.ljust(4).encode()))
    cine = read_cine(path)
    assert cine.heart_rate is None and cine.frame_count == 6
    assert any("HeartRate" in warning and "passed over" in warning for warning in cine.warnings)


def test_no_pixel_data_is_refused(tmp_path: Path) -> None:
    data = dicom()
    del data.PixelData
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(ReadError, match="no pixel data"):
        read_cine(tmp_path / "a.dcm")


def test_an_object_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="Rows is missing"):
        read(tmp_path, Rows=None)


@pytest.mark.parametrize(
    "name", ["examples_ybr_color.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "OBXXXX1A_rle_2frame.dcm", "color-px.dcm"]
)
@pytest.mark.parametrize("share", [0.0005, 0.02, 0.3, 0.6, 0.95, 0.999])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, name: str, share: float) -> None:
    whole = real(name).read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ReadError):
        read_cine(path)


@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 3000), junk=st.binary(min_size=1, max_size=40))
def test_a_damaged_header_never_raises_anything_but_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, at: int, junk: bytes
) -> None:
    whole = bytearray(real("color-px.dcm").read_bytes())
    whole[at : at + len(junk)] = junk
    path = tmp_path_factory.mktemp("damaged") / "a.dcm"
    path.write_bytes(whole)
    try:
        assert read_cine(path).frames.dtype == np.uint8
    except ReadError as refusal:
        assert "\n" not in str(refusal)


def test_simulated_clips_are_known_by_their_manufacturer(tmp_path: Path) -> None:
    assert read(tmp_path, Manufacturer="EchoApex simulation").simulated
    assert not read(tmp_path, Manufacturer="Another").simulated


@pytest.mark.parametrize("name", ["RegionLocationMinX0", "PhysicalDeltaX"])
def test_a_damaged_value_is_refused_without_quoting_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.dcm"
    save(dicom(SequenceOfUltrasoundRegions=pydicom.Sequence([region()]), PatientName="Doe^Jane"), path)
    content = path.read_bytes()
    tag = pydicom.datadict.tag_for_keyword(name)
    assert tag is not None
    at = content.index((tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little"))
    path.write_bytes(content[: at + 4] + b"\xff\xff" + content[at + 6 :])
    for act in (read_cine, describe):
        with pytest.raises(ReadError, match=r"damaged|cut short") as refusal:
            act(path)
        assert "Doe" not in str(refusal.value)


# Privacy


def test_identifying_fields_are_named_and_never_quoted(tmp_path: Path) -> None:
    tags = {"PatientName": "Doe^Jane", "PatientID": "4711", "PatientBirthDate": "", "AccessionNumber": "A9"}
    path = save(dicom(**tags), tmp_path / "a.dcm")
    record = describe(path)
    assert record["identifying"] == ["PatientName", "PatientID", "AccessionNumber"]
    text = str({key: value for key, value in record.items() if key != "frame_times_s"})
    assert not any(value in text for value in ("Doe", "4711", "A9"))


def test_burned_in_annotation_is_a_warning(tmp_path: Path) -> None:
    assert any("burned" in warning for warning in read(tmp_path, BurnedInAnnotation="YES").warnings)
    assert not any("burned" in warning for warning in read(tmp_path, BurnedInAnnotation="NO").warnings)


def test_a_file_without_preamble_is_read(tmp_path: Path) -> None:
    path = save(dicom(syntax=pydicom.uid.ImplicitVRLittleEndian), tmp_path / "a.dcm")
    data = pydicom.dcmread(path)
    bare = tmp_path / "b.dcm"
    pydicom.dcmwrite(bare, pydicom.Dataset(data), implicit_vr=True, little_endian=True)
    assert np.array_equal(read_cine(bare).frames, fan())


def test_the_region_bounds_the_sector(tmp_path: Path) -> None:
    cine = with_regions(tmp_path, region())
    assert cine.sector.source == "region"
    overlap = (cine.sector.mask & fan_mask()).sum() / (cine.sector.mask | fan_mask()).sum()
    assert overlap > 0.93
