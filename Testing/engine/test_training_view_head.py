"""A view head on a frozen encoder: taught by a recipe, loaded beside its model, which stays as it is."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from model_cases import noise

from echoapex.errors import EchoApexError, ModelError
from echoapex.inference.encoding import EncodedCine
from echoapex.inference.segmentation import segment_frame
from echoapex.inference.view_classification import classify_view
from echoapex.models.added_view_head import AddedViewHead, save_added_views
from echoapex.models.installed_models import bundled_models_folder
from echoapex.models.model_card import OTHER, UNKNOWN, WEIGHTS_FILE, read_card
from echoapex.models.model_loading import LoadedModel, export_model, load_model
from echoapex.models.view_head_card import (
    VIEW_HEAD_CARD_FILE,
    VIEW_HEAD_WEIGHTS_FILE,
    ViewHeadCard,
    read_view_head_card,
)
from echoapex.prompts import Prompt
from echoapex.simulation import VIEWS
from echoapex.training.view_head.frozen_features import Encoded
from echoapex.training.view_head.recipe import ViewHeadRecipe, drawings, read_view_head_recipe
from echoapex.training.view_head.teaching import main, taught_head

SHIPPED_WEIGHTS = "997818ae6330e117abf31a5b903ffa1566d577bf6a9869a3ad6a28331077dc92"
"""Of the weights of the shipped model before any head was added."""


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def shipped() -> Path:
    root = bundled_models_folder()
    assert root is not None
    return root / "echoapex-study-2"


@pytest.fixture
def bare(shipped: Path, tmp_path: Path) -> Path:
    """The shipped model without its added head."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("card.json", WEIGHTS_FILE):
        shutil.copy(shipped / name, folder / name)
    return folder


def tiny_recipe(folder: Path, model: Path, **changes: object) -> Path:
    values: dict[str, object] = {
        "id": "tiny",
        "name": "tiny",
        "model": str(model),
        "preset": "easy",
        "first_seed": 10,
        "hearts": 2,
        "views_per_heart": 2,
        "others": 1,
        "inside": 1,
        "calibration": 1,
        "frame_size": 48,
        "copies": 1,
        "hidden": 8,
        "epochs": 1,
        "batch": 4,
    }
    file = folder / "tiny.toml"
    rows = ((name, value) for name, value in (values | changes).items() if value is not None)
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in rows))
    return file


def test_the_shipped_head_leaves_the_model_as_it_was(shipped: Path, bare: Path) -> None:
    assert hashlib.sha256((shipped / WEIGHTS_FILE).read_bytes()).hexdigest() == SHIPPED_WEIGHTS
    assert read_card(shipped).weights_sha256 == SHIPPED_WEIGHTS
    with_head, without = load_model(shipped, "cpu"), load_model(bare, "cpu")
    assert with_head.added_views is not None
    assert without.added_views is None
    answers = [
        segment_frame(model, EncodedCine(model, noise()), 3, [Prompt(structure="LV")]) for model in (with_head, without)
    ]
    assert np.array_equal(answers[0].masks, answers[1].masks)
    assert np.array_equal(answers[0].confidence, answers[1].confidence)
    assert classify_view(with_head, noise()).probabilities == classify_view(without, noise()).probabilities


def test_the_shipped_head_is_small_and_knows_all_views(shipped: Path) -> None:
    card = read_view_head_card(shipped)
    assert card is not None
    assert set(card.views) == {*VIEWS, OTHER}
    assert (shipped / VIEW_HEAD_WEIGHTS_FILE).stat().st_size < 5 * 2**20
    assert 0 < card.view_threshold < 1
    assert card.simulated_only
    recipe = read_view_head_recipe(shipped.parents[1] / card.training.recipe)
    assert recipe.model == card.model == shipped.name
    assert recipe.classes == card.views


def test_a_head_is_taught_from_a_recipe_and_goes_with_its_model(
    bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (bare / WEIGHTS_FILE).read_bytes()
    recipe = tiny_recipe(tmp_path, bare)
    assert main([str(recipe), "--run", str(tmp_path / "run"), "--out", str(bare)]) == 0
    assert (bare / WEIGHTS_FILE).read_bytes() == before
    first = (bare / VIEW_HEAD_WEIGHTS_FILE).read_bytes()
    model = load_model(bare, "cpu")
    assert model.added_views is not None
    assert model.added_views.card.training.data.startswith("18 encoded frames (1 changed copies of each): 2 simulated")
    found = classify_view(model, noise(), added=True)
    assert set(found.probabilities) == {*VIEWS, OTHER}
    assert found.view in (*VIEWS, OTHER, UNKNOWN)
    # What was drawn and encoded is there, and the head comes out the same.
    assert "encoding" in capsys.readouterr().err
    assert main([str(recipe), "--run", str(tmp_path / "run"), "--out", str(bare)]) == 0
    assert "encoding" not in capsys.readouterr().err
    assert (bare / VIEW_HEAD_WEIGHTS_FILE).read_bytes() == first
    monkeypatch.setenv("ECHOAPEX_MODELS", str(tmp_path / "mine"))
    shutil.copytree(bare, tmp_path / "mine" / "echoapex-study-2")
    export_model("echoapex-study-2", tmp_path / "copy")
    assert (tmp_path / "copy" / VIEW_HEAD_WEIGHTS_FILE).read_bytes() == first


def test_a_head_learns_what_its_numbers_tell() -> None:
    rng = np.random.default_rng(0)
    recipe = ViewHeadRecipe("a", "a", "m", "easy", 0, 2, 1, 1, 1, 1, hidden=16, epochs=60, batch=18, dropout=0.0)
    labels = np.repeat(recipe.classes, 6)
    width = AddedViewHead(192, 18, 16).mean.numel()
    places = rng.normal(size=(18, width))
    numbers = (places.repeat(6, 0) + 0.3 * rng.normal(size=(108, width))).astype(np.float16)
    head = taught_head(recipe, Encoded(numbers, labels), 192, lambda _: None)
    with torch.inference_mode():
        told = head(torch.from_numpy((places + 0.3 * rng.normal(size=places.shape)).astype(np.float32))).argmax(1)
    assert told.tolist() == list(range(18))


def card_of(model: LoadedModel, **changes: object) -> ViewHeadCard:
    training = model.card.training
    card = ViewHeadCard(
        *("head", "head", model.card.id, model.card.weights_sha256, ("A4C", "SSN", OTHER), 0.4, 8, training, True),
        *("Apache-2.0", "Apache-2.0", "2026-11-30T00:00:00+00:00", "none"),
    )
    return replace(card, **changes)  # type: ignore[arg-type]


def test_a_head_of_another_model_or_that_is_damaged_is_refused(bare: Path) -> None:
    model = load_model(bare, "cpu")
    head = AddedViewHead(192, 3, 8)
    save_added_views(bare, head, card_of(model, model_sha256="0" * 64))
    with pytest.raises(ModelError, match="was taught on another one"):
        load_model(bare, "cpu")
    save_added_views(bare, head, card_of(model))
    loaded = load_model(bare, "cpu").added_views
    assert loaded is not None and loaded.card.views == ("A4C", "SSN", OTHER)
    weights = bare / VIEW_HEAD_WEIGHTS_FILE
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ModelError, match="not those the card was written for"):
        load_model(bare, "cpu")
    weights.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(bare, "cpu")
    (bare / VIEW_HEAD_CARD_FILE).write_text("{}")
    with pytest.raises(ModelError, match="schema 1"):
        load_model(bare, "cpu")


@pytest.mark.parametrize(
    ("logits", "view"), [((3.0, 9.0, 0.0), UNKNOWN), ((8.0, 9.0, 0.0), "A4C"), ((0.0, 0.0, 9.0), "A4C")]
)
def test_a_view_that_the_model_cannot_know_puts_its_answer_in_doubt(
    bare: Path, logits: tuple[float, ...], view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(bare, "cpu")
    assert model.heads.view is not None
    own = torch.zeros(len(model.card.views))
    own[model.card.views.index("A4C")] = 4.0
    monkeypatch.setattr(model.heads.view, "forward", lambda cls: own.expand(len(cls), -1))
    alone = classify_view(model, noise())
    assert alone.view == "A4C"
    save_added_views(bare, AddedViewHead(192, 3, 8), card_of(model))
    added = load_model(bare, "cpu").added_views
    assert added is not None
    monkeypatch.setattr(added.head, "forward", lambda numbers: torch.tensor(logits).expand(len(numbers), -1))
    found = classify_view(replace(model, added_views=added), noise())
    assert (found.view, found.probabilities) == (view, alone.probabilities)
    assert ("but like SSN (1.00)" in found.reason) is (view == UNKNOWN)


def test_a_model_without_a_head_says_so(bare: Path) -> None:
    with pytest.raises(ModelError, match="no view head that was taught later"):
        classify_view(load_model(bare, "cpu"), noise(), added=True)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"hidden": 0}, "hidden of a recipe lies from 1"),
        ({"views_per_heart": 18}, "views_per_heart of a recipe lies from 1 to 17"),
        ({"preset": "harder"}, "A preset is one of"),
        ({"first_seed": 899999}, "kept for tests"),
        ({"hiden": 3}, "did you mean hidden"),
        ({"hearts": None}, "needs these entries"),
    ],
)
def test_a_recipe_that_no_head_can_follow_is_refused(changes: dict[str, object], rule: str, tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match=rule) as refusal:
        read_view_head_recipe(tiny_recipe(tmp_path, tmp_path, **changes))
    assert refusal.value.file is not None


def test_no_heart_is_both_learned_from_and_kept_for_the_threshold() -> None:
    recipe = ViewHeadRecipe("a", "a", "m", "easy", 7, 40, 1, 60, 1, 10)
    learned, kept = drawings(recipe)
    assert kept.first_seed >= max(learned.first_seed + learned.cases, learned.first_seed + learned.others)
    assert recipe.last_seed >= kept.first_seed + max(kept.cases, kept.others)


def test_a_head_goes_beside_its_own_model_only(bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    other.mkdir()
    card = replace(read_card(bare), weights_sha256="1" * 64)
    (other / "card.json").write_text(card.to_json())
    recipe = tiny_recipe(tmp_path, bare)
    assert main([str(recipe), "--run", str(tmp_path / "run"), "--out", str(other)]) == 1
    assert "goes beside its model" in capsys.readouterr().err
