"""Small shards with known frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from echoapex.data.clip_encoding import _NOTHING
from echoapex.data.shard_folder import ShardFolder, shard_name
from echoapex.data.shard_format import ClipRecord
from echoapex.data.shard_writing import EncodedClip, ShardWriter


def png(value: int, noise: int = 0) -> bytes:
    """A picture of 20 x 30 pixels as bright as this, with some ``noise`` on it."""
    import cv2

    picture = np.full((20, 30), value) + np.random.default_rng(value).integers(0, noise + 1, (20, 30))
    return bytes(cv2.imencode(".png", picture.astype(np.uint8))[1])


def clip(name: str, patient: str, split: str, count: int = 2, *, noise: int = 0, **facts: object) -> EncodedClip:
    """A clip of ``count`` frames, each 10 brighter than the one before."""
    whose = {"clip": name, "patient": patient, "known_by": "PatientID", "study": "s1", "split": split, "source": "h"}
    frames = {"frames": list(range(count)), "rows": 20, "columns": 30, "sector": [[0, 0], [29, 0], [15, 19]]}
    record = ClipRecord(
        **{**_NOTHING, **whose, "shard": "", **frames, "crop": [0, 0, 29, 19], "zoom": [1.0, 1.0], **facts}
    )
    return EncodedClip(record, tuple(png(10 * number + 5, noise) for number in range(count)))


def write(folder: Path, *clips: EncodedClip) -> Path:
    """A complete folder of shards, one for each clip."""
    with ShardFolder(folder) as shards:
        shards.begin("plan", {})
        numbers: dict[str, int] = {}
        for at, one in enumerate(clips):
            split = one.record.split
            name = shard_name(split, numbers.setdefault(split, 0))
            numbers[split] += 1
            writer = ShardWriter(folder, shards.drafts / "draft.tar", name, at)
            writer.add(one)
            writer.close(at + 1)
        shards.note("plan", {}, {}, {}, {})
    return folder
