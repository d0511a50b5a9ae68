"""Stand-in of DICOMLib: what a DICOM plug-in derives from, and what it offers to load.

Names and parameters are those of DICOMPlugin.py at 0106032, which is older than the rest of the manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["DICOMLoadable", "DICOMPlugin"]


class DICOMLoadable:
    """One thing that can be loaded from DICOM files, as a plug-in describes it."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.name = "Unknown"
        self.tooltip = "No further information available"
        self.warning = ""
        self.selected = False
        self.confidence = 0.5


class DICOMPlugin:
    """What all plug-ins have: the words for what they load, and what they have found in files before."""

    def __init__(self) -> None:
        self.loadType = "Generic DICOM"
        self.loadableCache: dict[Any, list[DICOMLoadable]] = {}

    def hashFiles(self, files: Sequence[str]) -> Any:
        return tuple(files)

    def getCachedLoadables(self, files: Sequence[str]) -> list[DICOMLoadable] | None:
        return self.loadableCache.get(self.hashFiles(files))

    def cacheLoadables(self, files: Sequence[str], loadables: list[DICOMLoadable]) -> None:
        self.loadableCache[self.hashFiles(files)] = loadables
