"""The inference process ends with its parent, however that ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from serving_cases import PATIENCE_S, alive, gone

from echoapex.serving import parent_watch

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@posix
def test_it_ends_with_its_parent_though_somebody_else_holds_its_input_open(tmp_path: Path) -> None:
    """As where a launcher, or another child of the parent, has inherited the other end of the pipe."""
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import subprocess, sys, time\n"
        "from echoapex.serving.restarting_client import serve_command\n"
        f"child = subprocess.Popen(serve_command(device='cpu'), stdin={reading}, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    mother = subprocess.Popen([sys.executable, str(parent)], stdout=subprocess.PIPE, text=True, pass_fds=[reading])
    assert mother.stdout is not None
    pid = int(mother.stdout.readline())
    assert alive(pid)
    mother.kill()
    mother.wait()
    gone(pid)
    os.close(writing)
    os.close(reading)


@posix
def test_the_end_of_another_process_is_noticed_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.setattr(parent_watch, "_LOOK_S", 0.05)
    other, ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE), threading.Event()
    parent_watch.watch_end(other.pid, ended.set)
    assert not ended.wait(0.3)
    other.kill()
    other.wait()
    assert ended.wait(PATIENCE_S)


@posix
@pytest.mark.parametrize("told", [True, False])
def test_the_end_of_a_process_that_is_gone_is_noticed_at_once(told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not told:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    other, ended = subprocess.Popen([sys.executable, "-c", ""]), threading.Event()
    other.wait()
    parent_watch.watch_end(other.pid, ended.set)
    assert ended.wait(PATIENCE_S)
