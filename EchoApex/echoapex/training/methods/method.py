"""What a method of pretraining is to the run that teaches by it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...models.model_card import Architecture
from ...models.preprocessing import Preprocessing
from ...models.pretrained_backbone import BackboneCard

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]

Item = TypeVar("Item")
Drawn = TypeVar("Drawn")
Seen = TypeVar("Seen", bound=NamedTuple)
"""What a source yields, what a method draws of it, and what one step sees: arrays by name."""


@dataclass(frozen=True)
class Timeline:
    """How long a run is: all its ``steps``, and those of one epoch."""

    steps: int
    epoch_steps: int

    def epochs(self, count: float) -> int:
        """The steps of so many epochs."""
        return round(count * self.epoch_steps)


class Views(NamedTuple):
    """What one step of a method sees that learns from crops of frames.

    ``large uint8 [2, B, G, G]``, ``small uint8 [L, B, l, l]`` and, where patches are hidden, ``masks bool [2 B, rows,
    columns]`` of the large ones.
    """

    large: NDArray[np.uint8]
    small: NDArray[np.uint8]
    masks: NDArray[np.bool_] | None = None


class Backbone(Protocol):
    """The part of a method that is exported: ``network`` as timm or torchvision builds it."""

    network: Any


class Method(nn.Module, ABC, Generic[Item, Drawn, Seen]):
    """A method with its networks; all that it has learned is in its ``state_dict``.

    It is taught by items of a source, each of which shows it ``frames_of_item`` frames. What is random in it comes from
    the generators and seeds that it is given, and from torch's own in `losses`.
    """

    frames_of_item = 1

    def __init__(self, timeline: Timeline, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.timeline, self.preprocessing = timeline, preprocessing

    @property
    @abstractmethod
    def backbone(self) -> Backbone:
        """What is looked at during the run, and exported at its end."""

    @property
    @abstractmethod
    def architecture(self) -> Architecture:
        """What the backbone is, for its card."""

    def card(self, **facts: Any) -> BackboneCard:
        """The card of the backbone, with what the run knows of it."""
        return BackboneCard(architecture=self.architecture, preprocessing=self.preprocessing, **facts)

    @abstractmethod
    def embed(self, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """What whole pictures are compared by, ``[N, D]`` on the CPU: frames ``uint8 [H, W]``, or clips."""

    @abstractmethod
    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Begins with the weights of a timm network."""

    @abstractmethod
    def draw(self, item: Item, rng: np.random.Generator) -> Drawn:
        """The views of an item; may be called from several threads."""

    @abstractmethod
    def collate(self, drawn: Sequence[Drawn], seed: int) -> Seen:
        """The views of a batch as one."""

    @abstractmethod
    def losses(self, views: Seen, step: int) -> Mapping[str, Tensor]:
        """``loss``, which is learned from, its terms, ``embedding_spread``, and what tells of its targets, if any.

        Nothing but moving means of normalization is changed by it.
        """

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

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.parameters()).device


@torch.no_grad()
def embedding_spread(features: Tensor) -> Tensor:
    """1 minus the mean cosine between ``features [N, D]``: 0 where all are alike, or nothing at all."""
    unit = torch.nn.functional.normalize(features.float(), dim=-1)
    return unit.square().sum(-1).mean() - unit.mean(0).square().sum()
