"""The inference process ends with its parent, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from serving_cases import PATIENCE_S, alive, gone

from echoapex.serving.parent_watch import watch_end

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
def test_the_end_of_another_process_is_noticed() -> None:
    """Of one that is not ours to wait for."""
    mother = (
        "import subprocess, sys\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "print(subprocess.Popen(sleep, stdout=subprocess.DEVNULL).pid)"
    )
    other = int(subprocess.run([sys.executable, "-c", mother], stdout=subprocess.PIPE, text=True, check=True).stdout)
    ended = threading.Event()
    watch_end(other, ended.set)
    assert not ended.wait(0.3)
    os.kill(other, signal.SIGKILL)
    assert ended.wait(PATIENCE_S)


def test_the_end_of_a_process_that_is_gone_is_noticed_at_once() -> None:
    other, ended = subprocess.Popen([sys.executable, "-c", ""]), threading.Event()
    other.wait()
    watch_end(other.pid, ended.set)
    assert ended.wait(PATIENCE_S)
