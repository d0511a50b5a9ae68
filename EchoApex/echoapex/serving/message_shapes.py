"""What messages look like, in either direction: each is checked before anybody acts on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import EchoApexError
from ..io.json_shapes import (
    Shape,
    anything,
    check_shape,
    list_of,
    number,
    one_of,
    or_null,
    record,
    row,
    table_of,
    text,
    truth,
    whole,
)
from ..io.size_limits import MAX_SIDE
from ..session.frame_entries import BOX, POINTS

VERSION = 3
"""Of the messages; one of another version is refused."""

TEXT = "text"
"""Kind of a question about words; it is answered in the middle of work, as a prompt is."""

Message = dict[str, Any]

_NUMBER = whole(0, 2**53)
_FRAMES = list_of(whole())
_PROMPT = record({"structure": or_null(text), "points": POINTS, "box": or_null(BOX), "mask": truth})
_CINE = record(
    {
        "memory": row(text, text),
        "shape": row(whole(1), whole(1, MAX_SIDE), whole(1, MAX_SIDE)),
        "seconds": or_null(list_of(number())),
        "scale": or_null(row(number(), number())),
    }
)


def _of(what: str, needed: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    return record({"v": one_of(VERSION), what: text, **needed}, optional)


def _question(needed: Mapping[str, Shape]) -> Shape:
    return _of("do", {"id": _NUMBER, "kind": text, **needed}, {"words": text})


_ORDERS: Mapping[str, Shape] = {
    "open": _of("do", {"id": _NUMBER, "cine": _CINE}, {"shown": whole(-(2**31))}),
    "ask": record({"kind": text}, more_allowed=True),
    "cancel": _of("do", {"id": _NUMBER}),
    "show": _of("do", {"frame": whole(-(2**31))}),
    "quit": _of("do", {}),
}

_QUESTIONS: Mapping[str, Shape] = {
    "prompt": _question({"structure": text, "frames": row(whole()), "prompt": _PROMPT, "new": _PROMPT}),
    "carry": _question({"structure": text, "frames": _FRAMES, "given": list_of(row(whole(), number(0, 1)))}),
    "name": _question({"structure": text, "frames": _FRAMES}),
    TEXT: _of("do", {"id": _NUMBER, "kind": text, "words": text}),
    "landmarks": _question({}),
    "view": _question({}),
}

_FAILURE = record({"rule": text, "value": or_null(text), "file": or_null(text)})
_LANDMARKS = record(
    {
        "names": list_of(text),
        "points": list_of(anything),
        "sigma_px": list_of(anything),
        "covariance_px": or_null(list_of(anything)),
    }
)
_ANSWER: Mapping[str, Shape] = {
    "confidence": list_of(number()),
    "landmarks": _LANDMARKS,
    "view": record({"view": text, "probability": number(0, 1)}, more_allowed=True),
    TEXT: record({"structure": text, "reason": text}),
}

_NEWS: Mapping[str, Shape] = {
    "hello": _of("say", {"version": text, "pid": whole()}),
    "ready": _of(
        "say",
        {
            "model": table_of(text),
            "device": text,
            "reason": text,
            "threads": table_of(whole()),
            "cache": record({"folder": text, "bytes": whole(0, 2**62)}),
        },
    ),
    "beat": _of("say", {}),
    "unusable": _of("say", {"failure": _FAILURE}),
    "opened": _of("say", {"id": _NUMBER}),
    "encoded": _of("say", {"cine": _NUMBER, "frames": _FRAMES}),
    "note": _of("say", {"text": text}),
    "progress": _of("say", {"id": _NUMBER, "done": whole(), "total": whole()}),
    "answer": _of("say", {"id": _NUMBER}, _ANSWER),
    "refused": _of("say", {"id": _NUMBER, "failure": _FAILURE}),
    "cancelled": _of("say", {"id": _NUMBER}),
}


def check_order(told: Message) -> None:
    """Raises `EchoApexError` for a message that the inference process does not take."""
    do = told.get("do")
    shape = _ORDERS.get(do) if isinstance(do, str) else None
    if shape is None:
        raise EchoApexError("There is no such message", value=do)
    check_shape(told, shape, "A message is not what it must be")
    if do == "ask":
        question = _QUESTIONS.get(told["kind"])
        if question is None:
            raise EchoApexError("There is no such kind of question", value=told["kind"])
        check_shape(told, question, "A question is not what it must be")


def check_news(told: Message) -> None:
    """Raises `EchoApexError` for a message that no inference process says."""
    say = told.get("say")
    shape = _NEWS.get(say) if isinstance(say, str) else None
    if shape is None:
        raise EchoApexError("There is no such message", value=say)
    check_shape(told, shape, "A message is not what it must be")
