"""Interactive work on one cine with a model in this process; the panels let another process answer (`serving`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..cine import Cine
from ..inference.feature_cache import FeatureCache
from ..inference.segmentation import Segmentation
from ..prompts import Prompt
from ..structures import PROMPTED
from .model_answers import Inference
from .state import SessionState
from .undo_history import Change

if TYPE_CHECKING:
    from ..models.model_loading import LoadedModel


class Session(SessionState):
    """Work on ``cine`` with ``model``, all of it synchronous: see `SessionState`.

    With a ``disk`` encoded frames are kept there, too.
    """

    def __init__(
        self,
        model: LoadedModel,
        cine: Cine,
        *,
        rater: str = "",
        disk: FeatureCache | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__(model.card, cine, rater=rater, clock=clock)
        self.model = model
        self._inference = Inference(model, cine, disk)

    def encode_next(self, shown: int) -> int | None:
        """As `Inference.encode_next`."""
        return self._inference.encode_next(shown)

    def preview(self, frame: int, prompt: Prompt, structure: str = PROMPTED) -> Segmentation:
        """What `segment` would put there, as ``masks [1, H, W]`` and ``confidence [1]``; nothing is changed.

        Where a negative click keeps pieces of the mask, the confidence is still that of the model's own answer.
        """
        return self._inference.answer(self.ask(frame, prompt, structure))

    def segment(self, frame: int, prompt: Prompt, structure: str = PROMPTED) -> Change:
        """Outlines ``structure`` on ``frame`` by what ``prompt`` adds, as `ask` says and with what it raises."""
        question = self.ask(frame, prompt, structure)
        return self.take(question, self._inference.answer(question))

    def propagate(self, structure: str = PROMPTED, frames: Iterable[int] | None = None) -> Change:
        """Fills ``frames`` (all where None) as `ask_propagation` says and with what it raises, as one step."""
        question = self.ask_propagation(structure, frames)
        return self.take(question, self._inference.answer(question))

    @classmethod
    def restore(
        cls,
        model: LoadedModel,
        cine: Cine,
        data: Mapping[str, Any],
        *,
        rater: str = "",
        disk: FeatureCache | None = None,
    ) -> Session:
        """The session that `to_plain` wrote, going on with ``model``; see `load` for what it raises."""
        session = cls(model, cine, rater=rater, disk=disk)
        session.load(data)
        return session
