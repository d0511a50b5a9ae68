"""The inference process as the panels start it, and what else may run beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from echoapex.errors import EchoApexError
from echoapex.inference.feature_cache import CACHE_VARIABLE
from echoapex.serving import InferenceProcess, ProcessState
from echoapex.serving.restarting_client import serve_command

POLL_S = 0.0005
"""A panel looks every 15 ms; here the time of the answer counts."""

PATIENCE_S = 300.0
"""Only so that waiting in vain ends."""

_SPIN = "print(flush=True)\nwhile True:\n    sum(range(100_000))"


def say(text: str) -> None:
    """Tells how it goes, not mixed with the results."""
    print(text, file=sys.stderr, flush=True)


def inference_process(model: Path, cache: Path, news: Callable[[str], None] = say) -> InferenceProcess:
    """``echoapex serve`` with ``model`` on the processor, its encoded frames on disk in ``cache``."""
    return InferenceProcess(serve_command(model, "cpu"), environment={CACHE_VARIABLE: str(cache)}, news=news)


@contextmanager
def threads_as_in_a_panel() -> Iterator[None]:
    """What is started meanwhile chooses its own number of threads; a benchmark runs with one."""
    with mock.patch.dict(os.environ):
        os.environ.pop("OMP_NUM_THREADS", None)
        yield


def wait(process: InferenceProcess, until: Callable[[], object], tick: Callable[[], None] | None = None) -> None:
    """Polls until that is so. Raises `EchoApexError` where the process broke, and after `PATIENCE_S`."""
    end, poll = time.monotonic() + PATIENCE_S, tick or process.poll
    while not until():
        if process.state in (ProcessState.BROKEN, ProcessState.CLOSED) or time.monotonic() > end:
            raise EchoApexError("The inference process does not get on", value=process.state.value)
        poll()
        time.sleep(POLL_S)


@contextmanager
def busy_neighbor() -> Iterator[None]:
    """One process that computes without end."""
    with subprocess.Popen([sys.executable, "-c", _SPIN], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        try:
            other.stdout.readline()
            yield
        finally:
            other.kill()
