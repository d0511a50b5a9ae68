"""What is known of one structure on one frame: its mask, how that came about, and what a person said of it.

Entries are never changed, only replaced. All of them can be written as plain data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from ..cine import BoolMask
from ..errors import EchoApexError
from ..io.json_shapes import Shape, check_shape, list_of, number, one_of, or_null, record, row, text, whole
from ..io.packed_bits import bits_from_text, bits_to_text
from ..prompts import PointPrompt, Prompt


class Status(StrEnum):
    """How far a structure has come on a frame; what a person said of it goes before where its mask comes from."""

    EMPTY = "empty"
    PREDICTED = "predicted"
    PROMPTED = "prompted"
    EDITED = "edited"
    ACCEPTED = "accepted"
    FLAGGED = "flagged"


SOURCES = (Status.EMPTY, Status.PREDICTED, Status.PROMPTED, Status.EDITED)
REVIEWS = (Status.ACCEPTED, Status.FLAGGED)
BY_HAND = (Status.PROMPTED, Status.EDITED)
"""Where a mask comes from that a person has pointed at or drawn."""


@dataclass(frozen=True)
class PackedMask:
    """A mask ``bool [H, W]`` kept small: one bit a pixel of the window ``(x0, y0, x1, y1)``, ends included."""

    shape: tuple[int, int]
    window: tuple[int, int, int, int] | None
    bits: bytes

    @classmethod
    def of(cls, mask: BoolMask) -> PackedMask:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        shape = (int(mask.shape[0]), int(mask.shape[1]))
        if not rows.size:
            return cls(shape, None, b"")
        x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
        return cls(shape, (x0, y0, x1, y1), np.packbits(mask[y0 : y1 + 1, x0 : x1 + 1]).tobytes())

    def unpacked(self) -> BoolMask:
        mask = np.zeros(self.shape, bool)
        if self.window is not None:
            x0, y0, x1, y1 = self.window
            size = (y1 - y0 + 1, x1 - x0 + 1)
            bits = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=size[0] * size[1])
            mask[y0 : y1 + 1, x0 : x1 + 1] = bits.reshape(size)
        return mask


@dataclass(frozen=True)
class Given:
    """A prompt as it was given: ``prompt`` (its mask left out), by whom, and when (ISO 8601, UTC)."""

    prompt: Prompt
    rater: str
    time: str


@dataclass(frozen=True)
class Entry:
    """One structure on one frame.

    ``mask`` is None where nothing has been looked for; an empty mask says that the structure is absent. ``confidence``
    is the predicted Dice, None where a person drew the mask. ``source`` is one of `SOURCES`, ``review`` one of
    `REVIEWS` or None.
    """

    mask: PackedMask | None = None
    confidence: float | None = None
    source: Status = Status.EMPTY
    review: Status | None = None
    prompts: tuple[Given, ...] = ()

    @property
    def status(self) -> Status:
        return self.review or self.source

    @property
    def by_a_person(self) -> bool:
        """Whether there is a mask that a person has pointed at, drawn or accepted."""
        return self.mask is not None and (self.source in BY_HAND or self.review is Status.ACCEPTED)

    @property
    def certainty(self) -> float:
        """The confidence; what a person has drawn or accepted is sure."""
        return 1.0 if self.confidence is None or self.review is Status.ACCEPTED else self.confidence


Key = tuple[str, int]
"""Structure and frame."""

EMPTY = Entry()


DAMAGED = "An entry of the session is damaged"

BOX = row(number(), number(), number(), number())
"""A box in JSON."""

POINTS = list_of(row(number(), number(), whole(0, 1)))
"""Point prompts in JSON: x, y, and 1 for a positive one."""

_GIVEN = record({"points": POINTS, "box": or_null(BOX), "structure": or_null(text), "rater": text, "time": text})

ENTRY_SHAPES: Mapping[str, Shape] = {
    "source": one_of(*SOURCES),
    "review": or_null(one_of(*REVIEWS)),
    "confidence": or_null(number(0, 1)),
    "mask": or_null(record({"window": or_null(row(whole(), whole(), whole(), whole())), "bits": text})),
    "prompts": list_of(_GIVEN),
}
"""What `entry_to_plain` writes."""

_ENTRY = record(ENTRY_SHAPES, more_allowed=True)


def entry_to_plain(entry: Entry) -> dict[str, Any]:
    """An entry as JSON knows it; `entry_from_plain` reads it."""
    mask = entry.mask
    return {
        "source": entry.source.value,
        "review": None if entry.review is None else entry.review.value,
        "confidence": entry.confidence,
        "mask": None if mask is None else {"window": mask.window, "bits": bits_to_text(mask.bits)},
        "prompts": [
            {
                "points": [[point.x, point.y, int(point.positive)] for point in given.prompt.points],
                "box": given.prompt.box,
                "structure": given.prompt.structure,
                "rater": given.rater,
                "time": given.time,
            }
            for given in entry.prompts
        ],
    }


def entry_from_plain(data: Mapping[str, Any], shape: tuple[int, int]) -> Entry:
    """The entry that `entry_to_plain` wrote, on frames of this shape ``(H, W)``.

    Raises `EchoApexError` for anything else.
    """
    check_shape(data, _ENTRY, DAMAGED)
    try:
        mask = None if data["mask"] is None else _mask_from_plain(data["mask"], shape)
    except ValueError as error:
        raise EchoApexError(DAMAGED, value=error) from None
    review = None if data["review"] is None else Status(data["review"])
    if review is Status.ACCEPTED if mask is None else data["source"] == Status.EMPTY:
        raise EchoApexError("The status of an entry of the session does not fit its mask", value=data["source"])
    return Entry(
        mask=mask,
        confidence=None if data["confidence"] is None else float(data["confidence"]),
        source=Status(data["source"]),
        review=review,
        prompts=tuple(_given_from_plain(given, shape) for given in data["prompts"]),
    )


def _mask_from_plain(data: Mapping[str, Any], shape: tuple[int, int]) -> PackedMask:
    if data["window"] is None:
        return PackedMask(shape, None, bits_from_text(data["bits"], 0))
    x0, y0, x1, y1 = data["window"]
    if not (0 <= x0 <= x1 < shape[1] and 0 <= y0 <= y1 < shape[0]):
        raise ValueError(f"a mask reaches beyond the frame: {data['window']}")
    bits = bits_from_text(data["bits"], ((x1 - x0 + 1) * (y1 - y0 + 1) + 7) // 8)
    # One mask must not be kept in two ways: it would seem to have changed.
    return PackedMask.of(PackedMask(shape, (x0, y0, x1, y1), bits).unpacked())


def _given_from_plain(data: Mapping[str, Any], shape: tuple[int, int]) -> Given:
    points = tuple(PointPrompt(float(x), float(y), bool(positive)) for x, y, positive in data["points"])
    box = None if data["box"] is None else _box(data["box"])
    prompt = Prompt(structure=data["structure"], points=points, box=box)
    # Negative points alone were given to a mask, which is not kept with them.
    replace(prompt, mask=np.zeros(shape, bool)).check(*shape)
    return Given(prompt, str(data["rater"]), str(data["time"]))


def _box(values: Any) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(value) for value in values)
    return x0, y0, x1, y1
