"""Stand-in of slicer.i18n: texts stay as they are written."""

from __future__ import annotations

from pathlib import Path


def translate(context: str, text: str) -> str:
    return text


def getContext(sourceFile: str) -> str:
    return Path(sourceFile).stem


def tr(text: str) -> str:
    return text
