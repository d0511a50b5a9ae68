"""Shards that somebody else has made, or damaged: refused in a sentence, and a patient never in two splits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shard_cases import clip, write

from echoapex.data.shard_reading import open_shards
from echoapex.errors import EchoApexError


def test_frames_are_read_in_any_order(tmp_path: Path) -> None:
    shards = open_shards([write(tmp_path / "a", clip("c1", "p1", "train", 3), clip("c2", "p2", "val"))])
    assert [[int(one.read(place)[0, 0]) for place in (1, 0)] for one in shards.clips] == [[15, 5], [15, 5]]
    assert [frame.place for frame in shards.frames()] == [0, 1, 2, 0, 1]
    assert shards.clips[0].sector_mask().sum() > 250


def test_a_patient_in_two_splits_is_refused(tmp_path: Path) -> None:
    one = write(tmp_path / "a", clip("c1", "p1", "train"))
    other = write(tmp_path / "b", clip("c2", "p1", "val"))
    with pytest.raises(EchoApexError, match="in two splits"):
        open_shards([one, other])
    assert len(open_shards([one]).clips) == 1
    with pytest.raises(EchoApexError, match="in two splits"):
        open_shards([write(tmp_path / "c", clip("c1", "p1", "train"), clip("c2", "p1", "val"))])


def test_shards_without_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match="no frames"):
        open_shards([write(tmp_path / "a", clip("c1", "p1", "train", 0))])
    with pytest.raises(EchoApexError, match="no folder of shards"):
        open_shards([tmp_path])
    with pytest.raises(EchoApexError, match="no shards"):
        open_shards([])


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Changes what the list of the shard says of its clip."""

    def damage(folder: Path) -> None:
        file = folder / "train-000000.jsonl"
        head, line = file.read_text().splitlines()
        record = json.loads(line)
        change(record)
        file.write_text(f"{head}\n{json.dumps(record)}\n")

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "tar gone": lambda folder: (folder / "train-000000.tar").unlink(),
    "tar cut": lambda folder: (folder / "train-000000.tar").write_bytes(b"\0" * 512),
    "list is no JSON": lambda folder: (folder / "train-000000.jsonl").write_text("{"),
    "list of another": lambda folder: (folder / "train-000000.jsonl").rename(folder / "train-000001.jsonl"),
    "curation is no JSON": lambda folder: (folder / "curation.json").write_text("[]"),
    "offset beyond": edited(lambda record: record.update(offsets=[0, 10**9])),
    "size of gigabytes": edited(lambda record: record.update(sizes=[10**9, 5])),
    "fewer places": edited(lambda record: record.update(offsets=[512])),
    "another size": edited(lambda record: record.update(rows=21)),
    "no sector": edited(lambda record: record.update(sector=[])),
    "no patient": edited(lambda record: record.pop("patient")),
    "shard elsewhere": edited(lambda record: record.update(shard="../../train-000000")),
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_damaged_shards_are_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "a", clip("c1", "p1", "train"))
    DAMAGES[name](folder)
    with pytest.raises(EchoApexError) as refusal:
        for frame in open_shards([folder]).frames():
            frame.image.sum()
    assert "damaged" in str(refusal.value) and "\n" not in str(refusal.value)
