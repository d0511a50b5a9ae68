"""The view that a DICOM header names in the codes of CID 12226."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

VIEW_CODES = {
    "A4C": ("399214001", "G-A19C"),
    "A2C": ("399232001", "G-A19B"),
    "A3C": ("399339008", "G-0395"),
    "PLAX": ("399139001", "G-0396"),
    "PLAX_RVIN": ("443082005", "G-0577"),
    "PLAX_RVOUT": ("443083000", "G-0578"),
    "PSAX_AV": ("399239005", "G-0398"),
    "PSAX_MV": ("399036006", "G-039A"),
    "PSAX_PM": ("399271003", "G-039B"),
    "SC4C": ("399310008", "G-039E"),
    "SCSAX": ("399200001", "G-039F"),
}
"""Codes of DICOM CID 12226 that name exactly one of our views: SNOMED CT, and the retired SNOMED RT of machines in use.

The subcostal four chamber view is "subcostal long axis" there.
"""

CODES_OF_ONE_SCHEME = {"A4C_RV": ("DCM", "130681"), "SSN": ("SCT", "443562002")}
"""Scheme and code of views that have no code in SNOMED RT here."""

_VIEW_OF_CODE = {
    **{("SCT", sct): view for view, (sct, _) in VIEW_CODES.items()},
    **{("SRT", srt): view for view, (_, srt) in VIEW_CODES.items()},
    **{code: view for view, code in CODES_OF_ONE_SCHEME.items()},
}
_SNOMED_RT = ("SRT", "SNM3", "99SDM")
"""Designators under which DICOM PS3.16 section 8.1 lists SNOMED RT codes."""


def find_view(header: Dataset) -> str | None:
    """The view that ViewCodeSequence names, None where it names none of ours; nothing is recognized from pixels."""
    named = {_view_of(code) for code in header.get("ViewCodeSequence") or ()}
    return named.pop() if len(named) == 1 else None


def _view_of(code: Dataset) -> str | None:
    scheme, value = (str(code.get(name) or "").strip() for name in ("CodingSchemeDesignator", "CodeValue"))
    return _VIEW_OF_CODE.get(("SRT" if scheme in _SNOMED_RT else scheme, value))
