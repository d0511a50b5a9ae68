"""A lock that two processes cannot both hold, and that the system takes back when its holder ends, killed or not."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
"""What file systems without locks say (some network disks, flock(2)): work must be possible there, too."""


class FileLock:
    """Holds ``file``, in a folder of its own that is made if need be, until `release`.

    Raises `BlockingIOError` where it is held already, and `OSError` where it cannot be made.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream = _locked(file)

    def release(self) -> None:
        """Lets go, and removes the file, and its folder if that is empty."""
        if sys.platform == "win32":
            # An open file cannot be removed there.
            self._stream.close()
        with suppress(OSError):
            self._file.unlink()
        # Closed before, somebody could lock it in between and hold a file that is gone.
        self._stream.close()
        with suppress(OSError):
            self._file.parent.rmdir()


def _locked(file: Path) -> BinaryIO:
    while True:
        file.parent.mkdir(exist_ok=True)
        try:
            stream = file.open("ab")
        except FileNotFoundError:
            # Its last holder removed the folder just now.
            continue
        try:
            _lock(stream)
            if _is_at(stream, file):
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()


def _lock(stream: BinaryIO) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            raise BlockingIOError(errno.EAGAIN, "Held by another run", stream.name) from None
        if error.errno not in _NO_LOCKS:
            raise


def _is_at(stream: BinaryIO, file: Path) -> bool:
    """Whether the file is still there: its last holder may have removed it before we got the lock."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), file.stat())
    except FileNotFoundError:
        return False
