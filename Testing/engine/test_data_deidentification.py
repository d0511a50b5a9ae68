"""The verb ``deidentify`` on an archive: what is written, what is refused and why, and no name in any of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from archive_cases import SURNAMES, content, write_archive
from io_writers import dicom, fan, save

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


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_where_nothing_can_be_written_it_is_not_the_files_fault(tmp_path: Path) -> None:
    save(dicom(fan()), tmp_path / "clip.dcm")
    # What is larger than this cannot be written, as on a disk that is full.
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "from echoapex.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "deidentify", str(tmp_path / "clip.dcm"), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "cannot be written here (found: File too large)" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and "clips are in" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.dcm", "out.key"]


def test_a_file_of_somebody_in_the_way_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "deidentified.json").write_text("mine")
    assert main(["deidentify", str(tmp_path), "--out", str(out)]) == 1
    assert "none that EchoApex wrote" in capsys.readouterr().err
    assert content(out) == {"deidentified.json": b"mine"}
