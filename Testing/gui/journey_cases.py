"""The examination of a journey: eight small clips of one simulated heart, of which two are measured."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import TRAINING

SEED = 5

BEAT_FRAMES = 14
"""Of the clips that are measured; they hold one beat."""

UNUSED = {
    "copy.dcm": "copy of",
    "damaged.dcm": "cut short",
    "doppler.dcm": "Doppler only",
    "m-mode.dcm": "M-mode only",
}
"""Clips that cannot be used, and a part of what is said of them."""

UNMEASURED = {"PLAX.dcm": "No beat was found", "still.dcm": "A single frame shows no beat"}
"""Clips that are read and not measured, and a part of what is said of them."""


def write_examination(folder: Path) -> Path:
    """A4C, A2C of which the scale is not known, a short PLAX, and what is not used: a Doppler and an M-mode trace, a
    still, a copy, and a damaged file."""
    folder.mkdir(exist_ok=True)
    _write(folder / "A4C.dcm", "A4C", 1, BEAT_FRAMES)
    _write(folder / "A2C.dcm", "A2C", 2, BEAT_FRAMES, _without_scale)
    _write(folder / "PLAX.dcm", "PLAX", 3, 2)
    _write(folder / "still.dcm", "A4C", 4, 1)
    _write(folder / "doppler.dcm", "A4C", 5, 1, _trace(spatial_format=3, data_type=3))
    _write(folder / "m-mode.dcm", "PLAX", 6, 1, _trace(spatial_format=2, data_type=1))
    _write(folder / "damaged.dcm", "A2C", 7, 1)
    whole = (folder / "damaged.dcm").read_bytes()
    (folder / "damaged.dcm").write_bytes(whole[: len(whole) // 2])
    shutil.copyfile(folder / "A4C.dcm", folder / "copy.dcm")
    return folder


def _write(file: Path, view: str, number: int, frames: int, change: Callable[[Any], None] | None = None) -> None:
    from pydicom import dcmread

    clip = simulate_clip(
        draw_case("easy", SEED), view, rows=120, columns=160, beats=1.2, max_frames=frames, sampling=TRAINING
    )
    write_dicom(file, clip, number)
    if change is not None:
        header = dcmread(file)
        change(header)
        header.save_as(file, enforce_file_format=True)


def _without_scale(header: Any) -> None:
    del header.SequenceOfUltrasoundRegions


def _trace(*, spatial_format: int, data_type: int) -> Callable[[Any], None]:
    """The region shows a trace over time in place of an image."""

    def change(header: Any) -> None:
        (region,) = header.SequenceOfUltrasoundRegions
        region.RegionSpatialFormat, region.RegionDataType = spatial_format, data_type
        region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = 4, 7

    return change
