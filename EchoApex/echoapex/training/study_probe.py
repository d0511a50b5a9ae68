"""What embeddings of clips are worth while an encoder learns: whether clips of one study lie beside each other.

No label is needed for that, so that it can be watched on any archive; where views are known they are told, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .clip_source import SectorClip, SectorStudy, StudySource
from .embedding_probe import Embed, balanced_accuracy, nearest_labels, rank_me, small_pixels
from .frame_source import check_patients

MOST_CLIPS = 300
_MOST_FRAMES = 48
"""Clips that are looked at, of those held out and of those learned from, and frames of each, at most (our choice)."""


def same_study(embeddings: Tensor, studies: Tensor) -> float:
    """The share of clips ``[N, D]`` whose nearest other one is of the same of ``studies [N]``, by cosine likeness.

    Clips that are alone in their study are not asked, but may be the nearest of others.
    """
    unit = functional.normalize(embeddings.float(), dim=1)
    nearest = (unit @ unit.T).fill_diagonal_(-2.0).argmax(1)
    asked = torch.bincount(studies)[studies] > 1
    return float((studies[nearest] == studies)[asked].float().mean())


def same_study_by_chance(studies: Tensor) -> float:
    """What `same_study` comes to where the nearest clip is any other one."""
    others = (torch.bincount(studies)[studies] - 1).float()
    return float(others[others > 0].mean() / (len(studies) - 1))


class StudyProbe:
    """Looks at an encoder of clips through the studies of ``source`` that are not learned from."""

    score = "same_study"
    unscored = "no study that is held out has two clips, beside another: the rank alone is watched"

    def __init__(self, source: StudySource, seed: int) -> None:  # noqa: ARG002 - probes are made alike.
        check_patients(source.learned, source.held_out)
        asked = _some(source.held_out)
        self._clips = [clip for study in asked for clip in study.clips]
        self._studies = torch.tensor([number for number, study in enumerate(asked) for _ in study.clips])
        self._known = [clip for study in _some(source.learned) for clip in study.clips]

    @property
    def scored(self) -> bool:
        """Whether clips can be told to be of one study."""
        several = self._studies.numel() > 0 and bool((torch.bincount(self._studies) > 1).any())
        return several and int(self._studies.max()) > 0

    def look(self, embed: Embed) -> dict[str, float]:
        """``same_study`` and, where views are known on both sides, ``knn_views``; and ``rank_me``."""
        known = embed(_pictures(self._known))
        if not self.scored:
            return {"rank_me": rank_me(known)}
        asked = embed(_pictures(self._clips))
        told = {"same_study": same_study(asked, self._studies), **self._views(known, asked)}
        return told | {"rank_me": rank_me(torch.cat([known, asked]))}

    def pixels(self) -> dict[str, float]:
        """What 32 x 32 gray values of the mean frame reach without any encoder, and what chance does."""
        if not self.scored:
            return {}
        small = small_pixels([picture.mean(0).astype(np.uint8) for picture in _pictures(self._clips)])
        chance = same_study_by_chance(self._studies)
        return {"same_study_pixels": same_study(small, self._studies), "same_study_chance": chance}

    def _views(self, known: Tensor, asked: Tensor) -> dict[str, float]:
        names = sorted({clip.view for clip in self._known if clip.view})
        ours = [place for place, clip in enumerate(self._known) if clip.view]
        theirs = [place for place, clip in enumerate(self._clips) if clip.view in names]
        if len(names) < 2 or not theirs:
            return {}
        labels = torch.tensor([names.index(str(self._known[place].view)) for place in ours])
        truth = torch.tensor([names.index(str(self._clips[place].view)) for place in theirs])
        return {"knn_views": balanced_accuracy(truth, nearest_labels(known[ours], labels, asked[theirs]))}


def _some(studies: Sequence[SectorStudy]) -> list[SectorStudy]:
    """Studies evenly over all, of `MOST_CLIPS` clips at most."""
    count = sum(len(study.clips) for study in studies)
    return list(studies[:: max(1, -(-count // MOST_CLIPS))])


def _pictures(clips: Sequence[SectorClip]) -> list[NDArray[np.uint8]]:
    return [clip.frames(range(min(clip.count, _MOST_FRAMES))) for clip in clips]
