"""Which file a cine of a scene was read from, without its name: that may be the name of a patient."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

FILE = "EchoApex.File"
"""Attribute of a browser: the mark of the file that its cine was read from."""


def fileMark(file: Path) -> str:
    """By what the path of a file is known again."""
    return hashlib.sha256(str(file).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def markFile(browser: Any, file: Path) -> None:
    """From now on ``browser`` plays the clip of ``file``."""
    browser.SetAttribute(FILE, fileMark(file))


def browsersOf(scene: Any, file: Path) -> list[Any]:
    """The browsers of ``scene`` that play the clip of a file, in the order in which they came."""
    count, mark = scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode"), fileMark(file)
    browsers = (scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode") for index in range(count))
    return [browser for browser in browsers if browser.GetAttribute(FILE) == mark]
