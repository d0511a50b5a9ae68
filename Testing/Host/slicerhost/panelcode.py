"""Which code is panel code: attribute access from it follows PythonQt, from any other code it follows PySide6."""

from __future__ import annotations

from pathlib import Path

_roots: list[str] = []
_known: dict[str, bool] = {}


def registerPanelCode(path: Path | str) -> None:
    """From now on code in this file, or in files below this folder, sees Qt as PythonQt shows it."""
    _roots.append(str(Path(path).resolve()))
    _known.clear()


def registerPanelName(filename: str) -> None:
    """The same for code that was compiled under a name that is no file, as tests do with snippets."""
    _roots.append(filename)
    _known.clear()


def isPanelCode(filename: str) -> bool:
    """Whether code that was compiled from ``filename`` is panel code."""
    known = _known.get(filename)
    if known is None:
        known = _known[filename] = filename in _roots or _isBelowRoot(filename)
    return known


def _isBelowRoot(filename: str) -> bool:
    path = Path(filename)
    if not path.exists():
        return False
    resolved = path.resolve()
    return any(str(folder) in _roots for folder in (resolved, *resolved.parents))
