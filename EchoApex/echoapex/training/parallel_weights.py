"""Weights that several processes teach together: each has all of them (DDP), or a part of each (FSDP2).

Checkpoints hold whole tensors either way: a run goes on with another number of processes, or with the other kind.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from .team import Team

DDP, FSDP2 = KINDS = ("ddp", "fsdp2")


class TaughtNetwork:
    """Calls a ``network`` so that its gradients become their means over the ``team``."""

    def __init__(self, network: nn.Module, team: Team | None = None, kind: str = DDP) -> None:
        team = team or Team()
        self._network: Any = network
        self._split = team.size > 1 and kind == FSDP2
        if self._split:
            split(network, team, keep=True)
        elif team.size > 1:
            self._network = DistributedDataParallel(network, gradient_as_bucket_view=True)

    def __call__(self, *arguments: Any) -> Any:
        return self._network(*arguments)

    @contextmanager
    def share(self, *, last: bool) -> Iterator[None]:
        """Around forward and backward of one share of a batch: gradients are exchanged with the ``last`` one."""
        if self._split:
            self._network.set_requires_gradient_sync(last)
        waits = isinstance(self._network, DistributedDataParallel) and not last
        with self._network.no_sync() if waits else nullcontext():
            yield


def split(network: nn.Module, team: Team, *, keep: bool) -> None:
    """Leaves each process a part of every weight of ``network``, a whole for each of its children.

    With ``keep`` the whole weights stay from the forward to the backward pass, as ``SHARD_GRAD_OP`` of
    facebookresearch/dinov2; else, for what is called without gradients, until the end of the call.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    # Parts of what a backbone gives are views of it, which nobody here changes in place.
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor")
    mesh = init_device_mesh(next(network.parameters()).device.type, (team.size,))
    for child in network.children():
        fully_shard(child, mesh=mesh, reshard_after_forward=not keep)
    if keep:
        fully_shard(network, mesh=mesh, reshard_after_forward=False)


def local(tensors: Sequence[Tensor]) -> list[Tensor]:
    """What this process has of each tensor; to be changed in place without gradients."""
    return [one.to_local() if isinstance(one, DTensor) else one for one in tensors]


def norms(tensors: Sequence[Tensor], team: Team) -> Tensor:
    """The length of each whole tensor ``[n]``."""
    mine = torch.stack(list(torch._foreach_norm(local(tensors))))
    if not any(isinstance(one, DTensor) for one in tensors):
        return mine
    return team.total(mine.square()).sqrt()


def whole(state: Any) -> Any:
    """``state`` with every tensor whole; all processes ask for it together."""
    if isinstance(state, DTensor):
        return state.full_tensor()
    if isinstance(state, dict):
        return {name: whole(value) for name, value in state.items()}
    return [whole(value) for value in state] if isinstance(state, list) else state


def load_network(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Loads whole tensors."""
    own = network.state_dict()
    network.load_state_dict({name: _as_kept(value, own.get(name)) for name, value in state.items()})


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Loads whole tensors of what an optimizer of the same parameters gave."""
    parameters = dict(enumerate(one for group in optimizer.param_groups for one in group["params"]))
    entries = {
        number: {name: _as_kept(value, parameters.get(number)) for name, value in kept.items()}
        for number, kept in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": entries})


def _as_kept(value: Any, own: Tensor | None) -> Any:
    """A whole ``value`` as ``own`` is kept: each process takes its part. What else there is stays as it is."""
    if not isinstance(own, DTensor) or not isinstance(value, Tensor) or value.shape != own.shape:
        return value
    return distribute_tensor(value.to(own.device), own.device_mesh, own.placements, src_data_rank=None)
