"""What a study says of the scene that another process writes for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from echoapex.study.scene_writer_process import write_scene


def test_a_missing_scene_is_said_and_fails_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    written = write_scene(tmp_path)
    assert written.path is None and "slicer-core" in written.message and str(tmp_path) in written.message


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "made", "words"),
    [
        (0, "scene.mrb\n", "", True, ""),
        (1, "scene.mrb\n", "clip A4C-1 was left out\n", True, "not complete: clip A4C-1 was left out"),
        (1, "", "refused\n", False, "No scene.mrb was written: refused"),
        (-11, "", "", False, "exit code -11"),
    ],
)
def test_what_the_scene_writer_says_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, stdout: str, stderr: str, made: bool, words: str
) -> None:
    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        assert command[1:] == ["-m", "EchoApexLib.writeScene", str(tmp_path), "--parent", str(os.getpid())]
        if made:
            (tmp_path / "scene.mrb").write_bytes(b"")
        return subprocess.CompletedProcess(command, code, stdout, stderr)

    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(subprocess, "run", run)
    written = write_scene(tmp_path)
    assert (written.path is not None) == made and written.message.endswith(words)
    assert bool(written.message) == (code != 0)
