"""Zip archives from elsewhere: listed and judged as a whole before anything is unpacked, and unpacked by us.

What an archive lists and what another program makes of it can differ; what is refused here is never written, and what
is written is what was looked at.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ..errors import EchoApexError, ReadError
from .paths_below import is_below

_PIECE = 2**20
_ENCRYPTED = 1


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to (our choice): ``entries``, ``bytes`` of all of them, and ``ratio``.

    The ratio of what comes out to what goes in counts from ``ratio_from`` bytes on: a small empty mask packs well.
    """

    entries: int = 10_000
    bytes: int = 16 * 2**30
    ratio: int = 250
    ratio_from: int = 256 * 2**20


def unpack(archive: Path, folder: Path, limits: Limits | None = None) -> list[Path]:
    """Unpacks ``archive`` into the empty ``folder``, readable to this user only; gives its files.

    Raises `ReadError` for one that cannot be read, and, before anything is written, for one that holds a link, a name
    that leaves the folder, a name twice, or more than ``limits``.
    """
    rule = "This archive cannot be read"
    try:
        with ZipFile(archive) as opened:
            entries = [entry for entry in checked_entries(opened, archive, limits or Limits()) if not entry.is_dir()]
            return [_unpack_one(opened, entry, folder) for entry in entries]
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise ReadError(rule, value=error, file=archive) from None
    except OSError as error:
        raise ReadError(rule, value=error.strerror or error, file=archive) from None


def checked_entries(opened: ZipFile, archive: Path, limits: Limits) -> Sequence[ZipInfo]:
    """What an open archive lists, where all of it may be unpacked; raises `ReadError` otherwise."""
    entries = opened.infolist()
    if len(entries) > limits.entries:
        raise ReadError(f"An archive may hold at most {limits.entries:,} files", value=len(entries), file=archive)
    total = sum(entry.file_size for entry in entries)
    if total > limits.bytes:
        rule = f"An archive may unpack to at most {limits.bytes:,} bytes"
        raise ReadError(rule, value=f"{total:,}", file=archive)
    packed = archive.stat().st_size
    if total > limits.ratio_from and total > limits.ratio * packed:
        rule = f"An archive may unpack to at most {limits.ratio} times its size"
        raise ReadError(rule, value=f"{total:,} bytes from {packed:,}", file=archive)
    for entry in entries:
        _check_entry(entry, archive)
    _check_names([entry.filename for entry in entries if not entry.is_dir()], archive)
    return entries


def _check_entry(entry: ZipInfo, archive: Path) -> None:
    if not is_below(entry.orig_filename):
        raise ReadError("An archive holds names below its folder only", value=entry.orig_filename, file=archive)
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or entry.flag_bits & _ENCRYPTED:
        raise ReadError("An archive is packed by deflate, and not encrypted", value=entry.orig_filename, file=archive)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        rule = "An archive holds files only, and neither links nor devices"
        raise ReadError(rule, value=entry.orig_filename, file=archive)


def _check_names(names: Sequence[str], archive: Path) -> None:
    """No file may lie in another's place, on disks without upper and lower case either."""
    seen: set[str] = set()
    for name in names:
        plain = str(PurePosixPath(name)).casefold()
        if plain in seen:
            raise ReadError("An archive holds each name once", value=name, file=archive)
        seen.add(plain)
    for name in names:
        if any(str(place).casefold() in seen for place in PurePosixPath(name).parents):
            raise ReadError("An archive holds no file in the place of a folder", value=name, file=archive)


def _unpack_one(opened: ZipFile, entry: ZipInfo, folder: Path) -> Path:
    target = folder / PurePosixPath(entry.filename)
    target.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with opened.open(entry) as source, os.fdopen(os.open(target, flags, 0o600), "wb") as stream:
        _copy(source, stream, entry.file_size)  # type: ignore[arg-type]
    return target


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """Copies ``size`` bytes; raises `EOFError` where there are fewer."""
    left = size
    while left:
        piece = source.read(min(left, _PIECE))
        if not piece:
            raise EOFError("a file in it is cut")
        target.write(piece)
        left -= len(piece)
    # The end has the checksum.
    if source.read(1):
        raise EchoApexError("A file in this archive is larger than it lists")
