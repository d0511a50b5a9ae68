"""Long axis and base of a left ventricle from its mask.

Points are found in isotropic millimeters when the scale is known and in pixels when it is not, and handed back in
pixel coordinates ``(x right, y down)``. The heart may lie in the image at any angle and in either hand.

Long axis: middle of the mitral annulus to the most distant contour point (Lang et al., ASE/EACVI 2015,
doi 10.1016/j.echo.2014.10.003).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray
from ..errors import MeasureError

Point = tuple[float, float]
MmPerPx = tuple[float, float]

MIN_AREA_PX = 30
"""Below this many pixels an outline has no corners to speak of (own choice)."""

# Own choices, tried on half and truncated ellipses at every angle, with blur and ragged outlines.
_SMOOTHING_PX = 0.7
_EDGE_BAND = 0.02
_CORNER_ANGLE = np.deg2rad(30.0)
_SEARCH_STEP_DEG = 1.5  # at 3, a wide edge halfway between two directions left the band
_HINT_CONE = np.cos(np.deg2rad(60.0))
_MIN_INTERFACE = 0.3


class BaseSource(StrEnum):
    """What the base of the ventricle was taken from."""

    LA_INTERFACE = "la_interface"
    FLAT_EDGE = "flat_edge"


@dataclass(frozen=True)
class LongAxis:
    """Long axis of one frame.

    ``apex``, ``base`` (middle of the annulus) and ``corners`` (its two ends) are ``(x, y)`` in pixels; ``length`` is
    base to apex in ``unit`` (``mm``, or ``px`` where there is no scale).
    """

    apex: Point
    base: Point
    corners: tuple[Point, Point]
    length: float
    unit: str
    base_source: BaseSource

    def direction(self, mm_per_px: MmPerPx | None = None) -> FloatArray:
        """Unit vector ``[x, y]`` from base to apex, in millimeters where ``mm_per_px`` ``(y, x)`` is given."""
        vector = (np.array(self.apex) - np.array(self.base)) * pixel_size(mm_per_px)
        return np.asarray(vector / np.linalg.norm(vector), np.float64)


def pixel_size(mm_per_px: MmPerPx | None) -> FloatArray:
    """Size of a pixel as ``[x, y]``: millimeters, or ones where there is no scale."""
    return np.array([1.0, 1.0] if mm_per_px is None else [mm_per_px[1], mm_per_px[0]], np.float64)


def common_direction(directions: FloatArray) -> FloatArray:
    """Of ``directions [N, 2]``, the one that agrees best with all the others, so that single wild ones have no say."""
    return np.asarray(directions[int(np.argmax((directions @ directions.T).sum(axis=1)))], np.float64)


def clean_cavity(mask: NDArray[Any]) -> BoolMask:
    """The largest connected piece of ``mask`` ``[H, W]`` (bool or integer) with its holes filled, ``bool [H, W]``.

    Raises `MeasureError` when the mask is not a plane of bool or integers, is empty, or is too small to measure.
    """
    from scipy import ndimage

    if mask.ndim != 2 or mask.dtype.kind not in "bui":
        raise MeasureError("A mask is bool or integer [H, W]", value=f"{mask.dtype} {mask.shape}")
    if not np.any(mask):
        raise MeasureError("There is no left ventricle in this mask")
    box = _box(mask)
    cavity = np.zeros(mask.shape, np.bool_)
    cavity[box] = ndimage.binary_fill_holes(_largest_piece(mask[box]))
    _require_measurable(cavity)
    return cavity


def find_long_axis(
    mask: NDArray[Any],
    *,
    mm_per_px: MmPerPx | None = None,
    la_mask: NDArray[Any] | None = None,
    apex_direction: FloatArray | None = None,
) -> LongAxis:
    """Long axis and base of the left ventricle in ``mask`` ``[H, W]``.

    The base is the border with the left atrium where ``la_mask`` ``[H, W]`` adjoins over a fair part of the width;
    otherwise the flat basal edge, looked for on the side of the atrium if there is one. ``mm_per_px`` is ``(y, x)``.
    ``apex_direction`` is a rough ``[x, y]`` direction base to apex, where it is known (from other frames).
    Raises `MeasureError` when the mask is empty or too small.
    """
    return long_axis_of_cavity(clean_cavity(mask), mm_per_px, la_mask, apex_direction)


def long_axis_of_cavity(
    cavity: BoolMask,
    mm_per_px: MmPerPx | None = None,
    neighbor: NDArray[Any] | None = None,
    apex_direction: FloatArray | None = None,
) -> LongAxis:
    """As `find_long_axis`, for a mask that `clean_cavity` has been through.

    ``neighbor [H, W]`` is the chamber at the other side of the mitral annulus; so this serves a left atrium too.
    """
    size = pixel_size(mm_per_px)
    contour = contour_points(cavity) * size
    outline = _convex_outline(contour)
    toward_base = None if apex_direction is None else -np.asarray(apex_direction, np.float64)
    interface = None
    if neighbor is not None and np.any(neighbor):
        if neighbor.shape != cavity.shape:
            raise MeasureError("The masks of both chambers must have the same size", value=neighbor.shape)
        beyond = _largest_piece(neighbor)
        interface = _interface(contour, outline, beyond, size)
        toward_base = (_centroid(beyond) - _centroid(cavity)) * size
    if interface is not None:
        corners = _corners(interface, _interface_normal(interface, outline))
    else:
        corners = _corners(outline, _flat_edge_normal(outline, size, toward_base))
    base = corners.mean(axis=0)
    apex = outline[np.argmax(np.linalg.norm(outline - base, axis=1))]
    return LongAxis(
        apex=_point(apex / size),
        base=_point(base / size),
        corners=(_point(corners[0] / size), _point(corners[1] / size)),
        length=float(np.linalg.norm(apex - base)),
        unit="px" if mm_per_px is None else "mm",
        base_source=BaseSource.FLAT_EDGE if interface is None else BaseSource.LA_INTERFACE,
    )


def contour_points(cavity: BoolMask) -> FloatArray:
    """Points ``[N, 2]`` ``(x, y)`` on the outline in pixels, to a fraction of a pixel, in no order.

    They are the crossings of level 0.5 on the lines between neighboring pixel centers, after a slight blur that takes
    out the staircase; the mask may touch the border of the frame.
    """
    from scipy import ndimage

    pad = 3
    rows, columns = _box(cavity)
    soft = ndimage.gaussian_filter(np.pad(cavity[rows, columns], pad).astype(np.float64), _SMOOTHING_PX)
    across = _crossings(soft)
    down = _crossings(soft.T)[:, ::-1]
    offset = np.array([columns.start - pad, rows.start - pad], np.float64)
    return np.asarray(np.concatenate([across, down]) + offset, np.float64)


def _box(mask: NDArray[Any]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _largest_piece(mask: NDArray[Any]) -> BoolMask:
    from scipy import ndimage

    labels, _ = ndimage.label(mask != 0)
    return np.asarray(labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1, np.bool_)


def _require_measurable(cavity: BoolMask) -> None:
    area = int(cavity.sum())
    if area < MIN_AREA_PX:
        raise MeasureError(f"A left ventricle needs at least {MIN_AREA_PX} pixels to be measured", value=area)
    extent = (int(cavity.any(axis=1).sum()), int(cavity.any(axis=0).sum()))
    if min(extent) < 3:
        raise MeasureError("A left ventricle needs at least 3 rows and columns to be measured", value=extent)


def _crossings(soft: FloatArray) -> FloatArray:
    left, right = soft[:, :-1], soft[:, 1:]
    y, x = np.nonzero((left >= 0.5) != (right >= 0.5))
    fraction = (0.5 - left[y, x]) / (right[y, x] - left[y, x])
    return np.column_stack([x + fraction, y])


def _convex_outline(contour: FloatArray) -> FloatArray:
    # Corners of the base and apex are extreme points of the shape, so its convex hull holds them all.
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = ConvexHull(contour)
    except (QhullError, ValueError) as error:
        raise MeasureError("The outline of this left ventricle is too thin to be measured") from error
    return np.asarray(contour[hull.vertices], np.float64)


def _flat_edge_normal(outline: FloatArray, size: FloatArray, toward_base: FloatArray | None) -> FloatArray:
    """Outward normal of the flat basal edge.

    For each direction: how long the outline stays at its supporting line, over the width seen from there, times how
    much deeper than wide the shape is. A wall can be straight too, but a ventricle is longer than wide.
    """
    angles = np.deg2rad(np.arange(0.0, 360.0, _SEARCH_STEP_DEG))
    normals = np.stack([np.cos(angles), np.sin(angles)])
    depth = outline @ normals
    along = outline @ np.stack([-normals[1], normals[0]])
    height, width = np.ptp(depth, axis=0), np.ptp(along, axis=0)
    band = max(float(size.max()), _EDGE_BAND * float(np.sqrt(height[0] * width[0])))
    near = depth >= depth.max(axis=0) - band
    edge = np.where(near, along, -np.inf).max(axis=0) - np.where(near, along, np.inf).min(axis=0)
    score = edge * height / width**2
    if toward_base is not None:
        score[(toward_base / np.linalg.norm(toward_base)) @ normals < _HINT_CONE] = -np.inf
    return np.asarray(normals[:, int(np.argmax(score))], np.float64)


def _corners(points: FloatArray, normal: FloatArray) -> FloatArray:
    """The two ends of an edge with this outward ``normal``: ``[2, 2]``, the extreme points to either side of it."""
    tangent = np.array([-normal[1], normal[0]])
    outward, sideways = points @ normal * np.cos(_CORNER_ANGLE), points @ tangent * np.sin(_CORNER_ANGLE)
    return points[[int(np.argmax(outward - sideways)), int(np.argmax(outward + sideways))]]


def _interface(contour: FloatArray, outline: FloatArray, neighbor: BoolMask, size: FloatArray) -> FloatArray | None:
    """Contour points at the neighbor, or None where it does not adjoin over a fair part of the cavity's width."""
    from scipy import ndimage

    distance = ndimage.distance_transform_edt(~neighbor, sampling=(size[1], size[0]))
    rows_columns = (contour / size).T[::-1]
    gap = ndimage.map_coordinates(distance, rows_columns, order=1, mode="nearest")
    width = float(min(np.ptp(outline @ _unit(angle)) for angle in np.deg2rad(np.arange(0.0, 180.0, 15.0))))
    points = contour[gap <= max(2.0 * float(size.max()), _EDGE_BAND * width)]
    if len(points) < 3:
        return None
    span = float(np.ptp((points - points.mean(axis=0)) @ _principal(points)))
    return points if span >= _MIN_INTERFACE * width else None


def _interface_normal(interface: FloatArray, outline: FloatArray) -> FloatArray:
    tangent = _principal(interface)
    normal = np.array([-tangent[1], tangent[0]])
    outward = float((interface.mean(axis=0) - outline.mean(axis=0)) @ normal)
    return normal if outward >= 0 else -normal


def _principal(points: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.eigh(np.cov(points.T))[1][:, -1], np.float64)


def _unit(angle: float) -> FloatArray:
    return np.array([np.cos(angle), np.sin(angle)])


def _centroid(mask: BoolMask) -> FloatArray:
    y, x = np.nonzero(mask)
    return np.array([x.mean(), y.mean()])


def _point(xy: FloatArray) -> Point:
    return float(xy[0]), float(xy[1])
