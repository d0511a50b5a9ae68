"""The reading process as its parent holds it: started, asked, watched while it reads, ended by force."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from typing import Any, cast

from ..errors import EchoApexError, ReadError
from .child_process import last_line, no_window
from .size_limits import MAX_BYTES
from .worker_messages import BrokenMessageError, OtherEndGoneError, pack, receive, send, unpack

_STARTING_S = 120.0
_LOOK_S = 0.05  # between two looks at what the process uses
_WAIT_FOR_COMPUTING = 3.0
_PIPE_BYTES = 1 << 20


class HarmError(ReadError):
    """A file does harm by what it holds, and would do so again."""


class _EndedError(Exception):
    """The process says nothing any more."""


class ReadingChild:
    """A process that reads files, run by the interpreter ``python``; ``parent`` is the number of who started it.

    Raises `EchoApexError` where it cannot be started.
    """

    def __init__(self, python: str) -> None:
        import psutil

        self.parent, self._python, self._ready = os.getpid(), python, False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        try:
            self._process = subprocess.Popen(
                [python, "-m", f"{__package__}.reading_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                bufsize=0,
                # It reads beside what computes here, and Ctrl-C is for the parent alone.
                env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
                start_new_session=sys.platform != "win32",
                creationflags=no_window(),
            )
        except OSError as error:
            raise EchoApexError("The reading process cannot be started", value=error.strerror, file=python) from error
        self._usage = psutil.Process(self._process.pid)
        self._said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin, cast(RawIOBase, self._process.stdout)  # unbuffered
        _widen(self._out)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def ended(self) -> bool:
        """Whether the process runs no more."""
        return self._process.poll() is not None

    def ask(self, request: tuple[Any, ...], source: Path, seconds: float, memory: int) -> Any:
        """The reply to ``request``, which reads ``source``.

        Raises `HarmError` where the process ends over it, computes for more than ``seconds`` or uses more than
        ``memory`` bytes; `ReadError` where it takes too long by the clock, or is killed from outside; `EchoApexError`
        where it has never come to read.
        """
        self._await_start()
        with suppress(OSError):  # it has ended, as is told below
            send(self._in.write, pack(request))
        began, computed = time.monotonic(), self._computed()
        try:
            while (reply := self._next()) is None:
                self._check_usage(source, self._computed() - computed, seconds, memory)
                if time.monotonic() - began > _WAIT_FOR_COMPUTING * seconds:
                    rule = f"This file could not be read within {_WAIT_FOR_COMPUTING * seconds:.0f} s"
                    raise ReadError(rule, file=source)
        except _EndedError:
            raise self._end_over(source) from None
        if isinstance(reply, BrokenMessageError):
            raise HarmError("What was read of this file is no clip: it is made to do harm", file=source)
        return reply

    def kill(self) -> None:
        """Ends the process."""
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._listener.join(1.0)
        for pipe in (self._in, self._out):
            with suppress(OSError):
                pipe.close()
        self._log.close()

    def _await_start(self) -> None:
        if self._ready:
            return
        deadline = time.monotonic() + _STARTING_S
        try:
            while self._next() is None:
                if time.monotonic() > deadline:
                    raise EchoApexError("The reading process does not start", file=self._python)
        except _EndedError:
            raise EchoApexError(
                "The reading process cannot be started", value=self._last_words(), file=self._python
            ) from None
        self._ready = True

    def _next(self) -> Any:
        """What it says next, None where it says nothing for a moment. Raises `_EndedError` at the end."""
        try:
            said = self._said.get(timeout=_LOOK_S)
        except queue.Empty:
            return None
        if isinstance(said, OtherEndGoneError):
            raise _EndedError
        return said

    def _check_usage(self, source: Path, computed: float, seconds: float, memory: int) -> None:
        import psutil

        if computed > seconds:
            rule = f"Reading this file takes more computing than the {seconds:.0f} s that are allowed"
            raise HarmError(rule, file=source)
        with suppress(psutil.Error):
            if self._usage.memory_info().rss > memory:
                rule = f"Reading this file needs more memory than the {memory / 1024**3:.3g} GiB that are allowed"
                raise HarmError(rule, file=source)

    def _computed(self) -> float:
        import psutil

        try:
            used = self._usage.cpu_times()
        except psutil.Error:
            return 0.0
        return float(used.user + used.system)

    def _end_over(self, source: Path) -> ReadError:
        code = self._process.wait()
        # Killed from outside is not the file's fault: the system may have been short of memory.
        kind = ReadError if code == -getattr(signal, "SIGKILL", 0) else HarmError
        rule = "The process that read this file has ended: the file is damaged, or made to do harm"
        return kind(rule, value=_ending(code), file=source)

    def _last_words(self) -> str:
        return last_line(self._log) or _ending(self._process.wait())

    def _listen(self) -> None:
        try:
            while True:
                self._said.put(unpack(receive(self._out, 2 * MAX_BYTES)))
        except (BrokenMessageError, MemoryError) as broken:
            self._said.put(broken if isinstance(broken, BrokenMessageError) else BrokenMessageError())
        except (OSError, ValueError):
            self._said.put(OtherEndGoneError())


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _widen(pipe: Any) -> None:
    """A wider pipe carries frames in fewer steps; only Linux can be asked for one."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
