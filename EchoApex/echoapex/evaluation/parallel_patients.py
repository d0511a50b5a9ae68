"""Patients examined in this process, or several at once in processes of one thread each."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from ..errors import EchoApexError
from .trial_cache import Cache
from .trials.all_tasks import examine
from .trials.evaluated_model import ModelSubject, Subject
from .trials.simulated_patients import STANDARD, Acquisition, SimulatedPatient

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is tried on whom, and where the trials are kept (``work`` and ``key`` as in `Cache`)."""

    preset: str
    seeds: range
    tasks: tuple[str, ...]
    held_out: tuple[str, ...]
    work: Path
    key: str
    acquisition: Acquisition = STANDARD

    @property
    def cache(self) -> Cache:
        """Where the trials are kept."""
        return Cache(self.work, self.key)


@dataclass(frozen=True)
class ModelAt:
    """Where a process finds the same model, and the device it loads it on."""

    model: Path
    device: str


def examine_patients(plan: Plan, subject: Subject, copied: ModelAt | None, processes: int, say: Progress) -> None:
    """Every patient of ``plan`` whose trials are not kept yet, by ``subject`` or by ``processes`` copies of it.

    Copies can be made only of a model, found again by ``copied``: without it this process does all.

    Raises `EchoApexError` when a process ends unasked, as it does when memory runs out; what is done stays done.
    """
    cache = plan.cache
    waiting = {seed: missing for seed in plan.seeds if (missing := cache.missing(seed, plan.tasks))}
    done = len(plan.seeds) - len(waiting)
    if done:
        say(f"{done} of {len(plan.seeds)} patients are examined already")
    if copied is None or processes == 1 or len(waiting) < 2:
        for seed, tasks in waiting.items():
            _examine(plan, subject, seed, tasks)
            done += 1
            say(f"patient {done} of {len(plan.seeds)}")
    else:
        _examine_beside(plan, copied, waiting, processes, say)


def _examine(plan: Plan, subject: Subject, seed: int, tasks: Sequence[str]) -> None:
    patient = SimulatedPatient(plan.preset, seed, plan.acquisition)
    for task, findings in examine(subject, patient, tasks, plan.held_out).items():
        plan.cache.write(seed, task, findings)


def _examine_beside(
    plan: Plan, copied: ModelAt, waiting: dict[int, tuple[str, ...]], processes: int, say: Progress
) -> None:
    import multiprocessing

    done = len(plan.seeds) - len(waiting)
    # Started afresh, not forked: a fork copies the threads' locks but not the threads.
    context = multiprocessing.get_context("spawn")
    count = min(processes, len(waiting))
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    executor = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(plan, copied))
    try:
        futures = [executor.submit(_work, seed, tasks) for seed, tasks in waiting.items()]
        for future in as_completed(futures):
            _check(future)
            done += 1
            say(f"patient {done} of {len(plan.seeds)}")
    finally:
        executor.shutdown(cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def _check(future: Future[tuple[str, object, str | None] | None]) -> None:
    try:
        refusal = future.result()
    except BrokenProcessPool:
        rule = "A process that examined patients ended, perhaps for want of memory; take fewer processes"
        raise EchoApexError(f"{rule}, and the rest continues from the work folder") from None
    if refusal is not None:
        rule, value, file = refusal
        raise EchoApexError(rule, value=value, file=file)


_state: dict[str, tuple[Plan, Subject]] = {}


def _begin(plan: Plan, copied: ModelAt) -> None:
    """Loads the model once in each process."""
    import cv2
    import torch

    from ..models.model_loading import load_model

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _state["assigned"] = plan, ModelSubject(load_model(copied.model, copied.device))


def _work(seed: int, tasks: Sequence[str]) -> tuple[str, object, str | None] | None:
    """Examines one patient; a refusal is given back in its parts, since it does not travel between processes whole."""
    plan, subject = _state["assigned"]
    try:
        _examine(plan, subject, seed, tasks)
    except EchoApexError as refusal:
        return refusal.rule, None if refusal.value is None else str(refusal.value), refusal.file
    return None
