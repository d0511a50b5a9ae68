"""The left ventricle of a simulated heart: its endocardium at every phase, and its exact volumes.

Levels run along the long axis (0 apex, 1 annulus), directions are cosine and sine as `Heart.polar` gives them, lengths
in mm, volumes in mL. Phase 0 is ED (R wave), phase 1 the next.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .heart_shape import HeartShape
from .volume_over_beat import VolumeCurve

Array = NDArray[np.floating]

MITRAL_TIP_LEVEL = 0.72
"""Where along the long axis (0 apex, 1 annulus) LVIDd is taken: the level of the mitral leaflet tips."""

PARASTERNAL_AZIMUTH_DEG = 135.0
"""Direction from the LV axis towards the anteroseptal wall and the aortic root, in the x-z plane (0 is lateral, 90
anterior, 180 septal)."""

_STUNNED_REACH = 0.25
"""How far along the axis, in levels, a wall motion abnormality fades to 1/e (own choice)."""
_MEAN_COSINE_2, _MEAN_COSINE_4 = 1 / 4, 3 / 16
"""Means over the circle of max(cos, 0) to the 2nd and 4th power."""

_LOWEST_LEVEL, _HIGHEST_LEVEL, _LEVELS = -0.2, 2.4, 2601
_TABLES_KEPT = 64
_PER_LEVEL = (_LEVELS - 1) / (_HIGHEST_LEVEL - _LOWEST_LEVEL)


class LeftVentricle:
    """The left ventricle of a `HeartShape`: half-elliptical sections along the axis that follow the volume curve."""

    def __init__(self, shape: HeartShape) -> None:
        self.shape = shape
        self.curve = VolumeCurve(shape.heart_rate)
        grid = np.linspace(_LOWEST_LEVEL, _HIGHEST_LEVEL, _LEVELS)
        self._tables: dict[float, Array] = {}
        self._profile_ed = self._profile(grid, shape.base_ratio)
        self._profile_es = self._profile(grid, shape.base_ratio * 0.97)
        self._skewness = self._skewness_by_level(grid)
        tip, azimuth = np.array([MITRAL_TIP_LEVEL]), np.deg2rad(PARASTERNAL_AZIMUTH_DEG)
        both = [self.section(tip, *self.direction(side)) for side in (azimuth, azimuth + np.pi)]
        across = float(self._profile(tip, shape.base_ratio)[0]) * self.stretch(azimuth) * float(np.mean(both))
        self._radius_ed = 0.5 * shape.lvidd_mm / across

    # ---------------------------------------------------------------- exact numbers
    @cached_property
    def edv_ml(self) -> float:
        """End-diastolic volume, the integral of the elliptical cross-sections along the axis."""
        return float(
            np.pi * self.shape.ellipticity * self._radius_ed**2 * self.shape.length_mm * self._mean_square(1.0) / 1000
        )

    @property
    def esv_ml(self) -> float:
        """End-systolic volume: EDV (1 - EF)."""
        return self.edv_ml * (1 - self.shape.ef)

    def volume_ml(self, phase: float) -> float:
        """LV cavity volume at ``phase``."""
        return self.esv_ml + (self.edv_ml - self.esv_ml) * self.curve(phase)

    def length(self, phase: float) -> float:
        """Long axis in mm at ``phase``."""
        return self.shape.length_mm * (1 - self.shape.shortening * (1 - self.curve(phase)))

    def radius(self, level: Array, phase: float) -> Array:
        """Half the endocardial width in mm in A4C at ``level`` (0 apex, 1 annulus); 0 outside the cavity's levels.

        Of the wall that moves as it should; `endocardium` knows of the rest.
        """
        return _looked_up(self._table(phase), level)

    def _table(self, phase: float) -> Array:
        """Radius at each of the even levels."""
        found = self._tables.get(phase)
        if found is None:
            found = (self._profile_at(self.curve(phase)) * self._scale(phase)).astype(np.float32)
            if len(self._tables) >= _TABLES_KEPT:
                self._tables.clear()
            self._tables[phase] = found
        return found

    def endocardium(self, level: Array, cosine: Array, sine: Array, phase: float) -> Array:
        """Endocardial radius in mm in a direction (as `polar` gives it), where a stunned wall lags behind."""
        return np.asarray(self._round(level, cosine, sine, phase) * self.section(level, cosine, sine))

    def section(self, level: Array, cosine: Array, sine: Array) -> Array:
        """Endocardial radius in a direction over `radius`: half-ellipses, narrow to the septum, wide to the free wall.

        Their mean square over all directions is 1, and so is the mean of two opposite ones in A4C and in A2C.
        """
        if self.shape.septal_straightness == 0:
            return np.ones(np.broadcast(level, cosine).shape)
        skewness = _looked_up(self._skewness, level)
        return np.asarray(1 / np.sqrt((cosine / (1 + np.where(cosine < 0, -skewness, skewness))) ** 2 + sine**2))

    def _skewness_by_level(self, level: Array) -> Array:
        """By what share of its radius the lateral wall is bowed out: a straight septum runs from apex to annulus."""
        line = np.clip(level, 0, 1) * self.shape.base_ratio / np.maximum(self._profile_ed, 1e-3)
        skewness = self.shape.septal_straightness * np.clip(1 - line, 0, 1)
        return np.asarray(np.where(level <= 0, self.shape.septal_straightness, skewness), np.float32)

    def direction(self, azimuth: float) -> tuple[Array, Array]:
        """Cosine and sine that `polar` gives in the direction ``azimuth`` (radians)."""
        across, up = math.cos(azimuth), math.sin(azimuth) / self.shape.ellipticity
        size = math.hypot(across, up)
        return np.array([across / size]), np.array([up / size])

    def rounded(self, radius: Array, level: Array, cosine: Array, sine: Array, phase: float) -> Array:
        """A radius at ``phase`` as it were in a body of revolution: scaled inside the cavity, shifted outside."""
        if self.shape.septal_straightness == 0:
            return radius
        return unbowed(radius, self._round(level, cosine, sine, phase), self.section(level, cosine, sine))

    def _bowed(self, radius: Array, level: Array, cosine: Array, sine: Array, phase: float) -> Array:
        """The inverse of `rounded`."""
        if self.shape.septal_straightness == 0:
            return radius
        border, section = self._round(level, cosine, sine, phase), self.section(level, cosine, sine)
        return np.asarray(np.where(radius <= border, radius * section, radius + border * (section - 1)))

    def _round(self, level: Array, cosine: Array, sine: Array, phase: float) -> Array:
        """`endocardium` of the body of revolution."""
        healthy = self.radius(level, phase)
        if self.shape.stunned == 0:
            return healthy
        before = self.radius(level, 0.0)
        return np.asarray(before + (healthy - before) * (1 - self._stunned(level, cosine, sine)))

    def _stunned(self, level: Array, cosine: Array, sine: Array) -> Array:
        return np.asarray(self._stunned_along(level) * self._facing(cosine, sine) ** 2)

    def _facing(self, cosine: Array, sine: Array) -> Array:
        azimuth = np.deg2rad(self.shape.stunned_azimuth_deg)
        return np.asarray(np.maximum(cosine * np.cos(azimuth) + sine * np.sin(azimuth), 0))

    def _stunned_along(self, level: Array) -> Array:
        return np.asarray(self.shape.stunned * np.exp(-(((level - self.shape.stunned_level) / _STUNNED_REACH) ** 2)))

    def _profile_at(self, w: float) -> Array:
        return np.asarray(np.sqrt(w * self._profile_ed**2 + (1 - w) * self._profile_es**2))

    def _scale(self, phase: float) -> float:
        """Radius in mm of profile 1, in closed form from the wanted volume.

        V = pi q L mean(r^2) with r = R_ed (1 - m) + m R p; m, the share of motion left, averages over the directions
        to ``a`` and its square to ``b``, which leaves a quadratic equation in R (without stunned wall R^2 mean(p^2)).
        """
        w, shape = self.curve(phase), self.shape
        wanted = self.volume_ml(phase) * 1000 / (np.pi * shape.ellipticity * self.length(phase))
        if shape.stunned == 0:
            return float(np.sqrt(wanted / self._mean_square(w)))
        before, now, a, b = self._volume_samples(w)
        square, linear = float(np.mean(b * now**2)), float(2 * np.mean(before * now * (a - b)))
        rest = float(np.mean(before**2 * (1 - 2 * a + b))) - wanted
        return (-linear + math.sqrt(max(linear**2 - 4 * square * rest, 0.0))) / (2 * square)

    def _volume_samples(self, w: float) -> tuple[Array, Array, Array, Array]:
        levels = (np.arange(2000) + 0.5) / 2000
        ed, es = (self._profile(levels, base) for base in (self.shape.base_ratio, self.shape.base_ratio * 0.97))
        lost = self._stunned_along(levels)
        second, fourth = self._facing_means
        a = 1 - second * lost
        b = 1 - 2 * second * lost + fourth * lost**2
        return self._radius_ed * ed, np.sqrt(w * ed**2 + (1 - w) * es**2), a, b

    @cached_property
    def _facing_means(self) -> tuple[Array | float, Array | float]:
        """Means over each section's area of max(cos, 0) to the 2nd and 4th power, cos to the stunned direction."""
        if self.shape.septal_straightness == 0:
            return _MEAN_COSINE_2, _MEAN_COSINE_4
        levels, angles = (np.arange(2000) + 0.5)[:, None] / 2000, np.deg2rad(np.arange(0.5, 360, 3))[None]
        cosine, sine = np.cos(angles), np.sin(angles)
        area = self.section(levels, cosine, sine) ** 2
        facing = self._facing(cosine, sine)
        return np.asarray((area * facing**2).mean(1)), np.asarray((area * facing**4).mean(1))

    def _mean_square(self, w: float) -> float:
        ed, es = self._mean_squares
        return w * ed + (1 - w) * es

    @cached_property
    def _mean_squares(self) -> tuple[float, float]:
        levels = (np.arange(2000) + 0.5) / 2000
        ed, es = (self._profile(levels, b) for b in (self.shape.base_ratio, self.shape.base_ratio * 0.97))
        return float(np.mean(ed**2)), float(np.mean(es**2))

    def _profile(self, level: Array, base_ratio: float) -> Array:
        shape = self.shape
        apical = np.clip((shape.widest - level) / shape.widest, 0, 1)
        basal = np.clip((level - shape.widest) / (1 - shape.widest), 0, 1)
        body = np.where(
            level < shape.widest, (1 - apical**2) ** (0.5 * shape.roundness), 1 - (1 - base_ratio) * basal**2
        )
        body = np.where(level > 1, base_ratio * np.exp(-2 * (level - 1)), body)
        return np.where(level < 0, 0.0, body)

    def stretch(self, azimuth: float | Array) -> Array:
        """Physical radius over A4C radius in the direction ``azimuth`` (radians), from the elliptical section."""
        q = self.shape.ellipticity
        return np.asarray(1.0 / np.sqrt(np.cos(azimuth) ** 2 + (np.sin(azimuth) / q) ** 2))


def unbowed(radius: Array, border: Array, section: Array) -> Array:
    return np.asarray(np.where(radius <= border * section, radius / section, radius - border * (section - 1)))


def _looked_up(table: Array, level: Array) -> Array:
    """Values of a table over even levels; a direct look-up is several times faster than a search."""
    place = np.clip((level - _LOWEST_LEVEL) * _PER_LEVEL, 0, _LEVELS - 1.001)
    index = place.astype(np.int32)
    below = table[index]
    return np.asarray(below + (place - index) * (table[index + 1] - below))
