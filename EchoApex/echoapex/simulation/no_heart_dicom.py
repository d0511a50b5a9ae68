"""A clip without a heart as DICOM Ultrasound Multi-frame, filed in a simulated patient's study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .dicom_writing import describe_pixels, describe_time, new_dataset
from .no_heart_clips import OtherClip, OtherKind
from .presets import Case

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_FORMAT_2D, _FORMAT_M, _FORMAT_SPECTRAL = 1, 2, 3
_TISSUE, _PULSED = 1, 3
_UNITS = {"cm": 3, "s": 4, "cm/s": 7}
"""Codes of DICOM PS3.3 C.8.5.5.1."""


def other_dicom(path: Path, clip: OtherClip, case: Case, number: int) -> None:
    """Writes the clip, uncompressed, as the ``number``-th of ``case``'s study, with the region a machine would state.

    A trace's region is the only one: the small frozen image above it has none, so that the header says what `clip.mode`
    says. Nothing names a view.
    """
    dataset = new_dataset(case, f"OTHER {clip.kind} {clip.scene} {clip.seed}", number, clip.frames.shape)
    dataset.ManufacturerModelName = clip.look.name
    describe_pixels(dataset, _labeled(clip))
    describe_time(dataset, clip.frame_time_s)
    dataset.SequenceOfUltrasoundRegions = [_region(clip)]
    dataset.save_as(path, enforce_file_format=True)


def _labeled(clip: OtherClip) -> NDArray[np.uint8]:
    """The frames with the word "SIMULATED" in a corner, outside the sector."""
    import cv2

    word = np.zeros_like(clip.frames[0])
    size = 0.4 * len(word) / 480
    cv2.putText(word, "SIMULATED", (4, round(18 * size / 0.4)), cv2.FONT_HERSHEY_SIMPLEX, size, 200, 1, cv2.LINE_AA)
    return np.asarray(np.maximum(clip.frames, np.where(clip.sector, 0, word)), np.uint8)


def _region(clip: OtherClip) -> Dataset:
    from pydicom.dataset import Dataset

    region, (rows, columns) = Dataset(), np.nonzero(clip.sector)
    region.RegionFlags = 0
    region.RegionLocationMinX0, region.RegionLocationMaxX1 = int(columns.min()), int(columns.max())
    region.RegionLocationMinY0, region.RegionLocationMaxY1 = int(rows.min()), int(rows.max())
    if clip.axes is None:
        region.RegionSpatialFormat, region.RegionDataType = _FORMAT_2D, _TISSUE
        region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = _UNITS["cm"]
        region.PhysicalDeltaX = region.PhysicalDeltaY = (clip.mm_per_px or 0.0) / 10
        return region
    spectral = clip.kind is OtherKind.SPECTRAL
    region.RegionSpatialFormat = _FORMAT_SPECTRAL if spectral else _FORMAT_M
    region.RegionDataType = _PULSED if spectral else _TISSUE
    region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = _UNITS["s"], _UNITS[clip.axes.unit]
    region.PhysicalDeltaX = clip.axes.seconds_per_px
    # Velocity rises upwards, depth downwards.
    region.PhysicalDeltaY = -clip.axes.value_per_px if spectral else clip.axes.value_per_px
    region.ReferencePixelX0, region.ReferencePixelY0 = 0, clip.axes.zero_row - int(rows.min())
    region.ReferencePixelPhysicalValueX = region.ReferencePixelPhysicalValueY = 0.0
    return region
