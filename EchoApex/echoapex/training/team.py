"""Processes that train one model together: each takes its share of every batch, and what they learn is averaged.

Started by torchrun, or by whoever sets the variables that torchrun sets: ``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK``,
``MASTER_ADDR`` and ``MASTER_PORT``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor

from ..errors import EchoApexError

SILENCE_S = 600.0
"""So long a process waits for the others in a step before it takes one for lost (the default of PyTorch for NCCL)."""

_PATIENCE = timedelta(days=1)
"""So long the others wait for the first, who may have frames to draw before the first step."""

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Team:
    """This process is number ``rank`` of ``size`` in all, and number ``local`` on its machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    def average(self, gradients: list[Tensor]) -> None:
        """Replaces ``gradients`` by their mean over the team."""
        if self.size == 1:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def total(self, value: Tensor) -> Tensor:
        """The sum of ``value`` over the team; without gradients."""
        return self._reduced(value, torch.distributed.ReduceOp.SUM)

    def largest(self, value: Tensor) -> Tensor:
        """The largest of each entry over the team; without gradients."""
        return self._reduced(value, torch.distributed.ReduceOp.MAX)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of ``value`` over the team; without gradients."""
        return self.total(value) / self.size

    def any(self, asked: bool) -> bool:
        """Whether it is true for one of the team."""
        return bool(self.largest(torch.tensor(float(asked)))) if self.size > 1 else asked

    def check_same(self, value: int, rule: str) -> None:
        """Raises `EchoApexError` with the ``rule`` in every process where they have not all the same ``value``."""
        ends = self.largest(torch.tensor([float(value), -float(value)], dtype=torch.float64))
        if float(ends[0]) != -float(ends[1]):
            raise EchoApexError(rule, value=f"{-ends[1]:.0f} and {ends[0]:.0f}")

    def led(self, work: Callable[[], None]) -> None:
        """The first process does some ``work`` that may take long, the others wait for it.

        What it refuses it raises itself; the others end with it, in silence (`SystemExit` with 1).
        """
        if self.size == 1:
            work()
            return
        failed = torch.ones(1)
        patient: Any = torch.distributed.new_group(backend="gloo", timeout=_PATIENCE)
        try:
            if self.leads:
                work()
                failed.zero_()
        finally:
            torch.distributed.broadcast(failed, 0, group=patient)
            torch.distributed.destroy_process_group(patient)
        if failed:
            raise SystemExit(1)

    def _reduced(self, value: Tensor, how: torch.distributed.ReduceOp.RedOpType) -> Tensor:
        if self.size == 1:
            return value
        reduced = value.detach().clone().contiguous()
        torch.distributed.all_reduce(reduced, how)
        return reduced


@contextmanager
def joined_team(silence_s: float = SILENCE_S) -> Iterator[Team]:
    """The team that the environment tells of, joined until the end; a process that was started alone is one.

    On accelerators of NVIDIA by NCCL, between processors by Gloo. Raises `EchoApexError` where the others do not come,
    or the environment says half of it.
    """
    team = _told()
    if team.size == 1:
        yield team
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        torch.distributed.init_process_group(backend, timeout=timedelta(seconds=silence_s))
    except (RuntimeError, ValueError) as error:
        where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        rule = f"The processes of this run do not find each other at {where}"
        raise EchoApexError(rule, value=first_line(error)) from None
    yield team
    # Only here: after a failure it would wait for those who are gone.
    torch.distributed.destroy_process_group()


def _told() -> Team:
    known = {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)}
    if "WORLD_SIZE" not in known:
        return Team()
    missing = [name for name in _VARIABLES if name not in known]
    if known["WORLD_SIZE"] != "1" and missing:
        raise EchoApexError("torchrun sets what a process needs to find the others", value=f"no {', '.join(missing)}")
    try:
        team = Team(int(known.get("RANK", 0)), int(known["WORLD_SIZE"]), int(known.get("LOCAL_RANK", 0)))
    except ValueError as error:
        raise EchoApexError("RANK, WORLD_SIZE and LOCAL_RANK are whole numbers", value=error) from None
    if not 0 <= team.rank < team.size:
        raise EchoApexError("RANK lies below WORLD_SIZE", value=f"{team.rank} of {team.size}")
    return team


def is_lost_process(error: BaseException) -> bool:
    """Whether an error says that another process of the team has ended or does not answer."""
    # Gloo has no kind of error of its own.
    words = str(error)
    return isinstance(error, torch.distributed.DistError) or "gloo" in words or "Connection closed by peer" in words


def first_line(error: BaseException) -> str:
    """What an error of PyTorch says first; further lines are of its insides."""
    return str(error).strip().partition("\n")[0]


def share_of(items: Sequence[int], team: Team) -> Sequence[int]:
    """The part of ``items`` that is this process's, as many for each."""
    count = len(items) // team.size
    return items[team.rank * count : (team.rank + 1) * count]
