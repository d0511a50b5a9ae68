"""One parametric 3D heart: implicit surfaces at end-diastole, and the analytic map that moves everything.

Heart coordinates are millimeters at end-diastole (ED): ``y`` runs along the LV long axis from the endocardial apex (0)
to the mitral annulus (``length_mm``), ``x`` points to the lateral wall seen in A4C (the septum is at ``x < 0``), ``z``
completes the frame, so that ``+z`` is anterior. Points are ``float [N, 3]``. Phase 0 is ED (R wave), phase 1 the next.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .heart_shape import CAVITIES, WALLS, HeartShape, Tissue
from .left_ventricle import MITRAL_TIP_LEVEL, PARASTERNAL_AZIMUTH_DEG, Array, LeftVentricle, unbowed

__all__ = ["CAVITIES", "MITRAL_TIP_LEVEL", "PARASTERNAL_AZIMUTH_DEG", "WALLS", "Array", "Heart", "HeartShape", "Tissue"]


class Heart(LeftVentricle):
    """The heart of a `HeartShape`, with its exact volumes, its tissue at ED, and its motion."""

    @cached_property
    def grown(self) -> Heart:
        """The adult's heart of the same proportions: this heart itself, unless it is a child's."""
        return self if self.shape.growth == 1 else Heart(self.shape.grown())

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
            target = unbowed(target, after, self.section(level, cosine, sine))
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


def _septal_side(cosine: Array) -> Array:
    """1 towards the septum and the right heart, 0 towards the lateral wall, smooth between."""
    t = np.clip(0.5 - cosine * 1.25, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
