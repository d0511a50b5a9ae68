"""What a user may tell about a patient: only what reference ranges and indices need, never a name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .errors import EchoApexError


class Sex(StrEnum):
    """Sex as DICOM writes it; others have no reference ranges and count as unknown."""

    FEMALE = "F"
    MALE = "M"


_RANGES = {"age": (0.0, 130.0, "years"), "height_cm": (30.0, 260.0, "cm"), "weight_kg": (1.0, 400.0, "kg")}
"""Outside these a number is a typing error or another unit (own choice)."""


@dataclass(frozen=True)
class Patient:
    """Sex, age in years, height in cm and weight in kg; None is unknown. Raises `EchoApexError` for impossible ones."""

    sex: Sex | None = None
    age: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None

    def __post_init__(self) -> None:
        for name, (low, high, unit) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise EchoApexError(f"A patient's {name} lies between {low:g} and {high:g} {unit}", value=value)
