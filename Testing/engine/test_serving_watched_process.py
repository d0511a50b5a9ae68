"""A process that works by itself: it is watched without waiting, and ended with all that it has started."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import psutil
import pytest

from echoapex.errors import EchoApexError
from echoapex.serving.watched_process import WatchedProcess

PATIENCE_S = 240.0
"""Only so that a test that waits in vain ends."""

SLEEP = "import time; print('up', flush=True); time.sleep(600)"


def wait(until: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def python(code: str, given: bytes = b"") -> WatchedProcess:
    return WatchedProcess([sys.executable, "-c", code], given=given)


def all_of(process: WatchedProcess) -> tuple[list[str], list[str]]:
    """Everything that it says until it ends."""
    lines: list[str] = []
    messages: list[str] = []

    def ended() -> bool:
        code = process.exit_code
        lines.extend(process.lines())
        messages.extend(process.messages())
        return code is not None

    wait(ended)
    process.close()
    return lines, messages


def test_it_gets_its_input_and_what_it_says_comes_in_lines() -> None:
    code = (
        "import sys, echoapex; data = sys.stdin.read(); print(data.upper()); print('é'); print('bad', file=sys.stderr)"
    )
    process = python(code, "süß".encode())
    assert all_of(process) == (["SÜSS", "é"], ["bad"])
    assert process.exit_code == 0


def test_it_is_told_line_by_line_until_it_ends() -> None:
    code = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)\nprint('end', flush=True)"
    process = WatchedProcess([sys.executable, "-c", code], given=None)
    heard: list[str] = []
    for number, word in enumerate(("süß", "two"), 1):
        process.tell(word)
        wait(lambda number=number: heard.extend(process.lines()) or len(heard) == number)
    assert heard == ["SÜSS", "TWO"] and process.exit_code is None
    process.kill()
    wait(lambda: process.exit_code is not None)
    process.tell("nobody hears this")
    process.close()


def test_more_than_a_pipe_holds_does_not_stop_it() -> None:
    lines, messages = all_of(python("import sys\nfor n in range(60_000): print('o' * 9, n); print(n, file=sys.stderr)"))
    assert len(lines) == len(messages) == 60_000 and lines[-1] == f"{'o' * 9} 59999"


def test_one_that_heeds_the_request_ends_by_itself() -> None:
    code = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); {SLEEP}"
    process = python(code)
    wait(process.lines)
    process.end()
    all_of(process)
    assert process.exit_code == 5


@pytest.mark.skipif(sys.platform == "win32", reason="there is no asking there")
def test_one_that_does_not_is_ended_by_force() -> None:
    process = python(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}")
    wait(process.lines)
    process.end()
    process.end()
    all_of(process)
    assert process.exit_code == -9


def test_what_it_has_started_is_ended_with_it() -> None:
    started = f"subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"
    process = python(f"import subprocess, sys, time; print({started}.pid, flush=True); time.sleep(600)")
    told: list[str] = []
    wait(lambda: told.extend(process.lines()) or told)
    child = psutil.Process(int(told[0]))
    process.close()
    wait(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    wait(lambda: process.exit_code is not None)
    assert process.lines() == process.messages() == []


def test_a_program_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(EchoApexError, match="nosuch: The process cannot be started"):
        WatchedProcess(["nosuch"])
