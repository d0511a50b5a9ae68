"""Files read by several reading processes at once, each under its own limits; results come in the order asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

from ..errors import ReadError
from ..io.reading_process import ReadingProcess
from ..study.file_grouping import look
from ..study.study_group import GroupedFile

Item = TypeVar("Item")
Value = TypeVar("Value")

_AHEAD = 2  # pieces of work a process may be ahead of what is taken


class ReadingTeam:
    """``workers`` threads with a reading process each; used as a context manager, which ends them."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="reading")
        self._own = threading.local()
        self._processes: list[ReadingProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.close()

    @property
    def process(self) -> ReadingProcess:
        """That of this thread."""
        if not hasattr(self._own, "process"):
            self._own.process = ReadingProcess()
            self._processes.append(self._own.process)
        found: ReadingProcess = self._own.process
        return found

    def each(self, work: Callable[[Item], Value], items: Iterable[Item]) -> Iterator[Value]:
        """What ``work`` gives for each item, in their order, a few items ahead of whoever takes them."""
        waiting: deque[Future[Value]] = deque()
        try:
            for item in items:
                waiting.append(self._threads.submit(work, item))
                if len(waiting) > _AHEAD * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def look_at_all(self, paths: Sequence[Path]) -> list[GroupedFile]:
        """What the headers of files say of whose they are; nothing for one that does harm: reading it tells."""
        return list(self.each(self._look, paths))

    def _look(self, path: Path) -> GroupedFile:
        try:
            return self.process.run(look, path)
        except ReadError:
            return GroupedFile(path, readable=False)
