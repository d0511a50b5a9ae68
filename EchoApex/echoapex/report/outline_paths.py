"""Masks as smooth lines to draw, and the part of a frame that is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..analysis.clip_analysis import ClipResult
from ..cine import BoolMask, Cine, FloatArray
from ..landmarks import WALL_LANDMARKS
from ..measure.caliper_line import Caliper
from ..structures import structures

_BLUR_PX = 1.0
_FINER = 4
_LINE_SMOOTHING = 8.0
_TOLERANCE = 0.25
_MIN_POINTS = 8
_UNKNOWN_COLOR = (255, 255, 255)
CALIPER_COLOR = (255, 224, 64)
"""RGB of calipers, to be told from outlines on a dark picture."""

_TICK_SHARE = 0.012


@dataclass(frozen=True)
class Crop:
    """The sector's box of a cine in a picture ``size`` ``(width, height)``: ``zoom`` ``(x, y)`` picture pixels a pixel.

    The proportions are those of the body where the scale is known.
    """

    box: tuple[int, int, int, int]
    size: tuple[int, int]

    @classmethod
    def fit(cls, cine: Cine, width: int, *, enlarge: bool) -> Crop:
        """The box of ``cine`` at most ``width`` wide (and high), or exactly so when it may be enlarged."""
        x0, y0, x1, y1 = cine.sector.box
        mm_y, mm_x = cine.scale.mm_per_px or (1.0, 1.0)
        columns, rows = float(x1 - x0 + 1), (y1 - y0 + 1) * mm_y / mm_x
        zoom = width / max(columns, rows)
        zoom = zoom if enlarge else min(1.0, zoom)
        return cls((x0, y0, x1, y1), (max(1, round(columns * zoom)), max(1, round(rows * zoom))))

    @property
    def zoom(self) -> FloatArray:
        x0, y0, x1, y1 = self.box
        return np.array([self.size[0] / (x1 - x0 + 1), self.size[1] / (y1 - y0 + 1)])

    def picture(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``frame [H, W]`` cut and resized, ``uint8 [height, width]``."""
        import cv2

        x0, y0, x1, y1 = self.box
        way = cv2.INTER_AREA if self.zoom.max() < 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(frame[y0 : y1 + 1, x0 : x1 + 1], self.size, interpolation=way), np.uint8)

    def place(self, points: FloatArray) -> FloatArray:
        """Points ``[..., 2]`` ``(x, y)`` of the frame in the picture; pixel centers are whole numbers in both."""
        return np.asarray((points - self.box[:2] + 0.5) * self.zoom - 0.5, np.float64)


def outlines(mask: BoolMask) -> list[FloatArray]:
    """Closed lines ``[N, 2]`` ``(x, y)`` in pixels around the pieces and holes of ``mask [H, W]``, without staircase.

    The level 0.5 of the blurred mask at a quarter of a pixel, smoothed over two pixels along the line: on average
    a tenth of a pixel from the mask's edge where it bends gently; corners are rounded.
    """
    import cv2

    if not mask.any():
        return []
    pad = 4
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cut = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], pad).astype(np.float32)
    soft = cv2.GaussianBlur(cut, (0, 0), _BLUR_PX)
    fine = cv2.resize(soft, None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_LINEAR)
    found, _ = cv2.findContours((fine >= 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    offset = np.array([columns[0] - pad, rows[0] - pad], np.float64)
    lines = [_smooth_line(line[:, 0, :].astype(np.float64)) for line in found if len(line) >= _MIN_POINTS]
    return [(line + 0.5) / _FINER - 0.5 + offset for line in lines]


def _smooth_line(points: FloatArray) -> FloatArray:
    """A contour as OpenCV gives it, through the outermost pixels inside, as a smooth line along their outer edge."""
    import cv2

    # Smoothing draws a curve inwards; adding what smoothing takes away from the smooth line undoes nearly all of it.
    once = _low_pass(points)
    line = 2.0 * once - _low_pass(once)
    along = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
    outward = np.column_stack([-along[:, 1], along[:, 0]]) / np.maximum(np.linalg.norm(along, axis=1), 1e-9)[:, None]
    edge = (line + 0.5 * outward).astype(np.float32)
    return np.asarray(cv2.approxPolyDP(edge[:, None], _TOLERANCE, True)[:, 0], np.float64)


def _low_pass(points: FloatArray) -> FloatArray:
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(points, _LINE_SMOOTHING, axis=0, mode="wrap"), np.float64)


def drawing_order(clip: ClipResult) -> list[str]:
    """The structures of a clip, the left ventricle's cavity last: its line lies on top of its neighbors'."""
    return sorted(clip.segmentations, key=lambda name: name == "LV")


def line_color(structure: str) -> tuple[int, int, int]:
    """RGB of a structure's lines."""
    known = structures().get(structure)
    return _UNKNOWN_COLOR if known is None else known.bright


def axis_lines(clip: ClipResult, frame: int) -> list[FloatArray]:
    """Long axis and annulus in ``frame``, ``[2, 2]`` ``(x, y)`` each; empty where unknown.

    They are those of the ventricle, and of the atrium where it is largest.
    """
    found = [] if clip.lv is None else [clip.lv.axes[frame]]
    if clip.atrium is not None and frame in clip.atrium.frames:
        found.append(clip.atrium.shapes[clip.atrium.frames.index(frame)].axis)
    return [np.array(line) for axis in found if axis is not None for line in ((axis.base, axis.apex), axis.corners)]


def caliper_lines(clip: ClipResult, frame: int) -> list[FloatArray]:
    """Calipers drawn in ``frame`` with a tick across each end, lines ``[2, 2]`` ``(x, y)``; empty where there are none.

    Ticks are short against the frame (our choice), and at right angles in pixels.
    """
    tick = _TICK_SHARE * max(clip.cine.rows, clip.cine.columns)
    return [line for item in clip.calipers if item.frame == frame for line in _with_ticks(item, tick)]


def _with_ticks(caliper: Caliper, tick: float) -> list[FloatArray]:
    start, end = np.array(caliper.start), np.array(caliper.end)
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
    across = tick * np.array([-along[1], along[0]])
    return [np.array([start, end]), *(np.array([point - across, point + across]) for point in (start, end))]


def followed_walls(clip: ClipResult, frame: int) -> list[FloatArray]:
    """The chain of wall landmarks in ``frame`` as one line ``[4, 2]``, for the moving picture; empty where unknown."""
    landmarks = clip.landmarks
    if landmarks is None or any(name not in landmarks.names for name in WALL_LANDMARKS):
        return []
    chain = np.stack([landmarks.of(name)[frame] for name in WALL_LANDMARKS])
    return [chain] if np.isfinite(chain).all() else []
