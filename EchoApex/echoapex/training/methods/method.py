"""What a method of pretraining is to the run that teaches by it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...models.model_card import Architecture
from ...models.preprocessing import Preprocessing
from ...models.pretrained_backbone import BackboneCard
from ..schedules import cosine
from ..team import Team
from .pretraining_recipe import PretrainingRecipe

Item = TypeVar("Item")
Drawn = TypeVar("Drawn")
"""What a source yields, and what a method draws of it."""


@dataclass(frozen=True)
class Timeline:
    """How long a run is: all its ``steps``, and those of one epoch."""

    steps: int
    epoch_steps: int

    def epochs(self, count: float) -> int:
        """The steps of so many epochs."""
        return round(count * self.epoch_steps)


class Shareable(Protocol):
    """What one step sees: arrays by name, in parts where that is asked for."""

    def shares(self, count: int) -> list[Self]:
        """The same in ``count`` parts of as many items."""

    def _asdict(self) -> dict[str, Any]: ...


Seen = TypeVar("Seen", bound=Shareable)


class Backbone(Protocol):
    """The part of a method that is exported: ``network`` as timm or torchvision builds it."""

    @property
    def network(self) -> Any: ...


class Method(nn.Module, ABC, Generic[Item, Drawn, Seen]):
    """A method with its networks; all that it has learned is in its ``state_dict``.

    It is taught by items of a source, each of which shows it ``frames_of_item`` frames. What is random in it comes from
    the generators and seeds that it is given, and from torch's own in `losses`.
    """

    divisible: ClassVar[bool] = False
    """Whether a batch can be learned in shares, by several processes or one after the other (`part_losses`)."""
    frames_of_item: ClassVar[int] = 1

    def __init__(self, recipe: PretrainingRecipe, timeline: Timeline, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.recipe, self.timeline, self.preprocessing = recipe, timeline, preprocessing
        self.team = Team()

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
    def collate(self, drawn: Sequence[Drawn], seed: int, part: int = 0, parts: int = 1) -> Seen:
        """The views of a batch as one; of a batch in ``parts``, those of number ``part``, which were drawn."""

    @abstractmethod
    def losses(self, views: Seen, step: int) -> Mapping[str, Tensor]:
        """``loss``, which is learned from, its terms, ``embedding_spread``, and what tells of its targets, if any.

        Nothing but moving means of normalization is changed by it.
        """

    def part_losses(self, shares: Sequence[Seen], step: int) -> Iterator[Mapping[str, Tensor]]:
        """`losses` of each share in turn, so that one can be learned from before the next is computed.

        ``shares`` are this process's part of the batch. The mean over all shares of all processes is what is learned
        from, and told.
        """
        (views,) = shares
        yield self.losses(views, step)

    def share_out(self, team: Team, kind: str) -> None:  # noqa: ARG002 - for methods that are divisible.
        """Has a ``team`` teach its networks together (`parallel_weights`); before `optimizer`."""
        self.team = team

    def share(self, *, last: bool) -> AbstractContextManager[None]:  # noqa: ARG002 - as above.
        """Around forward and backward of one share."""
        return nullcontext()

    def compiled(self) -> Sequence[nn.Module]:
        """The networks that take most of the time, and see the same shapes in every step: torch may compile them."""
        return [cast(nn.Module, self.backbone)]

    @abstractmethod
    def optimizer(self) -> torch.optim.Optimizer:
        """A new optimizer of what is taught."""

    @abstractmethod
    def set_pace(self, optimizer: torch.optim.Optimizer, step: int) -> Mapping[str, float]:
        """Sets learning rates and weight decays of ``step``; gives back those worth noting."""

    def pace(self, step: int) -> tuple[float, float]:
        """Learning rate (warm-up, then cosine) and weight decay (cosine) of ``step``."""
        one, time = self.recipe, self.timeline
        warmup = time.epochs(one.warmup_epochs)
        rate = cosine(step, time.steps, one.effective_rate, one.least_rate, warmup=warmup)
        return rate, cosine(step, time.steps, one.weight_decay, one.weight_decay_end)

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
