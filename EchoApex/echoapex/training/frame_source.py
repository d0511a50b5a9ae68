"""Where frames for pretraining come from: one small protocol for simulated hearts and for shards of an archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

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


_Yielded = TypeVar("_Yielded", covariant=True)


class Source(Protocol[_Yielded]):
    """What is learned from: frames, or studies.

    ``order`` has the places of all items in the order of the numbered epoch: it depends on ``seed`` and epoch alone, so
    that a run that is continued, or that several processes share, sees what it would have seen. ``item`` is the one at
    a place, and may be asked by several threads.
    """

    @property
    def name(self) -> str:
        """What the source is, in words, for cards and logs."""

    @property
    def simulated(self) -> bool:
        """Whether every frame is simulated."""

    def __len__(self) -> int:
        """Items in one epoch."""

    def order(self, number: int, seed: int) -> NDArray[np.int64]: ...

    def item(self, place: int) -> _Yielded: ...


class FrameSource(Source[SectorFrame], Protocol):
    """Frames to learn from, and labelled ones to look at the embeddings with.

    ``labelled`` are frames with views: known ones, and ones of other patients to be told by them; both empty where no
    views are known.
    """

    def labelled(self) -> tuple[Sequence[SectorFrame], Sequence[SectorFrame]]: ...


class BatchReader:
    """Batches of a source by step: they go on over the ends of epochs, so that every batch is full."""

    def __init__(self, source: Source[object], batch: int, seed: int) -> None:
        if not len(source):
            raise EchoApexError("There is nothing to learn from", value=source.name)
        self._source, self._batch, self._seed = source, batch, seed
        self._orders: dict[int, NDArray[np.int64]] = {}

    def places(self, step: int) -> list[int]:
        """The places of the items that step number ``step`` sees; none of them is read."""
        numbers = range(step * self._batch, (step + 1) * self._batch)
        return [int(self._order(epoch)[place]) for epoch, place in (divmod(one, len(self._source)) for one in numbers)]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            # Of a large archive an order takes memory; a batch lies in one epoch, or goes on in the next.
            self._orders = {number: order for number, order in self._orders.items() if number == epoch - 1}
            self._orders[epoch] = self._source.order(epoch, self._seed)
        return self._orders[epoch]


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
