"""Records that somebody has changed, for the tests of everything that reads JSON."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

NASTY: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        7,
        2**40,
        -(2**62),
        10**4000,
        0.0,
        0.5,
        1.0,
        -0.0,
        1e300,
        float("nan"),
        float("inf"),
    ),
    *("", "0", "LV", "A4C", "empty", "\x1b[31m", "\ud800", "AAAA", "../x", "x" * 5000),
    *([], {}, [[]], [None], {"": None}, [0, 0, 0, 0], [[[[[[[[]]]]]]]]),
)


@st.composite
def changed_records(draw: st.DrawFn, record: Any) -> Any:
    """``record`` (plain data) with one or two values replaced, removed, doubled or renamed somewhere in it."""
    value = copy.deepcopy(record)
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(value))
        if not places:
            return draw(st.sampled_from(NASTY))
        holder, key = draw(st.sampled_from(places))
        _change(draw, holder, key)
    return value


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            yield value, key
            yield from _places(item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield value, index
            yield from _places(item)


def _change(draw: st.DrawFn, holder: Any, key: Any) -> None:
    how = draw(st.sampled_from(["replace", "replace", "remove", "double", "cut"]))
    if how == "remove":
        del holder[key]
    elif how == "double":
        if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[f"{key}2"] = holder[key]
    elif how == "cut" and isinstance(holder[key], str | list) and len(holder[key]):
        holder[key] = holder[key][: draw(st.integers(0, len(holder[key]) - 1))]
    else:
        holder[key] = copy.deepcopy(draw(st.sampled_from(NASTY)))


@st.composite
def changed_texts(draw: st.DrawFn, record: Any) -> bytes:
    """``record`` as JSON, some bytes of it cut out or others put in."""
    data = json.dumps(record).encode()
    start = draw(st.integers(0, len(data)))
    stop = draw(st.integers(start, min(len(data), start + 40)))
    return data[:start] + draw(st.binary(max_size=6)) + data[stop:]
