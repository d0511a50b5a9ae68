"""What the panels and the inference process say to each other: one JSON line a message, pixels in shared memory.

Messages to the process have ``do``, those from it ``say``; all have the version ``v``. A message of another version is
refused, so that an old process is never misunderstood.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..cine import Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from ..errors import EchoApexError
from ..io.size_limits import MAX_BYTES
from ..io.untrusted_json import parse_json
from ..prompts import PointPrompt, Prompt
from ..session.frame_entries import EMPTY, Given
from ..session.model_questions import CarryQuestion, NameQuestion, PromptQuestion, Question
from .message_shapes import VERSION, Message
from .shared_memory import SharedCine

LONGEST = 32 * 2**20
"""Bytes of the longest line that is taken (our choice): landmarks of ten thousand frames take six million."""


def line(message: Message) -> bytes:
    """A message as it is sent."""
    return json.dumps({"v": VERSION, **message}, allow_nan=False).encode() + b"\n"


def message(data: bytes) -> Message:
    """The message of a line. Raises `EchoApexError` for one of another version, and for what is none."""
    found = parse_json(data, "A line is no message", most_bytes=LONGEST)
    if not isinstance(found, dict) or found.get("v") != VERSION:
        version = found.get("v") if isinstance(found, dict) else type(found).__name__
        raise EchoApexError(f"Messages of version {VERSION} are needed", value=version)
    return found


class Lines:
    """Bytes that come in pieces, cut into lines."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that are whole now; of a line longer than `LONGEST` its beginning, which is longer, too."""
        first, *more = data.split(b"\n")
        self._keep(first)
        for piece in more:
            one, self._rest = bytes(self._rest), bytearray()
            self._keep(piece)
            if one.strip():
                yield one

    def _keep(self, piece: bytes) -> None:
        self._rest += piece[: LONGEST + 1 - len(self._rest)]


def cine_to_message(cine: Cine, shared: SharedCine) -> Message:
    """Puts the sector of ``cine`` into ``shared``, which has its frames; the message has the rest that a model uses."""
    shared.sector.put(0, cine.sector.mask)
    seconds = cine.times.seconds
    return {
        "memory": list(shared.names),
        "shape": list(cine.frames.shape),
        "seconds": None if seconds is None else seconds.tolist(),
        "scale": cine.scale.mm_per_px,
    }


def cine_from_message(told: Message) -> tuple[Cine, SharedCine]:
    """The cine of `cine_to_message`, its frames in the shared memory; where it comes from stays with who sent it.

    Raises `EchoApexError` for what is no cine, and for memory that is not there.
    """
    count, rows, columns = told["shape"]
    if math.prod(told["shape"]) > MAX_BYTES:
        rule = f"A cine may have at most {MAX_BYTES:,} bytes in all its frames"
        raise EchoApexError(rule, value=f"{count} frames of {columns} x {rows}")
    pixels, masks = told["memory"]
    shared = SharedCine.found((count, rows, columns), (pixels, masks))
    elsewhere = "told by the process that asks"
    seconds, scale = told["seconds"], told["scale"]
    times = FrameTimes.unknown(elsewhere) if seconds is None else FrameTimes(np.array(seconds), TimeSource.USER)
    known = Scale.none(elsewhere) if scale is None else Scale((scale[0], scale[1]), ScaleSource.USER)
    sector = shared.sector.get(0)
    if not sector.any():
        raise EchoApexError("The sector of a cine needs at least one pixel")
    return Cine(shared.frames, times, known, Sector.from_mask(sector, "shared")), shared


def question_to_message(question: Question, shared: SharedCine) -> Message:
    """Puts the masks of ``question`` into ``shared``; the message says the rest."""
    about: Message = {"structure": question.structure, "frames": list(question.frames)}
    match question:
        case PromptQuestion(asked=asked):
            if asked.mask is not None:
                shared.prompt.put(0, asked.mask)
            new = question.given.prompt
            return {"kind": "prompt", **about, "prompt": _prompt(asked), "new": _prompt(new)}
        case CarryQuestion(given=given):
            for row, frame in enumerate(given):
                shared.masks.put(row, given[frame])
            return {"kind": "carry", **about, "given": [[frame, question.certainty[frame]] for frame in given]}
        case NameQuestion():
            return {"kind": "name", **about}


def question_from_message(told: Message, shared: SharedCine) -> Question:
    """The question of `question_to_message`, without what its asker keeps.

    Raises `EchoApexError` for frames that the cine has not, or that do not rise.
    """
    structure, frames = told["structure"], tuple(told["frames"])
    _check_frames(frames, len(shared.frames))
    before = dict.fromkeys(frames, EMPTY)
    if told["kind"] == "prompt":
        mask = shared.prompt.get(0) if told["prompt"]["mask"] else None
        asked, new = _prompt_of(told["prompt"], mask), _prompt_of(told["new"], None)
        return PromptQuestion(structure, frames[0], asked, Given(new, "", ""), EMPTY)
    if told["kind"] == "carry":
        certainty = {frame: float(sure) for frame, sure in told["given"]}
        if not certainty or len(certainty) != len(told["given"]):
            raise EchoApexError("Masks are carried from one frame at least, each named once", value=len(certainty))
        _check_frames(sorted(certainty), len(shared.frames))
        given = {frame: shared.masks.get(row) for row, frame in enumerate(certainty)}
        return CarryQuestion(structure, frames, given, certainty, before)
    if told["kind"] == "name":
        return NameQuestion(structure, frames, before)
    raise EchoApexError("There is no such kind of question", value=told["kind"])


def _check_frames(frames: Sequence[int], count: int) -> None:
    if not all(first < second for first, second in pairwise(frames)):
        raise EchoApexError("The frames of a question rise")
    if frames and not 0 <= frames[0] <= frames[-1] < count:
        raise EchoApexError(f"The frames must be 0 to {count - 1}", value=f"{frames[0]} to {frames[-1]}")


def failure_in(told: Message) -> str:
    """The sentence of a refusal."""
    failure = told["failure"]
    return str(EchoApexError(failure["rule"], value=failure["value"], file=failure["file"]))


def _prompt(prompt: Prompt) -> Message:
    return {
        "structure": prompt.structure,
        "points": [[point.x, point.y, int(point.positive)] for point in prompt.points],
        "box": prompt.box,
        "mask": prompt.mask is not None,
    }


def _prompt_of(told: Message, mask: Any) -> Prompt:
    points = tuple(PointPrompt(float(x), float(y), positive=bool(sign)) for x, y, sign in told["points"])
    box = None if told["box"] is None else tuple(float(value) for value in told["box"])
    return Prompt(told["structure"], points, box, mask)  # type: ignore[arg-type]
