"""What the processes that we start have in common: no window on Windows, and a log of which the last line tells."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import BinaryIO

from ..console import harmless

_LOG_TAIL_BYTES = 4000


def no_window() -> int:
    """``creationflags`` of a process that shall open no window."""
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW
    return 0


def last_line(log: BinaryIO) -> str:
    """The last line that was written to ``log``, "" where there is none."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _LOG_TAIL_BYTES))
    lines = log.read().decode(errors="replace").strip().splitlines()
    return harmless(lines[-1].strip()) if lines else ""
