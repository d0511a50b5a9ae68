"""The colors of a clip beside its gray frames, for whoever wants to show them; nothing is measured in them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, ImageStack
from .color_to_gray import COLORED_SHARE, COLORED_STEP, spread

MOST_COLOR_BYTES = 1024**3
"""Bytes of all frames in color, beyond which they are left out (own choice: 745 frames of 800 x 600)."""


class ColorFrames:
    """Collects frames ``uint8 [H, W, 3]`` (RGB) while they are `wanted`: where they become too many they are let go."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.warnings: list[str] = []
        self._frames: list[NDArray[np.uint8]] = []

    @classmethod
    def of(cls, frames: Iterable[NDArray[np.uint8]], wanted: bool) -> ColorFrames:
        """All of ``frames``, if they are ``wanted``."""
        found = cls(wanted)
        for frame in frames if wanted else ():
            found.add(frame)
        return found

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """Takes a frame more."""
        if not self.wanted:
            return
        self._frames.append(rgb)
        if rgb.nbytes * len(self._frames) > MOST_COLOR_BYTES:
            self._frames, self.wanted = [], False
            limit = f"they have more than {MOST_COLOR_BYTES:,} bytes"
            self.warnings.append(f"The frames in color were left out, since {limit}; the clip is shown in gray")

    def stack(self, inside: BoolMask) -> ImageStack | None:
        """All frames ``uint8 [T, H, W, 3]``, once; None where no frame has color ``inside`` the sector ``[H, W]``."""
        frames, self._frames = self._frames, []
        enough = COLORED_SHARE * np.count_nonzero(inside)
        if not any(np.count_nonzero((spread(frame) >= COLORED_STEP) & inside) > enough for frame in frames):
            return None
        stacked = np.empty((len(frames), *frames[0].shape), np.uint8)
        frames.reverse()
        for place in range(len(stacked)):
            # Each is let go of as it is copied: all of them are not held twice.
            stacked[place] = frames.pop()
        return stacked
