"""Saving and loading heads, text encoder and mean shapes: they come back with the rest, and only as the card says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from store_cases import CARD, answer, change_tensor, rewrite_card, tiny_segmenter

from echoapex.errors import ModelError
from echoapex.models.box_shapes import BoxShapes
from echoapex.models.model_card import CARD_FILE, WEIGHTS_FILE
from echoapex.models.model_loading import export_model, import_model, load_model, record_scores, save_model
from echoapex.models.prompt_segmenter import PromptSegmenter
from echoapex.models.text_encoder_network import TextEncoder
from echoapex.models.view_and_landmark_heads import Heads

FULL_CARD = replace(
    CARD, views=("A4C", "PLAX", "OTHER"), view_threshold=0.6, landmarks=("IVS-RV", "IVS-LV", "PW-LV"), text=True
)

pytestmark = pytest.mark.usefixtures("shipped_models")


@pytest.fixture(scope="module")
def segmenter() -> PromptSegmenter:
    return tiny_segmenter()


@pytest.fixture(scope="module")
def heads() -> Heads:
    torch.manual_seed(4)
    return Heads(192, views=3, landmarks=3).eval()


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    torch.manual_seed(5)
    return TextEncoder(CARD.structures).eval()


def test_mean_shapes_come_back_and_only_as_the_card_says(segmenter: PromptSegmenter, tmp_path: Path) -> None:
    shapes = BoxShapes(len(CARD.structures), 0)
    shapes.maps.data[0, 0, 3:9, 5:7] = 0.5
    save_model(tmp_path / "shaped", segmenter, replace(CARD, box_shapes=True), shapes=shapes)
    loaded = load_model(tmp_path / "shaped", "cpu")
    assert loaded.shapes is not None and torch.equal(loaded.shapes.maps, shapes.maps)
    with pytest.raises(ModelError, match=r"shapes\.maps has no place"):
        save_model(tmp_path / "unsaid", segmenter, CARD, shapes=shapes)
    rewrite_card(tmp_path / "shaped", box_shapes=False)
    with pytest.raises(ModelError, match="not part of the architecture"):
        load_model(tmp_path / "shaped", "cpu")


@pytest.fixture
def full(segmenter: PromptSegmenter, heads: Heads, text: TextEncoder, tmp_path: Path) -> Path:
    """A model with everything a card can name, in full precision."""
    save_model(tmp_path / "full", segmenter, FULL_CARD, heads, text, half=False)
    return tmp_path / "full"


def test_heads_and_text_encoder_come_back(
    full: Path, segmenter: PromptSegmenter, heads: Heads, text: TextEncoder
) -> None:
    loaded = load_model(full, "cpu")
    assert loaded.card == replace(FULL_CARD, weights_sha256=loaded.card.weights_sha256)
    assert loaded.text is not None
    for found, given in ((loaded.model, segmenter), (loaded.heads, heads), (loaded.text, text)):
        expected = given.state_dict()
        assert found.state_dict().keys() == expected.keys()
        assert all(torch.equal(value, expected[name]) for name, value in found.state_dict().items())
        assert not found.training
    assert torch.equal(answer(loaded.model), answer(segmenter))


def test_half_precision_halves_heads_and_text_encoder_too(
    full: Path, segmenter: PromptSegmenter, heads: Heads, text: TextEncoder, tmp_path: Path
) -> None:
    save_model(tmp_path / "half", segmenter, FULL_CARD, heads, text)
    sizes = [(folder / WEIGHTS_FILE).stat().st_size for folder in (tmp_path / "half", full)]
    assert sizes[0] < 0.55 * sizes[1]
    loaded = load_model(tmp_path / "half", "cpu")
    assert loaded.heads.view is not None and heads.view is not None
    torch.testing.assert_close(loaded.heads.view.linear.weight, heads.view.linear.weight, atol=1e-3, rtol=1e-3)
    assert all(value.dtype == torch.float32 for value in loaded.heads.parameters())


def test_the_segmenter_keeps_the_names_it_had_without_heads(full: Path, saved_model: Path) -> None:
    from safetensors.torch import load

    with_heads, without = (set(load((folder / WEIGHTS_FILE).read_bytes())) for folder in (full, saved_model))
    assert without < with_heads
    assert all(name.startswith(("heads.", "text.")) for name in with_heads - without)


def test_a_model_without_heads_has_none(saved_model: Path) -> None:
    loaded = load_model(saved_model, "cpu")
    assert loaded.heads.view is None and loaded.heads.landmarks is None and loaded.text is None


def test_heads_that_are_not_on_the_card_are_not_saved(
    segmenter: PromptSegmenter, heads: Heads, text: TextEncoder, tmp_path: Path
) -> None:
    wrong = [
        (replace(FULL_CARD, views=("A4C", "PLAX")), heads, text, r"heads\.view\.linear\.bias has shape \(2,\)"),
        (replace(FULL_CARD, landmarks=()), heads, text, r"heads\.landmarks\.\S+ has no place"),
        (replace(FULL_CARD, text=False), heads, text, r"text\.\S+ has no place"),
        (FULL_CARD, heads, None, r"text\.\S+ has shape .* \(found: none\)"),
        (FULL_CARD, None, text, r"heads\.landmarks\.\S+ has shape .* \(found: none\)"),
        (FULL_CARD, Heads(384, 3, 3), text, r"heads\.view\.\S+ has shape \(3, 192\)"),
    ]
    for card, given_heads, given_text, rule in wrong:
        with pytest.raises(ModelError, match=rule):
            save_model(tmp_path / "m", segmenter, card, given_heads, given_text)
    assert not (tmp_path / "m").exists()


HEAD = "heads.view.linear.weight"


HEAD_DAMAGES: dict[str, tuple[Callable[[dict[str, torch.Tensor]], object], str]] = {
    "missing": (lambda t: t.pop(HEAD), rf"missing \(found: {HEAD}"),
    "wrong shape": (lambda t: t.update({HEAD: torch.zeros(4, 192)}), f"{HEAD} must have shape"),
    "not a number": (lambda t: t[HEAD].fill_(float("nan")), f"{HEAD} must hold finite"),
    "whole numbers": (lambda t: t.update({HEAD: t[HEAD].long()}), f"{HEAD} must hold finite"),
}


@pytest.mark.parametrize("name", HEAD_DAMAGES)
def test_damaged_heads_are_refused(name: str, full: Path) -> None:
    damage, rule = HEAD_DAMAGES[name]
    change_tensor(full, damage)
    with pytest.raises(ModelError, match=rule):
        load_model(full, "cpu")


def test_structures_that_a_text_encoder_cannot_hold_are_refused(full: Path) -> None:
    rewrite_card(full, structures=["LV", "L" * 1000])
    with pytest.raises(ModelError) as refusal:
        load_model(full, "cpu")
    assert str(refusal.value).startswith(str(full))


def test_scores_are_recorded_beside_everything_else(full: Path) -> None:
    record_scores(load_model(full, "cpu"), "data", {"views": {"balanced_accuracy": {"value": 1.0}}})
    card = load_model(full, "cpu").card
    assert card.scores["data"]["views"]["balanced_accuracy"]["value"] == 1.0
    assert card.scores["segmentation"] == CARD.scores["segmentation"]
    assert (card.views, card.view_threshold, card.text) == (FULL_CARD.views, 0.6, True)


def test_a_model_with_heads_is_exported_and_imported_whole(full: Path, heads: Heads, tmp_path: Path) -> None:
    import_model(full)
    exported = export_model("tiny-test", tmp_path / "out")
    for name in (CARD_FILE, WEIGHTS_FILE):
        assert (exported / name).read_bytes() == (full / name).read_bytes()
