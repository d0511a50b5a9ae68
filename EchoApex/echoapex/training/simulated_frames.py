"""Simulated hearts as a source of frames for pretraining: drawn once beside the run, in all views alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import EchoApexError
from ..simulation.data_source import SimulatedData
from ..simulation.view_planes import VIEWS
from .drawn_frames import Say, prepare_frames
from .frame_shards import PHASES_PER_CASE, refuse_test_seeds
from .frame_source import SectorFrame, check_patients

HELD_OUT_SHARE = 0.2
"""Of the patients these are never learned from, and their views are told by those of the others (our choice)."""


@dataclass(frozen=True)
class SimulatedDrawing:
    """What the frames are drawn from: a `Drawing` with every view equally often, and nothing but hearts."""

    preset: str
    first_seed: int
    cases: int
    frame_size: int
    others: int = 0
    views: dict[str, float] = field(default_factory=lambda: dict.fromkeys(VIEWS, 1.0))


class SimulatedFrames:
    """A `FrameSource` of simulated frames; the last fifth of the patients is held out."""

    simulated = True

    def __init__(self, text: str, frame_size: int, folder: Path, say: Say) -> None:
        data = SimulatedData.parse(text, first_seed=0)
        refuse_test_seeds(data.seeds)
        if data.count < 2:
            raise EchoApexError("Pretraining needs two simulated patients or more, to hold one out", value=text)
        self.name = str(data)
        drawn = prepare_frames(SimulatedDrawing(data.preset, data.first_seed, data.count, frame_size), folder, say)
        seeds = np.repeat(list(data.seeds), PHASES_PER_CASE)
        rows = zip(drawn.images, seeds, drawn.views, strict=True)
        frames = [SectorFrame(image, f"simulated-{seed}", str(view)) for image, seed, view in rows]
        held_out = max(1, round(HELD_OUT_SHARE * data.count)) * PHASES_PER_CASE
        self._learned, self._held_out = frames[:-held_out], frames[-held_out:]
        check_patients(self._learned, self._held_out)

    def __len__(self) -> int:
        return len(self._learned)

    def order(self, number: int, seed: int) -> NDArray[np.int64]:
        """As `FrameSource`."""
        return np.random.default_rng([seed, number, 7]).permutation(len(self._learned))

    def item(self, place: int) -> SectorFrame:
        """As `FrameSource`."""
        return self._learned[place]

    def labelled(self) -> tuple[Sequence[SectorFrame], Sequence[SectorFrame]]:
        """What is learned from, and what is held out."""
        return self._learned, self._held_out
