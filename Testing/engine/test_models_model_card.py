"""The model card: what it says survives JSON, and what cannot be is refused by naming it."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_cases import CARD
from record_cases import changed_records, changed_texts

from echoapex import resources
from echoapex.errors import ModelError
from echoapex.models.model_card import UNKNOWN, ModelCard, read_card

FULL = replace(CARD, text=True)
ADDED = ("views", "view_threshold", "landmarks", "text")
NAMES = st.lists(st.text(min_size=1).filter(lambda name: name.strip() and name != UNKNOWN), unique=True).map(tuple)


@given(NAMES.filter(lambda names: len(names) != 1), st.floats(0, 1), NAMES, st.booleans())
def test_every_card_survives_json(
    views: tuple[str, ...], threshold: float, landmarks: tuple[str, ...], text: bool
) -> None:
    card = replace(CARD, views=views, view_threshold=threshold if views else 0.0, landmarks=landmarks, text=text)
    assert ModelCard.from_json(card.to_json()) == card


def test_a_card_without_heads_says_so() -> None:
    bare = ModelCard(**{item.name: getattr(CARD, item.name) for item in fields(CARD) if item.name not in ADDED})
    written = json.loads(bare.to_json())
    assert (written["schema"], written["views"], written["landmarks"], written["text"]) == (3, [], [], False)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "view twice": ({"views": ["A4C", "A4C"]}, "views of a model have names"),
    "view without a name": ({"views": ["A4C", " "]}, "views of a model have names"),
    "one view": ({"views": ["A4C"]}, "at least two views"),
    "doubt as a view": ({"views": ["A4C", UNKNOWN]}, "UNKNOWN is none"),
    "views no list": ({"views": "A4C"}, "views must be a list of texts"),
    "views of numbers": ({"views": [1, 2]}, "views must be a list of texts"),
    "threshold above one": ({"view_threshold": 1.01}, "0 to 1"),
    "threshold below zero": ({"view_threshold": -0.1}, "0 to 1"),
    "threshold no number": ({"view_threshold": float("nan")}, "not finite"),
    "threshold endless": ({"view_threshold": float("inf")}, "not finite"),
    "threshold in words": ({"view_threshold": "0.5"}, "view_threshold must be of type float"),
    "threshold too large": ({"view_threshold": 10**400}, "more than 64 bits"),
    "threshold of nothing": ({"views": [], "view_threshold": 0.5}, "needs views"),
    "landmark twice": ({"landmarks": ["PW-LV", "PW-LV"]}, "landmarks of a model have names"),
    "landmarks missing": ({"landmarks": None}, "landmarks must be a list of texts"),
    "text as a number": ({"text": 1}, "text must be of type bool"),
    "structure twice": ({"structures": ["LV", "LV"]}, "structures of a model have names"),
    "no structure": ({"structures": []}, "at least one structure"),
    "schema true": ({"schema": True}, "must be of schema 3"),
    "schema 3.0": ({"schema": 3.0}, "must be of schema 3"),
    "schema first": ({"schema": 1}, r"must be of schema 3 \(found: 1\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_refused(name: str) -> None:
    changes, rule = WRONG[name]
    with pytest.raises(ModelError, match=rule) as refusal:
        ModelCard.from_json(json.dumps({**json.loads(FULL.to_json()), **changes}))
    assert "\n" not in str(refusal.value)


SCORED = replace(FULL, scores={"a": {"ef": {"ef_mae": {"value": 1.5, "ci": [1.0, None], "constant": None}}}})


@given(changed_records(json.loads(SCORED.to_json())) | changed_texts(json.loads(SCORED.to_json())))
def test_a_changed_card_is_what_it_says_or_is_refused(changed: Any) -> None:
    text = changed.decode(errors="replace") if isinstance(changed, bytes) else json.dumps(changed)
    try:
        card = ModelCard.from_json(text)
    except ModelError as refusal:
        assert "\n" not in str(refusal) and len(str(refusal)) < 600
    else:
        assert json.loads(card.to_json()) == json.loads(text)


@pytest.mark.parametrize(
    "scores",
    [[], None, "good", {"a": 1}, {"a": {"ef": []}}, {"a": {"ef": 1.5}}],
)
def test_scores_are_tables(scores: Any) -> None:
    with pytest.raises(ModelError, match="scores must be tables of scores"):
        ModelCard.from_json(json.dumps(json.loads(FULL.to_json()) | {"scores": scores}))


@pytest.mark.parametrize("data", [b"[" * 100_000, b"\xff", b"{", b" " * (2**24 + 1)])
def test_a_card_that_is_none_is_refused_and_names_its_file(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_bytes(data)
    with pytest.raises(ModelError, match=r"card\.json: The model card is not readable JSON"):
        read_card(tmp_path)


@pytest.mark.parametrize("entry", [*ADDED, "schema"])
def test_a_missing_entry_is_not_guessed(entry: str) -> None:
    data = json.loads(FULL.to_json())
    del data[entry]
    with pytest.raises(ModelError, match="no model card" if entry == "schema" else f"{entry} is missing"):
        ModelCard.from_json(json.dumps(data))


def test_the_shipped_cards_can_be_read_and_are_written_alike() -> None:
    folders = [path for path in resources.path("Models").iterdir() if path.is_dir()]
    assert folders
    for folder in folders:
        card = read_card(folder)
        assert (folder / "card.json").read_text(encoding="utf-8") == card.to_json()


def test_a_card_from_before_mean_shapes_is_one_without_them() -> None:
    data = {**json.loads(CARD.to_json()), "schema": 2}
    del data["box_shapes"]
    card = ModelCard.from_json(json.dumps(data))
    assert card == CARD and not card.box_shapes
