"""A run that is told to end before it is done ends soon, and leaves nothing half written."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..io.child_process import kill_children

_PATIENCE_S = 1.5
"""How long a run may take to clear up; whoever ends it waits 2 s."""


@contextmanager
def ending_when_told(parent: int | None = None) -> Iterator[None]:
    """While it lasts, SIGTERM and the end of the process ``parent`` raise `KeyboardInterrupt`, once.

    What computes outside of Python hears of it late: after 1.5 s this process ends in any case, with those that it has
    started. Nothing of this in other threads than the main one, which alone hears signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, told = socket.socketpair()
    told.setblocking(False)
    done = threading.Event()
    handler = signal.signal(signal.SIGTERM, _interrupt)
    wakeup = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_end_in_any_case, args=(heard,), daemon=True).start()
    if parent is not None:
        from ..serving.parent_watch import watch_end

        watch_end(parent, lambda: None if done.is_set() else _terminate())
    try:
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGTERM, handler)
        told.close()


def _terminate() -> None:
    """SIGTERM to the main thread, which may be waiting for something."""
    if sys.platform == "win32":
        signal.raise_signal(signal.SIGTERM)
    else:
        ident = threading.main_thread().ident
        assert ident is not None
        signal.pthread_kill(ident, signal.SIGTERM)


def _interrupt(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_in_any_case(heard: socket.socket) -> None:
    """Waits for SIGTERM, and then for the end that it should bring."""
    with heard:
        while (number := heard.recv(1)) and number[0] != signal.SIGTERM:
            pass
    if not number:
        return
    time.sleep(_PATIENCE_S)
    kill_children(os.getpid())
    os._exit(128 + signal.SIGTERM)
