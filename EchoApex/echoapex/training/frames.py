"""Training frames from simulated hearts: pictures with exact labels, drawn once and kept as shards on disk.

A shard is an ``.npz`` with ``images uint8 [N, S, S]`` (sector filling the square), ``labels uint8 [N, S, S]`` of
`Tissue`, ``sector bool [N, S, S]``, ``mm_per_px [N]``, ``case [N]`` (frames of one clip share a case), ``view [N]``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import EchoApexError
from ..simulation.imaging import Canvas, Imager
from ..simulation.looks import TRAINING
from ..simulation.presets import TEST_SEEDS, draw_case, draw_placement

PHASES_PER_CASE = 3


@dataclass(frozen=True)
class Frames:
    """Frames in memory; arrays as in a shard."""

    images: np.ndarray
    labels: np.ndarray
    sector: np.ndarray
    mm_per_px: np.ndarray
    case: np.ndarray
    view: np.ndarray

    def __len__(self) -> int:
        return int(self.images.shape[0])


def refuse_test_seeds(seeds: Iterable[int]) -> None:
    """Raises `EchoApexError` when a seed belongs to the test set."""
    for seed in seeds:
        if seed in TEST_SEEDS:
            raise EchoApexError(f"Seeds {TEST_SEEDS.start} to {TEST_SEEDS.stop - 1} are kept for tests", value=seed)


def draw_frames(preset: str, seeds: Iterable[int], size: int) -> Frames:
    """`PHASES_PER_CASE` frames (ED, ES and one between) of one view for each seed; A4C twice as often as A2C."""
    seeds = list(seeds)
    refuse_test_seeds(seeds)
    rows = [row for seed in seeds for row in _case_frames(preset, seed, size)]
    return Frames(*(np.stack(column) for column in zip(*rows, strict=True)))


# The shipped model was trained on frames drawn exactly so, with a flaw: the gain is set on the first frame, ED, from
# scatterers that lie evenly at ES, so that part of the "muscle" is blood and pictures come out too bright (9 dB on
# average). Mend it together with a newly trained model.
def _case_frames(preset: str, seed: int, size: int) -> list[tuple[np.ndarray, ...]]:
    case = draw_case(preset, seed)
    view = "A2C" if seed % 3 == 2 else "A4C"
    placement, conditions = draw_placement(case, view)
    heart = case.heart()
    rng = np.random.default_rng([seed, 3])
    phases = [0.0, heart.curve.es_phase, float(rng.uniform(0.05, 0.95))]
    imager = Imager(heart, placement, case.look, conditions, seed=seed, sampling=TRAINING, reference_phase=phases[1])
    canvas = Canvas.fit(size, size, case.look, conditions.depth_mm)
    sector = imager.in_sector(canvas)
    rows = []
    for phase in phases:
        imager.forget()
        picture, label = imager.picture(phase, canvas), imager.labels(phase, canvas)
        scalars = (np.float32(canvas.mm_per_px), np.int64(seed), np.str_(view))
        rows.append((picture, label, sector, *(np.asarray(s) for s in scalars)))
    return rows


def write_shard(path: Path, preset: str, seeds: Iterable[int], size: int) -> None:
    """Draws frames and writes them as one shard; a shard half written is never left under its name."""
    frames = draw_frames(preset, seeds, size)
    draft = path.with_suffix(".part.npz")
    np.savez_compressed(draft, **vars(frames))
    draft.replace(path)


def read_shards(paths: Iterable[Path]) -> Frames:
    """All frames of the given shards."""
    parts = []
    for path in paths:
        with np.load(path, allow_pickle=False) as data:
            parts.append(Frames(**{name: data[name] for name in Frames.__dataclass_fields__}))
    if not parts:
        raise EchoApexError("There are no training frames to read")
    return Frames(*(np.concatenate([getattr(p, n) for p in parts]) for n in Frames.__dataclass_fields__))
