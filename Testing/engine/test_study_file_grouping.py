"""Which files make one study, whatever their headers say, and that studies are kept apart."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from study_cases import MODEL, PATIENT_A, PATIENT_B, Take, TruthIn, write_take

from echoapex.errors import EchoApexError, ReadError
from echoapex.patient import Patient, Sex
from echoapex.study.batch_analysis import StudyOptions, analyze_study, write_studies
from echoapex.study.file_grouping import find_clips, group_studies

MAN = Patient(Sex.MALE, 60.0, 175.0, 80.0)
A4C, A2C = Take("A4C"), Take("A2C")


def grouped(folder: Path) -> list[tuple[str, set[str], tuple[str, ...]]]:
    return [
        (study.id, {path.name for path in study.files}, study.notes) for study in group_studies(find_clips([folder]))
    ]


def write_header(path: Path, **fields: str) -> None:
    """A DICOM file that is read for its header alone."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = UltrasoundMultiFrameImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = "1.2.3.4"
    header.Rows = header.Columns = 4
    for name, value in fields.items():
        setattr(header, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)


def test_a_study_may_lie_in_several_folders_and_a_folder_may_hold_several(tmp_path: Path) -> None:
    write_header(tmp_path / "x" / "1.dcm", PatientID="A", StudyInstanceUID="1.1")
    write_header(tmp_path / "x" / "2.dcm", PatientID="A", StudyInstanceUID="1.2")
    write_header(tmp_path / "y" / "3.dcm", PatientID="A", StudyInstanceUID="1.1")
    first, second = grouped(tmp_path)
    assert (first[0], first[1], second[0], second[1]) == ("study-1", {"1.dcm", "3.dcm"}, "study-2", {"2.dcm"})
    assert any("2 studies of one patient" in note for note in first[2])


def test_the_same_study_number_under_two_patients_is_two_studies(tmp_path: Path) -> None:
    write_header(tmp_path / "1.dcm", PatientID="A", StudyInstanceUID="1.1")
    write_header(tmp_path / "2.dcm", PatientID="B", StudyInstanceUID="1.1")
    write_header(tmp_path / "3.dcm", PatientName="C^D", StudyInstanceUID="1.1")
    assert [files for _, files, _ in grouped(tmp_path)] == [{"1.dcm"}, {"2.dcm"}, {"3.dcm"}]
    assert all("3 patients" in " ".join(notes) for _, _, notes in grouped(tmp_path))


def test_files_without_identity_are_one_study_a_folder_and_never_somebodys(tmp_path: Path) -> None:
    write_header(tmp_path / "x" / "1.dcm", PatientID="A", StudyInstanceUID="1.1")
    for name in ("x/a.avi", "x/b.mp4", "y/c.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"RIFF, but no video: " + name.encode())
    write_header(tmp_path / "y" / "2.dcm")
    (_, known, _), (_, beside, notes), (_, alone, none) = grouped(tmp_path)
    assert (known, beside, alone) == ({"1.dcm"}, {"a.avi", "b.mp4"}, {"c.avi", "2.dcm"})
    assert any("do not say whose" in note for note in notes)
    assert len(none) == 1 and "taken for one patient's" in none[0]


def test_a_file_cut_short_goes_where_it_may_belong(tmp_path: Path) -> None:
    write_header(tmp_path / "1.dcm", PatientID="A", StudyInstanceUID="1.1")
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "1.dcm").read_bytes()[:140])
    assert [files for _, files, _ in grouped(tmp_path)] == [{"1.dcm", "cut.dcm"}]
    write_header(tmp_path / "2.dcm", PatientID="B", StudyInstanceUID="1.2")
    assert [files for _, files, _ in grouped(tmp_path)] == [{"1.dcm"}, {"2.dcm"}, {"cut.dcm"}]


@given(age=st.text(max_size=6), size=st.text(max_size=8), weight=st.text(max_size=8), sex=st.text(max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_no_header_text_breaks_the_grouping(tmp_path: Path, age: str, size: str, weight: str, sex: str) -> None:
    from pydicom import config

    path = tmp_path / "hostile.dcm"
    with config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            write_header(path, PatientID="A", PatientAge=age, PatientSize=size, PatientWeight=weight, PatientSex=sex)
        except (ValueError, TypeError, UnicodeError, OverflowError, AttributeError):
            return  # no such file can be written
        (study,) = group_studies([path])
    assert study.patient.sex in (None, *Sex)


def test_every_file_is_found_once(tmp_path: Path) -> None:
    write_header(tmp_path / "x" / "1.dcm", PatientID="A")
    found = find_clips([tmp_path, tmp_path / "x", tmp_path / "x" / "1.dcm", tmp_path / "x" / ".." / "x" / "1.dcm"])
    assert len(found) == 1


def test_a_study_that_cannot_be_written_does_not_stop_the_next(tmp_path: Path) -> None:
    takes = {"a.dcm": A4C, "b.dcm": A2C}
    for number, (name, take) in enumerate(takes.items(), start=1):
        write_take(tmp_path / name, take, study=f"1.{number}")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study-1").write_text("in the way", encoding="utf-8")
    options = StudyOptions(observe=TruthIn(takes), scene=False)
    refusal, second = write_studies(list(tmp_path.glob("*.dcm")), MODEL, tmp_path / "out", options=options)
    assert "cannot be made" in str(refusal) and "study-1" in str(refusal)
    assert second.page.is_file() and second.folder.name == "study-2"


def test_the_report_of_a_single_study_goes_where_several_are_written(tmp_path: Path) -> None:
    takes = {"a.dcm": A4C, "b.dcm": A2C}
    for number, (name, take) in enumerate(takes.items(), start=1):
        write_take(tmp_path / name, take, study=f"1.{number}")
    options, out = StudyOptions(observe=TruthIn(takes), scene=False), tmp_path / "out"
    (single,) = write_studies([tmp_path / "a.dcm"], MODEL, out, options=options)
    assert single.page == out / "report.html" and single.page.is_file()
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    both = list(write_studies(list(tmp_path.glob("*.dcm")), MODEL, out, options=options))
    assert [written.page.is_file() for written in both] == [True, True]
    assert {path.name for path in out.iterdir() if path.is_file()} == {"notes.txt"}


def test_two_patients_in_one_folder_are_kept_apart(tmp_path: Path) -> None:
    write_take(tmp_path / "a.dcm", A4C, patient=PATIENT_A, study="1.1")
    write_take(tmp_path / "b.dcm", A4C, patient=PATIENT_B, study="1.2")
    write_take(tmp_path / "c.dcm", A2C, patient=PATIENT_A, study="1.1")
    observe = TruthIn({"a.dcm": A4C, "b.dcm": A4C, "c.dcm": A2C})
    options = StudyOptions(observe=observe, scene=False)
    first, second = write_studies([tmp_path], MODEL, tmp_path / "out", options=options)
    assert [clip.cine.path.name for clip in first.report.clips] == ["a.dcm", "c.dcm"]
    assert [clip.cine.path.name for clip in second.report.clips] == ["b.dcm"]
    assert (first.folder, second.folder) == (tmp_path / "out" / "study-1", tmp_path / "out" / "study-2")
    for written in (first, second):
        assert any("2 patients" in note for note in written.report.notes)
        text = written.page.read_text(encoding="utf-8")
        assert "2 patients" in text and PATIENT_A not in text and PATIENT_B not in text
        with (written.folder / "measurements.csv").open(newline="", encoding="utf-8") as table:
            rows = list(csv.DictReader(table))
        assert {row["study"] for row in rows} == {written.report.id}
        assert len(rows) == len(written.report.measurements)


def test_a_patient_is_not_given_to_several_studies(tmp_path: Path) -> None:
    write_take(tmp_path / "a.dcm", A4C, study="1.1")
    write_take(tmp_path / "b.dcm", A4C, study="1.2")
    with pytest.raises(EchoApexError, match="of one study") as refusal:
        analyze_study([tmp_path], MODEL, patient=MAN, options=StudyOptions(observe=TruthIn({})))
    assert refusal.value.value == "2 studies"


def test_where_nothing_of_what_is_named_is_there_no_study_is_made_of_it(tmp_path: Path) -> None:
    (tmp_path / "1.dcm").write_bytes(b"")
    gone = tmp_path / "gone"
    with pytest.raises(ReadError, match=r"gone: There is no such file\."):
        find_clips([gone])
    # Beside another one it fails by itself.
    assert gone in find_clips([tmp_path / "1.dcm", gone])
