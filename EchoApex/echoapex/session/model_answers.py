"""The questions of a session answered by a model, in this process; frames are encoded once, whatever is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..cine import Cine
from ..errors import PromptError
from ..inference.carrying import Progress, StepCount, carry, on_frames, silent
from ..inference.cine_segmentation import segment_by_name
from ..inference.encoding import EncodedCine
from ..inference.feature_cache import FeatureCache
from ..inference.landmark_detection import find_landmarks
from ..inference.mask_pieces import taken_away
from ..inference.segmentation import Segmentation, segment_frame
from ..inference.view_classification import ViewEstimate, classify_view
from ..landmarks import Landmarks
from .model_questions import CarryQuestion, NameQuestion, PromptQuestion, Question

if TYPE_CHECKING:
    from ..models.model_loading import LoadedModel


class Inference:
    """``model`` asked about ``cine``. With a ``disk`` encoded frames are kept there, too."""

    def __init__(self, model: LoadedModel, cine: Cine, disk: FeatureCache | None = None) -> None:
        self.model = model
        self.cine = cine
        self._seen = EncodedCine(model, cine, disk=disk)

    def encode_next(self, shown: int) -> int | None:
        """Encodes the frame nearest to the ``shown`` one that is not encoded yet, and gives it back.

        None when all are, or when no more are kept at once. A click on an encoded frame costs one decode. Raises
        `PromptError` for a frame that the cine has not.
        """
        self.cine.check_frame(shown)
        frame = self._seen.next_missing(sorted(range(self.cine.frame_count), key=lambda k: (abs(k - shown), -k)))
        if frame is not None:
            self.encode(frame)
        return frame

    @property
    def encoded_frames(self) -> list[int]:
        """The frames that are encoded, whatever for, in rising order."""
        return self._seen.kept_frames

    def encode(self, frame: int) -> None:
        """Encodes one frame, unless it is encoded already."""
        self._seen.features([frame])

    def view(self) -> ViewEstimate:
        """The view that the model recognizes. Raises `ModelError` for a model without view head."""
        return classify_view(self.model, self._seen)

    def answer(self, question: Question, progress: Progress = silent) -> Segmentation:
        """``masks bool [F, H, W]`` and ``confidence [F]`` on the frames of the question, in their order.

        Raises `PromptError` for prompts that do not fit, and for a name that the model does not know.
        """
        match question:
            case PromptQuestion():
                return self._outlined(question)
            case CarryQuestion():
                return self._carried(question, progress)
            case NameQuestion():
                return self._named(question, progress)

    def landmarks(self, progress: Progress = silent) -> Landmarks:
        """The model's landmarks in every frame. Raises `ModelError` for a model without landmark head."""
        self._encode_all(StepCount(self.cine.frame_count, progress))
        return find_landmarks(self.model, self._seen)

    def _outlined(self, question: PromptQuestion) -> Segmentation:
        asked = question.asked
        found = segment_frame(self.model, self._seen, question.frame, [asked])
        new = question.given.prompt
        if asked.mask is None or not new.points or any(point.positive for point in new.points):
            return found
        return replace(found, masks=taken_away(asked.mask, found.masks[0], new.points)[None])

    def _carried(self, question: CarryQuestion, progress: Progress) -> Segmentation:
        return carry(
            self._seen, question.given, question.frames, question.certainty, question.structure, progress=progress
        )

    def _named(self, question: NameQuestion, progress: Progress) -> Segmentation:
        if question.structure not in self.model.card.structures:
            raise PromptError("The model does not know this structure by name", value=question.structure)
        return on_frames(self._by_name(question.structure, StepCount(self.cine.frame_count, progress)), question.frames)

    def _by_name(self, structure: str, count: StepCount) -> Segmentation:
        self._encode_all(count)
        return segment_by_name(self.model, self._seen, [structure])[structure]

    def _encode_all(self, count: StepCount) -> None:
        """Frame by frame, so that a click need not wait for all of them."""
        for frame in range(self.cine.frame_count):
            self.encode(frame)
            count.step()
