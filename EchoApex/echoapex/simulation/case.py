"""One simulated patient, seen by one machine."""

from __future__ import annotations

from dataclasses import dataclass

from .heart import Heart, HeartShape
from .vendor_looks import Look


@dataclass(frozen=True)
class Case:
    """One simulated patient and machine; clips are drawn from it view by view."""

    preset: str
    seed: int
    shape: HeartShape
    look: Look

    def heart(self) -> Heart:
        """The heart of this case."""
        return Heart(self.shape)
