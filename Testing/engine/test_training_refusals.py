"""What a training run is refused before its work begins: folders, frames and checkpoints that will not do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_training import RECIPE, recipe_file

from echoapex.errors import EchoApexError
from echoapex.training import drawn_frames
from echoapex.training.drawn_frames import draw_shards, prepare_frames
from echoapex.training.frame_shards import Frames, check_shard, draw_frames, read_shards, write_shard
from echoapex.training.start_run import main
from echoapex.training.trainer import Trainer

COUNT, SIZE = 3, 32


@pytest.fixture(scope="module")
def frames() -> Frames:
    return draw_frames("easy", [5], SIZE, {"A4C": 1.0})


def changed(frames: Frames, **arrays: Any) -> Callable[[Path], None]:
    """Writes a shard with other arrays."""

    def write(path: Path) -> None:
        np.savez_compressed(path, **vars(frames) | arrays)

    return write


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def cut_within(path: Path) -> None:
    """Bytes in the middle are gone, the list at the end is whole."""
    data = bytearray(path.read_bytes())
    data[300:400] = bytes(100)
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Frames, Path], object]] = {
    "cut": lambda frames, path: cut(path),
    "empty": lambda frames, path: path.write_bytes(b""),
    "a picture": lambda frames, path: path.write_bytes(b"\x89PNG" * 50),
    "one array": lambda frames, path: np.savez_compressed(path, images=frames.images),
    "fewer frames": lambda frames, path: write_shard(path, Frames(*(value[:1] for value in vars(frames).values()))),
    "another size": lambda frames, path: changed(frames, images=np.zeros((COUNT, 8, 8), np.uint8))(path),
    "other numbers": lambda frames, path: changed(frames, images=frames.images.astype(np.float32))(path),
    "views of numbers": lambda frames, path: changed(frames, views=np.zeros(COUNT))(path),
    "objects": lambda frames, path: changed(frames, views=np.array([None] * COUNT, object))(path),
    "landmarks of three": lambda frames, path: changed(frames, landmarks=np.zeros((COUNT, 3, 2), np.float32))(path),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_cut_or_foreign_shard_is_refused_without_reading_it_all(name: str, frames: Frames, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_shard(path, frames)
    check_shard(path, COUNT, SIZE)
    DAMAGE[name](frames, path)
    content = path.read_bytes()
    with pytest.raises(EchoApexError, match=r"a\.npz: Training frames cannot be read; delete this file") as refusal:
        check_shard(path, COUNT, SIZE)
    assert "\n" not in str(refusal.value) and path.read_bytes() == content


@pytest.mark.parametrize(
    "damage",
    [
        lambda frames, path: cut_within(path),
        lambda frames, path: changed(frames, labels=np.full_like(frames.labels, 250))(path),
        lambda frames, path: changed(frames, landmarks=np.full_like(frames.landmarks, np.inf))(path),
    ],
)
def test_a_shard_that_is_damaged_within_is_refused_when_it_is_read(
    damage: Callable[[Frames, Path], None], frames: Frames, tmp_path: Path
) -> None:
    path = tmp_path / "a.npz"
    write_shard(path, frames)
    damage(frames, path)
    with pytest.raises(EchoApexError, match=r"a\.npz: Training frames cannot be read; delete this file"):
        read_shards([path])


SMALL = replace(RECIPE, cases=1, others=0, view_loss=0.0, landmark_loss=0.0, frame_size=SIZE)


def small_recipe(folder: Path, **changes: Any) -> Path:
    return recipe_file(folder, **asdict(SMALL) | changes)


def test_a_run_with_a_cut_shard_is_refused_before_it_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shard,) = draw_shards(SMALL, tmp_path / "run" / "frames", lambda text: None)
    cut(shard)
    for processes in ("1", "2"):
        arguments = [str(small_recipe(tmp_path)), "--run", str(tmp_path / "run"), "--processes", processes]
        assert main(arguments) == 1
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1 and f"{shard}: Training frames cannot be read; delete this file" in said[0]


def test_frames_of_a_view_that_the_recipe_has_not_are_refused(tmp_path: Path) -> None:
    (shard,) = draw_shards(SMALL, tmp_path / "frames", lambda text: None)
    drawn = draw_frames("easy", [5], SIZE, {"A2C": 1.0})
    write_shard(shard, drawn)
    with pytest.raises(EchoApexError, match=r"show views that the recipe has not.*A2C"):
        Trainer(SMALL, prepare_frames(SMALL, tmp_path / "frames", print), tmp_path, print)


def test_a_folder_that_may_not_be_written_is_refused_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(drawn_frames, "try_to_write", refuses)
    assert main([str(small_recipe(tmp_path)), "--run", str(tmp_path / "run")]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "run: The run cannot be kept here (found: Permission denied)." in said
    with pytest.raises(EchoApexError, match="Training frames cannot be kept here"):
        draw_shards(SMALL, tmp_path / "frames", print)
    assert not list(tmp_path.rglob("*.npz"))


def test_a_file_in_the_place_of_the_run_is_refused_before_anything_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").write_text("mine")
    assert main([str(small_recipe(tmp_path)), "--run", str(tmp_path / "run")]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "run: The run cannot be kept here" in said and (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize(
    "changes", [{"patch": 5}, {"image_size": 7}, {"encoder": "vit_giant"}, {"start_from": "no-such-model"}]
)
def test_a_network_that_cannot_be_built_is_refused_before_anything_is_drawn(
    tmp_path: Path, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(small_recipe(tmp_path, **changes)), "--run", str(tmp_path / "run")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize(
    "changes",
    [{"step": "3"}, {"step": -1}, {"step": True}, {"seconds": float("nan")}, {"seconds": None}, {"model": None}],
)
def test_a_checkpoint_that_cannot_be_continued_is_refused_before_anything_is_drawn(
    tmp_path: Path, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"model": {}, "average": {}, "optimizer": {}, "step": 1, "seconds": 1.0} | changes
    state = {name: value for name, value in state.items() if value is not None}
    (tmp_path / "run").mkdir()
    torch.save(state, tmp_path / "run" / "checkpoint.pt")
    assert main([str(small_recipe(tmp_path)), "--run", str(tmp_path / "run")]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "checkpoint.pt: This checkpoint is not of a run of this recipe" in said
    assert not list(tmp_path.rglob("*.npz"))
