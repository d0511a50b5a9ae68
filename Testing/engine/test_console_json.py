"""What the engine returns, as strict JSON on the terminal."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoapex import console


class Color(Enum):
    RED = "red"


@dataclass
class Pair:
    first: object
    second: object


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.builds(np.float32, st.floats(width=32)),
    st.builds(Path, st.just("a/b")),
    st.just(Color.RED),
    st.just(np.arange(3)),
    st.just(np.array([np.nan, 1.0])),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(), inner), st.builds(Pair, inner, inner)
    ),
    max_leaves=12,
)


@given(values)
def test_anything_the_engine_returns_becomes_strict_json(value: object) -> None:
    plain = console.plain(value)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (math.nan, None),
        (-math.inf, None),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.array([[1, 2]]), [[1, 2]]),
        ((1, Color.RED), [1, "red"]),
        (Pair(Path("x"), None), {"first": "x", "second": None}),
    ],
)
def test_plain_values(value: object, plain: object) -> None:
    assert console.plain(value) == plain
