"""Notices the end of another process, also of one that was killed and could not close anything."""

from __future__ import annotations

import ctypes
import os
import select
import sys
import threading
import time
from collections.abc import Callable

_LOOK_S = 1.0
"""How often is looked where the system does not tell (our choice)."""

_SYNCHRONIZE = 0x00100000
_INFINITE = 0xFFFFFFFF


def watch_end(pid: int, ended: Callable[[], None]) -> None:
    """Calls ``ended`` from a thread of its own once the process ``pid`` has ended; at once where there is none."""

    def wait() -> None:
        _wait_for_end(pid)
        ended()

    threading.Thread(target=wait, daemon=True).start()


def _wait_for_end(pid: int) -> None:
    if sys.platform == "win32":
        _wait_on_windows(pid)
        return
    if hasattr(os, "pidfd_open"):
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        except OSError:
            # A system that does not let us: it is looked instead.
            pass
        else:
            waiting = select.poll()
            waiting.register(handle, select.POLLIN)
            waiting.poll()
            os.close(handle)
            return
    # The process that started us has a number that nobody takes before we know another one.
    ours = os.getppid() == pid
    while os.getppid() == pid if ours else _runs(pid):
        time.sleep(_LOOK_S)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _wait_on_windows(pid: int) -> None:
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(_SYNCHRONIZE, False, pid)
    if handle:
        kernel.WaitForSingleObject(ctypes.c_void_p(handle), _INFINITE)
        kernel.CloseHandle(ctypes.c_void_p(handle))
