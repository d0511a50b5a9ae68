"""Runs from outside: which there are, where each stands, and how one is stopped, taken further or removed.

For the command line and for panels: nothing here waits for a process but `stop_run`, or computes.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from ..errors import EchoApexError
from ..io.safe_files import write_atomically
from .recipe_file import parsed_toml
from .run_folder import (
    CHECKPOINTS,
    ENDED,
    ENVIRONMENT_FILE,
    EXPORTED,
    METRICS_FILE,
    PICTURES,
    RECIPE_FILE,
    REPLAY,
    STATE_FILE,
    STOP_FILE,
    RunState,
    read_environment,
    read_state,
    run_lock,
)
from .run_metrics import latest_looks, latest_steps

LOST, SILENT = "lost", "silent"
"""Phases that no run writes: its process is gone without a word; it is on another machine and has not been heard of."""

SILENCE_S = 600.0
"""So long a run may look at its embeddings, or wait for others, without a heartbeat (our choice)."""

_WAIT_S = 0.2
_WRITTEN = (
    *(f"{CHECKPOINTS}/step-*.pt", f"{REPLAY}/step-*.npz", f"{EXPORTED}/backbone/backbone.*"),
    *("frames/*.npz", "frames/origin.json", "tensorboard/events.out.tfevents.*"),
    *(f"{PICTURES}/attention-*.png", f"{PICTURES}/embeddings-*.png"),
    *(METRICS_FILE, STATE_FILE, STOP_FILE, ENVIRONMENT_FILE, RECIPE_FILE),
)
"""What a run writes; its recipe goes last, for with it the folder is a run."""

_FOLDERS = (CHECKPOINTS, REPLAY, f"{EXPORTED}/backbone", EXPORTED, "frames", "tensorboard", PICTURES)


@dataclass(frozen=True)
class RunReport:
    """Where a run stands. ``phase`` is that of `RunState`, or what became of it: ``lost`` or ``silent``.

    ``looks`` are the last ones, the newest first; ``step_facts`` what was measured in the last step.
    """

    run: Path
    id: str
    name: str
    method: str
    data: str
    phase: str
    step: int
    steps: int
    heartbeat: str
    heartbeat_age_s: float | None
    host: str
    process: int
    processes: int
    last_checkpoint: str | None
    best_checkpoint: str | None
    best_score: float | None
    reason: str | None
    step_facts: dict[str, Any]
    looks: list[dict[str, Any]]

    @property
    def works(self) -> bool:
        """Whether a process works on it, as far as can be told from here."""
        return self.phase not in (*ENDED, LOST, SILENT)


def find_runs(folder: Path) -> list[Path]:
    """``folder`` itself, or the runs in it and one floor below."""
    if not folder.is_dir():
        raise EchoApexError("There is no such folder", file=folder)
    if (folder / RECIPE_FILE).is_file():
        return [folder]
    found = [*folder.glob(f"*/{RECIPE_FILE}"), *folder.glob(f"*/*/{RECIPE_FILE}")]
    return sorted(file.parent for file in found)


def report_on(run: Path, looks: int = 5) -> RunReport:
    """Where the run in a folder stands; raises `EchoApexError` where there is none, or its files are damaged."""
    recipe, environment, state = _recipe_of(run), read_environment(run), read_state(run)
    starts = environment["starts"]
    return RunReport(
        run=run,
        **{name: str(recipe.get(name, "")) for name in ("id", "name", "method")},
        data=environment["data"],
        phase=_phase(state),
        step=state.step,
        steps=state.steps,
        heartbeat=state.heartbeat,
        heartbeat_age_s=_age_s(state),
        host=state.host,
        process=state.process,
        processes=starts[-1].get("processes", 1) if starts and isinstance(starts[-1], dict) else 1,
        last_checkpoint=state.last_checkpoint,
        best_checkpoint=state.best_checkpoint,
        best_score=state.best_score,
        reason=state.reason,
        step_facts=next(latest_steps(run), {}),
        looks=[facts for facts, _ in zip(latest_looks(run), range(looks), strict=False)],
    )


def _recipe_of(run: Path) -> dict[str, Any]:
    if not (run / RECIPE_FILE).is_file():
        raise EchoApexError("There is no run in this folder", file=run)
    return parsed_toml(run / RECIPE_FILE)


def _phase(state: RunState) -> str:
    age = _age_s(state)
    if state.phase in ENDED:
        return state.phase
    if age is None:
        return LOST
    if state.host != socket.gethostname():
        return SILENT if age > SILENCE_S else state.phase
    return state.phase if _is_alive(state) else LOST


def _is_alive(state: RunState) -> bool:
    """Whether the process is there, and is not another one that was given its number later."""
    try:
        began = psutil.Process(state.process).create_time()
    except psutil.Error:
        return False
    return bool(began <= datetime.fromisoformat(state.heartbeat).timestamp() + 1)


def _age_s(state: RunState) -> float | None:
    """Seconds since the last heartbeat, None where there was none."""
    try:
        return round((datetime.now(UTC) - datetime.fromisoformat(state.heartbeat)).total_seconds(), 1)
    except (TypeError, ValueError):
        return None


def stop_run(run: Path, wait_s: float, say: Callable[[str], None]) -> RunReport:
    """Asks a run to stop after its step, and waits until it has; raises `EchoApexError` where it does not work.

    The run is asked by a file in its folder, so that it may be on another machine.
    """
    report = report_on(run)
    if not report.works:
        raise EchoApexError("No process works on this run", value=report.phase, file=run)
    try:
        write_atomically(run / STOP_FILE, b"")
    except OSError as error:
        raise EchoApexError("The run cannot be asked to stop", value=error.strerror, file=run) from None
    say(f"asked process {report.process} on {report.host}; it stops after its step")
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        time.sleep(_WAIT_S)
        report = report_on(run)
        if not report.works:
            return report
    raise EchoApexError(f"The run has been asked, and has not stopped for {wait_s:g} s", file=run)


def remove_run(run: Path) -> list[Path]:
    """Removes what a run wrote, and its folder where nothing else is in it; gives back what was left there.

    Raises `EchoApexError` for a run that a process works on. Links are removed, never what they point to.
    """
    report = report_on(run)
    if report.works:
        rule = "A process works on this run: stop it first"
        raise EchoApexError(rule, value=f"process {report.process} on {report.host}", file=run)
    lock = run_lock(run)
    try:
        _remove(run)
    except OSError as error:
        raise EchoApexError("The run cannot be removed", value=error.strerror, file=run) from None
    finally:
        lock.release()
    with suppress(OSError):
        run.rmdir()
    return sorted(run.iterdir()) if run.exists() else []


def _remove(run: Path) -> None:
    linked = [run / name for name in _FOLDERS if (run / name).is_symlink()]
    for link in linked:
        link.unlink()
    for pattern in _WRITTEN:
        for file in run.glob(pattern):
            file.unlink()
    for name in _FOLDERS:
        # What is not of the run stays in it.
        with suppress(OSError):
            (run / name).rmdir()
