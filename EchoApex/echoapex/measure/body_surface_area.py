"""Body surface area, and what is indexed by it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

import numpy as np

from ..errors import MeasureError
from ..patient import Patient
from .measurement import Measurement


class BsaFormula(StrEnum):
    """Who the formula for the body surface area is by; DuBois is that of the reference ranges."""

    DUBOIS = "DuBois"
    MOSTELLER = "Mosteller"
    HAYCOCK = "Haycock"


INDEXED = {
    "LVEDV": [("LVEDVI", "mL/m2")],
    "LVESV": [("LVESVI", "mL/m2")],
    "LAV": [("LAVI", "mL/m2")],
    "LVMass": [("LVMassIndex", "g/m2")],
}
"""Name and unit of each index of a number."""


def bsa(height_cm: float, weight_kg: float, formula: BsaFormula = BsaFormula.DUBOIS) -> float:
    """Body surface area in m2.

    DuBois ``0.007184 W^0.425 H^0.725`` (Du Bois and Du Bois, Arch Intern Med 1916;17:863), Mosteller
    ``sqrt(H W / 3600)`` (N Engl J Med 1987;317:1098), Haycock ``0.024265 W^0.5378 H^0.3964`` (J Pediatr 1978;93:62),
    H in cm, W in kg. Raises `MeasureError` unless both are positive and finite.
    """
    for value in (height_cm, weight_kg):
        if not (np.isfinite(value) and value > 0):
            raise MeasureError("Body surface area needs a height and a weight above 0", value=value)
    if formula is BsaFormula.DUBOIS:
        return float(0.007184 * weight_kg**0.425 * height_cm**0.725)
    if formula is BsaFormula.MOSTELLER:
        return float(np.sqrt(height_cm * weight_kg / 3600.0))
    return float(0.024265 * weight_kg**0.5378 * height_cm**0.3964)


def patient_bsa(patient: Patient | None, formula: BsaFormula = BsaFormula.DUBOIS) -> float | None:
    """Body surface area of a patient in m2; None where height or weight is unknown."""
    if patient is None or patient.height_cm is None or patient.weight_kg is None:
        return None
    return bsa(patient.height_cm, patient.weight_kg, formula)


def index_by_bsa(
    measurements: Iterable[Measurement], patient: Patient | None, formula: BsaFormula = BsaFormula.DUBOIS
) -> tuple[Measurement, ...]:
    """``LVEDVI``, ``LVESVI``, ``LAVI`` (mL/m2) and ``LVMassIndex`` (g/m2) of what there is, by each method.

    Method, sources, confidence and warnings are those of the value that is divided. Empty where height or weight is
    unknown.
    """
    area = patient_bsa(patient, formula)
    if area is None:
        return ()
    return tuple(
        replace(item, name=name, unit=unit, value=item.value / area, reference=None, grade=None)
        for item in measurements
        if item.value is not None
        for name, unit in INDEXED.get(item.name, ())
    )
