"""Landmarks through a cine: heat maps read along the most likely paths, and taken back to pixels of the full frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine
from ..errors import ModelError
from ..landmarks import Landmarks
from .encoding import EncodedCine, batches, encoded
from .landmark_paths import SPEED_MM_S, most_likely_paths

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.model_loading import LoadedModel
    from ..models.preprocessing import FrameGeometry
    from ..models.view_and_landmark_heads import LandmarkHead

_LEAST_STEP_CELLS = 0.5
"""The least standard deviation of a step, at high frame rates (our choice)."""


def find_landmarks(model: LoadedModel, clip: Cine | EncodedCine) -> Landmarks:
    """The landmarks that ``model`` knows in every frame of ``clip``, on the path that is most likely as a whole.

    A landmark always has a place (`most_likely_paths`; without scale or frame times the most likely one of each frame
    by itself): whether to believe it, ``sigma_px`` tells. NaN only where the network gave no numbers. Raises
    `ModelError` for a model without landmark head.
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
        maps = torch.cat([head(seen.features(frames)).float().cpu() for frames in batches(seen.cine.frame_count)])
        points, covariance = read_heat_maps(maps, _paths(maps, seen))
    return points.double(), covariance.double()


def _paths(maps: Tensor, seen: EncodedCine) -> Tensor | None:
    """The cells ``[T, L]`` of ``maps [T, L, h, w]`` on the most likely paths; None where no speed can be told."""
    import torch

    scale, times = seen.cine.scale.mm_per_px, seen.cine.times.seconds
    if scale is None or times is None:
        return None
    # A cell is two pixels of the model input.
    cell_mm = 2 * np.linalg.norm(_frame_px_per_model_px(seen.geometry) * np.array(scale[::-1])[:, None], axis=0)
    step = SPEED_MM_S * np.diff(np.asarray(times))[:, None] / cell_mm[::-1]
    likely = maps.flatten(2).log_softmax(dim=-1).reshape(maps.shape)
    # A map without numbers has no vote.
    likely = likely.where(likely.isfinite().flatten(2).all(dim=-1)[..., None, None], 0.0)
    return torch.from_numpy(most_likely_paths(likely.numpy(), np.maximum(step, _LEAST_STEP_CELLS)))


def _frame_px_per_model_px(geometry: FrameGeometry) -> NDArray[np.float64]:
    """``[2, 2]``: what one pixel of the model input along x and along y is in the full frame, as columns."""
    origin, *ends = geometry.to_frame([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    return np.stack([end - origin for end in ends], axis=1)
