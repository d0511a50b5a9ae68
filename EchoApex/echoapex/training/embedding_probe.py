"""What the embeddings are worth while an encoder learns: views told by neighbors, and how many directions are used.

The loss alone misleads: it falls also where nothing is learned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .frame_source import FrameSource, SectorFrame, check_patients

NEIGHBORS, TEMPERATURE = 20, 0.07
MOST_KNOWN, MOST_ASKED = 2000, 1000
"""Frames that are looked at, at most (our choice), evenly spaced."""
_PIXELS = 32

Embed = Callable[[Sequence[NDArray[np.uint8]]], Tensor]


def nearest_labels(
    known: Tensor, labels: Tensor, asked: Tensor, k: int = NEIGHBORS, temperature: float = TEMPERATURE
) -> Tensor:
    """Labels ``[M]`` of ``asked [M, D]`` by the ``k`` most alike of ``known [N, D]`` with ``labels [N]``.

    Cosine likeness; each neighbor votes with ``exp(likeness / temperature)`` (Wu et al. 2018, section 3.4; k 20 and
    0.07 as in DINO and DINOv2). With fewer than k known all of them vote.
    """
    likeness = functional.normalize(asked.float(), dim=1) @ functional.normalize(known.float(), dim=1).T
    nearest, places = likeness.topk(min(k, len(known)), dim=1)
    votes = torch.zeros(len(asked), int(labels.max()) + 1)
    votes.scatter_add_(1, labels[places], (nearest / temperature).exp())
    return votes.argmax(1)


def balanced_accuracy(truth: Tensor, told: Tensor) -> float:
    """Mean over the classes in ``truth [M]`` of the share that is ``told [M]`` right."""
    return float(np.mean([float((told[truth == one] == one).float().mean()) for one in set(truth.tolist())]))


def rank_me(embeddings: Tensor) -> float:
    """The effective number of directions of ``embeddings [N, D]``: from 1 to the smaller of N and D.

    Garrido et al. 2023 (RankMe), equations 1 and 2: the exponential of the entropy of the singular values, divided by
    their sum, each plus 1e-7.
    """
    values = torch.linalg.svdvals(embeddings.float())
    shares = values / values.sum().clamp(min=1e-12) + 1e-7
    return float(torch.exp(-(shares * shares.log()).sum()))


class EmbeddingProbe:
    """Looks at an encoder through frames of ``source``; kNN only where views are known."""

    score = "knn_views"
    unscored = "views cannot be told: no patient that is held out has one that others have; the rank alone is watched"

    def __init__(self, source: FrameSource, seed: int) -> None:
        known, asked = source.labelled()
        check_patients(known, asked)
        views = {frame.view for frame in known}
        self.known = _some(known, MOST_KNOWN)
        self.asked = _some([frame for frame in asked if frame.view in views], MOST_ASKED)
        self._names = sorted(str(view) for view in views)
        self._others: list[SectorFrame] = []
        if not (self.known and self.asked):
            self._others = [source.item(int(place)) for place in source.order(0, seed)[:MOST_ASKED]]

    @property
    def scored(self) -> bool:
        """Whether views can be told."""
        return bool(self.known and self.asked)

    def look(self, embed: Embed) -> dict[str, float]:
        """``knn_views`` (balanced accuracy on patients that are not learned from), where it can be told, and
        ``rank_me``; by ``embed``, which makes ``[N, D]`` of frames.
        """
        if not self.scored:
            return {"rank_me": rank_me(embed([frame.image for frame in self._others]))}
        asked = embed([frame.image for frame in self.asked])
        known = embed([frame.image for frame in self.known])
        told = nearest_labels(known, self._labels(self.known), asked)
        together = torch.cat([known, asked])
        return {"knn_views": balanced_accuracy(self._labels(self.asked), told), "rank_me": rank_me(together)}

    def pixels(self) -> dict[str, float]:
        """``knn_pixels``: what 32 x 32 gray values reach without any encoder; nothing where views are not known."""
        if not self.scored:
            return {}
        known, asked = (small_pixels([frame.image for frame in frames]) for frames in (self.known, self.asked))
        told = nearest_labels(known, self._labels(self.known), asked)
        return {"knn_pixels": balanced_accuracy(self._labels(self.asked), told)}

    def _labels(self, frames: Sequence[SectorFrame]) -> Tensor:
        return torch.tensor([self._names.index(str(frame.view)) for frame in frames])


def _some(frames: Sequence[SectorFrame], most: int) -> list[SectorFrame]:
    named = [frame for frame in frames if frame.view is not None]
    if len(named) <= most:
        return named
    return [named[int(place)] for place in np.linspace(0, len(named) - 1, most)]


def small_pixels(images: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Gray values ``[N, 1024]`` without their mean, so that brightness alone is no likeness."""
    import cv2

    rows = [cv2.resize(image, (_PIXELS, _PIXELS), interpolation=cv2.INTER_AREA).ravel() for image in images]
    gray = torch.from_numpy(np.stack(rows)).float()
    return gray - gray.mean(1, keepdim=True)
