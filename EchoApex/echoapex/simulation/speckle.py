"""Speckle pictures without scatterers: an echo level on the polar grid of the beams, filled with filtered noise.

Much cheaper than `ultrasound_imaging`, for what shows no heart and needs no exact truth. Depth is along the beam from
the probe's face in mm, angles in rad; image points (X, D) as in `ultrasound_imaging.Canvas`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ultrasound_imaging import Canvas
from .vendor_looks import Look

Complex = NDArray[np.complex64]
Field = NDArray[np.floating[Any]]

_SAMPLES, _BEAMS = 352, 128
_MEDIAN_OF_SPECKLE = 1.1774
"""Median magnitude of complex noise with unit variance in both parts: sqrt(2 ln 2), a Rayleigh variable."""
_SOUND_MM_US = 1.54


class Fan:
    """The beams of one machine: polar grid, blur of its echoes, gray curve, and the way into the picture.

    ``depth [n, 1]`` and ``angle [1, m]`` are the grid, ``x`` and ``d`` ``[n, m]`` its image points in mm; ``sector``
    is ``bool [H, W]``.
    """

    def __init__(self, look: Look, canvas: Canvas, depth_mm: float) -> None:
        half = np.deg2rad(look.width_deg / 2)
        self.look, self.depth_mm, self.half = look, depth_mm, float(half)
        self.dz, self.dtheta = depth_mm / _SAMPLES, 2 * float(half) / (_BEAMS - 1)
        self.depth = ((np.arange(_SAMPLES) + 0.5) * self.dz)[:, None].astype(np.float32)
        self.angle = np.linspace(-half, half, _BEAMS)[None].astype(np.float32)
        reach = self.depth + look.virtual_apex_mm
        self.x, self.d = reach * np.sin(self.angle), reach * np.cos(self.angle) - look.virtual_apex_mm
        self._scan(canvas)

    def _scan(self, canvas: Canvas) -> None:
        apex, points = self.look.virtual_apex_mm, canvas.points().astype(np.float32)
        r, theta = np.hypot(points[:, 0], points[:, 1] + apex) - apex, np.arctan2(points[:, 0], points[:, 1] + apex)
        inside = (r > 1.0) & (r < self.depth_mm - self.dz) & (np.abs(theta) < self.half)
        shape = canvas.rows, canvas.columns
        self.sector: NDArray[np.bool_] = np.asarray(inside.reshape(shape))
        self._row = (r / self.dz - 0.5).reshape(shape).astype(np.float32)
        self._beam = ((theta + self.half) / self.dtheta).reshape(shape).astype(np.float32)

    def noise(self, rng: np.random.Generator) -> Complex:
        """White complex noise on the grid, unit variance in both parts."""
        parts = rng.standard_normal((_SAMPLES, _BEAMS, 2), dtype=np.float32)
        return np.asarray(parts.view(np.complex64)[..., 0])

    def blurred(self, echoes: Complex, axial: float = 1.0, lateral: float = 1.0) -> Complex:
        """Echoes as the machine resolves them, or ``axial`` and ``lateral`` times worse; speckle stays as bright."""
        sharp = self._filtered(echoes, axial, lateral)
        wide = self._filtered(echoes, axial, 3 * lateral)
        # Out of focus near the probe, a little again in the far field.
        away = np.clip(np.abs(self.depth / self.depth_mm - 0.55) / 0.55, 0, 1) ** 2
        return np.asarray(sharp + (wide - sharp) * away)

    def _filtered(self, echoes: Complex, axial: float, lateral: float) -> Complex:
        import cv2

        look = self.look
        axial_mm = look.cycles * _SOUND_MM_US / look.frequency_mhz / 2 / 2.355
        kernels = [
            _kernel(axial * axial_mm / self.dz),
            _kernel(lateral * float(np.deg2rad(look.lateral_fwhm_deg)) / 2.355 / self.dtheta),
        ]
        parts = np.ascontiguousarray(echoes, np.complex64).view(np.float32).reshape(*echoes.shape, 2)
        out = cv2.sepFilter2D(parts, -1, kernels[1], kernels[0], borderType=cv2.BORDER_REFLECT)
        return np.asarray(np.ascontiguousarray(out).view(np.complex64)[..., 0])

    def smoothed(self, echoes: Complex) -> Field:
        """Magnitude of blurred echoes after the machine's compounding."""
        import cv2

        power = np.abs(echoes) ** 2
        if self.look.smoothing > 0:
            sigma = (self.look.smoothing * 0.4 / self.dtheta * np.deg2rad(0.45), self.look.smoothing * 0.22 / self.dz)
            power = cv2.GaussianBlur(power, (0, 0), sigmaX=max(0.05, sigma[0]), sigmaY=max(0.05, sigma[1]))
        return np.asarray(np.sqrt(np.maximum(power, 0)), np.float32)

    def gray(self, envelope: Field) -> Field:
        """The machine's gray curve, 0 to 255; the median of speckle at 0 dB lies ``headroom_db`` below white."""
        return gray_curve(envelope, self.look)

    def picture(self, polar: Field) -> NDArray[np.uint8]:
        """Gray values on the grid into the picture, ``uint8 [H, W]``, black outside the sector."""
        import cv2

        image = cv2.remap(polar, self._beam, self._row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.where(self.sector, np.clip(image, 0, 255), 0).astype(np.uint8)


def _kernel(sigma: float) -> NDArray[np.float32]:
    half = max(1, int(np.ceil(3 * sigma)))
    weights = np.exp(-0.5 * (np.arange(-half, half + 1) / max(sigma, 0.1)) ** 2)
    return np.asarray(weights / np.sqrt((weights**2).sum()), np.float32)


def gray_curve(envelope: Field, look: Look) -> Field:
    """Log-compressed gray values, 0 to 255, of magnitudes whose speckle at 0 dB comes from unit noise."""
    white = _MEDIAN_OF_SPECKLE * 10 ** (look.headroom_db / 20)
    db = 20 * np.log10(envelope / white + 1e-6)
    return np.asarray(255 * np.clip((db + look.dynamic_range_db) / look.dynamic_range_db, 0, 1) ** look.gamma)


def speckled(level_db: Field, rng: np.random.Generator, sigma: tuple[float, float]) -> Field:
    """Magnitude of noise at a level on any grid, correlated over ``sigma`` (rows, columns)."""
    import cv2

    white = rng.standard_normal((*level_db.shape, 2), dtype=np.float32)
    kernels = _kernel(sigma[1]), _kernel(sigma[0])
    parts = np.asarray(cv2.sepFilter2D(white, -1, *kernels, borderType=cv2.BORDER_REFLECT), np.float32)
    return np.asarray(np.hypot(parts[..., 0], parts[..., 1]) * 10 ** (level_db / 20), np.float32)


def wavy(rng: np.random.Generator, along: Field, length: float, height: float) -> Field:
    """A smooth random curve over ``along``: three sines about ``length`` long, about ``height`` high."""
    waves = [np.sin(2 * np.pi * along / (length * rng.uniform(0.5, 2.0)) + rng.uniform(0, 2 * np.pi)) for _ in range(3)]
    return np.asarray(height * sum(waves) / 3, np.float32)


@dataclass(frozen=True)
class Blob:
    """An ellipse in the image plane: center (X, D), half axes in mm and the tilt of the first."""

    x: float
    d: float
    a: float
    b: float
    tilt: float = 0.0

    def radius(self, x: Field, d: Field) -> Field:
        """0 in the center, 1 on the border."""
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        dx, dd = x - self.x, d - self.d
        return np.asarray(np.hypot((dx * cos + dd * sin) / self.a, (dd * cos - dx * sin) / self.b), np.float32)
