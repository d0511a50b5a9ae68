"""What the processes that we start have in common: no window, how they are ended, the last line of their log."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import BinaryIO

from ..console import harmless

_LOG_TAIL_BYTES = 4000


def no_window() -> int:
    """``creationflags`` of a process that shall open no window."""
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW
    return 0


def kill_children(pid: int) -> None:
    """Ends all processes that the one with this ``pid`` has started, and those that they have, by force."""
    import psutil

    with suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()


def last_line(log: BinaryIO) -> str:
    """The last line that was written to ``log``, "" where there is none."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _LOG_TAIL_BYTES))
    lines = log.read().decode(errors="replace").strip().splitlines()
    return harmless(lines[-1].strip()) if lines else ""
