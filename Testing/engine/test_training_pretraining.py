"""Pretraining from a recipe to an exported backbone, by command line: each kind, killed, resumed, refused, used."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pretraining_cases import DATA, TINY, NoiseFrames, recipe_file
from safetensors.torch import load_file, save_file
from torch.nn import functional

from echoapex import resources
from echoapex.cli import main
from echoapex.errors import EchoApexError
from echoapex.models.image_encoder import create_encoder
from echoapex.models.pretrained_backbone import fitted, is_backbone, read_backbone, start_backbone, weights_from
from echoapex.training import pretraining
from echoapex.training.embedding_probe import balanced_accuracy, nearest_labels, rank_me
from echoapex.training.frame_source import BatchReader, SectorFrame, check_patients
from echoapex.training.methods.masked_transformer import MaskedTransformer
from echoapex.training.methods.registry import METHODS, read_pretraining_recipe
from echoapex.training.pretraining import PretrainingLearner
from echoapex.training.run_folder import RunFolder, read_state
from echoapex.training.run_loop import NotFiniteError, RunLoop
from echoapex.training.simulated_frames import SimulatedFrames

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames of `DATA`, drawn once."""
    folder = tmp_path_factory.mktemp("drawn")
    SimulatedFrames(DATA, int(TINY["frame_size"]), folder, lambda text: None)
    return folder


pytestmark = pytest.mark.usefixtures("one_thread")


def new_run(folder: Path, drawn: Path) -> Path:
    folder.mkdir()
    (folder / "frames").symlink_to(drawn, target_is_directory=True)
    return folder


def arguments(recipe: Path, run: Path, *more: str) -> list[str]:
    return ["pretrain", str(recipe), "--data", DATA, "--out", str(run), "--device", "cpu", *more]


def learner_of(folder: Path, source: NoiseFrames | None = None, **changes: object) -> PretrainingLearner:
    recipe = read_pretraining_recipe(recipe_file(folder, **changes))
    return PretrainingLearner(recipe, source or NoiseFrames(), CPU, lambda text: None)


# ------------------------------------------------------------------ from a recipe to a backbone
@pytest.mark.parametrize(
    "changes",
    [
        {"method": "dino"},
        {"method": "dinov2", "centering": "sinkhorn_knopp", "separate_head": True, "precision": "bfloat16"},
        {"method": "dino", "encoder": "resnet50", "drop_path": 0.0},
        {"method": "lejepa", "prototypes": None, "bottleneck": None, "projection": 8, "directions": 16},
    ],
)
def test_a_recipe_of_each_kind_runs_to_its_end(
    changes: dict[str, object], drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "separate_head" in changes:
        changes = changes | {"patch_prototypes": 16, "patch_bottleneck": 8}
    file = recipe_file(tmp_path, **changes)
    run = new_run(tmp_path / "run", drawn)
    assert main(arguments(file, run, "--json")) == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert result["steps"] == 6 and 0 <= result["knn_views"] <= 1 and result["rank_me"] >= 1
    encoder = str(changes.get("encoder", "vit_tiny"))
    assert f"{changes['method']}, {encoder}/16: learning rate" in told.err
    assert "2 epochs of 3 steps, 12 frames" in told.err
    assert told.err.index("batch 2") < told.err.index("step 0")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert lines[0].keys() == {"step", "knn_views", "linear_views", "rank_me", "knn_pixels"}
    assert sum("loss" in line for line in lines) == 6 and read_state(run).phase == "done"
    card, tensors = read_backbone(run / "exported" / "backbone")
    assert card.method == changes["method"] and card.simulated_only and card.training.frames_seen == 12
    start_backbone(create_encoder(encoder, 16, 32), str(run / "exported" / "backbone"))
    attention = [f"attention-{step:08d}.png" for step in (0, 3, 6)] if encoder != "resnet50" else []
    assert sorted(path.name for path in (run / "pictures").iterdir()) == [*attention, "embeddings-00000006.png"]
    # Told again, the whole recipe is that of the run.
    assert read_pretraining_recipe(run / "recipe.toml") == read_pretraining_recipe(file)


def test_a_run_that_is_killed_ends_with_the_weights_that_it_would_have_had(drawn: Path, tmp_path: Path) -> None:
    file = recipe_file(tmp_path, method="dinov2", epochs=4, drop_path=0.3)
    whole, cut = new_run(tmp_path / "whole", drawn), new_run(tmp_path / "cut", drawn)
    assert main(arguments(file, whole)) == 0
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "echoapex", *arguments(file, cut, "--resume")]
    child = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while child.poll() is None and (read_state(cut).last_checkpoint or "") < "step-00000004.pt":
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    state = read_state(cut)
    assert state.phase == "running" and state.last_checkpoint is not None
    assert main(arguments(file, cut, "--resume")) == 0
    last = [torch.load(run / "checkpoints" / "step-00000012.pt", weights_only=True) for run in (whole, cut)]
    assert last[0]["step"] == last[1]["step"] == 12
    ours, theirs = (state["learner"]["method"] for state in last)
    assert ours.keys() == theirs.keys() and all(torch.equal(value, theirs[name]) for name, value in ours.items())
    moments = [state["learner"]["optimizer"]["state"] for state in last]
    assert all(torch.equal(moments[0][key]["exp_avg"], moments[1][key]["exp_avg"]) for key in moments[0])
    lines = [json.loads(line) for line in (cut / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 13))


def test_a_recipe_that_cannot_be_run_is_named_with_what_is_near(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(**changes: object) -> str:
        assert main(arguments(recipe_file(tmp_path, **changes), tmp_path / "run")) == 1
        return capsys.readouterr().err

    assert "has no entry learnin_rate; did you mean learning_rate?" in told(learnin_rate=1.0)
    assert "has no entry koleo_weight" in told(koleo_weight=0.1)
    assert "method of a recipe of pretraining is one of dino, dinov2" in told(method="dinov3")
    assert "needs these entries (found: 'batch'" in told(batch=None)
    assert "batch of a recipe is a whole number" in told(batch=2.5)
    assert "KoLeo compares the frames of a batch" in told(method="dinov2", batch=1)
    assert "local_size" in told(local_size=33) or "multiple of the patch" in told(local_size=33)
    assert "warmup_epochs of a recipe are fewer" in told(warmup_epochs=2)
    assert "drop_path of a recipe lies from 0 to 0.95" in told(drop_path=1.0)
    assert "encoder must be one of" in told(encoder="vit_huge")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("simulated:easy:1", "two simulated patients or more"),
        ("simulated:easy:5:900000", "kept for tests"),
        ("simulated:easier:5", "PRESET one of"),
        ("/archive", "Data to learn from are simulated"),
    ],
)
def test_data_that_cannot_be_learned_from_are_refused(
    data: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = arguments(recipe_file(tmp_path), tmp_path / "run")
    line[line.index(DATA)] = data
    assert main(line) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run" / "recipe.toml").exists()


def test_a_second_process_on_a_run_is_refused(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, run = recipe_file(tmp_path), new_run(tmp_path / "run", drawn)
    from echoapex.training.recipe_file import recipe_text

    held = RunFolder(run, recipe_text(read_pretraining_recipe(file)), DATA, resume=False)
    assert main(arguments(file, run, "--resume")) == 1
    assert "Another process works on this run" in capsys.readouterr().err
    held.close()


# ------------------------------------------------------------------ what goes wrong on the way
def test_a_loss_that_is_not_finite_stops_before_the_weights_are_touched(tmp_path: Path) -> None:
    learner = learner_of(tmp_path)
    learner.learn(0)
    with torch.no_grad():
        learner.method.student["head"].prototypes[0, 0] = math.nan
    before = [value.clone() for value in learner.method.student.parameters()]
    with pytest.raises(NotFiniteError, match="loss of step 1 is not finite"):
        learner.learn(1)
    learner.keep_batch(tmp_path / "batch.npz")
    kept = np.load(tmp_path / "batch.npz")
    assert kept["large"].shape == (2, 2, 32, 32) and kept["small"].shape == (1, 2, 32, 32)
    again = learner_of(tmp_path)
    assert np.array_equal(again._views(1).large, kept["large"])
    pairs = zip(before, learner.method.student.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs if a.isfinite().all())


def test_an_encoder_that_tells_nothing_apart_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "_SPREAD_STEPS", 9)
    learner = learner_of(tmp_path, NoiseFrames(black=True), epochs=100)
    folder = RunFolder(tmp_path / "run", "", "black", resume=False)
    with pytest.raises(EchoApexError, match="collapsed: all embeddings have been the same"):
        RunLoop(folder, learner, save_steps=5, look_steps=1000, say=lambda text: None).run()
    state = read_state(tmp_path / "run")
    assert state.phase == "failed" and state.last_checkpoint == "step-00000005.pt"


def test_without_known_views_the_run_is_watched_by_rank_alone(tmp_path: Path) -> None:
    recipe, told = read_pretraining_recipe(recipe_file(tmp_path)), []
    seen, score = PretrainingLearner(recipe, NoiseFrames(views=False), CPU, told.append).look(0)
    assert seen.keys() == {"rank_me"} and score is None
    assert any("the rank alone is watched" in line for line in told)


def test_a_source_without_frames_or_with_a_patient_on_both_sides_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match="nothing to learn from"):
        BatchReader(NoiseFrames(count=0), 2, 0)
    frame = SectorFrame(np.zeros((4, 4), np.uint8), "p1", "A4C")
    with pytest.raises(EchoApexError, match=r"No patient may be both.*p1"):
        check_patients([frame], [frame])


def test_batches_are_the_same_wherever_a_run_goes_on() -> None:
    source = NoiseFrames()
    whole = BatchReader(source, 5, 3)
    told = [whole.places(step) for step in range(7)]
    assert told == [BatchReader(source, 5, 3).places(step) for step in range(7)]
    # Five at a time out of twelve: a batch goes on over the end of an epoch, and every epoch has each frame once.
    together = [place for places in told for place in places]
    assert [sorted(together[start : start + 12]) for start in (0, 12)] == 2 * [list(range(12))]
    assert together[:12] != together[12:24]


# ------------------------------------------------------------------ looking at the embeddings
def test_the_twenty_nearest_vote_by_their_likeness() -> None:
    generator = torch.Generator().manual_seed(0)
    known, asked = (functional.normalize(torch.randn(n, 8, generator=generator), dim=1) for n in (60, 30))
    labels = torch.randint(4, (60,), generator=generator)
    for one, told in zip(asked, nearest_labels(known, labels, asked), strict=True):
        likeness = known @ one
        nearest = likeness.argsort(descending=True)[:20]
        votes = [float((likeness[nearest][labels[nearest] == label] / 0.07).exp().sum()) for label in range(4)]
        assert int(told) == int(np.argmax(votes))
    assert torch.equal(nearest_labels(3 * known, labels, known, k=1), labels)
    assert nearest_labels(known[:5], labels[:5], asked).shape == (30,)


def test_scores_of_embeddings_have_known_values() -> None:
    assert rank_me(torch.eye(6)) == pytest.approx(6, rel=1e-3)
    assert rank_me(torch.ones(9, 1) * torch.arange(5.0)) == pytest.approx(1, abs=1e-3)
    assert rank_me(torch.diag(torch.tensor([3.0, 1.0]))) == pytest.approx(math.exp(0.5623), rel=1e-3)
    truth, told = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1])
    assert balanced_accuracy(truth, told) == pytest.approx((2 / 3 + 1) / 2)


# ------------------------------------------------------------------ weights
@pytest.fixture(scope="module")
def backbone(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exporting")
    run = new_run(folder / "run", drawn)
    assert main(arguments(recipe_file(folder, epochs=2, warmup_epochs=0.5), run)) == 0
    return run / "exported" / "backbone"


def test_a_run_begins_with_the_weights_of_another(backbone: Path, tmp_path: Path) -> None:
    said: list[str] = []
    recipe = read_pretraining_recipe(recipe_file(tmp_path, method="dinov2", init_from=str(backbone), global_size=48))
    learner = PretrainingLearner(recipe, NoiseFrames(), CPU, said.append)
    given = load_file(backbone / "backbone.safetensors")
    for part in (learner.method.student, learner.method.teacher):
        own = part["backbone"].network.state_dict()
        assert all(torch.equal(own[name], value) for name, value in given.items() if name != "pos_embed")
    assert said == ["starting from backbone tiny; positions were resized to the grid of this image size"]


def test_weights_that_fit_in_part_are_refused_with_the_list(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(EchoApexError) as refused:
        learner_of(tmp_path, init_from=str(backbone), patch=8)
    assert "do not fit the encoder" in str(refused.value) and "patch_embed.proj.weight is (192, 1, 16, 16)" in str(
        refused.value
    )
    network = MaskedTransformer("vit_tiny", 16, 32, 0.0).network
    tensors = dict(network.state_dict())
    tensors["head.weight"] = tensors.pop("norm.weight")
    with pytest.raises(EchoApexError, match=r"norm\.weight is missing; head\.weight has no place"):
        fitted(tensors, network, "mine")


def test_weights_of_a_user_are_taken_from_the_usual_files(tmp_path: Path) -> None:
    network = MaskedTransformer("vit_tiny", 16, 32, 0.0).network
    tensors = {name: value.clone() for name, value in network.state_dict().items()}
    colors = tensors | {"patch_embed.proj.weight": tensors["patch_embed.proj.weight"].repeat(1, 3, 1, 1) / 3}
    torch.save({"teacher": {f"module.backbone.{name}": value for name, value in colors.items()}}, tmp_path / "a.pth")
    save_file({name: value.contiguous() for name, value in tensors.items()}, tmp_path / "b.safetensors")
    for name, notes in (("a.pth", 1), ("b.safetensors", 0)):
        given, words = weights_from(str(tmp_path / name))
        found, told = fitted(given, network, name)
        assert words == f"file {name}" and len(told) == notes
        assert all(torch.allclose(found[key], value, atol=1e-6) for key, value in tensors.items())
    (tmp_path / "c.pth").write_bytes(b"no tensors")
    with pytest.raises(EchoApexError, match=r"c\.pth: The weights are no file of tensors alone"):
        weights_from(str(tmp_path / "c.pth"))


def test_a_resnet_is_taught_by_dino_alone(tmp_path: Path) -> None:
    changes = {"encoder": "resnet50", "drop_path": 0.0}
    learner = learner_of(tmp_path, **changes)
    statistics = {name: value.clone() for name, value in learner.method.named_buffers()}
    assert learner.trial_seconds(0) > 0
    assert all(torch.equal(value, statistics[name]) for name, value in learner.method.named_buffers())
    learner.learn(0)
    # The teacher has statistics of its own, and looks by them alone.
    name = "teacher.backbone.network.bn1.running_mean"
    assert not torch.equal(dict(learner.method.named_buffers())[name], statistics[name])
    frames = [frame.image for frame in NoiseFrames().frames[:3]]
    assert torch.allclose(learner.embed(frames)[:1], learner.embed(frames[:1]), atol=1e-5)
    assert learner.look(0)[0].keys() == {"knn_views", "linear_views", "rank_me", "knn_pixels"}
    for more, words in (
        ({"method": "dinov2"}, r"dinov2 needs a vision transformer \(found: resnet50\)"),
        ({"drop_path": 0.1}, r"resnet50 has no transformer blocks: drop_path is 0.0"),
        ({"checkpointing": True}, r"checkpointing is false"),
        ({"layer_decay": 0.9}, r"layer_decay is 1.0"),
    ):
        with pytest.raises(EchoApexError, match=words):
            learner_of(tmp_path, **changes | more)


def test_a_resnet_of_a_user_is_taken_up_to_where_the_encoder_ends() -> None:
    import timm

    network = timm.create_model("resnet50", pretrained=False)
    own = create_encoder("resnet50", 16, 32).backbone.network
    given, notes = fitted(network.state_dict(), own, "mine")
    own.load_state_dict(given)
    assert len(notes) == 2 and "added up for gray" in notes[0] and "last stage of the ResNet was left out" in notes[1]
    assert torch.equal(own.conv1.weight[:, 0], network.conv1.weight.sum(1))


def test_an_encoder_begins_as_it_was_pretrained(backbone: Path) -> None:
    encoder = create_encoder("vit_tiny", 16, 32)
    start_backbone(encoder, str(backbone))
    network = MaskedTransformer("vit_tiny", 16, 32, 0.0).eval()
    network.network.load_state_dict(load_file(backbone / "backbone.safetensors"))
    images = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.allclose(encoder.eval().tokens(images).cls, network(images)[0], atol=1e-5)
    with pytest.raises(EchoApexError, match="of its own encoder, vit_tiny with patches of 8"):
        start_backbone(create_encoder("vit_tiny", 8, 32), str(backbone))


def test_fine_tuning_starts_from_an_exported_backbone(backbone: Path, tmp_path: Path) -> None:
    from test_training import RECIPE

    from echoapex.training.trainer import Network

    recipe = replace(RECIPE, start_from=str(backbone))
    network = Network(recipe)
    network.start(recipe)
    own, given = network.segmenter.encoder.backbone.network.state_dict(), load_file(backbone / "backbone.safetensors")
    assert all(torch.equal(own[name], value) for name, value in given.items() if name != "pos_embed")


def test_a_backbone_that_is_damaged_is_named(backbone: Path, tmp_path: Path) -> None:
    for name in ("backbone.json", "backbone.safetensors"):
        (tmp_path / name).write_bytes((backbone / name).read_bytes())
    assert is_backbone(tmp_path)
    with (tmp_path / "backbone.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x7f")
    with pytest.raises(EchoApexError, match="not those the card was written for"):
        read_backbone(tmp_path)
    (tmp_path / "backbone.json").write_text("{}")
    with pytest.raises(EchoApexError, match="of schema 1"):
        read_backbone(tmp_path)


# ------------------------------------------------------------------ recipes that ship
RECIPES = resources.path("Recipes")
SHIPPED = sorted(file.stem for file in RECIPES.glob("pretrain-*.toml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_recipes_are_whole(name: str) -> None:
    recipe = read_pretraining_recipe(RECIPES / f"{name}.toml")
    assert recipe.id == name and recipe.method in METHODS and recipe.mirrored == 0


@pytest.mark.parametrize(("name", "processes"), [("node-stage-1", 8), ("node-stage-2", 8), ("nodes-stage-2", 32)])
def test_the_batches_of_recipes_for_nodes_divide_by_their_accelerators(name: str, processes: int) -> None:
    assert f"pretrain-{name}" in SHIPPED
    recipe = read_pretraining_recipe(RECIPES / f"pretrain-{name}.toml")
    assert recipe.batch % (processes * recipe.accumulate) == 0
    text = (RECIPES / "pretrain-nodes.slurm").read_text()
    assert text.startswith("#!/bin/bash") and "pretrain-nodes-stage-2.toml" in text and "--resume" in text
