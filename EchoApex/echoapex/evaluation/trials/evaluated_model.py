"""What is evaluated: a model, asked in the same ways in which a study and a user ask it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ...cine import BoolMask, Cine
from ...inference.carrying import carry_through
from ...inference.segmentation import Segmentation, segment_frame
from ...inference.view_outlines_landmarks import ModelObserver, Observer
from ...prompts import Prompt

if TYPE_CHECKING:
    from ...inference.encoding import EncodedCine
    from ...models.model_loading import LoadedModel
    from ...simulation import SimulatedClip


PIXELS = 32
"""Side of the small pictures that clips are compared by without any encoder."""


@dataclass(frozen=True)
class ViewLook:
    """How a clip looks: the view by a head that was taught later (empty without one), its mean class token ``[D]``,
    and its middle frame as the network sees it, ``uint8 [32, 32]``.
    """

    added: str
    embedding: NDArray[np.float16]
    pixels: NDArray[np.uint8]


class Subject(Protocol):
    """Whoever answers; ``structures``, ``views`` and ``landmarks`` are what it knows, by the names on its card.

    ``view_head`` names a view head that was taught later, and ``added_views`` are its classes; both empty without one.
    """

    structures: tuple[str, ...]
    views: tuple[str, ...]
    landmarks: tuple[str, ...]
    view_head: str
    added_views: tuple[str, ...]

    def look(self, observer: Observer) -> ViewLook | None:
        """How the clip of an ``observer`` of this subject looks; None from a subject that has no encoder."""

    def observe(self, clip: SimulatedClip | Cine) -> Observer:
        """What it sees in a whole clip."""

    def prompted(
        self, clip: SimulatedClip, frame: int, prompts: list[Prompt], *, zero_prompts: bool = False
    ) -> Segmentation:
        """A mask for each prompt on one frame, as `segment_frame`."""

    def carried(
        self, clip: SimulatedClip, frame: int, mask: BoolMask, sure: float, structure: str | None = None
    ) -> Segmentation:
        """The ``mask`` of one frame, as ``sure`` as `carry_through` has it, in all frames of the clip."""

    def resolve(self, text: str) -> str | None:
        """The structure that a text names, by identifier; None where it is refused."""


class ModelSubject:
    """A loaded model as `Subject`."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self.structures = model.card.structures
        self.views = model.card.views
        self.landmarks = model.card.landmarks
        self.view_head = model.added_views.card.id if model.added_views else ""
        self.added_views = model.added_views.card.views if model.added_views else ()
        self._last: tuple[SimulatedClip, EncodedCine] | None = None

    def observe(self, clip: SimulatedClip | Cine) -> ModelObserver:
        """The model's own observer of the clip."""
        return ModelObserver(self.model, clip if isinstance(clip, Cine) else clip.cine())

    def look(self, observer: Observer) -> ViewLook:
        """By as many frames as `classify_view` looks at."""
        from ...inference.view_classification import FRAMES_PER_CLIP, classify_view, frames_to_look_at

        assert isinstance(observer, ModelObserver), "it looks through its own observers"
        seen = observer.encoded
        added = classify_view(self.model, seen, added=True).view if self.view_head else ""
        frames = frames_to_look_at(seen.cine.frame_count, FRAMES_PER_CLIP)
        token = seen.features(frames).cls.mean(dim=0).cpu().numpy().astype(np.float16)
        return ViewLook(added, token, _small(seen, frames[len(frames) // 2]))

    def prompted(
        self, clip: SimulatedClip, frame: int, prompts: list[Prompt], *, zero_prompts: bool = False
    ) -> Segmentation:
        """As `segment_frame`; the frames of the clip asked about last stay encoded."""
        return segment_frame(self.model, self._encoded(clip), frame, prompts, zero_prompts=zero_prompts)

    def carried(
        self, clip: SimulatedClip, frame: int, mask: BoolMask, sure: float, structure: str | None = None
    ) -> Segmentation:
        """As `carry_through`."""
        return carry_through(self._encoded(clip), frame, mask, sure, structure)

    def _encoded(self, clip: SimulatedClip) -> EncodedCine:
        from ...inference.encoding import EncodedCine

        if self._last is None or self._last[0] is not clip:
            self._last = clip, EncodedCine(self.model, clip.cine())
        return self._last[1]

    def resolve(self, text: str) -> str | None:
        """As `resolve_structure`."""
        from ...errors import PromptError
        from ...models.text_to_structure import resolve_structure

        try:
            return resolve_structure(text, self.model).id
        except PromptError:
            return None


def _small(seen: EncodedCine, frame: int) -> NDArray[np.uint8]:
    """A frame as the network sees it, in few gray values."""
    import cv2

    how = seen.model.card.preprocessing
    picture = seen.geometry.prepare(seen.cine.frames[[frame]])[0, 0].cpu().numpy() * how.std + how.mean
    small = cv2.resize(picture, (PIXELS, PIXELS), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(np.round(small * 255), 0, 255).astype(np.uint8))
