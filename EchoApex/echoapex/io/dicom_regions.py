"""Ultrasound regions of a DICOM header: scale, image area and mode (DICOM PS3.3 C.8.5.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..cine import Mode, Scale, ScaleSource
from ..limits import LIMITS
from .sector_detection import Box

if TYPE_CHECKING:
    from pydicom import Dataset

_FORMAT_2D, _FORMAT_M, _FORMAT_SPECTRAL = 1, 2, 3
_TYPE_TISSUE, _TYPE_FLOW = 1, 2
_UNIT_CM = 3
# Bits of ImageType value 4, PS3.3 C.8.5.6.1.1.
_BIT_2D, _BIT_M, _BITS_SPECTRAL, _BITS_FLOW = 0x0001, 0x0002, 0x0004 | 0x0008, 0x0010 | 0x0100
_SAME_SCALE = 1e-3  # relative difference of two regions' deltas that rounding explains


@dataclass(frozen=True)
class Region:
    """One region: ``box`` in pixels, both ends included; ``deltas`` ``(x, y)`` in ``units`` (3: cm) per pixel."""

    spatial_format: int
    data_type: int
    box: Box
    units: tuple[int, int]
    deltas: tuple[float, float]

    @property
    def is_image(self) -> bool:
        """Whether it shows a 2D image of tissue or flow."""
        return self.spatial_format == _FORMAT_2D and self.data_type in (_TYPE_TISSUE, _TYPE_FLOW)

    @property
    def area(self) -> int:
        x0, y0, x1, y1 = self.box
        return max(0, x1 - x0 + 1) * max(0, y1 - y0 + 1)


def read_regions(header: Dataset) -> tuple[Region, ...]:
    """All regions of the header; values that are missing become 0, deltas that are missing NaN."""
    return tuple(_region(item) for item in header.get("SequenceOfUltrasoundRegions") or ())


def _region(item: Any) -> Region:
    def whole(name: str) -> int:
        value = item.get(name)
        return 0 if value is None else int(value)

    def real(name: str) -> float:
        value = item.get(name)
        return math.nan if value is None else float(value)

    return Region(
        spatial_format=whole("RegionSpatialFormat"),
        data_type=whole("RegionDataType"),
        box=(
            whole("RegionLocationMinX0"),
            whole("RegionLocationMinY0"),
            whole("RegionLocationMaxX1"),
            whole("RegionLocationMaxY1"),
        ),
        units=(whole("PhysicalUnitsXDirection"), whole("PhysicalUnitsYDirection")),
        deltas=(real("PhysicalDeltaX"), real("PhysicalDeltaY")),
    )


def _misfit(region: Region, rows: int, columns: int) -> str:
    """Why a region cannot lie in a frame of this size, or an empty text."""
    x0, y0, x1, y1 = region.box
    # Some scanners write the end as the first pixel outside (Philips: x1 = 800 of 800 columns).
    if x1 > columns or y1 > rows or x0 >= columns or y0 >= rows:
        return f"the header's ultrasound region ({x0}, {y0})-({x1}, {y1}) reaches beyond the {columns} x {rows} image"
    # Both ends are included, but a region of one row or column shows nothing; zeros are written where nothing is known.
    if x0 >= x1 or y0 >= y1:
        return f"the header's ultrasound region ({x0}, {y0})-({x1}, {y1}) is empty"
    return ""


def image_boxes(header: Dataset) -> tuple[Box, ...]:
    """Boxes of the 2D images in the frame, clipped to it, largest first.

    Regions inside another (a color box in its B-mode image) are left out, as are those that do not fit the frame.
    """
    rows, columns = int(header.Rows), int(header.Columns)
    images = [region for region in read_regions(header) if region.is_image and not _misfit(region, rows, columns)]
    boxes: list[Box] = []
    for region in sorted(images, key=lambda r: r.area, reverse=True):
        x0, y0, x1, y1 = region.box
        box = (x0, y0, min(x1, columns - 1), min(y1, rows - 1))
        if not any(a <= box[0] and b <= box[1] and c >= box[2] and d >= box[3] for a, b, c, d in boxes):
            boxes.append(box)
    return tuple(boxes)


def find_scale(header: Dataset) -> Scale:
    """Millimeters per pixel by the rules of PS3.3 C.8.5.5, or none with the reason.

    Regions of tissue in centimeters come first, then regions of flow, then PixelSpacing where no region says anything.
    Several regions must agree; one that does not fit the image makes the header stale, so nothing in it is believed.
    """
    rows, columns = int(header.Rows), int(header.Columns)
    images = [region for region in read_regions(header) if region.is_image]
    chosen = [region for region in images if region.data_type == _TYPE_TISSUE] or images
    if not chosen:
        return _pixel_spacing(header)
    for region in chosen:
        problem = _misfit(region, rows, columns) or _bad_delta(region)
        if problem:
            return Scale.none(problem)
    first = chosen[0].deltas
    if not all(_same(first, region.deltas) for region in chosen[1:]):
        return Scale.none(f"the header's {len(chosen)} image regions have different scales, and one cine has one scale")
    # The sign only tells where the origin lies; a distance has none.
    return Scale((10 * abs(first[1]), 10 * abs(first[0])), ScaleSource.DICOM_REGION)


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(math.isclose(abs(a), abs(b), rel_tol=_SAME_SCALE) for a, b in zip(one, other, strict=True))


def _bad_delta(region: Region) -> str:
    if region.units != (_UNIT_CM, _UNIT_CM):
        return f"the ultrasound region is not in centimeters (unit codes {region.units[0]} and {region.units[1]})"
    return _implausible("the ultrasound region says", [10 * abs(delta) for delta in region.deltas])


def _implausible(who: str, mm_per_px: list[float]) -> str:
    if all(LIMITS["pixel"].allow(value) for value in mm_per_px):
        return ""
    found = " by ".join(f"{value:g}" for value in mm_per_px)
    low, high = LIMITS["pixel"].possible
    return f"{who} {found} mm per pixel, which is not a number from {low:g} to {high:g}"


def _pixel_spacing(header: Dataset) -> Scale:
    spacing = header.get("PixelSpacing")
    if not spacing or len(spacing) != 2:
        return Scale.none("the header has neither an ultrasound region with a scale nor PixelSpacing")
    y, x = (float(value) for value in spacing)
    return scale_of_spacing(y, x, "PixelSpacing says", ScaleSource.PIXEL_SPACING)


def scale_of_spacing(y: float, x: float, who: str, source: ScaleSource) -> Scale:
    """A scale from a header's spacing in mm (``y`` between rows, ``x`` between columns), or none with the reason."""
    problem = _implausible(who, [y, x])
    if problem:
        return Scale.none(problem)
    if y == x == 1.0:
        return Scale.none(f"{who} 1 by 1 mm per pixel, the value that is written when nothing is known")
    return Scale((y, x), source)


def find_mode(header: Dataset) -> Mode | None:
    """The mode by the regions, else by ImageType; None if neither says.

    A clip that shows a 2D image beside a trace counts as 2D or color.
    """
    regions = read_regions(header)
    images = {region.data_type for region in regions if region.is_image}
    if images:
        return Mode.COLOR if _TYPE_FLOW in images else Mode.TWO_D
    formats = {region.spatial_format for region in regions}
    if _FORMAT_SPECTRAL in formats:
        return Mode.DOPPLER
    if _FORMAT_M in formats:
        return Mode.M_MODE
    return None if _FORMAT_2D in formats else _mode_of_image_type(header)


def image_type_bits(header: Dataset) -> int:
    """Value 4 of ImageType, whose bits tell what an ultrasound image shows; 0 where there is none."""
    values: Any = header.get("ImageType") or ()
    try:
        return int(str(values[3]), 16) if not isinstance(values, str) and len(values) > 3 else 0
    except ValueError:
        return 0


def _mode_of_image_type(header: Dataset) -> Mode | None:
    bits = image_type_bits(header)
    if bits & _BITS_FLOW:
        return Mode.COLOR
    if bits & _BIT_2D:
        return Mode.TWO_D
    if bits & _BITS_SPECTRAL:
        return Mode.DOPPLER
    return Mode.M_MODE if bits & _BIT_M else None


def shows_trace_too(header: Dataset) -> bool:
    """Whether an M-mode or Doppler trace stands beside the 2D image."""
    formats = {region.spatial_format for region in read_regions(header)}
    return bool(formats & {_FORMAT_M, _FORMAT_SPECTRAL}) and find_mode(header) in (Mode.TWO_D, Mode.COLOR)
