"""Masks of a whole cine kept small: a study of fifty clips has thousands of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from .segmentation import Segmentation


class PackedSegmentations(Mapping[str, Segmentation]):
    """`Segmentation` by structure, kept as one bit a pixel (an eighth of the size) and unpacked each time asked for."""

    def __init__(self, segmentations: Mapping[str, Segmentation]) -> None:
        self._shapes = {name: item.masks.shape for name, item in segmentations.items()}
        self._bits = {name: np.packbits(item.masks, axis=None) for name, item in segmentations.items()}
        self._confidence = {name: item.confidence for name, item in segmentations.items()}

    def __getitem__(self, name: str) -> Segmentation:
        shape = self._shapes[name]
        bits = np.unpackbits(self._bits[name], count=int(np.prod(shape)))
        return Segmentation(bits.view(np.bool_).reshape(shape), self._confidence[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._bits)

    def __len__(self) -> int:
        return len(self._bits)
