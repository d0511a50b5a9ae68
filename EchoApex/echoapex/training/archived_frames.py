"""Frames of an archive for pretraining: from the shards that ``echoapex curate`` has made of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.shard_reading import ShardClip, open_shards
from ..errors import EchoApexError
from .frame_source import SectorFrame

LEARNED, ASKED = "train", "val"
"""Splits: frames are learned from in one, and views told in the other by the frames of the first."""

PICTURES = ("B", "color", "unknown")
"""Modes of clips that are learned from: a spectral trace or an M-mode shows no plane of a heart."""

_FRAMES_OF_A_CLIP = 3
_MOST_LABELLED = 6000
"""Frames with views that are looked at: so many of a clip, and so many in all of each split (own choice)."""


class ArchivedFrames:
    """The `FrameSource` of the shards in ``folder``.

    Raises `EchoApexError` as `open_shards`, and where no clip of the training split shows pictures.
    """

    def __init__(self, folder: Path) -> None:
        shards = open_shards([folder])
        self._clips = [clip for clip in shards.of(LEARNED).clips if clip.record.mode in PICTURES]
        if not self._clips:
            raise EchoApexError("These shards hold no frames to learn from, only traces", file=folder)
        self._asked = [clip for clip in shards.clips if clip.record.split == ASKED and clip.record.mode in PICTURES]
        self._places = [(clip, place) for clip in self._clips for place in range(len(clip))]
        self.name = f"shards {folder.name}"
        self.simulated = all(clip.record.simulated for clip in self._clips)

    def __len__(self) -> int:
        return len(self._places)

    def order(self, number: int, seed: int) -> NDArray[np.int64]:
        """As `FrameSource`."""
        return np.random.default_rng([seed, number]).permutation(len(self._places))

    def item(self, place: int) -> SectorFrame:
        """As `FrameSource`; it is read now."""
        return _frame(*self._places[place])

    def labelled(self) -> tuple[Sequence[SectorFrame], Sequence[SectorFrame]]:
        """As `FrameSource`: views are those of the headers."""
        return _labelled(self._clips), _labelled(self._asked)


def _frame(clip: ShardClip, place: int) -> SectorFrame:
    return SectorFrame(clip.read(place), clip.record.patient, clip.record.view)


def _labelled(clips: Sequence[ShardClip]) -> list[SectorFrame]:
    named = [clip for clip in clips if clip.record.view is not None]
    places = [
        (clip, int(place))
        for clip in named
        for place in np.unique(np.linspace(0, len(clip) - 1, _FRAMES_OF_A_CLIP).astype(int))
    ]
    # Evenly over all, not the first ones alone.
    step = max(1, -(-len(places) // _MOST_LABELLED))
    return [_frame(clip, place) for clip, place in places[::step]]
