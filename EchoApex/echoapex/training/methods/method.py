"""What a method of pretraining is to the run that teaches by it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...models.preprocessing import Preprocessing
from .masked_transformer import MaskedTransformer

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


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


class Method(nn.Module, ABC):
    """A method with its networks; all that it has learned is in its ``state_dict``.

    What is random in it comes from the generators and seeds that it is given, and from torch's own in `losses`.
    """

    def __init__(self, timeline: Timeline, image_size: int) -> None:
        super().__init__()
        self.timeline, self.preprocessing = timeline, Preprocessing(image_size)

    @property
    @abstractmethod
    def backbone(self) -> MaskedTransformer:
        """What is looked at during the run, and exported at its end."""

    @abstractmethod
    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Begins with the weights of a timm network."""

    @abstractmethod
    def draw(self, image: NDArray[np.uint8], rng: np.random.Generator) -> Pair:
        """Large ``uint8 [2, G, G]`` and small views of a frame ``uint8 [H, W]``; may be called from several threads."""

    @abstractmethod
    def collate(self, drawn: Sequence[Pair], seed: int) -> Views:
        """The views of a batch as one."""

    @abstractmethod
    def losses(self, views: Views, step: int) -> Mapping[str, Tensor]:
        """``loss``, which is learned from, its terms, and `target_facts`. Nothing is changed by it."""

    @abstractmethod
    def optimizer(self) -> torch.optim.Optimizer:
        """A new optimizer of what is taught."""

    @abstractmethod
    def set_pace(self, optimizer: torch.optim.Optimizer, step: int) -> Mapping[str, float]:
        """Sets learning rates and weight decays of ``step``; gives back those worth noting."""

    @abstractmethod
    def clip_gradients(self) -> Tensor:
        """Cuts gradients that are too large; gives back their norm before."""

    @abstractmethod
    def after_step(self, step: int) -> None:
        """What follows a step of the optimizer."""

    def input(self, crops: NDArray[np.uint8]) -> Tensor:
        """Crops ``uint8 [V, B, S, S]`` as the networks' input ``[V B, 1, S, S]``, on their device."""
        device = next(self.parameters()).device
        gray = torch.from_numpy(crops).flatten(0, 1)[:, None].to(device)
        return (gray.float() / 255 - self.preprocessing.mean) / self.preprocessing.std
