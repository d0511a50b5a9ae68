"""Names that somebody else wrote down, of files below a folder: in a list, a report or an archive."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices, whatever follows the dot."""


def is_below(name: str) -> bool:
    """Whether ``name`` is a relative path with slashes that stays in its folder on every system.

    It is not with a root, ``..``, a drive or stream of Windows (``:``), a backslash, a character that steers a
    terminal, the name of a device, or a dot or space at the end of a part, which Windows drops.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        return False
    if set(name) & {":", "\\"} or not name.isprintable():
        return False
    return not any(_DEVICE.fullmatch(part) or part[-1] in " ." for part in path.parts)
