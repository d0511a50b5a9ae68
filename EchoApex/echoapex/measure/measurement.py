"""What measuring returns: beats and measurements that can be traced to their frames and method."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class MeasurementStatus(StrEnum):
    """What part a person has in a number: none, it rests on a correction, or all it rests on was accepted."""

    PREDICTED = "predicted"
    CORRECTED = "corrected"
    CONFIRMED = "confirmed"


@dataclass(frozen=True)
class Beat:
    """One heartbeat: the end-diastolic frame, the end-systolic frame that follows it, and where the next begins.

    ``next_ed`` is None when the clip ends first: the beat then has its systole but no known length.
    """

    ed: int
    es: int
    next_ed: int | None = None

    @property
    def complete(self) -> bool:
        """Whether the whole beat, ED to ED, lies in the clip."""
        return self.next_ed is not None


@dataclass(frozen=True)
class Source:
    """The clip and frames a value comes from."""

    clip: str
    frames: tuple[int, ...]


@dataclass(frozen=True)
class Reference:
    """Normal values ``low`` to ``high`` in the unit of the measurement (None is open) and the scheme they come from."""

    low: float | None
    high: float | None
    scheme: str


@dataclass(frozen=True)
class Exclusion:
    """A person's reason why a number is not to count; ``through`` names the number that was excluded for it.

    That is None where the number was excluded itself; else it is out because it rests on that one.
    """

    reason: str
    through: str | None = None

    @property
    def words(self) -> str:
        """The reason, and the number that it is of."""
        return f"it rests on {self.through} ({self.reason})" if self.through else self.reason


@dataclass(frozen=True)
class Measurement:
    """One number with its unit (UCUM), method, sources and confidence, 0 to 1, or None where unknown.

    ``reference`` and ``grade`` (of ``normal``, ``mild``, ``moderate``, ``severe`` and the like) are None where no
    scheme applies. The confidence is the predicted Dice of outlines; for lengths between landmarks, the probability of
    an error within a tenth. Names and methods are those of report.json: ``LVEDV LVESV LVEF LVSV HR ...`` by ``A4C``,
    ``A2C``, ``area_length_A4C``, ``direct`` and so on. ``status`` says what part a person has in it, ``rater`` who (a
    code, "" where nobody or unknown); ``excluded`` is None where it counts.
    """

    name: str
    value: float | None
    unit: str
    method: str
    sources: tuple[Source, ...] = ()
    confidence: float | None = None
    warnings: tuple[str, ...] = field(default=())
    reference: Reference | None = None
    grade: str | None = None
    status: MeasurementStatus = MeasurementStatus.PREDICTED
    rater: str = ""
    excluded: Exclusion | None = None
