"""How large a cine may be; checked from the header, before anything is allocated."""

from __future__ import annotations

from pathlib import Path

from ..errors import ReadError

MAX_SIDE = 4096
"""Rows or columns of a frame; the widest screens that are recorded have 3840."""

MAX_PIXELS = 4 * 1024**3
"""Pixels of all frames together, which is also the bytes of a gray cine (4 GiB)."""


def check_size(frames: int, rows: int, columns: int, path: Path) -> None:
    """Raise `ReadError` when a cine of ``frames`` x ``rows`` x ``columns`` is empty or larger than the limits."""
    if frames < 1:
        raise ReadError("A cine needs at least one frame", value=f"{frames} frames", file=path)
    if rows < 1 or columns < 1:
        raise ReadError("A frame needs at least one pixel", value=f"{columns} x {rows}", file=path)
    if max(rows, columns) > MAX_SIDE:
        found = f"{columns} x {rows}"
        raise ReadError(f"A frame may have at most {MAX_SIDE} x {MAX_SIDE} pixels", value=found, file=path)
    if frames * rows * columns > MAX_PIXELS:
        found = f"{frames} frames of {columns} x {rows}"
        raise ReadError(f"A cine may have at most {MAX_PIXELS:,} pixels in all its frames", value=found, file=path)
