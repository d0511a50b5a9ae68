"""Small recipes and frames for tests of pretraining."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echoapex.training.frame_source import SectorFrame

DATA = "simulated:easy:5:4"
"""The last patient is held out, and seen in the same view as another."""
TINY: dict[str, object] = {
    "id": "tiny",
    "name": "tiny",
    "method": "dino",
    "encoder": "vit_tiny",
    "batch": 2,
    "epochs": 2,
    "epoch_steps": 3,
    "warmup_epochs": 1,
    "frame_size": 48,
    "global_size": 32,
    "local_size": 32,
    "local_count": 1,
    "prototypes": 16,
    "hidden": 16,
    "bottleneck": 8,
    "save_steps": 2,
}


def recipe_file(folder: Path, **changes: object) -> Path:
    """A recipe in ``folder``; entries that are None are left out."""
    file = folder / "tiny.toml"
    values = {name: value for name, value in (TINY | changes).items() if value is not None}
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    return file


class NoiseFrames:
    """A `FrameSource` of noise, or of black frames: two views that differ in brightness, from six patients."""

    name, simulated = "noise", False

    def __init__(self, *, black: bool = False, views: bool = True, count: int = 12) -> None:
        rng = np.random.default_rng(0)
        high = 1 if black else 200
        self.frames = [
            SectorFrame(
                (rng.integers(0, high, (40, 40)) // (1 + place % 2)).astype(np.uint8),
                f"p{place // 2}",
                ("A4C", "A2C")[place % 2] if views else None,
            )
            for place in range(count)
        ]

    def __len__(self) -> int:
        return len(self.frames)

    def order(self, number: int, seed: int) -> NDArray[np.int64]:
        return np.random.default_rng([seed, number]).permutation(len(self.frames))

    def item(self, place: int) -> SectorFrame:
        return self.frames[place]

    def labelled(self) -> tuple[Sequence[SectorFrame], Sequence[SectorFrame]]:
        named = [frame for frame in self.frames if frame.view]
        return named[:-4], named[-4:]
