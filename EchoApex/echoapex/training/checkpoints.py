"""Checkpoints of a training run, and what is refused as none."""

from __future__ import annotations

import math
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from ..errors import EchoApexError

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
        step, seconds = state["step"], state["seconds"]
        if not (type(step) is int and step >= 0 and isinstance(seconds, float) and 0 <= seconds < math.inf):
            raise ValueError("its steps or seconds are none")
        return {name: state[name] for name in ("model", "average", "optimizer", "step", "seconds")}
    except NOT_OURS as error:
        raise foreign(path, error) from None


def foreign(path: Path, error: BaseException) -> EchoApexError:
    """The refusal of a checkpoint that is of something else."""
    rule = "This checkpoint is not of a run of this recipe, and is not replaced; give another --run folder"
    return EchoApexError(rule, value=str(error).partition("\n")[0], file=path)
