"""Reading for all who are not the reading process themselves: each file in that process, under its limits."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..cine import Cine
from ..errors import NotAClipError, ReadError
from . import cine_reading, clip_finding
from .reading_process import ReadingProcess, Value

_process = ReadingProcess()
atexit.register(_process.close)


def use_python(python: str) -> None:
    """The interpreter that the process is started with, where ``sys.executable`` is none, as in 3D Slicer."""
    _process.python = python


def start_reading() -> None:
    """Starts the process that all of this program shares ahead of need; otherwise the first file waits for it.

    Raises `EchoApexError` where it cannot be started.
    """
    _process.start()


def guarded(reader: Callable[..., Value], path: str | Path, *more: str | Path) -> Value:
    """What ``reader``, a function of a module, gives for ``path`` (and ``more``), read in the shared process.

    Raises what ``reader`` refuses, and `ReadError` for a file that ends the process or exceeds a limit.
    """
    return _process.run(reader, path, *more)


def read_cine(path: str | Path, *, in_color: bool = False) -> Cine:
    """Read one file as a `Cine`: DICOM ultrasound, AVI, MP4, GIF, NIfTI, MetaImage, NRRD or ``.seq.nrrd``.

    Frames are gray ``uint8 [T, H, W]``, luminance where the file has color; with ``in_color`` the cine has its
    ``color_frames``, too. An unknown frame rate or scale is None with
    its reason, never a guess. Raises `ReadError`, in one sentence, for everything that cannot be read, and for a file
    that ends the reading process or exceeds its limits of time and memory.
    """
    return guarded(cine_reading.read_cine_in_color if in_color else cine_reading.read_cine, path)


def describe(path: str | Path) -> dict[str, Any]:
    """What is known about a file, in the keys of ``echoapex info`` and fit for JSON; unknown is None.

    ``sector`` is ``{"box": [x0, y0, x1, y1], "source": text}``, ``scale_mm_per_px`` is ``[y, x]``. Clips that show only
    an M-mode or Doppler trace are described too, without a sector. Raises `ReadError` like `read_cine` for the rest.
    """
    return guarded(cine_reading.describe, path)


def check_clip(path: Path) -> None:
    """Raise `NotAClipError` for a file of a clip's format that holds something else; see `clip_finding.check_clip`."""
    guarded(clip_finding.check_clip, path)


def shows_only_a_trace(path: Path) -> bool:
    """Whether a file is M-mode or spectral Doppler by its DICOM header. Raises `ReadError` for a damaged one."""
    return guarded(cine_reading.shows_only_a_trace, path)


def sort_out(folder: str | Path) -> tuple[list[Path], list[NotAClipError]]:
    """The files under ``folder`` that may be clips, and why each of the others is none, both sorted.

    As `clip_finding.sort_out`; a file that does harm is among the clips: reading it tells.
    """
    return clip_finding.sort_out(folder, _check)


def _check(path: Path) -> None:
    try:
        check_clip(path)
    except NotAClipError:
        raise
    except ReadError:
        return
