"""One simulated patient, seen by one machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .heart import Heart, HeartShape
from .vendor_looks import Look
from .view_planes import VIEWS


@dataclass(frozen=True)
class Case:
    """One simulated patient and machine; clips are drawn from it view by view."""

    preset: str
    seed: int
    shape: HeartShape
    look: Look

    def heart(self, view: str = "") -> Heart:
        """The heart of this case, with its great vessels where ``view`` is aimed at them."""
        return Heart(replace(self.shape, vessels=view in VIEWS and bool(VIEWS[view].target)))
