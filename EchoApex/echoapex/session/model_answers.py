"""The questions of a session answered by a model, in this process; frames are encoded once, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..cine import Cine
from ..errors import PromptError
from ..inference.encoding import EncodedCine
from ..inference.feature_cache import FeatureCache
from ..inference.landmark_detection import find_landmarks
from ..inference.propagation import carry_masks, moves
from ..inference.propagation_fusion import NEAR_FRAMES, NEAR_S, agreement, joined
from ..inference.segmentation import Segmentation, segment_frame, segment_structures, taken_away, wanted_pieces
from ..inference.view_classification import ViewEstimate, classify_view
from ..landmarks import Landmarks
from .model_questions import CarryQuestion, NameQuestion, PromptQuestion, Question

if TYPE_CHECKING:
    from ..models.model_loading import LoadedModel

Progress = Callable[[int, int], None]
"""Told after each step how many are done, and of how many; what it raises ends the work."""


def _silent(done: int, total: int) -> None:
    """Progress that nobody follows."""


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

    def answer(self, question: Question, progress: Progress = _silent) -> Segmentation:
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

    def landmarks(self, progress: Progress = _silent) -> Landmarks:
        """The model's landmarks in every frame. Raises `ModelError` for a model without landmark head."""
        self._encode_all(_Count(self.cine.frame_count, progress))
        return find_landmarks(self.model, self._seen)

    def _outlined(self, question: PromptQuestion) -> Segmentation:
        asked = question.asked
        found = segment_frame(self.model, self._seen, question.frame, [asked])
        new = question.given.prompt
        if asked.mask is None or not new.points or any(point.positive for point in new.points):
            return found
        return replace(found, masks=taken_away(asked.mask, found.masks[0], new.points)[None])

    def _carried(self, question: CarryQuestion, progress: Progress) -> Segmentation:
        known = question.structure in self.model.card.structures
        count = _Count(moves(question.given, question.frames) + known * self.cine.frame_count, progress)
        moved = carry_masks(self.cine, question.given, question.frames, after_move=count.step)
        frames = list(question.frames)
        # A mask that was followed faithfully is no better than the one it came from.
        nearest = [min(question.given, key=lambda given: abs(given - frame)) for frame in frames]
        first = np.array([question.certainty[frame] for frame in nearest], np.float32)
        carried = Segmentation(moved.masks[frames], moved.confidence[frames] * first)
        found = self._with_name(question, carried, nearest, count) if known and frames else carried
        return Segmentation(wanted_pieces(found.masks, question.structure), found.confidence)

    def _with_name(
        self, question: CarryQuestion, carried: Segmentation, nearest: list[int], count: _Count
    ) -> Segmentation:
        """What was ``carried`` from the ``nearest`` frames, joined with what is found by name as far as that agrees."""
        named = self._by_name(question.structure, count)
        given = Segmentation(np.stack([*question.given.values()]), np.ones(len(question.given), np.float32))
        agreed = agreement(given, _on(named, [*question.given]))
        away = np.array([self._away(frame, other) for frame, other in zip(question.frames, nearest, strict=True)])
        return joined(carried, _on(named, question.frames), away, agreed) if agreed > 0 else carried

    def _away(self, frame: int, other: int) -> float:
        """How far two frames lie apart, in the time over which a mask by hand loses its weight."""
        seconds = self.cine.times.seconds
        return (
            abs(frame - other) / NEAR_FRAMES
            if seconds is None
            else float(abs(seconds[frame] - seconds[other])) / NEAR_S
        )

    def _named(self, question: NameQuestion, progress: Progress) -> Segmentation:
        if question.structure not in self.model.card.structures:
            raise PromptError("The model does not know this structure by name", value=question.structure)
        return _on(self._by_name(question.structure, _Count(self.cine.frame_count, progress)), question.frames)

    def _by_name(self, structure: str, count: _Count) -> Segmentation:
        self._encode_all(count)
        return segment_structures(self.model, self._seen, [structure], steady=True)[structure]

    def _encode_all(self, count: _Count) -> None:
        """Frame by frame, so that a click need not wait for all of them."""
        for frame in range(self.cine.frame_count):
            self.encode(frame)
            count.step()


class _Count:
    """Counts the steps of a work of ``total`` steps."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def step(self) -> None:
        self._done += 1
        self._progress(self._done, self._total)


def _on(found: Segmentation, frames: Sequence[int]) -> Segmentation:
    """What was found in a whole cine, on these frames alone."""
    rows = list(frames)
    if rows == list(range(len(found.masks))):
        # No copy: of a long cine it would take a hundred megabytes.
        return found
    return Segmentation(found.masks[rows], found.confidence[rows])
