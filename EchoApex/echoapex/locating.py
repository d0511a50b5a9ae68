"""Landmarks through a cine: each frame's heat maps read, and taken back to pixels of the full frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .cine import Cine, FloatArray
from .encoding import EncodedCine, batches, encoded
from .errors import ModelError
from .landmarks import Landmarks
from .steadying import median_over_time, steady_frames

if TYPE_CHECKING:
    from torch import Tensor

    from .models.heads import LandmarkHead
    from .models.preprocess import FrameGeometry
    from .models.store import LoadedModel


def find_landmarks(model: LoadedModel, clip: Cine | EncodedCine, *, steady: bool = False) -> Landmarks:
    """The landmarks that ``model`` knows in every frame of ``clip``.

    A landmark always has its most likely place, wherever that is: whether to believe it, ``sigma_px`` tells. NaN only
    where the network gave no numbers. Each frame is looked at by itself; with ``steady`` the median over
    `steadying.STEADY_S` before and after is taken of x, y and sigma, as of masks in `segmenting.segment_structures`.
    Raises `ModelError` for a model without landmark head.
    """
    head, seen = _head(model), encoded(model, clip)
    points, sigma = _read(head, seen)
    half = steady_frames(seen.cine.times) if steady else 0
    places = seen.geometry.to_frame(median_over_time(points, half).numpy())
    spread = median_over_time(sigma, half).numpy() * _frame_px_per_model_px(seen.geometry)
    known = np.isfinite(places).all(axis=-1) & np.isfinite(spread)
    return Landmarks(model.card.landmarks, np.where(known[..., None], places, np.nan), np.where(known, spread, np.nan))


def _head(model: LoadedModel) -> LandmarkHead:
    if model.heads.landmarks is None:
        raise ModelError("This model cannot find landmarks: it has no landmark head", value=model.card.id)
    return model.heads.landmarks


def _read(head: LandmarkHead, seen: EncodedCine) -> tuple[Tensor, Tensor]:
    """Points ``[T, L, 2]`` and sigma ``[T, L]`` in pixels of the model input, float64 on the CPU."""
    import torch

    from .models.heads import read_heat_maps

    with torch.inference_mode():
        parts = [read_heat_maps(head(seen.features(frames))) for frames in batches(seen.cine.frame_count)]
    points, sigma = (torch.cat(values).cpu().double() for values in zip(*parts, strict=True))
    return points, sigma


def _frame_px_per_model_px(geometry: FrameGeometry) -> float:
    """Root mean square of both axes, as ``sigma`` is of both."""
    steps: FloatArray = np.diff(geometry.to_frame([[0.0, 0.0], [1.0, 1.0]]), axis=0)
    return float(np.sqrt(np.mean(steps**2)))
