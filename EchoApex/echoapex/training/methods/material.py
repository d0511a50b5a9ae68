"""What methods are taught by: frames, or studies of clips; where it comes from, and how embeddings of it are seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...errors import EchoApexError
from ..archived_frames import ArchivedFrames
from ..archived_studies import ArchivedStudies
from ..clip_source import StudySource
from ..drawn_frames import Say
from ..embedding_probe import Embed, EmbeddingProbe
from ..frame_source import FrameSource, Source
from ..simulated_frames import SimulatedFrames
from ..simulated_studies import SimulatedStudies
from ..study_probe import StudyProbe
from .echoclr.recipe import EchoClrRecipe
from .pretraining_recipe import PretrainingRecipe


class Probe(Protocol):
    """A look at embeddings. ``score`` names the value by which checkpoints are told apart; ``unscored`` is said where
    there is none, in words.
    """

    score: str
    unscored: str

    @property
    def scored(self) -> bool: ...

    def look(self, embed: Embed) -> Mapping[str, float]: ...

    def pixels(self) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Material:
    """``unit`` is what a batch counts; ``open`` finds what ``--data`` names, simulated in a folder if not there yet."""

    unit: str
    open: Callable[[str, Any, Path, Say], Source[Any]]
    probe: Callable[[Any, int], Probe]


def _open_frames(data: str, recipe: PretrainingRecipe, folder: Path, say: Say) -> FrameSource:
    if data.startswith("simulated:"):
        return SimulatedFrames(data, recipe.frame_size, folder, say)
    return ArchivedFrames(_shards(data))


def _open_studies(data: str, recipe: EchoClrRecipe, folder: Path, say: Say) -> StudySource:
    if data.startswith("simulated:"):
        size = recipe.frame_size
        return SimulatedStudies(data, recipe.study_views, size, recipe.study_frames, recipe.study_step, folder, say)
    return ArchivedStudies(_shards(data), recipe.clip_frames, say)


def _shards(data: str) -> Path:
    if not Path(data).is_dir():
        raise EchoApexError("Data to learn from are simulated:PRESET:N[:SEED] or a folder of shards", value=data)
    return Path(data)


FRAMES = Material("frames", _open_frames, EmbeddingProbe)
STUDIES = Material("studies", _open_studies, StudyProbe)
