"""Who has corrected a clip, as its browser keeps it in the scene: codes, never names of patients."""

from __future__ import annotations

from typing import Any

from .decisions import LONGEST_TEXT

RATERS = "EchoApex.Raters"
"""Attribute of a browser: the codes of those who have corrected its clip, in the order in which they came."""

_BETWEEN = ", "


def ratersOf(browser: Any) -> str:
    """Who has corrected the clip of ``browser``; "" where nobody has said who it was."""
    return str(browser.GetAttribute(RATERS) or "")


def keepRaters(browser: Any, codes: str) -> None:
    """Those who have corrected the clip, as `ratersOf` gives them; "" changes nothing."""
    if codes:
        browser.SetAttribute(RATERS, codes)


def sign(browser: Any, rater: str) -> None:
    """``rater`` has corrected something in the clip of ``browser``; "" is nobody that is known."""
    known = [one for one in ratersOf(browser).split(_BETWEEN) if one]
    code = rater.strip().replace(_BETWEEN, " ")
    signed = _BETWEEN.join([*known, code])
    if code and code not in known and len(signed) <= LONGEST_TEXT:
        browser.SetAttribute(RATERS, signed)
