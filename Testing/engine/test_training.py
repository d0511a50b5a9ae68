"""Training: what is asked, what counts as right, and a run that survives a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
from echoapex.training.segmentation import Trainer, hard_dice, loss_of, prepare_frames

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
    drop_path=0.0,
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
    first.save()
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


def test_two_processes_train_the_model_of_one_run(run_folder: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.toml"
    values = {**RECIPE.as_dict(), "steps": 2}
    recipe.write_text("\n".join(f"{k} = {v!r}" for k, v in values.items()).replace("'", '"'))
    run = tmp_path / "run"
    run.mkdir()
    (run / "frames").symlink_to(run_folder / "frames", target_is_directory=True)
    assert main([str(recipe), "--run", str(run), "--out", str(tmp_path / "model"), "--processes", "2"]) == 0
    assert load_model(tmp_path / "model", device="cpu").card.training.frames_seen == 2 * RECIPE.batch


def test_test_seeds_are_never_trained_on() -> None:
    with pytest.raises(EchoApexError, match="kept for tests"):
        refuse_test_seeds([5, 900_000])
    with pytest.raises(EchoApexError, match="kept for tests"):
        draw_frames("easy", [900_999], 32)
    recipe = replace(RECIPE, first_seed=899_999, cases=2)
    with pytest.raises(EchoApexError, match="kept for tests"):
        prepare_frames(recipe, Path("unused"), lambda text: None)


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
