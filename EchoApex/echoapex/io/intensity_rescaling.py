"""Gray levels 0-255 from the numbers that research files store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NotAClipError, ReadError

_MOST_LABELS = 16
_SAMPLED = 100_000


def refuse_labels(values: NDArray[Any], path: Path) -> None:
    """Raise `NotAClipError` for a label map: whole numbers of which there are only a few, small or just two."""
    some = values.ravel()[:: max(1, values.size // _SAMPLED)]
    # A picture shows it in a few of its pixels, and sorting all of a long cine takes seconds.
    if not _may_be_labels(some) or not _may_be_labels(values):
        return
    found = np.unique(values)
    if found.size > 1 and found[0] == 0:
        raise NotAClipError("This is a label map, not a picture", value=f"{found.size} different values", file=path)


def _may_be_labels(values: NDArray[Any]) -> bool:
    """Whether numbers are whole, from 0, and either small and few or at most two."""
    if values.dtype.kind not in "iuf" or not np.all(np.isfinite(values)):
        return False
    found = np.unique(values)
    few = found.size <= 2 or (found.size <= _MOST_LABELS and found[-1] < 2 * _MOST_LABELS)
    return bool(few and found[0] >= 0 and np.all(found == np.rint(found)))


def to_gray_levels(values: NDArray[Any], path: Path) -> tuple[NDArray[np.uint8], list[str]]:
    """``values`` of any shape and number type as ``uint8``, and a warning where they had to be stretched.

    Numbers from 0 to 255 are kept (rounded); anything else is stretched from its smallest to its largest value.
    Raises `ReadError` for numbers that are not finite.
    """
    if values.dtype == np.uint8:
        return values, []
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ReadError("Gray levels must be finite numbers", value=f"{low:g} to {high:g}", file=path)
    # Up to 1 they may be fractions of white, where rounding would leave nothing.
    fractions = values.dtype.kind == "f" and high <= 1.0
    if low >= 0 and high <= 255 and not fractions:
        return np.rint(values).astype(np.uint8), []
    span = high - low
    levels = np.zeros(values.shape, np.uint8)
    if span:
        for level, stored in zip(levels, values, strict=True):  # all at once would take eight times the memory
            level[...] = np.rint((stored.astype(np.float64) - low) * (255.0 / span))
    return levels, [f"Gray levels {low:g} to {high:g} were stretched to 0 to 255"]
