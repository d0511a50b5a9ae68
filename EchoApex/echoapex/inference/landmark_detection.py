"""Landmarks through a cine: each frame's heat maps read, and taken back to pixels of the full frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine
from ..errors import ModelError
from ..landmarks import Landmarks
from .encoding import EncodedCine, batches, encoded

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.model_loading import LoadedModel
    from ..models.preprocessing import FrameGeometry
    from ..models.view_and_landmark_heads import LandmarkHead


def find_landmarks(model: LoadedModel, clip: Cine | EncodedCine) -> Landmarks:
    """The landmarks that ``model`` knows in every frame of ``clip``, each frame looked at by itself.

    A landmark always has its most likely place, wherever that is: whether to believe it, ``sigma_px`` tells. NaN only
    where the network gave no numbers. Raises `ModelError` for a model without landmark head.
    """
    head, seen = _head(model), encoded(model, clip)
    points, doubt = (values.numpy() for values in _read(head, seen))
    places, axes = seen.geometry.to_frame(points), _frame_px_per_model_px(seen.geometry)
    spread = axes @ doubt @ axes.T
    unknown = ~(np.isfinite(places).all(axis=-1) & np.isfinite(spread).all(axis=(-2, -1)))
    places[unknown], spread[unknown] = np.nan, np.nan
    sigma = np.sqrt(np.trace(spread, axis1=-2, axis2=-1) / 2)
    return Landmarks(model.card.landmarks, places, sigma, spread)


def _head(model: LoadedModel) -> LandmarkHead:
    if model.heads.landmarks is None:
        raise ModelError("This model cannot find landmarks: it has no landmark head", value=model.card.id)
    return model.heads.landmarks


def _read(head: LandmarkHead, seen: EncodedCine) -> tuple[Tensor, Tensor]:
    """Points ``[T, L, 2]`` and covariances ``[T, L, 2, 2]`` in pixels of the model input, float64 on the CPU."""
    import torch

    from ..models.view_and_landmark_heads import read_heat_maps

    with torch.inference_mode():
        parts = [read_heat_maps(head(seen.features(frames))) for frames in batches(seen.cine.frame_count)]
    points, covariance = (torch.cat(values).cpu().double() for values in zip(*parts, strict=True))
    return points, covariance


def _frame_px_per_model_px(geometry: FrameGeometry) -> NDArray[np.float64]:
    """``[2, 2]``: what one pixel of the model input along x and along y is in the full frame, as columns."""
    origin, *ends = geometry.to_frame([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    return np.stack([end - origin for end in ends], axis=1)
