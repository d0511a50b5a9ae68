"""Files on disk into a scene, as cines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from echoapex.io import read_cine, use_python

from ..pythonDependencies import pythonExecutable
from .cineFromBrowser import openCine


def openFile(scene: Any, path: str | Path) -> Any:
    """Reads a cine into ``scene`` and gives its browser; called by its view, where that is known.

    Raises `EchoApexError` as `read_cine`.
    """
    use_python(pythonExecutable())
    cine = read_cine(path)
    return openCine(scene, cine, cine.view or "Cine")
