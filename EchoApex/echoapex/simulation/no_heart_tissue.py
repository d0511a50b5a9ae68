"""What an ultrasound probe sees where there is no heart, as echo levels in dB on a `speckle.Fan`'s grid.

0 dB is the speckle of muscle. Sizes and levels are our choice, drawn wide on purpose: a classifier has to learn that
there is no heart, not how one abdomen looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .speckle import Blob, Fan, Field, wavy


@dataclass
class Scene:
    """``level_db [n, m]`` and ``loss_db_per_mm [n, m]``, what the tissue takes from the echoes behind it."""

    level_db: Field
    loss_db_per_mm: Field

    @classmethod
    def even(cls, fan: Fan, level_db: float) -> Scene:
        """The same tissue everywhere."""
        shape = fan.x.shape
        return cls(np.full(shape, level_db, np.float32), np.zeros(shape, np.float32))

    def fill(self, where: Field, level_db: float, loss_db_per_mm: float = 0.0) -> None:
        """Sets tissue where ``where`` (0 to 1) is 1, blended between."""
        self.level_db += where * (level_db - self.level_db)
        self.loss_db_per_mm += where * (loss_db_per_mm - self.loss_db_per_mm)

    def line(self, distance_mm: Field, level_db: float, half_width_mm: float = 0.6) -> None:
        """A bright interface where ``distance_mm`` is 0."""
        np.maximum(self.level_db, level_db - 6 * (distance_mm / half_width_mm) ** 2, out=self.level_db)

    def shaded(self, fan: Fan) -> Field:
        """The level behind everything that the beam went through."""
        return np.asarray(self.level_db - np.cumsum(self.loss_db_per_mm, axis=0) * fan.dz)


def _step(signed_mm: Field, softness_mm: float = 0.7) -> Field:
    """1 where ``signed_mm`` is negative, 0 where positive."""
    return np.asarray(1 / (1 + np.exp(np.clip(signed_mm / softness_mm, -30, 30))), np.float32)


def _inside(blob: Blob, fan: Fan) -> Field:
    return _step((blob.radius(fan.x, fan.d) - 1) * min(blob.a, blob.b))


def _somewhere(rng: np.random.Generator, fan: Fan, near: float = 0.25, far: float = 0.85) -> tuple[float, float]:
    """A point (X, D) in the sector, from ``near`` to ``far`` of its depth."""
    depth, angle = rng.uniform(near, far) * fan.depth_mm, rng.uniform(-0.75, 0.75) * fan.half
    reach = depth + fan.look.virtual_apex_mm
    return float(reach * np.sin(angle)), float(reach * np.cos(angle) - fan.look.virtual_apex_mm)


def _body_wall(rng: np.random.Generator, fan: Fan, scene: Scene) -> float:
    """Skin, fat and muscle under the probe; gives back their thickness in mm."""
    top = 0.0
    for _ in range(int(rng.integers(2, 6))):
        thickness = float(rng.uniform(2, 8))
        bottom = fan.d - top - thickness - wavy(rng, fan.x, 60, 1.2)
        scene.fill(_step(bottom) * (1 - _step(fan.d - top)), float(rng.uniform(-14, 4)))
        scene.line(bottom, float(rng.uniform(4, 14)), float(rng.uniform(0.3, 0.8)))
        top += thickness
    return top


def _vessels(rng: np.random.Generator, fan: Fan, scene: Scene, count: int) -> None:
    """Tubes cut along or across, some with bright walls."""
    for _ in range(count):
        x, d = _somewhere(rng, fan)
        radius, tilt = float(rng.uniform(1.5, 7)), float(rng.uniform(-1.2, 1.2))
        if rng.random() < 0.35:
            blob = Blob(x, d, radius, radius * float(rng.uniform(0.6, 1)), tilt)
            edge = (blob.radius(fan.x, fan.d) - 1) * radius
        else:
            u = (fan.x - x) * np.cos(tilt) + (fan.d - d) * np.sin(tilt)
            v = (fan.d - d) * np.cos(tilt) - (fan.x - x) * np.sin(tilt) - rng.normal(0, 0.004) * u**2
            end = float(rng.uniform(15, 90))
            edge = np.maximum(np.abs(v) - radius * np.clip(1.2 - np.abs(u) / end, 0.2, 1), np.abs(u) - end)
        scene.fill(_step(edge), float(rng.uniform(-45, -28)))
        if rng.random() < 0.4:
            scene.line(edge, float(rng.uniform(3, 9)), 0.8)


def _fluid(rng: np.random.Generator, fan: Fan, scene: Scene, large: float) -> None:
    """A gallbladder, cyst or full bladder: black, with a bright back wall and stronger echoes behind."""
    x, d = _somewhere(rng, fan, 0.3, 0.6)
    size = float(rng.uniform(8, large))
    blob = Blob(x, d, size, size * float(rng.uniform(0.45, 1)), float(rng.uniform(-1, 1)))
    scene.fill(_inside(blob, fan), -50.0, -float(rng.uniform(0.05, 0.2)))
    edge = (blob.radius(fan.x, fan.d) - 1) * blob.b
    scene.line(edge + 40 * (fan.d < blob.d), float(rng.uniform(4, 12)), 0.7)


def _kidney(rng: np.random.Generator, fan: Fan, scene: Scene) -> None:
    x, d = _somewhere(rng, fan, 0.35, 0.7)
    blob = Blob(x, d, float(rng.uniform(38, 55)), float(rng.uniform(17, 27)), float(rng.uniform(-0.6, 0.6)))
    radius = blob.radius(fan.x, fan.d) + wavy(rng, fan.x + fan.d, 25, 0.06)
    scene.fill(_step((radius - 1) * blob.b), float(rng.uniform(-14, -6)))
    scene.line((radius - 1) * blob.b, 6.0)
    scene.fill(_step((radius - 0.45) * blob.b, 2.0), float(rng.uniform(5, 11)))


def _diaphragm(rng: np.random.Generator, fan: Fan, scene: Scene) -> None:
    x, bend = float(rng.uniform(-40, 40)), float(rng.uniform(60, 140))
    depth = float(rng.uniform(0.65, 0.95)) * fan.depth_mm
    distance = np.hypot(fan.x - x, fan.d - depth + bend) - bend
    scene.fill(1 - _step(distance), float(rng.uniform(-30, -8)))
    scene.line(distance, float(rng.uniform(14, 24)), 1.2)


def liver(rng: np.random.Generator, fan: Fan) -> Field:
    """Abdominal wall, liver with vessels, and some of gallbladder, kidney and diaphragm."""
    scene = Scene.even(fan, float(rng.uniform(-10, 0)))
    scene.level_db += wavy(rng, fan.x, 70, 2) + wavy(rng, fan.d, 50, 2)
    _vessels(rng, fan, scene, int(rng.integers(2, 9)))
    for part, share in ((_kidney, 0.4), (_diaphragm, 0.6)):
        if rng.random() < share:
            part(rng, fan, scene)
    if rng.random() < 0.4:
        _fluid(rng, fan, scene, 25)
    _body_wall(rng, fan, scene)
    return scene.shaded(fan)


def pelvis(rng: np.random.Generator, fan: Fan) -> Field:
    """A large black space in front of a rounded organ."""
    scene = Scene.even(fan, float(rng.uniform(-12, -2)))
    scene.level_db += wavy(rng, fan.x + 0.5 * fan.d, 40, 4)
    _fluid(rng, fan, scene, 55)
    x, d = _somewhere(rng, fan, 0.6, 0.9)
    organ = Blob(x, d, float(rng.uniform(20, 45)), float(rng.uniform(12, 30)), float(rng.uniform(-0.4, 0.4)))
    scene.fill(_inside(organ, fan), float(rng.uniform(-6, 4)))
    _body_wall(rng, fan, scene)
    return scene.shaded(fan)


def lung(rng: np.random.Generator, fan: Fan) -> Field:
    """Ribs with shadows, the pleura, and behind it only its mirror images (A-lines) or bright streaks (B-lines)."""
    scene = Scene.even(fan, float(rng.uniform(-12, -4)))
    pleura = _body_wall(rng, fan, scene) + float(rng.uniform(4, 14))
    bent = fan.d - wavy(rng, fan.x, 90, 2.0)
    below = 1 - _step(bent - pleura)
    scene.fill(below, float(rng.uniform(-30, -16)), float(rng.uniform(0.05, 0.3)))
    scene.line(bent - pleura, float(rng.uniform(14, 24)), 0.9)
    for repeat in range(2, 2 + int(rng.integers(0, 5))):
        scene.line(bent - repeat * pleura, float(rng.uniform(4, 10)) - 5 * repeat, 1.0)
    for _ in range(int(rng.integers(0, 5)) if rng.random() < 0.5 else 0):
        ray = (fan.angle - rng.uniform(-0.9, 0.9) * fan.half) / np.deg2rad(rng.uniform(0.8, 3))
        scene.level_db = np.maximum(scene.level_db, below * 60 - 60 + rng.uniform(-4, 8) - 6 * ray**2)
        scene.loss_db_per_mm = scene.loss_db_per_mm * (1 - np.exp(-(ray**2)))
    _ribs(rng, fan, scene, pleura - 4)
    return scene.shaded(fan)


def _ribs(rng: np.random.Generator, fan: Fan, scene: Scene, depth: float) -> None:
    spacing, first = float(rng.uniform(25, 38)), float(rng.uniform(-20, 20))
    for rib in range(-4, 5):
        blob = Blob(first + rib * spacing, depth, float(rng.uniform(5, 9)), float(rng.uniform(3, 5)))
        scene.fill(_inside(blob, fan), -20.0, float(rng.uniform(4, 8)))
        scene.line((blob.radius(fan.x, fan.d) - 1) * blob.b + 40 * (fan.d > blob.d), float(rng.uniform(10, 18)), 1.0)


def phantom(rng: np.random.Generator, fan: Fan) -> Field:
    """Even speckle with rows of cysts, gray-scale targets and wires, as in a test object."""
    scene = Scene.even(fan, float(rng.uniform(-6, 2)))
    spacing = float(rng.uniform(15, 35))
    for column in range(int(rng.integers(1, 4))):
        radius, level = float(rng.uniform(1.5, 8)), float(rng.choice([-50, -12, -6, 6, 12]))
        x = (column - 1) * spacing * 1.2 + float(rng.uniform(-6, 6))
        for row in range(1, int(fan.depth_mm / spacing)):
            scene.fill(_inside(Blob(x, row * spacing, radius, radius), fan), level)
    x, step = float(rng.uniform(-30, 30)), float(rng.uniform(8, 20))
    for row in range(1, int(fan.depth_mm / step) if rng.random() < 0.7 else 1):
        scene.line(np.hypot(fan.x - x, fan.d - row * step), 26.0, 0.7)
    return scene.shaded(fan)


def muscle(rng: np.random.Generator, fan: Fan) -> Field:
    """Fibers at a slant, fasciae, and sometimes bone with its shadow."""
    scene = Scene.even(fan, float(rng.uniform(-18, -8)))
    slant = float(rng.uniform(-0.5, 0.5))
    along, across = fan.x * np.cos(slant) + fan.d * np.sin(slant), fan.d * np.cos(slant) - fan.x * np.sin(slant)
    fibers = np.sin(2 * np.pi * (across + wavy(rng, along, 30, 1.5)) / rng.uniform(2.5, 5))
    scene.level_db += 9 * np.clip(fibers, 0, 1) ** 3 * (wavy(rng, along, 18, 1.0) > -0.3)
    for _ in range(int(rng.integers(1, 4))):
        depth = float(rng.uniform(0.15, 0.8)) * fan.depth_mm
        scene.line(fan.d - depth - wavy(rng, fan.x, 80, 4), float(rng.uniform(6, 14)), 1.0)
    if rng.random() < 0.5:
        depth = float(rng.uniform(0.3, 0.7)) * fan.depth_mm
        bone = fan.d - depth - 0.006 * (fan.x - rng.uniform(-30, 30)) ** 2
        scene.fill(1 - _step(bone), -30.0, 2.0)
        scene.line(bone, 24.0, 1.2)
    _body_wall(rng, fan, scene)
    return scene.shaded(fan)


def neck(rng: np.random.Generator, fan: Fan) -> Field:
    """One or two wide vessels along or across, with walls, under muscle."""
    scene = Scene.even(fan, float(rng.uniform(-10, -2)))
    scene.level_db += wavy(rng, fan.d, 9, 3) + wavy(rng, fan.x, 40, 2)
    depth, radius = float(rng.uniform(0.2, 0.5)) * fan.depth_mm, float(rng.uniform(4, 14))
    along = rng.random() < 0.5
    for index in range(int(rng.integers(1, 3))):
        center = depth + index * (2.6 * radius + 4)
        if along:
            edge: Field = np.abs(fan.d - center - wavy(rng, fan.x, 120, 3)) - radius
        else:
            edge = (Blob(float(rng.uniform(-20, 20)), center, radius, radius).radius(fan.x, fan.d) - 1) * radius
        scene.fill(_step(edge), -42.0, -0.1)
        scene.line(edge, float(rng.uniform(5, 12)), 0.8)
    _body_wall(rng, fan, scene)
    return scene.shaded(fan)


SCENES: dict[str, Callable[[np.random.Generator, Fan], Field]] = {
    "liver": liver,
    "pelvis": pelvis,
    "lung": lung,
    "phantom": phantom,
    "muscle": muscle,
    "neck": neck,
}
"""All there is to see, by name."""
