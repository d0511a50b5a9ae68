"""An analysis that is told to end, or whose parent has ended, ends and leaves nothing half written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil
import pytest
from serving_cases import PATIENCE_S, gone
from study_cases import Take, write_take

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_take(folder / "a4c.dcm", Take("A4C", 0, 4))
    return folder


def command(study: Path, out: Path, model: Path, *more: str) -> list[str]:
    start = [sys.executable, "-m", "echoapex", "analyze", str(study), "--out", str(out)]
    return [*start, "--model", str(model), "--views", "a4c.dcm=A4C", "--device", "cpu", "--progress-json", *more]


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()


def events(stream: IO[str] | None) -> Iterator[dict[str, Any]]:
    """Every line is an event, whatever prints it."""
    assert stream is not None
    return map(json.loads, stream)


def seen(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_events_are_all_that_stands_on_standard_error(study: Path, saved_model: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command(study, tmp_path / "out", saved_model, "--no-scene", "--json"),
        capture_output=True,
        text=True,
        check=False,
    )
    told = list(map(json.loads, done.stderr.splitlines()))
    assert done.returncode == 0, told
    assert [event["event"] for event in told][-1] == "study_done"
    assert any("Not a medical device" in event.get("text", "") for event in told)
    (written,) = json.loads(done.stdout)["studies"]
    assert written["report"] == told[-1]["report"]


@pytest.mark.parametrize(
    "when",
    [
        {"event": "message"},
        {"event": "clip", "stage": "reading"},
        {"event": "clip", "stage": "outlines"},
        {"event": "writing", "what": "a scene for 3D Slicer"},
    ],
    ids=["loading", "reading", "outlining", "scene"],
)
def test_sigterm_leaves_the_earlier_report_and_no_process(
    study: Path, saved_model: Path, tmp_path: Path, when: dict[str, str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_bytes(b"mine")
    before = seen(tmp_path)
    with running(command(study, out, saved_model)) as process:
        next(event for event in events(process.stderr) if event.items() >= when.items())
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        told = [event.get("text") for event in events(process.stderr)]
        assert process.wait(PATIENCE_S) == 130 and told[-1] == "interrupted"
    assert children, "it reads with a process of its own"
    for child in children:
        gone(child.pid)
    assert seen(tmp_path) == before and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_simulation_that_is_told_to_end_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with running([sys.executable, "-m", "echoapex", "simulate", "--out", str(out), "--views", "A4C,A2C"]) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        next(line for line in lines if "A4C: 1 of 2" in line)
        process.terminate()
        assert [line.strip() for line in lines][-1] == "echoapex: interrupted"
        assert process.wait(PATIENCE_S) == 130
    assert list(tmp_path.iterdir()) == []


def test_an_analysis_ends_with_its_parent(study: Path, saved_model: Path, tmp_path: Path) -> None:
    mother = (
        "import subprocess, sys, os, time\n"
        "child = subprocess.Popen([*sys.argv[1:], '--parent', str(os.getpid())])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    start = [sys.executable, "-c", mother, *command(study, tmp_path / "out", saved_model)]
    with tempfile.TemporaryFile() as told:
        parent = subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert parent.stdout is not None and parent.stderr is not None
        pid = int(parent.stdout.readline())
        next(event for event in events(parent.stderr) if event["event"] == "clip")
        children = psutil.Process(pid).children(recursive=True)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        for each in (pid, *(child.pid for child in children)):
            gone(each)
        told.seek(0)
    for stream in (parent.stdout, parent.stderr):
        stream.close()
    assert list(tmp_path.iterdir()) == []


def test_what_computes_outside_of_python_is_ended_with_its_children() -> None:
    """It hears nothing of the signal."""
    code = (
        "import functools, hashlib, subprocess, sys, threading\n"
        "from echoapex.cli.early_end import ending_when_told\n"
        "with ending_when_told():\n"
        "    child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "    threading.Timer(1, functools.partial(print, child.pid, flush=True)).start()\n"
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)\n"
    )
    stuck = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert stuck.stdout is not None
    child = int(stuck.stdout.readline())
    stuck.terminate()
    assert stuck.wait(PATIENCE_S) == 128 + signal.SIGTERM
    gone(child)
    stuck.stdout.close()


def test_a_run_that_was_not_told_to_end_hears_nothing_afterwards() -> None:
    from echoapex.cli.early_end import ending_when_told

    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    before = signal.getsignal(signal.SIGTERM)
    with ending_when_told(other.pid):
        pass
    other.kill()
    other.wait()
    assert other.stdin is not None
    other.stdin.close()
    assert signal.getsignal(signal.SIGTERM) is before
