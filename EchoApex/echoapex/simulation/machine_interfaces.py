"""What a machine shows around the sector: panels, buttons, text, rulers, gray bars and an ECG that moves.

The designs are this project's own; what they share with real machines are the kinds of things and where they lie.
Lengths are shares of the screen's width and height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .interface_designs import INTERFACES, Box, Color, Interface, Panel

__all__ = ["INTERFACES", "Interface", "Readings", "draw_ecg", "ecg_height", "fixed_screen"]

_LINES = (
    "SIMULATED",
    "{view}",
    "FR {rate:.0f} Hz",
    "D {depth:.1f} cm",
    "{mhz:.1f} MHz",
    "MI 1.1  TIS 0.7",
    "Gn 54  C 60",
    "Adult Echo",
    "HR {beats:.0f} bpm",
    "AP 98 %",
)
_TITLES = (
    "Freeze",
    "Store",
    "2D",
    "Color",
    "PW",
    "CW",
    "MM",
    "Gain",
    "Depth",
    "Width",
    "Focus",
    "Print",
    "Text",
    "End",
)


@dataclass(frozen=True)
class Readings:
    """What the texts of a screen tell: view, frames in Hz, depth in cm, frequency in MHz and heart rate in 1/min."""

    view: str
    rate: float
    depth: float
    mhz: float
    beats: float


def fixed_screen(
    interface: Interface, rows: int, columns: int, readings: Readings, probe: tuple[float, float], mm_per_px: float
) -> NDArray[np.uint8]:
    """All that stands still, ``uint8 [rows, columns, 3]``; ``probe`` is the pixel (x, y) of the middle of its face."""
    screen = np.full((rows, columns, 3), interface.background, np.uint8)
    for panel in interface.panels:
        _panel(screen, panel, interface.ink)
    lines = [line.format(**vars(readings)) for line in _LINES]
    for left, top, count in interface.words:
        size, step = 0.40 * rows / 480, 15 * rows / 480
        for number, line in enumerate(lines[:count]):
            _text(screen, line, (left * columns, top * rows + step * (number + 0.7)), size, interface.ink)
        lines = lines[count:] + lines[:count]
    if interface.gray_bar != "none":
        _gray_bar(screen, interface)
    if interface.ruler != "none":
        _ruler(screen, interface, readings.depth, probe[1], mm_per_px)
    _mark(screen, interface, probe)
    return screen


def ecg_height(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height of an ECG at each phase (a whole number is an R wave): 1 at the R wave, P, Q, S and T around it."""

    def bump(center: float, width: float, height: float) -> NDArray[np.float64]:
        away = (phase - center + 0.5) % 1.0 - 0.5
        return height * np.exp(-0.5 * (away / width) ** 2)

    waves = ((-0.17, 0.025, 0.12), (-0.015, 0.008, -0.1), (0.0, 0.010, 1.0), (0.03, 0.010, -0.25), (0.30, 0.05, 0.25))
    return np.asarray(sum(bump(*wave) for wave in waves))


def draw_ecg(
    screen: NDArray[np.uint8], interface: Interface, seconds: float, period_s: float, phase: float
) -> NDArray[np.bool_]:
    """Draws the trace at ``seconds`` of the clip, when the heart is at ``phase``; gives back where, ``bool [H, W]``.

    A screen's width is 3 s (25 mm/s on a usual display).
    """
    import cv2

    rows, columns = screen.shape[0], screen.shape[1]
    drawn = np.zeros((rows, columns), np.uint8)
    if interface.ecg is None:
        return drawn > 0
    left, right = (round(interface.picture[k] * columns) for k in (0, 2))
    x = np.arange(left, right)
    per_px = 3.0 / columns
    head = left + (seconds / per_px) % (right - left) if interface.sweeping else float(right)
    behind = (head - x) % (right - left) if interface.sweeping else head - x
    height = ecg_height(phase - behind * per_px / period_s)
    middle, size = interface.ecg
    y = (middle + 0.5 * size - size * (height + 0.25) / 1.25) * rows
    points = np.stack([x, y], axis=1)
    # Where the pen has just been it is a gap from what it wrote the last time.
    shown = points[behind < 0.94 * (right - left)] if interface.sweeping else points
    for part in np.split(shown, np.flatnonzero(np.diff(shown[:, 0]) > 1) + 1):
        cv2.polylines(drawn, [np.round(part).astype(np.int32)], False, 1)
    screen[drawn > 0] = interface.ecg_color
    return drawn > 0


def _area(screen: NDArray[np.uint8], box: Box) -> tuple[int, int, int, int]:
    rows, columns = screen.shape[:2]
    return round(box[0] * columns), round(box[1] * rows), round(box[2] * columns), round(box[3] * rows)


def _panel(screen: NDArray[np.uint8], panel: Panel, ink: Color) -> None:
    x0, y0, x1, y1 = _area(screen, panel.box)
    screen[y0:y1, x0:x1] = panel.color
    for number in range(panel.rows * panel.columns):
        row, column = divmod(number, panel.columns)
        height, width = (y1 - y0) / panel.rows, (x1 - x0) / panel.columns
        left, top = x0 + (column + 0.08) * width, y0 + (row + 0.12) * height
        right, bottom = left + 0.84 * width, top + 0.76 * height
        lighter = np.minimum(np.array(panel.color) + 26, 255)
        screen[round(top) : round(bottom), round(left) : round(right)] = lighter
        if panel.titled:
            title = _TITLES[(number * 3 + panel.rows) % len(_TITLES)]
            size = 0.3 * screen.shape[0] / 480
            _text(screen, title, (left + 0.06 * width, (top + bottom) / 2 + 5 * size), size, ink)
        else:
            _sign(screen, ((left + right) / 2, (top + bottom) / 2), 0.22 * min(height, width), number, ink)


def _sign(screen: NDArray[np.uint8], middle: tuple[float, float], size: float, number: int, ink: Color) -> None:
    import cv2

    x, y, r = round(middle[0]), round(middle[1]), max(1, round(size))
    if number % 3 == 0:
        cv2.circle(screen, (x, y), r, ink, 1, cv2.LINE_AA)
    elif number % 3 == 1:
        cv2.rectangle(screen, (x - r, y - r), (x + r, y + r), ink, 1)
    else:
        cv2.line(screen, (x - r, y + r), (x + r, y - r), ink, 1, cv2.LINE_AA)


def _text(screen: NDArray[np.uint8], words: str, place: tuple[float, float], size: float, ink: Color) -> None:
    import cv2

    cv2.putText(screen, words, (round(place[0]), round(place[1])), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)


def _gray_bar(screen: NDArray[np.uint8], interface: Interface) -> None:
    x0, y0, x1, y1 = _area(screen, interface.picture)
    length, width = (y1 - y0) // 4, max(2, screen.shape[1] // 90)
    left = x0 + width if interface.gray_bar == "left" else x1 - 3 * width
    bar = np.linspace(255, 0, length).astype(np.uint8)
    top = y0 + (y1 - y0) // 20
    screen[top : top + length, left : left + width] = bar[:, None, None]


def _ruler(screen: NDArray[np.uint8], interface: Interface, depth_cm: float, probe_y: float, mm_per_px: float) -> None:
    x0, y0, x1, y1 = _area(screen, interface.picture)
    small = max(2, screen.shape[1] // 110)
    for centimeter in range(int(depth_cm) + 1):
        y = round(probe_y + 10 * centimeter / mm_per_px)
        if y0 <= y < y1:
            long = 2 * small if centimeter % 5 == 0 else small
            ticks = slice(x0, x0 + long) if interface.ruler == "left" else slice(x1 - long, x1)
            screen[y, ticks] = interface.ink


def _mark(screen: NDArray[np.uint8], interface: Interface, probe: tuple[float, float]) -> None:
    """The sign of the probe's marked side, beside the top of the sector."""
    import cv2

    size = max(2, screen.shape[0] // 90)
    x, y = round(probe[0] + 5 * size), max(round(probe[1]), size)
    if interface.mark == "dot":
        cv2.circle(screen, (x, y), size, interface.ink, -1, cv2.LINE_AA)
    elif interface.mark == "triangle":
        corners = np.array([(x - size, y - size), (x + size, y - size), (x, y + size)], np.int32)
        cv2.fillPoly(screen, [corners], interface.ink)
    else:
        cv2.rectangle(screen, (x - size // 2, y - size), (x + size // 2, y + size), interface.ink, -1)
