"""Files that are there whole or not at all: written beside their name, flushed to disk, checked, and only then renamed.

Raises plain `OSError`: whoever writes says in its own words what could not be written.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def written_beside(path: Path, *, flushed: bool = True) -> Iterator[Path]:
    """A new name beside ``path``, with its ending, to write a file to.

    When the block ends well, the file is ``flushed`` and takes the place of ``path``; when it does not, nothing of it
    stays and what was at ``path`` is as before. Raises `OSError` where that is not possible.
    """
    draft = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield draft
        if flushed:
            flush(draft)
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink()


def write_atomically(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path``, whole or not at all. Raises `OSError`, also where less than all arrived."""
    with written_beside(path) as draft:
        draft.write_bytes(data)
        check_size(draft, len(data))


def copy_atomically(source: Path, path: Path) -> None:
    """Copies the content of ``source`` to ``path``, whole or not at all. Raises `OSError` as `write_atomically`."""
    with written_beside(path) as draft:
        shutil.copyfile(source, draft)
        check_size(draft, source.stat().st_size)


def check_size(file: Path, size: int) -> None:
    """Raises `OSError` where a file has not the ``size`` in bytes that was written: some disks lose without a word."""
    found = file.stat().st_size
    if found != size:
        raise OSError(errno.EIO, f"{found} of {size} bytes were written", str(file))


def flush(file: Path) -> None:
    """Waits until the content of ``file`` is on the disk. Raises `OSError` where it does not get there."""
    # Windows flushes only what is open for writing.
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def try_to_write(folder: Path) -> None:
    """Raises `OSError` where no file can be written in ``folder``, which must exist; nothing stays there."""
    trial = folder / f".echoapex-{secrets.token_hex(4)}.part"
    try:
        trial.write_bytes(b"\0")
    finally:
        with suppress(OSError):
            trial.unlink()
