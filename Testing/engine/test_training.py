"""Training: what is asked, what counts as right, and a run that survives a kill."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from echoapex import resources
from echoapex.errors import EchoApexError
from echoapex.models.store import load_model
from echoapex.simulation.heart import Tissue
from echoapex.training.augment import augment
from echoapex.training.frames import draw_frames, read_shards, refuse_test_seeds, write_shard
from echoapex.training.publish import publish
from echoapex.training.recipe import Recipe, read_recipe
from echoapex.training.run import main
from echoapex.training.sampling import STRUCTURES, collate, draw_asks, shaken_box
from echoapex.training.segmentation import Team, Trainer, hard_dice, loss_of, prepare_frames

RECIPE = Recipe(
    id="tiny",
    name="tiny",
    preset="hard",
    first_seed=0,
    cases=4,
    frame_size=64,
    encoder="vit_tiny",
    patch=16,
    image_size=64,
    steps=6,
    batch=4,
    prompts_per_frame=2,
    learning_rate=1e-3,
    weight_decay=0.01,
    warmup=2,
    decay_fraction=0.5,
    ema=0.9,
    drop_path=0.1,
    seed=3,
    precision="float32",
)


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
    images, index, prompts, targets = learner.draw_batch()

    def loss() -> float:
        with torch.no_grad():
            return float(loss_of(*learner.model.eval()(images, index, prompts), targets)[0])

    before = loss()
    learner.run()
    assert loss() < 0.7 * before
    card = publish(learner, tmp_path / "model")
    assert card.training.frames_seen == 30 * recipe.batch
    loaded = load_model(tmp_path / "model", device="cpu")
    assert loaded.card.simulated_only
    assert loaded.card.structures == tuple(tissue.name for tissue in STRUCTURES)


def recipe_file(folder: Path, **changes: object) -> Path:
    file = folder / "tiny.toml"
    values = {**RECIPE.as_dict(), **changes}
    file.write_text("\n".join(f"{k} = {json.dumps(v)}" for k, v in values.items()), encoding="utf-8")
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


def test_test_seeds_are_never_trained_on(tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match="kept for tests"):
        refuse_test_seeds([5, 900_000])
    with pytest.raises(EchoApexError, match="kept for tests"):
        draw_frames("easy", [900_999], 32)
    for first, cases in ((899_999, 2), (899_000, 3000)):
        with pytest.raises(EchoApexError, match="kept for tests"):
            prepare_frames(replace(RECIPE, first_seed=first, cases=cases), tmp_path / "frames", lambda text: None)
    assert not (tmp_path / "frames").exists()


def test_shards_hold_what_was_drawn(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.npz", "easy", [3, 4], 48)
    drawn, kept = draw_frames("easy", [3, 4], 48), read_shards([tmp_path / "a.npz"])
    assert np.array_equal(drawn.images, kept.images)
    assert np.array_equal(drawn.labels, kept.labels)
    assert list(kept.case) == [3, 3, 3, 4, 4, 4]
    assert not list(tmp_path.glob("*.part*"))


def test_the_shipped_recipe_is_whole_and_a_wrong_one_named(tmp_path: Path) -> None:
    shipped = read_recipe(resources.path("Recipes/echoapex-first-beat.toml"))
    refuse_test_seeds((shipped.first_seed, shipped.first_seed + shipped.cases - 1))
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
    ],
)
def test_a_recipe_that_no_run_can_follow_is_refused(changes: dict[str, object], rule: str, tmp_path: Path) -> None:
    text = recipe_file(tmp_path, **changes).read_text(encoding="utf-8").replace("NaN", "nan")
    (tmp_path / "tiny.toml").write_text(text, encoding="utf-8")
    with pytest.raises(EchoApexError, match=rule):
        read_recipe(tmp_path / "tiny.toml")


def test_a_recipe_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("steps = = 3")
    for name in ("a.toml", "none.toml"):
        with pytest.raises(EchoApexError, match=name):
            read_recipe(tmp_path / name)


@given(st.integers(0, 10_000))
def test_prompts_point_at_what_they_ask_for(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = np.zeros((64, 64), np.uint8)
    label[8:30, 10:40], label[34:60, 12:38] = Tissue.LV, Tissue.LA
    for ask in draw_asks(label, 6, rng):
        if ask.points is not None and ask.signs is not None:
            for (x, y), sign in zip(ask.points.astype(int), ask.signs, strict=True):
                assert ask.target[y, x] == bool(sign)
        if ask.box is not None:
            rows, columns = np.nonzero(ask.target)
            tight = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
            side = np.array([np.ptp(columns), np.ptp(rows)] * 2)
            assert np.all(np.abs(ask.box - tight) <= 0.1 * side + 1e-4)
        if ask.text and ask.target.any():
            assert np.array_equal(ask.target, label == STRUCTURES[ask.text - 1])


def test_a_shaken_box_stays_in_the_frame() -> None:
    target = np.ones((40, 40), bool)
    for seed in range(20):
        box = shaken_box(target, np.random.default_rng(seed))
        assert box.min() >= 0
        assert box.max() <= 39
    wide = np.zeros((30, 60), bool)
    wide[5:25, 40:58] = True
    for seed in range(20):
        x0, y0, x1, y1 = shaken_box(wide, np.random.default_rng(seed))
        assert abs(x0 - 40) <= 1.7 and abs(x1 - 57) <= 1.7 and x1 <= 59
        assert abs(y0 - 5) <= 1.9 and abs(y1 - 24) <= 1.9


def test_what_is_not_in_the_picture_is_asked_for_by_name_and_empty(run_folder: Path) -> None:
    model = trainer(run_folder, run_folder / "unused").model
    asks = draw_asks(np.zeros((64, 64), np.uint8), 4, np.random.default_rng(0))
    prompts, targets = collate(asks, model)
    assert targets.sum() == 0
    assert bool((prompts.text > 0).all())
    loss, reached = loss_of(torch.full_like(targets, -20.0), torch.ones(4), targets)
    assert float(loss) == pytest.approx(0, abs=1e-6)
    assert reached.tolist() == [1, 1, 1, 1]


def test_dice_of_known_masks() -> None:
    target = torch.zeros(2, 4, 4)
    target[:, :2] = 1
    logits = torch.full((2, 4, 4), -5.0)
    logits[0, :2], logits[1, 1:3] = 5.0, 5.0
    assert hard_dice(logits, target).tolist() == [1.0, 0.5]


def test_augmentation_moves_picture_and_labels_together() -> None:
    """A bright square labeled LV stays bright where it is labeled."""
    image, label = np.full((96, 96), 20, np.uint8), np.zeros((96, 96), np.uint8)
    image[30:70, 25:60], label[30:70, 25:60] = 220, Tissue.LV
    for seed in range(25):
        picture, moved = augment(image, label, 64, np.random.default_rng(seed))
        assert picture.shape == moved.shape == (64, 64)
        assert set(np.unique(moved)) <= {0, int(Tissue.LV)}
        inside = moved == Tissue.LV
        if inside.sum() > 50 and (~inside).sum() > 50:
            assert picture[inside].mean() > picture[~inside].mean() + 5
