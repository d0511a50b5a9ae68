"""Training: what is asked, what counts as right, and a run that survives a kill."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from echoapex import resources
from echoapex.errors import EchoApexError
from echoapex.models.card import OTHER
from echoapex.models.store import load_model
from echoapex.simulation.heart import Tissue
from echoapex.training.augment import augment
from echoapex.training.frames import draw_frames, draw_others, read_shards, refuse_test_seeds, write_shard
from echoapex.training.losses import hard_dice, mask_loss
from echoapex.training.publish import publish
from echoapex.training.recipe import Recipe, read_recipe
from echoapex.training.run import main
from echoapex.training.sampling import Ask, collate, corrected_by_click, draw_asks, shaken_box
from echoapex.training.trainer import Team, Trainer, prepare_frames

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
    corrected = learner._corrected(features, batch)
    assert torch.equal(corrected.text, batch.prompts.text) and torch.equal(corrected.boxes, batch.prompts.boxes)
    more = (corrected.labels >= 0).sum(1) - (batch.prompts.labels >= 0).sum(1)
    assert more.max() > 0 and more.min() == 0
    assert bool((corrected.has_mask[more > 0]).all())
    for row in np.flatnonzero(more.numpy()):
        last = int((corrected.labels[row] >= 0).sum()) - 1
        x, y = corrected.points[row, last].int().tolist()
        assert batch.asks[row].target[y, x] == bool(corrected.labels[row, last])


@given(st.integers(0, 10_000))
def test_a_correcting_click_lies_in_the_largest_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, answer = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    target[10:40, 10:40] = True
    answer[10:40, 10:30], answer[50:55, 50:60], answer[12:15, 44:46] = True, True, True
    ask = corrected_by_click(Ask(target, box=shaken_box(target, rng)), answer, rng)
    assert ask.box is not None and ask.mask is not None
    assert ask.mask[12:38, 12:28].min() > 0 and ask.mask[~answer].mean() < 0
    ((x, y),), (sign,) = ask.points.astype(int), ask.signs
    assert sign == 1 and target[y, x] and not answer[y, x]
    over = corrected_by_click(ask, target | answer, rng)
    (x, y), sign = over.points[1].astype(int), over.signs[1]
    assert sign == 0 and 50 <= y < 55 and 50 <= x < 60
    assert corrected_by_click(ask, target, rng) is ask


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


def test_what_is_held_out_is_never_asked_for() -> None:
    label = np.zeros((64, 64), np.uint8)
    label[8:30, 10:40], label[34:60, 12:38], label[8:30, 44:60] = Tissue.LV, Tissue.LA, Tissue.AO
    for seed in range(300):
        rng = np.random.default_rng(seed)
        for ask in draw_asks(label, 3, (Tissue.LV, Tissue.LA), rng, held_out=(Tissue.AO,)):
            assert not np.any(ask.target & (label == Tissue.AO))


@pytest.mark.parametrize("name", ["echoapex-first-beat", "echoapex-all-views", "echoapex-study", "echoapex-no-root"])
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
        ({"calibration": 0}, "calibration"),
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
    for ask in draw_asks(label, 6, STRUCTURES, rng):
        if ask.points is not None and ask.signs is not None:
            for (x, y), sign in zip(ask.points.astype(int), ask.signs, strict=True):
                assert ask.target[y, x] == bool(sign)
        if ask.box is not None:
            # A box about two chambers of which a negative click takes one away is that of both.
            both = ask.signs is not None and not ask.signs.all() and label[ask.target].any()
            rows, columns = np.nonzero(label > 0 if both and ask.text == 0 and ask.mask is None else ask.target)
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


def test_augmentation_moves_picture_labels_and_points_together() -> None:
    """A bright square labeled LV stays bright where it is labeled, and its center stays its center."""
    image, label = np.full((96, 96), 20, np.uint8), np.zeros((96, 96), np.uint8)
    image[30:71, 25:60], label[30:71, 25:60] = 220, Tissue.LV
    center = np.array([[42.0, 50.0], [np.nan, np.nan]])
    for seed in range(25):
        picture, moved, points = augment(image, label, center, 64, np.random.default_rng(seed))
        assert picture.shape == moved.shape == (64, 64)
        assert set(np.unique(moved)) <= {0, int(Tissue.LV)}
        assert np.isnan(points[1]).all()
        inside = moved == Tissue.LV
        if inside.sum() > 50 and (~inside).sum() > 50:
            assert picture[inside].mean() > picture[~inside].mean() + 5
        rows, columns = np.nonzero(inside)
        if rows.size and min(rows.min(), columns.min()) > 0 and max(rows.max(), columns.max()) < 63:
            assert points[0] == pytest.approx([columns.mean(), rows.mean()], abs=0.6)


def test_nothing_is_laid_over_what_lies_outside_the_sector() -> None:
    y, x = np.mgrid[:96, :96]
    disk = np.hypot(x - 48, y - 48) < 24
    image, label = np.where(disk, 90, 0).astype(np.uint8), disk.astype(np.uint8)
    image[40:56, 40:56] = 0
    filled = 0
    for seed in range(40):
        picture, moved, _ = augment(image, label, np.zeros((0, 2)), 96, np.random.default_rng(seed))
        near = ndimage.binary_dilation(moved > 0, iterations=10)
        assert np.mean(picture[~near]) < 1 if (~near).any() else near.all(), seed
        filled += int(np.count_nonzero(picture[ndimage.binary_erosion(moved > 0, iterations=3)] == 0) == 0)
    assert 5 <= filled <= 35, "black cavities are hazy in some and black in others"


def test_a_stranger_is_told_from_what_surrounds_it_and_unlabeled() -> None:
    from echoapex.training.strangers import add_stranger

    rng = np.random.default_rng(0)
    image, label = rng.integers(60, 120, (160, 160)).astype(np.uint8), np.zeros((160, 160), np.uint8)
    label[50:120, 40:110] = Tissue.LV
    drawn = [found for _ in range(60) if (found := add_stranger(image, label, rng)) is not None]
    assert len(drawn) > 30
    for picture, left, where in drawn:
        assert np.array_equal(left == 0, where | (label == 0))
        assert np.count_nonzero(where) >= 60
        assert abs(float(picture[where].mean()) - float(image[~where].mean())) > 5
