"""A study is one patient at one time: what half an identity is worth, copies, spellings, and the age."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import SimpleITK
from io_writers import dicom, fan, save, save_frames
from numpy.typing import NDArray
from pydicom.uid import JPEG2000Lossless
from study_cases import MODEL, Take, TruthIn, reason_of, write_take

from echoapex.cli import main
from echoapex.patient import Patient, Sex
from echoapex.study.batch_analysis import StudyOptions, analyze_study
from echoapex.study.file_grouping import StudyFiles, find_clips, group_studies

ANON = {"PatientID": "ANONYMOUS", "PatientName": "ANONYMOUS"}
NAMED = {"PatientID": "T-4711", "PatientName": "ROE^JANE"}
SMALL = fan(2, 24, 32)


def write(path: Path, **tags: object) -> Path:
    """A clip of the given identity and no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(dicom(SMALL, **tags), path)


def studies(folder: Path) -> list[StudyFiles]:
    return group_studies(find_clips([folder]))


def names(folder: Path) -> list[list[str]]:
    return [[path.relative_to(folder).as_posix() for path in study.files] for study in studies(folder)]


def said(study: StudyFiles) -> str:
    return " | ".join(study.notes)


# Half an identity


@pytest.mark.parametrize(
    "word", ["ANONYMOUS", "anon", "0", "0000", "Unknown", "N/A", "XXX", "de-identified", "ANON^^^X", "12345", "9999"]
)
def test_a_placeholder_is_no_patient_and_the_folder_counts(tmp_path: Path, word: str) -> None:
    for number, view in ((1, "a4c"), (1, "a2c"), (2, "a4c")):
        write(tmp_path / f"patient_{number}" / f"{view}.dcm", PatientID=word, PatientName=word)
    assert names(tmp_path) == [["patient_1/a2c.dcm", "patient_1/a4c.dcm"], ["patient_2/a4c.dcm"]]
    first, second = studies(tmp_path)
    assert "assumed" in said(first) and "placeholder" in said(first)
    assert "names nobody" in said(second) and "assumed" not in said(second)


@pytest.mark.parametrize("number", ["A", "SIM-easy-3", "ANON-0815", "T-s1", "100"])
def test_a_pseudonym_is_a_patient(tmp_path: Path, number: str) -> None:
    write(tmp_path / "1.dcm", PatientID=number)
    write(tmp_path / "2.dcm", PatientID="MRN-1")
    assert len(studies(tmp_path)) == 2


@pytest.mark.parametrize("identity", [ANON, NAMED, {}])
@pytest.mark.parametrize(
    ("tag", "one", "other"),
    [
        ("PatientBirthDate", "19610315", "19700101"),
        ("PatientSex", "F", "M"),
        ("StudyDate", "20240612", "20240613"),
        ("Manufacturer", "ACME Ultrasound", "Other"),
        ("ManufacturerModelName", "A1", "B2"),
        ("DeviceSerialNumber", "17", "18"),
        ("PatientAge", "045Y", "071Y"),
        ("AccessionNumber", "A1", "A2"),
    ],
)
def test_what_contradicts_is_apart_without_a_study_number(
    tmp_path: Path, identity: dict[str, str], tag: str, one: str, other: str
) -> None:
    write(tmp_path / "1.dcm", **identity, **{tag: one})
    write(tmp_path / "2.dcm", **identity, **{tag: other})
    write(tmp_path / "3.dcm", **identity, **{tag: one})
    assert names(tmp_path) == [["1.dcm", "3.dcm"], ["2.dcm"]]
    assert all("differ in" in said(study) and one not in said(study) for study in studies(tmp_path))


def test_what_is_missing_contradicts_nothing(tmp_path: Path) -> None:
    write(tmp_path / "1.dcm", **NAMED, StudyDate="20240612", PatientSex="F", PatientBirthDate="19610315")
    write(tmp_path / "2.dcm", **NAMED, StudyDate="20240612")
    (study,) = studies(tmp_path)
    assert "no StudyInstanceUID" in said(study) and "assumed" in said(study)


def test_series_count_only_where_nobody_is_named(tmp_path: Path) -> None:
    for number in (1, 2):
        write(tmp_path / "named" / f"{number}.dcm", **NAMED, SeriesInstanceUID=f"1.2.{number}")
        write(tmp_path / "anon" / f"{number}.dcm", **ANON, SeriesInstanceUID=f"1.2.{number}")
    assert names(tmp_path) == [["anon/1.dcm"], ["anon/2.dcm"], ["named/1.dcm", "named/2.dcm"]]


def test_one_patient_number_in_two_folders_is_one_study_only_with_both_dates(tmp_path: Path) -> None:
    dates = {"PatientBirthDate": "19610315", "StudyDate": "20240612"}
    for folder in "ab":
        write(tmp_path / "half" / folder / "1.dcm", PatientID="T-1", StudyDate="20240612")
        write(tmp_path / "whole" / folder / "1.dcm", PatientID="T-1", **dates)
    assert names(tmp_path / "half") == [["a/1.dcm"], ["b/1.dcm"]]
    assert all("other folders" in said(study) for study in studies(tmp_path / "half"))
    assert names(tmp_path / "whole") == [["a/1.dcm", "b/1.dcm"]]


def test_a_placeholder_under_a_study_number_is_told_apart_by_what_contradicts(tmp_path: Path) -> None:
    for number, born in enumerate(("19610315", "19700101", "19610315"), start=1):
        write(tmp_path / f"{number}.dcm", **ANON, StudyInstanceUID="1.2.3", PatientBirthDate=born)
    assert names(tmp_path) == [["1.dcm", "3.dcm"], ["2.dcm"]]
    assert all("same StudyInstanceUID, but differ in birth date" in said(study) for study in studies(tmp_path))


@pytest.mark.parametrize("number", ["0", "1", "UNKNOWN", "1.2.840.10008.1.1", "0.0.0.0"])
def test_a_study_number_that_is_nobodys_holds_nothing_together(tmp_path: Path, number: str) -> None:
    for folder in "ab":
        write(tmp_path / folder / "1.dcm", **ANON, StudyInstanceUID=number)
    assert names(tmp_path) == [["a/1.dcm"], ["b/1.dcm"]]


@pytest.mark.parametrize(
    ("tag", "one", "other"), [("Manufacturer", "ACME", "Other"), ("DeviceSerialNumber", "17", "18")]
)
def test_anonymous_files_of_two_machines_are_apart_under_one_study_number(
    tmp_path: Path, tag: str, one: str, other: str
) -> None:
    write(tmp_path / "1.dcm", **ANON, StudyInstanceUID="1.2.3", **{tag: one})
    write(tmp_path / "2.dcm", **ANON, StudyInstanceUID="1.2.3", **{tag: other})
    assert names(tmp_path) == [["1.dcm"], ["2.dcm"]]


@pytest.mark.parametrize(
    ("tag", "one", "other"), [("PatientBirthDate", "19610315", "19880101"), ("PatientSex", "F", "M")]
)
def test_two_people_under_one_patient_and_study_number_are_apart(
    tmp_path: Path, tag: str, one: str, other: str
) -> None:
    write(tmp_path / "1.dcm", PatientID="X17", StudyInstanceUID="1.2.3", **{tag: one})
    write(tmp_path / "2.dcm", PatientID="X17", StudyInstanceUID="1.2.3", **{tag: other})
    assert names(tmp_path) == [["1.dcm"], ["2.dcm"]]
    assert all("same StudyInstanceUID, but differ in" in said(study) for study in studies(tmp_path))


@pytest.mark.parametrize("number", [None, "ANON"])
def test_a_file_without_a_number_belongs_to_the_name_under_one_study_number(tmp_path: Path, number: str | None) -> None:
    write(tmp_path / "1.dcm", PatientID="X17", PatientName="Roe^Jane", StudyInstanceUID="1.2.3")
    write(tmp_path / "2.dcm", PatientID=number, PatientName="Roe^Jane", StudyInstanceUID="1.2.3")
    write(tmp_path / "3.dcm", PatientID=number, PatientName="Doe^Bob", StudyInstanceUID="1.2.3")
    assert names(tmp_path) == [["1.dcm", "2.dcm"], ["3.dcm"]]


def test_a_study_number_holds_anonymous_files_of_several_folders_together(tmp_path: Path) -> None:
    for folder in "ab":
        write(tmp_path / folder / "1.dcm", **ANON, StudyInstanceUID="1.2.3")
    (study,) = studies(tmp_path)
    assert len(study.files) == 2 and study.notes == ()


# Spellings


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("4711", "4711^^^HOSP", "issuer"),
        ("4711", "0004711", "zeros"),
        ("a17", "A17", "capital"),
        ("47-11", "4711", "punctuation"),
    ],
)
def test_two_spellings_under_one_study_number_are_one_patient_and_said(
    tmp_path: Path, one: str, other: str, how: str
) -> None:
    write(tmp_path / "1.dcm", PatientID=one, StudyInstanceUID="1.2.3")
    write(tmp_path / "2.dcm", PatientID=other, StudyInstanceUID="1.2.3")
    (study,) = studies(tmp_path)
    assert len(study.files) == 2
    assert "PatientID" in said(study) and how in said(study) and "same StudyInstanceUID" in said(study)
    assert one not in said(study).replace("and", "") or one == "a17"


@pytest.mark.parametrize(("one", "other", "what"), [("1", "2", "PatientID"), ("1^^^A", "1^^^B", "issuer")])
def test_two_patients_under_one_study_number_are_apart_and_what_differs_is_said(
    tmp_path: Path, one: str, other: str, what: str
) -> None:
    write(tmp_path / "1.dcm", PatientID=one, StudyInstanceUID="1.2.3")
    write(tmp_path / "2.dcm", PatientID=other, StudyInstanceUID="1.2.3")
    first, second = studies(tmp_path)
    assert all("same StudyInstanceUID" in said(study) and what in said(study) for study in (first, second))


# Copies


def test_copies_of_one_clip_count_once_and_the_deleted_one_never(tmp_path: Path) -> None:
    clip = write(tmp_path / "Kardiologie" / "a4c.dcm", **NAMED, StudyInstanceUID="1.2.3")
    for name in ("$RECYCLE.BIN/$R1.dcm", "Recycled/$R1.dcm", "zz Kopie/a4c (1).dcm"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(clip, tmp_path / name)
    (study,) = studies(tmp_path)
    assert study.files == (clip,)
    assert set(study.copies.values()) == {clip} and len(study.copies) == 2, "a folder of the system is not looked into"


def test_a_number_written_twice_makes_no_copy(tmp_path: Path) -> None:
    for number in (1, 2):
        data = dicom(fan(2, 24, 32, seed=number), **NAMED, StudyInstanceUID="1.2.3", SOPInstanceUID="1.2.3.4")
        save(data, tmp_path / f"{number}.dcm")
    (study,) = studies(tmp_path)
    assert len(study.files) == 2 and not study.copies


def test_a_copy_that_is_cut_short_does_not_take_the_place_of_the_clip(tmp_path: Path) -> None:
    clip = write(tmp_path / "b.dcm", **NAMED, StudyInstanceUID="1.2.3", SOPInstanceUID="1.2.3.4")
    (tmp_path / "a.dcm").write_bytes(clip.read_bytes()[:-400])
    (study,) = studies(tmp_path)
    assert clip in study.files and clip not in study.copies


def video(path: Path, frames: NDArray[np.uint8]) -> Path:
    """A video without loss."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 30, (frames.shape[2], frames.shape[1]))
    for frame in frames:
        writer.write(np.repeat(frame[..., None], 3, axis=-1))
    writer.release()
    return path


def test_videos_that_are_the_same_to_the_last_byte_count_once(tmp_path: Path) -> None:
    (tmp_path / "trash").mkdir()
    clip = video(tmp_path / "b.avi", fan(4))
    video(tmp_path / "other.avi", fan(4, seed=8))
    for name in ("a.avi", "c.avi", "trash/a.avi"):
        shutil.copy(clip, tmp_path / name)
    here, there = group_studies(find_clips([tmp_path]))
    assert [path.name for path in here.files] == ["a.avi", "other.avi"]
    assert here.copies == {clip: tmp_path / "a.avi", tmp_path / "c.avi": tmp_path / "a.avi"}
    assert [path.parent.name for path in there.files] == ["trash"]


def test_files_of_one_size_are_no_copies(tmp_path: Path) -> None:
    for seed in (1, 2):
        (tmp_path / f"{seed}.nii").write_bytes(bytes([seed]) * 500)
    (study,) = group_studies([tmp_path / "1.nii", tmp_path / "2.nii"])
    assert len(study.files) == 2 and not study.copies


def test_clips_that_are_the_same_in_every_pixel_count_once(tmp_path: Path) -> None:
    frames = fan(4)
    video(tmp_path / "a.avi", frames)
    video(tmp_path / "other.avi", fan(4, seed=8))
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(frames), str(tmp_path / "b.nrrd"))
    names = dict.fromkeys(("a.avi", "other.avi", "b.nrrd"), "OTHER")
    (report,) = analyze_study([tmp_path], MODEL, options=StudyOptions(observe=TruthIn({}), views=names))
    assert [clip.cine.path and clip.cine.path.name for clip in report.clips] == ["a.avi", "other.avi"]
    assert "same in every pixel" in reason_of(report.not_measured, "b.nrrd") and report.failures == ()


def test_what_turns_out_to_be_no_clip_when_it_is_read_is_no_failure(tmp_path: Path) -> None:
    labels = SimpleITK.GetImageFromArray((fan(4) > 100).astype(np.float32))
    SimpleITK.WriteImage(labels, str(tmp_path / "labels.nii.gz"))
    (report,) = analyze_study([tmp_path], MODEL, options=StudyOptions(observe=TruthIn({})))
    assert "label map" in reason_of(report.not_measured, "labels.nii.gz") and report.failures == ()
    assert main(["info", str(tmp_path)]) == 0


def test_a_copy_is_listed_as_left_out_and_its_view_may_be_named(tmp_path: Path) -> None:
    still = Take("A4C", 0, 1)
    write_take(tmp_path / "a.dcm", still)
    shutil.copy(tmp_path / "a.dcm", tmp_path / "b.dcm")
    options = StudyOptions(observe=TruthIn({"a.dcm": still}), views={"b.dcm": "A2C"})
    (report,) = analyze_study([tmp_path], MODEL, options=options)
    assert [(clip.cine.path.name, clip.view) for clip in report.clips] == [("a.dcm", "A2C")]
    assert "copy of another" in reason_of(report.not_measured, "b.dcm") and report.failures == ()


def test_a_copy_stands_in_for_a_clip_that_cannot_be_decoded(tmp_path: Path) -> None:
    junk = [b"\xff\x4f\xff\x51" + bytes(60)] * len(SMALL)
    same = {**NAMED, "SOPInstanceUID": "1.2.9", "StudyInstanceUID": "1.2.3"}
    save_frames(junk, JPEG2000Lossless, tmp_path / "a.dcm", Rows=24, Columns=32, **same)
    for name in ("b.dcm", "c.dcm"):
        write(tmp_path / name, **same)
    (report,) = analyze_study([tmp_path], MODEL, options=StudyOptions(observe=TruthIn({}), views={"a.dcm": "OTHER"}))
    assert [clip.cine.path.name for clip in report.clips] == ["b.dcm"]
    assert "damaged" in reason_of(report.failures, "a.dcm")
    assert "copy of another" in reason_of(report.not_measured, "c.dcm")
    assert not any("b.dcm: This file is a copy" in str(reason) for reason in report.not_measured)


# Age


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        ("19610315", "20240612", 63),
        ("20060612", "20240612", 18),
        ("20060613", "20240612", 17),
        ("20240412", "20240612", pytest.approx(61 / 365.25)),
        ("20250101", "20240612", None),
        ("19000101", "20240612", None),
        ("1961", "20240612", None),
        ("19610315", "", None),
        ("19611399", "20240612", None),
        ("1961.03.15", "2024.06.12", 63),
    ],
)
def test_age_is_that_between_birth_and_study(tmp_path: Path, born: str, day: str, age: float | None) -> None:
    write(tmp_path / "1.dcm", **NAMED, PatientBirthDate=born, StudyDate=day)
    (study,) = studies(tmp_path)
    assert study.patient.age == age
    assert ("birth date and study date" in said(study)) == (age is not None)


@pytest.mark.parametrize(
    ("tag", "day"),
    [("SeriesDate", "20240612"), ("AcquisitionDateTime", "20240612101500.000"), ("ContentDate", "20240612")],
)
def test_the_day_is_that_of_the_clip_where_the_study_has_none(tmp_path: Path, tag: str, day: str) -> None:
    write(tmp_path / "1.dcm", **NAMED, PatientBirthDate="19610315", StudyDate="", **{tag: day})
    (study,) = studies(tmp_path)
    assert study.patient.age == 63


def test_a_written_age_goes_first_and_a_contradiction_is_said(tmp_path: Path) -> None:
    write(tmp_path / "1.dcm", **NAMED, PatientBirthDate="19610315", StudyDate="20240612", PatientAge="063Y")
    (study,) = studies(tmp_path)
    assert (study.patient.age, study.notes) == (63, ())
    write(tmp_path / "1.dcm", **NAMED, PatientBirthDate="19610315", StudyDate="20240612", PatientAge="045Y")
    (study,) = studies(tmp_path)
    assert study.patient.age == 45 and "do not agree" in said(study)


# What the headers say of the patient


def patient_of(folder: Path, named: Patient | None = None) -> Patient:
    options = StudyOptions(observe=TruthIn({"plax.dcm": Take("PLAX")}), patient=named)
    (report,) = analyze_study([folder], MODEL, options=options)
    return report.patient


def test_what_the_headers_say_of_the_patient_is_used_and_the_user_goes_first(tmp_path: Path) -> None:
    facts = {"PatientSex": "F", "PatientAge": "050Y", "PatientSize": "1.62", "PatientWeight": "70"}
    write_take(tmp_path / "plax.dcm", Take("PLAX"), **facts)
    assert patient_of(tmp_path) == Patient(Sex.FEMALE, 50.0, 162.0, 70.0)
    assert patient_of(tmp_path, Patient(weight_kg=60.0)) == Patient(Sex.FEMALE, 50.0, 162.0, 60.0)


@pytest.mark.parametrize("change", [{"PatientAge": "999Y"}, {"PatientSize": "162"}, {"PatientWeight": "-3"}])
def test_impossible_facts_of_a_patient_count_as_unknown(tmp_path: Path, change: dict[str, str]) -> None:
    write_take(tmp_path / "plax.dcm", Take("PLAX"), PatientSex="O", **change)
    assert patient_of(tmp_path) == Patient()
