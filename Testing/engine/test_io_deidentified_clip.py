"""A DICOM clip without its patient: no name in any field, no writing beside the sector, and no file by halves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from io_writers import dicom, fan, fan_mask, real, region, save, transcode
from numpy.typing import NDArray
from pydicom.datadict import DicomDictionary, keyword_for_tag

from echoapex.errors import EchoApexError, ReadError
from echoapex.io import cine_reading
from echoapex.io.deidentified_clip import deidentify_clip, options_of
from echoapex.io.deidentified_header import Dates, Profile
from echoapex.io.project_key import ProjectKey
from echoapex.io.text_free_sector import NO_BORDER, SEVERAL

KEY = b"0123456789abcdef0123456789abcdef"
PATIENT = "00112233445566aa"
_TEXTS = ("LO", "SH", "PN", "ST", "LT", "UT", "UC", "CS", "AE")
_NEEDED = (
    *("SpecificCharacterSet", "Modality", "PhotometricInterpretation", "SOPClassUID", "TransferSyntaxUID"),
    *("PixelPresentation", "VolumetricProperties", "DimensionOrganizationType"),
)
TEXT_FIELDS = sorted(
    tag
    for tag, (vr, *_, retired, _) in DicomDictionary.items()
    if vr in _TEXTS and 0x0008_0000 < tag < 0x7FE0_0000 and keyword_for_tag(tag) not in _NEEDED
)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "project.key"
    file.write_text(KEY.hex())
    return file


def written(source: Path, key: Path, profile: Profile | None = None, patient: str = PATIENT) -> pydicom.Dataset:
    target = source.with_name("clean.dcm")
    deidentify_clip(source, target, key, Path(patient), *map(Path, options_of(profile or Profile())))
    return pydicom.dcmread(target)


def with_letters(frames: NDArray[np.uint8], places: list[tuple[int, int]]) -> tuple[Any, NDArray[np.bool_]]:
    """Frames with a name burned in at ``places`` (x, y), and where its letters are."""
    letters = np.zeros(frames.shape[1:3], np.uint8)
    for place in places:
        cv2.putText(letters, "ROE", place, cv2.FONT_HERSHEY_PLAIN, 0.8, 255, 1)
    where = letters > 0
    burned = frames.copy()
    burned[:, where] = 250
    return burned, where


@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")
def test_a_name_in_any_text_of_the_dictionary_gets_nowhere(tmp_path: Path, key: Path) -> None:
    data = dicom(PatientBirthDate="19500607", StudyDate="20200304", StudyInstanceUID="1.2.3")
    for tag in TEXT_FIELDS:
        data.add_new(tag, DicomDictionary[tag][0], "QXORLANDO")
    block = data.private_block(0x0011, "QXORLANDO", create=True)
    block.add_new(1, "LO", "QXORLANDO")
    source = save(data, tmp_path / "clip.dcm")
    assert source.read_bytes().count(b"QXORLANDO") > 1000
    for profile in (Profile(), Profile(Dates.SHIFTED, characteristics=True)):
        clean = written(source, key, profile)
        text = (tmp_path / "clean.dcm").read_bytes().upper()
        assert b"QXORLANDO" not in text and b"19500607" not in text and b"1.2.3\0" not in text
        assert not any(element.tag.is_private for element in clean.iterall())


@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(st.characters(categories=["Lu", "Ll"]), min_size=3, max_size=12),
    tags=st.lists(st.sampled_from(TEXT_FIELDS), min_size=1, max_size=30, unique=True),
)
def test_no_name_gets_through(tmp_path: Path, key: Path, name: str, tags: list[int]) -> None:
    name = f"Qx{name}"
    data = dicom(fan(4), SpecificCharacterSet="ISO_IR 192", PatientName=f"{name}^Ann", PatientID=name)
    for tag in tags:
        vr = DicomDictionary[tag][0]
        # These two hold ASCII alone.
        data.add_new(tag, vr, name.encode("ascii", "replace").decode() if vr in ("CS", "AE") else name)
    written(save(data, tmp_path / "clip.dcm"), key)
    header = (tmp_path / "clean.dcm").read_bytes().split(b"\xe0\x7f\x10\x00")[0]
    assert name.encode() not in header and name.upper().encode() not in header.upper()


def test_the_same_uid_becomes_the_same_by_one_key_and_another_by_another(tmp_path: Path, key: Path) -> None:
    one = save(dicom(StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.4"), tmp_path / "one.dcm")
    other = save(dicom(fan(seed=8), StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.5"), tmp_path / "other.dcm")
    first, second = written(one, key), written(other, key)
    assert first.StudyInstanceUID == second.StudyInstanceUID != "1.2.3"
    assert first.SeriesInstanceUID != second.SeriesInstanceUID and first.SOPInstanceUID != second.SOPInstanceUID
    assert first.StudyInstanceUID.is_valid and len(first.StudyInstanceUID) <= 64
    key.write_text(KEY[::-1].hex())
    assert written(one, key).StudyInstanceUID != first.StudyInstanceUID


def test_dates_of_a_patient_move_together_or_go(tmp_path: Path, key: Path) -> None:
    source = save(dicom(StudyDate="20200304", ContentDate="20200309", StudyTime="101112"), tmp_path / "clip.dcm")
    gone = written(source, key)
    assert gone.StudyDate == "" and gone.StudyTime == "" and "ContentDate" not in gone
    assert gone.LongitudinalTemporalInformationModified == "REMOVED"
    moved = written(source, key, Profile(Dates.SHIFTED))
    days = [pydicom.valuerep.DA(value) for value in (moved.StudyDate, moved.ContentDate)]
    assert (days[1] - days[0]).days == 5 and days[0].year < 2020 and moved.StudyTime == "101112"
    assert written(source, key, Profile(Dates.SHIFTED), "ffeeddccbbaa0099").StudyDate != moved.StudyDate
    assert moved.LongitudinalTemporalInformationModified == "MODIFIED"


def test_sex_and_age_stay_only_where_that_is_chosen(tmp_path: Path, key: Path) -> None:
    source = save(dicom(PatientSex="F", PatientAge="093Y", PatientSize=1.71), tmp_path / "clip.dcm")
    assert written(source, key).PatientSex == "" and "PatientAge" not in written(source, key)
    kept = written(source, key, Profile(characteristics=True))
    assert (kept.PatientSex, kept.PatientAge, float(kept.PatientSize)) == ("F", "090Y", 1.71)


def test_what_is_measured_with_stays(tmp_path: Path, key: Path) -> None:
    tags = {"FrameTimeVector": [0, 20, 30, 40, 50, 60], "FrameIncrementPointer": 0x00181065, "HeartRate": 61}
    data = dicom(SequenceOfUltrasoundRegions=[region()], Manufacturer="Philips", PatientName="Roe", **tags)
    source = save(data, tmp_path / "clip.dcm")
    written(source, key)
    before, after = (cine_reading.read_cine(tmp_path / name) for name in ("clip.dcm", "clean.dcm"))
    assert after.scale == before.scale and after.scale.known
    assert before.times.seconds is not None and after.times.seconds == pytest.approx(before.times.seconds)
    assert after.heart_rate == before.heart_rate and after.identifying == ("PatientName", "PatientID")
    statement = pydicom.dcmread(tmp_path / "clean.dcm")
    assert statement.PatientIdentityRemoved == "YES" and statement.BurnedInAnnotation == "NO"
    assert [code.CodeValue for code in statement.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert all(len(text) <= 64 for text in statement.DeidentificationMethod)


@pytest.mark.parametrize("kind", ["gray", "rgb", "ybr", "jpeg"])
def test_letters_beside_the_sector_are_gone_in_all_frames(tmp_path: Path, key: Path, kind: str) -> None:
    frames, letters = with_letters(fan(), [(1, 14), (92, 14), (1, 90), (95, 92)])
    assert not (letters & fan_mask()).any() and letters.sum() > 150
    tags: dict[str, Any] = {}
    if kind != "gray":
        frames = np.repeat(frames[..., None], 3, axis=-1)
        frames[:, 50:60, 60:70, 0] = 250  # color flow, that the clip is in color
        frames[::2, 50:60, 60:70, 1:] = 20
    if kind == "ybr":
        frames = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]] for frame in frames])
        tags = {"PhotometricInterpretation": "YBR_FULL"}
    source = save(dicom(frames, **tags), tmp_path / "clip.dcm")
    if kind == "jpeg":
        source = transcode(source, tmp_path / "jpeg.dcm", "JPEGLosslessProcess14_1")
    clean = written(source, key)
    assert clean.PhotometricInterpretation == ("MONOCHROME2" if kind == "gray" else "RGB")
    pixels = clean.pixel_array
    assert len(pixels) == 6 and not pixels[:, letters].any(), "no letter is left"
    assert not pixels[:, ~fan_mask()].any(), "nor anything else beside the sector"
    assert (pixels[:, fan_mask()] > 0).mean() > 0.8, "and the sector is there"


def test_letters_over_the_sector_of_a_clip_are_gone(tmp_path: Path, key: Path) -> None:
    frames, letters = with_letters(fan(), [(50, 60)])
    assert fan_mask()[letters].all()
    pixels = written(save(dicom(frames), tmp_path / "clip.dcm"), key).pixel_array
    assert not pixels[:, letters].any()


def test_both_real_cines_can_be_made_safe(tmp_path: Path, key: Path) -> None:
    for name in ("examples_ybr_color.dcm",):
        (tmp_path / "real.dcm").write_bytes(real(name).read_bytes())
        original = pydicom.dcmread(tmp_path / "real.dcm")
        clean = written(tmp_path / "real.dcm", key)
        assert clean.PatientID == PATIENT and clean.SOPInstanceUID != original.SOPInstanceUID
        assert clean.NumberOfFrames == original.NumberOfFrames and clean.LossyImageCompression == "01"


def cases() -> dict[str, tuple[Any, dict[str, Any], str]]:
    random = np.random.default_rng(4)
    filled = random.integers(0, 255, (6, 96, 128)).astype(np.uint8)
    left, right = (region(RegionLocationMinX0=x, RegionLocationMaxX1=x + 60) for x in (0, 64))
    spectral = region(RegionSpatialFormat=3, RegionDataType=3)
    return {
        "filled": (filled, {}, NO_BORDER),
        "two images": (fan(), {"SequenceOfUltrasoundRegions": [left, right]}, SEVERAL),
        "trace": (fan(), {"SequenceOfUltrasoundRegions": [spectral]}, "no 2D image"),
    }


@pytest.mark.parametrize("name", list(cases()))
def test_what_cannot_be_made_safe_is_refused_and_leaves_nothing(tmp_path: Path, key: Path, name: str) -> None:
    frames, tags, reason = cases()[name]
    source = save(dicom(frames, **tags), tmp_path / "clip.dcm")
    with pytest.raises(ReadError) as refusal:
        written(source, key)
    assert reason in refusal.value.rule
    assert not (tmp_path / "clean.dcm").exists()


def test_a_key_is_made_once_for_this_user_alone_and_checked(tmp_path: Path) -> None:
    said: list[str] = []
    file = tmp_path / "new.key"
    first = ProjectKey.kept_in(file, said.append).name("patient", "x")
    assert ProjectKey.kept_in(file, said.append).name("patient", "x") == first and len(said) == 1
    assert sys.platform == "win32" or file.stat().st_mode & 0o077 == 0
    for broken in ("", "zz" * 32, "ab" * 31):
        file.write_text(broken)
        with pytest.raises(EchoApexError, match="key"):
            ProjectKey.of_file(file)
