"""The side that asks: sends questions to the inference process and never waits for it; a dead one is started again."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..cine import Cine
from ..errors import EchoApexError
from ..inference.segmentation import Segmentation
from ..landmarks import Landmarks
from ..session.model_questions import Question
from .asked_questions import Asked, ignore
from .message_shapes import TEXT, Message, check_news
from .messages import cine_to_message, failure_in, line, message
from .server_process import Child
from .shared_memory import SharedCine

MOST_DEATHS = 5
"""Deaths in a row after which the process is not started again by itself (our choice)."""

MOST_TRIES = 2
"""A question at which the process ended so often is not asked again (our choice)."""

SILENCE_S = 20.0
"""A process that has not given a sign of life for so long hangs or was stopped (our choice; it gives one a second)."""

STARTING_SILENCE_S = 180.0
"""The same for a process that has not said anything yet: a slow disk has libraries to give first (our choice)."""

_MOST_STEP_S = 1.0

NOT_RUNNING = "The inference process does not run: start it again"


class ProcessState(StrEnum):
    """How the inference process is."""

    STARTING = "starting"
    READY = "ready"
    BROKEN = "broken"
    CLOSED = "closed"


@dataclass
class Told:
    """What is known of the process: model, device and why that one, threads, cache, frames encoded."""

    model: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    reason: str = ""
    threads: Mapping[str, int] = field(default_factory=dict)
    cache: Mapping[str, Any] = field(default_factory=dict)
    encoded: set[int] = field(default_factory=set)


def serve_command(model: str | Path | None = None, device: str = "auto", python: str = sys.executable) -> list[str]:
    """The command line of the process, which ends with this one: ``python`` runs this very package."""
    chosen = [] if model is None else ["--model", str(model)]
    return [python, "-m", "echoapex", "serve", "--device", device, "--parent", str(os.getpid()), *chosen]


class InferenceProcess:
    """One child process that answers about one cine at a time; nothing here ever waits.

    `poll` has to be called every few milliseconds: answers, refusals and news come from there, in the thread that calls
    it. ``news`` is told of everything else in a sentence, and `state` changes before that. A process that says nothing
    for ``silence_s`` while it is polled is ended, and started again as one that has ended by itself.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        news: Callable[[str], None] = ignore,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._command = list(command or serve_command())
        package = Path(__file__).resolve().parents[2]
        paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH", "")])]
        self._environment = {"PYTHONPATH": os.pathsep.join(paths), **(environment or {})}
        self._news = news
        self._silence_s = silence_s
        self._silent_s, self._looked_at, self._heard = 0.0, 0.0, False
        self._child: Child | None = None
        self._waiting: deque[Asked] = deque()
        self._sent: dict[bool, Asked] = {}
        self._lines: deque[bytes] = deque()
        self._cine: Cine | None = None
        self._shared: SharedCine | None = None
        self._shown = 0
        self._number = 0
        self._deaths = 0
        self._opening = self._cine_number = 0
        self.state = ProcessState.CLOSED
        self.told = Told()

    @property
    def pid(self) -> int | None:
        """The process identifier of the child, None where there is none."""
        return None if self._child is None else self._child.pid

    @property
    def busy(self) -> bool:
        """Whether a question waits for its answer."""
        return bool(self._waiting or self._sent)

    @property
    def ready(self) -> bool:
        """Whether the process has the model and the cine."""
        return self.state is ProcessState.READY and self._shared is not None and not self._opening

    def start(self) -> None:
        """Starts the process, also again after it was broken. Raises `EchoApexError` where it cannot be started."""
        self._deaths = 0
        if self._child is None:
            self._start()

    def open(self, cine: Cine, shown: int = 0) -> None:
        """Turns to another cine; questions about the one before are dropped. Frames near ``shown`` come first."""
        self._waiting.clear()
        self._sent.clear()
        self._cine, self._shown = cine, shown
        if self.state is ProcessState.READY:
            self._send_cine()

    def show(self, frame: int) -> None:
        """Says which frame is shown: those near it are encoded first."""
        self._shown = frame
        if self.ready:
            self._send({"do": "show", "frame": frame})

    def ask(
        self,
        question: Question,
        answered: Callable[[Segmentation], None],
        refused: Callable[[str], None] = ignore,
        progress: Callable[[int, int], None] = ignore,
        *,
        replaces: str = "",
    ) -> int:
        """Asks; gives the number under which it can be cancelled.

        ``answered`` gets a `Segmentation` of the question's frames, ``refused`` a sentence; both are called from
        `poll` alone. A waiting question with the same ``replaces`` (not "") is dropped: only the newest of them counts.
        Raises `EchoApexError` where no process runs, and where no cine is open.
        """
        return self._ask(Asked(self._next_number(), question, answered, refused, progress, replaces))

    def ask_landmarks(
        self,
        answered: Callable[[Landmarks], None],
        refused: Callable[[str], None] = ignore,
        progress: Callable[[int, int], None] = ignore,
    ) -> int:
        """Asks for the landmarks of every frame; otherwise as `ask`."""
        return self._ask(Asked(self._next_number(), "landmarks", answered, refused, progress))

    def ask_view(self, answered: Callable[[Mapping[str, Any]], None], refused: Callable[[str], None] = ignore) -> int:
        """Asks which view it is; ``answered`` gets the fields of `ViewEstimate`."""
        return self._ask(Asked(self._next_number(), "view", answered, refused))

    def ask_text(
        self, words: str, answered: Callable[[Mapping[str, Any]], None], refused: Callable[[str], None] = ignore
    ) -> int:
        """Asks which ``structure`` the ``words`` name; ``answered`` gets that and the ``reason``, as `Resolved`."""
        return self._ask(Asked(self._next_number(), TEXT, answered, refused, words=words))

    def cancel(self, number: int) -> None:
        """Drops a question; nobody is told of an answer that comes all the same."""
        self._waiting = deque(asked for asked in self._waiting if asked.number != number)
        for kind, asked in list(self._sent.items()):
            if asked.number == number:
                # It keeps its place until the process has left it: the memory for masks is its own until then.
                self._sent[kind] = Asked(number, asked.question, ignore)
                self._send({"do": "cancel", "id": number})

    def poll(self) -> None:
        """Takes what has come, tells whom it concerns, and sends what waits."""
        child = self._child
        if child is None:
            return
        child.flush()
        ended = child.exit_code
        # Kept: where a callback raises, the rest is heard the next time.
        lines = list(child.lines())
        silent = self._is_silent(bool(lines))
        self._lines.extend(lines)
        while self._lines:
            self._hear(self._lines.popleft())
            if self._child is not child:
                return
        if ended is not None:
            self._lost(child, f"ended by itself (exit code {ended}{_after_colon(child.last_words())})")
        elif silent:
            self._lost(child, f"gave no sign of life for {self._silent_s:.0f} s and was ended")
        self._send_waiting()

    def _is_silent(self, said_something: bool) -> bool:
        """Whether the process has been silent for too long. Only time in which somebody listened counts."""
        now = time.monotonic()
        passed, self._looked_at = now - self._looked_at, now
        self._heard |= said_something
        # After a pause of ours (a dialog, a computer asleep) what it said meanwhile is still to be read.
        self._silent_s = 0.0 if said_something else self._silent_s + min(passed, _MOST_STEP_S)
        return self._silent_s > (self._silence_s if self._heard else max(self._silence_s, STARTING_SILENCE_S))

    def close(self) -> None:
        """Ends the process and forgets the questions; `start` begins anew."""
        child, self._child = self._child, None
        self.state = ProcessState.CLOSED
        self._waiting.clear()
        self._sent.clear()
        self._forget_memory()
        if child is not None:
            child.close()

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _ask(self, asked: Asked) -> int:
        if self._cine is None:
            raise EchoApexError("A cine must be opened before anything is asked about it")
        if self.state in (ProcessState.BROKEN, ProcessState.CLOSED):
            raise EchoApexError(NOT_RUNNING)
        if asked.replaces:
            self._waiting = deque(one for one in self._waiting if one.replaces != asked.replaces)
        self._waiting.append(asked)
        self._send_waiting()
        return asked.number

    def _send_waiting(self) -> None:
        """At most one click and one other question are with the process: each has its place for masks."""
        if not self.ready:
            return
        # A click first, as it is answered: it must not be blamed for the work at which the process ends.
        for asked in sorted(self._waiting, key=lambda one: not one.is_click):
            if asked.is_click not in self._sent:
                self._waiting.remove(asked)
                self._sent[asked.is_click] = asked
                assert self._shared is not None
                self._send(asked.to_message(self._shared))

    def _start(self) -> None:
        self.told = Told()
        self._lines.clear()
        self._child = Child(self._command, self._environment)
        self._silent_s, self._looked_at, self._heard = 0.0, time.monotonic(), False
        self.state = ProcessState.STARTING

    def _send(self, told: Message) -> None:
        if self._child is not None:
            self._child.send(line(told))

    def _send_cine(self) -> None:
        """New memory for masks each time: an old process may still write into the one before."""
        assert self._cine is not None
        self._forget_memory()
        self.told.encoded = set()
        self._opening = self._cine_number = self._next_number()
        try:
            self._shared = SharedCine(self._cine.frames)
        except EchoApexError as problem:
            self._give_up(str(problem))
            return
        told = cine_to_message(self._cine, self._shared)
        self._send({"do": "open", "id": self._opening, "cine": told, "shown": self._shown})

    def _forget_memory(self) -> None:
        if self._shared is not None:
            self._shared.forget_names()
        self._shared, self._opening = None, 0

    def _hear(self, data: bytes) -> None:
        try:
            told = message(data)
            check_news(told)
        except EchoApexError as refusal:
            self._misunderstood(refusal)
            return
        match told["say"]:
            case "ready":
                self._hear_ready(told)
            case "unusable":
                self._give_up(failure_in(told))
            case "opened" if told["id"] == self._opening:
                assert self._shared is not None
                self._shared.forget_names()
                self._opening = 0
            case "refused" if told["id"] == self._opening and self._opening:
                self._give_up(failure_in(told))
            case "encoded" if told["cine"] == self._cine_number:
                self.told.encoded.update(told["frames"])
            case "note":
                self._news(told["text"])
            case "progress" | "answer" | "refused" | "cancelled":
                self._hear_of_question(told)

    def _misunderstood(self, refusal: EchoApexError) -> None:
        self._give_up(f"The inference process is not understood: {refusal}")

    def _hear_ready(self, told: Message) -> None:
        again = self.state is ProcessState.READY
        for name in ("model", "device", "reason", "threads", "cache"):
            setattr(self.told, name, told[name])
        self.state = ProcessState.READY
        if self._cine is not None and not again:
            self._send_cine()

    def _hear_of_question(self, told: Message) -> None:
        asked = next((one for one in self._sent.values() if one.number == told["id"]), None)
        if asked is None:
            return
        if told["say"] == "progress":
            asked.progress(told["done"], told["total"])
            return
        answer: object = None
        if told["say"] == "answer":
            assert self._shared is not None
            try:
                answer = asked.answer_of(told, self._shared)
            except EchoApexError as refusal:
                self._misunderstood(refusal)
                return
        del self._sent[asked.is_click]
        self._send_waiting()
        if told["say"] == "answer":
            self._deaths = 0
            asked.answered(answer)
        elif told["say"] == "refused":
            asked.refused(failure_in(told))

    def _lost(self, child: Child, how: str) -> None:
        child.close(0.0)
        self._child = None
        self._forget_memory()
        self._deaths += 1
        again, self._sent = list(self._sent.values()), {}
        for asked in again:
            asked.tries += 1
        tried = [asked for asked in again if asked.tries >= MOST_TRIES]
        self._waiting.extendleft(asked for asked in reversed(again) if asked.tries < MOST_TRIES)
        why = f"The inference process {how}."
        if self._deaths >= MOST_DEATHS:
            self._give_up(f"{why} It did so {self._deaths} times in a row and is not started again by itself.")
        else:
            self._restart(why)
        for asked in tried:
            asked.refused("The inference process ended twice at this question.")

    def _restart(self, why: str) -> None:
        try:
            self._start()
        except EchoApexError as problem:
            self._give_up(f"{why} {problem}")
        else:
            self._news(f"{why} It was started again; nothing is lost.")

    def _give_up(self, why: str) -> None:
        child, self._child = self._child, None
        self.state = ProcessState.BROKEN
        self._forget_memory()
        waiting, self._waiting = [*self._sent.values(), *self._waiting], deque()
        self._sent = {}
        if child is not None:
            child.close(0.0)
        self._news(why)
        for asked in waiting:
            asked.refused(f"{NOT_RUNNING}.")


def _after_colon(words: str) -> str:
    return f": {words}" if words else ""
