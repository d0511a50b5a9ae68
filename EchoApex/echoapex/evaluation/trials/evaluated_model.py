"""What is evaluated: a model, asked in the same ways in which a study and a user ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ...cine import BoolMask, Cine
from ...inference.carrying import carry_through
from ...inference.segmentation import Segmentation, segment_frame
from ...inference.view_outlines_landmarks import ModelObserver, Observer
from ...prompts import Prompt

if TYPE_CHECKING:
    from ...inference.encoding import EncodedCine
    from ...models.model_loading import LoadedModel
    from ...simulation import SimulatedClip


class Subject(Protocol):
    """Whoever answers; ``structures``, ``views`` and ``landmarks`` are what it knows, by the names on its card."""

    structures: tuple[str, ...]
    views: tuple[str, ...]
    landmarks: tuple[str, ...]

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
        self._last: tuple[SimulatedClip, EncodedCine] | None = None

    def observe(self, clip: SimulatedClip | Cine) -> Observer:
        """The model's own observer of the clip."""
        return ModelObserver(self.model, clip if isinstance(clip, Cine) else clip.cine())

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
