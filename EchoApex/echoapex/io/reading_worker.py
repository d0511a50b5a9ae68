"""The process that reads clips for its parent: ``python -m echoapex.io.reading_worker``.

Whatever a file makes a decoder do, it does it here. Requests come on standard input, replies go to standard output;
the process ends with its parent.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from io import RawIOBase
from pathlib import Path
from typing import Any

from ..errors import EchoApexError
from .worker_messages import FAILED, READY, REFUSED, VALUE, BrokenMessageError, pack, receive, send, unpack

_MOST_REQUEST_BYTES = 1 << 20


def main() -> None:
    """Answers requests until standard input is closed."""
    # Whatever decoders print must not come between the messages.
    out = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    source = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, requests), daemon=True).start()
    send(lambda part: os.write(out, part), pack(READY))
    while True:
        reply = _answer(*requests.get())
        send(lambda part: os.write(out, part), pack(reply))


def _listen(source: RawIOBase, requests: queue.SimpleQueue[Any]) -> None:
    with suppress(BrokenMessageError):
        while True:
            requests.put(unpack(receive(source, _MOST_REQUEST_BYTES)))
    # The parent is gone, and nobody wants what is being read.
    os._exit(0)


def _answer(reader: str, paths: tuple[str, ...], folder: str, seconds: float) -> tuple[Any, ...]:
    """What ``reader`` (``module:function``) gives for the files; ``folder`` is the parent's working directory."""
    _end_after(seconds)
    try:
        if Path.cwd() != Path(folder):
            os.chdir(folder)
        module, name = reader.split(":")
        return VALUE, getattr(import_module(module), name)(*map(Path, paths))
    except EchoApexError as refusal:
        value = None if refusal.value is None else str(refusal.value)
        return REFUSED, type(refusal).__name__, refusal.rule, value, refusal.file
    except Exception as error:
        traceback.print_exc()
        missing = error.name if isinstance(error, ImportError) else None
        return FAILED, type(error).__name__, missing


def _end_after(seconds: float) -> None:
    """Have the system end this process after more ``seconds`` of computing, should its parent not be there to do it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + 2 * seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


if __name__ == "__main__":
    main()
