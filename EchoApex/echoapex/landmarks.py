"""Anatomical landmarks of a cine: points that a caliper starts or ends at, followed through time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import EchoApexError

IVS_RV, IVS_LV, PW_LV, PW_EPI = "IVS-RV", "IVS-LV", "PW-LV", "PW-epi"

WALL_LANDMARKS = (IVS_RV, IVS_LV, PW_LV, PW_EPI)
"""Both sides of the septum and of the posterior wall in PLAX, from the right ventricle to the pericardium."""


@dataclass(frozen=True)
class Landmarks:
    """Landmarks in every frame of a cine.

    ``names`` in the order of ``points [T, L, 2]``: (x, y) in pixels of the full frame, centers at whole numbers;
    ``sigma_px [T, L]`` is the standard deviation of each in pixels, the root mean square of both axes, and
    ``covariance_px [T, L, 2, 2]`` (x, y) says how it is spread over them: a place on a wall is known better across the
    wall than along it. Without, it is the same all around. NaN where a landmark is not known in a frame.
    """

    names: tuple[str, ...]
    points: NDArray[np.float64]
    sigma_px: NDArray[np.float64]
    covariance_px: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 3 or self.points.shape[1:] != (len(self.names), 2):
            raise EchoApexError("Landmarks are points [T, L, 2], one for each name", value=self.points.shape)
        if self.sigma_px.shape != self.points.shape[:2]:
            raise EchoApexError("There must be one uncertainty for each landmark", value=self.sigma_px.shape)
        if self.covariance_px is not None and self.covariance_px.shape != (*self.points.shape, 2):
            raise EchoApexError("There must be one covariance for each landmark", value=self.covariance_px.shape)

    def covariances(self) -> NDArray[np.float64]:
        """``covariance_px``, or what stands for it where there is none."""
        if self.covariance_px is not None:
            return self.covariance_px
        return np.where(np.eye(2, dtype=bool), np.square(self.sigma_px)[..., None, None], 0.0)

    def of(self, name: str) -> NDArray[np.float64]:
        """The points ``[T, 2]`` of one landmark; raises `EchoApexError` for one that is not here."""
        if name not in self.names:
            raise EchoApexError(f"The landmarks here are {', '.join(self.names)}", value=name)
        return np.asarray(self.points[:, self.names.index(name)])
