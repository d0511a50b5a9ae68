"""What the process that reads clips and its parent say to each other: pickled values, their arrays beside them.

A reply comes from a process that hostile files may have hurt: only the kinds of values that readers give are made of
it, and nothing is run (Python's documentation, pickle, "Restricting Globals").
"""

from __future__ import annotations

import mmap
import pickle
import struct
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from enum import Enum
from importlib import import_module
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any

READY = "ready"
"""What the process says once, when it can be asked."""

VALUE, REFUSED, FAILED = "value", "refused", "failed"
"""How a reply begins: before what was read, before a refusal, before the name of an unexpected error."""

_PLAIN = {
    "numpy": ("dtype", "ndarray"),
    "numpy._core.numeric": ("_frombuffer",),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "pathlib": ("PosixPath", "WindowsPath"),
    "pathlib._local": ("PosixPath", "WindowsPath"),
    "datetime": ("date", "datetime", "time"),
}
_OURS = "echoapex."
_COUNT, _LENGTH = struct.Struct("<I"), struct.Struct("<Q")
_MOST_PARTS = 1000


class BrokenMessageError(Exception):
    """What the other end says is no message."""


class OtherEndGoneError(BrokenMessageError):
    """The other end says nothing any more."""


def pack(value: object) -> list[memoryview]:
    """``value`` as the parts of a message; large arrays are not copied."""
    beside: list[pickle.PickleBuffer] = []
    body = pickle.dumps(value, protocol=5, buffer_callback=beside.append)
    parts = [memoryview(body), *(buffer.raw() for buffer in beside)]
    sizes = b"".join(_LENGTH.pack(part.nbytes) for part in parts)
    return [memoryview(_COUNT.pack(len(parts)) + sizes), *parts]


def unpack(parts: Sequence[bytearray | memoryview]) -> Any:
    """The value of the parts that `receive` gave. Raises `BrokenMessageError` where it holds what no reader gives."""
    try:
        return _Values(BytesIO(parts[0]), buffers=parts[1:]).load()
    except Exception as error:  # what a damaged pickle raises is not bounded
        raise BrokenMessageError(type(error).__name__) from error


class _Values(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        if module.startswith(_OURS) and name.isidentifier():
            found = getattr(import_module(module), name)
            if isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum)):
                return found
        raise pickle.UnpicklingError(f"{module}.{name}")


def send(write: Callable[[memoryview], int | None], parts: Sequence[memoryview]) -> None:
    """Writes the parts of a message with ``write``, which tells how many bytes it took."""
    for part in parts:
        rest = part
        while rest.nbytes:
            rest = rest[write(rest) or 0 :]


def receive(source: RawIOBase, most_bytes: int) -> list[bytearray]:
    """The parts of the next message. Raises `BrokenMessageError` at the end, and for more than ``most_bytes``."""
    (count,) = _COUNT.unpack(_exactly(source, _COUNT.size))
    if not 1 <= count <= _MOST_PARTS:
        raise BrokenMessageError("parts")
    sizes = [_LENGTH.unpack(_exactly(source, _LENGTH.size))[0] for _ in range(count)]
    if sum(sizes) > most_bytes:
        raise BrokenMessageError("size")
    return [_exactly(source, size) for size in sizes]


def save(path: Path, value: object) -> None:
    """Writes ``value`` to a file, from which `load` makes it again."""
    with path.open("wb") as file:
        send(file.write, pack(value))


def load(path: Path) -> Any:
    """The value that `save` has written; its large arrays are those in the file, not copied, and cannot be changed.

    Raises `BrokenMessageError` where it holds what no reader gives, and `OSError` where it cannot be read.
    """
    with path.open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        (count,) = _COUNT.unpack_from(whole)
        sizes = [_LENGTH.unpack_from(whole, _COUNT.size + place * _LENGTH.size)[0] for place in range(count)]
    except struct.error as error:
        raise BrokenMessageError("size") from error
    place = _COUNT.size + count * _LENGTH.size
    ends = [place + sum(sizes[: number + 1]) for number in range(count)]
    if count == 0 or count > _MOST_PARTS or ends[-1] != len(whole):
        raise BrokenMessageError("parts")
    return unpack([whole[end - size : end] for size, end in zip(sizes, ends, strict=True)])


def _exactly(source: RawIOBase, size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while rest.nbytes:
        count = source.readinto(rest)
        if not count:
            raise OtherEndGoneError
        rest = rest[count:]
    return data
