"""Trains the text encoder on phrases made from lists of what is known and what is not; takes seconds, not hours.

Known phrases are names and synonyms in other word orders, inside requests and with typing errors. Foreign ones are
other anatomy, findings, measurements, everyday words, nonsense, texts that fit several structures, and names of
structures turned into something else by a word ("left atrial appendage"). All rates and rewritings are our choice.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .. import resources
from ..structures import ambiguous_phrases, known_phrases, normalized

if TYPE_CHECKING:
    from ..models.text_encoder_network import TextEncoder

STEPS = 1200
BATCH = 128
LEARNING_RATE = 4e-3

_SIDES = ("left", "right")
_NOUNS = {"ventricular": "ventricle", "atrial": "atrium", "aortic": "aorta", "pericardial": "pericardium"}
_SHORT = {
    f"{side} {chamber}": side[0] + chamber[0]
    for side in _SIDES
    for chamber in ("ventricular", "ventricle", "atrial", "atrium")
}
_PARTS = (
    "blood pool",
    "free wall",
    "cavity",
    "chamber",
    "wall",
    "myocardium",
    "muscle",
    "endocardium",
    "root",
    "fluid",
)
_REPLACED = {
    "cavity": ("lumen", "blood volume", "inside", "interior"),
    "wall": ("walls", "muscle wall"),
    "endocardium": ("endocardial border", "endocardial surface", "inner border"),
    "myocardium": ("myocard", "myocardial tissue", "myocardial layer", "heart muscle"),
    "left": ("l",),
    "right": ("r",),
    "effusion": ("effusions",),
    "root": ("sinus", "roots"),
}
_LINKS = ("", "of", "of the", "in", "in the", "within the")
_ORDERED = frozenset(("of", "in", "the", "around", "du", "del"))
"""Words that fix the order of those beside them."""

_LINKED = re.compile(r" (of the|of|in the|in|within the) ")
_JOINED = ("{} and {}", "{} and the {}", "{} or {}", "{} {}", "both {} and {}", "{} plus {}", "{} with {}", "{} vs {}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_KEYS = {
    key: row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for place, key in enumerate(row)
}


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(resources.path(name).read_text(encoding="utf-8"))
    return content


@cache
def held_out() -> frozenset[str]:
    """Phrases kept for evaluation, `normalized`: nothing made here is one of them."""
    content = _read("Evaluation/phrases.json")
    parts = [content[name] for name in ("test", "validation")]
    kinds = [kind for part in parts for kind in (*part["phrases"].values(), part["foreign"])]
    return frozenset(normalized(phrase) for kind in kinds for phrases in kind.values() for phrase in phrases)


@cache
def word_orders() -> Mapping[str, str]:
    """Every listed phrase of a structure and its rewritings, with the structure's identifier."""
    found = dict(known_phrases())
    for phrase, structure in known_phrases().items():
        for variant in sorted(_rewritten(phrase)):
            found.setdefault(variant, structure)
    return MappingProxyType(found)


@cache
def foreign_terms() -> tuple[str, ...]:
    """Every listed term to refuse, texts that fit several structures among them."""
    listed = (
        normalized(term) for terms in _read("Terminologies/refused_terms.json")["terms"].values() for term in terms
    )
    return (*listed, *ambiguous_phrases())


def _rewritten(phrase: str) -> set[str]:
    worded = {phrase} | {phrase.replace(long, short) for long, short in _SHORT.items()}
    for word, others in _REPLACED.items():
        if word in phrase.split():
            worded.update(phrase.replace(word, other) for other in others)
    return {order for words in worded for order in _orders(words)}


def _orders(phrase: str) -> set[str]:
    words = phrase.split()
    orders = {phrase}
    if len(words) <= 3 and not _ORDERED & set(words):
        orders.add(" ".join([words[-1], *words[:-1]]))
    if words[0] in _SIDES:
        orders.add(" ".join([*words[1:], words[0]]))
    part = next((part for part in _PARTS if phrase.endswith(f" {part}")), None)
    if part is not None:
        whole = " ".join(_NOUNS.get(word, word) for word in phrase.removesuffix(f" {part}").split())
        orders |= {normalized(f"{part} {link} {whole}") for link in _LINKS}
    return orders


def misspelled(text: str, chance: random.Random) -> str:
    """``text`` with one typing error; words of less than four letters stay, as LA and RA are one letter apart."""
    words = text.split()
    long = [place for place, word in enumerate(words) if len(word) >= 4]
    if not long:
        return text
    if len(words) > 1 and chance.random() < 0.12:
        place = chance.randrange(1, len(words))
        return " ".join([*words[: place - 1], words[place - 1] + words[place], *words[place + 1 :]])
    place = chance.choices(long, [len(words[place]) for place in long])[0]
    words[place] = _mistyped(words[place], chance)
    return " ".join(words)


def _mistyped(word: str, chance: random.Random) -> str:
    """``word`` with two letters swapped, one dropped, doubled, taken for its neighbor on the keyboard, or changed."""
    place = chance.randrange(len(word))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    typed = {
        "swap": after[:1] + letter + after[1:],
        "drop": after,
        "double": letter + letter + after,
        "neighbor": chance.choice(_KEYS.get(letter, _LETTERS)) + after,
        "other": chance.choice(_LETTERS) + after,
    }
    return before + typed[chance.choice(list(typed))]


class PhraseMaker:
    """Makes phrases from a seed: the same seed gives the same phrases, none of them one that is `held_out`."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._written, self._listed = _by_structure(word_orders()), _by_structure(known_phrases())
        self._terms, self._attached = foreign_terms(), _read("Terminologies/refused_terms.json")["attached"]
        self._words = sorted({word for term in self._terms for word in term.split() if len(word) > 2})
        self._requests = _read("Terminologies/request_phrases.json")
        self._foreign_kinds: dict[Callable[[], str], int] = {
            self._term: 30,
            self._changed: 18,
            self._one_sided: 8,
            self._several: 8,
            self._broken: 20,
            self._nonsense: 12,
            self._mixed: 8,
        }

    def known(self) -> tuple[str, str]:
        """A phrase and the identifier of the structure that it names."""
        structure = self._chance.choice(list(self._listed))
        phrases = self._listed if self._chance.random() < 0.4 else self._written
        return self._unseen(lambda: self._typed(self._linked(self._chance.choice(phrases[structure])))), structure

    def foreign(self) -> str:
        """A phrase that names no single structure."""
        kinds, rates = list(self._foreign_kinds), list(self._foreign_kinds.values())
        return self._unseen(lambda: self._typed(self._chance.choices(kinds, rates)[0]()))

    def _unseen(self, make: Callable[[], str]) -> str:
        while (text := normalized(make())) in held_out():
            pass
        return text

    def _typed(self, phrase: str) -> str:
        """As people type it: with errors in every second case, within a request in many."""
        for _ in range(self._chance.choices((0, 1, 2), (50, 42, 8))[0]):
            phrase = misspelled(phrase, self._chance)
        opening, ending = self._around("openings", 0.4), self._around("endings", 0.25)
        return f"{opening} {self._chance.choice(('', '', 'the', 'a'))} {phrase} {ending}"

    def _around(self, usual: str, rate: float) -> str:
        if self._chance.random() >= rate:
            return ""
        if self._chance.random() < 0.5:
            return str(self._chance.choice(self._requests[usual]))
        # An unheard sentence around a name is none to stumble over.
        return self._small_words(4)

    def _linked(self, phrase: str) -> str:
        """Sometimes with other words between a part and its whole."""
        if self._chance.random() < 0.7:
            return phrase
        return _LINKED.sub(lambda _: f" {self._small_words(2)} ", phrase)

    def _small_words(self, most: int) -> str:
        return " ".join(self._chance.choices(self._requests["small_words"], k=self._chance.randint(1, most)))

    def _any_phrase(self) -> str:
        return self._chance.choice(self._written[self._chance.choice(list(self._written))])

    def _term(self) -> str:
        return self._chance.choice(self._terms)

    def _changed(self) -> str:
        return f"{self._any_phrase()} {self._chance.choice(self._attached)}"

    def _one_sided(self) -> str:
        return self._not_known(lambda: f"{self._chance.choice(_SIDES)} {self._chance.choice(self._words)}")

    def _several(self) -> str:
        one, other = self._chance.sample(list(self._written.values()), 2)
        return self._chance.choice(_JOINED).format(self._chance.choice(one), self._chance.choice(other))

    def _broken(self) -> str:
        return self._not_known(self._break)

    def _break(self) -> str:
        """A phrase of which a word is dropped or replaced, so that it names nothing any more."""
        words = self._any_phrase().split()
        place = self._chance.choice([place for place, word in enumerate(words) if word not in _ORDERED])
        rest = " ".join([*words[:place], *words[place + 1 :]])
        if rest in word_orders():
            return rest
        words[place] = self._chance.choice(("", self._word(), self._chance.choice(self._words)))
        return " ".join(words)

    def _mixed(self) -> str:
        return self._not_known(lambda: " ".join(self._chance.choices(self._words, k=self._chance.randint(1, 3))))

    def _not_known(self, make: Callable[[], str]) -> str:
        while (text := normalized(make())) in word_orders():
            pass
        return text

    def _nonsense(self) -> str:
        words = [self._word() for _ in range(self._chance.randint(1, 3))]
        return " ".join([self._chance.choice((*_SIDES, "the")), *words] if self._chance.random() < 0.3 else words)

    def _word(self) -> str:
        """Letters at random, or syllables that can be spoken."""
        if self._chance.random() < 0.4:
            return "".join(self._chance.choices(_LETTERS, k=self._chance.randint(1, 8)))
        syllables = range(self._chance.randint(1, 4))
        return "".join(self._chance.choice(_LETTERS) + self._chance.choice("aeiou") + self._tail() for _ in syllables)

    def _tail(self) -> str:
        return self._chance.choice(("", "", "n", "r", "s"))


def _by_structure(phrases: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for phrase, structure in phrases.items():
        found.setdefault(structure, []).append(phrase)
    return found


def train_text_encoder(seed: int = 0, steps: int = STEPS) -> TextEncoder:
    """A text encoder for all known structures, on the CPU and in evaluation mode.

    Half of each batch is foreign. The same seed gives the same encoder on the same machine; half a minute on one core.
    """
    import torch

    from ..models.text_encoder_network import TextEncoder, text_words

    maker = PhraseMaker(seed)
    # The caller's random numbers stay what they were.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = TextEncoder()
        optimizer = torch.optim.Adam(encoder.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps)
        for _ in range(steps):
            texts, labels = _batch(maker, encoder.classes)
            loss = torch.nn.functional.cross_entropy(encoder(text_words(texts)), torch.tensor(labels))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return encoder.eval()


def _batch(maker: PhraseMaker, classes: Sequence[str]) -> tuple[list[str], list[int]]:
    known = [maker.known() for _ in range(BATCH // 2)]
    foreign = [maker.foreign() for _ in range(BATCH // 2)]
    labels = [classes.index(structure) for _, structure in known] + [len(classes)] * len(foreign)
    return [*(text for text, _ in known), *foreign], labels
