"""The Host's event loop holds Python's lock: a thread starves in it as it does in Slicer, a process does not."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

# At each tick Python code runs, and then the thread has its turn of a few ms: ticks are far apart.
TICKS, INTERVAL_MS, ATTEMPTS = 10, 80, 3

posix_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere the loop gives the lock up, and says so"
)

BUSY_PROCESS = """
import sys, threading
steps = 0
def answer():
    for _ in sys.stdin:
        print(steps, flush=True)
threading.Thread(target=answer, daemon=True).start()
print("ready", flush=True)
while True:
    steps += 1
"""


class BusyThread:
    """Counts in this process."""

    def __init__(self) -> None:
        self.count, self._ended = 0, False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended:
            self.count += 1

    def steps(self) -> int:
        return self.count

    def end(self) -> None:
        self._ended = True
        self._thread.join()


class BusyProcess:
    """Counts in a process of its own."""

    def __init__(self) -> None:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen([sys.executable, "-c", BUSY_PROCESS], text=True, **pipes)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def steps(self) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def stepsWithin(run: Callable[[Any], int], app: Any, worker: BusyThread | BusyProcess) -> int:
    """How far a worker comes while the loop turns for a number of ticks of a timer."""
    from PySide6 import QtCore

    left = [TICKS]

    def tick() -> None:
        left[0] -= 1
        if left[0] == 0:
            app.exit(0)

    timer = QtCore.QTimer()
    timer.timeout.connect(tick)
    timer.start(INTERVAL_MS)
    before = worker.steps()
    run(app)
    timer.stop()
    return worker.steps() - before


def shareWithLockHeld(app: Any, make: type[BusyThread] | type[BusyProcess]) -> float:
    """A worker's steps in the Host's loop, as a share of those in PySide6's own."""
    from slicerhost.loop import runHoldingLock

    worker = make()
    try:
        held = stepsWithin(runHoldingLock, app, worker)
        return held / stepsWithin(lambda running: running.exec(), app, worker)
    finally:
        worker.end()


@posix_only
def test_a_thread_starves(host: Any) -> None:
    shares = [shareWithLockHeld(host.app, BusyThread)]
    # On busy cores both loops give it little: a fourth was missed with eight programs on two cores.
    while shares[-1] >= 0.5 and len(shares) < ATTEMPTS:
        shares.append(shareWithLockHeld(host.app, BusyThread))
    assert shares[-1] < 0.5, shares


@posix_only
def test_a_process_does_not(host: Any) -> None:
    shares = [shareWithLockHeld(host.app, BusyProcess)]
    while shares[-1] <= 0.5 and len(shares) < ATTEMPTS:
        shares.append(shareWithLockHeld(host.app, BusyProcess))
    assert shares[-1] > 0.5, shares


def test_elsewhere_the_loop_says_that_it_gives_the_lock_up(
    host: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from PySide6 import QtCore
    from slicerhost import loop

    monkeypatch.setattr(loop.sys, "platform", "win32")
    QtCore.QTimer.singleShot(0, lambda: host.app.exit(0))
    assert loop.runHoldingLock(host.app) == 0
    assert capfd.readouterr().err.count("does not hold Python's lock") == 1
