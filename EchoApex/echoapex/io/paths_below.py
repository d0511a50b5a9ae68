"""Names that somebody else wrote down, of files below a folder: in a list, a report or an archive."""

from __future__ import annotations

from pathlib import PurePosixPath


def is_below(name: str) -> bool:
    """Whether ``name`` is a relative path with slashes that stays in its folder on every system.

    It is not with a root, ``..``, a drive or stream of Windows (``:``), a backslash, or a character that steers.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        return False
    return not (set(name) & {":", "\\"}) and name.isprintable()
