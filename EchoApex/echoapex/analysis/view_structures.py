"""Which structures are to be seen, and asked for, in which view; and all identifiers of views."""

from __future__ import annotations

from ..models.model_card import OTHER, UNKNOWN

VIEW_STRUCTURES = {
    "A4C": ("LV", "LV_MYO", "LA", "RV", "RA"),
    "A2C": ("LV", "LV_MYO", "LA"),
    "A3C": ("LV", "LV_MYO", "LA", "AO"),
    "A5C": ("LV", "LV_MYO", "LA", "RV", "RA", "AO"),
    "PLAX": ("LV", "LV_MYO", "LA", "RV", "AO"),
    "PSAX_AV": ("LA", "RV", "RA", "AO"),
    "PSAX_MV": ("LV", "LV_MYO", "RV"),
    "PSAX_PM": ("LV", "LV_MYO", "RV"),
    "PSAX_APEX": ("LV", "LV_MYO", "RV"),
    "SC4C": ("LV", "LV_MYO", "LA", "RV", "RA"),
}
"""What is to be seen in a view. In other views nothing is outlined unattended."""

WALL_VIEW = "PLAX"
"""The view in which walls and inner diameter are measured."""

VIEWS = (
    *("A4C", "A2C", "A3C", "A5C", "A4C_RV", "PLAX", "PLAX_RVIN", "PLAX_RVOUT", "PSAX_AV", "PSAX_MV", "PSAX_PM"),
    *("PSAX_APEX", "SC4C", "SCSAX", "SCIVC", "SSN", "ZOOM", OTHER, UNKNOWN),
)
"""All identifiers of views."""
