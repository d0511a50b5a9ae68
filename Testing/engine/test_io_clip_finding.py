"""Listing a folder, describing a file, and refusals that do not depend on the format."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from io_writers import dicom, fan, real, region, save
from pydicom import Sequence

from echoapex.cli.command_line import main
from echoapex.errors import ReadError
from echoapex.io import describe, read_cine, sort_out
from echoapex.study.file_grouping import find_clips

KEYS = (
    "file kind modality mode mode_source frame_count rows columns frame_times_s frame_time_source scale_mm_per_px "
    "scale_source scale_reason sector color view stage protocol contrast probe heart_rate identifying warnings"
)


def test_clips_are_found_by_name_and_by_content(tmp_path: Path) -> None:
    (tmp_path / "study" / "series").mkdir(parents=True)
    (tmp_path / ".cache").mkdir()
    wanted = ["b.avi", "c.NII.GZ", "d.mhd", "e.seq.nrrd", "f.dcm", "study/IM_0001", "study/series/g.gif"]
    unwanted = [".hidden.dcm", ".cache/h.avi", "DICOMDIR", "d.raw", "notes.txt", "empty", "truth.json", "table.csv"]
    for name in wanted + unwanted:
        start = {".avi": b"RIFF", ".gif": b"GIF8"}.get(Path(name).suffix, b"")
        (tmp_path / name).write_bytes(b"" if name == "empty" else start + b"anything")
    for name in ("study/IM_0001", "DICOMDIR", ".hidden.dcm"):
        save(dicom(), tmp_path / name)
    assert sort_out(tmp_path)[0] == sorted(tmp_path / name for name in wanted)


def test_dicom_without_preamble_is_found(tmp_path: Path) -> None:
    data = dicom(syntax="1.2.840.10008.1.2")
    save(data, tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / "bare").write_bytes(content[content.index(b"\x08\x00\x16\x00") :])
    assert sort_out(tmp_path)[0] == [tmp_path / "bare", tmp_path / "whole"]


def test_dicom_objects_without_images_are_left_out(tmp_path: Path) -> None:
    for name in ("test-SR.dcm", "waveform_ecg.dcm", "examples_ybr_color.dcm", "rtplan.dcm", "liver_1frame.dcm"):
        shutil.copy(real(name), tmp_path / name)
    assert sort_out(tmp_path)[0] == [tmp_path / "examples_ybr_color.dcm"]


def test_what_is_no_clip_is_left_out_with_the_reason_and_nothing_has_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(dicom(), tmp_path / "clip.dcm")
    save(dicom(SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2"), tmp_path / "volume.dcm")
    save(dicom(Modality="CT"), tmp_path / "ct.dcm")
    (tmp_path / "dead.mov").write_bytes(bytes(2000))
    (tmp_path / "playlist.avi").write_text("ffconcat version 1.0\nfile clip.avi\n")
    (tmp_path / "study.zip").write_bytes(b"PK")
    (tmp_path / "$RECYCLE.BIN").mkdir()
    save(dicom(), tmp_path / "$RECYCLE.BIN" / "deleted.dcm")
    labels = SimpleITK.GetImageFromArray((fan(4) > 100).astype(np.uint8))
    SimpleITK.WriteImage(labels, str(tmp_path / "labels.nii.gz"))
    labels.SetMetaData("Segment0_Name", "LV")
    SimpleITK.WriteImage(labels, str(tmp_path / "s.seg.nrrd"))
    clips, left_out = sort_out(tmp_path)
    assert clips == [tmp_path / "clip.dcm"]
    reasons = {Path(str(reason.file)).name: reason.rule for reason in left_out}
    words = {
        "volume.dcm": "3D volume",
        "ct.dcm": "modality US",
        "dead.mov": "not a video",
        "playlist.avi": "not a video",
        "study.zip": "archive",
        "$RECYCLE.BIN": "deleted",
        "labels.nii.gz": "label map",
        "s.seg.nrrd": "segments",
    }
    assert reasons.keys() == words.keys()
    assert all(words[name] in reasons[name] for name in words)
    assert find_clips([tmp_path, tmp_path / "ct.dcm"]) == clips
    assert main(["info", str(tmp_path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["left_out"]) == len(words)
    (tmp_path / "cut.dcm").touch()
    assert main(["info", str(tmp_path)]) == 1


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReadError, match="no regular file"):
        read_cine(tmp_path / "pipe")
    assert sort_out(tmp_path) == ([], [])


def test_names_of_files_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    main(["info", "\x1b[31mred\nline.dcm"])
    assert "\x1b" not in (printed := capsys.readouterr().err)
    assert printed.count("\n") == 1


def test_listing_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such folder"):
        sort_out(tmp_path / "missing")[0]
    (tmp_path / "file").touch()
    with pytest.raises(ReadError, match="no such folder"):
        sort_out(tmp_path / "file")[0]
    assert sort_out(tmp_path)[0] == []


@pytest.mark.parametrize("act", [read_cine, describe])
def test_what_cannot_be_read_is_refused_in_one_line_with_its_name(tmp_path: Path, act: object) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / "odd.dcm").write_bytes(b"no DICOM")
    rules = {
        "folder": "This is a folder: list its clips",
        "missing.dcm": "There is no such file",
        "empty.dcm": "This file is empty",
        "notes.txt": "This is none of DICOM",
        "odd.dcm": "",
    }
    for name, rule in rules.items():
        with pytest.raises(ReadError) as refusal:
            act(tmp_path / name)  # type: ignore[operator]
        assert rule in str(refusal.value)
        assert name in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_describe_has_exactly_the_keys_of_info(tmp_path: Path) -> None:
    records = [
        describe(real("examples_ybr_color.dcm")),
        describe(
            save(dicom(SequenceOfUltrasoundRegions=Sequence([region(RegionSpatialFormat=2)])), tmp_path / "m.dcm")
        ),
    ]
    for record in records:
        assert " ".join(record) == KEYS
        assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_describe_a_real_cine() -> None:
    record = describe(str(real("color3d_jpeg_baseline.dcm")))
    assert record["kind"] == "dicom"
    assert record["modality"] == "US"
    assert record["mode"] == "2D"
    assert (record["frame_count"], record["rows"], record["columns"]) == (120, 480, 640)
    assert record["frame_times_s"][1] == pytest.approx(0.033333)
    assert record["frame_time_source"] == "FrameTime"
    assert record["scale_mm_per_px"] == pytest.approx([0.5105, 0.5105], abs=5e-5)
    assert (record["scale_source"], record["scale_reason"]) == ("dicom_region", None)
    assert record["sector"]["source"] == "region"
    assert record["heart_rate"] is None
    assert "PatientName" in record["identifying"]


def test_describe_says_why_a_scale_is_missing() -> None:
    record = describe(real("examples_ybr_color.dcm"))
    assert record["scale_mm_per_px"] is None
    assert record["scale_source"] == "none"
    assert "beyond" in record["scale_reason"]


def test_importing_the_readers_imports_nothing_heavy() -> None:
    heavy = "torch pydicom SimpleITK cv2 scipy"
    code = f"import echoapex.io, sys; print([m for m in '{heavy}'.split() if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
