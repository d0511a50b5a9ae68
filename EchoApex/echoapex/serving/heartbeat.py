"""A sign of life of the inference process, so that one that was stopped or hangs can be told from one that works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BEAT_S = 1.0
"""Time between two beats (our choice)."""

_LEAST_WORK = 0.02
"""Share of a processor that a process that computes gets at least, on however busy a machine (our choice)."""


class Heartbeat:
    """Calls ``beat`` every `BEAT_S` from a thread of its own, as long as the main thread waits, moves or computes.

    A beat says more than that the process is there: where the main thread neither waits for a question (`resting`) nor
    has come to another `step`, and no processor time was used since the last beat, it is stuck (in a lock, in a file
    that does not answer), and there is no beat. However long a step takes, it beats while it computes. Until the first
    step, while libraries and the model are read from what may be a slow disk, it always beats.
    """

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._resting = True
        self._steps = 0

    def start(self) -> None:
        """Begins to beat, until the process ends."""
        threading.Thread(target=self._run, daemon=True).start()

    def step(self) -> None:
        """The main thread goes on to something else."""
        self._resting = False
        self._steps += 1

    @contextmanager
    def resting(self) -> Iterator[None]:
        """While the main thread has nothing to do."""
        self._resting = True
        try:
            yield
        finally:
            self.step()

    def _run(self) -> None:
        steps, used = self._steps, time.process_time()
        while True:
            time.sleep(BEAT_S)
            now = time.process_time()
            if self._resting or self._steps != steps or now - used > _LEAST_WORK * BEAT_S:
                self._beat()
            steps, used = self._steps, now
