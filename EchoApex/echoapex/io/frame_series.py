"""A cine that was exported as single frames of one DICOM series, a file each, becomes one cine again."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..cine import Cine, FrameTimes, ImageStack, Mode, TimeSource
from ..errors import ReadError
from .believable_cine import believable
from .cine_reading import describe_cine, read_cine
from .clip_finding import DICOM, sniff
from .color_frames import ColorFrames
from .dicom_header import read_header, refusing
from .dicom_times import find_clock_times, find_frame_times
from .frame_likeness import LEAST_LIKENESS, likeness
from .guarded_reading import guarded
from .imaging_mode import mode_of_pixels
from .sector_detection import find_sector

# Own choices, tried on simulated clips.
FEWEST_FRAMES = 8
"""Files that make a cine, at least; fewer of one series are stills."""

_PAIRS = 6  # of neighbors whose pictures are compared


def find_series(paths: Iterable[Path]) -> dict[Path, tuple[Path, ...]]:
    """The files of each cine that lies in single frames, in their order, by the first of them.

    They are of one folder and series, of one size, at one place in space, and numbered one after the other, and
    neighbors look alike: stills of a series do not.
    """
    runs: dict[Hashable, dict[int, Path]] = {}
    for path in paths:
        numbered = _guarded_number(path)
        if numbered is not None:
            series, number = numbered
            runs.setdefault(series, {})[number] = path
    found = [run for numbers in runs.values() for run in _consecutive(numbers) if len(run) >= FEWEST_FRAMES]
    return {run[0]: run for run in found if _all_alike(run)}


def read_series(paths: Sequence[Path], *, in_color: bool = False) -> Cine:
    """The cine whose single frames are ``paths``, in this order; its path is that of the first.

    With ``in_color`` it has its ``color_frames``, too.

    Raises `ReadError` for a frame that cannot be read, or that differs from the first in size or scale.
    """
    return guarded(_read_in_color if in_color else read_frames, *paths)


def _read_in_color(*paths: Path) -> Cine:
    return read_frames(*paths, in_color=True)


def read_frames(*paths: Path, in_color: bool = False) -> Cine:
    """As `read_series`, in this process."""
    cines = [read_cine(path, in_color=in_color) for path in paths]
    first = cines[0]
    for cine in cines:
        if cine.frames.shape != first.frames.shape or cine.scale != first.scale:
            raise ReadError("The frames of one series must have one size and scale", file=cine.path)
    frames = np.concatenate([cine.frames for cine in cines])
    sector = find_sector(frames)
    shown = mode_of_pixels(frames, sector, None)
    flow = any(cine.mode is Mode.COLOR for cine in cines)
    colored = any(cine.color_frames is not None for cine in cines)
    color_frames = ColorFrames.of(map(_rgb_of, cines), colored)
    told = [text for cine in cines for text in cine.warnings] + color_frames.warnings
    return believable(
        replace(
            first,
            frames=frames,
            times=_times(paths),
            sector=sector,
            mode=Mode.COLOR if flow else shown.mode,
            mode_source=first.mode_source if flow else shown.source,
            color=any(cine.color for cine in cines),
            color_frames=color_frames.stack(sector.mask),
            parts=tuple(paths),
            warnings=(f"The clip was put together from {len(paths)} files of one frame each", *dict.fromkeys(told)),
        )
    )


def _rgb_of(cine: Cine) -> ImageStack:
    """The one frame of a cine as ``uint8 [H, W, 3]``, gray where it has no color."""
    return np.repeat(cine.frames[0, ..., None], 3, axis=-1) if cine.color_frames is None else cine.color_frames[0]


def describe_series(paths: Sequence[Path]) -> dict[str, Any]:
    """What is known about the cine of `read_series`, in the keys of ``echoapex info``."""
    return describe_cine(paths[0], read_series(paths))


def _guarded_number(path: Path) -> tuple[Hashable, int] | None:
    try:
        return guarded(_numbered, path)
    except ReadError:  # a file that does harm: reading it tells
        return None


def _numbered(path: Path) -> tuple[Hashable, int] | None:
    """To which series a file of one frame belongs, and as which; None for other files."""
    if sniff(path) != DICOM:
        return None
    try:
        with refusing(path):
            header = read_header(path)
            number, series = header.get("InstanceNumber"), str(header.get("SeriesInstanceUID") or "")
            single = str(header.get("NumberOfFrames") or "1") == "1"
            if not single or number is None or not series:
                return None
            size = header.get("Rows"), header.get("Columns"), str(header.get("SOPClassUID"))
            # Slices have a place of their own each, and so become no series.
            place = tuple(str(header.get(name) or "") for name in ("ImagePositionPatient", "SliceLocation"))
            return (path.parent, series, *size, *place), int(number)
    except (ReadError, OSError):
        return None


def _consecutive(numbers: dict[int, Path]) -> Iterator[tuple[Path, ...]]:
    """Runs of files whose numbers follow one another."""
    run: list[Path] = []
    before: int | None = None
    for number in sorted(numbers):
        if before is not None and number != before + 1:
            yield tuple(run)
            run = []
        run.append(numbers[number])
        before = number
    yield tuple(run)


def _all_alike(run: Sequence[Path]) -> bool:
    starts = np.unique(np.linspace(0, len(run) - 2, _PAIRS).astype(int))
    try:
        return all(guarded(_look_alike, *run[at : at + 2]) for at in starts)
    except ReadError:
        return False


def _look_alike(one: Path, other: Path) -> bool:
    return likeness(read_cine(one).frames[0], read_cine(other).frames[0]) >= LEAST_LIKENESS


def _times(paths: Sequence[Path]) -> FrameTimes:
    """Times by the rate in the first header, else by the clock in all of them."""
    headers = []
    for path in paths:
        with refusing(path):
            headers.append(read_header(path))
    with refusing(paths[0]):
        times, _ = find_frame_times(headers[0], len(paths))
        if times.known:
            return times
        seconds = find_clock_times(headers)
    if seconds is None:
        return FrameTimes.unknown("the files of the single frames hold neither a frame rate nor rising times")
    return FrameTimes(seconds, TimeSource.CLOCK)
