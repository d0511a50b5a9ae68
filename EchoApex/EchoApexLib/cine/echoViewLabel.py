"""The view that a cine shows: as it was recognized when the scene was made, or as somebody has said since."""

from __future__ import annotations

from typing import Any

from echoapex.models.model_card import UNKNOWN

from ..record.recordSaving import RECORD, recordOf

VIEW = "EchoApex.View"
"""Attribute of a browser with the view that somebody has said."""


def viewOf(browser: Any) -> str:
    """The view of the cine of ``browser``; `UNKNOWN` where nothing says it. Raises `ReadError` for a damaged record."""
    said = browser.GetAttribute(VIEW)
    if said:
        return str(said)
    record = browser.GetNodeReference(RECORD)
    return UNKNOWN if record is None else str(recordOf(record)["view"])


def setViewOf(browser: Any, view: str | None) -> None:
    """Somebody says which view it is, which goes before what was recognized; None takes that back."""
    if view is None:
        browser.RemoveAttribute(VIEW)
    else:
        browser.SetAttribute(VIEW, view)
