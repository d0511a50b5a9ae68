"""Which simulated patients are meant, from the text that names them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import EchoApexError
from .presets import PRESETS, TEST_SEEDS


@dataclass(frozen=True)
class SimulatedData:
    """``count`` patients of ``preset``, one for each seed from ``first_seed``."""

    preset: str
    count: int
    first_seed: int

    @property
    def seeds(self) -> range:
        """The seed of each patient."""
        return range(self.first_seed, self.first_seed + self.count)

    @property
    def unseen(self) -> bool:
        """Whether every seed is one that training refuses."""
        return self.seeds[0] in TEST_SEEDS and self.seeds[-1] in TEST_SEEDS

    @classmethod
    def parse(cls, text: str, first_seed: int = TEST_SEEDS.start) -> SimulatedData:
        """From ``simulated:PRESET:N[:SEED]``, from ``first_seed`` where none is given; raises `EchoApexError`."""
        match = re.fullmatch(r"simulated:([a-z0-9-]+):(\d+)(?::(\d+))?", text)
        if match is None or match[1] not in PRESETS or int(match[2]) < 1:
            raise EchoApexError(
                f"Data are simulated:PRESET:N[:SEED] with PRESET one of {', '.join(PRESETS)}", value=text
            )
        return cls(match[1], int(match[2]), int(match[3]) if match[3] else first_seed)

    def __str__(self) -> str:
        return f"simulated:{self.preset}:{self.count}:{self.first_seed}"
