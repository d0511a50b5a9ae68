"""JSON that anyone may have written: what is plain comes back as it is, the rest is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoapex.errors import EchoApexError, ModelError
from echoapex.io.json_shapes import (
    ShapeError,
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
from echoapex.io.untrusted_json import MOST_DEPTH, parse_json, read_json

RULE = "This record is damaged"

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_plain_data_come_back_as_they_are(value: object) -> None:
    assert repr(parse_json(json.dumps(value), RULE)) == repr(value)
    assert repr(parse_json(json.dumps(value, ensure_ascii=False).encode(), RULE)) == repr(value)


@given(VALUES, st.data())
def test_whatever_is_cut_out_or_put_in_is_json_or_refused(value: object, data: st.DataObject) -> None:
    whole_text = json.dumps(value).encode()
    start = data.draw(st.integers(0, len(whole_text)))
    stop = data.draw(st.integers(start, len(whole_text)))
    changed = whole_text[:start] + data.draw(st.binary(max_size=4)) + whole_text[stop:]
    try:
        found = parse_json(changed, RULE)
    except EchoApexError as refusal:
        assert str(refusal).startswith(RULE) and "\n" not in str(refusal)
    else:
        assert found == json.loads(changed)


WRONG: dict[str, tuple[str | bytes | None, str]] = {
    "nothing": (None, "nothing"),
    "empty": ("", "Expecting value"),
    "two values": ("1 2", "Extra data"),
    "cut": ('{"a": [1, 2', "Expecting"),
    "no UTF-8": (b'"\xff"', "no UTF-8 at byte 1"),
    "half a character": (r'["\ud83d"]', "surrogates not allowed"),
    "half a character as a name": (r'{"\ud83d": 1}', "surrogates not allowed"),
    "NaN": ("[NaN]", "not finite"),
    "Infinity": ("[-Infinity]", "not finite"),
    "too large a number": ("[1e999]", "not finite"),
    "too long a number": ("9" * 5000, "more than 64 bits"),
    "just too large a number": (str(2**63), "more than 64 bits"),
    "an entry twice": ('{"a": 1, "a": 2}', "names an entry twice"),
    "too deep": ("[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1), f"more than {MOST_DEPTH} deep"),
    "far too deep": ("[" * 1_000_000, "too deep or too large"),
    "too deep objects": ('{"a":' * 500_000, "too deep or too large"),
    "too large": (" " * 101, "more than 100 bytes"),
}


@pytest.mark.parametrize("name", [name for name in WRONG if name != "too large"])
def test_what_is_more_than_plain_data_is_refused(name: str) -> None:
    found, words = WRONG[name]
    with pytest.raises(ModelError, match=f"^card.json: {RULE} .found: .*{words}") as refusal:
        parse_json(found, RULE, file="card.json", kind=ModelError)
    assert "\n" not in str(refusal.value)


def test_no_more_is_read_than_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    file.write_text(" " * 101)
    with pytest.raises(EchoApexError, match="more than 100 bytes"):
        read_json(file, RULE, most_bytes=100)
    assert parse_json("1" + " " * 99, RULE, most_bytes=100) == 1


def test_a_file_that_cannot_be_read_is_refused_and_a_missing_one_is_not_taken_for_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json", RULE)
    with pytest.raises(EchoApexError, match=RULE):
        read_json(tmp_path, RULE)


SHAPE = record(
    {
        "schema": one_of(1),
        "name": text,
        "done": truth,
        "share": or_null(number(0, 1)),
        "frames": list_of(whole(0, 9)),
        "box": row(number(), number()),
        "values": table_of(number()),
    },
    {"note": text},
)
GOOD = {"schema": 1, "name": "a", "done": True, "share": None, "frames": [3], "box": [1, 2.5], "values": {"x": 1}}


def test_what_has_the_shape_passes() -> None:
    check_shape(GOOD, SHAPE, RULE)
    check_shape(GOOD | {"share": 1, "note": "", "box": (1, 2)}, SHAPE, RULE)


MISSHAPEN: dict[str, tuple[object, str]] = {
    "no object": ([], "it must be an object, and is a list of 0"),
    "schema true": (GOOD | {"schema": True}, "schema must be one of 1, and is true"),
    "schema 1.0": (GOOD | {"schema": 1.0}, "schema must be one of 1, and is 1.0"),
    "text missing": ({name: GOOD[name] for name in GOOD if name != "name"}, "found: name is missing"),
    "text a number": (GOOD | {"name": 1}, "name must be a text, and is 1"),
    "truth a number": (GOOD | {"done": 1}, "done must be true or false, and is 1"),
    "number true": (GOOD | {"share": True}, "share must be a finite number from 0 to 1, and is true"),
    "number NaN": (GOOD | {"share": float("nan")}, "share must be a finite number from 0 to 1, and is nan"),
    "number beyond": (GOOD | {"share": 1.5}, "share must be .* and is 1.5"),
    "number endless": (GOOD | {"box": [10**5000, 1]}, "box.0. must be a finite number, and is another number"),
    "frame a fraction": (GOOD | {"frames": [1, 2.0]}, "frames.1. must be a whole number from 0 to 9, and is 2.0"),
    "frames an object": (GOOD | {"frames": {}}, "frames must be a list, and is an object of 0"),
    "box too short": (GOOD | {"box": [1]}, "box must be a list of 2, and is a list of 1"),
    "values of texts": (
        GOOD | {"values": {"x": "Jane Roe, born on 1 May"}},
        "values.x .* and is the text 23 characters",
    ),
    "another entry": (GOOD | {"more": 1}, "it must be without an entry more"),
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_what_has_another_shape_is_refused_and_told_where(name: str) -> None:
    found, words = MISSHAPEN[name]
    with pytest.raises(EchoApexError, match=words) as refusal:
        check_shape(found, SHAPE, RULE)
    assert isinstance(refusal.value.value, ShapeError) and "\n" not in str(refusal.value)
