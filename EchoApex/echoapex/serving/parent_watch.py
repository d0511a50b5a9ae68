"""Notices the end of another process, also of one that was killed and could not close anything."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress


def watch_end(pid: int, ended: Callable[[], None]) -> None:
    """Calls ``ended`` from a thread of its own once the process ``pid`` has ended; at once where there is none."""
    import psutil

    def wait() -> None:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait()
        ended()

    threading.Thread(target=wait, daemon=True).start()
