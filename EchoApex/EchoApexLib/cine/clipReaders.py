"""Processes that read clips (`clipReadingProcess`): starting one takes seconds, so one that is idle is kept.

Main thread only. One that was kept ends with this program, at the latest when its standard input does.
"""

from __future__ import annotations

import atexit

from echoapex.serving.watched_process import WatchedProcess

from ..pythonDependencies import pythonExecutable

_idle: list[WatchedProcess] = []


def takeReader() -> WatchedProcess:
    """A process that reads one clip at a time, for the caller alone until `giveBackReader`, or closed by it.

    Raises `EchoApexError` where none can be started.
    """
    while _idle:
        process = _idle.pop()
        if process.exit_code is None:
            return process
        process.close()
    return WatchedProcess([pythonExecutable(), "-m", "EchoApexLib.cine.clipReadingProcess"], given=None)


def giveBackReader(process: WatchedProcess) -> None:
    """Keeps ``process``, which has answered, for the next clip; where one is kept already it is ended."""
    if _idle:
        process.close()
    else:
        _idle.append(process)


def prepareReader() -> None:
    """Starts a process ahead of need, where none is kept. Raises as `takeReader`."""
    giveBackReader(takeReader())


@atexit.register
def endReaders() -> None:
    """Ends the process that is kept."""
    while _idle:
        _idle.pop().close()
