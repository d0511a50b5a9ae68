"""What a method of pretraining is to the run that teaches by it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...models.preprocessing import Preprocessing
from ..team import Team
from .masked_transformer import MaskedTransformer
from .pooled_convolution import PooledConvolution

Backbone = MaskedTransformer | PooledConvolution
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

    def shares(self, count: int) -> list[Views]:
        """The same in ``count`` parts of as many frames."""
        larges, smalls = np.split(self.large, count, axis=1), np.split(self.small, count, axis=1)
        if self.masks is None:
            return [Views(large, small) for large, small in zip(larges, smalls, strict=True)]
        by_view = self.masks.reshape(len(self.large), -1, *self.masks.shape[1:])
        masks = [part.reshape(-1, *part.shape[2:]) for part in np.split(by_view, count, axis=1)]
        return [Views(*parts) for parts in zip(larges, smalls, masks, strict=True)]


class Method(nn.Module, ABC):
    """A method with its networks; all that it has learned is in its ``state_dict``.

    What is random in it comes from the generators and seeds that it is given, and from torch's own in `losses`.
    """

    divisible: ClassVar[bool] = False
    """Whether a batch can be learned in shares, by several processes or one after the other (`part_losses`)."""

    def __init__(self, timeline: Timeline, image_size: int) -> None:
        super().__init__()
        self.timeline, self.preprocessing = timeline, Preprocessing(image_size)
        self.team = Team()

    @property
    @abstractmethod
    def backbone(self) -> Backbone:
        """What is looked at during the run, and exported at its end."""

    @abstractmethod
    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Begins with the weights of a timm network."""

    @abstractmethod
    def draw(self, image: NDArray[np.uint8], rng: np.random.Generator) -> Pair:
        """Large ``uint8 [2, G, G]`` and small views of a frame ``uint8 [H, W]``; may be called from several threads."""

    @abstractmethod
    def collate(self, drawn: Sequence[Pair], seed: int, part: int = 0, parts: int = 1) -> Views:
        """The views of a batch as one; of a batch in ``parts``, those of number ``part``, which were drawn."""

    @abstractmethod
    def losses(self, views: Views, step: int) -> Mapping[str, Tensor]:
        """``loss``, which is learned from, its terms, and `target_facts`. Nothing is changed by it."""

    def part_losses(self, shares: Sequence[Views], step: int) -> Iterator[Mapping[str, Tensor]]:
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
        return [self.backbone]

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
