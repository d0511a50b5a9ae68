"""Simulated hearts as a source of frames for pretraining: drawn once beside the run, in all views alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import EchoApexError
from ..simulation.data_source import SimulatedData
from ..simulation.view_planes import VIEWS
from .distractor_frames import prepare_distractors, told_by_kind
from .drawn_frames import Say, prepare_frames
from .frame_shards import PHASES_PER_CASE, refuse_test_seeds
from .frame_source import SectorFrame, check_patients

HELD_OUT_SHARE = 0.2
"""Of the patients these are never learned from, and their views are told by those of the others (our choice)."""

_MOST_DISTRACTORS = 0.5


@dataclass(frozen=True)
class SimulatedDrawing:
    """What the frames are drawn from: a `Drawing` with every view equally often, and nothing but hearts."""

    preset: str
    first_seed: int
    cases: int
    frame_size: int
    others: int = 0
    views: dict[str, float] = field(default_factory=lambda: dict.fromkeys(VIEWS, 1.0))
    views_per_heart: int = 1
    masks: bool = True


@dataclass(frozen=True)
class FramesWanted:
    """Which patients, in how many views each, and the share of distractors among the frames that are learned from."""

    data: SimulatedData
    views: int = 1
    distractors: float = 0.0

    @classmethod
    def parse(cls, text: str) -> FramesWanted:
        """From ``simulated:PRESET:N[:SEED][,views=V][,distractors=SHARE]``; raises `EchoApexError`."""
        patients, *wishes = text.split(",")
        data = SimulatedData.parse(patients, first_seed=0)
        views, distractors = 1, 0.0
        for wish in wishes:
            if match := re.fullmatch(r"views=(\d{1,4})", wish):
                views = int(match[1])
            elif match := re.fullmatch(r"distractors=(\d?\.?\d{1,6})", wish):
                distractors = float(match[1])
            else:
                rule = "Simulated frames are simulated:PRESET:N[:SEED][,views=V][,distractors=SHARE]"
                raise EchoApexError(rule, value=wish)
        if not 1 <= views <= len(VIEWS):
            raise EchoApexError(f"A heart is drawn in 1 to {len(VIEWS)} views", value=views)
        if not 0 <= distractors <= _MOST_DISTRACTORS:
            raise EchoApexError(f"The share of distractors is 0 to {_MOST_DISTRACTORS:g}", value=distractors)
        return cls(data, views, distractors)

    def __str__(self) -> str:
        views = f",views={self.views}" if self.views > 1 else ""
        return f"{self.data}{views}" + (f",distractors={self.distractors:g}" if self.distractors else "")


class SimulatedFrames:
    """A `FrameSource` of simulated frames; the last fifth of the patients is held out, and distractors have no view."""

    simulated = True

    def __init__(self, text: str, frame_size: int, folder: Path, say: Say) -> None:
        wanted = FramesWanted.parse(text)
        data, each = wanted.data, wanted.views * PHASES_PER_CASE
        refuse_test_seeds(data.seeds)
        if data.count < 2:
            raise EchoApexError("Pretraining needs two simulated patients or more, to hold one out", value=text)
        drawing = SimulatedDrawing(data.preset, data.first_seed, data.count, frame_size, views_per_heart=wanted.views)
        drawn = prepare_frames(drawing, folder, say)
        rows = zip(drawn.images, np.repeat(list(data.seeds), each), drawn.views, strict=True)
        frames = [SectorFrame(image, f"simulated-{seed}", str(view)) for image, seed, view in rows]
        held_out = max(1, round(HELD_OUT_SHARE * data.count))
        self._hearts, self._held_out = frames[: -held_out * each], frames[-held_out * each :]
        check_patients(self._hearts, self._held_out)
        self.name = str(wanted)
        self._learned = self._hearts + self._distractors(wanted, data.seeds[:-held_out], frame_size, folder, say)

    def _distractors(
        self, wanted: FramesWanted, hearts: range, frame_size: int, folder: Path, say: Say
    ) -> list[SectorFrame]:
        """As many as make up their share, of the patients that are learned from."""
        ratio = wanted.distractors / (1 - wanted.distractors)
        count = round(ratio * len(self._hearts) / PHASES_PER_CASE)
        if not count:
            return []
        drawn = prepare_distractors(wanted.data.preset, hearts, count, frame_size, folder, say)
        share = len(drawn) / (len(drawn) + len(self._hearts))
        words = f"{share:.0%} of the frames learned from are distractors: {told_by_kind(drawn.views.tolist())}"
        say(words)
        self.name += f" ({words})"
        seeds = np.resize(np.asarray(list(hearts)), count).repeat(PHASES_PER_CASE)
        return [SectorFrame(image, f"simulated-{seed}") for image, seed in zip(drawn.images, seeds, strict=True)]

    def __len__(self) -> int:
        return len(self._learned)

    def order(self, number: int, seed: int) -> NDArray[np.int64]:
        """As `FrameSource`."""
        return np.random.default_rng([seed, number, 7]).permutation(len(self._learned))

    def item(self, place: int) -> SectorFrame:
        """As `FrameSource`."""
        return self._learned[place]

    def labelled(self) -> tuple[Sequence[SectorFrame], Sequence[SectorFrame]]:
        """What is learned from but for distractors, and what is held out."""
        return self._hearts, self._held_out
