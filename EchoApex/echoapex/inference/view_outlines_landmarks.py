"""What is seen in one cine: its view, outlines and landmarks, by a model that encodes each frame once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ..cine import Cine
from .cine_segmentation import segment_by_name
from .segmentation import Segmentation

if TYPE_CHECKING:
    from ..landmarks import Landmarks
    from ..models.model_loading import LoadedModel
    from .view_classification import ViewEstimate


class Observer(Protocol):
    """Looks at one cine; what measures and reports needs no more of a model than this."""

    def view(self) -> ViewEstimate | None:
        """The view recognized from the pixels; None for an observer that recognizes none."""

    def outlines(self, names: Sequence[str]) -> Mapping[str, Segmentation]:
        """Each of the structures in every frame, by identifier."""

    def landmarks(self) -> Landmarks | None:
        """Both sides of septum and posterior wall in every frame; None for an observer that finds none."""


class ModelObserver:
    """A model that looks at a cine; each frame is encoded when first needed, and once."""

    def __init__(self, model: LoadedModel, cine: Cine) -> None:
        from .encoding import EncodedCine

        self._model = model
        self.encoded = EncodedCine(model, cine)

    def view(self) -> ViewEstimate | None:
        """As `classify_view`; None for a model without view head."""
        from .view_classification import classify_view

        return classify_view(self._model, self.encoded) if self._model.card.views else None

    def outlines(self, names: Sequence[str]) -> Mapping[str, Segmentation]:
        """As `segment_by_name`."""
        return segment_by_name(self._model, self.encoded, names)

    def landmarks(self) -> Landmarks | None:
        """As `find_landmarks`; None for a model without landmark head."""
        from .landmark_detection import find_landmarks

        return find_landmarks(self._model, self.encoded) if self._model.card.landmarks else None
