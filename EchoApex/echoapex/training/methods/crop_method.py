"""What methods have in common that learn from crops of single frames."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.model_card import Architecture
from ...models.preprocessing import Preprocessing
from ..frame_source import SectorFrame
from .masked_transformer import MaskedTransformer
from .method import Method, Timeline
from .pooled_convolution import PooledConvolution
from .pretraining_recipe import CropRecipe

_EMBEDDED_AT_ONCE = 32

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class Views(NamedTuple):
    """What one step sees.

    ``large uint8 [2, B, G, G]``, ``small uint8 [L, B, l, l]`` and, where patches are hidden, ``masks bool [2 B, rows,
    columns]`` of the large ones.
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


class CropMethod(Method[SectorFrame, Pair, Views]):
    """A `Method` that learns from crops of single frames by a network of class tokens and patches."""

    recipe: CropRecipe

    def __init__(self, recipe: CropRecipe, timeline: Timeline) -> None:
        super().__init__(recipe, timeline, Preprocessing(recipe.global_size))

    @property
    @abstractmethod
    def backbone(self) -> MaskedTransformer | PooledConvolution:
        """As `Method`."""

    @property
    def architecture(self) -> Architecture:
        """The backbone's, at the size of global crops."""
        return Architecture(self.recipe.encoder, self.recipe.patch, self.recipe.global_size)

    @torch.no_grad()
    def embed(self, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Class tokens ``[N, D]`` on the CPU, of whole frames ``uint8 [H, W]``."""
        import cv2

        size = self.recipe.global_size
        parts = []
        for start in range(0, len(pictures), _EMBEDDED_AT_ONCE):
            some = pictures[start : start + _EMBEDDED_AT_ONCE]
            small = [cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in some]
            stack = np.stack(small).astype(np.uint8, copy=False)
            parts.append(self.backbone(self.input(stack[None]))[0].float().cpu())
        return torch.cat(parts)

    def collate(self, drawn: Sequence[Pair], seed: int, part: int = 0, parts: int = 1) -> Views:  # noqa: ARG002
        """The views of a batch as one."""
        return Views(np.stack([large for large, _ in drawn], 1), np.stack([small for _, small in drawn], 1))

    def input(self, crops: NDArray[np.uint8]) -> Tensor:
        """Crops ``uint8 [V, B, S, S]`` as the networks' input ``[V B, 1, S, S]``, on their device."""
        gray = torch.from_numpy(crops).flatten(0, 1)[:, None].to(self.device)
        return (gray.float() / 255 - self.preprocessing.mean) / self.preprocessing.std
