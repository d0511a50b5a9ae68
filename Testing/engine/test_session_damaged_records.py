"""Sessions that were saved and changed since: what is read is what stands there, or nothing and a sentence."""

from __future__ import annotations

import base64
import copy
import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_cases import CARD, noise
from record_cases import changed_records

from echoapex.cine import BoolMask
from echoapex.errors import EchoApexError
from echoapex.io.packed_bits import bits_from_text, bits_to_text
from echoapex.prompts import PointPrompt, Prompt
from echoapex.session.frame_entries import Entry, Given, PackedMask, Status
from echoapex.session.state import SessionState

CINE = noise(3, 12, 16)


def square(size: int) -> BoolMask:
    mask = np.zeros((12, 16), bool)
    mask[2 : 2 + size, 3 : 3 + size] = True
    return mask


def saved() -> dict[str, Any]:
    state = SessionState(CARD, CINE)
    prompt = Prompt(points=(PointPrompt(4.0, 3.5), PointPrompt(9.0, 9.0, positive=False)), box=(1.0, 1.0, 9.0, 9.5))
    given_ = Given(prompt, "R1", "2026-03-01T12:00:00+00:00")
    entry = Entry(PackedMask.of(square(5)), 0.75, Status.PROMPTED, prompts=(given_,))
    state.begin({("LV", 0): entry, ("LV", 1): Entry(PackedMask.of(square(4)), 0.5, Status.PREDICTED)})
    state.edit(2, square(3), "LA")
    state.edit(1, square(0), "LA")
    state.accept([2], "LA")
    state.flag([1], "LV")
    return dict(json.loads(json.dumps(state.to_plain())))


SAVED = saved()


def with_unpacked_bits(plain: dict[str, Any]) -> dict[str, Any]:
    """The same with the masks as they are, not as they are written."""
    entries = []
    for item in plain["entries"]:
        mask = item["mask"]
        if mask is not None and mask["window"] is None:
            assert zlib.decompress(base64.b64decode(mask["bits"])) == b"", "an empty mask has no pixels"
            mask = "empty"
        elif mask is not None:
            x0, y0, x1, y1 = mask["window"]
            bits = zlib.decompress(base64.b64decode(mask["bits"]))
            mask = PackedMask((12, 16), (x0, y0, x1, y1), bits).unpacked().tolist()
        entries.append(item | {"mask": mask})
    return plain | {"entries": entries}


@given(changed_records(SAVED))
def test_a_changed_session_is_what_it_says_or_is_refused(changed: Any) -> None:
    state = SessionState(CARD, CINE)
    state.edit(0, square(6), "RV")
    before = state.to_plain()
    try:
        state.load(changed)
    except EchoApexError as refusal:
        assert "\n" not in str(refusal) and len(str(refusal)) < 500
        assert state.to_plain() == before
        return
    told = json.loads(json.dumps(state.to_plain()))
    key = lambda item: (item["structure"], item["frame"])  # noqa: E731
    expected = with_unpacked_bits(changed | {"model": told["model"]})
    assert sorted(with_unpacked_bits(told)["entries"], key=key) == sorted(expected["entries"], key=key)


def entry(data: dict[str, Any]) -> Any:
    """The one with a prompt."""
    return next(item for item in data["entries"] if item["prompts"])


BOMB = base64.b64encode(zlib.compress(bytes(10_000_000))).decode()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(schema=True),
        lambda data: data.update(entries=None),
        lambda data: data.update(entries=[[]]),
        lambda data: entry(data).update(structure=["LV"]),
        lambda data: entry(data).update(frame=True),
        lambda data: entry(data).update(frame=2**70),
        lambda data: entry(data).update(confidence=float("nan")),
        lambda data: entry(data).update(confidence=10**400),
        lambda data: entry(data).update(confidence="0.5"),
        lambda data: entry(data).update(source=["prompted"]),
        lambda data: entry(data).update(mask=[]),
        lambda data: entry(data).update(mask=None, review="accepted"),
        lambda data: entry(data).update(source="empty"),
        lambda data: entry(data)["mask"].update(window=[1.5, 2, 3, 4]),
        lambda data: entry(data)["mask"].update(bits=None),
        lambda data: entry(data)["mask"].update(bits=entry(data)["mask"]["bits"][:-8]),
        lambda data: entry(data)["mask"].update(bits=BOMB),
        lambda data: entry(data)["prompts"][0].update(rater={"name": 1}),
        lambda data: entry(data)["prompts"][0].update(points=7),
        lambda data: entry(data)["prompts"][0].update(points=[[1, 1, 2]]),
        lambda data: entry(data)["prompts"][0].update(structure=[]),
        lambda data: data["entries"].append(data["entries"][0]),
    ],
)
def test_what_cannot_be_is_refused_and_what_was_marked_stays(change: Callable[[dict[str, Any]], None]) -> None:
    data = copy.deepcopy(SAVED)
    change(data)
    state = SessionState(CARD, CINE)
    state.edit(0, square(6), "RV")
    with pytest.raises(EchoApexError) as refusal:
        state.load(data)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 500
    assert state.structures == ("RV",)


@given(st.binary(max_size=200))
def test_bits_come_back_as_they_were_and_are_never_more_than_belongs_there(bits: bytes) -> None:
    text = bits_to_text(bits)
    assert bits_from_text(text, len(bits)) == bits
    for wrong in (len(bits) + 1, len(bits) - 1):
        if wrong >= 0:
            with pytest.raises(ValueError, match="bytes in place of"):
                bits_from_text(text, wrong)


def test_bits_that_are_cut_are_refused_even_where_all_of_them_came_through() -> None:
    stream = zlib.compress(bytes(range(100)))
    for damaged in (stream[:-1], stream[:-4], stream + b"x"):
        with pytest.raises(ValueError, match="bits of a mask"):
            bits_from_text(base64.b64encode(damaged).decode(), 100)
