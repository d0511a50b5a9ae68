"""Displays against time: spectral Doppler and M-mode, as strips that scroll or are written over from left to right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .no_heart_motion_and_noise import Film
from .no_heart_tissue import SCENES
from .speckle import Fan, Field, gray_curve, speckled, wavy
from .ultrasound_imaging import Canvas
from .vendor_looks import Look

Picture = NDArray[np.uint8]
_Bump = tuple[float, float, float, float]  # center and widths before and after it in beats, height


@dataclass(frozen=True)
class TraceAxes:
    """What a strip's axes mean: its ``box`` (x0, y0, x1, y1), seconds a column, and ``unit`` (cm, cm/s) a row.

    ``zero_row`` is the row of the frame where the value is 0: the baseline, or the probe's face.
    """

    box: tuple[int, int, int, int]
    seconds_per_px: float
    value_per_px: float
    unit: str
    zero_row: int


@dataclass(frozen=True)
class Trace:
    """Frames ``uint8 [T, H, W]`` of a display, its strip ``sector bool [H, W]``, what is drawn, and its axes."""

    scene: str
    frames: Picture
    sector: NDArray[np.bool_]
    axes: TraceAxes


@dataclass(frozen=True)
class _Display:
    """Where the strip lies in the frame, how fast it runs, and how far it has come in each frame."""

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    seconds_per_px: float
    ends: NDArray[np.int64]
    sweeping: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, size: tuple[int, int], frames: int, frame_time_s: float) -> _Display:
        rows, columns = size
        top = int(rows * (rng.uniform(0.3, 0.55) if rng.random() < 0.6 else rng.uniform(0.02, 0.1)))
        left, right = int(columns * rng.uniform(0, 0.06)), int(columns * rng.uniform(0.9, 0.99))
        box = left, top, right, int(rows * rng.uniform(0.92, 0.985))
        width = right - left + 1
        per_px = float(rng.uniform(2.0, 6.0)) / width
        ends = width + np.round(np.arange(frames) * frame_time_s / per_px).astype(np.int64)
        return cls(size, box, per_px, ends, bool(rng.random() < 0.4))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows of the strip, and columns of all that passes through it."""
        return self.box[3] - self.box[1] + 1, int(self.ends[-1])

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0] + 1

    def times(self) -> Field:
        """Seconds of all columns that pass."""
        return np.asarray(np.arange(self.shape[1]) * self.seconds_per_px, np.float32)

    def windows(self, strip: Picture, rest: Picture) -> Picture:
        """The frames: what of ``strip`` is seen at each moment, in a display that otherwise stays as ``rest``."""
        x0, y0, x1, y1 = self.box
        frames = np.repeat(rest[None], len(self.ends), axis=0)
        for frame, end in zip(frames, self.ends, strict=True):
            shown = self._written_over(strip, int(end)) if self.sweeping else strip[:, end - self.width : end]
            frame[y0 : y1 + 1, x0 : x1 + 1] = shown
        return frames

    def _written_over(self, strip: Picture, end: int) -> Picture:
        """Newest columns left of the pen, older ones right of it, with a black bar between."""
        columns = np.arange(end - self.width, end)
        window = np.zeros((strip.shape[0], self.width), np.uint8)
        window[:, columns % self.width] = strip[:, columns]
        bar = np.arange(end, end + max(2, self.width // 60)) % self.width
        window[:, bar] = 0
        return window


def draw_spectral(
    rng: np.random.Generator, look: Look, size: tuple[int, int], frames: int, frame_time_s: float
) -> Trace:
    """A spectral Doppler display, often with a small frozen image above; velocities in cm/s, toward the probe up."""
    display = _Display.draw(rng, size, frames, frame_time_s)
    scene = str(rng.choice(list(_FLOWS)))
    flow, rows = _FLOWS[scene], display.shape[0]
    phase = _beats(rng, display.times())
    up, down = (_curve(bumps, phase) * (1 + wavy(rng, phase, 3.0, 0.15)) for bumps in (flow.toward, flow.away))
    above, below = (float(side.max()) * rng.uniform(1.1, 1.7) + rng.uniform(0.05, 0.3) for side in (up, down))
    baseline, step = int(rows * above / (above + below)), (above + below) / rows
    speed = (baseline - np.arange(rows, dtype=np.float32))[:, None] * step
    level = np.maximum(_spectrum(rng, speed, up, flow.continuous), _spectrum(rng, -speed, down, flow.continuous))
    level = np.maximum(level, float(rng.uniform(-60, -32)))
    # The wall filter takes what is slow.
    level[np.abs(speed[:, 0]) < rng.uniform(0.01, 0.07)] -= float(rng.uniform(15, 40))
    strip = gray_curve(speckled(level + float(rng.uniform(0, 12)), rng, (1.1, 0.8)), look).astype(np.uint8)
    strip[baseline] = int(rng.integers(90, 256))
    axes = TraceAxes(display.box, display.seconds_per_px, step * flow.speed, "cm/s", display.box[1] + baseline)
    return _shown(rng, look, display, scene, strip, axes)


@dataclass(frozen=True)
class _Flow:
    """A Doppler signal over a beat: its highest ``speed`` in cm/s, of which the bumps' heights are shares."""

    speed: float
    toward: tuple[_Bump, ...] = ()
    away: tuple[_Bump, ...] = ()
    continuous: bool = False


_FLOWS = {
    "mitral inflow": _Flow(90, ((0.55, 0.05, 0.09, 1.0), (0.88, 0.035, 0.04, 0.7))),
    "outflow": _Flow(110, away=((0.16, 0.06, 0.09, 1.0),)),
    "jet": _Flow(350, ((0.58, 0.08, 0.14, 0.25),), ((0.2, 0.10, 0.10, 1.0),), True),
    "stenosis": _Flow(450, ((0.6, 0.1, 0.15, 0.3),), ((0.18, 0.07, 0.09, 1.0),), True),
    "tissue": _Flow(12, ((0.14, 0.05, 0.08, 0.8),), ((0.53, 0.04, 0.05, 1.0), (0.88, 0.03, 0.03, 0.8))),
    "venous": _Flow(60, ((0.22, 0.09, 0.09, 0.8), (0.58, 0.08, 0.1, 1.0)), ((0.93, 0.03, 0.03, 0.3),)),
    "artery": _Flow(100, ((0.12, 0.03, 0.10, 1.0), (0.38, 0.08, 0.35, 0.35))),
    "turbulent artery": _Flow(300, ((0.14, 0.05, 0.15, 1.0), (0.5, 0.2, 0.4, 0.5)), continuous=True),
}
"""Shapes of common Doppler signals (our choice)."""


def _beats(rng: np.random.Generator, times: Field) -> Field:
    """Heart phase at each time; beats differ a little in length."""
    period, start = float(rng.uniform(0.5, 1.3)), float(rng.uniform(0, 1))
    return np.asarray(start + times / period + wavy(rng, times, 4.0, 0.06), np.float32)


def _curve(bumps: tuple[_Bump, ...], phase: Field) -> Field:
    """The sum of bumps at each phase, every beat alike."""
    total = np.zeros_like(phase)
    for center, before, after, height in bumps:
        offset = (phase - center + 0.5) % 1.0 - 0.5
        total += height * np.exp(-0.5 * (offset / np.where(offset < 0, before, after)) ** 2)
    return total


def _spectrum(rng: np.random.Generator, speed: Field, envelope: Field, continuous: bool) -> Field:
    """Level in dB at each ``speed [rows, 1]`` and time below ``envelope [columns]``: filled, or a band at its edge."""
    outside = np.clip((speed - envelope) / float(rng.uniform(0.01, 0.04)), 0, 8)
    below = np.clip((envelope - speed) / (envelope + 0.05), 0, 1)
    fill = float(rng.uniform(2, 10) if continuous else rng.uniform(14, 40))
    weak = 14 * np.clip(np.log10(envelope / 0.25 + 1e-3), -3, 0)
    level = float(rng.uniform(-4, 6)) - fill * below**0.7 - 12 * outside + weak
    return np.asarray(np.where(speed > 0, level, -90), np.float32)


@dataclass(frozen=True)
class _Motion:
    """What an M-mode beam crosses: ``walls`` at a share of the depth that move by a share of it (down positive).

    ``leaflets`` are thin echoes at a share of the depth with their own motion. ``breathing`` runs on breaths instead
    of beats; below ``grain`` (a share of the depth) the echoes change from moment to moment, as behind sliding pleura.
    """

    walls: tuple[tuple[float, float, tuple[_Bump, ...]], ...] = ()
    leaflets: tuple[tuple[float, float, tuple[_Bump, ...]], ...] = ()
    breathing: bool = False
    grain: float | None = None


_SYSTOLE = ((0.25, 0.12, 0.16, 1.0),)
_FILLING = ((0.55, 0.04, 0.06, 1.0), (0.88, 0.03, 0.04, 0.6))
_OPEN = ((0.14, 0.05, 0.09, 1.0),)
_BREATH = ((0.5, 0.2, 0.2, 1.0),)
_MOTIONS = {
    "ventricle": _Motion(((0.12, 0.0, ()), (0.32, 0.05, _SYSTOLE), (0.7, -0.09, _SYSTOLE), (0.9, 0.0, ()))),
    "mitral valve": _Motion(
        ((0.15, 0.0, ()), (0.3, 0.03, _SYSTOLE), (0.75, -0.07, _SYSTOLE)),
        ((0.52, -0.14, _FILLING), (0.56, 0.08, _FILLING)),
    ),
    "aortic root": _Motion(
        ((0.1, 0.0, ()), (0.35, -0.05, _SYSTOLE), (0.55, -0.05, _SYSTOLE), (0.9, 0.0, ())),
        ((0.45, -0.06, _OPEN), (0.46, 0.05, _OPEN)),
    ),
    "annulus": _Motion(((0.2, 0.0, ()), (0.6, -0.13, _SYSTOLE), (0.85, -0.1, _SYSTOLE))),
    "vena cava": _Motion(((0.25, 0.0, ()), (0.35, 0.04, _BREATH), (0.5, -0.04, _BREATH)), breathing=True),
    "lung": _Motion(grain=0.35),
    "nothing moving": _Motion(),
}
"""Common M-modes; sizes of the motions are our choice and drawn about them."""


def draw_m_mode(rng: np.random.Generator, look: Look, size: tuple[int, int], frames: int, frame_time_s: float) -> Trace:
    """An M-mode display, often with a small frozen image above: depth in cm downwards, time to the right."""
    display = _Display.draw(rng, size, frames, frame_time_s)
    scene = str(rng.choice(list(_MOTIONS)))
    motion, (rows, columns) = _MOTIONS[scene], display.shape
    phase = display.times() / 4 if motion.breathing else _beats(rng, display.times())
    depth = ((np.arange(rows, dtype=np.float32) + 0.5) / rows)[:, None]
    profile = np.broadcast_to(_layers(rng, depth, motion), (rows, columns))
    echoes = _moved(rng, speckled(profile, rng, (1.0, float(rng.uniform(2, 9)))), depth, motion, phase)
    for rest, reach, bumps in motion.leaflets:
        away = (depth - rest - reach * float(rng.uniform(0.7, 1.3)) * _curve(bumps, phase)) / rng.uniform(0.006, 0.014)
        echoes = np.hypot(echoes, speckled(np.maximum(12 - 6 * away**2, -80), rng, (0.8, 3.0)))
    grain = depth > motion.grain if motion.grain is not None else np.zeros_like(depth, bool)
    noise = np.where(grain, float(rng.uniform(-14, 0)) - 12 * depth, float(rng.uniform(-70, -42)))
    noisy = speckled(np.asarray(np.broadcast_to(noise, echoes.shape), np.float32), rng, (0.8, 0.5))
    strip = gray_curve(np.hypot(echoes, noisy), look).astype(np.uint8)
    axes = TraceAxes(display.box, display.seconds_per_px, float(rng.uniform(6, 20)) / rows, "cm", display.box[1])
    return _shown(rng, look, display, scene, strip, axes)


def _layers(rng: np.random.Generator, depth: Field, motion: _Motion) -> Field:
    """Echo level in dB over ``depth`` (0 to 1, ``[rows, 1]``) of what lies still: tissue, blood, bright interfaces."""
    level = np.full_like(depth, float(rng.uniform(-14, 0)))
    rests = [rest for rest, _, _ in motion.walls]
    borders = [*rests, *rng.uniform(0.02, 1.0, int(rng.integers(2, 7)))]
    for border in sorted(borders):
        level[depth > border] = rng.uniform(-45, -26) if rng.random() < 0.5 else rng.uniform(-16, 2)
    for border in borders:
        wide = float(rng.uniform(0.004, 0.014))
        level = np.maximum(level, float(rng.uniform(4, 18)) - 6 * ((depth - border) / wide) ** 2)
    return np.asarray(level - float(rng.uniform(0, 15)) * depth, np.float32)


def _moved(rng: np.random.Generator, echoes: Field, depth: Field, motion: _Motion, phase: Field) -> Field:
    """``echoes [rows, columns]`` carried along by the walls; between two walls the tissue follows both."""
    import cv2

    if not motion.walls:
        return echoes
    rests = [rest for rest, _, _ in motion.walls]
    hats = np.stack([np.interp(depth[:, 0], rests, row) for row in np.eye(len(rests))], axis=1)
    paths = [reach * float(rng.uniform(0.5, 1.5)) * _curve(bumps, phase) for _, reach, bumps in motion.walls]
    rows = np.arange(len(depth))[:, None] - len(depth) * (hats @ np.stack(paths))
    columns = np.broadcast_to(np.arange(echoes.shape[1], dtype=np.float32), echoes.shape)
    where = np.ascontiguousarray(columns), rows.astype(np.float32)
    return np.asarray(cv2.remap(echoes, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)


# The display around the strip.


def _shown(
    rng: np.random.Generator, look: Look, display: _Display, scene: str, strip: Picture, axes: TraceAxes
) -> Trace:
    rest = np.zeros(display.size, np.uint8)
    _draw_scales(rng, rest, axes)
    x0, y0, x1, y1 = display.box
    if y0 >= 0.25 * display.size[0]:
        _draw_image(rng, look, rest[:y0])
    if rng.random() < 0.4:
        strip = _with_ecg(rng, strip, display)
    sector = np.zeros(display.size, bool)
    sector[y0 : y1 + 1, x0 : x1 + 1] = True
    return Trace(scene, display.windows(strip, rest), sector, axes)


def _draw_scales(rng: np.random.Generator, rest: Picture, axes: TraceAxes) -> None:
    """Ticks of value right of the strip and of time below it."""
    x0, y0, x1, y1 = axes.box
    gray = int(rng.integers(120, 230))
    for row in np.linspace(y0, y1, int(rng.integers(5, 12))).astype(int):
        rest[row, x1 + 2 : x1 + 8] = gray
    for column in np.arange(x0, x1, max(4.0, 0.2 / axes.seconds_per_px)).astype(int):
        rest[y1 + 2 : y1 + 6, column] = gray


def _draw_image(rng: np.random.Generator, look: Look, room: Picture) -> None:
    """A small frozen image of some organ in the middle of ``room``, with the beam's line through it."""
    import cv2

    rows, columns = room.shape
    depth = float(rng.uniform(80, 180))
    canvas = Canvas.fit(rows, min(columns, 2 * rows), look, depth)
    film = Film(rng, Fan(look, canvas, depth), SCENES[str(rng.choice(list(SCENES)))])
    image = film.picture(0.0)
    start = (float(canvas.probe_x), float(canvas.probe_y))
    angle = rng.uniform(-0.6, 0.6) * np.deg2rad(look.width_deg / 2)
    end = start[0] + rows * np.sin(angle), start[1] + 0.95 * rows * np.cos(angle)
    cv2.line(image, (round(start[0]), round(start[1])), (round(end[0]), round(end[1])), 200, 1, cv2.LINE_AA)
    left = int(rng.integers(0, columns - canvas.columns + 1))
    room[:, left : left + canvas.columns] = image


def _with_ecg(rng: np.random.Generator, strip: Picture, display: _Display) -> Picture:
    """The strip with an ECG along its lower edge."""
    rows = strip.shape[0]
    phase = _beats(rng, display.times())
    waves = ((0.84, 0.02, 0.03, 0.12), (0.0, 0.012, 0.012, 1.0), (0.03, 0.01, 0.01, -0.3), (0.3, 0.05, 0.05, 0.25))
    height = np.clip(rows * (0.97 - 0.08 * _curve(waves, phase)), 0, rows - 1).astype(int)
    low, high = np.minimum(height, np.roll(height, 1)), np.maximum(height, np.roll(height, 1))
    row = np.arange(rows)[:, None]
    return np.where((row >= low) & (row <= high), np.uint8(rng.integers(150, 256)), strip).astype(np.uint8)
