"""What the verbs write: files of the user are refused by name and stay, before a model is even loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from io_writers import dicom, fan, save
from store_cases import CARD, tiny_segmenter

from echoapex.cli import demo_steps, main
from echoapex.errors import EchoApexError, ModelError
from echoapex.evaluation.page.html_page import check_page, write_page
from echoapex.io import read_masks
from echoapex.models.model_loading import check_model_folder, remove_model, save_model
from echoapex.training.start_run import main as train

LETTER = b"my discharge letter"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model with random weights, the user's only one and the default."""
    folder = tmp_path / "models" / CARD.id
    torch.manual_seed(3)
    save_model(folder, tiny_segmenter(), CARD)
    (folder.parent / "default.json").write_text(json.dumps({"default": CARD.id}), encoding="utf-8")
    monkeypatch.setenv("ECHOAPEX_MODELS", str(folder.parent))
    return folder


def refused_segmenting(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("echoapex.cli.segment.load_chosen", lambda _: pytest.fail("a model was loaded"))
        assert main(["segment", str(tmp_path / "clip.dcm"), "--structure", "LV", "--out", str(out)]) == 1


def test_segment_replaces_its_own_masks_and_no_others(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(dicom(fan(2)), tmp_path / "clip.dcm")
    out = tmp_path / "m.nrrd"
    for _ in range(2):
        assert main(["segment", str(tmp_path / "clip.dcm"), "--structure", "LV", "--out", str(out)]) == 0
        assert read_masks(out).masks.shape == (2, 96, 128)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith("part")]
    capsys.readouterr()
    out.write_bytes(b"corrected by hand")
    refused_segmenting(out, tmp_path, monkeypatch)
    assert "was changed since EchoApex wrote it" in capsys.readouterr().err and out.read_bytes() == b"corrected by hand"
    other = tmp_path / "other.nrrd"
    other.write_bytes(b"by hand")
    refused_segmenting(other, tmp_path, monkeypatch)
    assert "none that EchoApex wrote" in capsys.readouterr().err and other.read_bytes() == b"by hand"


def test_segment_says_nothing_of_masks_that_are_not_there(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import SimpleITK

    save(dicom(fan(2)), tmp_path / "clip.dcm")
    # What it does on a full disk: an empty file, and no word of it.
    monkeypatch.setattr(SimpleITK, "WriteImage", lambda image, path, **_: Path(path).write_bytes(b""))
    out = tmp_path / "m.nrrd"
    assert main(["segment", str(tmp_path / "clip.dcm"), "--structure", "LV", "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert "cannot be written here" in told and "the masks are in" not in told and not out.exists()


@pytest.mark.parametrize("name", ["report.html", "simulated/A4C.dcm", "real/real-A4C.dcm", "real/scene.mrb"])
def test_the_demonstration_refuses_a_folder_of_the_users_before_the_work(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("echoapex.simulation.write_study", lambda *_, **__: pytest.fail("worked"))
    file = tmp_path / "out" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(LETTER)
    with pytest.raises(EchoApexError, match="none that EchoApex wrote"):
        demo_steps.run_demo(tmp_path / "out")
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [file]
    assert file.read_bytes() == LETTER


def test_a_page_of_scores_takes_the_place_of_its_own_only_and_is_tried_first(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("echoapex.evaluation.run_evaluation.examine_patients", lambda *_: pytest.fail("worked"))
    page = tmp_path / "page.html"
    page.write_bytes(LETTER)
    for place, words in ((page, "no page that EchoApex wrote"), (tmp_path / "missing" / "page.html", "cannot be")):
        command = ["evaluate", "--task", "segmentation", "--data", "simulated:easy:1:900000", "--page", str(place)]
        assert main(command) == 1
        assert words in capsys.readouterr().err
    assert page.read_bytes() == LETTER
    page.unlink()
    for _ in range(2):
        check_page(page, CARD)
        write_page(page, CARD, "simulated:easy:1:900000", {}, {})


def test_a_model_is_saved_over_an_earlier_one_of_its_name_only(model: Path, tmp_path: Path) -> None:
    save_model(model, tiny_segmenter(), CARD)
    with pytest.raises(ModelError, match="holds another model"):
        check_model_folder(model, "another")
    weights = model / "model.safetensors"
    assert weights.is_file()
    weights.write_bytes(b"my own")
    with pytest.raises(ModelError, match="not those the card was written for"):
        save_model(model, tiny_segmenter(), CARD)
    assert weights.read_bytes() == b"my own"
    (tmp_path / "file").write_bytes(LETTER)
    with pytest.raises(ModelError, match="cannot be written here"):
        check_model_folder(tmp_path / "file" / "model", CARD.id)


def test_what_lies_beside_a_model_is_not_removed_with_it(model: Path) -> None:
    (model / "notes.txt").write_bytes(LETTER)
    with pytest.raises(ModelError, match=r"notes\.txt: Beside this model"):
        remove_model(CARD.id)
    assert (model / "notes.txt").read_bytes() == LETTER and (model / "card.json").is_file()
    (model / "notes.txt").unlink()
    remove_model(CARD.id)
    assert not model.exists()


def test_training_refuses_a_folder_for_its_model_that_holds_another_before_the_work(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from echoapex import resources

    monkeypatch.setattr("echoapex.training.start_run.draw_shards", lambda *_: pytest.fail("worked"))
    recipe = resources.path("Recipes/echoapex-study.toml")
    assert train([str(recipe), "--run", str(tmp_path / "run"), "--out", str(model)]) == 1
    assert "holds another model" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
