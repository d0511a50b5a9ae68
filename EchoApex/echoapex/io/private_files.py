"""Files of a cache: for this user alone, never through a link that somebody has put in their place.

Raises plain `OSError`: whoever keeps the cache says in its own words what is not kept.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

from .safe_files import written_beside

_OURS_ALONE, _OTHERS = 0o700, 0o077
_JUNCTION = 0xA0000003
"""What Windows has in place of links to folders (IO_REPARSE_TAG_MOUNT_POINT)."""


def make_unlinked_folder(folder: Path) -> None:
    """Makes ``folder``, and what is above it, where it is not there yet; for this user alone if so.

    Raises `OSError` where that is not possible, and as `check_unlinked`.
    """
    # Only the last folder takes the mode; above it lies what every application shares.
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=_OURS_ALONE, exist_ok=True)
    check_unlinked(folder)


def check_unlinked(folder: Path) -> None:
    """Raises `OSError` for a folder that is a link to another one, or none."""
    facts = folder.lstat()
    junction = sys.platform == "win32" and facts.st_reparse_tag == _JUNCTION
    if stat.S_ISLNK(facts.st_mode) or junction:
        raise OSError(errno.ELOOP, "The folder is a link to another one", str(folder))
    if not stat.S_ISDIR(facts.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "A file of this name is there", str(folder))


def make_private_folder(folder: Path) -> None:
    """Makes ``folder`` as `make_unlinked_folder`; one of ours that others may look into is closed to them.

    Raises `OSError` as `check_private`, too.
    """
    make_unlinked_folder(folder)
    check_private(folder)
    if sys.platform != "win32" and folder.lstat().st_mode & _OTHERS:
        folder.chmod(_OURS_ALONE)


def check_private(folder: Path) -> None:
    """Raises `OSError` as `check_unlinked`, and on POSIX for a folder of another user."""
    check_unlinked(folder)
    if sys.platform != "win32" and folder.lstat().st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "The folder belongs to another user", str(folder))


def write_private(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path``, whole or not at all, for this user alone. Raises `OSError`.

    It is not waited until the disk has it: what a power cut takes from a cache is made anew.
    """
    with written_beside(path, flushed=False) as draft:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as stream:
            stream.write(data)


def read_private(path: Path, most_bytes: int) -> bytes:
    """The content of ``path``. Raises `OSError` for a link, for what is no file, and for more than ``most_bytes``."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.is_symlink():
        # Where the system cannot be told not to follow it.
        raise OSError(errno.ELOOP, "The file is a link", str(path))
    with os.fdopen(os.open(path, flags), "rb") as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > most_bytes:
            raise OSError(errno.EFBIG, f"No file of at most {most_bytes} bytes", str(path))
        return stream.read(most_bytes)
