"""Where frames for pretraining come from: one small protocol for simulated hearts and for shards of an archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import EchoApexError
from ..io.convex_hull import convex_hull


@dataclass(frozen=True)
class SectorFrame:
    """One gray frame ``uint8 [H, W]``, cut to its sector and black outside it.

    ``patient`` is a pseudonym; ``view`` one of the identifiers of views, None where it is not known.
    """

    image: NDArray[np.uint8]
    patient: str
    view: str | None = None


Item = TypeVar("Item")
_Yielded = TypeVar("_Yielded", covariant=True)


class Source(Protocol[_Yielded]):
    """What is learned from: frames, or studies.

    ``epoch`` yields the items of the numbered epoch from the ``start``-th on, in an order that depends on ``seed`` and
    epoch alone, so that a run that is continued sees what it would have seen.
    """

    @property
    def name(self) -> str:
        """What the source is, in words, for cards and logs."""

    @property
    def simulated(self) -> bool:
        """Whether every frame is simulated."""

    def __len__(self) -> int:
        """Items in one epoch."""

    def epoch(self, number: int, seed: int, start: int = 0) -> Iterator[_Yielded]: ...


class FrameSource(Source[SectorFrame], Protocol):
    """Frames to learn from, and labelled ones to look at the embeddings with.

    ``labelled`` are frames with views: known ones, and ones of other patients to be told by them; both empty where no
    views are known.
    """

    def labelled(self) -> tuple[Sequence[SectorFrame], Sequence[SectorFrame]]: ...


class BatchReader(Generic[Item]):
    """Batches of a source by step: they go on over the ends of epochs, so that every batch is full."""

    def __init__(self, source: Source[Item], batch: int, seed: int) -> None:
        if not len(source):
            raise EchoApexError("There are no frames to learn from", value=source.name)
        self._source, self._batch, self._seed = source, batch, seed
        self._next, self._epoch = -1, 0
        self._items: Iterator[Item] = iter(())

    def batch(self, step: int) -> list[Item]:
        """What step number ``step`` sees; steps in turn are read in turn."""
        if step != self._next:
            self._epoch, start = divmod(step * self._batch, len(self._source))
            self._items = self._source.epoch(self._epoch, self._seed, start)
        self._next = step + 1
        return [self._item() for _ in range(self._batch)]

    def _item(self) -> Item:
        for _ in range(2):
            for item in self._items:
                return item
            self._epoch += 1
            self._items = self._source.epoch(self._epoch, self._seed)
        raise EchoApexError("The frames have ended within an epoch", value=self._source.name)


class OfPatient(Protocol):
    """Anything of a patient."""

    @property
    def patient(self) -> str:
        """A pseudonym."""


def check_patients(known: Sequence[OfPatient], asked: Sequence[OfPatient]) -> None:
    """Raises `EchoApexError` where a patient is on both sides: a score would be of recognizing people."""
    both = sorted({item.patient for item in known} & {item.patient for item in asked})
    if both:
        raise EchoApexError("No patient may be both learned from and scored on", value=", ".join(both[:5]))


def sector_of(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where there is a picture, ``bool [H, W]``: a sector is convex but for its tip, and cavities in it may be black.

    The whole frame where nothing is lit.
    """
    hull = convex_hull(image > 1)
    return np.ones(image.shape, bool) if hull is None else hull
