"""Training: recipes and frames, what counts as right, and a run that survives a kill."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from echoapex import resources
from echoapex.errors import EchoApexError
from echoapex.models.model_card import OTHER
from echoapex.models.model_loading import load_model
from echoapex.simulation.heart import Tissue
from echoapex.training.drawn_frames import prepare_frames
from echoapex.training.frame_shards import draw_frames, draw_others, read_shards, refuse_test_seeds, write_shard
from echoapex.training.losses import hard_dice, mask_loss
from echoapex.training.model_export import publish
from echoapex.training.prompt_sampling import collate, draw_asks
from echoapex.training.recipe import Recipe, read_recipe
from echoapex.training.start_run import main
from echoapex.training.team import Team
from echoapex.training.trainer import Trainer

RECIPE = Recipe(
    id="tiny",
    name="tiny",
    preset="hard",
    first_seed=0,
    cases=6,
    others=1,
    views={"A4C": 0.5, "PLAX": 0.5},
    structures=("LV", "LV_MYO", "LA", "AO"),
    held_out=("PERICARDIAL_EFFUSION",),
    strangers=0.3,
    corrections=2,
    start_from="",
    frame_size=64,
    encoder="vit_tiny",
    patch=16,
    image_size=64,
    steps=6,
    batch=4,
    prompts_per_frame=2,
    mirrored=0.15,
    tone=1.0,
    learning_rate=1e-3,
    weight_decay=0.01,
    warmup=2,
    decay_fraction=0.5,
    ema=0.9,
    drop_path=0.1,
    seed=3,
    precision="float32",
    view_loss=0.2,
    landmark_loss=0.1,
    calibration=4,
    text_steps=2,
)
STRUCTURES = tuple(Tissue[name] for name in RECIPE.structures)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    prepare_frames(RECIPE, folder / "frames", lambda text: None)
    return folder


def trainer(folder: Path, run: Path) -> Trainer:
    frames = prepare_frames(RECIPE, folder / "frames", lambda text: None)
    return Trainer(RECIPE, frames, run, lambda text: None)


def test_a_run_continued_after_a_kill_ends_where_it_would_have(run_folder: Path, tmp_path: Path) -> None:
    whole = trainer(run_folder, tmp_path / "whole")
    whole.run()
    first = trainer(run_folder, tmp_path / "cut")
    first.run(until=3)
    second = trainer(run_folder, tmp_path / "cut")
    assert second.step == 3
    second.run()
    for expected, found in zip(whole.average.parameters(), second.average.parameters(), strict=True):
        assert torch.allclose(expected, found, atol=1e-5)


def test_training_learns_and_the_published_model_loads(run_folder: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=30, learning_rate=2e-3)
    frames = prepare_frames(recipe, run_folder / "frames", lambda text: None)
    learner = Trainer(recipe, frames, tmp_path / "run", lambda text: None)
    batch = learner.draw_batch()

    def loss() -> float:
        segmenter = learner.model.eval().segmenter
        with torch.no_grad():
            return float(mask_loss(*segmenter(batch.images, batch.index, batch.prompts), batch.targets)[0])

    before = loss()
    learner.run()
    assert loss() < 0.7 * before
    card = publish(learner, tmp_path / "model")
    assert card.training.frames_seen == 30 * recipe.batch
    loaded = load_model(tmp_path / "model", device="cpu")
    assert loaded.card.simulated_only
    assert loaded.card.structures == RECIPE.structures
    assert loaded.card.views == ("A4C", "PLAX", OTHER)
    assert loaded.heads.view is not None and loaded.heads.landmarks is not None and loaded.text is not None
    assert loaded.shapes is not None and loaded.shapes.maps.shape[:2] == (4, 3)


def test_a_run_that_goes_on_from_a_model_takes_the_heads_that_tell_the_same(run_folder: Path, tmp_path: Path) -> None:
    start = trainer(run_folder, tmp_path / "start")
    publish(start, tmp_path / "model")
    frames = prepare_frames(RECIPE, run_folder / "frames", lambda text: None)
    again = replace(RECIPE, start_from=str(tmp_path / "model"), seed=9)
    apart = replace(again, others=0, landmark_loss=0.0)
    same = Trainer(again, frames, tmp_path / "same", lambda text: None)
    other = Trainer(apart, prepare_frames(apart, run_folder / "frames", lambda text: None), tmp_path / "other", print)
    old, new = start.average.heads.state_dict(), same.model.heads.state_dict()
    assert old.keys() == new.keys()
    assert all(torch.allclose(value, new[name], atol=2e-3) for name, value in old.items())
    assert other.model.heads.landmarks is None and other.model.heads.view.linear.weight.shape[0] == 2


def test_corrections_point_at_the_errors_of_the_models_own_answer(run_folder: Path, tmp_path: Path) -> None:
    learner = trainer(run_folder, tmp_path / "run")
    batch = learner.draw_batch()
    features = learner.model.segmenter.encode(batch.images)
    corrected = learner.corrected(features, batch)
    assert torch.equal(corrected.text, batch.prompts.text) and torch.equal(corrected.boxes, batch.prompts.boxes)
    more = (corrected.labels >= 0).sum(1) - (batch.prompts.labels >= 0).sum(1)
    assert more.max() > 0 and more.min() == 0
    assert bool((corrected.has_mask[more > 0]).all())
    for row in np.flatnonzero(more.numpy()):
        last = int((corrected.labels[row] >= 0).sum()) - 1
        x, y = corrected.points[row, last].int().tolist()
        assert batch.asks[row].target[y, x] == bool(corrected.labels[row, last])


def test_a_run_that_goes_on_from_a_model_takes_its_names_by_name(run_folder: Path, tmp_path: Path) -> None:
    start = trainer(run_folder, tmp_path / "start")
    publish(start, tmp_path / "model")
    other = replace(RECIPE, start_from=str(tmp_path / "model"), structures=("AO", "LV", "RV"), seed=9)
    frames = prepare_frames(RECIPE, run_folder / "frames", lambda text: None)
    learner = Trainer(other, frames, tmp_path / "run", lambda text: None)
    old, new = (t.model.segmenter.text_embedding.weight for t in (start, learner))
    for name, same in (("AO", True), ("LV", True), ("RV", False)):
        row = RECIPE.structures.index(name) + 1 if name in RECIPE.structures else 1
        taken = torch.allclose(new[other.structures.index(name) + 1], old[row], atol=2e-3)
        assert taken is same
    encoders = (t.model.segmenter.encoder.parameters() for t in (start, learner))
    assert all(torch.allclose(a, b, atol=2e-3) for a, b in zip(*encoders, strict=True))
    with pytest.raises(EchoApexError, match="its own architecture"):
        Trainer(replace(other, image_size=80), frames, tmp_path / "else", lambda text: None)


def recipe_file(folder: Path, **changes: object) -> Path:
    file = folder / "tiny.toml"
    values = {**asdict(RECIPE), **changes}
    lines = [f"{k} = {json.dumps(v)}" for k, v in values.items() if not isinstance(v, dict)]
    tables = [
        f"[{k}]\n" + "\n".join(f"{n} = {x}" for n, x in v.items()) for k, v in values.items() if isinstance(v, dict)
    ]
    file.write_text("\n".join([*lines, *tables]), encoding="utf-8")
    return file


class HalfOfTwo(Team):
    """One of two processes in turn: the first keeps its gradients, the second takes the mean with them."""

    kept: ClassVar[list[torch.Tensor]] = []

    def average(self, gradients: list[torch.Tensor]) -> None:
        if not self.leads:
            HalfOfTwo.kept = [gradient.clone() for gradient in gradients]
            return
        for gradient, other in zip(gradients, HalfOfTwo.kept, strict=True):
            gradient.copy_((gradient + other) / 2)


def test_two_processes_average_their_gradients(run_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "frames").symlink_to(run_folder / "frames", target_is_directory=True)
    arguments = [str(recipe_file(tmp_path, steps=1)), "--run", str(run), "--out", str(tmp_path / "model")]
    assert main([*arguments, "--processes", "2"]) == 0
    assert load_model(tmp_path / "model", device="cpu").card.training.frames_seen == RECIPE.batch
    found = torch.load(run / "checkpoint.pt", weights_only=True)["model"]
    frames = prepare_frames(RECIPE, run_folder / "frames", lambda text: None)
    alone, both = (
        Trainer(replace(RECIPE, steps=1), frames, tmp_path / f"rank-{rank}", lambda text: None, HalfOfTwo(rank, 2))
        for rank in (1, 0)
    )
    alone.run()
    both.run()

    def agreeing(trainer: Trainer) -> float:
        """Share of equal weights; not all, since Adam makes much of a gradient that is nothing but rounding."""
        pairs = [(value, found[name]) for name, value in trainer.model.named_parameters()]
        same = [torch.isclose(value, other, rtol=0, atol=1e-6).sum() for value, other in pairs]
        return float(sum(same)) / sum(value.numel() for value, _ in pairs)

    assert agreeing(both) > 0.98
    assert agreeing(alone) < 0.9


@pytest.mark.parametrize("count", ["0", "-1", "3"])
def test_processes_that_cannot_share_a_batch_are_refused(
    count: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(recipe_file(tmp_path)), "--run", str(tmp_path / "run"), "--processes", count]) == 1
    assert "batch of 4 must divide evenly" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_stopped_early_keeps_its_steps_and_writes_no_model(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "frames").symlink_to(run_folder / "frames", target_is_directory=True)
    arguments = [str(recipe_file(tmp_path)), "--run", str(run), "--out", str(tmp_path / "model")]
    assert main([*arguments, "--until", "1"]) == 0
    assert "no model is written" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()
    assert torch.load(run / "checkpoint.pt", weights_only=True)["step"] == 1


def test_a_checkpoint_that_is_not_of_this_recipe_is_refused_and_stays(run_folder: Path, tmp_path: Path) -> None:
    for number, content in enumerate((b"my own", b"")):
        file = tmp_path / str(number) / "checkpoint.pt"
        file.parent.mkdir()
        file.write_bytes(content)
        with pytest.raises(EchoApexError, match="not of a run of this recipe, and is not replaced"):
            trainer(run_folder, file.parent)
        assert file.read_bytes() == content
    torch.save({"epoch": 3}, tmp_path / "checkpoint.pt")
    with pytest.raises(EchoApexError, match="not of a run of this recipe, and is not replaced"):
        trainer(run_folder, tmp_path)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainer(run_folder, tmp_path)
    run.save()
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(state: object, draft: Path) -> None:
        draft.write_bytes(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(EchoApexError, match="checkpoint cannot be written"):
        run.save()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"checkpoint.pt": before}


def test_test_seeds_are_never_trained_on(tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match="kept for tests"):
        refuse_test_seeds([5, 900_000])
    with pytest.raises(EchoApexError, match="kept for tests"):
        draw_frames("easy", [900_999], 32, {"A4C": 1.0})
    for first, cases in ((899_999, 2), (899_000, 3000)):
        with pytest.raises(EchoApexError, match="kept for tests"):
            prepare_frames(replace(RECIPE, first_seed=first, cases=cases), tmp_path / "frames", lambda text: None)
    assert not list(tmp_path.glob("frames/*.npz"))
    with pytest.raises(EchoApexError, match="kept for tests"):
        draw_others("easy", [900_000], 32)


def test_shards_hold_what_was_drawn(tmp_path: Path) -> None:
    drawn = draw_frames("easy", [3, 4], 48, {"PLAX": 1.0})
    write_shard(tmp_path / "a.npz", drawn)
    write_shard(tmp_path / "b.npz", draw_others("easy", [3], 48))
    kept = read_shards([tmp_path / "a.npz", tmp_path / "b.npz"])
    assert np.array_equal(drawn.images, kept.images[:6])
    assert np.array_equal(drawn.labels, kept.labels[:6])
    assert list(kept.views) == ["PLAX"] * 6 + [OTHER] * 3
    assert np.isfinite(kept.landmarks[:6]).all() and np.isnan(kept.landmarks[6:]).all()
    assert not kept.labels[6:].any() and kept.images[6:].any()
    assert not list(tmp_path.glob("*.part*"))


def test_landmarks_lie_where_the_labels_change(tmp_path: Path) -> None:
    """Along the line of the landmarks: cavity between the inner ones, muscle between each pair."""
    frames = draw_frames("easy", [5], 192, {"PLAX": 1.0})
    for label, points in zip(frames.labels, frames.landmarks, strict=True):
        middles = (points[:-1] + points[1:]) / 2
        found = [Tissue(label[round(float(y)), round(float(x))]) for x, y in middles]
        assert found == [Tissue.LV_MYO, Tissue.LV, Tissue.LV_MYO]


def test_frames_of_another_recipe_are_not_mixed_in(run_folder: Path) -> None:
    with pytest.raises(EchoApexError, match="another recipe"):
        prepare_frames(replace(RECIPE, views={"A2C": 1.0}), run_folder / "frames", lambda text: None)


@pytest.mark.parametrize(
    "name", ["echoapex-first-beat", "echoapex-all-views", "echoapex-study", "echoapex-study-2", "echoapex-no-root"]
)
def test_the_shipped_recipes_are_whole_and_a_wrong_one_named(name: str, tmp_path: Path) -> None:
    shipped = read_recipe(resources.path(f"Recipes/{name}.toml"))
    refuse_test_seeds((shipped.first_seed, shipped.first_seed + shipped.cases + shipped.calibration - 1))
    text = resources.path("Recipes/echoapex-first-beat.toml").read_text(encoding="utf-8")
    (tmp_path / "wrong.toml").write_text(text.replace("batch =", "batches ="))
    with pytest.raises(EchoApexError, match="batch, batches"):
        read_recipe(tmp_path / "wrong.toml")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": True}, "steps"),
        ({"batch": 2.5}, "batch"),
        ({"cases": -1}, "cases"),
        ({"id": 3}, "id of a recipe is a text"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"decay_fraction": 1.5}, "decay_fraction"),
        ({"ema": 1.0}, "ema"),
        ({"precision": "float16"}, "Precision"),
        ({"structures": ["LV", "LIVER"]}, "LIVER"),
        ({"structures": []}, "at least one structure"),
        ({"held_out": ["LV"]}, "holds out none"),
        ({"views": {"A4C": 0.0}}, "shares above 0"),
        ({"views": {"A7C": 1.0}}, "A7C"),
        ({"views": {"A4C": 1.0}}, "has none"),
        ({"calibration": 0}, "at least 4 hearts for its calibration"),
        ({"calibration": 3}, "at least 4 hearts for its calibration"),
        ({"calibration": -4}, "calibration of a recipe is out of range"),
        ({"calibration": "many"}, "calibration of a recipe is a number"),
        ({"calibration": 10**12}, "calibration of a recipe is out of range"),
        ({"calibration": 2 * 10**9}, "kept for tests"),
        ({"first_seed": 899_990, "calibration": 8}, "kept for tests"),
        ({"views": {"PLAX": 1.0}, "others": 0}, "at least two views"),
        ({"views": {"A4C": "true", "PLAX": 1.0}}, "shares above 0"),
        ({"structures": ["LV", "LV"]}, "each tissue once"),
        ({"id": "../elsewhere"}, "identifier"),
    ],
)
def test_a_recipe_that_no_run_can_follow_is_refused(changes: dict[str, object], rule: str, tmp_path: Path) -> None:
    text = recipe_file(tmp_path, **changes).read_text(encoding="utf-8").replace("NaN", "nan")
    (tmp_path / "tiny.toml").write_text(text, encoding="utf-8")
    with pytest.raises(EchoApexError, match=rule):
        read_recipe(tmp_path / "tiny.toml")


def test_a_recipe_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("steps = = 3")
    (tmp_path / "deep.toml").write_text("steps = " + "[" * 100_000)
    (tmp_path / "large.toml").write_text("# " + "x" * 2**20)
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe9'")
    for name in ("a.toml", "none.toml", "deep.toml", "large.toml", "latin.toml", "."):
        with pytest.raises(EchoApexError, match=re.escape(str(tmp_path / name))) as refusal:
            read_recipe(tmp_path / name)
        assert "\n" not in str(refusal.value)


def test_what_is_not_in_the_picture_is_asked_for_by_name_and_empty(run_folder: Path) -> None:
    model = trainer(run_folder, run_folder / "unused").model.segmenter
    asks = draw_asks(np.zeros((64, 64), np.uint8), 4, STRUCTURES, np.random.default_rng(0))
    prompts, targets = collate(asks, model)
    assert targets.sum() == 0
    assert bool((prompts.text > 0).all())
    loss, reached = mask_loss(torch.full_like(targets, -20.0), torch.ones(4), targets)
    assert float(loss) == pytest.approx(0, abs=1e-6)
    assert reached.tolist() == [1, 1, 1, 1]


def test_dice_of_known_masks() -> None:
    target = torch.zeros(2, 4, 4)
    target[:, :2] = 1
    logits = torch.full((2, 4, 4), -5.0)
    logits[0, :2], logits[1, 1:3] = 5.0, 5.0
    assert hard_dice(logits, target).tolist() == [1.0, 0.5]
