"""A process that works by itself, watched without ever waiting, and ended with all that it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import EchoApexError
from ..io.child_process import kill_children, no_window
from .messages import Lines

GRACE_S = 1.7
"""How long a process that is asked to end may tidy up before it is ended by force (our choice)."""

_READ_BYTES = 1 << 20
_PACKAGES = Path(__file__).resolve().parents[2]


class WatchedProcess:
    """A process started by ``command``, which finds this very package.

    ``given`` is its whole standard input; with None it is given line by line (`tell`). Nothing here waits:
    whoever holds it looks every now and then. Raises `EchoApexError` where it cannot be started.
    """

    def __init__(
        self, command: Sequence[str], *, given: bytes | None = b"", environment: Mapping[str, str] | None = None
    ) -> None:
        try:
            with tempfile.TemporaryFile() as source:
                source.write(given or b"")
                source.seek(0)
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE if given is None else source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=_environment(environment or {}),
                    bufsize=0,
                    # A group of its own: Ctrl-C is for the parent alone.
                    start_new_session=sys.platform != "win32",
                    creationflags=no_window(),
                )
        except OSError as error:
            raise EchoApexError("The process cannot be started", value=error.strerror, file=command[0]) from None
        self.pid = self._process.pid
        self._out, self._errors = (self._end(pipe) for pipe in (self._process.stdout, self._process.stderr))
        self._lines, self._messages = Lines(), Lines()
        self._force_at: float | None = None

    def _end(self, pipe: object) -> int:
        """Our end of a pipe, which never makes us wait."""
        try:
            end = int(pipe.fileno())  # type: ignore[attr-defined]
            os.set_blocking(end, False)
        except (OSError, AttributeError):
            self.kill()
            rule = "Watching a process without waiting needs Python 3.12 on Windows"
            raise EchoApexError(rule, value=sys.version.split()[0]) from None
        return end

    @property
    def exit_code(self) -> int | None:
        """The code with which it ended, None while it runs; what it has said may still be read."""
        code = self._process.poll()
        if code is None and self._force_at is not None and time.monotonic() > self._force_at:
            self.kill()
        return code

    def lines(self) -> list[str]:
        """The whole lines on its standard output since the last call."""
        return _read(self._out, self._lines)

    def messages(self) -> list[str]:
        """The whole lines on its standard error since the last call."""
        return _read(self._errors, self._messages)

    def tell(self, line: str) -> None:
        """Gives it a short line more on standard input; one that has ended hears it no more."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(f"{line}\n".encode())

    def end(self) -> None:
        """Asks it to end; `exit_code`, looked at again and again, ends it by force after `GRACE_S`."""
        if sys.platform == "win32":
            self.kill()
        elif self._force_at is None and self._process.poll() is None:
            self._force_at = time.monotonic() + GRACE_S
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it by force, with all that it has started."""
        # First what it has started: later nobody knows whose that was.
        with suppress(ImportError):
            kill_children(self.pid)
        with suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """Ends it by force if it still runs, and hears no more of it."""
        if self._process.poll() is None:
            self.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    # Threads that spin while they have nothing to do would take the window's processor.
    idle = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    told = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"}
    return {**idle, **os.environ, **told, **added}


def _read(end: int, lines: Lines) -> list[str]:
    found: list[str] = []
    # A pipe that was closed is one that says nothing any more.
    with suppress(OSError):
        while data := os.read(end, _READ_BYTES):
            found += [line.decode("utf-8", "replace").rstrip("\r") for line in lines.feed(data)]
    return found
