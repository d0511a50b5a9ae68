"""The inference process as its parent holds it: started, spoken to without ever waiting, ended with all it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from ..errors import EchoApexError
from ..io.child_process import last_line, no_window
from .messages import Lines

_READ_BYTES = 1 << 20
_ENDING_S = 2.0


class Child:
    """A process started by ``command``, with ``environment`` added to ours; what it prints as errors is kept aside.

    Raises `EchoApexError` where it cannot be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={**os.environ, **environment},
                bufsize=0,
                # A group of its own: what a launcher starts is ended with it, and Ctrl-C is for the parent alone.
                start_new_session=sys.platform != "win32",
                creationflags=no_window(),
            )
            self._in, self._out = _ends(self._process)
        except OSError as error:
            rule = "The inference process cannot be started"
            raise EchoApexError(rule, value=error.strerror, file=command[0]) from None
        self._lines, self._unsent = Lines(), b""
        self.pid = self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The code with which it ended, None while it runs."""
        return self._process.poll()

    def send(self, data: bytes) -> None:
        """Sends now what the pipe takes; the rest goes with the next `flush`."""
        self._unsent += data
        self.flush()

    def flush(self) -> None:
        """Sends what is still to be sent, as far as the pipe takes it."""
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._in, self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            # The process has ended, as `exit_code` tells; Windows has another error for that than others.
            self._unsent = b""

    def lines(self) -> Iterator[bytes]:
        """What it has said since the last call, without waiting."""
        with suppress(BlockingIOError):
            while data := os.read(self._out, _READ_BYTES):
                yield from self._lines.feed(data)

    def last_words(self) -> str:
        """The last line that it printed as an error, "" where there is none."""
        return last_line(self._log)

    def close(self, wait_s: float = _ENDING_S) -> None:
        """Ends it: by closing its input, and after ``wait_s`` by force, with everything that it has started."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            _kill_tree(process)
            process.wait()
        self._log.close()


def _ends(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Our ends of its input and output, neither of which ever makes us wait."""
    assert process.stdin is not None and process.stdout is not None
    ends = process.stdin.fileno(), process.stdout.fileno()
    try:
        for end in ends:
            os.set_blocking(end, False)
    except (OSError, AttributeError):
        _kill_tree(process)
        rule = "Speaking with the inference process without waiting needs Python 3.12 on Windows"
        raise EchoApexError(rule, value=sys.version.split()[0]) from None
    return ends


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
