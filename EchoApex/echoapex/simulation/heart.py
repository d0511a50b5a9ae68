"""One parametric 3D heart: implicit surfaces at end-diastole, and the analytic map that moves everything.

Heart coordinates are millimeters at end-diastole (ED): ``y`` runs along the LV long axis from the endocardial apex (0)
to the mitral annulus (``length_mm``), ``x`` points to the lateral wall seen in A4C (the septum is at ``x < 0``), ``z``
completes the frame, so that ``+z`` is anterior. Points are ``float [N, 3]``. Phase 0 is ED (R wave), phase 1 the next.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .heart_shape import CAVITIES, WALLS, HeartShape, Tissue
from .volume_over_beat import VolumeCurve

__all__ = ["CAVITIES", "MITRAL_TIP_LEVEL", "PARASTERNAL_AZIMUTH_DEG", "WALLS", "Array", "Heart", "HeartShape", "Tissue"]

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


class Heart:
    """The heart of a `HeartShape`, with its exact volumes, its tissue at ED, and its motion."""

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

    @cached_property
    def grown(self) -> Heart:
        """The adult's heart of the same proportions: this heart itself, unless it is a child's."""
        return self if self.shape.growth == 1 else Heart(self.shape.grown())

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
        return _unbowed(radius, self._round(level, cosine, sine, phase), self.section(level, cosine, sine))

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

    # ---------------------------------------------------------------- motion
    def axis_offset(self, y: Array) -> Array:
        """How far the bent axis lies to the side of the straight one at ``y``, in mm along x; 0 at apex and annulus."""
        level = np.clip(y / self.shape.length_mm, -0.2, 1.7)
        return np.asarray(self.shape.bend * self.shape.length_mm * (0.25 - (level - 0.5) ** 2))

    def polar(self, points: Array) -> tuple[Array, Array, Array]:
        """A4C-equivalent radius and the cosine and sine of its direction, the axis bend taken out."""
        x = points[:, 0] - self.axis_offset(points[:, 1])
        z = points[:, 2] / self.shape.ellipticity
        radius = np.sqrt(x * x + z * z)
        on_axis = radius < 1e-9
        safe = np.where(on_axis, 1.0, radius)
        return radius, np.where(on_axis, 1.0, x / safe), z / safe

    def move(self, points: Array, phase: float) -> Array:
        """Where material points of the ED heart are at ``phase``, ``[N, 3]``.

        Inside the cavity radii scale with the endocardium; outside it tissue is an incompressible shell, so walls
        thicken as they shorten; motion fades with distance. Source of the form: the project's simulation study.
        """
        if self.shape.growth != 1:
            return self.shape.growth * self.grown.move(points / self.shape.growth, phase)
        if self._at_rest(phase):
            return points
        radius, cosine, sine = self.polar(points)
        level = points[:, 1] / self.shape.length_mm
        radius = self.rounded(radius, level, cosine, sine, 0.0)
        borders = self.radius(level, 0.0), self._round(level, cosine, sine, phase)
        moved = self._bowed(self._radial(radius, level, cosine, borders, phase)[0], level, cosine, sine, phase)
        y = points[:, 1] + self._longitudinal(radius, level, cosine, phase)
        return np.stack([cosine * moved + self.axis_offset(y), y, sine * moved * self.shape.ellipticity], axis=1)

    def material(self, points: Array, phase: float) -> Array:
        """The inverse of `move`: the ED position of what is at ``points`` at ``phase``.

        By iteration: for 99 of 100 points to 0.02 mm in the left ventricle and its wall, to 0.7 mm in all of the heart.
        """
        if self.shape.growth != 1:
            return self.shape.growth * self.grown.material(points / self.shape.growth, phase)
        if self._at_rest(phase):
            return points
        target, cosine, sine = self.polar(points)
        length = self.shape.length_mm
        shrink = length - self.length(phase)
        y = np.where(points[:, 1] <= length - shrink, points[:, 1] * length / (length - shrink), points[:, 1] + shrink)
        radius = target
        for _ in range(4):
            radius = self._unradial(target, y / length, cosine, sine, phase)
            y = points[:, 1] - self._longitudinal(radius, y / length, cosine, phase)
        level = y / length
        radius = self._bowed(self._unradial(target, level, cosine, sine, phase), level, cosine, sine, 0.0)
        return np.stack([cosine * radius + self.axis_offset(y), y, sine * radius * self.shape.ellipticity], axis=1)

    def _at_rest(self, phase: float) -> bool:
        """Whether all lies where it does at ED; bodies of revolution, kept as they were, are moved all the same."""
        return self.shape.septal_straightness > 0 and self.curve(phase) == 1

    def _radial(
        self, radius: Array, level: Array, cosine: Array, borders: tuple[Array, Array], phase: float
    ) -> tuple[Array, Array]:
        """Moved radius of the body of revolution and its approximate derivative; ``borders`` at ED and ``phase``."""
        before, after = borders
        ratio = self.shape.length_mm / self.length(phase)
        inside = radius <= before
        shell = np.sqrt(np.maximum(after**2 + (radius**2 - before**2) * ratio, 1e-9))
        fade = np.exp(-np.maximum(radius - before - 10, 0) / 28)
        outer = radius + (shell - radius) * fade - self._rv_inward(radius - before, level, cosine, phase)
        scale = np.where(before > 1e-3, after / np.maximum(before, 1e-3), 1.0)
        slope = 1 + (radius * ratio / shell - 1) * fade
        return np.where(inside, radius * scale, outer), np.where(inside, scale, slope)

    def _unradial(self, target: Array, level: Array, cosine: Array, sine: Array, phase: float) -> Array:
        before, after = self.radius(level, 0.0), self._round(level, cosine, sine, phase)
        if self.shape.septal_straightness > 0:
            target = _unbowed(target, after, self.section(level, cosine, sine))
        ratio = self.shape.length_mm / self.length(phase)
        inside = target <= after
        radius = np.where(
            inside,
            target * np.where(after > 1e-3, before / np.maximum(after, 1e-3), 1.0),
            np.sqrt(np.maximum(before**2 + (target**2 - after**2) / ratio, 0.0)),
        )
        for _ in range(2):
            value, slope = self._radial(radius, level, cosine, (before, after), phase)
            step = (value - target) / np.maximum(slope, 0.25)
            radius = np.where(inside, radius, np.maximum(radius - step, before))
        return np.asarray(radius)

    def _rv_inward(self, beyond: Array, level: Array, cosine: Array, phase: float) -> Array:
        distance = beyond - self.shape.ivsd_mm
        reach = np.clip((distance - 8) / 20, 0, 1) * np.exp(-np.maximum(distance - 55, 0) / 10)
        basal = np.clip(level / 0.4, 0, 1) * np.clip((1.15 - level) / 0.3, 0, 1)
        return np.asarray(5.4 * (1 - self.curve(phase)) * reach * basal * _septal_side(cosine))

    def _longitudinal(self, radius: Array, level: Array, cosine: Array, phase: float) -> Array:
        shrink = self.shape.length_mm - self.length(phase)
        beyond = np.maximum(radius - self.radius(level, 0.0) - self.shape.ivsd_mm, 0)
        septal = _septal_side(cosine)
        right = 1 + 0.35 * np.clip(beyond / 15, 0, 1) * np.clip(1 - beyond / 90, 0, 1)
        reach = septal * right + (1 - septal) * np.exp(-np.maximum(beyond - 2, 0) / 14)
        atrial = np.clip((level - 1) * 6, 0, 1) * np.exp(-np.maximum(beyond - 40, 0) / 15)
        reach = np.maximum(reach, atrial) * np.exp(-np.maximum(radius - 95, 0) / 15)
        along = np.where(level <= 1, np.clip(level, 0, 1), np.clip(1 - (level - 1) / 0.8, 0, 1) ** 1.3)
        return np.asarray(-shrink * along * reach)


def _unbowed(radius: Array, border: Array, section: Array) -> Array:
    return np.asarray(np.where(radius <= border * section, radius / section, radius - border * (section - 1)))


def _looked_up(table: Array, level: Array) -> Array:
    """Values of a table over even levels; a direct look-up is several times faster than a search."""
    place = np.clip((level - _LOWEST_LEVEL) * _PER_LEVEL, 0, _LEVELS - 1.001)
    index = place.astype(np.int32)
    below = table[index]
    return np.asarray(below + (place - index) * (table[index + 1] - below))


def _septal_side(cosine: Array) -> Array:
    """1 towards the septum and the right heart, 0 towards the lateral wall, smooth between."""
    t = np.clip(0.5 - cosine * 1.25, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
