"""Things that no atlas knows, drawn into training frames: what a box or clicks point at must be found, named or not.

The shapes (blobs, crescents, bands, layers along an edge) and their brightness are choices of this project.
"""

from __future__ import annotations

import numpy as np

_SMALLEST_PX = 60
_LAYERS = 0.45
_LEAST_CONTRAST = 12.0
"""Difference in mean gray level to what surrounds a thing, below which nobody could point at it."""


def add_stranger(
    image: np.ndarray, label: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """A frame with a strange thing in it: image and label ``uint8 [S, S]``, and where the thing is ``bool [S, S]``.

    The label is 0 under the thing. None when what was drawn is too small or cannot be told from what surrounds it.
    """
    import cv2

    shape = _layer(label, rng) if rng.random() < _LAYERS and label.any() else _shape(image.shape[0], rng)
    shape &= cv2.blur(image, (15, 15)) > 0
    if np.count_nonzero(shape) < _SMALLEST_PX:
        return None
    around = cv2.dilate(shape.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool) & ~shape
    outside = float(image[around].mean())
    filling = _filling(image, outside, rng)
    soft = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), float(rng.uniform(0.4, 1.2)))
    drawn = image * (1 - soft) + filling * soft
    if rng.random() < 0.4:
        rim = cv2.morphologyEx(shape.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        drawn = drawn + rim * rng.uniform(20, 120) * rng.uniform(0.3, 1, image.shape)
    if abs(float(drawn[shape].mean()) - outside) < _LEAST_CONTRAST:
        return None
    return np.clip(drawn, 0, 255).astype(np.uint8), np.where(shape, 0, label).astype(np.uint8), shape


def _filling(image: np.ndarray, outside: float, rng: np.random.Generator) -> np.ndarray:
    """Speckle of another part of the picture, darker or brighter than what surrounds the thing."""
    borrowed = np.roll(image.astype(np.float32), tuple(rng.integers(20, image.shape[0] - 20, 2)), axis=(0, 1))
    texture = 0.5 + borrowed / (2 * max(float(borrowed.mean()), 1.0))
    darker = outside > 45 and (outside > 150 or rng.random() < 0.7)
    level = outside * rng.uniform(0.02, 0.45) if darker else outside + rng.uniform(30, 110)
    return np.asarray(level * np.clip(texture, 0.3, 2.5))


def _shape(size: int, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    x, y = rng.uniform(0.15, 0.85, 2) * size
    angle, (a, b) = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(0.04), np.log(0.20), 2)) * size
    u = ((columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)) / a
    v = ((rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)) / b
    radius = np.hypot(u, v) + _waves(u, v, rng)
    kind = rng.random()
    if kind < 0.45:
        return np.asarray(radius < 1)
    if kind < 0.75:
        # A crescent: one ellipse less another, shifted one.
        shift = rng.uniform(0.25, 0.8)
        return np.asarray((radius < 1) & (np.hypot(u - shift * np.cos(angle), v - shift * np.sin(angle)) > 1))
    # A curved band, part of a large ring.
    large = np.hypot(columns - x, rows - y) / size
    middle, half = rng.uniform(0.12, 0.4), rng.uniform(0.015, 0.05)
    facing = np.cos(np.arctan2(rows - y, columns - x) - angle)
    return np.asarray((np.abs(large - middle) < half) & (facing > rng.uniform(-0.3, 0.8)))


def _layer(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A layer along the edge of something known, within or without: what lines a cavity, or lies around the heart."""
    import cv2

    size = label.shape[0]
    present = np.unique(label[label > 0])
    body = label > 0 if rng.random() < 0.5 else label == rng.choice(present)
    body = body if rng.random() < 0.65 else ~body
    depth = cv2.distanceTransform((~body).astype(np.uint8), cv2.DIST_L2, 5)
    rows, columns = np.nonzero(label)
    angle = np.arctan2(np.arange(size)[:, None] - rows.mean(), np.arange(size)[None] - columns.mean())
    # Thick in one direction, thinner away from it.
    facing = np.cos(angle - rng.uniform(-np.pi, np.pi))
    thick = rng.uniform(0.03, 0.10) * size * np.clip(1 + rng.uniform(0.2, 1.5) * (facing - rng.uniform(0, 1)), 0, None)
    shape = (depth > 0) & (depth < thick) & (facing > rng.uniform(-0.9, 0.7))
    return largest_piece(shape)


def largest_piece(region: np.ndarray) -> np.ndarray:
    """The largest connected piece of ``region bool [S, S]``, holes and all; empty where it is."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))) if count > 1 else region


def _waves(u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An uneven outline: a few waves around it."""
    around = np.arctan2(v, u)
    waves = [rng.normal(0, 0.10) * np.cos(k * around + rng.uniform(0, 6)) for k in (2, 3, 4, 5)]
    return np.asarray(sum(waves))
