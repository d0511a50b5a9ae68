"""What a method of pretraining is to the run that teaches by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .masked_transformer import MaskedTransformer


@dataclass(frozen=True)
class Timeline:
    """How long a run is: all its ``steps``, and those of one epoch."""

    steps: int
    epoch_steps: int

    def epochs(self, count: float) -> int:
        """The steps of so many epochs."""
        return round(count * self.epoch_steps)


class Views(NamedTuple):
    """What one step sees: ``large uint8 [2, B, G, G]``, ``small uint8 [L, B, l, l]`` and, where patches are hidden,
    ``masks bool [2 B, rows, columns]`` of the large ones.
    """

    large: NDArray[np.uint8]
    small: NDArray[np.uint8]
    masks: NDArray[np.bool_] | None = None


class Method(Protocol):
    """A method with its networks. All it has learned is in its ``state_dict``; draws depend on what they are given."""

    @property
    def backbone(self) -> MaskedTransformer:
        """What is looked at during the run, and exported at its end."""

    def draw(self, image: NDArray[np.uint8], rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Large and small views of one frame ``uint8 [H, W]``; may be called from several threads."""

    def collate(self, drawn: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], seed: int) -> Views:
        """The views of a batch as one."""

    def losses(self, views: Views, step: int) -> Mapping[str, Tensor]:
        """Terms of the loss by name, and what else is worth noting; ``loss`` is learned from. Changes nothing."""

    def optimizer(self) -> torch.optim.Optimizer: ...

    def set_pace(self, optimizer: torch.optim.Optimizer, step: int) -> Mapping[str, float]:
        """Sets learning rates and weight decays of ``step``; gives back those worth noting."""

    def clip_gradients(self) -> Tensor:
        """Cuts gradients that are too large; gives back their norm before."""

    def after_step(self, step: int) -> None:
        """What follows a step of the optimizer."""
