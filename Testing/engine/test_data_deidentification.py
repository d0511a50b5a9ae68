"""The verb ``deidentify`` on an archive: what is written, what is refused and why, and no name in any of it."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest
from archive_cases import SURNAMES, content, write_archive

from echoapex.cli import main


def test_an_archive_is_written_without_its_patients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = write_archive(tmp_path / "source"), tmp_path / "out"
    command = ["deidentify", str(source), "--out", str(out), "--workers", "2", "--json"]
    assert main(command) == 1, "some were refused"
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert len(told["files"]) == 9, "eight clips and the real cine"
    assert sum(told["refused"].values()) == 6, told["refused"]
    assert any("Only DICOM" in rule for rule in told["refused"])
    clips = [pydicom.dcmread(path) for path in told["files"]]
    assert len({clip.PatientID for clip in clips}) == 5 and len({clip.StudyInstanceUID for clip in clips}) == 5
    for clip, path in zip(clips, told["files"]):
        assert Path(path).parent.parent.name == clip.PatientID == str(clip.PatientName)
    listing = " ".join(content(out)) + said.out.replace(str(tmp_path), "") + said.err.replace(str(tmp_path), "")
    headers = b"".join(data.split(b"\xe0\x7f\x10\x00")[0] for data in content(out).values())
    for word in (*SURNAMES, "MRN-47", "19400203", "Anna"):
        assert word.lower() not in listing.lower() and word.lower().encode() not in headers.lower(), word
    before = content(out)
    assert main(command) == 1 and content(out) == before, "the same key, the same files"


def test_a_file_of_somebody_in_the_way_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "deidentified.json").write_text("mine")
    assert main(["deidentify", str(tmp_path), "--out", str(out)]) == 1
    assert "none that EchoApex wrote" in capsys.readouterr().err
    assert content(out) == {"deidentified.json": b"mine"}
