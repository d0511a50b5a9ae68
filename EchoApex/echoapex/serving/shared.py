"""Pixels and masks of one cine in memory that two processes see."""

from __future__ import annotations

import mmap
import os
import secrets
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, ImageStack
from ..errors import EchoApexError

_MEMORY_DISK = Path("/dev/shm")


class SharedMemory:
    """``size`` bytes that every process sees which knows ``name``; gone when no process holds them any more.

    Not ``multiprocessing.shared_memory``: before Python 3.13 that starts a helper process from ``sys.executable``,
    which need not be a Python inside an application, and takes the memory away when the child ends.
    """

    def __init__(self, size: int, name: str | None = None) -> None:
        self.name = name or _new_name()
        try:
            self._map = _mapped(self.name, size, create=name is None)
        except (OSError, ValueError) as error:
            raise EchoApexError("There is no room to share the cine with the inference process", value=error) from None

    def view(self) -> NDArray[np.uint8]:
        """The bytes ``uint8 [size]``, not copied."""
        return np.frombuffer(self._map, np.uint8)

    def forget_name(self) -> None:
        """No further process can find the memory; it lives as long as those that have it."""
        if sys.platform != "win32":
            with suppress(OSError):
                Path(self.name).unlink()


def _new_name() -> str:
    if sys.platform == "win32":
        return f"echoapex-{secrets.token_hex(16)}"
    folder = _MEMORY_DISK if os.access(_MEMORY_DISK, os.W_OK) else Path(tempfile.gettempdir())
    return str(folder / f"echoapex-{secrets.token_hex(16)}")


def _mapped(name: str, size: int, *, create: bool) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(-1, size, tagname=name)
    # Only this user may read it, and no link that somebody has put there is followed.
    flags = os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT | os.O_EXCL if create else 0)
    handle = os.open(name, flags, 0o600)
    try:
        if create:
            _reserve(handle, name, size)
        return mmap.mmap(handle, size)
    finally:
        os.close(handle)


def _reserve(handle: int, name: str, size: int) -> None:
    """Claims the room now: without, a full memory disk would end the process when it is written to."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        else:
            os.ftruncate(handle, size)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class Masks:
    """Room for masks, one bit a pixel: ``packed uint8 [N, bytes]`` of ``shape`` ``(H, W)``."""

    packed: NDArray[np.uint8]
    shape: tuple[int, int]

    def put(self, row: int, mask: BoolMask) -> None:
        """Keeps ``mask bool [H, W]`` as number ``row``."""
        self.packed[row] = np.packbits(mask)

    def get(self, row: int) -> BoolMask:
        """Mask number ``row``, ``bool [H, W]``, in memory of its own."""
        count = self.shape[0] * self.shape[1]
        return np.unpackbits(self.packed[row], count=count).astype(bool).reshape(self.shape)


class SharedCine:
    """The parts of the memory of one cine with frames ``[T, H, W]``.

    ``frames`` and ``sector`` are the cine's; ``asked`` and ``answered`` are masks of a question that goes through the
    cine, one for each frame in its order, ``prompt`` has that of a prompt and of its answer.
    """

    def __init__(self, shape: tuple[int, int, int], name: str | None = None) -> None:
        count, rows, columns = shape
        pixels, mask = count * rows * columns, (rows * columns + 7) // 8
        self.memory = SharedMemory(pixels + mask * (3 + 2 * count), name)
        self._bytes = self.memory.view()
        self.frames: ImageStack = self._bytes[:pixels].reshape(shape)
        ends = np.cumsum([pixels, mask, 2 * mask, count * mask, count * mask]).tolist()
        parts = [self._bytes[start:stop] for start, stop in pairwise(ends)]
        self.sector, self.prompt, self.asked, self.answered = (
            Masks(part.reshape(-1, mask), (rows, columns)) for part in parts
        )
