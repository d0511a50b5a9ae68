"""Echo levels of the tissues in dB relative to myocardium, and the smooth noise that makes them uneven."""

from __future__ import annotations

import numpy as np

from .heart import Array, Tissue

LEVEL_DB: dict[Tissue, float] = {
    Tissue.BACKGROUND: -14.0,
    Tissue.LV: -40.0,
    Tissue.LV_MYO: 0.0,
    Tissue.LA: -42.0,
    Tissue.RV: -38.0,
    Tissue.RA: -41.0,
    Tissue.RV_WALL: -3.0,
    Tissue.ATRIAL_WALL: -5.0,
    Tissue.AO: -42.0,
    Tissue.PERICARDIUM: 11.0,
    Tissue.AO_WALL: 5.0,
    Tissue.PERICARDIAL_EFFUSION: -38.0,
    Tissue.PAPILLARY: 3.0,
    Tissue.VESSEL: -42.0,
    Tissue.VESSEL_WALL: 4.0,
}


class Noise:
    """Smooth unit-variance noise fixed to the material: a periodic table of one correlation length."""

    def __init__(self, rng: np.random.Generator, correlation_mm: float, size: int = 192) -> None:
        from scipy import ndimage

        self._pitch = correlation_mm / 2.5
        table = ndimage.gaussian_filter(rng.standard_normal((size, size)).astype(np.float32), 2.5, mode="wrap")
        self._table = table / table.std()

    def __call__(self, points: Array) -> Array:
        size = self._table.shape[0]
        row = ((points[:, 1] + 0.31 * points[:, 2]) / self._pitch).astype(int) % size
        column = ((points[:, 0] + 0.67 * points[:, 2]) / self._pitch).astype(int) % size
        return np.asarray(self._table[row, column])
