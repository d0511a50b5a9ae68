"""The one way the engine refuses: a rule, the value that broke it, and the file it was found in."""

from __future__ import annotations

from pathlib import Path

from .console import harmless

_LONGEST = 300
"""Characters of a value or a name that are shown at most: a damaged file can put anything there."""


class EchoApexError(Exception):
    """A refusal a user can act on.

    Parameters: ``rule`` is one clear sentence in plain words; ``value`` is what broke it; ``file`` is the file
    concerned, when there is one. ``str(error)`` is a single line naming all three, without characters that steer a
    terminal, and with a long value or name cut.
    """

    def __init__(self, rule: str, *, value: object = None, file: str | Path | None = None) -> None:
        self.rule = rule.rstrip(".")
        self.value = value
        self.file = None if file is None else str(file)
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        place = f"{_shown(self.file)}: " if self.file else ""
        found = "" if self.value is None else f" (found: {_shown(self.value)})"
        return harmless(f"{place}{self.rule}{found}.")

    def as_failure(self) -> dict[str, object]:
        """This refusal as an entry of ``failures`` in report.json."""
        return {"file": self.file, "rule": self.rule, "value": None if self.value is None else _shown(self.value)}


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class ReadError(EchoApexError):
    """A file could not be read as a cine."""


class NotAClipError(ReadError):
    """A file is something else than a clip, such as a report or a 3D volume: it is left out, and nothing has failed."""


class OutputError(EchoApexError):
    """What a file became cannot be written: it is not the file's fault, and the next one will not fare better."""


class ScaleError(EchoApexError):
    """Millimeters or milliliters were asked for where no trustworthy scale exists."""


class MeasureError(EchoApexError):
    """A measurement is not possible on this cine or mask."""


class PromptError(EchoApexError):
    """A prompt cannot be used: outside the frame, empty, or text that names no known structure."""


class ModelError(EchoApexError):
    """A model folder is missing, damaged or does not fit what it is asked to do."""
