"""Volume of the left atrium at its largest, from its masks in one or two apical views.

It is largest before the mitral valve opens, near the end-systole of the ventricle. Area-length ``8 A1 A2 / (3 pi L)``
with the shorter of the two lengths, and disks (Lang et al., ASE/EACVI 2015, doi 10.1016/j.echo.2014.10.003).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cine import BoolMask, FloatArray, Scale
from ..errors import MeasureError, ScaleError
from .biplane_ef import length_warning, mean_shape
from .disk_summation import AREA_LENGTH, CavityShape, biplane_area_length_volume, biplane_volume, cavity_shape
from .input_checks import frame_confidence, least_confidence, least_of, require_apical, require_masks
from .long_axis import BaseSource, LongAxis, MmPerPx, clean_cavity, contour_points, long_axis_of_cavity, pixel_size
from .measurement import Beat, Measurement, Source
from .normal_ranges import NOT_GRADED_IF_CROPPED

CROPPED_SHARE = 0.05
"""An atrium with more than this share of its outline at the edge of the image is cut off by it (own choice)."""

# Own choices. The mask of a model keeps a pixel or two off the edge that cuts the chamber.
_EDGE_PX = 2
_STEP_PX = 0.25
_PART_OF_SYSTOLE = 4


@dataclass(frozen=True)
class LAResult:
    """The left atrium of one apical clip.

    ``area_px [T]`` is NaN where there is no atrium; ``frames`` has that of the largest atrium of each beat that shows
    one, and ``shapes`` their axis (middle of the annulus to the superior wall), area and disks. ``cropped`` is true
    where the edge of the image cuts it off in one of them. ``measurements`` are means over the beats.
    """

    clip: str
    view: str
    scale: Scale
    area_px: FloatArray
    frames: tuple[int, ...]
    shapes: tuple[CavityShape, ...]
    cropped: bool
    measurements: tuple[Measurement, ...]
    warnings: tuple[str, ...]


def measure_la(
    clip: str,
    view: str,
    la_masks: NDArray[Any],
    lv_masks: NDArray[Any],
    *,
    beats: Sequence[Beat],
    scale: Scale,
    sector: BoolMask | None = None,
    confidence: ArrayLike | None = None,
) -> LAResult:
    """``LAV`` (mL) of one apical clip by disks (method ``A4C`` or ``A2C``) and by area-length (``area_length_A4C``).

    ``la_masks`` and ``lv_masks`` ``[T, H, W]`` are bool or integer; the border between them is the plane of the mitral
    annulus. ``beats`` are those of the ventricle: in each, the largest atrium within a quarter of systole around
    end-systole counts. ``sector`` ``bool [H, W]`` is where the image lies (the whole frame if None): an atrium cut off
    by its edge is measured, with a warning, and never graded. ``confidence [T]`` is the predicted Dice of each frame.

    Without a scale, a beat or an atrium there are no measurements, and a warning says why. Raises `MeasureError` for a
    view that is not apical, or arrays that do not fit each other.
    """
    require_apical(view)
    require_masks(la_masks, lv_masks)
    sure = frame_confidence(confidence, len(la_masks))
    edge = _edge(sector, la_masks.shape[1:])
    cavities = [_cavity(mask) for mask in la_masks]
    area = np.array([np.nan if cavity is None else float(cavity.sum()) for cavity in cavities], np.float64)
    found = _largest(area, cavities, lv_masks, beats, scale.mm_per_px)
    cropped = any(_cropped(cavity, edge) for frame in found if (cavity := cavities[frame]) is not None)
    warnings = _warnings(scale, beats, found, cropped)
    return LAResult(
        clip=clip,
        view=view,
        scale=scale,
        area_px=area,
        frames=tuple(found),
        shapes=tuple(found.values()),
        cropped=cropped,
        measurements=_measurements(clip, view, found, sure, warnings) if scale.known and found else (),
        warnings=warnings,
    )


def measure_la_biplane(a4c: LAResult, a2c: LAResult) -> tuple[Measurement, ...]:
    """``LAV`` (mL) from both views by disks (``biplane``) and by area and length (``area_length_biplane``).

    Disks, areas and lengths of each view are first averaged over its beats; the shorter of the two lengths counts.
    Raises `MeasureError` when a view is not what it should be or has no atrium, and `ScaleError` when one has no scale.
    """
    for result, view in ((a4c, "A4C"), (a2c, "A2C")):
        _require_usable(result, view)
    a, b = (mean_shape(result.shapes, range(len(result.shapes))) for result in (a4c, a2c))
    length = min(a.length, b.length)
    doubts = length_warning(a.length, b.length, "lengths of the atrium in A4C and A2C")
    warnings = tuple(dict.fromkeys((*doubts, *a4c.warnings, *a2c.warnings)))
    disks = biplane_volume(a.diameters, b.diameters, length, length)
    area_length = biplane_area_length_volume(a.area, b.area, length)
    parts = (a4c.measurements[0], a2c.measurements[0])
    sources = parts[0].sources + parts[1].sources
    return tuple(
        Measurement("LAV", value, "mL", method, sources, least_of(parts), warnings)
        for method, value in (("biplane", disks), (f"{AREA_LENGTH}biplane", area_length))
    )


def _require_usable(result: LAResult, view: str) -> None:
    if result.view != view:
        raise MeasureError(f"The biplane volume of the atrium needs an {view} clip here", value=result.view)
    if not result.scale.known:
        raise ScaleError(f"The volume of the atrium needs a scale in both views, and clip {result.clip} has none")
    if not result.shapes:
        raise MeasureError(f"The biplane volume needs an atrium in both views, and clip {result.clip} has none")


def _cavity(mask: NDArray[Any]) -> BoolMask | None:
    # A frame without a usable atrium is a gap.
    try:
        return clean_cavity(mask)
    except MeasureError:
        return None


def _largest(
    area: FloatArray,
    cavities: Sequence[BoolMask | None],
    lv_masks: NDArray[Any],
    beats: Sequence[Beat],
    mm_per_px: MmPerPx | None,
) -> dict[int, CavityShape]:
    """Frame and shape of the largest atrium of each beat, where it can be measured."""
    found = {}
    for beat in beats:
        frame = _frame_of_largest(area, beat)
        cavity = None if frame is None else cavities[frame]
        shape = None if frame is None or cavity is None else _shape(cavity, lv_masks[frame], mm_per_px)
        if frame is not None and shape is not None:
            found[frame] = shape
    return found


def _frame_of_largest(area: FloatArray, beat: Beat) -> int | None:
    """The frame near end-systole whose area is nearest to the largest of the medians over three frames.

    A single outline that spills over would otherwise be the largest.
    """
    reach = max(1, (beat.es - beat.ed) // _PART_OF_SYSTOLE)
    frames = np.arange(max(beat.es - reach, 0), min(beat.es + reach, area.size - 1) + 1)
    frames = frames[np.isfinite(area[frames])]
    if not frames.size:
        return None
    values = area[frames]
    padded = np.pad(values, 1, mode="edge")
    steady = np.median([padded[:-2], values, padded[2:]], axis=0)
    return int(frames[np.argmin(np.abs(values - steady.max()))])


def _shape(cavity: BoolMask, lv_mask: NDArray[Any], mm_per_px: MmPerPx | None) -> CavityShape | None:
    try:
        return cavity_shape(cavity, _axis(cavity, lv_mask, mm_per_px), mm_per_px)
    except MeasureError:
        return None


def _axis(cavity: BoolMask, lv_mask: NDArray[Any], mm_per_px: MmPerPx | None) -> LongAxis:
    """From the middle of the annulus, at right angles to its plane, to the superior wall (ASE/EACVI 2015)."""
    from scipy import ndimage

    rough = long_axis_of_cavity(cavity, mm_per_px, lv_mask)
    size = pixel_size(mm_per_px)
    base, first, second = (np.array(point) * size for point in (rough.base, *rough.corners))
    width = float(np.linalg.norm(second - first))
    if width == 0.0:
        raise MeasureError("The annulus of this atrium has no width")
    normal = np.array([first[1] - second[1], second[0] - first[0]]) / width
    outline = contour_points(cavity) * size - base
    normal = normal if normal @ outline.mean(axis=0) >= 0 else -normal
    depths = np.arange(0.0, float((outline @ normal).max()) + size.max(), _STEP_PX * float(size.min()))
    line = (base + depths[:, None] * normal) / size
    inside = ndimage.map_coordinates(cavity.astype(np.float32), line.T[::-1], order=1, mode="constant") >= 0.5
    if not inside.any():
        raise MeasureError("The middle of the annulus does not look into the atrium")
    roof = line[np.flatnonzero(inside)[-1]]
    length = float(depths[inside][-1])
    return LongAxis((float(roof[0]), float(roof[1])), rough.base, rough.corners, length, rough.unit, rough.base_source)


def _edge(sector: BoolMask | None, shape: tuple[int, ...]) -> BoolMask:
    """Pixels within `_EDGE_PX` of where the image ends, ``bool [H, W]``."""
    from scipy import ndimage

    image = np.ones(shape, np.bool_) if sector is None else np.asarray(sector, np.bool_)
    if image.shape != shape:
        raise MeasureError("The sector must have the size of the masks", value=image.shape)
    whole = np.pad(image, _EDGE_PX)
    inner = ndimage.binary_erosion(whole, iterations=_EDGE_PX)
    return np.asarray(~inner[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX], np.bool_)


def _cropped(cavity: BoolMask, edge: BoolMask) -> bool:
    from scipy import ndimage

    outline = cavity & ~ndimage.binary_erosion(cavity)
    return bool((outline & edge).sum() > CROPPED_SHARE * outline.sum())


def _warnings(scale: Scale, beats: Sequence[Beat], found: dict[int, CavityShape], cropped: bool) -> tuple[str, ...]:
    warnings = []
    if not scale.known:
        warnings.append(f"No volume of the atrium, since there is no scale: {scale.reason}")
    if not beats:
        warnings.append("No volume of the atrium, since there is no beat to tell when it is largest")
    elif not found:
        warnings.append("No volume of the atrium, since it has no measurable outline near end-systole")
    apart = [frame for frame, shape in found.items() if shape.axis.base_source is not BaseSource.LA_INTERFACE]
    if apart:
        warnings.append(
            f"The mitral annulus is where the outline of the atrium is flat in frame {', '.join(map(str, apart))}: the "
            "left ventricle does not touch it there"
        )
    return (*warnings, NOT_GRADED_IF_CROPPED) if cropped else tuple(warnings)


def _measurements(
    clip: str, view: str, found: dict[int, CavityShape], sure: FloatArray | None, warnings: tuple[str, ...]
) -> tuple[Measurement, ...]:
    sources = tuple(Source(clip, (frame,)) for frame in found)
    confidence = least_confidence(sources, sure)
    by_method = {
        view: [shape.disk_volume for shape in found.values()],
        f"{AREA_LENGTH}{view}": [shape.area_length_volume for shape in found.values()],
    }
    return tuple(
        Measurement("LAV", float(np.mean(volumes)), "mL", method, sources, confidence, warnings)
        for method, volumes in by_method.items()
    )
