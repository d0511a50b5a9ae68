"""Interactive work on one cine: prompts on single frames, masks carried to the others, every change undone by name.

A `Session` is the record of the work; it is synchronous and knows nothing of windows or processes. Frames are counted
from 0, pixels are ``(x right, y down)`` of the full frame, masks ``bool [H, W]``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from .carrying import carry_masks
from .cine import BoolMask, Cine
from .encoding import EncodedCine
from .errors import EchoApexError, PromptError
from .feature_cache import FeatureCache
from .marks import (
    BY_HAND,
    Change,
    Entry,
    Given,
    Marks,
    PackedMask,
    Status,
    entry_from_plain,
    entry_to_plain,
)
from .prompts import Prompt
from .segmenting import Segmentation, segment_frame, segment_structures, taken_away, wanted_pieces
from .structures import PROMPTED, structures

if TYPE_CHECKING:
    from .models.store import LoadedModel

SCHEMA = 1
"""Version of the plain data of a session."""

LEAST_CONFIDENCE = 0.85
"""Below this predicted Dice a mask that nobody has looked at needs review (our choice)."""


class Session:
    """Work on ``cine`` with ``model``; ``rater`` is who gives the prompts (a code, never a patient). With a ``disk``
    encoded frames are kept there, too.

    A structure is named by its identifier, whether the model knows it by name or not; what has no name is `PROMPTED`.
    Every method that changes anything is one step of `undo`. All raise `PromptError` for a frame that the cine has not.
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
        self.model = model
        self.cine = cine
        self.rater = rater
        self._seen = EncodedCine(model, cine, disk=disk)
        self._marks = Marks()
        self._clock = clock or (lambda: datetime.now(UTC))

    def encode_next(self, shown: int) -> int | None:
        """Encodes the frame nearest to the ``shown`` one that is not encoded yet, and gives it back.

        None when all are, or when no more are kept at once. A click on an encoded frame costs one decode.
        """
        self._check_frame(shown)
        frame = self._seen.next_missing(sorted(range(self.cine.frame_count), key=lambda k: (abs(k - shown), -k)))
        if frame is not None:
            self._seen.features([frame])
        return frame

    @property
    def structures(self) -> tuple[str, ...]:
        """The structures with anything marked."""
        return self._marks.structures

    def entry(self, frame: int, structure: str = PROMPTED) -> Entry:
        """What is known of ``structure`` on ``frame``: status, confidence, prompts."""
        self._check_frame(frame)
        return self._marks[structure, frame]

    def mask(self, frame: int, structure: str = PROMPTED) -> BoolMask:
        """The mask; empty where the structure is absent or nothing has been looked for (`entry` tells which)."""
        found = self.entry(frame, structure).mask
        return np.zeros(self._shape, bool) if found is None else found.unpacked()

    def masks(self, structure: str = PROMPTED) -> BoolMask:
        """The masks of all frames, ``bool [T, H, W]``."""
        stack = np.zeros(self.cine.frames.shape, bool)
        for frame, entry in self._marks.frames(structure).items():
            if entry.mask is not None:
                stack[frame] = entry.mask.unpacked()
        return stack

    def preview(self, frame: int, prompt: Prompt, structure: str = PROMPTED) -> Segmentation:
        """What `segment` would put there, as ``masks [1, H, W]`` and ``confidence [1]``; nothing is changed.

        Where a negative click keeps pieces of the mask, the confidence is still that of the model's own answer.
        """
        asked = self._asked(frame, prompt, structure)
        found = segment_frame(self.model, self._seen, frame, [asked])
        if asked.mask is None or not prompt.points or any(point.positive for point in prompt.points):
            return found
        return replace(found, masks=taken_away(asked.mask, found.masks[0], prompt.points)[None])

    def segment(self, frame: int, prompt: Prompt, structure: str = PROMPTED) -> Change:
        """Outlines ``structure`` on ``frame`` by what ``prompt`` adds.

        Points are added to those given there before and correct the mask that there is, where negative ones alone take
        away only what they hit; a box starts anew; a prompt without either asks by name. Raises `PromptError` for an
        accepted frame, for a prompt that does not fit, and for a name alone that the model does not know.
        """
        self._check_open(frame, structure)
        found = self.preview(frame, prompt, structure)
        pointed = bool(prompt.points) or prompt.box is not None
        told = replace(prompt, structure=None if pointed else structure)
        given = Given(told, self.rater, self._now())
        kept = () if prompt.box is not None else self.entry(frame, structure).prompts
        entry = replace(
            self.entry(frame, structure),
            mask=PackedMask.of(found.masks[0]),
            confidence=float(found.confidence[0]),
            source=Status.PROMPTED,
            prompts=(*kept, given),
        )
        return self._marks.change(f"prompt on frame {frame}", structure, {frame: entry})

    def edit(self, frame: int, mask: BoolMask, structure: str = PROMPTED) -> Change:
        """Puts a mask drawn by hand in place; an empty one says that the structure is absent.

        Prompts given before no longer say how it came about, and are gone.
        """
        self._check_open(frame, structure)
        if np.shape(mask) != self._shape:
            raise PromptError("A mask must have the size of the frame", value=np.shape(mask), file=self.cine.path)
        entry = self.entry(frame, structure)
        drawn = Entry(PackedMask.of(np.asarray(mask, bool)), source=Status.EDITED, review=entry.review)
        return self._marks.change(f"edit of frame {frame}", structure, {frame: drawn})

    def propagate(self, structure: str = PROMPTED, frames: Iterable[int] | None = None) -> Change:
        """Fills ``frames`` (all where None) from the frames that are prompted, edited or accepted, as one step.

        Masks are carried along with the motion of the picture, both ways (`carry_masks`), with its confidence times
        that of the nearest mask by hand; where the structure cannot be followed it is absent. Frames that a person has
        pointed at, drawn or accepted stay as they are. Where there are none, a structure that the model knows is looked
        for by name in every frame. Raises `PromptError` where there is nothing to go by.
        """
        wanted = self._wanted(frames)
        entries = self._marks.frames(structure)
        given = {
            frame: entry.mask.unpacked()
            for frame, entry in entries.items()
            if entry.mask is not None and (entry.source in BY_HAND or entry.review is Status.ACCEPTED)
        }
        open_frames = [frame for frame in wanted if frame not in given]
        if given:
            carried = carry_masks(self.cine, given, open_frames)
            name = f"propagation from {len(given)} frame{'s' if len(given) > 1 else ''}"
            # A mask that was followed faithfully is no better than the one it came from.
            first = np.array([_certainty(entries[_nearest(given, frame)]) for frame in range(self.cine.frame_count)])
            found = Segmentation(wanted_pieces(carried.masks, structure), carried.confidence * first)
        else:
            found, name = self._by_name(structure), "search by name"
        filled = {
            frame: replace(
                self._marks[structure, frame],
                mask=PackedMask.of(found.masks[frame]),
                confidence=float(found.confidence[frame]),
                source=Status.PREDICTED,
            )
            for frame in open_frames
        }
        return self._marks.change(name, structure, filled)

    def accept(self, frames: Iterable[int], structure: str = PROMPTED) -> Change:
        """Takes the masks of these frames as they are; they are not changed any more until `reopen`."""
        return self._review("accept", frames, structure, Status.ACCEPTED)

    def flag(self, frames: Iterable[int], structure: str = PROMPTED) -> Change:
        """Marks these frames as doubtful."""
        return self._review("flag", frames, structure, Status.FLAGGED)

    def reopen(self, frames: Iterable[int], structure: str = PROMPTED) -> Change:
        """Takes acceptance and flag from these frames."""
        return self._review("reopen", frames, structure, None)

    def clear(self, frames: Iterable[int], structure: str = PROMPTED) -> Change:
        """Removes masks and prompts of these frames. Raises `PromptError` where one is accepted."""
        wanted = self._wanted(frames)
        for frame in wanted:
            self._check_open(frame, structure)
        return self._marks.change(_named("clear", wanted), structure, dict.fromkeys(wanted, Entry()))

    def needs_review(self, structure: str = PROMPTED) -> tuple[int, ...]:
        """Frames that are flagged, or found by the model with a confidence below `LEAST_CONFIDENCE`."""
        return tuple(
            frame
            for frame, entry in self._marks.frames(structure).items()
            if entry.status is Status.FLAGGED
            or (entry.status is Status.PREDICTED and (entry.confidence or 0.0) < LEAST_CONFIDENCE)
        )

    @property
    def next_undo(self) -> Change | None:
        """What `undo` would take back, None where there is nothing."""
        return self._marks.next_undo

    @property
    def next_redo(self) -> Change | None:
        """What `redo` would do again, None where there is nothing."""
        return self._marks.next_redo

    def undo(self) -> Change | None:
        """Takes the last change back, on whatever frames it was; None where there is none."""
        return self._marks.undo()

    def redo(self) -> Change | None:
        """Does again what was undone last; None where there is nothing."""
        return self._marks.redo()

    def to_plain(self) -> dict[str, Any]:
        """The session as JSON knows it, without its history; `restore` goes on from there."""
        return {
            "schema": SCHEMA,
            "cine": _fingerprint(self.cine),
            "model": {"id": self.model.card.id, "hash": self.model.card.weights_sha256},
            "entries": [
                {"structure": structure, "frame": frame, **entry_to_plain(entry)}
                for (structure, frame), entry in self._marks
            ],
        }

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
        """The session that `to_plain` wrote, going on with ``model``, which may be another than before.

        Raises `EchoApexError` for data of another version or cine, and for damaged ones.
        """
        if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
            version = data.get("schema") if isinstance(data, Mapping) else type(data).__name__
            raise EchoApexError(f"A session of version {SCHEMA} is needed", value=version, file=cine.path)
        if data.get("cine") != _fingerprint(cine):
            raise EchoApexError("This session is of another cine: its pixels differ", file=cine.path)
        session = cls(model, cine, rater=rater, disk=disk)
        read = _entries(data.get("entries"), session)
        session._marks = Marks(read)
        return session

    @property
    def _shape(self) -> tuple[int, int]:
        return self.cine.rows, self.cine.columns

    def _now(self) -> str:
        return self._clock().astimezone(UTC).isoformat(timespec="seconds")

    def _asked(self, frame: int, prompt: Prompt, structure: str) -> Prompt:
        """The whole prompt of a frame: what is new with what was given before, and the mask that it corrects."""
        entry = self.entry(frame, structure)
        if prompt.mask is not None:
            raise PromptError("A session corrects the mask that it has: put another in place by edit", value="a mask")
        if prompt.structure not in (None, structure):
            raise PromptError(f"This prompt is for {structure}, and names another structure", value=prompt.structure)
        if not prompt.points and prompt.box is None:
            return Prompt(structure=structure)
        named = structure if structure in self.model.card.structures else None
        if prompt.box is not None:
            return replace(prompt, structure=named)
        before = [given.prompt for given in entry.prompts]
        points = tuple(point for one in (*before, prompt) for point in one.points)
        box = next((one.box for one in reversed(before) if one.box is not None), None)
        mask = self.mask(frame, structure)
        return Prompt(named, points, box, mask if mask.any() else None)

    def _by_name(self, structure: str) -> Segmentation:
        if structure not in self.model.card.structures:
            raise PromptError(
                "There is nothing to propagate: prompt, draw or accept a mask first",
                value=structure,
                file=self.cine.path,
            )
        return segment_structures(self.model, self._seen, [structure], steady=True)[structure]

    def _review(self, name: str, frames: Iterable[int], structure: str, review: Status | None) -> Change:
        wanted = self._wanted(frames)
        for frame in wanted:
            if review is Status.ACCEPTED and self._marks[structure, frame].mask is None:
                raise PromptError("Only what has been looked for can be accepted", value=f"frame {frame}")
        entries = {frame: replace(self._marks[structure, frame], review=review) for frame in wanted}
        return self._marks.change(_named(name, wanted), structure, entries)

    def _wanted(self, frames: Iterable[int] | None) -> list[int]:
        wanted = sorted(set(range(self.cine.frame_count) if frames is None else map(int, frames)))
        for frame in wanted:
            self._check_frame(frame)
        return wanted

    def _check_frame(self, frame: int) -> None:
        if not 0 <= frame < self.cine.frame_count:
            rule = f"The frames must be 0 to {self.cine.frame_count - 1}"
            raise PromptError(rule, value=frame, file=self.cine.path)

    def _check_open(self, frame: int, structure: str) -> None:
        if self.entry(frame, structure).review is Status.ACCEPTED:
            raise PromptError("This frame is accepted: reopen it to change it", value=f"{structure}, frame {frame}")


def _nearest(given: Iterable[int], frame: int) -> int:
    return min(given, key=lambda other: abs(other - frame))


def _certainty(entry: Entry) -> float:
    """What a person has drawn or accepted is sure."""
    return 1.0 if entry.confidence is None or entry.review is Status.ACCEPTED else entry.confidence


def _named(what: str, frames: list[int]) -> str:
    return f"{what} of frame {frames[0]}" if len(frames) == 1 else f"{what} of {len(frames)} frames"


def _fingerprint(cine: Cine) -> dict[str, Any]:
    pixels = hashlib.sha256(np.ascontiguousarray(cine.frames).data).hexdigest()
    return {"shape": list(cine.frames.shape), "sha256": pixels}


def _entries(listed: Any, session: Session) -> dict[tuple[str, int], Entry]:
    known = {*structures(), PROMPTED, *session.model.card.structures}
    read = {}
    for item in listed if isinstance(listed, list) else [None]:
        if (
            not isinstance(item, Mapping)
            or item.get("structure") not in known
            or not isinstance(item.get("frame"), int)
        ):
            raise EchoApexError("An entry of the session is damaged", value=item, file=session.cine.path)
        session._check_frame(item["frame"])
        read[item["structure"], item["frame"]] = entry_from_plain(item, session._shape)
    return read
