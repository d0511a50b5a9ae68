"""Pretraining on an archive: frames of its shards in an order of their own, views told across patients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pretraining_cases import recipe_file
from shard_cases import clip, write

from echoapex.cli import main
from echoapex.errors import EchoApexError
from echoapex.training.archived_frames import ArchivedFrames


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    clips = (
        clip("c1", "p1", "train", 5, noise=90, view="A4C", mode="B", simulated=True),
        clip("c2", "p2", "train", 2, noise=90, mode="color", simulated=True),
        clip("c3", "p3", "train", 3, noise=90, view="A2C", mode="spectral", simulated=True),
        clip("c4", "p4", "val", 4, noise=90, view="A4C", mode="B", simulated=True),
        clip("c5", "p5", "test", 4, noise=90, view="A4C", mode="B", simulated=True),
    )
    return write(tmp_path / "shards", *clips)


def test_each_frame_of_the_training_split_comes_once_an_epoch_and_traces_do_not(shards: Path) -> None:
    source = ArchivedFrames(shards)
    assert len(source) == 7 and source.simulated and source.name == "shards shards"
    first, again, second = ([source.item(place) for place in source.order(number, 1)] for number in (0, 0, 1))
    whose = [(frame.patient, int(frame.image.min()), frame.view) for frame in first]
    assert sorted({patient for patient, _, _ in whose}) == ["p1", "p2"] and len(set(whose)) == 7
    assert [frame.image.tobytes() for frame in first] == [frame.image.tobytes() for frame in again]
    assert [frame.image.tobytes() for frame in first] != [frame.image.tobytes() for frame in second]


def test_views_are_told_in_the_split_that_is_not_learned_from(shards: Path) -> None:
    known, asked = ArchivedFrames(shards).labelled()
    assert {(frame.patient, frame.view) for frame in known} == {("p1", "A4C")} and len(known) == 3
    assert {(frame.patient, frame.view) for frame in asked} == {("p4", "A4C")} and len(asked) == 3


def test_shards_of_traces_alone_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "traces", clip("c1", "p1", "train", mode="M"))
    with pytest.raises(EchoApexError, match="no frames to learn from, only traces"):
        ArchivedFrames(folder)


def test_an_archive_is_learned_from_by_one_command(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    line = ["pretrain", str(recipe_file(tmp_path)), "--data", str(shards), "--out", str(run), "--device", "cpu"]
    assert main([*line, "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["steps"] == 6 and "drawn from 7" in told.err
    card = json.loads((run / "exported" / "backbone" / "backbone.json").read_text(encoding="utf-8"))
    assert card["training"]["data"].startswith("shards shards: 7 frames")
