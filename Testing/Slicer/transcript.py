"""The transcript of a run of checks: what it ran on, a line for each check, a last line."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TextIO


class SkippedError(Exception):
    """What a check needs is not there: it has neither passed nor failed."""


class Transcript:
    """Runs checks and prints how each ended; one that fails does not stop the others."""

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._out = out or sys.stdout
        self._clock = clock
        self._notes: list[str] = []
        self._count = 0
        self._failed: list[str] = []
        self._skipped = 0

    def state(self, facts: Mapping[str, Callable[[], object]]) -> None:
        """Prints each fact; one that cannot be read is unknown, with the reason."""
        for name, read in facts.items():
            try:
                value = read()
            except Exception as error:
                value = f"unknown ({_reason(error)})"
            self._print(f"{name}: {value}")

    def note(self, text: str) -> None:
        """Adds a line below that of the check that is running."""
        self._notes.append(text)

    def skip(self, reason: str) -> NoReturn:
        """Ends the check that is running: it is counted as skipped, and the reason is printed below it."""
        raise SkippedError(reason)

    def run(self, name: str, check: Callable[[Transcript], object]) -> None:
        """Runs a check: it fails when it raises, with SystemExit too, unless it is skipped."""
        start = self._clock()
        try:
            check(self)
            ended = "ok    "
        except SkippedError as reason:
            ended = "skip  "
            self._skipped += 1
            self._notes.append(str(reason))
        except (Exception, SystemExit) as error:
            ended = "FAILED"
            self._failed.append(name)
            self._notes.append(f"{_reason(error)} [{_place(error)}]")
        self._count += 1
        self._print(f"{ended} {name} ({self._clock() - start:.2f} s)")
        while self._notes:
            self._print(f"       {self._notes.pop(0)}")

    def finish(self) -> int:
        """Prints the last line; the exit code is 0 when checks have passed and none has failed."""
        passed = self._count - self._skipped - len(self._failed)
        skipped = f"; {self._skipped} skipped" if self._skipped else ""
        if self._failed:
            self._print(f"{len(self._failed)} of {self._count} checks FAILED{skipped}: {', '.join(self._failed)}")
        elif passed:
            self._print(f"{passed} checks passed{skipped}." if skipped else f"All {passed} checks passed.")
        else:
            self._print(f"FAILED: there was nothing to check{skipped}.")
        return 0 if passed and not self._failed else 1

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)


def refused(kind: type[Exception], action: Callable[..., Any], *arguments: object) -> str:
    """The message with which an action is refused; raises AssertionError when it goes through."""
    try:
        answer = action(*arguments)
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} was expected, it gave {answer!r}")


def _reason(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _place(error: BaseException) -> str:
    """Where a check failed, with the text of the line: it says what an assert without a message is about."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((frame for frame in reversed(frames) if frame.filename != __file__), frames[-1])
    return f"{frame.filename}:{frame.lineno}: {frame.line}"
