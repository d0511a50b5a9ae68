"""Stand-ins for a model whose answers are known, since they know the truth, and small clips to ask them about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from echoapex.cine import Cine
from echoapex.evaluation.trials.all_tasks import HELD_OUT
from echoapex.evaluation.trials.pointing import NEIGHBORS
from echoapex.evaluation.trials.simulated_patients import Acquisition
from echoapex.inference.mask_pieces import main_pieces
from echoapex.inference.segmentation import Segmentation
from echoapex.inference.view_classification import ViewEstimate
from echoapex.landmarks import WALL_LANDMARKS, Landmarks
from echoapex.models.model_card import OTHER
from echoapex.prompts import Prompt
from echoapex.simulation import SimulatedClip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.vendor_looks import TRAINING
from echoapex.simulation.view_planes import VIEWS

SMALL = Acquisition(rows=128, columns=168, beats=0.9, sampling=TRAINING)
TINY = replace(SMALL, rows=96, columns=128, beats=0.1)
SEED = 900_401

STRUCTURES = ("LV", "LV_MYO", "LA", "RV", "RA")
Box = tuple[float, float, float, float]


_kept: dict[tuple[int, int], tuple[SimulatedClip, NDArray[np.uint8]]] = {}


def labels_of(clip: SimulatedClip, frame: int) -> NDArray[np.uint8]:
    """The truth of a frame, drawn once: most of the time of a test would go there."""
    # With the clip itself, so that no other takes its identity.
    if (id(clip), frame) not in _kept:
        _kept[id(clip), frame] = clip, clip.labels(frame)
    return _kept[id(clip), frame][1]


@dataclass
class TruthObserver:
    """Sees a simulated clip as it is; anything else is `OTHER`."""

    clip: SimulatedClip | Cine

    def view(self) -> ViewEstimate:
        view = self.clip.view if isinstance(self.clip, SimulatedClip) else OTHER
        return ViewEstimate(view, 1.0, {}, "known")

    def outlines(self, names: Sequence[str]) -> Mapping[str, Segmentation]:
        assert isinstance(self.clip, SimulatedClip)
        labels = np.stack([labels_of(self.clip, frame) for frame in range(len(self.clip.frames))])
        return {n: Segmentation(labels == Tissue[n], np.ones(len(labels), np.float32)) for n in names}

    def landmarks(self) -> Landmarks:
        assert isinstance(self.clip, SimulatedClip)
        return self.clip.landmarks()


class TruthSubject:
    """Knows the truth, and what was meant by every prompt that can mean only one thing; blanked prompts say nothing."""

    structures: tuple[str, ...] = STRUCTURES
    views: tuple[str, ...] = (*VIEWS, OTHER)
    landmarks: tuple[str, ...] = WALL_LANDMARKS
    view_head: str = ""
    added_views: tuple[str, ...] = ()

    def look(self, observer: object) -> None:
        """It has no encoder."""

    def observe(self, clip: SimulatedClip | Cine) -> TruthObserver:
        return TruthObserver(clip)

    def prompted(
        self, clip: SimulatedClip, frame: int, prompts: list[Prompt], *, zero_prompts: bool = False
    ) -> Segmentation:
        labels = labels_of(clip, frame)
        masks = [np.zeros(labels.shape, bool) if zero_prompts else meant(prompt, labels) for prompt in prompts]
        return Segmentation(np.stack(masks) if masks else np.zeros((0, *labels.shape), bool), np.ones(len(masks)))

    def carried(
        self, clip: SimulatedClip, frame: int, mask: NDArray[np.bool_], sure: float, structure: str | None = None
    ) -> Segmentation:
        """What the mask hit most of, as it truly is."""
        labels = np.stack([labels_of(clip, index) for index in range(len(clip.frames))])
        tissue = int(np.bincount(labels[frame][mask]).argmax())
        return Segmentation(labels == tissue, np.ones(len(labels), np.float32))

    def resolve(self, text: str) -> str | None:
        return None


def meant(prompt: Prompt, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The structures named, clicked or boxed, without those that a negative click hits."""
    hit = {point.positive: int(labels[round(point.y), round(point.x)]) for point in prompt.points}
    if prompt.structure is not None:
        kept = labels == Tissue[prompt.structure]
    elif prompt.box is not None:
        kept = _boxed(prompt.box, labels)
    elif prompt.mask is not None:
        kept = prompt.mask | _thing(hit[True], labels) if True in hit else prompt.mask
    else:
        kept = _thing(hit[True], labels)
    return np.asarray(kept & (labels != hit[False]) if False in hit else kept, bool)


def _thing(tissue: int, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """What a single click or box means: of what is held out, the largest piece."""
    mask = labels == tissue
    return main_pieces(mask) if Tissue(tissue).name in HELD_OUT else mask


def _boxed(box: Box, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The structure, or pair of neighbors, whose box is most like this one."""
    masks = [_thing(Tissue[name], labels) for name in (*STRUCTURES, *HELD_OUT)]
    pairs = [(labels == Tissue[a], labels == Tissue[b]) for a, b in NEIGHBORS]
    masks += [one | other for one, other in pairs if one.any() and other.any()]
    return max((mask for mask in masks if mask.any()), key=lambda mask: _overlap(box, _around(mask)))


def _around(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1]), float(rows[-1])


def _overlap(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0.0) * max(height, 0.0)
    return both / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - both)
