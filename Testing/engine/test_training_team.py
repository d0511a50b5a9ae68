"""A batch that is learned in shares: one after the other, or by two processes (Gloo on the processor).

Gradients are compared with those of one process that learns the batch at once, to 1e-5 of their largest value: the sums
are taken in another order.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from pretraining_cases import DATA, TINY, recipe_file
from team_cases import broken_loop, free_port, gradients_of, learn_in_team, learner_in, torchrun_variables
from torch.multiprocessing.spawn import spawn

from echoapex.errors import EchoApexError
from echoapex.training.methods.dinov2.sinkhorn import sinkhorn_knopp
from echoapex.training.run_folder import read_state
from echoapex.training.simulated_frames import SimulatedFrames
from echoapex.training.team import Team, joined_team

FOUR = {"batch": 4, "drop_path": 0.0}
SEPARATE = {"separate_head": True, "patch_prototypes": 16, "patch_bottleneck": 8}
DINO = FOUR | {"method": "dino"}
MEAN = FOUR | {"method": "dinov2", "koleo_weight": 0.0}
SINKHORN = MEAN | {"centering": "sinkhorn_knopp"} | SEPARATE
WHOLE = {"dino": DINO, "mean": MEAN, "sinkhorn": SINKHORN}
"""What decomposes: nothing is drawn for a share by itself, and KoLeo, which is of a share, is left out."""

SHARED = FOUR | {"method": "dinov2", "drop_path": 0.3}
"""With dropped paths and KoLeo two processes learn what one does in two shares."""

BY_TWO = {"dino": DINO, "sinkhorn": SINKHORN, "shared": SHARED, "halves": MEAN | {"accumulate": 2}}
JOBS = ("dino-ddp", "dino-fsdp2", "sinkhorn-fsdp2", "shared-ddp", "halves-ddp", "halves-fsdp2")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def by_two(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What two processes find, by the name of the job."""
    folder = tmp_path_factory.mktemp("two")
    jobs = [(name, BY_TWO[name.partition("-")[0]] | {"parallel": name.partition("-")[2]}) for name in JOBS]
    spawn(learn_in_team, (free_port(), folder, jobs), nprocs=2)
    told = [(folder / f"refused-{rank}").read_text() for rank in range(2)]
    assert told == ["There is a run here.", "ends with 1"]
    return {name: torch.load(folder / f"{name}.pt", weights_only=True) for name, _ in jobs}


def assert_alike(found: dict[str, Any], expected: dict[str, Any], tolerance: float = 1e-5) -> None:
    assert found["gradients"].keys() == expected["gradients"].keys() and len(expected["gradients"]) > 50
    for name, value in expected["gradients"].items():
        difference = (found["gradients"][name] - value).abs().max()
        assert difference <= tolerance * max(float(value.abs().max()), 1e-3), name
    assert found["facts"] == pytest.approx(expected["facts"], rel=1e-4, abs=1e-6)
    for name, value in expected["seen"].items():
        assert torch.allclose(found["seen"][name], value, atol=1e-6)


# ------------------------------------------------------------------ one process
@pytest.mark.parametrize("name", WHOLE)
def test_shares_one_after_the_other_teach_what_the_batch_does(name: str, tmp_path: Path) -> None:
    at_once = gradients_of(learner_in(tmp_path, **WHOLE[name]), 0)
    assert_alike(gradients_of(learner_in(tmp_path, **WHOLE[name], accumulate=4), 0), at_once)
    assert_alike(gradients_of(learner_in(tmp_path, **WHOLE[name], accumulate=2), 0), at_once)


def test_blocks_that_are_computed_again_teach_the_same_with_the_same_paths_dropped(tmp_path: Path) -> None:
    kept = gradients_of(learner_in(tmp_path, **SHARED), 0)
    assert_alike(gradients_of(learner_in(tmp_path, **SHARED, checkpointing=True), 0), kept, 0)


def test_what_does_not_divide_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match=r"batch of 4 must divide evenly by accumulate \(found: 3\)"):
        learner_in(tmp_path, **DINO, accumulate=3)
    with pytest.raises(EchoApexError, match="processes times accumulate"):
        learner_in(tmp_path, Team(0, 3), **DINO)
    with pytest.raises(EchoApexError, match=r"KoLeo compares the frames of a share.*shares of 1"):
        learner_in(tmp_path, **SHARED, accumulate=4)


def test_networks_that_torch_cannot_compile_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = learner_in(tmp_path, **DINO, compile=True)
    assert learner.method.student["backbone"]._compiled_call_impl is not None
    # Real compiling takes minutes: here torch is told to use a compiler that there is not.
    with (
        torch.compiler.set_stance(force_backend="none_of_its_compilers"),
        pytest.raises(EchoApexError, match="torch cannot compile the networks here; give compile = false"),
    ):
        learner.learn(0)
    # Looking needs no compiler, and neither do the names of the weights change.
    assert learner.look(0)[0]["rank_me"] >= 1
    assert learner.state_dict()["method"].keys() == learner_in(tmp_path, **DINO).state_dict()["method"].keys()


# ------------------------------------------------------------------ two processes
@pytest.mark.parametrize("job", JOBS)
def test_two_processes_teach_what_one_does(job: str, by_two: dict[str, Any], tmp_path: Path) -> None:
    alone = {"dino": DINO, "sinkhorn": SINKHORN, "shared": SHARED | {"accumulate": 2}, "halves": MEAN}
    assert_alike(by_two[job], gradients_of(learner_in(tmp_path, **alone[job.partition("-")[0]]), 0))
    assert by_two[job].get("again") == by_two[job].get("third")


def test_whole_and_split_weights_end_alike_and_in_the_same_form(by_two: dict[str, Any], tmp_path: Path) -> None:
    ddp, fsdp = by_two["dino-ddp"], by_two["dino-fsdp2"]
    assert_alike(fsdp, ddp)
    ours, theirs = (found["state"]["method"] for found in (ddp, fsdp))
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(value, theirs[key], atol=2e-5) for key, value in ours.items())
    states = [found["state"]["optimizer"]["state"] for found in (ddp, fsdp)]
    assert states[0].keys() == states[1].keys()
    for number, moments in states[0].items():
        assert moments["exp_avg"].shape == states[1][number]["exp_avg"].shape
    assert "again" in fsdp
    # One process learns the same in two steps, and goes on with what two have kept; two go on with it as well.
    alone = learner_in(tmp_path, **DINO)
    for step in range(2):
        alone.learn(step)
    kept = by_two["dino-fsdp2"]["state"]
    assert all(
        torch.allclose(value, kept["method"][key], atol=2e-5) for key, value in alone.method.state_dict().items()
    )
    after = learner_in(tmp_path, **DINO)
    after.load_state_dict(kept)
    for learner in (alone, after):
        learner.learn(2)
    pairs = zip(alone.method.parameters(), after.method.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=5e-5) for a, b in pairs)


def test_sinkhorn_knopp_counts_processes_without_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A team of two where the other has nothing: what it would add to sums and largest values."""
    monkeypatch.setattr(Team, "_reduced", lambda team, value, how: value)
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(sinkhorn_knopp(logits, 0.1, team=Team(0, 2)), sinkhorn_knopp(logits, 0.1), atol=1e-6)
    assert sinkhorn_knopp(logits[:0], 0.1, team=Team(0, 2)).shape == (0, 5)
    assert sinkhorn_knopp(logits[:0], 0.1).shape == (0, 5)


def test_a_process_that_dies_is_told_of_and_the_checkpoint_stays(tmp_path: Path) -> None:
    port = free_port()
    children = [get_context("spawn").Process(target=broken_loop, args=(rank, port, tmp_path)) for rank in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(200)
    assert [child.exitcode for child in children] == [1, 3]
    assert "Another process of this run has ended or does not answer" in (tmp_path / "said").read_text()
    state = read_state(tmp_path / "run")
    assert state.phase == "failed" and state.last_checkpoint == "step-00000002.pt"


# ------------------------------------------------------------------ from the command line
@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    SimulatedFrames(DATA, int(TINY["frame_size"]), folder, lambda text: None)
    return folder


def started_by_two(line: list[str]) -> list[subprocess.CompletedProcess[str]]:
    """Both processes of a command, as torchrun starts them."""
    port = free_port()
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "echoapex", *line],
            env=os.environ | {"OMP_NUM_THREADS": "1"} | torchrun_variables(rank, 2, port),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    ended = [one.communicate(timeout=300) for one in running]
    return [
        subprocess.CompletedProcess(one.args, one.returncode, *told) for one, told in zip(running, ended, strict=True)
    ]


def test_a_run_of_two_processes_is_written_by_the_first(drawn: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "frames").symlink_to(drawn, target_is_directory=True)
    file = recipe_file(tmp_path, method="dinov2", batch=4, parallel="fsdp2")
    line = ["pretrain", str(file), "--data", DATA, "--out", str(run), "--device", "cpu", "--resume", "--json"]
    # Asked of an earlier process.
    (run / "stop").write_text("")
    first, second = started_by_two(line)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert json.loads(first.stdout)["steps"] == 6 and second.stdout == ""
    assert "2 processes share each batch" in first.stderr and "step" not in second.stderr
    start = json.loads((run / "environment.json").read_text())["starts"][0]
    assert start["processes"] == 2 and start["source"]["simulated"] is True


def test_an_environment_that_says_half_of_a_team_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in torchrun_variables(0, 2, 1).items():
        monkeypatch.setenv(name, value)
    for name, value, words in (
        ("MASTER_PORT", "", "no MASTER_PORT"),
        ("RANK", "2", "RANK lies below WORLD_SIZE"),
        ("WORLD_SIZE", "two", "whole numbers"),
    ):
        with monkeypatch.context() as changed, pytest.raises(EchoApexError, match=words):
            changed.setenv(name, value)
            with joined_team():
                pass
    monkeypatch.setenv("WORLD_SIZE", "1")
    with joined_team() as team:
        assert team == Team()
