"""The anatomical structures the engine knows by name, and how text finds them.

The list is data (``Resources/Terminologies/structures.json``); codes come from SNOMED CT as printed in DICOM PS3.16.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from . import resources
from .errors import PromptError

PROMPTED = "PROMPTED"
"""Identifier of a mask made by a prompt alone, with no known structure behind it."""


@dataclass(frozen=True)
class Structure:
    """One structure: ``color`` is RGB 0-255, ``snomed`` is ``(code, meaning)``, ``terminology`` is Slicer's entry.

    ``wall`` is true where one cut may rightly show several pieces, as septum and lateral wall with the apex missing.
    """

    id: str
    name: str
    synonyms: tuple[str, ...]
    color: tuple[int, int, int]
    snomed: tuple[str, str]
    terminology: str
    wall: bool = False


@cache
def structures() -> dict[str, Structure]:
    """All known structures by identifier, in a fixed order."""
    text = resources.path("Terminologies/structures.json").read_text(encoding="utf-8")
    return {
        item["id"]: Structure(
            id=item["id"],
            name=item["name"],
            synonyms=tuple(item["synonyms"]),
            color=tuple(item["color"]),
            snomed=(item["snomed"]["code"], item["snomed"]["meaning"]),
            terminology=item["terminology"],
            wall=item["wall"],
        )
        for item in json.loads(text)["structures"]
    }


def _normalized(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower()).split())


@cache
def _phrases() -> dict[str, str]:
    table: dict[str, str] = {}
    for item in structures().values():
        for phrase in (item.id, item.name, *item.synonyms):
            table[_normalized(phrase)] = item.id
    return table


def find_structure(text: str) -> Structure:
    """The structure that ``text`` names: identifier, name or synonym in any case, small typing errors allowed.

    Raises `PromptError`, naming what is known, when the text names nothing known.
    """
    wanted = re.sub(r"^(the|segment|find|show) ", "", _normalized(text))
    phrases = _phrases()
    if wanted in phrases:
        return structures()[phrases[wanted]]
    # Abbreviations are too short to repair: one wrong letter makes LA of RA.
    candidates = [phrase for phrase in phrases if len(phrase) >= 6]
    close = get_close_matches(wanted, candidates, n=3, cutoff=0.86) if len(wanted) >= 6 else []
    # "left atrium" and "right atrium" differ by more than a typing error, but a tie between two is no answer.
    ids = {phrases[phrase] for phrase in close}
    if len(ids) == 1:
        return structures()[ids.pop()]
    known = ", ".join(f"{s.id} ({s.name})" for s in structures().values())
    raise PromptError(f"This text names no structure I know; known are {known}", value=text)
