"""Pixels and masks of one cine in memory that two processes see."""

from __future__ import annotations

import errno
import math
import mmap
import os
import re
import secrets
import stat
import sys
import tempfile
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, ImageStack
from ..errors import EchoApexError

_MEMORY_DISK = Path("/dev/shm")
_OPEN_FILES = Path("/proc/self/fd")
_HELD = re.compile(r"(/proc/[0-9]+/fd/[0-9]+)#([0-9]+)")
_FILE_NAME = re.compile(r"echoapex-[0-9a-f]{32}")


def _others_find_open_files() -> bool:
    """Whether another process of this user finds memory without a file by the handle that this process has of it."""
    if sys.platform != "linux" or not hasattr(os, "memfd_create") or not _OPEN_FILES.is_dir():
        return False
    # Of a process that may not be looked into they belong to root.
    return _OPEN_FILES.stat().st_uid == os.geteuid()


_NO_FILE = _others_find_open_files()
# Whether memory may keep its name: it goes with the last process that holds it all the same, however that one ends.
_NAMES_LAST = _NO_FILE or sys.platform == "win32"


class SharedMemory:
    """``size`` bytes that every process sees which knows ``name``; gone when no process holds them any more.

    With ``read_only`` this process cannot change them (on Windows it does not look after that). Raises `EchoApexError`
    where there is no room, and no memory of this name.

    Not ``multiprocessing.shared_memory``: before Python 3.13 that starts a helper process from ``sys.executable``,
    which need not be a Python inside an application, and takes the memory away when the child ends.
    """

    def __init__(self, size: int, name: str | None = None, *, read_only: bool = False) -> None:
        self._forget: Callable[[], object] = _nothing
        try:
            if sys.platform == "win32":
                if name is not None and not _FILE_NAME.fullmatch(name):
                    raise ValueError("this is no name of shared memory")
                self.name = name or f"echoapex-{secrets.token_hex(16)}"
                self._map = mmap.mmap(-1, size, tagname=self.name)
            else:
                handle, self.name = self._create(size) if name is None else (_opened(name, read_only), name)
                try:
                    self._map = mmap.mmap(handle, size, access=mmap.ACCESS_READ if read_only else mmap.ACCESS_WRITE)
                finally:
                    os.close(handle)
        except (OSError, OverflowError, ValueError) as error:
            raise EchoApexError("There is no room to share the cine with the inference process", value=error) from None

    def _create(self, size: int) -> tuple[int, str]:
        """A handle of new memory, and its name, which it has until `forget_name`, or until this object is gone."""
        handle, name = self._without_file() if _NO_FILE else self._in_file()
        try:
            _reserve(handle, size)
        except OSError:
            os.close(handle)
            self.forget_name()
            raise
        return handle, name

    def _without_file(self) -> tuple[int, str]:
        kept = os.memfd_create("echoapex", os.MFD_CLOEXEC)
        self._forget = weakref.finalize(self, os.close, kept)
        return os.dup(kept), f"/proc/{os.getpid()}/fd/{kept}#{os.fstat(kept).st_ino}"

    def _in_file(self) -> tuple[int, str]:
        folder = _MEMORY_DISK if os.access(_MEMORY_DISK, os.W_OK) else Path(tempfile.gettempdir())
        name = str(folder / f"echoapex-{secrets.token_hex(16)}")
        # Only this user may read it, and no link that somebody has put there is followed.
        handle = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, 0o600)
        self._forget = weakref.finalize(self, partial(Path(name).unlink, missing_ok=True))
        return handle, name

    def view(self) -> NDArray[np.uint8]:
        """The bytes ``uint8 [size]``, not copied."""
        return np.frombuffer(self._map, np.uint8)

    def forget_name(self) -> None:
        """No further process can find the memory; it lives as long as those that have it."""
        with suppress(OSError):
            self._forget()


def _nothing() -> None:
    """There is no name to forget: it goes with the memory."""


def _opened(name: str, read_only: bool) -> int:
    """A handle of the memory that a process of ours has named so; nothing else is ever opened, or written to."""
    access = (os.O_RDONLY if read_only else os.O_RDWR) | os.O_NONBLOCK | os.O_CLOEXEC
    held = _HELD.fullmatch(name)
    if held is None and not _FILE_NAME.fullmatch(Path(name).name):
        raise FileNotFoundError(errno.ENOENT, "This is no name of shared memory", name)
    handle = os.open(held[1], access) if held else os.open(name, access | os.O_NOFOLLOW)
    facts = os.fstat(handle)
    # A process that has let go of a file may by now have another one under the same handle.
    ours = _is_without_file(handle) and str(facts.st_ino) == held[2] if held else stat.S_ISREG(facts.st_mode)
    if not ours or facts.st_uid != os.geteuid():
        os.close(handle)
        raise FileNotFoundError(errno.ENOENT, "The memory is gone", name)
    return handle


def _is_without_file(handle: int) -> bool:
    return str((_OPEN_FILES / str(handle)).readlink()).startswith("/memfd:echoapex")


def _reserve(handle: int, size: int) -> None:
    """Claims the room now: without, a full memory disk would end the process when it is written to."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.ftruncate(handle, size)


_STACKED: dict[int, SharedMemory] = {}


def stacked(frames: Sequence[NDArray[Any]]) -> ImageStack:
    """``frames uint8 [H, W]`` copied into one array ``[T, H, W]``, where `SharedCine` can share it without a copy.

    Where the system has no such memory, or no room in it, the array is as any other. Raises `ValueError` for frames of
    different sizes, and `TypeError` for other numbers.
    """
    shape = (len(frames), *frames[0].shape)
    stack = _room(shape) if _NAMES_LAST else np.empty(shape, np.uint8)
    return np.stack(frames, out=stack, casting="no")


def _room(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    try:
        memory = SharedMemory(math.prod(shape))
    except EchoApexError:
        # Nothing is to be shared yet, and a cine can be looked at without.
        return np.empty(shape, np.uint8)
    stack = memory.view().reshape(shape)
    _STACKED[id(stack)] = memory
    weakref.finalize(stack, _STACKED.pop, id(stack))
    return stack


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
        return np.unpackbits(self.packed[row], count=count).view(np.bool_).reshape(self.shape)


class SharedCine:
    """What two processes share of one cine with ``frames uint8 [T, H, W]``.

    ``sector`` is the cine's; ``masks`` are those of a question that goes through the cine and then, in their place,
    those of its answer, one for each frame in its order; ``prompt`` has that of a prompt and of its answer. Without
    ``masks_name`` it is of the process that has the frames: its own where they are `stacked`, otherwise a copy.
    """

    def __init__(self, frames: ImageStack, masks_name: str | None = None) -> None:
        count, rows, columns = frames.shape
        mask = (rows * columns + 7) // 8
        self._memory = SharedMemory(mask * (3 + count), masks_name)
        parts = np.split(self._memory.view().reshape(-1, mask), [1, 3])
        self.sector, self.prompt, self.masks = (Masks(part, (rows, columns)) for part in parts)
        self.frames, self._pixels, self._copy = frames, _STACKED.get(id(frames)), False
        if self._pixels is None and masks_name is None:
            self._pixels, self._copy = SharedMemory(frames.size), True
            self._pixels.view().reshape(frames.shape)[:] = frames

    @classmethod
    def found(cls, shape: tuple[int, int, int], names: tuple[str, str]) -> SharedCine:
        """That of the process whose `names` these are; its frames cannot be changed from here."""
        pixels = SharedMemory(math.prod(shape), names[0], read_only=True).view()
        pixels.flags.writeable = False
        return cls(pixels.reshape(shape), names[1])

    @property
    def names(self) -> tuple[str, str]:
        """The names of the memory of the pixels and of that of the masks, for `found`."""
        assert self._pixels is not None
        return self._pixels.name, self._memory.name

    def forget_names(self) -> None:
        """No further process can find it; frames that are `stacked` can be shared again."""
        self._memory.forget_name()
        if self._copy and self._pixels is not None:
            self._pixels.forget_name()
