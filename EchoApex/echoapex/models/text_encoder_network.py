"""Free text to a structure: a small encoder of words by their letters, trained with the segmenter, able to refuse.

A word is the bag of its groups of one to four letters, hashed into a fixed number of rows (words as bags of letter
groups: Bojanowski et al. 2017; hashing: Weinberger et al. 2009), so that a word with a typing error stays near the one
that was meant. A convolution over neighboring words and the maximum over all follow (Kim 2014). The sizes are our
choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ModelError
from ..structures import normalized, structures

BUCKETS, WIDTH, CHANNELS, HIDDEN = 4096, 64, 96, 64
GROUP_SIZES = (1, 2, 3, 4)
WORD_DROPOUT, TEXT_DROPOUT = 0.25, 0.2

MAX_CLASSES, MAX_NAME = 32, 32
"""Room for classes and for the letters of a class's name. Fixed, so that every text encoder has the same shapes."""

LEAST_PROBABILITY = 0.5
"""An answer less probable than this is no answer (our choice)."""


class Words(NamedTuple):
    """N texts of up to L words as the encoder takes them.

    ``groups`` are the rows of the letter groups of all words, one word after the other, ``starts [W]`` is where each
    word begins in them, ``places [W]`` is its place in the ``N x L`` words of the batch; all ``long``.
    """

    groups: Tensor
    starts: Tensor
    places: Tensor
    shape: tuple[int, int]

    def to(self, device: torch.device) -> Words:
        """The same words on another device."""
        return Words(self.groups.to(device), self.starts.to(device), self.places.to(device), self.shape)


class TextEncoder(nn.Module):
    """Text to probabilities of ``classes`` (identifiers of structures; by default all known ones) and of none of them.

    The names of the classes are part of the weights: an encoder that is loaded knows those it was trained with.
    Raises `ModelError` for more or longer names than there is room for.
    """

    names: Tensor

    def __init__(self, classes: Sequence[str] | None = None) -> None:
        super().__init__()
        self.register_buffer("names", _encoded(tuple(structures()) if classes is None else tuple(classes)))
        self.word = nn.EmbeddingBag(BUCKETS, WIDTH, mode="mean")
        self.norm = nn.LayerNorm(WIDTH)
        self.neighbors = nn.Conv1d(WIDTH, CHANNELS, 3, padding=1)
        self.read = nn.Sequential(
            nn.LayerNorm(CHANNELS),
            nn.Dropout(TEXT_DROPOUT),
            nn.Linear(CHANNELS, HIDDEN),
            nn.GELU(),
            nn.Linear(HIDDEN, MAX_CLASSES + 1),
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The structures it tells apart, in the order of `scores`; raises `ModelError` where the weights name none."""
        return _decoded(self.names)

    def forward(self, words: Words) -> Tensor:
        """Logits ``[N, S + 1]``, the last for "none of them"."""
        count, length = words.shape
        known = functional.dropout(self.norm(self.word(words.groups, words.starts)), WORD_DROPOUT, self.training)
        placed = known.new_zeros(count * length, WIDTH).index_copy(0, words.places, known)
        there = torch.zeros_like(placed[:, 0], dtype=torch.bool).index_fill(0, words.places, True)
        read = functional.gelu(self.neighbors(placed.view(count, length, WIDTH).transpose(1, 2)))
        missing = ~there.view(count, 1, length)
        logits: Tensor = self.read(read.masked_fill(missing, -torch.inf).amax(-1))
        return logits[:, [*range(len(self.classes)), MAX_CLASSES]]

    @torch.inference_mode()
    def scores(self, texts: Sequence[str]) -> Tensor:
        """Probabilities ``[N, S + 1]`` of each class and, last, of none; raises `PromptError` for a text too long."""
        logits: Tensor = self(text_words(texts).to(self.names.device))
        return logits.softmax(-1)

    def resolve(self, text: str) -> tuple[str | None, float]:
        """``(structure, probability)`` of the most probable class; None where that is "none" or not sure enough."""
        probabilities = self.scores([text])[0]
        best = int(probabilities.argmax())
        probability = float(probabilities[best])
        known = best < len(self.classes) and probability >= LEAST_PROBABILITY
        return (self.classes[best] if known else None), probability


def text_words(texts: Sequence[str]) -> Words:
    """Texts as `TextEncoder` takes them; raises `PromptError` as `normalized` does."""
    split = [normalized(text).split() or [""] for text in texts]
    length = max((len(words) for words in split), default=1)
    rows = [_letter_groups(word) for words in split for word in words]
    starts = torch.tensor([0, *map(len, rows)]).cumsum(0)[:-1]
    places = [text * length + place for text, words in enumerate(split) for place in range(len(words))]
    groups = torch.tensor([group for row in rows for group in row], dtype=torch.long)
    return Words(groups, starts, torch.tensor(places, dtype=torch.long), (len(split), length))


@lru_cache(maxsize=1 << 15)
def _letter_groups(word: str) -> tuple[int, ...]:
    # Python's own hash differs from run to run. The spaces around mark where the word begins and ends.
    letters = f" {word} ".encode()
    places = [(start, start + size) for size in GROUP_SIZES for start in range(len(letters) - size + 1)]
    return tuple(crc32(letters[start:end]) % BUCKETS for start, end in places)


def _encoded(names: tuple[str, ...]) -> Tensor:
    """Names as character codes ``[MAX_CLASSES, MAX_NAME]``, 0 where there is none; exact in half precision."""
    if not 0 < len(names) <= MAX_CLASSES or len(set(names)) != len(names):
        raise ModelError(f"A text encoder tells 1 to {MAX_CLASSES} structures apart, each once", value=names)
    codes = torch.zeros(MAX_CLASSES, MAX_NAME)
    for row, name in enumerate(names):
        if not name.isascii() or not name.isprintable() or not 0 < len(name) <= MAX_NAME:
            raise ModelError(f"The identifier of a structure has 1 to {MAX_NAME} letters of ASCII", value=name)
        codes[row, : len(name)] = torch.tensor([float(ord(letter)) for letter in name])
    return codes


def _decoded(codes: Tensor) -> tuple[str, ...]:
    rows = codes.tolist()
    if any(not 0 <= code < 128 or code != int(code) for row in rows for code in row):
        raise ModelError("The text encoder does not name its structures")
    names = tuple("".join(chr(int(code)) for code in row if code) for row in rows if any(row))
    if not torch.equal(_encoded(names), codes.float().cpu()):
        raise ModelError("The text encoder does not name its structures", value=names)
    return names
