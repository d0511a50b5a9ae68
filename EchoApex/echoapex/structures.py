"""The anatomical structures the engine knows by name, and how text finds them by the words listed for each.

The list is data (``Resources/Terminologies/structures.json``); codes come from SNOMED CT as printed in DICOM PS3.16.
Text that is not listed word by word is read by a model (`echoapex.models.text_to_structure`); what is here needs none.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import dropwhile
from types import MappingProxyType
from typing import Any

from . import resources
from .errors import PromptError

PROMPTED = "PROMPTED"
"""Identifier of a mask made by a prompt alone, with no known structure behind it."""

MAX_TEXT = 200
"""Characters of the longest text that is read (our choice)."""

_ASKING = frozenset(
    ("a", "the", "this", "please", "segment", "find", "show", "me", "mark", "outline", "draw", "trace", "delineate")
)
"""Words around a name that say only that it is asked for."""

_LEFT = frozenset(
    ("left", "l", "lv", "la", "lvm", "sinister", "sinistrum", "linker", "linke", "gauche", "izquierdo", "izquierda")
)
_RIGHT = frozenset(
    ("right", "r", "rv", "ra", "dexter", "dextrum", "rechter", "rechte", "droit", "droite", "derecho", "derecha")
)


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

    @property
    def bright(self) -> tuple[int, int, int]:
        """``color`` at full brightness, to be seen on a dark picture."""
        brightest = max(self.color)
        red, green, blue = (round(255 * part / brightest) for part in self.color)
        return red, green, blue


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(
        resources.path("Terminologies/structures.json").read_text(encoding="utf-8"),
    )
    return content


@cache
def structures() -> dict[str, Structure]:
    """All known structures by identifier, in a fixed order."""
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
        for item in _content()["structures"]
    }


def normalized(text: str) -> str:
    """``text`` in lower case without accents, its words apart by one space; single letters in a row are one word.

    Raises `PromptError` for a text longer than `MAX_TEXT`.
    """
    if len(text) > MAX_TEXT:
        raise PromptError(f"A text prompt has at most {MAX_TEXT} characters", value=len(text))
    plain = unicodedata.normalize("NFKD", text.casefold())
    words = re.sub(r"[^a-z0-9]+", " ", "".join(c for c in plain if not unicodedata.combining(c))).strip()
    # "L.V." is the abbreviation LV.
    return re.sub(r"(?<=\b[a-z]) (?=[a-z]\b)", "", words)


@cache
def known_phrases() -> Mapping[str, str]:
    """Every identifier, name and synonym, `normalized`, with the identifier of its structure."""
    return MappingProxyType(
        {
            normalized(phrase): item.id
            for item in structures().values()
            for phrase in (item.id, item.name, *item.synonyms)
        }
    )


@cache
def ambiguous_phrases() -> Mapping[str, tuple[str, ...]]:
    """Texts that fit several structures, `normalized`, with the identifiers of those."""
    return MappingProxyType(
        {normalized(name): tuple(group["structures"]) for group in _content()["ambiguous"] for name in group["names"]}
    )


def listed_structure(text: str) -> Structure | None:
    """The structure that has ``text`` as identifier, name or synonym, in any case; None when none has."""
    words = normalized(text)
    found = known_phrases().get(words) or known_phrases().get(_asked_for(words))
    return None if found is None else structures()[found]


def find_structure(text: str) -> Structure:
    """The structure that ``text`` names: identifier, name or synonym in any case, small typing errors allowed.

    Raises `PromptError`, naming what is known, when the text names nothing known, or several at once.
    """
    listed = listed_structure(text)
    if listed is not None:
        return listed
    meant = {known_phrases()[phrase] for phrase in known_phrases() if _same_words(_asked_for(normalized(text)), phrase)}
    if len(meant) != 1:
        raise refusal(text)
    return structures()[meant.pop()]


def refusal(text: str) -> PromptError:
    """Why ``text`` names no single structure, as a sentence that lists what it may mean or what is known."""
    candidates = _candidates(_asked_for(normalized(text))) if text else ()
    if candidates:
        return PromptError(f"This text fits several structures, say which: {_listing(candidates)}", value=text)
    known = _listing(tuple(structures()))
    return PromptError(
        f"This text names no structure I know; known are {known}, not all of them to every model", value=text
    )


def sides(text: str) -> frozenset[str]:
    """Which of ``left`` and ``right`` the words of ``text`` say, abbreviations and one typing error included."""
    words = normalized(text).split()
    left = any(word in _LEFT or _same_word(word, "left") for word in words)
    right = any(word in _RIGHT or _same_word(word, "right") for word in words)
    return frozenset(side for side, said in (("left", left), ("right", right)) if said)


def _listing(identifiers: tuple[str, ...]) -> str:
    return ", ".join(f"{identifier} ({structures()[identifier].name})" for identifier in identifiers)


def _asked_for(words: str) -> str:
    """Normalized text without the words before and after it that only ask."""
    kept = list(dropwhile(_ASKING.__contains__, words.split()))
    return " ".join(reversed(list(dropwhile(_ASKING.__contains__, reversed(kept)))))


def _candidates(words: str) -> tuple[str, ...]:
    for phrase, meant in ambiguous_phrases().items():
        if _same_words(words, phrase):
            return meant
    named = _named_in(words.split())
    return tuple(item for item in structures() if item in named) if len(named) > 1 else ()


def _named_in(words: list[str]) -> set[str]:
    """Structures whose listed phrases occur in ``words``, longest phrases first, no word counted twice."""
    named, start = set(), 0
    while start < len(words):
        ends = range(len(words), start, -1)
        end = next((end for end in ends if " ".join(words[start:end]) in known_phrases()), None)
        if end is not None:
            named.add(known_phrases()[" ".join(words[start:end])])
        start = end or start + 1
    return named


def _same_words(text: str, phrase: str) -> bool:
    """Whether both are the same words but for typing errors, or the same letters but for spaces."""
    if len(phrase) >= 6 and text.replace(" ", "") == phrase.replace(" ", ""):
        return True
    pairs = text.split(), phrase.split()
    return len(pairs[0]) == len(pairs[1]) and all(map(_same_word, *pairs))


def _same_word(word: str, known: str) -> bool:
    """Equal but for typing errors: one, or two in words of eight letters and more (our choice).

    Abbreviations are too short to repair: one wrong letter makes LA of RA.
    """
    if len(known) < 4:
        return word == known
    return _edits(word, known, 2 if len(known) >= 8 else 1)


def _edits(word: str, known: str, allowed: int) -> bool:
    """Whether ``allowed`` letters added, dropped, changed or swapped with the next one turn one into the other.

    The optimal string alignment distance (Damerau 1964).
    """
    if abs(len(word) - len(known)) > allowed:
        return False
    before: list[int] = []
    row = list(range(len(known) + 1))
    for i, letter in enumerate(word):
        above, before = before, row
        row = [i + 1]
        for j, other in enumerate(known):
            cost = min(before[j + 1] + 1, row[j] + 1, before[j] + (letter != other))
            if above and j and letter == known[j - 1] and word[i - 1] == other:
                cost = min(cost, above[j - 1] + 1)
            row.append(cost)
    return row[-1] <= allowed
