"""The script that runs without a window does what the command line does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import TRAINING

SCRIPT = Path(__file__).resolve().parents[2] / "EchoApex" / "EchoApexScripts" / "analyzeStudies.py"


def read(report: Path) -> Any:
    return json.loads(report.read_text(encoding="utf-8"))


def run(*arguments: str | Path, what: tuple[str, ...] = (str(SCRIPT),)) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *what, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    clip = simulate_clip(
        draw_case("easy", 5), "A4C", rows=120, columns=160, beats=1.2, max_frames=14, sampling=TRAINING
    )
    write_dicom(folder / "A4C.dcm", clip, 1)
    (folder / "damaged.dcm").write_bytes((folder / "A4C.dcm").read_bytes()[:4000])
    return folder


def test_it_writes_what_the_command_line_writes(study: Path, tmp_path: Path) -> None:
    by_hand = run(study, "--out", tmp_path / "by hand", "--no-scene", what=("-m", "echoapex", "analyze"))
    assert by_hand.returncode == 1, by_hand.stderr
    # A file may be called like an option.
    done = run("--out", tmp_path / "by script", "--no-scene", "--", study)
    assert done.returncode == 1, done.stderr
    expected, found = (tmp_path / name / "report.json" for name in ("by hand", "by script"))
    assert found.read_bytes() == expected.read_bytes()
    (line, total) = done.stdout.splitlines()
    numbers = len(read(found)["measurements"])
    assert line == f"study-1: 1 clips, {numbers} numbers, 1 failures: {found}"
    assert total == "1 studies, 0 files left out, 1 failures"


def test_arguments_that_cannot_be_understood_are_code_2(study: Path) -> None:
    done = run(study)
    assert done.returncode == 2 and "--out" in done.stderr and done.stdout == ""
