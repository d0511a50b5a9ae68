"""Volume of a left ventricle from its outline in one or two apical views.

Formulas: Lang et al., ASE/EACVI 2015, doi 10.1016/j.echo.2014.10.003. Disks are cut perpendicular to the long axis,
never along the axes of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cine import BoolMask, FloatArray
from ..errors import MeasureError
from .long_axis import LongAxis, MmPerPx, clean_cavity, long_axis_of_cavity, pixel_size

DISKS = 20
"""Number of disks of the method of disks (ASE/EACVI 2015)."""

AREA_LENGTH = "area_length_"
"""Begins the names of methods and curves by area and length; those by disks bear the view alone."""

# Each diameter is the mean of this many chords of its disk: a single chord of a pixel mask jitters between frames.
_CHORDS_PER_DISK = 4
_STEP_PX = 0.5
_MM3_PER_ML = 1000.0


def single_plane_volume(diameters_mm: ArrayLike, length_mm: float) -> float:
    """Volume in mL by the method of disks in one plane: ``pi/4 * sum(a_i^2) * L / n``.

    ``diameters_mm`` ``[n]`` are perpendicular to the long axis of ``length_mm``. Raises `MeasureError` for values
    that are negative or not finite.
    """
    return biplane_volume(diameters_mm, diameters_mm, length_mm, length_mm)


def biplane_volume(a4c_mm: ArrayLike, a2c_mm: ArrayLike, a4c_length_mm: float, a2c_length_mm: float) -> float:
    """Volume in mL by the biplane method of disks: ``pi/4 * sum(a_i * b_i) * L / n``, L the longer of the two.

    ``a4c_mm`` and ``a2c_mm`` ``[n]`` are diameters in mm, both from base to apex. Raises `MeasureError` when they
    differ in number, or for values that are negative or not finite.
    """
    a, b = np.asarray(a4c_mm, np.float64), np.asarray(a2c_mm, np.float64)
    if a.ndim != 1 or a.shape != b.shape or a.size == 0:
        raise MeasureError("Both views need the same number of disks", value=f"{a.shape} and {b.shape}")
    _require_sizes(a, b, a4c_length_mm, a2c_length_mm)
    length = max(a4c_length_mm, a2c_length_mm)
    return float(np.pi / 4.0 * np.sum(a * b) * length / a.size / _MM3_PER_ML)


def area_length_volume(area_mm2: float, length_mm: float) -> float:
    """Volume in mL by the area-length method: ``8 A^2 / (3 pi L)``.

    Raises `MeasureError` for a length that is not positive, or values that are negative or not finite.
    """
    return biplane_area_length_volume(area_mm2, area_mm2, length_mm)


def biplane_area_length_volume(a4c_mm2: float, a2c_mm2: float, length_mm: float) -> float:
    """Volume in mL by the area-length method in two views: ``8 A1 A2 / (3 pi L)``.

    For a left atrium, L is the shorter of the two lengths (ASE/EACVI 2015). Raises `MeasureError` as
    `area_length_volume` does.
    """
    _require_sizes(a4c_mm2, a2c_mm2, length_mm)
    if length_mm == 0:
        raise MeasureError("The area-length method needs a length above 0", value=length_mm)
    return float(8.0 * a4c_mm2 * a2c_mm2 / (3.0 * np.pi * length_mm) / _MM3_PER_ML)


@dataclass(frozen=True)
class CavityShape:
    """What volumes are computed from, for one frame.

    ``area_px`` counts pixels; ``area`` and ``diameters`` ``[20]`` (base to apex) are in the unit of ``axis``: mm, or px
    where there is no scale. The volumes are mL where the unit is mm; in px they are good for ratios only.
    """

    axis: LongAxis
    area_px: float
    area: float
    diameters: FloatArray

    @property
    def disk_volume(self) -> float:
        """By the method of disks in this plane."""
        return single_plane_volume(self.diameters, self.axis.length)

    @property
    def area_length_volume(self) -> float:
        """By the area-length method in this plane."""
        return area_length_volume(self.area, self.axis.length)


def measure_cavity(
    mask: NDArray[Any],
    *,
    mm_per_px: MmPerPx | None = None,
    la_mask: NDArray[Any] | None = None,
    apex_direction: FloatArray | None = None,
) -> CavityShape:
    """Long axis, area and disk diameters of the left ventricle in ``mask`` ``[H, W]``.

    Arguments and refusals are those of `long_axis.find_long_axis`.
    """
    cavity = clean_cavity(mask)
    axis = long_axis_of_cavity(cavity, mm_per_px, la_mask, apex_direction)
    return cavity_shape(cavity, axis, mm_per_px)


def cavity_shape(cavity: BoolMask, axis: LongAxis, mm_per_px: MmPerPx | None = None) -> CavityShape:
    """Area and disk diameters of ``cavity`` ``bool [H, W]`` along ``axis``; ``mm_per_px`` is ``(y, x)``."""
    area_px = float(cavity.sum())
    area = area_px * float(np.prod(pixel_size(mm_per_px)))
    return CavityShape(axis, area_px, area, disk_diameters(cavity, axis, mm_per_px))


def disk_diameters(cavity: BoolMask, axis: LongAxis, mm_per_px: MmPerPx | None = None) -> FloatArray:
    """Diameters ``[20]`` of ``cavity`` ``bool [H, W]`` perpendicular to ``axis``, base to apex, in its unit.

    Each is the length inside the mask, by linear interpolation at half-pixel steps, averaged over its disk.
    """
    from scipy import ndimage

    size = pixel_size(mm_per_px)
    base, along = np.array(axis.base) * size, axis.direction(mm_per_px)
    across = np.array([-along[1], along[0]])
    lines = (np.arange(DISKS * _CHORDS_PER_DISK) + 0.5) / (DISKS * _CHORDS_PER_DISK) * axis.length
    step = _STEP_PX * float(size.min())
    reach = _reach(cavity, base, across, size)
    offsets = np.arange(-reach, reach + step, step)
    points = base + lines[:, None, None] * along + offsets[None, :, None] * across
    rows_columns = np.moveaxis(points / size, -1, 0)[::-1]
    inside = ndimage.map_coordinates(cavity.astype(np.float32), rows_columns, order=1, mode="constant")
    chords = inside.sum(axis=1, dtype=np.float64) * step
    return np.asarray(chords.reshape(DISKS, _CHORDS_PER_DISK).mean(axis=1), np.float64)


def _reach(cavity: BoolMask, base: FloatArray, across: FloatArray, size: FloatArray) -> float:
    y, x = np.nonzero(cavity)
    offsets = (np.column_stack([x, y]) * size - base) @ across
    return float(np.abs(offsets).max() + 2.0 * size.max())


def _require_sizes(*values: ArrayLike) -> None:
    for value in values:
        array = np.asarray(value, np.float64)
        if not np.all(np.isfinite(array)) or np.any(array < 0):
            raise MeasureError("Lengths, diameters and areas must be finite and not negative", value=value)
