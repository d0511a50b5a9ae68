"""Arrays in ``.npz`` files that may be cut, damaged or somebody else's: read within limits, nothing unpickled."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ..errors import EchoApexError
from .archives import Limits, checked_entries

LIMITS = Limits(entries=100_000, bytes=32 * 2**30, ratio=2000)
"""Our choice. Empty masks pack a thousand times; zlib packs no better than that."""

_SUFFIX = ".npy"


def npz_names(file: Path, rule: str) -> tuple[str, ...]:
    """The names of the arrays in ``file``. Raises `EchoApexError` with the ``rule`` as `read_npz`."""
    with _opened(file, rule) as archive:
        return tuple(name.removesuffix(_SUFFIX) for name in archive.namelist() if name.endswith(_SUFFIX))


def read_npz(file: Path, names: Iterable[str], rule: str) -> dict[str, NDArray[Any]]:
    """The arrays of these ``names`` in ``file``, read-only.

    Raises `EchoApexError` with the ``rule``, and what is wrong as its value, for a file that cannot be read or is none,
    for an array that is missing, damaged, cut or larger than its file says, and for one that would be unpickled.
    """
    with _opened(file, rule) as archive:
        return {name: _read_one(archive, f"{name}{_SUFFIX}") for name in names}


def npz_forms(file: Path, rule: str) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and type of each array in ``file``, told without reading them all. Raises as `read_npz`."""
    with _opened(file, rule) as archive:
        names = [name for name in archive.namelist() if name.endswith(_SUFFIX)]
        return {name.removesuffix(_SUFFIX): _form(archive, name)[:2] for name in names}


@contextmanager
def _opened(file: Path, rule: str) -> Iterator[ZipFile]:
    try:
        with ZipFile(file) as archive:
            checked_entries(archive, file, LIMITS)
            yield archive
    except EchoApexError as refusal:
        raise EchoApexError(rule, value=f"{refusal.rule}: {refusal.value}", file=file) from None
    except OSError as error:
        raise EchoApexError(rule, value=error.strerror or error, file=file) from None
    except (BadZipFile, EOFError, KeyError, MemoryError, NotImplementedError, RuntimeError) as error:
        raise EchoApexError(rule, value=error, file=file) from None
    except (SyntaxError, TokenError, TypeError, ValueError, zlib.error) as error:
        # NumPy reads a header as Python would read a line of a program.
        raise EchoApexError(rule, value=error, file=file) from None


def _read_one(archive: ZipFile, name: str) -> NDArray[Any]:
    shape, dtype, fortran, start = _form(archive, name)
    data = archive.read(name)
    return np.frombuffer(data, dtype, offset=start).reshape(shape, order="F" if fortran else "C")


def _form(archive: ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any], bool, int]:
    """Shape, type, order (true is Fortran's) and where the numbers begin; raises `ValueError` where they do not fit."""
    listed = archive.getinfo(name).file_size
    with archive.open(name) as stream:
        shape, fortran, dtype = _header(stream)
        start = stream.tell()
    if dtype.hasobject:
        raise ValueError("an array of objects is never read")
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != listed - start:
        raise ValueError(f"an array of {listed} bytes says that it is {dtype} {shape}"[:200])
    return shape, dtype, fortran, start


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(stream)
    if version == (1, 0):
        return npy.read_array_header_1_0(stream)
    if version == (2, 0):
        return npy.read_array_header_2_0(stream)
    raise ValueError(f"an array of version {version}")
