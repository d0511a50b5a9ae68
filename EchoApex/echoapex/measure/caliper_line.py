"""One straight caliper line through the four wall landmarks of a frame, and how far it can be trusted.

Lengths are found in isotropic millimeters when the scale is known and in pixels when it is not; ends are handed back
in pixel coordinates ``(x right, y down)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import FloatArray
from ..errors import MeasureError
from ..landmarks import WALL_LANDMARKS, Landmarks
from .long_axis import MmPerPx, Point, clean_cavity, pixel_size

SEPTUM, DIAMETER, POSTERIOR = range(3)
"""The three lengths along a caliper line: septum, inner diameter, posterior wall."""

_BLUNT_PX = 0.5
"""No landmark is known better than this when lines are fitted (own choice)."""

# Own choices for the axis of a cavity, tried on half, cut and bent ellipses.
_MIDDLE = 0.25
_LEAST_ELONGATION = 1.15
_MIDLINE_STEPS = 12


@dataclass(frozen=True)
class Caliper:
    """A length to draw: ``start`` and ``end`` ``(x, y)`` in pixels of ``frame``; no ``length_mm`` without a scale."""

    frame: int
    name: str
    start: Point
    end: Point
    length_mm: float | None


@dataclass(frozen=True)
class CaliperLines:
    """The caliper line of each frame.

    ``points [T, 4, 2]`` are the landmarks from the right ventricle to the pericardium, ``directions [T, 2]`` the unit
    vectors of the lines in that order, ``lengths [T, 3]`` (septum, inner diameter, posterior wall) the distances of
    the landmarks projected on the lines, and ``deviations [T, 3]`` their standard deviations; all in mm, or pixels
    without a scale. NaN where unknown; ``disordered`` lists frames not used since landmarks come in the wrong order.
    """

    points: FloatArray
    directions: FloatArray
    lengths: FloatArray
    deviations: FloatArray
    disordered: tuple[int, ...]


def caliper_lines(landmarks: Landmarks, mm_per_px: MmPerPx | None = None) -> CaliperLines:
    """Fit a line to the wall landmarks of each frame, weighted by their uncertainty.

    It is the line of least squared distances, each over its variance ``sigma_px``: the likeliest one where errors are
    independent and alike in all directions. The deviations of the lengths heed the direction of each covariance.
    Raises `MeasureError` when landmarks are missing or an uncertainty is negative.
    """
    pixels, sigma, covariance = _wall_landmarks(landmarks)
    points = pixels * pixel_size(mm_per_px)
    directions = np.stack([_direction(p, s) for p, s in zip(points, sigma, strict=True)])
    places = np.einsum("tlc,tc->tl", points, directions)
    lengths = np.diff(places, axis=1)
    disordered = np.any(lengths <= 0.0, axis=1)
    lengths[disordered] = np.nan
    # How far a place on the line moves with a pixel along x and along y.
    per_px = directions * pixel_size(mm_per_px)
    along = np.sqrt(np.einsum("ti,tlij,tj->tl", per_px, covariance, per_px))
    deviations = np.hypot(along[:, 1:], along[:, :-1])
    frames = tuple(int(frame) for frame in np.flatnonzero(disordered))
    return CaliperLines(points, directions, lengths, deviations, frames)


def bend_deg(points: FloatArray, direction: FloatArray) -> float:
    """Largest angle in degrees between septum, inner diameter and posterior wall of ``points [N, 4, 2]``.

    The segments are medians over the N frames, along and across ``direction``: in a single frame, noise alone bends
    a wall of a few millimeters. NaN when fewer than two segments are known.
    """
    segments = np.diff(points, axis=1)
    frame_axes = np.stack([direction, [-direction[1], direction[0]]], axis=1)
    known = [s[np.isfinite(s).all(axis=1)] for s in np.moveaxis(segments @ frame_axes, 1, 0)]
    typical = [np.median(s, axis=0) for s in known if len(s)]
    angles = [float(np.degrees(np.arctan2(s[1], s[0]))) for s in typical]
    differences = [abs((a - b + 180.0) % 360.0 - 180.0) for i, a in enumerate(angles) for b in angles[:i]]
    return max(differences, default=float("nan"))


def lay_chain(
    points: FloatArray, direction: FloatArray, lengths: FloatArray, mm_per_px: MmPerPx | None = None
) -> list[tuple[Point, Point] | None]:
    """Where septum, inner diameter and posterior wall of these ``lengths [3]`` lie in one frame, in pixels.

    They are laid end to end along ``direction``, as near as may be to the landmarks ``points [4, 2]``, whose own
    distance lies between the walls where the diameter is NaN; None where a length or its place is not known. ``points``
    and ``lengths`` are in mm, or pixels without a scale.
    """
    septum, diameter, posterior = lengths
    if np.isnan(diameter):
        diameter = (points[2] - points[1]) @ direction
    marks = np.array([-septum, 0.0, diameter, diameter + posterior])[:, None] * direction
    offsets = points - marks
    known = np.isfinite(offsets).all(axis=1)
    if not known.any():
        return [None, None, None]
    ends = (offsets[known].mean(axis=0) + marks) / pixel_size(mm_per_px)
    placed = np.isfinite(ends).all(axis=1)
    return [
        (_point(ends[k]), _point(ends[k + 1])) if np.isfinite(lengths[k]) and placed[k] and placed[k + 1] else None
        for k in (SEPTUM, DIAMETER, POSTERIOR)
    ]


def tilt_deg(mask: NDArray[Any], across: FloatArray, mm_per_px: MmPerPx | None = None) -> float | None:
    """Degrees by which ``across`` ``[2]`` is off the perpendicular to the long axis of the cavity ``mask [H, W]``.

    The axis is the line through the middles of the chords across the cavity, found again and again with chords
    perpendicular to the last one. Unlike the principal axis, it does not need the apex, which PLAX may cut off; the
    outer quarters, where the cavity may be cut aslant, are left out. None where the mask is no cavity, or so round
    that it has no long axis. ``mm_per_px`` is ``(y, x)``.
    """
    try:
        cavity = clean_cavity(mask)
    except MeasureError:
        return None
    y, x = np.nonzero(cavity)
    pixels = np.column_stack([x, y]) * pixel_size(mm_per_px)
    start = np.array([-across[1], across[0]])
    axis = _midline(pixels, start)
    if np.ptp(pixels @ axis) < _LEAST_ELONGATION * np.ptp(pixels @ np.array([-axis[1], axis[0]])):
        return None
    return float(np.degrees(np.arccos(np.clip(abs(axis @ start), 0.0, 1.0))))


def _wall_landmarks(landmarks: Landmarks) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points ``[T, 4, 2]``, spreads ``[T, 4]`` and covariances ``[T, 4, 2, 2]`` in pixels, in the order of the walls.

    NaN where not known.
    """
    missing = [name for name in WALL_LANDMARKS if name not in landmarks.names]
    if missing:
        raise MeasureError(f"Walls need the landmarks {', '.join(WALL_LANDMARKS)}", value=f"no {', '.join(missing)}")
    order = [landmarks.names.index(name) for name in WALL_LANDMARKS]
    sigma = np.array(landmarks.sigma_px[:, order], np.float64)
    if np.any(sigma < 0):
        raise MeasureError("The uncertainty of a landmark is not negative", value=float(np.nanmin(sigma)))
    points = np.array(landmarks.points[:, order], np.float64)
    points[~np.isfinite(points).all(axis=2) | np.isinf(sigma)] = np.nan
    return points, sigma, landmarks.covariances()[:, order]


def _direction(points: FloatArray, sigma: FloatArray) -> FloatArray:
    """Unit vector of the line through ``points [4, 2]``, NaN unless both ends of the inner diameter are known."""
    inner = points[2] - points[1]
    if not np.isfinite(inner).all() or not inner.any():
        return np.full(2, np.nan)
    known = np.isfinite(points).all(axis=1)
    weights = 1.0 / (np.nan_to_num(sigma[known]) ** 2 + _BLUNT_PX**2)
    centered = points[known] - np.average(points[known], axis=0, weights=weights)
    line = np.linalg.eigh((centered * weights[:, None]).T @ centered)[1][:, -1]
    return np.asarray(line if line @ inner >= 0 else -line, np.float64)


def _midline(pixels: FloatArray, axis: FloatArray) -> FloatArray:
    for _ in range(_MIDLINE_STEPS):
        across = np.array([-axis[1], axis[0]])
        level, offset = pixels @ axis, pixels @ across
        low, high = level.min(), level.max()
        inside = np.abs(level - (low + high) / 2) <= _MIDDLE * (high - low)
        along = level[inside] - level[inside].mean()
        axis = axis + (along @ offset[inside]) / max(along @ along, np.finfo(float).tiny) * across
        axis = axis / np.linalg.norm(axis)
    return axis


def _point(xy: FloatArray) -> Point:
    return float(xy[0]), float(xy[1])
