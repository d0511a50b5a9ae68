"""Studies of an archive for pretraining: from the shards that ``echoapex curate`` has made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.shard_reading import ShardClip, open_shards
from ..errors import EchoApexError
from .archived_frames import ASKED, LEARNED, PICTURES
from .clip_source import SectorClip, SectorStudy
from .drawn_frames import Say


class ArchivedStudies:
    """The `StudySource` of the shards in ``folder``: clips of pictures that have ``least`` frames or more.

    The frames of a clip are those that curation has kept, in the order of time: between them lies more than between
    those of the file where it has left out some that looked alike. Says what is learned from, and what is left out.
    Raises `EchoApexError` as `open_shards`, and where nothing of the training split is long enough.
    """

    def __init__(self, folder: Path, least: int, say: Say) -> None:
        shown = [clip for clip in open_shards([folder]).clips if clip.record.mode in PICTURES]
        longer = [clip for clip in shown if len(clip) >= least]
        self.learned = _studies(longer, LEARNED)
        if not self.learned:
            rule = f"These shards hold no clip to learn from that has {least} frames or more"
            raise EchoApexError(rule, file=folder)
        self.held_out = _studies(longer, ASKED)
        self.name = f"shards {folder.name}"
        self.simulated = all(clip.record.simulated for clip in longer if clip.record.split == LEARNED)
        for line in self._told(longer, len(shown) - len(longer), least):
            say(line)

    def __len__(self) -> int:
        return len(self.learned)

    def order(self, number: int, seed: int) -> NDArray[np.int64]:
        """As `Source`."""
        return np.random.default_rng([seed, number]).permutation(len(self.learned))

    def item(self, place: int) -> SectorStudy:
        """As `Source`; frames are read when they are asked for."""
        return self.learned[place]

    def _told(self, clips: list[ShardClip], short: int, least: int) -> list[str]:
        single = sum(len(study.clips) == 1 for study in self.learned)
        count = sum(len(study.clips) for study in self.learned)
        lines = [
            f"{len(self.learned)} studies of {count} clips; {single} of a single clip, which is its own counterpart"
        ]
        if short:
            lines.append(f"{short} clips of fewer than {least} frames are left out")
        thinned = sum(len(clip) < clip.record.source_frame_count for clip in clips)
        if thinned:
            lines.append(f"of {thinned} clips curation has kept some frames only: those are taken as they follow")
        return lines


def _studies(clips: list[ShardClip], split: str) -> list[SectorStudy]:
    found: dict[tuple[str, str], list[SectorClip]] = {}
    for clip in clips:
        record = clip.record
        if record.split == split:
            of_study = found.setdefault((record.patient, record.study), [])
            of_study.append(SectorClip(len(clip), clip.read, record.view))
    return [SectorStudy(patient, study, tuple(items)) for (patient, study), items in found.items()]
