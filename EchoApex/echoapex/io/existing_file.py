"""Looks at names that a user or a foreign record gives; a name may be one that no system takes."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import ReadError


def existing_file(path: str | Path) -> Path:
    """The path of a regular file that is there. Raises `ReadError` for anything else."""
    source = Path(path)
    try:
        if source.is_dir():
            raise ReadError("This is a folder: list its clips and read them one by one", file=source)
        if not source.exists():
            raise ReadError("There is no such file", file=source)
        if not source.is_file():
            raise ReadError("This is no regular file, but a device, a pipe or a socket", file=source)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise ReadError("The file cannot be looked at", value=error.strerror, file=source) from error
        raise ReadError("There can be no file of a name as long", value=f"{len(str(path))} characters") from error
    return source


def check_any_is_there(paths: Sequence[str | Path]) -> None:
    """Raises `ReadError` where nothing of what is named is there."""
    if any(os.path.exists(path) for path in paths):  # noqa: PTH110 - Path.exists raises for a name no system takes
        return
    if len(paths) == 1:
        existing_file(paths[0])
    raise ReadError("There is no such file", file=", ".join(map(str, paths)) or None)


def is_folder(path: str | Path) -> bool:
    """Whether a folder is there; false for a name that no system takes."""
    try:
        return Path(path).is_dir()
    except OSError:
        return False
