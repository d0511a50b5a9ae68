"""The steps of a run, whatever is learned: metrics, checkpoints, heartbeat, and an end that leaves the last good one.

A learner does one step at a time, and everything random in a step comes from the run's seed and the step's number: what
a checkpoint holds is enough to go on as if nothing had happened.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..errors import EchoApexError
from .checkpoints import NOT_OURS, foreign, read_learned
from .drawn_frames import Say
from .run_folder import DONE, FAILED, PICTURES, RUNNING, STOPPED, FollowedRun, RunFolder
from .team import Team, first_line, is_lost_process

_TELL_S = 30.0


class NotFiniteError(EchoApexError):
    """A loss or a gradient is not a finite number; the weights are still those of before the step."""


class Learner(Protocol):
    """What is taught in steps. ``look`` gives what is seen every now and then, and the score among it, if any."""

    @property
    def steps(self) -> int: ...

    def learn(self, step: int) -> Mapping[str, float]: ...

    def look(self, step: int) -> tuple[Mapping[str, float], float | None]: ...

    def picture(self, folder: Path, step: int) -> None:
        """Draws what is seen at ``step`` into ``folder``."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...

    def keep_batch(self, file: Path) -> None:
        """Writes what the last step saw, for a replay."""


@dataclass
class StopRequest:
    """Whether somebody has asked the run to stop."""

    asked: bool = False


class RunLoop:
    """Teaches ``learner`` in ``folder``; made, it stands where the last checkpoint is.

    The processes of a ``team`` go through the same steps, looks and checkpoints together.
    """

    def __init__(
        self,
        folder: RunFolder | FollowedRun,
        learner: Learner,
        save_steps: int,
        look_steps: int,
        say: Say,
        team: Team | None = None,
    ) -> None:
        self.folder, self.learner, self.say, self.team = folder, learner, say, team or Team()
        self._save_steps, self._look_steps = save_steps, look_steps
        self.step, self.seconds = 0, 0.0
        self.seen: Mapping[str, float] = {}
        self._spoken = 0.0
        self._resume()

    def run(self) -> bool:
        """Teaches until the end, or until somebody asks to stop; gives back whether the end is reached.

        Raises `EchoApexError` where it cannot go on: the state says why, and the last checkpoint stays.
        """
        self.folder.tell(RUNNING, self.step, self.learner.steps)
        try:
            with stop_requests(self.say) as request:
                while self.step < self.learner.steps and not self._stop_asked(request):
                    self._one_step()
        except KeyboardInterrupt:
            self._end(STOPPED)
            raise
        except EchoApexError as refusal:
            self._end(FAILED, str(refusal))
            raise
        except (MemoryError, RuntimeError) as error:
            raise self._refusal_of(error) from None
        return self._finish()

    def _stop_asked(self, request: StopRequest) -> bool:
        """Whether one of the team is asked to stop: all stop after the same step."""
        return self.team.any(request.asked or self.folder.stop_asked())

    def _finish(self) -> bool:
        done = self.step >= self.learner.steps
        if not done:
            self._save(None)
        self._end(DONE if done else STOPPED)
        return done

    def _one_step(self) -> None:
        started = time.perf_counter()
        try:
            facts = self.learner.learn(self.step)
        except NotFiniteError as problem:
            raise self._kept_for_replay(problem) from None
        self.step += 1
        self.seconds += time.perf_counter() - started
        self.folder.note({"step": self.step, "seconds": round(self.seconds, 3), **facts})
        self.folder.beat(self.step, self.learner.steps)
        self._speak(facts)
        last = self.step == self.learner.steps
        if self.step % self._look_steps == 0 or last:
            self._save(self.look())
            self.picture()
        elif self.step % self._save_steps == 0:
            self._save(None)

    def look(self) -> float | None:
        """Notes what is seen at this step."""
        self.seen, score = self.learner.look(self.step)
        self.folder.note({"step": self.step, **self.seen})
        self.say("  ".join([f"step {self.step}", *(f"{name} {value:.3f}" for name, value in self.seen.items())]))
        return score

    def picture(self) -> None:
        """Draws what is seen at this step; last, so that no checkpoint is lost where that cannot be written."""
        self.learner.picture(self.folder.path / PICTURES, self.step)

    def _save(self, score: float | None) -> None:
        content = {"learner": self.learner.state_dict(), "step": self.step, "seconds": self.seconds}
        self.folder.save(content, self.step, score)

    def _resume(self) -> None:
        file = self.folder.last_checkpoint
        if file is not None:
            try:
                state = read_learned(file)
                self.learner.load_state_dict(state["learner"])
                self.step, self.seconds = state["step"], state["seconds"]
            except NOT_OURS as error:
                raise foreign(file, error) from None
            self.say(f"continuing at step {self.step}")
        rule = "The processes of a run do not see the same folder: it lies on a disk that all of them share"
        self.team.check_same(self.step, rule)
        # Without a checkpoint the look at what is there before the first step is made again, too.
        self.folder.forget_after(-1 if file is None else self.step)

    def _speak(self, facts: Mapping[str, float]) -> None:
        if time.monotonic() - self._spoken < _TELL_S and self.step != self.learner.steps:
            return
        self._spoken = time.monotonic()
        left = self.seconds / self.step * (self.learner.steps - self.step) if self.step else 0.0
        self.say(f"step {self.step}/{self.learner.steps}  loss {facts['loss']:.4f}  {duration(left)} left")

    def _kept_for_replay(self, problem: NotFiniteError) -> EchoApexError:
        file = self.folder.replay_file(self.step)
        try:
            file.parent.mkdir(exist_ok=True)
            self.learner.keep_batch(file)
        except OSError as error:
            return EchoApexError(f"{problem.rule}; its batch could not be kept ({error.strerror})", value=problem.value)
        return EchoApexError(f"{problem.rule}; its batch is kept here for a replay", value=problem.value, file=file)

    def _refusal_of(self, error: BaseException) -> BaseException:
        """A refusal that says what to do where memory has run out or another process is gone; else the error itself."""
        words = first_line(error)
        refusal = error
        # PyTorch tells of it on an accelerator by a kind of its own, on the processor by its words alone.
        if isinstance(error, MemoryError) or "out of memory" in words or "allocate memory" in words:
            rule = "Memory has run out: take smaller or fewer crops, fewer prototypes, checkpointing, more accumulate"
            rule += ", or a smaller batch"
            refusal = EchoApexError(rule, value=words)
        elif self.team.size > 1 and is_lost_process(error):
            rule = (
                "Another process of this run has ended or does not answer; go on from the last checkpoint by --resume"
            )
            refusal = EchoApexError(rule, value=words)
        self._end(FAILED, str(refusal))
        return refusal

    def _end(self, phase: str, reason: str | None = None) -> None:
        try:
            self.folder.tell(phase, self.step, self.learner.steps, reason)
        except EchoApexError as second:
            # The reason itself is said by whoever ends; a full disk must not hide it.
            self.say(str(second))


@contextmanager
def stop_requests(say: Say) -> Iterator[StopRequest]:
    """While it lasts, the first SIGINT or SIGTERM asks to stop after the step; a second interrupts."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def ask(*_: object) -> None:
        if request.asked:
            raise KeyboardInterrupt
        request.asked = True
        say("stopping after this step; once more to stop at once")

    before = {one: signal.signal(one, ask) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def duration(seconds: float) -> str:
    """A duration in words: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
