"""Where clips for pretraining come from: studies of several clips, simulated or of an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .frame_source import Source


@dataclass(frozen=True, eq=False)
class SectorClip:
    """A gray clip of ``count`` frames in the order of time, cut to its sector and black outside it.

    ``read`` gives the frame at a place, ``uint8 [H, W]``; ``view`` is one of the identifiers of views, None where it is
    not known.
    """

    count: int
    read: Callable[[int], NDArray[np.uint8]]
    view: str | None = None

    def frames(self, places: Iterable[int]) -> NDArray[np.uint8]:
        """The frames at these places, ``uint8 [N, H, W]``."""
        return np.stack([self.read(int(place)) for place in places])


@dataclass(frozen=True, eq=False)
class SectorStudy:
    """All clips of one examination of a ``patient``; both names are pseudonyms.

    ``labels`` are what is known of the heart, for those who ask how well an encoder tells it; nothing is taught by
    them.
    """

    patient: str
    study: str
    clips: tuple[SectorClip, ...]
    labels: Mapping[str, int] = field(default_factory=dict)


class StudySource(Source[SectorStudy], Protocol):
    """Studies to learn from, each once in an epoch; ``held_out`` are of patients that are never learned from."""

    @property
    def learned(self) -> Sequence[SectorStudy]: ...

    @property
    def held_out(self) -> Sequence[SectorStudy]: ...
