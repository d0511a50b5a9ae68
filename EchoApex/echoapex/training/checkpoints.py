"""Checkpoints of a training run, and what is refused as none."""

from __future__ import annotations

import math
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from ..errors import EchoApexError
from ..io.safe_files import written_beside

CHECKPOINT_FILE = "checkpoint.pt"

NOT_OURS = (
    *(AttributeError, EOFError, IndexError, KeyError, MemoryError, OSError),
    *(RuntimeError, TypeError, UnpicklingError, ValueError),
)
"""What reading a file that is no checkpoint of this recipe raises."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What `Trainer.save` wrote; raises `EchoApexError` for anything else, as far as it shows without a network."""
    try:
        # weights_only: nothing but tensors and numbers is unpickled.
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {**{name: state[name] for name in ("model", "average", "optimizer")}, **_progress(state)}
    except NOT_OURS as error:
        raise foreign(path, error) from None


def read_learned(path: Path) -> dict[str, Any]:
    """What `RunLoop` wrote: ``learner``, ``step`` and ``seconds``; raises `EchoApexError` for anything else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {"learner": state["learner"], **_progress(state)}
    except NOT_OURS as error:
        raise foreign(path, error) from None


def _progress(state: Any) -> dict[str, Any]:
    step, seconds = state["step"], state["seconds"]
    if not (type(step) is int and step >= 0 and isinstance(seconds, float) and 0 <= seconds < math.inf):
        raise ValueError("its steps or seconds are none")
    return {"step": step, "seconds": seconds}


def write_checkpoint(file: Path, state: dict[str, Any]) -> None:
    """Writes ``state`` to ``file``, whole or not at all; raises `EchoApexError` where that is not possible."""
    try:
        file.parent.mkdir(exist_ok=True)
        with written_beside(file) as draft:
            torch.save(state, draft)
    except (OSError, RuntimeError) as error:
        # PyTorch tells of a full disk by a RuntimeError.
        raise EchoApexError("The checkpoint cannot be written", value=error, file=file) from None


def foreign(path: Path, error: BaseException) -> EchoApexError:
    """The refusal of a checkpoint that is of something else."""
    rule = "This checkpoint is not of a run of this recipe, and is not replaced; give another --run folder"
    return EchoApexError(rule, value=str(error).partition("\n")[0], file=path)
