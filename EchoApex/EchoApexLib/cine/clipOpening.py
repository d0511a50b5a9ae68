"""A clip on its way into a scene: read by a process of its own, then put there a few frames at a time.

No Qt: whoever holds it calls `ClipOpening.poll` every few milliseconds from the main thread. A window never waits for
the process, nor for more than `PIECE_BYTES` of frames.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from echoapex.cine import BoolMask, Cine
from echoapex.console import harmless
from echoapex.errors import EchoApexError
from echoapex.io.json_shapes import record, text
from echoapex.io.untrusted_json import parse_json
from echoapex.io.worker_messages import BrokenMessageError, load
from echoapex.serving.watched_process import WatchedProcess

from ..sequences.cineSequence import Steps
from .cineFromBrowser import openCineSteps
from .clipReaders import giveBackReader, takeReader
from .clipReadingProcess import ASKED, READ

PIECE_BYTES = 4_000_000
"""Pixels that are put into the scene at one look (own choice: 8 gray frames of 800 x 600)."""

_ANSWER = record({}, {"refused": text})
_ENDED = "The clip could not be read: the process that reads it has ended"
_UNWRITTEN = "What is to be read cannot be told to the process that reads: no folder for it can be made"
_LOOK_S = 0.01


class OpeningState(StrEnum):
    """How far an opening is."""

    READING = "reading"
    FILLING = "filling"
    DONE = "done"
    FAILED = "failed"


class ClipOpening:
    """Opens the clip that ``request`` names (`clipReadingProcess`).

    ``make`` gets the cine and its masks by structure, and does the work in the scene step by step, a step for each
    frame; its value is the browser. ``name`` is what the clip is called in messages. Raises `EchoApexError` where the
    process cannot be started.
    """

    def __init__(
        self, name: str, request: Mapping[str, Any], make: Callable[[Cine, dict[str, BoolMask]], Steps]
    ) -> None:
        self.name, self._make = name, make
        self.state = OpeningState.READING
        self.browser: Any = None
        self.problem = ""
        self.done = self.count = 0
        self._steps: Steps | None = None
        self._pace = 1
        self._lastWords = ""
        self._process: WatchedProcess | None = None
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="echoapex-clip-", ignore_cleanup_errors=True)
            (Path(self._folder.name) / ASKED).write_text(json.dumps(request, default=str), "utf-8")
        except OSError as error:
            raise EchoApexError(_UNWRITTEN, value=error.strerror) from None
        try:
            self._process = takeReader()
        except EchoApexError:
            self._folder.cleanup()
            raise
        self._process.tell(json.dumps(self._folder.name))

    @property
    def busy(self) -> bool:
        """Whether there is more to do."""
        return self.state in (OpeningState.READING, OpeningState.FILLING)

    def poll(self) -> bool:
        """Goes on with it; whether there was anything to do. Never waits for the process."""
        if self.state is OpeningState.READING:
            return self._look()
        if self.state is OpeningState.FILLING:
            self._attempt(self._fill)
            return True
        return False

    def finish(self, turn: Callable[[], object]) -> Any:
        """Waits until it is done, with a ``turn`` for whatever else there is to do between the looks; its browser.

        Raises `EchoApexError` where it cannot be read.
        """
        try:
            while self.busy:
                turn()
                if not self.poll():
                    time.sleep(_LOOK_S)
        finally:
            self.close()
        if self.state is OpeningState.FAILED:
            raise EchoApexError(self.problem.rstrip("."))
        return self.browser

    def close(self) -> None:
        """Ends it; what is not whole is in no scene."""
        if self._process is not None:
            # It reads what nobody wants.
            self._process.close()
            self._process = None
        # The frames of the file are let go of before it is removed.
        self._steps = None
        self._folder.cleanup()
        if self.busy:
            self.state = OpeningState.FAILED

    def _look(self) -> bool:
        assert self._process is not None
        code, lines = self._process.exit_code, self._process.lines()
        self._lastWords = ([self._lastWords, *self._process.messages()])[-1]
        if code is None and not lines:
            return False
        self._attempt(lambda: self._begin(code, lines))
        return True

    def _begin(self, code: int | None, lines: Sequence[str]) -> None:
        if not lines:
            raise EchoApexError(_ENDED, value=self._lastWords or _ended(code), file=self.name)
        answer = parse_json(lines[0], _ENDED, _ANSWER)
        if self._process is not None and code is None:
            giveBackReader(self._process)
            self._process = None
        if "refused" in answer:
            raise EchoApexError(harmless(answer["refused"]).rstrip("."))
        try:
            cine, masks = load(Path(self._folder.name) / READ)
            colors = () if cine.color_frames is None else (cine.color_frames,)
            size = sum(stack.nbytes for stack in (cine.frames, *colors, *masks.values()))
            self.count = cine.frame_count * (1 + len(colors) + bool(masks))
            self._pace = max(1, PIECE_BYTES * cine.frame_count // size)
        except (BrokenMessageError, OSError, TypeError, ValueError, AttributeError) as error:
            raise EchoApexError(_ENDED, value=type(error).__name__, file=self.name) from None
        self._steps = self._make(cine, masks)
        self.state = OpeningState.FILLING

    def _fill(self) -> None:
        """Puts some frames more into the scene."""
        assert self._steps is not None
        for _ in range(self._pace):
            try:
                next(self._steps)
            except StopIteration as end:
                self.browser, self.state = end.value, OpeningState.DONE
                self.close()
                return
            self.done = min(self.done + 1, self.count)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except EchoApexError as refusal:
            self.problem, self.state = str(refusal), OpeningState.FAILED
            self.close()


def openFile(scene: Any, path: str | Path, parts: Sequence[str | Path] = ()) -> ClipOpening:
    """Opens a file, or the ``parts`` of a clip, in ``scene``, called by its view where that is known.

    Raises as `ClipOpening`.
    """

    def make(cine: Cine, _masks: dict[str, BoolMask]) -> Steps:
        return openCineSteps(scene, cine, cine.view or "Cine")

    file = Path(path).absolute()
    return ClipOpening(file.name, {"file": file, "parts": [Path(part).absolute() for part in parts]}, make)


def _ended(code: int | None) -> str:
    return f"exit code {code}" if code is None or code >= 0 or os.name == "nt" else f"signal {-code}"
