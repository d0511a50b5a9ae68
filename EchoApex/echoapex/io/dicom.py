"""DICOM ultrasound, multi-frame and single, as a cine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cine import Cine, Mode, ModeSource, Scale, ScaleSource, Sector
from ..errors import ReadError
from .dicom_header import (
    check_image,
    check_mode,
    find_identifying,
    frame_count,
    privacy_warnings,
    read_header,
    refusing,
)
from .dicom_pixels import Pixels, read_pixels
from .dicom_regions import find_mode, find_scale, image_boxes, read_regions, shows_trace_too
from .dicom_setting import find_setting, setting_facts
from .dicom_times import find_frame_times, find_heart_rate, find_r_waves
from .dicom_view import find_view
from .imaging_mode import settle_mode
from .region_content import MOST_OUTSIDE, share_outside
from .sector_detection import Box, find_sector

if TYPE_CHECKING:
    from pydicom import Dataset

SIMULATION_MANUFACTURER = "EchoApex simulation"
"""Manufacturer that simulated clips carry, by which they are known again."""


def read_dicom(path: Path, *, fast: bool = True, in_color: bool = False) -> Cine:
    """Read a DICOM ultrasound file; ``fast=False`` leaves out OpenCV's JPEG path (the frames are the same).

    With ``in_color`` the frames in color are there, too.

    Raises `ReadError` for what is not ultrasound, shows only an M-mode or Doppler trace by its header, is damaged, or
    is too large.
    """
    with refusing(path):
        header = read_header(path)
        warnings = check_image(header, path)
        check_mode(header, path)
        pixels = read_pixels(path, fast=fast, in_color=in_color)
        return _cine(path, header, pixels, warnings)


def _cine(path: Path, header: Dataset, pixels: Pixels, warnings: list[str]) -> Cine:
    times, time_warnings = find_frame_times(header, pixels.stored)
    if times.seconds is not None and len(pixels.kept) < pixels.stored:
        times = replace(times, seconds=times.seconds[list(pixels.kept)] - times.seconds[pixels.kept[0]])
    if not times.known and pixels.stream_times is not None and pixels.stream_times.known:
        times = pixels.stream_times
        time_warnings.append("The header has no frame times that can be; those that the video in it states were taken")
    heart_rate, rate_warnings = find_heart_rate(header)
    boxes, scale = image_boxes(header), find_scale(header)
    outside = share_outside(read_regions(header), pixels.gray) if boxes else 0.0
    if outside > MOST_OUTSIDE:
        boxes, scale = (), Scale.none(f"{outside:.0%} of what moves lies outside of the header's ultrasound regions")
    sector, sector_warnings = _sector(boxes, pixels)
    mode = settle_mode(find_mode(header), pixels.gray, sector, pixels.colors)
    if shows_trace_too(header):
        warnings.append("A trace stands beside the 2D image; only the image lies in the sector")
    return Cine(
        frames=pixels.gray,
        times=times,
        scale=scale,
        sector=sector,
        path=path,
        kind="dicom",
        modality=str(header.get("Modality") or "") or None,
        color=_is_color(header, pixels, sector),
        color_frames=pixels.color_frames.stack(sector.mask),
        image_count=max(len(boxes), 1),
        mode=mode.mode,
        mode_source=mode.source,
        heart_rate=heart_rate,
        r_wave_times=find_r_waves(header),
        view=find_view(header),
        setting=find_setting(header),
        simulated=str(header.get("Manufacturer") or "").startswith(SIMULATION_MANUFACTURER),
        identifying=find_identifying(header),
        warnings=(
            *(*warnings, *time_warnings, *rate_warnings, *pixels.warnings, *sector_warnings, *mode.warnings),
            *privacy_warnings(header),
        ),
    )


def _sector(boxes: Sequence[Box], pixels: Pixels) -> tuple[Sector, list[str]]:
    if len(boxes) < 2:
        return find_sector(pixels.gray, boxes[0] if boxes else None), []
    masks = [find_sector(pixels.gray, box).mask for box in boxes]
    both = Sector.from_mask(np.logical_or.reduce(masks), "region")
    return both, [f"The frame shows {len(boxes)} images side by side; the sector covers all of them"]


def _is_color(header: Dataset, pixels: Pixels, sector: Sector) -> bool:
    """UltrasoundColorDataPresent where the header has it, otherwise what the pixels in the sector show."""
    if pixels.colors is None:
        return False
    flag = header.get("UltrasoundColorDataPresent")
    return bool(flag) if flag is not None else pixels.colors.colored(sector.mask)


def mode_of(path: Path) -> Mode | None:
    """Mode of a DICOM file by its header alone, None where the header is silent."""
    with refusing(path):
        return find_mode(read_header(path))


def describe_unreadable(path: Path) -> dict[str, object]:
    """What the header says of a clip that `read_dicom` refuses for its mode, in the keys of ``echoapex info``.

    Raises `ReadError` when there is another reason to refuse it.
    """
    with refusing(path):
        return _header_facts(path)


def _header_facts(path: Path) -> dict[str, object]:
    header = read_header(path)
    warnings = check_image(header, path)
    count = frame_count(header, path)
    times, time_warnings = find_frame_times(header, count)
    heart_rate, rate_warnings = find_heart_rate(header)
    try:
        check_mode(header, path)
    except ReadError as refusal:
        warnings.append(refusal.rule)
    return {
        "kind": "dicom",
        "modality": str(header.get("Modality") or "") or None,
        "mode": find_mode(header),
        "mode_source": ModeSource.HEADER.value,
        "frame_count": count,
        "rows": int(header.Rows),
        "columns": int(header.Columns),
        "frame_times_s": None if times.seconds is None else times.seconds.tolist(),
        "frame_time_source": times.source.value,
        "scale_source": ScaleSource.NONE.value,
        "scale_reason": "the clip shows no 2D image",
        "view": find_view(header),
        **setting_facts(find_setting(header)),
        "heart_rate": heart_rate,
        "identifying": list(find_identifying(header)),
        "warnings": [*warnings, *time_warnings, *rate_warnings, *privacy_warnings(header)],
    }
