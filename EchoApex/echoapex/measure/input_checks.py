"""What measuring of a whole clip is given: checks that its masks fit each other, and what they say of a result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cine import FloatArray
from ..errors import MeasureError
from .measurement import Measurement, Source

APICAL_VIEWS = ("A4C", "A2C")
"""Views in which the long axes of left ventricle and atrium are seen and the volume formulas hold."""

_NOT_SET = "UNKNOWN"  # the view of a clip where nothing tells it


def require_apical(view: str) -> None:
    """Raises `MeasureError` for a view in which the volume formulas do not hold."""
    if view not in APICAL_VIEWS:
        found = "none is set" if view == _NOT_SET else view
        raise MeasureError(f"Volumes need one of the views {', '.join(APICAL_VIEWS)}", value=found)


def require_masks(masks: NDArray[Any], others: NDArray[Any] | None = None) -> None:
    """Raises `MeasureError` unless ``masks``, and ``others`` where given, are bool or integer ``[T, H, W]`` alike."""
    if masks.ndim != 3 or masks.dtype.kind not in "bui":
        raise MeasureError("The masks of a clip are bool or integer [T, H, W]", value=f"{masks.dtype} {masks.shape}")
    if others is not None and others.shape != masks.shape:
        raise MeasureError("The masks of both chambers must have the same size", value=others.shape)


def frame_confidence(confidence: ArrayLike | None, frame_count: int) -> FloatArray | None:
    """``confidence`` as an array ``[T]``; raises `MeasureError` unless there is one value for each frame."""
    sure = None if confidence is None else np.asarray(confidence, np.float64)
    if sure is not None and sure.shape != (frame_count,):
        raise MeasureError("There must be one confidence for each frame", value=sure.shape)
    return sure


def least_confidence(sources: Iterable[Source], sure: FloatArray | None) -> float | None:
    """The least value of ``sure`` ``[T]`` among the frames of ``sources``; None where nothing is known."""
    if sure is None:
        return None
    return float(min(sure[frame] for source in sources for frame in source.frames))


def least_of(parts: Iterable[Measurement]) -> float | None:
    """The least confidence of the values that another is made of, None where one of them has none."""
    known = [part.confidence for part in parts]
    return min(c for c in known if c is not None) if known and None not in known else None
