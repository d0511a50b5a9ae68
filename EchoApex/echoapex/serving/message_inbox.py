"""Messages as they come in, read in a thread of their own, so that work can be cut short by what arrives meanwhile."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import BinaryIO

from ..errors import EchoApexError
from .message_shapes import TEXT, Message, check_order
from .messages import Lines, message

GRACE_S = 3.0
"""How long work goes on after nobody listens any more, before the process is ended (our choice)."""

_READ_BYTES = 65536


class Inbox:
    """Waiting messages: a new cine before everything, then clicks, then work through the whole cine.

    ``refused`` is told of a message that is none, and its number, 0 where it has none. Whatever comes, the next message
    is read.
    """

    def __init__(self, source: BinaryIO, refused: Callable[[EchoApexError, int], None]) -> None:
        self._source, self._refused = source, refused
        self._changed = threading.Condition()
        self._opened: Message | None = None
        self._clicks: deque[Message] = deque()
        self._works: deque[Message] = deque()
        self._cancelled: set[int] = set()
        self._shown: int | None = None
        self.closed = False
        self._grace_s = 0.0

    def work_begins(self) -> None:
        """From now on there may be work that should come to its end, such as a file that is being written."""
        self._grace_s = GRACE_S

    def listen(self) -> None:
        """Starts to read, until the other end is closed or says ``quit``; then the process ends, too, if need be."""
        threading.Thread(target=self._read, daemon=True).start()

    def click(self) -> Message | None:
        """The next message that may not wait, removed; None where there is none."""
        with self._changed:
            return self._clicks.popleft() if self._opened is None and self._clicks else None

    def next(self) -> Message | None:
        """The next message, removed; None where there is none."""
        with self._changed:
            if self._opened is not None:
                told, self._opened = self._opened, None
                return told
            waiting = self._clicks or self._works
            return waiting.popleft() if waiting else None

    def wait(self) -> None:
        """Returns when something has come, or when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self._opened or self._clicks or self._works)

    def take_shown(self) -> int | None:
        """The frame that is shown, where that was said since it was last asked."""
        with self._changed:
            shown, self._shown = self._shown, None
            return shown

    def is_over(self, number: int) -> bool:
        """Whether the work of this number is not wanted any more: cancelled, of an earlier cine, or nobody listens."""
        with self._changed:
            return self.closed or self._opened is not None or number in self._cancelled

    def close(self) -> None:
        """Nobody listens any more: work is ended, and soon the process."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
        # Work in a library cannot be interrupted; an orphan must not go on for minutes.
        ending = threading.Timer(self._grace_s, os._exit, (0,))
        ending.daemon = True
        ending.start()

    def _read(self) -> None:
        lines = Lines()
        while not self.closed:
            try:
                data = os.read(self._source.fileno(), _READ_BYTES)
            except OSError:
                # A terminal that is gone, for one.
                break
            if not data:
                break
            for one in lines.feed(data):
                self._take(one)
        self.close()

    def _take(self, data: bytes) -> None:
        number = 0
        try:
            told = message(data)
            number = _number_of(told)
            check_order(told)
        except EchoApexError as refusal:
            self._refused(refusal, number)
            return
        self._sort(told)

    def _sort(self, told: Message) -> None:
        with self._changed:
            match told["do"]:
                case "open":
                    self._opened = told
                    self._clicks.clear()
                    self._works.clear()
                    self._cancelled.clear()
                case "ask" if told["kind"] in ("prompt", TEXT):
                    self._clicks.append(told)
                case "ask":
                    self._works.append(told)
                case "cancel":
                    self._cancelled.add(told["id"])
                case "show":
                    self._shown = told["frame"]
                case "quit":
                    self.closed = True
            self._changed.notify_all()


def _number_of(told: Message) -> int:
    """The number under which a refusal is waited for."""
    number = told.get("id")
    return number if type(number) is int and number > 0 else 0
