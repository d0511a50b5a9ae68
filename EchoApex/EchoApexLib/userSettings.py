"""What the user has set for all modules of EchoApex, in the settings of Slicer; a settings file may hold anything."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from echoapex.errors import EchoApexError
from echoapex.inference.feature_cache import MOST_BYTES, SIZE_VARIABLE, check_cache_size
from echoapex.models.device import DEVICES
from echoapex.models.installed_models import find_model
from echoapex.models.model_card import ModelCard, read_card

MODEL, DEVICE, RATER, CACHE_SIZE, REPORT_FOLDER = (
    f"EchoApex/{name}" for name in ("Model", "Device", "Rater", "CacheSize", "ReportFolder")
)
"""Keys of the settings."""

_LONGEST_RATER = 60


@dataclass(frozen=True)
class UserSettings:
    """``model`` is an identifier or a folder, empty for the default; ``rater`` is a code; ``cacheGib`` as text."""

    model: str = ""
    device: str = "auto"
    rater: str = ""
    cacheGib: str = ""

    @classmethod
    def read(cls) -> UserSettings:
        """Those of Slicer, as they are: `check` says what cannot be."""
        import slicer

        def value(key: str) -> str:
            return str(slicer.util.settingsValue(key, "")).strip()

        return cls(value(MODEL), value(DEVICE) or "auto", value(RATER), value(CACHE_SIZE))

    def check(self) -> None:
        """Raises `EchoApexError`, in one sentence, for a setting that cannot be."""
        if self.device not in DEVICES:
            raise EchoApexError(f"The device in the settings must be one of {', '.join(DEVICES)}", value=self.device)
        if len(self.rater) > _LONGEST_RATER or not self.rater.isprintable():
            raise EchoApexError(f"The rater in the settings is a code of at most {_LONGEST_RATER} characters")
        self.environment()
        self.modelFolder()

    def modelFolder(self) -> Path:
        """The folder of the chosen model. Raises `ModelError` for one that is not there."""
        return find_model(self.model or None)

    def modelCard(self) -> ModelCard:
        """The card of the chosen model. Raises `ModelError` for one that is missing or damaged."""
        return read_card(self.modelFolder())

    def options(self) -> list[str]:
        """Options of verbs of the command line that use a model."""
        return [*(["--model", self.model] if self.model else []), *self._device()]

    def _device(self) -> list[str]:
        return [] if self.device == "auto" else ["--device", self.device]

    def environment(self) -> dict[str, str]:
        """What a process with a model is told beside its options. Raises `EchoApexError` for no size of a cache."""
        if not self.cacheGib:
            return {}
        try:
            gib = float(self.cacheGib)
        except ValueError:
            gib = float("nan")
        check_cache_size(gib, self.cacheGib)
        return {} if gib * 2**30 == MOST_BYTES else {SIZE_VARIABLE: f"{gib:g}"}


def checkReportFolder(path: str) -> None:
    """Raises `EchoApexError` for a folder in which no report can be written: it, or what it would lie in, is no folder.

    An empty one is the folder of the user's reports.
    """
    folder = Path(path).expanduser()
    if path and not folder.is_absolute():
        raise EchoApexError("The folder for reports must be named from the root on", value=path)
    try:
        while path and not folder.exists() and folder != folder.parent:
            folder = folder.parent
        writable = not path or (folder.is_dir() and os.access(folder, os.W_OK))
    except OSError:  # a name that no system takes
        writable = False
    if not writable:
        raise EchoApexError("Reports cannot be written in this folder", value=path)
