"""How an apical four-chamber frame looks in numbers: brightness, borders, shape and place of the left ventricle.

A frame is measured as a network sees it: the sector's box, scaled to `SIDE_PX` on its longer side. The same numbers of
real clips stand in `REAL_A4C`; simulated hearts are held against them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import EchoApexError
from .heart import Tissue
from .presets import draw_case, draw_placement
from .ultrasound_imaging import Canvas, Imager
from .vendor_looks import TRAINING

SIDE_PX = 160
"""Longer side of the sector's box when it is measured, in pixels; distances from borders are in such pixels."""

PROFILE_PX = (8, 5, 2, -1, -4)
"""Where the gray across the lateral border is read: pixels outside of it, negative inside."""
WIDTH_LEVELS = (0.25, 0.50, 0.90)
"""Where widths are read, as shares of the long axis from the apex."""
_BAND_PX = (1.0, 7.0)
"""Near and far end of the bands on both sides of a border whose difference is its contrast."""
_DRAWN_PX = 192
_LATERAL_LEVELS, _APICAL_LEVELS = (0.30, 0.85), (-0.3, 0.15)


@dataclass(frozen=True)
class Figure:
    """One figure of real clips: the middle value, and where it was given the range of the clips."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """What counts as like real clips: their range, or 25 % to each side of the one value."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        return 0.75 * self.value, 1.25 * self.value


REAL_A4C: dict[str, Figure] = {
    "lateral_contrast": Figure(22),
    "apical_contrast": Figure(26),
    "lateral_gray_8_px_outside": Figure(60),
    "lateral_gray_5_px_outside": Figure(49),
    "lateral_gray_2_px_outside": Figure(34),
    "lateral_gray_1_px_inside": Figure(25),
    "lateral_gray_4_px_inside": Figure(23),
    "width_at_25_percent": Figure(0.72),
    "width_at_50_percent": Figure(0.88),
    "width_at_90_percent": Figure(0.93),
    "tilt_deg": Figure(14, 5, 31),
    "apex_depth": Figure(0.20, 0.12, 0.26),
    "sector_share": Figure(0.76),
    "sector_median": Figure(19),
    "cavity_mean": Figure(14),
}
"""Measured on nine real A4C clips, about outlines that leave the trabecular layer outside the cavity."""


def frame_statistics(
    frame: NDArray[np.uint8], sector: NDArray[np.bool_], cavity: NDArray[np.bool_]
) -> dict[str, float]:
    """The figures of `REAL_A4C` for one frame ``uint8 [H, W]`` with the masks of its sector and its left ventricle.

    The apex is up and the lateral wall on the right; pixels are square. Gray values are 0 to 255, contrasts their
    differences, widths shares of the largest one, depth and share fractions; the tilt is that of the main axis of the
    ventricle against the vertical, positive where its base lies to the right of its apex. Raises `EchoApexError` for
    an empty mask.
    """
    if not sector.any() or not (cavity & sector).any():
        raise EchoApexError("A frame is measured with a sector and a ventricle in it", value=(0, 0))
    gray, inside, lv = _as_seen(frame, sector, cavity)
    axis = _LongAxis(lv)
    rows = np.flatnonzero(inside.any(1))
    deep = (axis.apex_row - rows[0]) / (rows[-1] - rows[0])
    share, median, mean = inside.mean() * inside.size / SIDE_PX**2, np.median(gray[inside]), gray[lv].mean()
    own = dict(tilt_deg=axis.tilt_deg, apex_depth=deep, sector_share=share, sector_median=median, cavity_mean=mean)
    return {name: float(value) for name, value in (_borders(gray, inside, lv, axis) | axis.widths() | own).items()}


def _as_seen(
    frame: NDArray[np.uint8], sector: NDArray[np.bool_], cavity: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Gray, sector and ventricle within the sector's box, its longer side `SIDE_PX`."""
    import cv2

    rows, columns = np.flatnonzero(sector.any(1)), np.flatnonzero(sector.any(0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    factor = SIDE_PX / max(sector[box].shape)
    size = tuple(max(1, round(n * factor)) for n in sector[box].shape[::-1])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    gray = cv2.resize(np.where(sector, frame, 0)[box].astype(np.float32), size, interpolation=how)
    masks = [cv2.resize(mask[box].astype(np.float32), size, interpolation=how) > 0.5 for mask in (sector, cavity)]
    return np.asarray(gray, np.float32), masks[0], masks[1] & masks[0]


class _LongAxis:
    """The main axis of a mask, from its upper end (the apex, 0) to its lower one (1)."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        y, x = np.nonzero(mask)
        self.apex_row = int(y.min())
        self._middle = np.array([x.mean(), y.mean()])
        points = np.stack([x, y], axis=1) - self._middle
        along = np.linalg.svd(points, full_matrices=False)[2][0]
        self._along = along if along[1] >= 0 else -along
        place = points @ self._along
        self._first, self._length = float(place.min()), max(float(np.ptp(place)), 1.0)
        self._mask = mask

    @property
    def tilt_deg(self) -> float:
        """Against the vertical, positive where the base lies to the right."""
        return float(np.rad2deg(np.arctan2(self._along[0], self._along[1])))

    def place(self, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Level along the axis (0 apex, 1 base) and pixels to the right of it, of every pixel of a picture."""
        y, x = np.mgrid[: shape[0], : shape[1]]
        dx, dy = x - self._middle[0], y - self._middle[1]
        level = (dx * self._along[0] + dy * self._along[1] - self._first) / self._length
        return level, dx * self._along[1] - dy * self._along[0]

    def widths(self) -> dict[str, float]:
        level, across = (field[self._mask] for field in self.place(self._mask.shape))
        bins = np.clip((level * 40).astype(int), 0, 39)
        extent = np.array([np.ptp(across[bins == k]) if (bins == k).any() else 0.0 for k in range(40)])
        largest = max(float(extent.max()), 1e-6)
        return {
            f"width_at_{round(100 * at)}_percent": float(np.interp(at * 40 - 0.5, np.arange(40), extent)) / largest
            for at in WIDTH_LEVELS
        }


def _borders(
    gray: NDArray[np.float32], sector: NDArray[np.bool_], lv: NDArray[np.bool_], axis: _LongAxis
) -> dict[str, float]:
    """Contrast at the lateral and apical border, and the gray across the lateral one; NaN where there is no picture."""
    import cv2

    grown = cv2.copyMakeBorder(lv.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    within, beyond = (cv2.distanceTransform(m, cv2.DIST_L2, 5)[1:-1, 1:-1] for m in (grown, 1 - grown))
    outside = np.where(lv, 0.5 - within, beyond - 0.5)
    level, right = axis.place(lv.shape)

    def mean(where: NDArray[np.bool_], low: float, high: float) -> float:
        hit = where & sector & (outside >= low) & (outside < high)
        return float(gray[hit].mean()) if hit.any() else float("nan")

    lateral = (right > 0) & (level > _LATERAL_LEVELS[0]) & (level < _LATERAL_LEVELS[1])
    apical = (level > _APICAL_LEVELS[0]) & (level < _APICAL_LEVELS[1])
    near, far = _BAND_PX
    figures = {
        name: mean(where, near, far) - mean(where, -far, -near)
        for name, where in (("lateral_contrast", lateral), ("apical_contrast", apical))
    }
    for at in PROFILE_PX:
        side = "outside" if at > 0 else "inside"
        figures[f"lateral_gray_{abs(at)}_px_{side}"] = mean(lateral, at - 0.75, at + 0.75)
    return figures


def simulated_statistics(preset: str, seed: int, *, trabeculae: bool = False) -> dict[str, float]:
    """`frame_statistics` of one simulated A4C frame: end-diastole for odd seeds, end-systole for even ones.

    The cavity is outlined as the real ones of `REAL_A4C` were, without its trabecular layer; with ``trabeculae`` at the
    compacted border. Raises `EchoApexError` for an unknown preset.
    """
    case = draw_case(preset, seed)
    placement, conditions = draw_placement(case, "A4C")
    heart = case.heart()
    imager = Imager(heart, placement, case.look, conditions, seed=seed, sampling=TRAINING)
    canvas, phase = (
        Canvas.around(_DRAWN_PX, _DRAWN_PX, case.look, conditions),
        0.0 if seed % 2 else heart.curve.es_phase,
    )
    frame, sector = imager.picture(phase, canvas), imager.in_sector(canvas)
    whole = imager.labels(phase, canvas) == Tissue.LV
    cavity = whole if trabeculae else imager.lv_without_trabeculae(phase, canvas)
    if placement.mirrored:
        frame, sector, cavity = frame[:, ::-1], sector[:, ::-1], cavity[:, ::-1]
    return frame_statistics(frame, sector, cavity)


def medians(measured: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over frames; frames without it do not count."""
    return {name: float(np.nanmedian([figures[name] for figures in measured])) for name in REAL_A4C}
