"""How large a cine may be; checked from the header, before anything is allocated."""

from __future__ import annotations

from pathlib import Path

from ..errors import ReadError

NO_MEMORY = "There is not enough memory for this cine"

MAX_SIDE = 4096
"""Rows or columns of a frame; the widest screens that are recorded have 3840."""

MAX_BYTES = 4 * 1024**3
"""Bytes of all frames together, as they are held at once (4 GiB)."""


def check_size(frames: int, rows: int, columns: int, path: Path, *, pixel_bytes: int = 1) -> None:
    """Raise `ReadError` when a cine of ``frames`` x ``rows`` x ``columns`` is empty or larger than the limits.

    ``pixel_bytes`` is what a pixel takes where all frames are held as they are stored; the gray of one takes 1.
    """
    if frames < 1:
        raise ReadError("A cine needs at least one frame", value=f"{frames} frames", file=path)
    if rows < 1 or columns < 1:
        raise ReadError("A frame needs at least one pixel", value=f"{columns} x {rows}", file=path)
    if max(rows, columns) > MAX_SIDE:
        found = f"{columns} x {rows}"
        raise ReadError(f"A frame may have at most {MAX_SIDE} x {MAX_SIDE} pixels", value=found, file=path)
    if frames * rows * columns * pixel_bytes > MAX_BYTES:
        found = f"{frames} frames of {columns} x {rows}, {pixel_bytes} bytes a pixel"
        raise ReadError(f"A cine may have at most {MAX_BYTES:,} bytes in all its frames", value=found, file=path)
