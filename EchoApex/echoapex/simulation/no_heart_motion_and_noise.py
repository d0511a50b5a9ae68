"""A still scene filmed by a probe: breathing and sway, pulsation, near-field rings, noise and the machine's gains."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .speckle import Complex, Fan, Field, wavy

SceneLevel = Callable[[np.random.Generator, Fan], Field]
_RINGING_DB = 26.0


class Film:
    """Pictures of ``scene`` (None: the probe hangs in air) at rising times; all randomness comes from ``rng``."""

    def __init__(self, rng: np.random.Generator, fan: Fan, scene: SceneLevel | None) -> None:
        self._rng, self._fan = rng, fan
        # Nothing moves in air: the rings are the probe's own.
        self._mobility = 0.0 if scene is None else 1.0
        level = _in_air(rng, fan) if scene is None else scene(rng, fan) + _texture(rng, fan) + _contact(rng, fan)
        texture = fan.noise(rng) if scene is not None else fan.blurred(fan.noise(rng), 1.0, float(rng.uniform(3, 9)))
        self._echoes = np.asarray(texture * 10 ** (level / 20), np.complex64)
        self._fixed = _near_field(rng, fan) + self._mobility * _haze(rng, fan)
        self._gain = 10 ** (_gain_db(rng, fan) / 20)
        self._noise = _noise_level(rng, fan, silent=scene is None and rng.random() < 0.4)
        self._sway_mm, self._sway_s = rng.uniform(0.2, 5, 2), rng.uniform(1.5, 6, 2)
        self._start = rng.uniform(0, 2 * np.pi, 3)
        self._pulse_mm, self._pulse_s = float(rng.uniform(0, 0.8)), float(rng.uniform(0.5, 1.2))
        self._pulse_at = float(rng.uniform(-0.7, 0.7)) * fan.half, float(rng.uniform(0.2, 0.8)) * fan.depth_mm
        self._previous: Field | None = None

    def picture(self, time_s: float) -> NDArray[np.uint8]:
        """The gray picture at ``time_s``, ``uint8 [H, W]``; call in time order, frames persist."""
        fan = self._fan
        echoes = fan.blurred(self._moved(time_s)) if self._mobility else self._echoes
        echoes = echoes * self._gain + self._fixed + fan.noise(self._rng) * self._noise
        envelope = fan.smoothed(echoes)
        if self._previous is not None:
            keep = np.float32(fan.look.persistence)
            envelope = (1 - keep) * envelope + keep * self._previous
        self._previous = envelope
        return fan.picture(fan.gray(envelope))

    def _moved(self, time_s: float) -> Complex:
        """The scene's echoes, swayed as a whole and pushed apart around a pulse, on the fan's grid."""
        import cv2

        fan = self._fan
        turn = 2 * np.pi * time_s / self._sway_s + self._start[:2]
        axial, lateral = self._sway_mm * np.sin(turn)
        beat = self._pulse_mm * np.sin(2 * np.pi * time_s / self._pulse_s + self._start[2]) ** 8
        away = (fan.depth - self._pulse_at[1]) / 20
        near = np.exp(-0.5 * (away**2 + ((fan.angle - self._pulse_at[0]) / 0.25) ** 2))
        rows = np.arange(fan.x.shape[0])[:, None] + (axial + beat * away * near) / fan.dz
        beams = np.arange(fan.x.shape[1])[None] + lateral / np.maximum(fan.depth, 20) / fan.dtheta
        parts = self._echoes.view(np.float32).reshape(*fan.x.shape, 2)
        rows, beams = (part.astype(np.float32) for part in np.broadcast_arrays(rows, beams))
        # Nearest: between samples of noise, speckle would fade.
        moved = cv2.remap(parts, beams, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(np.ascontiguousarray(moved).view(np.complex64)[..., 0])


def _in_air(rng: np.random.Generator, fan: Fan) -> Field:
    """Echoes of the probe's own lens: bands at even distances that die out."""
    spacing, fade = float(rng.uniform(1.5, 7)), float(rng.uniform(3, 16))
    sharpness = float(rng.uniform(1, 8))
    bands = ((1 + np.cos(2 * np.pi * fan.depth / spacing + rng.uniform(0, 6.3))) / 2) ** sharpness
    level = _RINGING_DB + 20 * np.log10(bands + rng.uniform(0.02, 0.4)) - 8.686 * fan.depth / fade
    across = wavy(rng, fan.angle, float(fan.half), float(rng.uniform(0, 5)))
    return np.asarray(np.maximum(level + across, -90), np.float32)


def _texture(rng: np.random.Generator, fan: Fan) -> Field:
    """How unevenly tissue scatters, from grain to whole organs, in dB."""
    import cv2

    rows, beams = fan.x.shape
    total = np.zeros_like(fan.x)
    grain_mm = float(rng.uniform(2, 6))
    for shape, spread in (
        ((int(fan.depth_mm / grain_mm), int(rng.integers(20, 50))), rng.uniform(1, 4.5)),
        ((8, 6), rng.uniform(1, 5)),
    ):
        cells = rng.normal(0, spread, shape).astype(np.float32)
        total += cv2.resize(cells, (beams, rows), interpolation=cv2.INTER_CUBIC)
    return total


def _contact(rng: np.random.Generator, fan: Fan) -> Field:
    """What beams without gel or behind a rib lose, in dB."""
    loss = np.zeros_like(fan.x)
    for _ in range(int(rng.integers(0, 3))):
        center, width = rng.uniform(-1, 1) * fan.half, np.deg2rad(rng.uniform(3, 14))
        loss -= rng.uniform(6, 35) * np.exp(-0.5 * ((fan.angle - center) / width) ** 4)
    return loss


def _near_field(rng: np.random.Generator, fan: Fan) -> Complex:
    strength, fade = float(rng.uniform(0.2, 4)), float(rng.uniform(3, 10))
    rings = 1 + 0.6 * np.cos(2 * np.pi * fan.depth / rng.uniform(3, 6))
    return np.asarray(fan.blurred(fan.noise(rng), 1.5, 3.0) * strength * rings * np.exp(-fan.depth / fade))


def _haze(rng: np.random.Generator, fan: Fan) -> Complex:
    """Static fog that lies over black spaces too, thicker on one side."""
    center = float(rng.uniform(-0.6, 0.6)) * fan.half
    spread = 0.35 + np.exp(-2 * ((fan.angle - center) / fan.half) ** 2)
    strength = 10 ** (-float(rng.uniform(20, 55)) / 20) * np.exp(-fan.depth / rng.uniform(40, 80))
    return np.asarray(fan.blurred(fan.noise(rng), 1.2, 1.5) * strength * spread)


def _gain_db(rng: np.random.Generator, fan: Fan) -> Field:
    """Time-gain sliders, the gain knob, and the sector's dark edges."""
    sliders = np.interp(fan.depth[:, 0], np.linspace(0, fan.depth_mm, 8), rng.normal(0, 2.0, 8))
    edges = np.clip((np.abs(fan.angle) / fan.half - 0.7) / 0.3, 0, 1) ** 2
    fall = float(rng.uniform(0, 12)) * fan.depth / fan.depth_mm
    return np.asarray(float(rng.uniform(-6, 4)) + sliders[:, None] - fall - rng.uniform(0, 10) * edges, np.float32)


def _noise_level(rng: np.random.Generator, fan: Fan, *, silent: bool) -> Field:
    level = float(rng.uniform(-90, -40)) - 60 * silent
    rise = float(rng.uniform(10, 35)) * np.clip(fan.depth / fan.depth_mm - rng.uniform(0, 0.6), 0, None)
    return np.asarray(10 ** ((level + rise) / 20), np.float32)
