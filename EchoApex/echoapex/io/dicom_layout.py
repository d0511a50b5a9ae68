"""Whether uncompressed pixels lie as the header says; another layout makes stripes or noise of every frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydicom import Dataset

# Own choices for how alike neighbors of a picture are, tried on simulated clips and real ones.
_CLEAR = 0.7
_CLEARER = 0.2
_PARTS = 4  # frames that a picture may have been cut into by wrong Rows or Columns, at most
_TWICE = 0.9  # likeness of neighboring parts of a picture that shows each row beside the next


@dataclass(frozen=True)
class _Layout:
    samples: int
    itemsize: int
    rows: int
    columns: int
    planar: bool = False

    @property
    def frame_bytes(self) -> int:
        return self.samples * self.itemsize * self.rows * self.columns

    def __str__(self) -> str:
        number = "1 sample" if self.samples == 1 else f"{self.samples} samples{' in planes' if self.planar else ''}"
        return f"{self.columns} x {self.rows} pixels of {number} of {8 * self.itemsize} bits"


def settle_layout(data: Dataset, stated: int | None) -> list[str]:
    """Lets the pixels overrule SamplesPerPixel, BitsAllocated, and Rows and Columns that are exchanged or a part.

    That is done where the length fits another layout, and a frame of that is a picture by far more than a frame of the
    one in the header. ``stated`` is NumberOfFrames, None where it is not said. Returns warnings.
    """
    declared = _declared(data)
    if declared is None:
        return []
    others = list(_others(declared, len(data.PixelData), stated))
    if not others:
        return []
    shown = _clearness(data, declared, stated)
    if _in_threes(data, declared, stated):
        others, shown = [layout for layout in others if layout.planar], -1.0
    clear = [_clearness(data, layout) for layout in others]
    best = max(clear, default=-1.0)
    if best < max(_CLEAR, shown + _CLEARER):
        return []
    chosen = others[clear.index(best)]
    _apply(data, declared, chosen)
    return [f"The header says {declared}, but the pixel data show {chosen}; read as such"]


def _declared(data: Dataset) -> _Layout | None:
    samples = int(data.get("SamplesPerPixel") or 1)
    planar = samples > 1 and int(data.get("PlanarConfiguration") or 0) == 1
    if str(data.get("PhotometricInterpretation") or "") in ("PALETTE COLOR", "YBR_FULL_422"):
        return None
    return _Layout(samples, int(data.BitsAllocated) // 8, int(data.Rows), int(data.Columns), planar)


def _others(declared: _Layout, length: int, stated: int | None) -> Iterator[_Layout]:
    """Other layouts that the length fits, but for a byte that makes it even."""
    rows, columns = declared.rows, declared.columns
    sizes = {(rows, columns), (columns, rows)}
    parts = 1 if stated is None else length // (stated * declared.frame_bytes)
    if 2 <= parts <= _PARTS:
        sizes |= {(rows * parts, columns), (rows, columns * parts)}
    kinds = (1, False), (3, False), (3, True)
    for (samples, planar), itemsize, size in product(kinds, (1, 2), sorted(sizes)):
        layout = _Layout(samples, itemsize, *size, planar)
        same = stated is not None or layout.frame_bytes == declared.frame_bytes
        needed = layout.frame_bytes * (length // layout.frame_bytes if stated is None else stated)
        if layout != declared and same and 0 < needed <= length <= needed + 1:
            yield layout


def _clearness(data: Dataset, layout: _Layout, stated: int | None = None) -> float:
    """How alike neighbors above and beside each other are in the first frame that a layout gives, at most 1.

    Where more frames than ``stated`` are parts of pictures in turn, or a picture shows each row beside the next: -1.
    """
    count = len(data.PixelData) // layout.frame_bytes
    if count < 1 or min(layout.rows, layout.columns) < 2:
        return -1.0
    gray = _frame(data, layout, 0)
    pixel_bytes = layout.itemsize * (1 if layout.planar else layout.samples)
    part = layout.columns // pixel_bytes
    if pixel_bytes > 1 and _alike(gray[:, :part], gray[:, part : 2 * part]) > _TWICE:
        return -1.0
    turn = count // stated if stated else 1
    if turn > 1 and count > turn:
        apart, next_one = (_alike(gray, _frame(data, layout, number)) for number in (turn, 1))
        if apart > max(_CLEAR, next_one + _CLEARER):
            return -1.0
    return min(_alike(gray[1:], gray[:-1]), _alike(gray[:, 1:], gray[:, :-1]))


def _in_threes(data: Dataset, layout: _Layout, stated: int | None) -> bool:
    """Whether three times as many frames as ``stated`` are there, and each three are the same: planes of a gray one."""
    if not stated or stated < 2 or len(data.PixelData) // layout.frame_bytes != 3 * stated:
        return False
    first, *others, next_one = (_frame(data, layout, number) for number in range(4))
    return all(np.array_equal(first, other) for other in others) and not np.array_equal(first, next_one)


def _frame(data: Dataset, layout: _Layout, number: int) -> NDArray[Any]:
    """The first samples ``[rows, columns]`` of a frame in a layout."""
    order = "<" if data.original_encoding[1] in (True, None) else ">"
    kind = np.dtype(f"{order}u{layout.itemsize}")
    count = layout.frame_bytes // layout.itemsize
    stored = np.frombuffer(data.PixelData, kind, count=count, offset=number * layout.frame_bytes)
    if layout.planar:
        samples = stored.reshape(layout.samples, layout.rows, layout.columns)[0]
    else:
        samples = stored.reshape(layout.rows, layout.columns, layout.samples)[..., 0]
    return np.asarray(samples, np.float64)


def _alike(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Correlation of two pictures, 0 where one of them has a single level."""
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def _apply(data: Dataset, declared: _Layout, chosen: _Layout) -> None:
    data.Rows, data.Columns = chosen.rows, chosen.columns
    if chosen.itemsize != declared.itemsize:
        data.BitsAllocated = 8 * chosen.itemsize
        data.BitsStored, data.HighBit = data.BitsAllocated, data.BitsAllocated - 1
    if chosen.samples != declared.samples:
        data.SamplesPerPixel = chosen.samples
        data.PhotometricInterpretation = "RGB" if chosen.samples == 3 else "MONOCHROME2"
    if chosen.samples == 3:
        data.PlanarConfiguration = int(chosen.planar)
