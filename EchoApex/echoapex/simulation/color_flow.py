"""Color flow over a simulated picture: a box of beams in which moving blood has a color.

The velocities are no fluid mechanics: blood runs with the volume of the left ventricle, towards the probe or away, in
smooth patches that drift; color bleeds a little over the walls. All of it is this project's choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .heart import CAVITIES
from .simulated_clip import SimulatedClip

_BLEED_PX = 2
_LEAST_SPEED = 0.16
"""Wall filter: slower blood, as a share of the largest speed on the scale, has no color."""


@dataclass(frozen=True)
class ColorBox:
    """Where color is measured: from one depth (mm) and one beam angle (rad) to another."""

    near_mm: float
    far_mm: float
    left_rad: float
    right_rad: float


def draw_box(clip: SimulatedClip, rng: np.random.Generator) -> ColorBox:
    """A box over the middle of the heart, within the fan."""
    depth, half = clip.imager.conditions.depth_mm, np.deg2rad(clip.case.look.width_deg / 2)
    middle, width = rng.uniform(-0.25, 0.25) * half, rng.uniform(0.3, 0.6) * half
    near, far = rng.uniform(0.2, 0.45) * depth, rng.uniform(0.65, 0.92) * depth
    return ColorBox(float(near), float(far), float(max(middle - width, -half)), float(min(middle + width, half)))


def color_frames(clip: SimulatedClip, box: ColorBox) -> NDArray[np.uint8]:
    """The clip's frames with color in the box and its outline, ``uint8 [T, H, W, 3]``; truth masks stay as they are."""
    import cv2

    rng = np.random.default_rng([clip.case.seed, 7])
    inside = _in_box(clip, box)
    outline = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    rows, columns = clip.frames.shape[1:]
    patches = rng.standard_normal((3, rows // 8 + 12, columns // 8 + 12)).astype(np.float32)
    pictures = []
    for index, frame in enumerate(clip.frames):
        speed = _speed(clip, index, patches, (rows, columns))
        cavities = np.isin(clip.labels(index), CAVITIES).astype(np.uint8)
        blood = cv2.dilate(cavities, np.ones((2 * _BLEED_PX + 1, 2 * _BLEED_PX + 1), np.uint8))
        colored = inside & (blood > 0) & (np.abs(speed) > _LEAST_SPEED)
        picture = np.repeat(frame[..., None], 3, axis=2)
        picture[colored] = _colors(speed[colored])
        picture[outline] = (200, 200, 200)
        pictures.append(picture)
    return np.stack(pictures)


def _in_box(clip: SimulatedClip, box: ColorBox) -> NDArray[np.bool_]:
    points, apex = clip.canvas.points(), clip.case.look.virtual_apex_mm
    reach = np.hypot(points[:, 0], points[:, 1] + apex) - apex
    angle = np.arctan2(points[:, 0], points[:, 1] + apex)
    within = (reach > box.near_mm) & (reach < box.far_mm) & (angle > box.left_rad) & (angle < box.right_rad)
    return np.asarray(within.reshape(clip.frames.shape[1:]) & clip.imager.in_sector(clip.canvas))


def _speed(
    clip: SimulatedClip, index: int, patches: NDArray[np.float32], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Speed towards the probe as a share of the largest on the scale, ``[H, W]``; beyond 1 it aliases."""
    import cv2

    curve, phase = clip.heart.curve, float(clip.phases[index])
    rate = (curve(phase + 0.01) - curve(phase - 0.01)) / 0.02
    drift = index * 0.35
    whole = int(drift)
    mixed = sum(
        weight * patches[(whole + step) % len(patches), :-12, :-12]
        for step, weight in ((0, 1 - (drift - whole)), (1, drift - whole))
    )
    field = cv2.resize(np.asarray(mixed, np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC)
    field = cv2.GaussianBlur(field, (0, 0), shape[0] / 60)
    return np.asarray(0.22 * rate * (1 + 1.5 * field / max(float(field.std()), 1e-6) * 0.5), np.float32)


def _colors(speed: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Red to yellow towards the probe, blue to cyan away from it."""
    wrapped = (speed + 1) % 2 - 1
    size = np.abs(wrapped)[:, None]
    towards = np.concatenate([np.full_like(size, 1), size**1.5, 0.1 * size], axis=1) * (0.45 + 0.55 * size)
    away = np.concatenate([0.1 * size, size**1.5, np.full_like(size, 1)], axis=1) * (0.45 + 0.55 * size)
    return np.asarray(255 * np.where(wrapped[:, None] > 0, towards, away), np.uint8)
