"""The verb ``runs``: what is told of a run that works, has ended, or is gone, and what is done with it."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from pretraining_cases import DATA, TINY, recipe_file
from test_training_run_folder import Counting

from echoapex.cli import main
from echoapex.errors import EchoApexError
from echoapex.models.pretrained_backbone import read_backbone
from echoapex.training import run_watching
from echoapex.training.methods.registry import read_pretraining_recipe
from echoapex.training.recipe_file import recipe_text
from echoapex.training.run_folder import RunFolder, read_state
from echoapex.training.run_loop import RunLoop
from echoapex.training.run_watching import find_runs, remove_run, report_on, stop_run
from echoapex.training.simulated_frames import SimulatedFrames
from echoapex.training.tensorboard_log import TensorboardLog

ENVIRONMENT = {"device": "a processor", "processes": 1, "source": {"name": "noise", "items": 12, "simulated": True}}


class Slow(Counting):
    """Takes its time, so that it can be asked to stop."""

    def learn(self, step: int) -> Any:
        time.sleep(0.02)
        return super().learn(step)


def begun(path: Path, **changes: object) -> RunFolder:
    path.mkdir(parents=True)
    folder = RunFolder(path, recipe_text(read_pretraining_recipe(recipe_file(path, **changes))), "noise", resume=False)
    (path / "tiny.toml").unlink()
    folder.started(ENVIRONMENT)
    return folder


def ended(path: Path, steps: int = 10) -> Path:
    folder = begun(path)
    RunLoop(folder, Counting(steps), 3, 4, lambda text: None).run()
    folder.close()
    return path


def told(capsys: pytest.CaptureFixture[str], *line: object, code: int = 0) -> Any:
    assert main(["runs", *map(str, line), "--json"]) == code
    return json.loads(capsys.readouterr().out)


# ------------------------------------------------------------------ what is told
def test_runs_are_listed_with_what_was_seen_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended(tmp_path / "b")
    ended(tmp_path / "group" / "a", steps=4)
    (tmp_path / "other").mkdir()
    listed = told(capsys, "list", tmp_path)
    assert [(Path(one["run"]).name, one["phase"], one["step"]) for one in listed["runs"]] == [
        ("b", "done", 10),
        ("a", "done", 4),
    ]
    assert listed["runs"][0]["looks"][0] == {"step": 10, "knn_views": -6.0} and listed["failures"] == []
    assert listed["runs"][0]["step_facts"]["loss"] == 45 and listed["runs"][0]["best_score"] == 0
    assert main(["runs", "list", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and "knn_views -6.000" in lines[1] and "10/10" in lines[1]


def test_a_run_that_is_damaged_is_named_and_the_others_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(tmp_path / "a")
    (ended(tmp_path / "b") / "state.json").write_text("{}")
    listed = told(capsys, "list", tmp_path, code=1)
    assert len(listed["runs"]) == 1 and "state.json" in listed["failures"][0]["file"]
    assert told(capsys, "show", tmp_path, code=1)["failures"][0]["rule"] == "There is no run in this folder"
    assert "no such folder" in told(capsys, "list", tmp_path / "none", code=1)["failures"][0]["rule"]


def test_a_process_that_is_gone_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun(tmp_path / "run")
    assert report_on(folder.path).phase == "starting" and report_on(folder.path).works
    folder.tell("running", 3, 10)
    assert report_on(folder.path).phase == "running" and report_on(folder.path).works
    state = read_state(folder.path)

    def seen(**changes: object) -> str:
        monkeypatch.setattr(run_watching, "read_state", lambda run: replace(state, **changes))
        report = report_on(folder.path)
        assert report.works is (report.phase == "running")
        return report.phase

    # No process has this number; another process has it since, this one; one of another machine, silent or not.
    assert seen(process=2**30) == "lost"
    assert seen(heartbeat="2020-01-01T00:00:00+00:00") == "lost"
    assert seen(heartbeat="") == "lost"
    assert seen(host="elsewhere") == "running"
    assert seen(host="elsewhere", heartbeat="2020-01-01T00:00:00+00:00") == "silent"


# ------------------------------------------------------------------ what is done
def test_a_run_is_asked_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begun(tmp_path / "run")
    loop = RunLoop(folder, Slow(100_000), 1000, 100_000, lambda text: None)
    working = threading.Thread(target=loop.run)
    working.start()
    while report_on(folder.path).phase != "running":
        time.sleep(0.01)
    # One that does not listen.
    with monkeypatch.context() as deaf, pytest.raises(EchoApexError, match="has not stopped for"):
        deaf.setattr(RunFolder, "stop_asked", lambda folder: False)
        try:
            stop_run(folder.path, 1e-9, lambda text: None)
        finally:
            (folder.path / "stop").unlink()
    with pytest.raises(EchoApexError, match="A process works on this run: stop it first"):
        remove_run(folder.path)
    report = told(capsys, "stop", folder.path, "--wait", 60)
    working.join()
    assert report["phase"] == "stopped" and 0 < report["step"] < 100_000
    assert report["last_checkpoint"] == f"step-{report['step']:08d}.pt"
    assert not (folder.path / "stop").exists()
    assert "No process works" in told(capsys, "stop", folder.path, code=1)["failures"][0]["rule"]


def test_only_what_a_run_wrote_is_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "easy-000004.npz").write_bytes(b"frames of another run")
    run = ended(tmp_path / "run")
    (run / "frames").symlink_to(elsewhere, target_is_directory=True)
    (run / "notes.txt").write_text("mine")
    (run / "checkpoints" / "kept.pt").write_bytes(b"mine")
    (run / "pictures").mkdir()
    for name in ("attention-00000003.png", "embeddings-00000006.png", "mine.png"):
        (run / "pictures" / name).write_bytes(b"a picture")
    left = told(capsys, "remove", run)["left"]
    assert [Path(one).name for one in left] == ["checkpoints", "notes.txt", "pictures"]
    assert [file.name for file in (run / "pictures").iterdir()] == ["mine.png"]
    assert [file.name for file in (run / "checkpoints").iterdir()] == ["kept.pt"]
    assert (elsewhere / "easy-000004.npz").exists() and find_runs(tmp_path) == []
    whole = ended(tmp_path / "whole")
    assert told(capsys, "remove", whole)["left"] == [] and not whole.exists()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on simulated frames that was stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("stopped")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    run = folder / "run"
    SimulatedFrames(DATA, int(TINY["frame_size"]), run / "frames", lambda text: None)
    asked = RunLoop._stop_asked
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RunLoop, "_stop_asked", lambda loop, request: loop.step == 5 or asked(loop, request))
        line = ["pretrain", str(recipe_file(folder)), "--data", DATA, "--out", str(run), "--device", "cpu"]
        assert main(line) == 130
    torch.set_num_threads(before)
    return run


def test_the_backbone_of_a_run_that_has_not_ended_is_exported(
    stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_state(stopped).phase == "stopped" and not (stopped / "exported").exists()
    for which, step in (("last", 5), ("best", int(str(read_state(stopped).best_checkpoint)[5:-3]))):
        out = tmp_path / which
        assert told(capsys, "export", stopped, "--checkpoint", which, "--out", out)["exported"] == str(out)
        card, tensors = read_backbone(out)
        assert card.training.frames_seen == 2 * step and card.simulated_only and card.training.data.startswith(DATA)
        kept = torch.load(stopped / "checkpoints" / f"step-{step:08d}.pt", weights_only=True)["learner"]["method"]
        assert all(torch.equal(kept[f"teacher.backbone.network.{name}"], value) for name, value in tensors.items())
        assert card.scores[DATA]["probe"].keys() >= {"knn_views", "rank_me"}
    assert "no last checkpoint" in told(capsys, "export", begun(tmp_path / "new").path, code=1)["failures"][0]["rule"]


def test_a_run_goes_on_with_its_own_recipe_and_data(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = told(capsys, "resume", stopped, "--device", "cpu")
    assert result["steps"] == 6 and read_state(stopped).phase == "done"
    assert read_backbone(Path(result["exported"]))[0].training.frames_seen == 12
    starts = json.loads((stopped / "environment.json").read_text())["starts"]
    assert len(starts) == 2 and told(capsys, "show", stopped)["data"] == DATA


# ------------------------------------------------------------------ TensorBoard
def test_what_is_measured_is_shown_in_tensorboard_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int) -> None:
            shown.append((Path(folder).name, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            shown.append((name, value, step))

        def close(self) -> None:
            shown.append("closed")

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    folder = RunFolder(tmp_path, 'id = "tiny"\n', "noise", resume=False, mirror=TensorboardLog(tmp_path))
    folder.started(ENVIRONMENT)
    RunLoop(folder, Counting(2), 3, 4, lambda text: None).run()
    folder.close()
    assert shown[0] == ("tensorboard", 0) and shown[-1] == "closed"
    assert ("loss", 1.0, 2) in shown and ("knn_views", -2.0, 2) in shown
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(EchoApexError, match="TensorBoard is not installed: pip install echoapex"):
        TensorboardLog(tmp_path)
