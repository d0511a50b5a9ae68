"""The folder of a run: what it was told, where it ran, what it measured, where it stands, and its checkpoints.

``recipe.toml environment.json metrics.jsonl state.json checkpoints/ exported/``. A run is there when its recipe is. The
metrics are the truth of what happened; the state is written whole or not at all, and names the last and the best
checkpoint, which alone are kept. One process at a time works on a run; of a team that is the first, the others read.

The folder is the run's name: a job that is started again with the same folder goes on with what is there.
"""

from __future__ import annotations

import json
import os
import socket
import time
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..console import plain
from ..errors import EchoApexError
from ..io.file_lock import FileLock
from ..io.json_shapes import anything, list_of, number, one_of, or_null, record, text, whole
from ..io.safe_files import write_atomically
from ..io.untrusted_json import parse_json, read_json
from .checkpoints import write_checkpoint
from .drawn_frames import check_writable
from .recipe_file import differing, parsed_toml
from .tensorboard_log import TensorboardLog

RECIPE_FILE, ENVIRONMENT_FILE = "recipe.toml", "environment.json"
METRICS_FILE, STATE_FILE = "metrics.jsonl", "state.json"
CHECKPOINTS, EXPORTED, REPLAY = "checkpoints", "exported", "replay"
STOP_FILE = "stop"
"""A file of this name in the folder asks the run to stop after its step."""

SCHEMA = 1
STARTING, RUNNING, STOPPED, DONE, FAILED = PHASES = ("starting", "running", "stopped", "done", "failed")
ENDED = (STOPPED, DONE, FAILED)
_BEAT_S = 5.0
"""How often the state is written while steps pass (our choice)."""


@dataclass(frozen=True)
class RunState:
    """Where a run stands. Checkpoints are names in ``checkpoints/``; ``reason`` says why it has failed."""

    phase: str = STARTING
    step: int = 0
    steps: int = 0
    heartbeat: str = ""
    host: str = ""
    process: int = 0
    last_checkpoint: str | None = None
    best_checkpoint: str | None = None
    best_score: float | None = None
    reason: str | None = None
    schema: int = SCHEMA


_STATE = record(
    {
        "phase": one_of(*PHASES),
        "step": whole(),
        "steps": whole(),
        "heartbeat": text,
        "host": text,
        "process": whole(),
        "last_checkpoint": or_null(text),
        "best_checkpoint": or_null(text),
        "best_score": or_null(number()),
        "reason": or_null(text),
        "schema": one_of(SCHEMA),
    }
)
_ENVIRONMENT = record({"data": text, "starts": list_of(anything)})


def read_environment(folder: Path) -> dict[str, Any]:
    """The ``data`` that the run in ``folder`` learns from, and its ``starts``; raises `EchoApexError` for others."""
    rule = "The environment of a run tells its data and its starts"
    try:
        known: dict[str, Any] = read_json(folder / ENVIRONMENT_FILE, rule, _ENVIRONMENT)
    except FileNotFoundError:
        raise EchoApexError(rule, value="no file", file=folder / ENVIRONMENT_FILE) from None
    return known


def checkpoint_of(folder: Path, name: str | None) -> Path | None:
    """The checkpoint of this name of the run in ``folder``."""
    if name is not None and Path(name).name != name:
        raise EchoApexError("A checkpoint lies in the run's own folder", value=name, file=folder / STATE_FILE)
    return None if name is None else folder / CHECKPOINTS / name


def read_state(folder: Path) -> RunState:
    """Where the run in ``folder`` stands, for whoever watches it; raises `EchoApexError` for anything else there."""
    file = folder / STATE_FILE
    try:
        return RunState(**read_json(file, "This is no state of a run", _STATE, most_bytes=2**20))
    except FileNotFoundError:
        return RunState()


class RunFolder:
    """A run that this process works on, until `close`. What is noted goes to the ``mirror``, too.

    Raises `EchoApexError` where another process does, where there is a run and ``resume`` is false, where the run there
    is of another recipe or other data, and where nothing can be written.
    """

    def __init__(
        self, path: Path, recipe: str, data: str, *, resume: bool, mirror: TensorboardLog | None = None
    ) -> None:
        self.path, self._recipe, self._data, self._mirror = path, recipe, data, mirror
        self._begun = (path / RECIPE_FILE).exists()
        if self._begun and not resume:
            raise EchoApexError("There is a run here; go on with it by --resume, or give another folder", file=path)
        check_writable(path, "The run cannot be kept here")
        self._lock = run_lock(path)
        try:
            if self._begun:
                self._check_same(recipe, data)
            self.state = read_state(path)
        except BaseException:
            self.close()
            raise
        self._told = -_BEAT_S

    def close(self) -> None:
        """Lets others work on the run."""
        if self._mirror is not None:
            self._mirror.close()
        self._lock.release()

    @property
    def last_checkpoint(self) -> Path | None:
        """The checkpoint to continue from, None before the first."""
        return checkpoint_of(self.path, self.state.last_checkpoint)

    def started(self, environment: Mapping[str, Any]) -> None:
        """Notes where the run goes on from here: versions, machine, threads. From now on there is a run.

        What is refused before leaves none, so that a corrected recipe may take the folder.
        """
        known = read_environment(self.path) if self._begun else {"data": self._data, "starts": []}
        starts = [*known["starts"], plain({**environment, "time": _now()})]
        self._write(ENVIRONMENT_FILE, _json({**known, "starts": starts}))
        # Asked of an earlier process, which had ended before.
        self._forget_stop()
        self._put(replace(self.state, phase=STARTING, reason=None))
        if not self._begun:
            self._write(RECIPE_FILE, self._recipe.encode())
            self._begun = True

    def forget_after(self, step: int) -> None:
        """Drops the metrics of steps after ``step``: they are made again."""
        if self._mirror is not None:
            self._mirror.begin(step)
        file = self.path / METRICS_FILE
        if not file.exists():
            return
        kept = [line for line in file.read_bytes().splitlines(keepends=True) if _step_of(line) <= step]
        self._write(METRICS_FILE, b"".join(kept))

    def note(self, facts: Mapping[str, Any]) -> None:
        """Adds a line to the metrics."""
        line = json.dumps(plain(facts), allow_nan=False) + "\n"
        if self._mirror is not None:
            self._mirror.note(facts)
        try:
            with (self.path / METRICS_FILE).open("a", encoding="utf-8") as stream:
                stream.write(line)
        except OSError as error:
            rule = "The run cannot write its metrics"
            raise EchoApexError(rule, value=error.strerror, file=self.path / METRICS_FILE) from None

    def tell(self, phase: str, step: int, steps: int, reason: str | None = None) -> None:
        """Writes the state now."""
        self._put(replace(self.state, phase=phase, step=step, steps=steps, reason=reason))
        if phase in ENDED:
            self._forget_stop()

    def stop_asked(self) -> bool:
        """Whether somebody has asked the run to stop by a file."""
        return (self.path / STOP_FILE).exists()

    def replay_file(self, step: int) -> Path:
        """Where the batch of a step is kept that could not be learned from."""
        return self.path / REPLAY / f"step-{step:08d}.npz"

    def beat(self, step: int, steps: int) -> None:
        """Writes the state where that is due."""
        if time.monotonic() - self._told >= _BEAT_S:
            self.tell(RUNNING, step, steps)

    def save(self, content: dict[str, Any], step: int, score: float | None = None) -> None:
        """Writes a checkpoint, then the state that names it, then removes what is neither the last nor the best."""
        folder, name = self.path / CHECKPOINTS, f"step-{step:08d}.pt"
        write_checkpoint(folder / name, content)
        before = self.state
        best = score is not None and (before.best_score is None or score > before.best_score)
        if best:
            self._put(replace(before, step=step, last_checkpoint=name, best_checkpoint=name, best_score=score))
        else:
            self._put(replace(before, step=step, last_checkpoint=name))
        for file in folder.glob("step-*.pt"):
            if file.name not in (name, self.state.best_checkpoint):
                with suppress(OSError):
                    file.unlink()

    def _put(self, state: RunState) -> None:
        self.state = replace(state, heartbeat=_now(), host=socket.gethostname(), process=os.getpid())
        self._write(STATE_FILE, _json(asdict(self.state)))
        self._told = time.monotonic()

    def _check_same(self, recipe: str, data: str) -> None:
        file = self.path / RECIPE_FILE
        differences = differing(tomllib.loads(recipe), parsed_toml(file))
        if differences:
            rule = "The run here is of another recipe; give another folder"
            raise EchoApexError(rule, value="; ".join(differences[:5]), file=file)
        known = read_environment(self.path)["data"]
        if known != data:
            raise EchoApexError(f"The run here learns from {known}; give another folder", value=data, file=self.path)

    def _forget_stop(self) -> None:
        with suppress(OSError):
            (self.path / STOP_FILE).unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        try:
            write_atomically(self.path / name, content)
        except OSError as error:
            raise EchoApexError("The run cannot be kept here", value=error.strerror, file=self.path / name) from None


class FollowedRun:
    """The same run for the further processes of a team: they read its checkpoint, and the first writes for all."""

    def __init__(self, path: Path, rank: int) -> None:
        self.path, self.state, self._rank = path, read_state(path), rank

    @property
    def last_checkpoint(self) -> Path | None:
        """As `RunFolder`."""
        return checkpoint_of(self.path, self.state.last_checkpoint)

    def replay_file(self, step: int) -> Path:
        """As `RunFolder`, for this process's share of the batch."""
        return self.path / REPLAY / f"step-{step:08d}-process-{self._rank}.npz"

    def stop_asked(self) -> bool:
        """The first looks."""
        return False

    def close(self) -> None: ...

    def started(self, environment: Mapping[str, Any]) -> None: ...

    def forget_after(self, step: int) -> None: ...

    def note(self, facts: Mapping[str, Any]) -> None: ...

    def tell(self, phase: str, step: int, steps: int, reason: str | None = None) -> None: ...

    def beat(self, step: int, steps: int) -> None: ...

    def save(self, content: dict[str, Any], step: int, score: float | None = None) -> None: ...


def run_lock(path: Path) -> FileLock:
    """Holds the run in ``path``; raises `EchoApexError` where another process does, or nothing can be written."""
    try:
        return FileLock(path / ".lock" / "run")
    except BlockingIOError:
        state = read_state(path)
        who = f"process {state.process} on {state.host}, last heard of {state.heartbeat}"
        raise EchoApexError("Another process works on this run", value=who, file=path) from None
    except OSError as error:
        raise EchoApexError("The run cannot be kept here", value=error.strerror, file=path) from None


def _step_of(line: bytes) -> float:
    """The step of a line of the metrics; infinite for one that was cut off."""
    try:
        step = parse_json(line, "no line")["step"]
    except (EchoApexError, KeyError, TypeError):
        return float("inf")
    return float(step) if isinstance(step, int) else float("inf")


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
