"""A run's folder and its steps, with a learner that only counts: what is kept, what is refused, how it ends."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from echoapex.errors import EchoApexError
from echoapex.training.run_folder import RunFolder, read_state
from echoapex.training.run_loop import NotFiniteError, RunLoop

RECIPE = 'id = "tiny"\nbatch = 4\n'


class Counting:
    """Adds up the steps; its score is best in the middle."""

    def __init__(self, steps: int = 10, *, signal_at: int = -1, failing_at: int = -1, error: Exception | None = None):
        self.steps, self.total = steps, torch.zeros(1)
        self._signal_at, self._failing_at, self._error = signal_at, failing_at, error

    def learn(self, step: int) -> Mapping[str, float]:
        if step == self._failing_at:
            raise self._error or NotFiniteError("The loss is not finite", value="nan")
        if step == self._signal_at:
            os.kill(os.getpid(), signal.SIGTERM)
        self.total += step
        return {"loss": float(self.total)}

    def look(self, step: int) -> tuple[Mapping[str, float], float | None]:
        return {"knn_views": -abs(step - 4.0)}, -abs(step - 4.0)

    def state_dict(self) -> dict[str, Any]:
        return {"total": self.total.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.total = state["total"]

    def keep_batch(self, file: Path) -> None:
        np.savez(file, views=np.zeros(3))


def opened(path: Path, *, resume: bool = False, recipe: str = RECIPE, data: str = "noise") -> RunFolder:
    folder = RunFolder(path, recipe, data, resume=resume)
    folder.started({"torch": torch.__version__})
    return folder


def loop(folder: RunFolder, learner: Counting) -> RunLoop:
    return RunLoop(folder, learner, save_steps=3, look_steps=4, say=lambda text: None)


def metrics(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


def test_a_run_keeps_its_last_and_its_best_checkpoint_and_says_where_it_stands(tmp_path: Path) -> None:
    folder = opened(tmp_path / "run")
    assert loop(folder, Counting()).run()
    state = read_state(tmp_path / "run")
    assert (state.phase, state.step, state.steps, state.best_score) == ("done", 10, 10, 0.0)
    assert (state.last_checkpoint, state.best_checkpoint) == ("step-00000010.pt", "step-00000004.pt")
    kept = sorted(file.name for file in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == [state.best_checkpoint, state.last_checkpoint]
    assert [line["step"] for line in metrics(tmp_path / "run")] == [1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 10]
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["data"] == "noise"
    assert (tmp_path / "run" / "recipe.toml").read_text() == RECIPE


def test_a_run_goes_on_where_its_checkpoint_is_and_forgets_what_came_after(tmp_path: Path) -> None:
    folder, learner = opened(tmp_path), Counting()
    running = loop(folder, learner)
    for _ in range(5):
        running._one_step()
    # As after a kill: two lines more than the checkpoint, one of them cut off.
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 7, "lo')
    folder.close()
    again, fresh = opened(tmp_path, resume=True), Counting()
    assert loop(again, fresh).step == 4
    assert [line["step"] for line in metrics(tmp_path)] == [1, 2, 3, 4, 4]
    loop(again, fresh).run()
    assert float(fresh.total) == sum(range(10))
    again.close()


def test_one_process_at_a_time_works_on_a_run(tmp_path: Path) -> None:
    first = opened(tmp_path / "run")
    first.tell("running", 3, 10)
    with pytest.raises(EchoApexError, match=f"Another process works on this run.*process {os.getpid()} on"):
        opened(tmp_path / "run", resume=True)
    first.close()
    opened(tmp_path / "run", resume=True).close()


def test_a_run_is_not_begun_over_nor_gone_on_with_by_other_means(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(EchoApexError, match="go on with it by --resume"):
        opened(tmp_path)
    with pytest.raises(EchoApexError, match=r"of another recipe.*batch 4 there, 8 here; seed null there, 1 here"):
        opened(tmp_path, resume=True, recipe='id = "tiny"\nbatch = 8\nseed = 1\n')
    with pytest.raises(EchoApexError, match="learns from noise"):
        opened(tmp_path, resume=True, data="something else")
    opened(tmp_path, resume=True).close()


def test_what_is_refused_before_the_first_step_leaves_no_run(tmp_path: Path) -> None:
    RunFolder(tmp_path, RECIPE, "wrong", resume=False).close()
    folder = opened(tmp_path)
    assert loop(folder, Counting()).run()
    folder.close()
    with pytest.raises(EchoApexError, match="go on with it by --resume"):
        opened(tmp_path)


def test_a_run_that_is_asked_to_stop_finishes_its_step_and_is_saved(tmp_path: Path) -> None:
    folder, learner = opened(tmp_path), Counting(signal_at=4)
    before = signal.getsignal(signal.SIGTERM)
    assert not loop(folder, learner).run()
    state = read_state(tmp_path)
    assert (state.phase, state.step, state.last_checkpoint) == ("stopped", 5, "step-00000005.pt")
    assert signal.getsignal(signal.SIGTERM) is before
    assert loop(folder, learner).run() and read_state(tmp_path).phase == "done"


def test_what_is_not_finite_ends_the_run_with_its_batch_kept(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    with pytest.raises(EchoApexError, match=r"step-00000007\.npz: The loss is not finite; its batch is kept"):
        loop(folder, Counting(failing_at=7)).run()
    state = read_state(tmp_path)
    assert state.phase == "failed" and "not finite" in str(state.reason)
    assert state.last_checkpoint == "step-00000006.pt"
    assert np.load(tmp_path / "replay" / "step-00000007.npz")["views"].shape == (3,)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "Memory has run out"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "Memory has run out"),
        (EchoApexError("No frames have come for 600 s"), "No frames have come"),
    ],
)
def test_a_run_that_cannot_go_on_says_why_in_its_state(tmp_path: Path, error: Exception, words: str) -> None:
    with pytest.raises(EchoApexError, match=words):
        loop(opened(tmp_path), Counting(failing_at=5, error=error)).run()
    state = read_state(tmp_path)
    assert state.phase == "failed" and words in str(state.reason) and state.last_checkpoint == "step-00000004.pt"


def test_a_defect_is_no_refusal(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        loop(opened(tmp_path), Counting(failing_at=5, error=RuntimeError("shapes do not fit"))).run()
    assert read_state(tmp_path).phase == "failed"


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, learner = opened(tmp_path), Counting()
    whole = torch.save

    def full(state: dict[str, Any], file: Path) -> None:
        if state["step"] > 4:
            file.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(state, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(EchoApexError, match=r"checkpoint cannot be written.*No space left"):
        loop(folder, learner).run()
    state = read_state(tmp_path)
    assert state.phase == "failed" and state.last_checkpoint == "step-00000004.pt"
    assert [file.name for file in (tmp_path / "checkpoints").iterdir()] == ["step-00000004.pt"]
    monkeypatch.undo()
    folder.close()
    again = Counting()
    assert loop(opened(tmp_path, resume=True), again).run() and float(again.total) == sum(range(10))


@pytest.mark.parametrize("content", [b"", b"my own", b"PK\x03\x04"])
def test_a_checkpoint_that_is_damaged_is_named_and_stays(tmp_path: Path, content: bytes) -> None:
    folder = opened(tmp_path)
    loop(folder, Counting(steps=4)).run()
    file = tmp_path / "checkpoints" / "step-00000004.pt"
    file.write_bytes(content)
    with pytest.raises(EchoApexError, match=r"step-00000004\.pt: This checkpoint is not of a run of this recipe"):
        loop(folder, Counting(steps=4))
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("state.json", "{}"),
        ("state.json", "not JSON"),
        ("environment.json", '{"data": 3}'),
        ("recipe.toml", "batch = "),
    ],
)
def test_files_of_a_run_that_are_damaged_are_named(tmp_path: Path, name: str, content: str) -> None:
    loop(opened(tmp_path), Counting(steps=2)).run()
    (tmp_path / name).write_text(content)
    with pytest.raises(EchoApexError, match=name.replace(".", r"\.")):
        opened(tmp_path, resume=True)


def test_no_checkpoint_is_read_from_elsewhere(tmp_path: Path) -> None:
    folder = opened(tmp_path / "run")
    loop(folder, Counting(steps=3)).run()
    folder.close()
    file = tmp_path / "run" / "state.json"
    file.write_text(file.read_text().replace("step-00000003.pt", "../../other.pt"))
    with pytest.raises(EchoApexError, match="lies in the run's own folder"):
        loop(opened(tmp_path / "run", resume=True), Counting(steps=3))
