"""Saving and loading: the same model comes back, and every damage is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from store_cases import (
    CARD,
    answer,
    change_tensor,
    replace_weights,
    rewrite_card,
    tiny_segmenter,
    truncate,
)

from echoapex.errors import ModelError
from echoapex.models.device import choose_device
from echoapex.models.model_card import CARD_FILE, WEIGHTS_FILE, Architecture, ModelCard
from echoapex.models.model_loading import load_model, save_model
from echoapex.models.preprocessing import Preprocessing
from echoapex.models.prompt_segmenter import PromptSegmenter, create_segmenter
from echoapex.models.text_encoder_network import TextEncoder
from echoapex.models.view_and_landmark_heads import Heads

pytestmark = pytest.mark.usefixtures("shipped_models")


@pytest.fixture(scope="module")
def segmenter() -> PromptSegmenter:
    return tiny_segmenter()


def test_full_precision_comes_back_bit_for_bit(segmenter: PromptSegmenter, tmp_path: Path) -> None:
    save_model(tmp_path / "m", segmenter, CARD, half=False)
    assert torch.equal(answer(load_model(tmp_path / "m", "cpu").model), answer(segmenter))


def test_half_precision_comes_back_nearly(segmenter: PromptSegmenter, saved_model: Path) -> None:
    loaded = load_model(saved_model, "cpu")
    expected = answer(segmenter)
    assert (answer(loaded.model) - expected).abs().max() < 0.02 * expected.abs().max()
    assert all(value.dtype == torch.float32 for value in loaded.model.state_dict().values())
    assert not loaded.model.training
    assert loaded.folder == saved_model
    assert loaded.card == replace(CARD, weights_sha256=loaded.card.weights_sha256)


def test_saving_again_gives_the_same_bytes(segmenter: PromptSegmenter, saved_model: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "m", segmenter, CARD)
    for name in (CARD_FILE, WEIGHTS_FILE):
        assert (tmp_path / "m" / name).read_bytes() == (saved_model / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == sorted([CARD_FILE, WEIGHTS_FILE])


@pytest.mark.parametrize("encoder", ["resnet50"])
def test_running_statistics_are_kept(encoder: str, tmp_path: Path) -> None:
    model = create_segmenter(encoder, 16, 64, text_count=2)
    model.encode(torch.randn(2, 1, 64, 64))
    model.eval()
    save_model(tmp_path / "m", model, replace(CARD, architecture=Architecture(encoder, 16, 64)), half=False)
    assert torch.equal(answer(load_model(tmp_path / "m", "cpu").model), answer(model))


def test_a_model_with_everything_fits_in_30_megabytes(tmp_path: Path) -> None:
    model = create_segmenter("vit_tiny", 16, 192, text_count=8)
    card = replace(
        CARD,
        architecture=Architecture("vit_tiny", 16, 192),
        preprocessing=Preprocessing(192),
        structures=tuple(f"S{index}" for index in range(8)),
        views=tuple(f"V{index}" for index in range(9)),
        landmarks=tuple(f"L{index}" for index in range(4)),
        text=True,
    )
    save_model(tmp_path / "m", model, card, Heads(192, 9, 4), TextEncoder(card.structures))
    assert (tmp_path / "m" / WEIGHTS_FILE).stat().st_size < 30e6


def test_card_survives_json() -> None:
    assert ModelCard.from_json(CARD.to_json()) == CARD


def flip_one_bit(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS_FILE).read_bytes())
    data[-1000] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(data)


TEXT = "text_embedding.weight"
ARCHITECTURE = {"encoder": "vit_tiny", "patch": 16, "image_size": 64}
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated weights": (truncate, "weights are not those the card was written for"),
    "one wrong bit": (flip_one_bit, "weights are not those the card was written for"),
    "no hash": (lambda f: rewrite_card(f, weights_sha256=""), "no hash"),
    "no weights": (lambda f: (f / WEIGHTS_FILE).unlink(), "weights cannot be read"),
    "pickled weights": (lambda f: replace_weights(f, b"\x80\x04K\x01."), "no safetensors file"),
    "empty weights": (lambda f: replace_weights(f, b""), "no safetensors file"),
    "weights of another program": (lambda f: replace_weights(f, {"w": torch.zeros(2)}), "not part of|missing"),
    "tensor missing": (lambda f: change_tensor(f, lambda t: t.pop(TEXT)), "missing"),
    "wrong shape": (lambda f: change_tensor(f, lambda t: t.update({TEXT: torch.zeros(2, 256)})), "shape"),
    "not a number": (lambda f: change_tensor(f, lambda t: t[TEXT].fill_(float("nan"))), "finite"),
    "whole numbers": (lambda f: change_tensor(f, lambda t: t.update({TEXT: t[TEXT].long()})), "finite"),
    "eight bits": (lambda f: change_tensor(f, lambda t: t.update({TEXT: t[TEXT].to(torch.float8_e5m2)})), "finite"),
    "a folder of weights": (lambda f: ((f / WEIGHTS_FILE).unlink(), (f / WEIGHTS_FILE).mkdir()), "cannot be read"),
    "no card": (lambda f: (f / CARD_FILE).unlink(), "there is none"),
    "card no JSON": (lambda f: (f / CARD_FILE).write_text("{"), "not readable JSON"),
    "card no text": (lambda f: (f / CARD_FILE).write_bytes(b"\xff\xfe\x00"), "not readable JSON"),
    "card very deep": (lambda f: (f / CARD_FILE).write_text("[" * 200_000), "not readable JSON"),
    "card a list": (lambda f: (f / CARD_FILE).write_text("[]"), "no model card"),
    "card of the past": (lambda f: rewrite_card(f, schema=1), r"must be of schema 3 \(found: 1\)"),
    "card of the future": (lambda f: rewrite_card(f, schema=4), r"must be of schema 3 \(found: 4\)"),
    "unknown entry": (lambda f: rewrite_card(f, magic=1), "magic is unknown to"),
    "wrong type": (lambda f: rewrite_card(f, simulated_only=1), "simulated_only must be of type bool"),
    "true for a number": (
        lambda f: rewrite_card(f, architecture={**ARCHITECTURE, "patch": True}),
        "architecture.patch must be of type int",
    ),
    "entry missing": (
        lambda f: rewrite_card(f, architecture={"encoder": "vit_tiny"}),
        "image_size is missing",
    ),
    "not an object": (lambda f: rewrite_card(f, training=3), "must be an object"),
    "structures no list": (lambda f: rewrite_card(f, structures="LV"), "structures must be a list"),
    "structure twice": (lambda f: rewrite_card(f, structures=["LV", "LV"]), "named once"),
    "structure too many": (lambda f: rewrite_card(f, structures=["LV", "LA", "RV"]), "shape"),
    "unknown encoder": (
        lambda f: rewrite_card(f, architecture={**ARCHITECTURE, "encoder": "vit_x"}),
        "must be one of",
    ),
    "another encoder": (
        lambda f: rewrite_card(f, architecture={**ARCHITECTURE, "encoder": "vit_small"}),
        "must have shape",
    ),
    "sizes disagree": (lambda f: rewrite_card(f, architecture={**ARCHITECTURE, "image_size": 96}), "must agree"),
    "heads without weights": (lambda f: rewrite_card(f, views=["A4C", "A2C"]), r"missing \(found: heads\.view"),
    "landmarks without weights": (lambda f: rewrite_card(f, landmarks=["IVS-RV"]), r"missing \(found: heads\.landm"),
    "text without weights": (lambda f: rewrite_card(f, text=True), r"missing \(found: text\."),
    "heads nobody knows": (
        lambda f: change_tensor(f, lambda t: t.update({"heads.view.linear.bias": torch.zeros(2)})),
        r"not part of the architecture on the card \(found: heads\.view\.linear\.bias",
    ),
    "path as identifier": (lambda f: rewrite_card(f, id="../x"), "identifier"),
    "hash no hash": (lambda f: rewrite_card(f, weights_sha256="abc"), "64 hexadecimal digits"),
    "mean too large": (
        lambda f: rewrite_card(f, preprocessing={"image_size": 64, "mean": 10**400, "std": 1}),
        "more than 64 bits",
    ),
    "no spread": (
        lambda f: rewrite_card(f, preprocessing={"image_size": 64, "mean": 0.1, "std": 0}),
        "positive standard deviation",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_in_one_sentence(name: str, copied_model: Path) -> None:
    damage, rule = DAMAGES[name]
    damage(copied_model)
    with pytest.raises(ModelError, match=rule) as refusal:
        load_model(copied_model, "cpu")
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith(str(copied_model))


def test_nothing_is_unpickled(copied_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    assert load_model(copied_model, "cpu").card.id == "tiny-test"


def test_a_model_that_is_not_on_the_card_is_not_saved(segmenter: PromptSegmenter, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="must describe this model"):
        save_model(tmp_path / "m", segmenter, replace(CARD, architecture=Architecture("vit_small", 16, 64)))
    with pytest.raises(ModelError, match="name the 2 structures"):
        save_model(tmp_path / "m", segmenter, replace(CARD, structures=("LV",)))
    assert not (tmp_path / "m").exists()


def test_weights_that_half_precision_cannot_hold_are_not_saved(tmp_path: Path) -> None:
    model = create_segmenter("vit_tiny", 16, 64, text_count=2)
    torch.nn.init.constant_(model.text_embedding.weight, 1e6)
    with pytest.raises(ModelError, match=r"finite as torch\.float16"):
        save_model(tmp_path / "m", model, CARD)
    save_model(tmp_path / "m", model, CARD, half=False)
    assert float(load_model(tmp_path / "m", "cpu").model.text_embedding.weight[0, 0].detach()) == 1e6


@pytest.mark.skipif(torch.cuda.is_available(), reason="an NVIDIA device works here")
def test_a_device_that_does_not_work_is_refused_by_name(copied_model: Path) -> None:
    with pytest.raises(ModelError, match="cuda does not work here"):
        load_model(copied_model, device="cuda")
    assert "no usable NVIDIA device" in choose_device("auto")[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA device")
def test_loaded_on_another_device_it_answers_the_same(saved_model: Path) -> None:
    loaded = load_model(saved_model, "cuda")
    assert loaded.device.type == "cuda"
    torch.testing.assert_close(
        answer(loaded.model, "cuda"), answer(load_model(saved_model, "cpu").model), atol=0.02, rtol=0.02
    )
