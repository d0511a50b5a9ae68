"""Files are read by a process of its own, with limits of time and memory: a harmful one costs only itself.

The parent keeps the limits, on every system in the same way: a decoder that loops or takes all memory is ended, one
that aborts is noticed, and the next file gets a new process.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .. import errors
from ..errors import ReadError
from .dicom_header import NO_LIBRARY
from .reading_child import HarmError, ReadingChild
from .size_limits import NO_MEMORY
from .worker_messages import FAILED, REFUSED

Value = TypeVar("Value")
_Content = tuple[tuple[Path, int, int], ...]

_MOST_MEMORY = 8 * 1024**3


@dataclass(frozen=True)
class ReadingLimits:
    """What one file may cost (our choice).

    ``seconds`` of computing, and one more for each megabyte of the file; three times as long by the clock, for slow
    disks. ``memory`` in bytes of the whole process; None is 8 GiB or half of the computer's, whichever is less.
    """

    seconds: float = 30.0
    memory: int | None = None

    def seconds_for(self, paths: Sequence[Path]) -> float:
        """Seconds of computing that reading these files at once may cost."""
        return self.seconds + sum(_size(path) for path in paths) / 1e6

    @property
    def memory_bytes(self) -> int:
        """Bytes that the process may use."""
        import psutil

        return self.memory or min(_MOST_MEMORY, psutil.virtual_memory().total // 2)


class ReadingProcess:
    """The process that reads, started when it is first needed and again when a file has ended it.

    ``python`` is the interpreter, this one if not given. One file at a time; any thread may ask.
    """

    def __init__(self, limits: ReadingLimits | None = None, python: str | None = None) -> None:
        self.limits, self.python = limits or ReadingLimits(), python
        self._asking = threading.RLock()
        self._child: ReadingChild | None = None
        self._harmful: dict[_Content, HarmError] = {}

    def start(self) -> None:
        """Starts the process now, so that it is ready when it is needed. Raises `EchoApexError` where it cannot be."""
        self._running()

    def close(self) -> None:
        """Ends the process, if there is one."""
        with self._asking:
            if self._child is not None and self._child.parent == os.getpid():
                self._child.kill()
            self._child = None

    def run(self, reader: Callable[..., Value], path: str | Path, *more: str | Path) -> Value:
        """What ``reader``, a function of a module, gives for the file at ``path``; read in the process.

        Where ``more`` are read with it, ``reader`` is called with all of them, and ``path`` is named for what they do.

        Its refusals are raised here. Raises `ReadError` for a file that ends the process or exceeds a limit; asked
        again about the same content, at once.
        """
        source, paths = Path(path), tuple(map(Path, (path, *more)))
        content = _content(paths)
        with self._asking:
            if content is not None and content in self._harmful:
                raise self._harmful[content]
            seconds = self.limits.seconds_for(paths)
            try:
                name = f"{reader.__module__}:{reader.__qualname__}"
                request = (name, tuple(map(str, paths)), str(Path.cwd()), seconds)
                reply = self._running().ask(request, source, seconds, self.limits.memory_bytes)
            except BaseException as problem:
                self.close()
                if isinstance(problem, HarmError) and content is not None:
                    self._harmful[content] = problem
                raise
        value: Value = _opened(reply, source)
        return value

    def _running(self) -> ReadingChild:
        with self._asking:
            # A fork has the pipes, but not the child.
            if self._child is None or self._child.ended or self._child.parent != os.getpid():
                self._child = ReadingChild(self.python or sys.executable)
            return self._child


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _content(paths: Sequence[Path]) -> _Content | None:
    """By what files are known again; None where one of them is not there."""
    try:
        status = [path.stat() for path in paths]
    except OSError:
        return None
    return tuple((path.absolute(), s.st_size, s.st_mtime_ns) for path, s in zip(paths, status, strict=True))


def _opened(reply: Any, source: Path) -> Any:
    """The value of a reply, or what was refused."""
    kind, *rest = reply
    if kind == REFUSED:
        name, rule, value, file = rest
        raise getattr(errors, name)(rule, value=value, file=file)
    if kind == FAILED:
        name, module = rest
        if name in ("ImportError", "ModuleNotFoundError"):
            raise ReadError(NO_LIBRARY, value=module, file=source)
        if name == "MemoryError":
            raise ReadError(NO_MEMORY, file=source)
        raise ReadError("The file cannot be read: its reader failed", value=name, file=source)
    return rest[0]
