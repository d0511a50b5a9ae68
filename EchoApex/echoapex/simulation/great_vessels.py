"""The great vessels as tubes at end-diastole: pulmonary artery, aortic arch, inferior vena cava and a hepatic vein.

Drawn as simply as the views that are named after them need; courses and most sizes are choices of this project. The
inferior vena cava is mostly no wider than 21 mm (ASE guidelines for the right heart, Rudski 2010).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .heart import Array, Heart
from .heart_places import (
    AO_WALL_MM,
    LEFT_OF_ROOT,
    TO_ROOT,
    UP,
    atrium_center,
    direction,
    outflow_distance,
    outflow_width,
    root_center,
)

VESSEL_WALL_MM = 1.6
_ARCH_STEPS = 12
_TO_FEET = direction(-90)
_TO_LIVER = np.array([-0.93, -0.37, 0.0])
"""From the inferior vena cava to the probe below the ribs."""


def vessel_distance(heart: Heart, points: Array) -> Array:
    """Signed distance in mm to the nearest vessel's lumen at ED points ``[N, 3]``; inf in hearts without vessels."""
    if not heart.shape.vessels:
        return np.full(len(points), np.inf)
    tubes = [aortic_arch(heart), *pulmonary_arteries(heart), *caval_veins(heart)]
    return np.asarray(np.minimum.reduce([_tube_distance(points, *tube) for tube in tubes]))


def aortic_arch(heart: Heart) -> tuple[Array, float]:
    """Points along the aorta from above the root over the arch and down behind the left atrium, and its radius."""
    shape = heart.shape
    radius, rise = 0.41 * shape.root_mm, max(45.0, shape.la_length_mm + 8.0)
    top = root_center(heart, rise)
    behind = -(0.48 * shape.la_width_mm + radius + 4.0) * TO_ROOT + (shape.length_mm + rise) * UP
    center, reach = (top + behind) / 2, float(np.linalg.norm(top - behind)) / 2
    turn = np.linspace(0, np.pi, _ARCH_STEPS)[:, None]
    arc = center + reach * (np.cos(turn) * TO_ROOT + np.sin(turn) * UP)
    return np.vstack([root_center(heart, 40.0), arc, behind - (rise + 10.0) * UP]), radius


def arch_center(heart: Heart) -> Array:
    """The middle of the arch's curve, where the right pulmonary artery crosses below it."""
    path, _ = aortic_arch(heart)
    return np.asarray((path[1] + path[-2]) / 2)


def arch_top(heart: Heart) -> Array:
    """The highest point of the arch's middle line."""
    path, _ = aortic_arch(heart)
    return np.asarray(path[np.argmax(path[:, 1])])


def pulmonary_arteries(heart: Heart) -> list[tuple[Array, float]]:
    """Points along the main artery with its left branch, and along the right branch below the arch, with radii."""
    width = outflow_width(heart)
    radius = 0.36 * width + 2.0
    beside = 0.5 * heart.shape.root_mm + AO_WALL_MM + radius + 1.0
    base = heart.shape.length_mm * UP
    valve = pulmonary_valve(heart)
    start = outflow_distance(heart) * TO_ROOT + 0.3 * width * LEFT_OF_ROOT + base + 8.0 * UP
    fork = root_center(heart, 26.0) - 0.35 * heart.shape.root_mm * TO_ROOT + beside * LEFT_OF_ROOT
    left = fork - 24.0 * TO_ROOT + 8.0 * LEFT_OF_ROOT + 6.0 * UP
    center = arch_center(heart)
    right = np.vstack([fork, center + 12.0 * LEFT_OF_ROOT, center - 34.0 * LEFT_OF_ROOT])
    return [(np.vstack([start, valve, fork, left]), radius), (right, 0.68 * radius)]


def pulmonary_valve(heart: Heart) -> Array:
    """The middle of the pulmonary valve."""
    width = outflow_width(heart)
    beside = 0.5 * heart.shape.root_mm + AO_WALL_MM + 0.36 * width + 3.0
    out = outflow_distance(heart) - 0.25 * width
    return out * TO_ROOT + beside * LEFT_OF_ROOT + (heart.shape.length_mm + 13.0) * UP


def caval_veins(heart: Heart) -> list[tuple[Array, float]]:
    """Points along the inferior vena cava from the right atrium down, and along a hepatic vein, with radii."""
    mouth = caval_mouth(heart)
    radius = float(np.clip(0.22 * heart.shape.ra_width_mm, 5.0, 12.0))
    joint = mouth + 28.0 * _TO_FEET
    cava = np.vstack([atrium_center(heart, left=False), mouth, joint, mouth + 100.0 * _TO_FEET])
    return [(cava, radius), (np.vstack([joint, joint + 34.0 * _TO_LIVER + 30.0 * _TO_FEET]), 0.4 * radius)]


def caval_mouth(heart: Heart) -> Array:
    """Where the inferior vena cava enters the right atrium."""
    shape = heart.shape
    within = 0.28 * shape.ra_length_mm * UP + 0.40 * shape.ra_width_mm * _TO_FEET
    return np.asarray(atrium_center(heart, left=False) + within)


def _tube_distance(points: Array, path: Array, radius: float) -> Array:
    """Signed distance to a tube along a line of points."""
    nearest = np.full(len(points), np.inf)
    for begin, end in pairwise(path):
        along = end - begin
        share = np.clip((points - begin) @ along / float(along @ along), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(points - begin - share[:, None] * along, axis=1))
    return nearest - radius
