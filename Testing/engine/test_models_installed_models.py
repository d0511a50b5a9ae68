"""Installing, choosing, listing and removing models, and where they lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from store_cases import rewrite_card, truncate

from echoapex.errors import ModelError
from echoapex.models import installed_models
from echoapex.models.installed_models import (
    clear_default_model,
    default_model,
    find_model,
    list_models,
    set_default_model,
)
from echoapex.models.model_card import CARD_FILE, WEIGHTS_FILE
from echoapex.models.model_loading import export_model, import_model, load_model, remove_model

pytestmark = pytest.mark.usefixtures("shipped_models")


def test_models_are_installed_used_and_removed(copied_model: Path, tmp_path: Path) -> None:
    assert list_models() == []
    with pytest.raises(ModelError, match="No model is installed"):
        load_model(device="cpu")
    assert import_model(copied_model).id == "tiny-test"
    assert [(entry.id, entry.bundled, entry.default, entry.problem) for entry in list_models()] == [
        ("tiny-test", False, False, "")
    ]
    with pytest.raises(ModelError, match="installed already"):
        import_model(copied_model)
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


def test_the_users_choice_goes_before_the_bundled_model(
    copied_model: Path, saved_model: Path, shipped_models: Path
) -> None:
    shipped = shipped_models / "shipped"
    shipped.mkdir()
    rewrite_card(copied_model, id="shipped")
    for name in (CARD_FILE, WEIGHTS_FILE):
        (shipped / name).write_bytes((copied_model / name).read_bytes())
    (shipped_models / "default.json").write_text('{"default": "shipped"}')
    import_model(saved_model)
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


DEEP = "[" * 100_000


@pytest.mark.parametrize("text", ["{", "[]", '{"default": 3}', '{"default": "../x"}', "{}", "", DEEP, "\x00"])
def test_a_damaged_choice_of_model_is_refused(text: str, shipped_models: Path) -> None:
    (shipped_models / "default.json").write_text(text)
    with pytest.raises(ModelError, match="default model is named as"):
        load_model(device="cpu")


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_a_model_that_is_a_link_is_not_removed(copied_model: Path, tmp_path: Path, shipped_models: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "tiny-test").symlink_to(copied_model)
    with pytest.raises(ModelError, match="The model cannot be removed"):
        remove_model("tiny-test")
    assert (copied_model / WEIGHTS_FILE).is_file()


def test_a_damaged_model_is_listed_with_its_problem_and_not_imported(copied_model: Path, tmp_path: Path) -> None:
    import_model(copied_model)
    truncate(copied_model)
    rewrite_card(copied_model, id="other")
    with pytest.raises(ModelError, match="not those the card was written for"):
        import_model(copied_model)
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


def test_an_unknown_model_is_refused_with_what_is_known(copied_model: Path) -> None:
    import_model(copied_model)
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
    monkeypatch.delenv(installed_models.MODELS_VARIABLE)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path / "data"))
    assert installed_models.user_models_folder() == tmp_path / expected
