"""The aortic root of one PLAX frame, cut across its long axis; and from there the left atrium behind it.

All is in isotropic millimeters; ends are handed back in pixels ``(x right, y down)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray
from ..errors import MeasureError
from .long_axis import MmPerPx, Point, clean_cavity, pixel_size

# Own choices, as shares of the root's width (a child's root is small), tried on simulated hearts of known sizes.
_SINUSES = (0.15, 0.65)  # from the ventricular end along the axis
_LEVEL = 0.5
_WALLS = (0.07, 1.0)
_LEAST_WALLS = 0.5
_LEAST_SEEN = 0.25
_EDGE = 0.07
_MOST_BETWEEN = 0.3
_LEAST_BEHIND = 0.4
_LEAST_DEPTH = 0.7
_LEAST_OF_VENTRICLE = 0.25
_BEGIN = 0.5
_REACH = 4.0
_FITS = 4
_MOST_TURN = np.cos(np.deg2rad(60.0))
_SMOOTH = 5

_CUT_WALLS = "the edge of the image cuts off the walls of the aortic root"
_CUT_SINUSES = "the edge of the image cuts off the sinuses of the aorta"


@dataclass(frozen=True)
class RootPicture:
    """Outlines of one frame, ``[H, W]``; ``depth_mm [H, W]`` is how far a pixel lies inside of the image."""

    root: NDArray[Any]
    ventricle: NDArray[Any]
    atrium: NDArray[Any] | None
    depth_mm: FloatArray
    mm_per_px: MmPerPx


@dataclass(frozen=True)
class RootSections:
    """Sections ``[N]`` of a root across its long ``axis``, from its ventricular end on, a ``step`` apart.

    ``origin`` is on the axis at that end, ``across`` points to the back, where the atrium lies; ``front`` and ``back``
    are where its walls lie along that. Where the edge of the image cuts them off, ``front_seen`` and ``back_seen`` are
    false. All in mm.
    """

    origin: FloatArray
    axis: FloatArray
    across: FloatArray
    step: float
    front: FloatArray
    back: FloatArray
    front_seen: BoolMask
    back_seen: BoolMask

    @property
    def along(self) -> FloatArray:
        """How far each section is from the ventricular end."""
        return np.asarray(np.arange(self.front.size) * self.step, np.float64)

    @property
    def width(self) -> float:
        """Of the root where both walls are seen, or what is seen of it at most; NaN where the back one is nowhere."""
        seen, widths = self.front_seen & self.back_seen, self.back - self.front
        if seen.any():
            return float(np.median(widths[seen]))
        return float(widths[self.back_seen].max()) if self.back_seen.any() else float("nan")

    def place(self, section: int, across: float) -> FloatArray:
        """A point ``[x, y]`` of a section."""
        return np.asarray(self.origin + section * self.step * self.axis + across * self.across, np.float64)


def image_depth(sector: BoolMask, mm_per_px: MmPerPx) -> FloatArray:
    """How far (mm) each pixel of ``sector`` ``bool [H, W]`` lies from where the image ends; the frame ends it too."""
    from scipy import ndimage

    padded = np.pad(sector, 1)
    return np.asarray(ndimage.distance_transform_edt(padded, sampling=mm_per_px)[1:-1, 1:-1], np.float64)


def cut_root(picture: RootPicture) -> RootSections:
    """The sections of a root across its axis, which runs midway between its walls, or along the back one alone.

    Raises `MeasureError` where that is not seen for half of the root's width at least, and where the outlines of root,
    atrium and ventricle contradict each other.
    """
    size = pixel_size(picture.mm_per_px)
    root, ventricle = clean_cavity(picture.root), clean_cavity(picture.ventricle)
    axis = _toward_root(root, ventricle, size)
    atrium = None if picture.atrium is None or not picture.atrium.any() else clean_cavity(picture.atrium)
    behind = _middle(ventricle if atrium is None else atrium, size)
    found = axis
    for _ in range(_FITS):
        found = _refined(_sections(root, behind, found, picture.depth_mm, size))
        if found @ axis < _MOST_TURN:
            raise MeasureError("the outline of the aortic root shows no long axis")
    sections = _sections(root, behind, found, picture.depth_mm, size)
    depth = float((behind - _middle(root, size)) @ sections.across)
    if atrium is not None and not depth >= _LEAST_BEHIND * sections.width:
        raise MeasureError("the outlines of the aortic root and the left atrium do not lie one behind the other")
    if not sections.width >= _LEAST_OF_VENTRICLE * _short_width(ventricle, size):
        raise MeasureError("the outline of the aortic root is far too small for this heart")
    return sections


def sinus_chord(sections: RootSections, mm_per_px: MmPerPx) -> tuple[Point, Point, float]:
    """Ends (pixels) and length (mm) of the widest section of the sinuses; raises `MeasureError` where it is cut off."""
    along, width = sections.along, sections.width
    among = (along >= _SINUSES[0] * width) & (along <= _SINUSES[1] * width)
    known = np.flatnonzero(among & sections.front_seen & sections.back_seen)
    if known.size * sections.step < _LEAST_SEEN * width or known.size < _SMOOTH:
        raise MeasureError(_CUT_SINUSES)
    widths = np.pad((sections.back - sections.front)[known], _SMOOTH // 2, mode="edge")
    at = int(known[np.argmax(np.convolve(widths, np.full(_SMOOTH, 1 / _SMOOTH), mode="valid"))])
    return _chord(sections.place(at, sections.front[at]), sections.place(at, sections.back[at]), mm_per_px)


def atrium_chord(sections: RootSections, picture: RootPicture) -> tuple[Point, Point, float]:
    """Ends (pixels) and length (mm) of the atrium: from the back of the sinuses to its own back.

    Raises `MeasureError` where there is none, the edge of the image cuts it off, or it does not lie behind the root.
    """
    if picture.atrium is None or not picture.atrium.any():
        raise MeasureError("there is no outline of the left atrium")
    size, width = pixel_size(picture.mm_per_px), sections.width
    at = int(np.argmin(np.abs(sections.along - _LEVEL * width)))
    if not sections.back_seen[at]:
        raise MeasureError(_CUT_SINUSES)
    start = sections.place(at, sections.back[at])
    line = start + np.arange(0.0, _REACH * width, sections.step)[:, None] * sections.across
    inside = np.append(_sample(clean_cavity(picture.atrium), line, size) >= 0.5, False)
    first = int(np.argmax(inside))
    if not inside.any() or first * sections.step > _MOST_BETWEEN * width:
        raise MeasureError("the left atrium does not lie behind the sinuses of the aorta")
    last = first + int(np.argmin(inside[first:]))
    end = start + (last - 0.5) * sections.step * sections.across
    y, x = np.nonzero(picture.atrium)
    deepest = float(((np.column_stack([x, y]) * size - start) @ sections.across).max())
    if (end - start) @ sections.across < _LEAST_DEPTH * deepest:
        raise MeasureError("the line across the sinuses of the aorta leaves the left atrium at its side")
    if _sample(picture.depth_mm, end[None], size)[0] < _EDGE * width:
        raise MeasureError("the edge of the image cuts off the left atrium")
    return _chord(start, end, picture.mm_per_px)


def _short_width(mask: BoolMask, size: FloatArray) -> float:
    """Across its long direction, of an ellipse with the same spread."""
    y, x = np.nonzero(mask)
    return float(4.0 * np.sqrt(np.linalg.eigvalsh(np.cov(np.stack([x * size[0], y * size[1]])))[0]))


def _toward_root(root: BoolMask, ventricle: BoolMask, size: FloatArray) -> FloatArray:
    """The long direction of the ventricle, toward the root."""
    y, x = np.nonzero(ventricle)
    axis = np.linalg.eigh(np.cov(np.stack([x * size[0], y * size[1]])))[1][:, -1]
    return np.asarray(axis * np.sign(axis @ (_middle(root, size) - _middle(ventricle, size))), np.float64)


def _sections(
    root: BoolMask, behind: FloatArray, axis: FloatArray, depth_mm: FloatArray, size: FloatArray
) -> RootSections:
    """Sections across ``axis``; ``behind`` is a place (mm) further back than the root."""
    middle, step = _middle(root, size), float(size.min())
    across = np.array([-axis[1], axis[0]])
    across = across * np.sign(across @ (behind - middle))
    y, x = np.nonzero(root)
    relative = np.column_stack([x, y]) * size - middle
    first, last = float((relative @ axis).min()), float((relative @ axis).max())
    half = float(np.abs(relative @ across).max()) + 2 * step
    along, reach = np.arange(first, last, step), np.arange(-half, half, step)
    grid = middle + along[:, None, None] * axis + reach[None, :, None] * across
    inside = _sample(root, grid.reshape(-1, 2), size).reshape(grid.shape[:2]) >= 0.5
    widths = inside.sum(axis=1)
    wide = np.flatnonzero(widths >= _BEGIN * widths.max())
    chosen = inside[wide[0] : wide[-1] + 1]
    origin = middle + along[wide[0]] * axis
    front = reach[np.argmax(chosen, axis=1)] - 0.5 * step
    back = reach[chosen.shape[1] - 1 - np.argmax(chosen[:, ::-1], axis=1)] + 0.5 * step
    least = _EDGE * float(np.median(back - front))

    def seen(edge: FloatArray) -> BoolMask:
        places = origin + (np.arange(edge.size) * step)[:, None] * axis + edge[:, None] * across
        return np.asarray((_sample(depth_mm, places, size) >= least) & chosen.any(axis=1), np.bool_)

    return RootSections(origin, axis, across, step, front, back, seen(front), seen(back))


def _refined(sections: RootSections) -> FloatArray:
    """The axis midway between both walls where both are seen for long enough, otherwise along the back one."""
    along, width = sections.along, sections.width
    near = (along >= _WALLS[0] * width) & (along <= _WALLS[1] * width) & sections.back_seen
    known, line = near & sections.front_seen, 0.5 * (sections.front + sections.back)
    if not known.sum() * sections.step >= _LEAST_WALLS * width:
        known, line = near, sections.back
    if not known.sum() * sections.step >= _LEAST_WALLS * width:
        raise MeasureError(_CUT_WALLS)
    slope = float(np.polyfit(along[known], line[known], 1)[0])
    direction = sections.axis + slope * sections.across
    return np.asarray(direction / np.linalg.norm(direction), np.float64)


def _sample(values: NDArray[Any], places: FloatArray, size: FloatArray) -> FloatArray:
    """``values [H, W]`` at ``places [N, 2]`` in mm, 0 outside of the frame."""
    from scipy import ndimage

    rows_columns = (places / size).T[::-1]
    return np.asarray(ndimage.map_coordinates(values.astype(np.float32), rows_columns, order=1), np.float64)


def _middle(mask: BoolMask, size: FloatArray) -> FloatArray:
    y, x = np.nonzero(mask)
    return np.array([x.mean(), y.mean()]) * size


def _chord(start: FloatArray, end: FloatArray, mm_per_px: MmPerPx) -> tuple[Point, Point, float]:
    first, second = start / pixel_size(mm_per_px), end / pixel_size(mm_per_px)
    length = float(np.linalg.norm(end - start))
    return (float(first[0]), float(first[1])), (float(second[0]), float(second[1])), length
