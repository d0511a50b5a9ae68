"""Saving, loading, installing: the same model comes back, and every damage is refused in one sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from echoapex import resources
from echoapex.errors import ModelError
from echoapex.models import library
from echoapex.models.card import CARD_FILE, WEIGHTS_FILE, Architecture, ModelCard, Training
from echoapex.models.heads import Heads
from echoapex.models.preprocess import Preprocessing
from echoapex.models.segmenter import PromptBatch, PromptSegmenter, create_segmenter
from echoapex.models.store import (
    choose_device,
    clear_default_model,
    default_model,
    export_model,
    find_model,
    import_model,
    list_models,
    load_model,
    record_scores,
    remove_model,
    save_model,
    set_default_model,
)
from echoapex.models.text import TextEncoder

CARD = ModelCard(
    id="tiny-test",
    name="A model for tests",
    architecture=Architecture("vit_tiny", 16, 64),
    preprocessing=Preprocessing(64, mean=0.21, std=0.19),
    structures=("LV", "LA"),
    training=Training("first.toml", 7, "nothing", "none", 0.5, 0),
    simulated_only=True,
    code_license="Apache-2.0",
    weights_license="CC-BY-4.0",
    scores={"segmentation": {"dice/LV/text": {"value": 0.5, "ci": [0.4, 0.6], "constant": 0.3}}},
    created="2026-11-21T12:00:00+00:00",
    limits="For tests only.",
)


@pytest.fixture(scope="module")
def segmenter() -> PromptSegmenter:
    torch.manual_seed(3)
    return create_segmenter("vit_tiny", 16, 64, text_count=2).eval()


@pytest.fixture(scope="module")
def saved(segmenter: PromptSegmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "tiny-test"
    save_model(folder, segmenter, CARD)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the saved model that a test may damage."""
    target = tmp_path / "tiny-test"
    target.mkdir()
    for name in (CARD_FILE, WEIGHTS_FILE):
        (target / name).write_bytes((saved / name).read_bytes())
    return target


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty folders in place of the user's models and of those shipped."""
    shipped = tmp_path / "shipped"
    (shipped / "Models").mkdir(parents=True)
    monkeypatch.setenv(library.MODELS_VARIABLE, str(tmp_path / "user"))
    monkeypatch.setattr(resources, "_INSTALLED", shipped)
    return shipped / "Models"


def answer(model: PromptSegmenter, device: str = "cpu") -> torch.Tensor:
    prompts = PromptBatch.empty(2)
    prompts.text[:] = torch.tensor([1, 2])
    images = torch.linspace(-1, 1, 64 * 64).reshape(1, 1, 64, 64).sin()
    with torch.inference_mode():
        logits, _ = model(images.to(device), torch.zeros(2, dtype=torch.long, device=device), prompts.to(device))
    return logits.cpu()


def rewrite_card(folder: Path, **changes: object) -> None:
    data = json.loads((folder / CARD_FILE).read_text())
    data.update(changes)
    (folder / CARD_FILE).write_text(json.dumps(data))


def test_full_precision_comes_back_bit_for_bit(segmenter: PromptSegmenter, tmp_path: Path) -> None:
    save_model(tmp_path / "m", segmenter, CARD, half=False)
    assert torch.equal(answer(load_model(tmp_path / "m", "cpu").model), answer(segmenter))


def test_half_precision_comes_back_nearly(segmenter: PromptSegmenter, saved: Path) -> None:
    loaded = load_model(saved, "cpu")
    expected = answer(segmenter)
    assert (answer(loaded.model) - expected).abs().max() < 0.02 * expected.abs().max()
    assert all(value.dtype == torch.float32 for value in loaded.model.state_dict().values())
    assert not loaded.model.training
    assert loaded.folder == saved
    assert loaded.card == replace(CARD, weights_sha256=loaded.card.weights_sha256)


def test_saving_again_gives_the_same_bytes(segmenter: PromptSegmenter, saved: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "m", segmenter, CARD)
    for name in (CARD_FILE, WEIGHTS_FILE):
        assert (tmp_path / "m" / name).read_bytes() == (saved / name).read_bytes()
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


def truncate(folder: Path) -> None:
    data = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(data[: len(data) // 2])


def flip_one_bit(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS_FILE).read_bytes())
    data[-1000] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(data)


def replace_weights(folder: Path, tensors: dict[str, torch.Tensor] | bytes) -> None:
    """Other weights with a card that vouches for them."""
    import hashlib

    from safetensors.torch import save

    data = tensors if isinstance(tensors, bytes) else save(tensors)
    (folder / WEIGHTS_FILE).write_bytes(data)
    rewrite_card(folder, weights_sha256=hashlib.sha256(data).hexdigest())


def change_tensor(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    from safetensors.torch import load

    tensors = load((folder / WEIGHTS_FILE).read_bytes())
    change(tensors)
    replace_weights(folder, tensors)


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
    "no card": (lambda f: (f / CARD_FILE).unlink(), "there is none"),
    "card no JSON": (lambda f: (f / CARD_FILE).write_text("{"), "not readable JSON"),
    "card no text": (lambda f: (f / CARD_FILE).write_bytes(b"\xff\xfe\x00"), "cannot be read"),
    "card very deep": (lambda f: (f / CARD_FILE).write_text("[" * 200_000), "not readable JSON"),
    "card a list": (lambda f: (f / CARD_FILE).write_text("[]"), "no model card"),
    "card of the past": (lambda f: rewrite_card(f, schema=1), r"must be of schema 2 \(found: 1\)"),
    "card of the future": (lambda f: rewrite_card(f, schema=3), r"must be of schema 2 \(found: 3\)"),
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
        "preprocessing.mean",
    ),
    "no spread": (
        lambda f: rewrite_card(f, preprocessing={"image_size": 64, "mean": 0.1, "std": 0}),
        "positive standard deviation",
    ),
}


FULL_CARD = replace(
    CARD, views=("A4C", "PLAX", "OTHER"), view_threshold=0.6, landmarks=("IVS-RV", "IVS-LV", "PW-LV"), text=True
)


@pytest.fixture(scope="module")
def heads() -> Heads:
    torch.manual_seed(4)
    return Heads(192, views=3, landmarks=3).eval()


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    torch.manual_seed(5)
    return TextEncoder(CARD.structures).eval()


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


def test_the_segmenter_keeps_the_names_it_had_without_heads(full: Path, saved: Path) -> None:
    from safetensors.torch import load

    with_heads, without = (set(load((folder / WEIGHTS_FILE).read_bytes())) for folder in (full, saved))
    assert without < with_heads
    assert all(name.startswith(("heads.", "text.")) for name in with_heads - without)


def test_a_model_without_heads_has_none(saved: Path) -> None:
    loaded = load_model(saved, "cpu")
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


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_in_one_sentence(name: str, folder: Path) -> None:
    damage, rule = DAMAGES[name]
    damage(folder)
    with pytest.raises(ModelError, match=rule) as refusal:
        load_model(folder, "cpu")
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith(str(folder))


def test_nothing_is_unpickled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    assert load_model(folder, "cpu").card.id == "tiny-test"


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


def test_models_are_installed_used_and_removed(folder: Path, tmp_path: Path) -> None:
    assert list_models() == []
    with pytest.raises(ModelError, match="No model is installed"):
        load_model(device="cpu")
    assert import_model(folder).id == "tiny-test"
    assert [(entry.id, entry.bundled, entry.default, entry.problem) for entry in list_models()] == [
        ("tiny-test", False, False, "")
    ]
    with pytest.raises(ModelError, match="installed already"):
        import_model(folder)
    set_default_model("tiny-test")
    assert load_model(device="cpu").card.id == default_model() == "tiny-test"
    assert find_model("tiny-test") == find_model() == tmp_path / "user" / "tiny-test"
    assert load_model(export_model("tiny-test", tmp_path / "out" / "copy"), "cpu").card.id == "tiny-test"
    with pytest.raises(ModelError, match="new folder"):
        export_model("tiny-test", tmp_path / "out" / "copy")
    remove_model("tiny-test")
    assert list_models() == []
    with pytest.raises(ModelError, match="No model is installed"):
        default_model()


def test_the_users_choice_goes_before_the_bundled_model(folder: Path, saved: Path, installed: Path) -> None:
    shipped = installed / "shipped"
    shipped.mkdir()
    rewrite_card(folder, id="shipped")
    for name in (CARD_FILE, WEIGHTS_FILE):
        (shipped / name).write_bytes((folder / name).read_bytes())
    (installed / "default.json").write_text('{"default": "shipped"}')
    import_model(saved)
    assert load_model(device="cpu").folder == shipped
    set_default_model("tiny-test")
    assert load_model(device="cpu").card.id == "tiny-test"
    assert [(entry.id, entry.bundled, entry.default) for entry in list_models()] == [
        ("tiny-test", False, True),
        ("shipped", True, False),
    ]
    clear_default_model()
    assert default_model() == "shipped"
    with pytest.raises(ModelError, match="cannot be removed"):
        remove_model("shipped")


@pytest.mark.parametrize("text", ["{", "[]", '{"default": 3}', '{"default": "../x"}', "{}"])
def test_a_damaged_choice_of_model_is_refused(text: str, installed: Path) -> None:
    (installed / "default.json").write_text(text)
    with pytest.raises(ModelError, match="default model is named as"):
        load_model(device="cpu")


def test_a_damaged_model_is_listed_with_its_problem_and_not_imported(folder: Path, tmp_path: Path) -> None:
    import_model(folder)
    truncate(folder)
    rewrite_card(folder, id="other")
    with pytest.raises(ModelError, match="not those the card was written for"):
        import_model(folder)
    (tmp_path / "user" / "tiny-test" / CARD_FILE).unlink()
    (entry,) = list_models()
    assert entry.card is None
    assert "there is none" in entry.problem
    with pytest.raises(ModelError, match="there is none"):
        set_default_model("tiny-test")


@pytest.mark.parametrize("identifier", ["../user", "", "a/b", "a\\b", ".hidden", "x" * 65, "dot."])
def test_identifiers_that_leave_the_folder_are_refused(identifier: str) -> None:
    for call in (remove_model, set_default_model):
        with pytest.raises(ModelError, match="identifier"):
            call(identifier)


def test_an_unknown_model_is_refused_with_what_is_known(folder: Path) -> None:
    import_model(folder)
    for call in (load_model, remove_model):
        with pytest.raises(ModelError, match="installed models: tiny-test"):
            call("nowhere")


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_DATA_HOME", "data/EchoApex/Models"),
        ("win32", "LOCALAPPDATA", "data/EchoApex/Models"),
        ("darwin", "HOME", "data/Library/Application Support/EchoApex/Models"),
    ],
)
def test_each_system_has_its_place(
    platform: str, variable: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(library.MODELS_VARIABLE)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path / "data"))
    assert library.user_models_folder() == tmp_path / expected


@pytest.mark.skipif(torch.cuda.is_available(), reason="an NVIDIA device works here")
def test_a_device_that_does_not_work_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(ModelError, match="cuda does not work here"):
        load_model(folder, device="cuda")
    assert "no usable NVIDIA device" in choose_device("auto")[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA device")
def test_loaded_on_another_device_it_answers_the_same(saved: Path) -> None:
    loaded = load_model(saved, "cuda")
    assert loaded.device.type == "cuda"
    torch.testing.assert_close(
        answer(loaded.model, "cuda"), answer(load_model(saved, "cpu").model), atol=0.02, rtol=0.02
    )
