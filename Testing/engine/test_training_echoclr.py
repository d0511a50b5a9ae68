"""EchoCLR term by term against lightly and published formulas, its clips and studies, and runs by command line."""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from lightly.loss import NTXentLoss
from pretraining_cases import recipe_file
from safetensors.torch import save_file
from shard_cases import clip as shard_clip
from shard_cases import write as write_shards
from torch import Tensor
from torchvision.models.video import r3d_18

from echoapex import resources
from echoapex.cli import main
from echoapex.errors import EchoApexError
from echoapex.models.clip_encoder import CLIP_ENCODERS, ClipEncoder
from echoapex.models.pretrained_backbone import ClipBackboneCard, read_backbone
from echoapex.simulation.aortic_valve import stenosis_of
from echoapex.simulation.study_clips import draw_study_case
from echoapex.training import pretraining
from echoapex.training.archived_studies import ArchivedStudies
from echoapex.training.clip_source import SectorClip, SectorStudy
from echoapex.training.methods.echoclr.loss import counterparts_found, nt_xent
from echoapex.training.methods.echoclr.method import EchoClr
from echoapex.training.methods.echoclr.recipe import EchoClrRecipe
from echoapex.training.methods.echoclr.views import ORDERS, draw_pair, squared, windows
from echoapex.training.methods.method import Timeline
from echoapex.training.methods.registry import read_pretraining_recipe
from echoapex.training.pretraining import PretrainingLearner, check_shares
from echoapex.training.run_folder import RunFolder, read_state
from echoapex.training.run_loop import NotFiniteError, RunLoop
from echoapex.training.simulated_studies import SimulatedStudies, study_labels
from echoapex.training.study_probe import StudyProbe, same_study, same_study_by_chance
from echoapex.training.team import Team

CPU = torch.device("cpu")
DATA = "simulated:easy:8:4"
"""Two patients are held out."""
NOT_ASKED = ("local_size", "local_count", "global_size", "prototypes", "hidden", "bottleneck")
SMALL: dict[str, object] = {
    **dict.fromkeys(NOT_ASKED),
    "method": "echoclr",
    "encoder": "r3d_18_quarter",
    "batch": 4,
    "warmup_epochs": None,
    "clip_size": 32,
    "frame_size": 48,
    "study_views": "PLAX PLAX",
    "study_frames": 5,
}
RECIPE = EchoClrRecipe(
    "tiny", "tiny", "echoclr", encoder="r3d_18_quarter", batch=4, epochs=4, clip_size=32, warmup_epochs=0.0
)
TIME = Timeline(steps=40, epoch_steps=10)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The studies of `DATA`, drawn once."""
    folder = tmp_path_factory.mktemp("studies")
    SimulatedStudies(DATA, "PLAX PLAX", 48, 5, 2, folder, lambda text: None)
    return folder


def recipe_of(folder: Path, **changes: object) -> Path:
    return recipe_file(folder, **(SMALL | changes))


def new_run(folder: Path, drawn: Path) -> Path:
    folder.mkdir()
    (folder / "frames").symlink_to(drawn, target_is_directory=True)
    return folder


def arguments(recipe: Path, run: Path, *more: str) -> list[str]:
    return ["pretrain", str(recipe), "--data", DATA, "--out", str(run), "--device", "cpu", *more]


def tensor(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class NoiseStudies:
    """A `StudySource` of clips that drift: those of a study are alike, and each has a direction of time."""

    name, simulated = "noise", False

    def __init__(self, count: int = 12, *, black: bool = False, clips: int = 2) -> None:
        rng = np.random.default_rng(0)
        studies = []
        for number in range(count):
            base = 0 * rng.random((8, 8)) if black else rng.random((8, 8))
            frames = [np.kron(base, np.ones((5, 5))) * 150 + 12 * np.arange(7)[:, None, None] for _ in range(clips)]
            if black:
                frames = [0 * one for one in frames]
            shown = [(one + (0 if black else 4) * rng.random(one.shape)).astype(np.uint8) for one in frames]
            of_study = tuple(SectorClip(7, one.__getitem__, ("A4C", "PLAX")[n % 2]) for n, one in enumerate(shown))
            studies.append(SectorStudy(f"p{number}", "s", of_study))
        self.learned, self.held_out = studies[:-3], studies[-3:]

    def __len__(self) -> int:
        return len(self.learned)

    def order(self, number: int, seed: int) -> np.ndarray:
        return np.random.default_rng([seed, number]).permutation(len(self.learned))

    def item(self, place: int) -> SectorStudy:
        return self.learned[place]


def learner_of(folder: Path, source: NoiseStudies | None = None, **changes: object) -> PretrainingLearner:
    recipe = read_pretraining_recipe(recipe_of(folder, **changes))
    return PretrainingLearner(recipe, source or NoiseStudies(), CPU, lambda text: None)


def views_of(method: EchoClr, seed: int = 1):
    rng = np.random.default_rng(seed)
    return method.collate([method.draw(study, rng) for study in NoiseStudies().learned[:4]], seed)


# ------------------------------------------------------------------ the loss
def test_the_contrast_is_that_of_lightly_also_in_its_gradient() -> None:
    for temperature in (0.05, 0.5):
        ours, theirs = ([tensor(7, 12, seed=seed).requires_grad_() for seed in (1, 2)] for _ in range(2))
        found, expected = nt_xent(*ours, temperature), NTXentLoss(temperature=temperature)(*theirs)
        found.backward()
        expected.backward()
        assert torch.allclose(found, expected, atol=1e-5)
        assert all(torch.allclose(a.grad, b.grad, atol=1e-5) for a, b in zip(ours, theirs, strict=True))


def test_the_contrast_is_the_published_sum() -> None:
    """SimCLR, equation 1, written out; and its known values: log(2 B - 1) where all are alike, 0 where all is clear."""
    one, two = tensor(5, 8, seed=3), tensor(5, 8, seed=4)
    all_ = torch.cat([one, two])
    unit = all_ / all_.norm(dim=1, keepdim=True)
    terms = []
    for i in range(10):
        likeness = [math.exp(float(unit[i] @ unit[k]) / 0.05) if k != i else 0.0 for k in range(10)]
        terms.append(-math.log(likeness[(i + 5) % 10] / sum(likeness)))
    assert float(nt_xent(one, two, 0.05)) == pytest.approx(np.mean(terms), rel=1e-4)
    same = torch.ones(5, 8)
    assert float(nt_xent(same, same, 0.05)) == pytest.approx(math.log(9), rel=1e-5)
    apart = torch.eye(5, 8)
    assert float(nt_xent(apart, 3 * apart, 0.05)) == pytest.approx(0, abs=1e-6)


def test_clips_of_the_same_study_are_no_strangers() -> None:
    one, two = tensor(4, 8, seed=5), tensor(4, 8, seed=6)
    studies = torch.tensor([0, 1, 0, 2])
    distinct = torch.arange(4)
    assert torch.equal(nt_xent(one, two, 0.1, distinct), nt_xent(one, two, 0.1))
    unit = torch.nn.functional.normalize(torch.cat([one, two]), dim=1)
    logits = unit @ unit.T / 0.1
    # Of clip 0: its counterpart is 4, and 2 and 6 are of the same study.
    expected = -(logits[0, 4] - torch.logsumexp(logits[0, [1, 3, 4, 5, 7]], 0))
    whole = nt_xent(one, two, 0.1, studies) * 8
    others = [
        -(logits[i, (i + 4) % 8] - torch.logsumexp(logits[i, seen], 0))
        for i, seen in (
            (1, [0, 2, 3, 4, 5, 6, 7]),
            (2, [1, 3, 5, 6, 7]),
            (3, [0, 1, 2, 4, 5, 6, 7]),
            (4, [0, 1, 3, 5, 7]),
            (5, [0, 1, 2, 3, 4, 6, 7]),
            (6, [1, 2, 3, 5, 7]),
            (7, [0, 1, 2, 3, 4, 5, 6]),
        )
    ]
    assert float(whole) == pytest.approx(float(expected + sum(others)), rel=1e-5)
    assert float(counterparts_found(torch.eye(4, 8), torch.eye(4, 8), studies)) == 1


def test_the_terms_of_the_loss_are_those_of_the_networks_outputs() -> None:
    torch.manual_seed(0)
    method, views = EchoClr(replace(RECIPE, order_weight=0.7), TIME).train(), None
    views = views_of(method)
    terms = method.losses(views, 0)
    clips = torch.from_numpy(views.clips).flatten(0, 1)[:, None].float()
    spread = torch.stack([(one - one.min()) / (one.max() - one.min()) for one in clips])
    features = method.network(spread)
    one, two = method.projector(features).chunk(2)
    order = torch.nn.functional.cross_entropy(method.order(features), torch.from_numpy(views.orders).flatten())
    assert torch.allclose(terms["contrast"], NTXentLoss(temperature=0.05)(one, two), atol=1e-4)
    assert torch.allclose(terms["order"], order, atol=1e-5)
    assert torch.allclose(terms["loss"], terms["contrast"] + 0.7 * terms["order"])
    assert "order" not in EchoClr(replace(RECIPE, order_weight=0.0), TIME).losses(views, 0)


def test_the_projector_and_the_question_are_as_published() -> None:
    method = EchoClr(replace(RECIPE, encoder="r3d_18"), TIME)
    shapes = [tuple(p.shape) for p in (*method.projector.parameters(), *method.order.parameters())]
    assert shapes == [(256, 512), (128, 256), (24, 512), (24,)]
    assert RECIPE.temperature == 0.05 and RECIPE.order_weight == 1 and EchoClrRecipe.batch == 2 * 196


# ------------------------------------------------------------------ the encoder
def test_the_encoder_is_torchvisions_for_gray_clips() -> None:
    peer, ours = r3d_18(), ClipEncoder("r3d_18")
    weights = {name: value for name, value in peer.state_dict().items() if not name.startswith("fc.")}
    weights["stem.0.weight"] = weights["stem.0.weight"].sum(1, keepdim=True)
    ours.load_state_dict(weights)
    clips = tensor(2, 1, 4, 32, 32)
    with torch.no_grad():
        peer.fc = torch.nn.Identity()
        assert torch.allclose(ours.eval()(clips), peer.eval()(clips.repeat(1, 3, 1, 1, 1)), atol=1e-4)
    assert [ClipEncoder(name).num_features for name in CLIP_ENCODERS] == [512, 256, 128]
    with pytest.raises(EchoApexError, match="one of r3d_18"):
        ClipEncoder("r3d_34")


def test_a_run_begins_with_torchvisions_weights_or_those_of_another_run(tmp_path: Path) -> None:
    peer, said = r3d_18(), []
    save_file({name: value.contiguous() for name, value in peer.state_dict().items()}, tmp_path / "k.safetensors")
    recipe = recipe_of(tmp_path, encoder="r3d_18", init_from=str(tmp_path / "k.safetensors"))
    learner = PretrainingLearner(read_pretraining_recipe(recipe), NoiseStudies(), CPU, said.append)
    assert torch.equal(learner.method.network.layer4[1].conv2[0].weight, peer.layer4[1].conv2[0].weight)
    notes = "kernels for three colors were added up for gray; the layer for classes was left out"
    assert said == [f"starting from file k.safetensors; {notes}"]
    with pytest.raises(EchoApexError, match="do not fit the encoder"):
        learner_of(tmp_path, init_from=str(tmp_path / "k.safetensors"))


# ------------------------------------------------------------------ views
def test_two_distinct_clips_are_drawn_and_a_single_one_is_its_own_counterpart() -> None:
    recipe = replace(RECIPE, shift=0.0, rotation=0.0, tone=0.0, frame_step=1)
    flat = tuple(
        SectorClip(6, np.full((6, 40, 40), 60 * (number + 1), np.uint8).__getitem__, None) for number in range(3)
    )
    study, rng = SectorStudy("p", "s", flat), np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        pair = draw_pair(study, recipe, rng)
        levels = tuple(int(clip.max()) for clip in pair.clips)
        assert pair.clips.shape == (2, 4, 32, 32) and levels[0] != levels[1]
        seen.add(levels)
    assert seen == set(itertools.permutations((60, 120, 180), 2))
    alone = draw_pair(SectorStudy("p", "s", flat[:1]), recipe, rng)
    assert {int(clip.max()) for clip in alone.clips} == {60}


def test_the_answer_is_the_order_in_which_frames_are_shown() -> None:
    recipe = replace(RECIPE, shift=0.0, rotation=0.0, tone=0.0, frame_step=2)
    frames = 10 * np.ones((12, 40, 40), np.uint8) * np.arange(1, 13, dtype=np.uint8)[:, None, None]
    study, rng, orders = SectorStudy("p", "s", (SectorClip(12, frames.__getitem__),)), np.random.default_rng(0), []
    for _ in range(100):
        pair = draw_pair(study, recipe, rng)
        for clip, order in zip(pair.clips, pair.orders, strict=True):
            shown = clip[:, 16, 16].astype(int)
            rank = np.argsort(np.argsort(shown))
            assert tuple(rank) == ORDERS[order] and set(np.diff(np.sort(shown))) == {20}
            orders.append(int(order))
    assert len(ORDERS) == 24 and len(set(orders)) == 24


def test_windows_are_spread_as_told_and_closer_in_short_clips() -> None:
    assert windows(7, 2) == [(0, 2, 4, 6)]
    assert windows(6, 1) == [(0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5)]
    assert windows(6, 3) == windows(6, 1) and windows(4, 9) == [(0, 1, 2, 3)]


def test_a_frame_keeps_its_proportions_in_the_middle_of_a_square() -> None:
    frame = np.full((40, 80), 200, np.uint8)
    square = squared(frame, 32)
    assert (square[8:24] == 200).all() and (square[:8] == 0).all() and (square[24:] == 0).all()


def test_all_frames_of_a_clip_are_changed_alike_and_keep_their_side() -> None:
    image = np.zeros((40, 40), np.uint8)
    image[:, 20:] = 200
    study = SectorStudy("p", "s", (SectorClip(6, np.stack([image] * 6).__getitem__),))
    rng = np.random.default_rng(0)
    pairs = [draw_pair(study, RECIPE, rng) for _ in range(30)]
    for pair in pairs:
        assert all((clip == clip[0]).all() for clip in pair.clips)
        assert (pair.clips[:, 0, :, :16].mean((1, 2)) < pair.clips[:, 0, :, 16:].mean((1, 2))).all()
    assert len({pair.clips[0, 0].tobytes() for pair in pairs}) > 25
    turned = draw_pair(study, replace(RECIPE, mirrored=1.0), rng)
    assert (turned.clips[:, 0, :, :16].mean((1, 2)) > turned.clips[:, 0, :, 16:].mean((1, 2))).all()


def test_what_a_step_sees_follows_from_the_step(tmp_path: Path) -> None:
    one, two = (learner_of(tmp_path) for _ in range(2))
    one._views(0)
    first, again = one._views(1), two._views(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_it_learns_to_tell_studies_and_orders() -> None:
    torch.manual_seed(0)
    method = EchoClr(replace(RECIPE, learning_rate=0.3, rate_rule="linear", rotation=0.0, shift=0.02), TIME).train()
    optimizer, told = method.optimizer(), []
    for step in range(24):
        method.set_pace(optimizer, step)
        terms = method.losses(views_of(method, step), step)
        optimizer.zero_grad(set_to_none=True)
        terms["loss"].backward()
        assert method.clip_gradients().isfinite()
        optimizer.step()
        told.append({name: float(value.detach()) for name, value in terms.items()})
    first, last = told[:4], told[-4:]
    for name in ("contrast", "order"):
        assert np.mean([one[name] for one in last]) < np.mean([one[name] for one in first]) - 0.3


# ------------------------------------------------------------------ sources
def test_simulated_studies_are_drawn_once_with_what_is_true_of_each(drawn: Path) -> None:
    before, said = {file: file.stat().st_mtime_ns for file in drawn.iterdir()}, []
    source = SimulatedStudies(DATA, "PLAX PLAX", 48, 5, 2, drawn, said.append)
    assert said == [] and {file: file.stat().st_mtime_ns for file in drawn.iterdir()} == before
    assert len(source) == 6 and len(source.held_out) == 2 and source.simulated
    patients = [study.patient for study in (*source.learned, *source.held_out)]
    assert patients == [f"simulated-{seed}" for seed in range(4, 12)]
    study = source.learned[2]
    case = draw_study_case("easy", 6)
    assert study.labels == study_labels(case) and study.labels["aortic_stenosis"] == stenosis_of(case.shape)
    one, two = (clip.frames(range(clip.count)) for clip in study.clips)
    assert one.shape == (5, 48, 48) and one.dtype == np.uint8 and not np.array_equal(one, two)
    assert sorted(source.order(0, 1)) == list(range(6)) and source.item(3) is source.learned[3]
    with pytest.raises(EchoApexError, match="drawn by another recipe"):
        SimulatedStudies(DATA, "PLAX A4C", 48, 5, 2, drawn, said.append)


def test_hypertrophy_is_a_mass_beyond_that_of_men() -> None:
    labels = [study_labels(draw_study_case("hard", seed)) for seed in range(60)]
    walls = [draw_study_case("hard", seed).shape.ivsd_mm for seed in range(60)]
    thick, thin = ([w for w, told in zip(walls, labels, strict=True) if told["lvh"] == value] for value in (1, 0))
    assert 0.3 < len(thick) / 60 < 0.7 and min(thick) > 9.5 and max(thin) < 14.5


def test_damaged_studies_are_named(drawn: Path, tmp_path: Path) -> None:
    for file in drawn.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    broken = next(tmp_path.glob("*.npz"))
    broken.write_bytes(broken.read_bytes()[:-200])
    with pytest.raises(EchoApexError, match="delete this file"):
        SimulatedStudies(DATA, "PLAX PLAX", 48, 5, 2, tmp_path, lambda text: None)


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    how = dict(noise=90, mode="B", simulated=True)
    clips = (
        shard_clip("c1", "p1", "train", 5, view="A4C", study="s1", **how),
        shard_clip("c2", "p1", "train", 9, view="PLAX", study="s1", source_frame_count=30, **how),
        shard_clip("c3", "p1", "train", 4, view="A4C", study="s2", **how),
        shard_clip("c4", "p2", "train", 3, study="s1", **how),
        shard_clip("c5", "p3", "train", 6, study="s1", **(how | {"mode": "spectral"})),
        shard_clip("c6", "p4", "val", 5, view="A4C", study="s1", **how),
        shard_clip("c7", "p4", "val", 6, view="PLAX", study="s1", **how),
        shard_clip("c8", "p5", "val", 5, view="A4C", study="s1", **how),
        shard_clip("c9", "p6", "train", 5, view="A4C", study="s1", **how),
    )
    return write_shards(tmp_path / "shards", *clips)


def test_the_clips_of_an_archive_come_by_study_and_what_is_left_out_is_said(shards: Path) -> None:
    said: list[str] = []
    source = ArchivedStudies(shards, 4, said.append)
    found = {(study.patient, study.study): [clip.count for clip in study.clips] for study in source.learned}
    assert found == {("p1", "s1"): [5, 9], ("p1", "s2"): [4], ("p6", "s1"): [5]}
    assert [study.patient for study in source.held_out] == ["p4", "p5"] and source.simulated
    assert said[0] == "3 studies of 4 clips; 2 of a single clip, which is its own counterpart"
    assert said[1] == "1 clips of fewer than 4 frames are left out"
    assert said[2].startswith("of 1 clips curation has kept some frames only")
    clip = source.learned[0].clips[1]
    assert clip.frames((2, 5)).shape == (2, 20, 30) and clip.view == "PLAX"
    with pytest.raises(EchoApexError, match="no clip to learn from that has 20 frames"):
        ArchivedStudies(shards, 20, said.append)


def test_an_archive_is_learned_from_by_one_command(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = arguments(recipe_of(tmp_path, batch=2), tmp_path / "run", "--json")
    line[line.index(DATA)] = str(shards)
    assert main(line) == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert result["steps"] == 6 and 0 <= result["same_study"] <= 1 and "knn_views" in result
    assert "3 studies of 4 clips" in told.err and "12 studies drawn from 3" in told.err


# ------------------------------------------------------------------ looking at embeddings
def test_clips_are_told_to_be_of_one_study_by_the_nearest() -> None:
    studies = torch.tensor([0, 0, 1, 1, 2])
    vectors = torch.tensor([[1.0, 0.0], [0.9, 0.01], [0.0, 1.0], [1.0, 0.05], [0.05, 1.0]])
    assert same_study(vectors, studies) == pytest.approx(2 / 4)
    assert same_study_by_chance(studies) == pytest.approx(1 / 4)
    probe = StudyProbe(NoiseStudies(), 0)
    assert probe.scored and probe.pixels()["same_study_pixels"] == 1
    seen = probe.look(lambda pictures: torch.stack([torch.from_numpy(p[0]).float().flatten() for p in pictures]))
    assert seen["same_study"] == 1 and seen.keys() == {"same_study", "knn_views", "rank_me"}
    assert not StudyProbe(NoiseStudies(clips=1), 0).scored


def test_looking_changes_nothing_and_a_clip_is_told_by_its_mean_over_parts(tmp_path: Path) -> None:
    learner = learner_of(tmp_path)
    learner.learn(0)
    before = {name: value.clone() for name, value in learner.method.state_dict().items()}
    learner.trial_seconds(1)
    seen, score = learner.look(1)
    assert score == seen["same_study"] and learner.method.training
    assert all(torch.equal(value, before[name]) for name, value in learner.method.state_dict().items())
    clip = NoiseStudies().learned[0].clips[0].frames(range(7))
    parts = torch.cat([learner.embed([clip[list(places)]]) for places in (range(4), range(1, 5), range(3, 7))])
    assert torch.allclose(learner.embed([clip]), parts.mean(0, keepdim=True), atol=1e-5)


# ------------------------------------------------------------------ runs
def test_a_recipe_runs_to_its_end(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, run = recipe_of(tmp_path, epochs=1, epoch_steps=2), new_run(tmp_path / "run", drawn)
    assert main(arguments(file, run, "--json")) == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert result["steps"] == 2 and result["rank_me"] >= 1
    assert "echoclr, r3d_18_quarter/16: learning rate" in told.err and "8 studies drawn from 6" in told.err
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines[0].keys() == {"step", "same_study", "rank_me", "same_study_pixels", "same_study_chance"}
    assert {"contrast", "order", "studies_found", "orders_found"} <= lines[1].keys()
    card, tensors = read_backbone(run / "exported" / "backbone")
    assert isinstance(card, ClipBackboneCard) and card.frames == 4 and card.method == "echoclr"
    assert card.architecture.encoder == "r3d_18_quarter" and card.training.frames_seen == 2 * 4 * 8
    assert "6 studies, without labels" in card.training.data
    ClipEncoder(card.architecture.encoder).load_state_dict(tensors)
    again = learner_of(tmp_path, init_from=str(run / "exported" / "backbone"))
    assert all(torch.equal(value, tensors[name]) for name, value in again.method.network.state_dict().items())


def test_a_run_that_is_killed_ends_with_the_weights_that_it_would_have_had(drawn: Path, tmp_path: Path) -> None:
    file = recipe_of(tmp_path, epochs=4)
    whole, cut = new_run(tmp_path / "whole", drawn), new_run(tmp_path / "cut", drawn)
    assert main(arguments(file, whole)) == 0
    command = [sys.executable, "-m", "echoapex", *arguments(file, cut, "--resume")]
    child = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    while child.poll() is None and (read_state(cut).last_checkpoint or "") < "step-00000004.pt":
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert main(arguments(file, cut, "--resume")) == 0
    last = [torch.load(run / "checkpoints" / "step-00000012.pt", weights_only=True) for run in (whole, cut)]
    ours, theirs = (state["learner"]["method"] for state in last)
    assert ours.keys() == theirs.keys() and all(torch.equal(value, theirs[name]) for name, value in ours.items())
    moments = [state["learner"]["optimizer"]["state"] for state in last]
    assert all(torch.equal(moments[0][key]["exp_avg"], moments[1][key]["exp_avg"]) for key in moments[0])


def test_a_run_that_was_stopped_is_exported_goes_on_and_is_shown_in_tensorboard(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int) -> None:
            assert folder.endswith("tensorboard")

        def add_scalar(self, name: str, value: float, step: int) -> None:
            shown.append(name)

        def close(self) -> None:
            pass

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    run = new_run(tmp_path / "run", drawn)
    with monkeypatch.context() as patched:
        patched.setattr(RunLoop, "_stop_asked", lambda loop, request: loop.step == 2)
        file = recipe_of(tmp_path, epochs=3, epoch_steps=1)
        assert main(arguments(file, run, "--tensorboard")) == 130
    assert {"contrast", "orders_found", "same_study", "same_study_pixels"} <= set(shown)
    assert main(["runs", "export", str(run), "--checkpoint", "last", "--out", str(tmp_path / "out")]) == 0
    card, tensors = read_backbone(tmp_path / "out")
    assert isinstance(card, ClipBackboneCard) and card.training.frames_seen == 2 * 4 * 8
    kept = torch.load(run / "checkpoints" / "step-00000002.pt", weights_only=True)["learner"]["method"]
    assert all(torch.equal(kept[f"network.{name}"], value) for name, value in tensors.items())
    assert card.scores[DATA]["probe"].keys() >= {"same_study", "rank_me"}
    capsys.readouterr()
    assert main(["runs", "resume", str(run), "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 3
    assert main(["runs", "show", str(run), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["method"], report["phase"], report["looks"][0]["step"]) == ("echoclr", "done", 3)
    assert read_backbone(run / "exported" / "backbone")[0].training.frames_seen == 3 * 4 * 8


def test_an_encoder_that_tells_nothing_apart_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "_SPREAD_STEPS", 5)
    learner = learner_of(tmp_path, NoiseStudies(black=True), epochs=100)
    folder = RunFolder(tmp_path / "run", "", "black", resume=False)
    with pytest.raises(EchoApexError, match="collapsed: all embeddings"):
        RunLoop(folder, learner, save_steps=3, look_steps=1000, say=lambda text: None).run()
    state = read_state(tmp_path / "run")
    assert state.phase == "failed" and state.last_checkpoint == "step-00000003.pt"


def test_a_loss_that_is_not_finite_keeps_its_batch(tmp_path: Path) -> None:
    learner = learner_of(tmp_path)
    with torch.no_grad():
        learner.method.order.bias[0] = math.nan
    with pytest.raises(NotFiniteError, match="loss of step 0 is not finite"):
        learner.learn(0)
    learner.keep_batch(tmp_path / "batch.npz")
    kept = np.load(tmp_path / "batch.npz")
    assert kept["clips"].shape == (2, 4, 4, 32, 32) and kept["orders"].shape == (2, 4)


def test_a_recipe_that_cannot_be_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(**changes: object) -> str:
        assert main(arguments(recipe_of(tmp_path, **changes), tmp_path / "run")) == 1
        return capsys.readouterr().err

    assert "did you mean temperature?" in told(temperatur=0.1)
    assert "echoclr compares all items of a batch" in told(accumulate=2)
    with pytest.raises(EchoApexError, match="2 processes, accumulate 1"):
        check_shares(read_pretraining_recipe(recipe_of(tmp_path)), Team(0, 2))
    # Nothing is drawn before.
    assert not (tmp_path / "run").exists()
    assert "checkpointing is false" in told(checkpointing=True)
    assert "Studies are told from the others of a batch" in told(batch=1)
    assert "encoder of a recipe is r3d_18 or" in told(encoder="vit_tiny")
    assert "has no entry patch" in told(patch=16)
    assert "study_frames of a recipe are 4 or more" in told(study_frames=3)
    assert "A view that can be simulated" in told(study_views="PLAX APICAL")


def test_the_shipped_recipe_is_whole() -> None:
    recipe = read_pretraining_recipe(resources.path("Recipes/pretrain-cpu-echoclr.toml"))
    assert recipe.id == "pretrain-cpu-echoclr" and recipe.mirrored == 0
