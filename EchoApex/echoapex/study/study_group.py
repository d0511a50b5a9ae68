"""Files that were found to be of one study, and what they say together."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .header_identity import Identity


@dataclass(frozen=True)
class GroupedFile:
    """One file: whose it is, what its header says of the patient, which DICOM instance it is, and if of one frame."""

    path: Path
    identity: Identity = field(default_factory=Identity)
    facts: dict[str, Any] = field(default_factory=dict)
    instance: Hashable = None
    single: bool = False
    readable: bool = True


@dataclass(eq=False)
class StudyGroup:
    """The files of one study; ``apart`` names the fields by which others with the same numbers were told from it."""

    files: list[GroupedFile]
    apart: tuple[str, ...] = ()

    def value(self, name: str) -> str | None:
        """What the files say in one field of `Identity`, None where they say nothing; the first where they differ."""
        values = (getattr(file.identity, name) for file in self.files)
        return next((value for value in values if value is not None), None)

    @property
    def patient(self) -> str | None:
        return self.value("patient")

    @property
    def study(self) -> str | None:
        return self.value("study")

    @property
    def known(self) -> bool:
        """Whether any file names a patient or a study."""
        return any(file.identity.known for file in self.files)

    @property
    def folders(self) -> set[Path]:
        """The folders of the files that could be read."""
        return {file.path.parent for file in self.files if file.readable}
