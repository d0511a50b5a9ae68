"""The record of interactive work on one cine: prompts, masks, review, every change undone by name.

It is synchronous and knows nothing of windows, processes and networks. Frames are counted from 0, pixels are
``(x right, y down)`` of the full frame, masks ``bool [H, W]``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ..cine import BoolMask, Cine
from ..errors import EchoApexError, PromptError
from ..inference.segmentation import Segmentation, check_prompts
from ..io.json_shapes import check_shape, list_of, one_of, record, text, whole
from ..io.quoting import quoted
from ..models.model_card import ModelCard
from ..prompts import Prompt
from ..structures import PROMPTED, structures
from .frame_entries import (
    DAMAGED,
    ENTRY_SHAPES,
    Entry,
    Given,
    Key,
    PackedMask,
    Status,
    entry_from_plain,
    entry_to_plain,
)
from .model_questions import CarryQuestion, NameQuestion, PromptQuestion, Question
from .undo_history import Change, Marks

SCHEMA = 1
"""Version of the plain data of a session."""

LEAST_CONFIDENCE = 0.85
"""Below this predicted Dice a mask that nobody has looked at needs review (our choice)."""


class SessionState:
    """What is marked in ``cine``, what is to be asked of a model with this ``card``, and what becomes of its answers.

    Needs no network: questions are plain data, and whoever answers them may sit in another process. ``rater`` is who
    gives the prompts (a code, never a patient). A structure is named by its identifier, whether the model knows it by
    name or not; what has no name is `PROMPTED`. Every method that changes anything is one step of `undo`. All raise
    `PromptError` for a frame that the cine has not.
    """

    def __init__(
        self, card: ModelCard, cine: Cine, *, rater: str = "", clock: Callable[[], datetime] | None = None
    ) -> None:
        self.card = card
        self.cine = cine
        self.rater = rater
        self._marks = Marks()
        self._clock = clock or (lambda: datetime.now(UTC))

    @property
    def structures(self) -> tuple[str, ...]:
        """The structures with anything marked."""
        return self._marks.structures

    def entry(self, frame: int, structure: str = PROMPTED) -> Entry:
        """What is known of ``structure`` on ``frame``: status, confidence, prompts."""
        self.cine.check_frame(frame)
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

    def ask(self, frame: int, prompt: Prompt, structure: str = PROMPTED) -> PromptQuestion:
        """The question that ``prompt`` adds up to with what is there; `take` puts the answer in place.

        Points are added to those given there before and correct the mask that there is, where negative ones alone take
        away only what they hit; a box starts anew; a prompt without either asks by name. Raises `PromptError` for an
        accepted frame, for a prompt that does not fit, and for a name alone that the model does not know.
        """
        self._check_open(frame, structure)
        asked = self._asked(frame, prompt, structure)
        check_prompts(self.cine, frame, [asked])
        pointed = bool(prompt.points) or prompt.box is not None
        if not pointed and structure not in self.card.structures:
            raise PromptError("The model does not know this structure by name: point at it", value=structure)
        told = replace(prompt, structure=None if pointed else structure)
        return PromptQuestion(
            structure, frame, asked, Given(told, self.rater, self._now()), self.entry(frame, structure)
        )

    def ask_propagation(
        self, structure: str = PROMPTED, frames: Iterable[int] | None = None
    ) -> CarryQuestion | NameQuestion:
        """The question that fills ``frames`` (all where None) from those that are prompted, edited or accepted.

        Masks are carried along with the motion of the picture, both ways, and outlined again in every frame (`carry`);
        where the structure cannot be followed it is absent. Where the model knows the structure and finds by name what
        was given, its own answer joins in (`joined`). Frames that a person has
        pointed at, drawn or accepted stay as they are. Where there are none, a structure that the model knows is looked
        for by name. Raises `PromptError` where there is nothing to go by.
        """
        wanted, entries = self._wanted(frames), self._marks.frames(structure)
        given = {frame: entry for frame, entry in entries.items() if entry.by_a_person}
        before = {frame: self._marks[structure, frame] for frame in wanted if frame not in given}
        if given:
            masks = {frame: entry.mask.unpacked() for frame, entry in given.items() if entry.mask is not None}
            certainty = {frame: entry.certainty for frame, entry in given.items()}
            return CarryQuestion(structure, tuple(before), masks, certainty, before)
        if structure in self.card.structures:
            return NameQuestion(structure, tuple(before), before)
        rule = "There is nothing to propagate: prompt, draw or accept a mask first"
        raise PromptError(rule, value=structure, file=self.cine.path)

    def take(self, question: Question, found: Segmentation) -> Change:
        """Puts the answer ``found`` to a ``question`` of this session in place, as one step.

        A frame that has changed since it was asked about stays as it is; the change tells which frames differ.
        """
        if isinstance(question, PromptQuestion):
            name, entries = f"prompt on frame {question.frame}", {question.frame: self._outlined(question, found)}
            before: Mapping[int, Entry] = {question.frame: question.before}
        else:
            name, before = _propagated(question), question.before
            entries = {
                frame: replace(
                    before[frame],
                    mask=PackedMask.of(found.masks[row]),
                    confidence=float(found.confidence[row]),
                    source=Status.PREDICTED,
                )
                for row, frame in enumerate(question.frames)
            }
        current = {
            frame: entry for frame, entry in entries.items() if self._marks[question.structure, frame] == before[frame]
        }
        return self._marks.change(name, question.structure, current)

    def take_found(self, structure: str, found: Segmentation | None) -> Change:
        """Puts what an analysis has found in all frames in place as one step; None takes what it found before away.

        Frames that a person has prompted, drawn, accepted or flagged stay as they are. Raises `PromptError` for masks
        of another shape than the cine has.
        """
        if found is not None and found.masks.shape != self.cine.frames.shape:
            raise PromptError("Masks must have the shape of their cine", value=found.masks.shape, file=self.cine.path)
        now = self._marks.frames(structure)
        kept = {frame for frame, one in now.items() if self._is_taken(one)}
        entries = {frame: _found_in(found, frame) for frame in range(self.cine.frame_count) if frame not in kept}
        return self._marks.change("analysis", structure, entries)

    def take_by_hand(self, entries: Mapping[Key, Entry]) -> list[Change]:
        """Puts what persons have drawn, prompted or accepted elsewhere in place, one step for each structure.

        Frames that a person has prompted, drawn, accepted or flagged here stay as they are.
        """
        by_structure: dict[str, dict[int, Entry]] = {}
        for (structure, frame), entry in entries.items():
            if not self._is_taken(self.entry(frame, structure)):
                by_structure.setdefault(structure, {})[frame] = entry
        return [self._marks.change("corrections of before", name, one) for name, one in by_structure.items()]

    @staticmethod
    def _is_taken(entry: Entry) -> bool:
        """Whether a person has prompted, drawn, accepted or flagged it."""
        return bool(entry.prompts or entry.review or entry.by_a_person)

    def _outlined(self, question: PromptQuestion, found: Segmentation) -> Entry:
        kept = () if question.given.prompt.box is not None else question.before.prompts
        return replace(
            question.before,
            mask=PackedMask.of(found.masks[0]),
            confidence=float(found.confidence[0]),
            source=Status.PROMPTED,
            prompts=(*kept, question.given),
        )

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

    def unreviewed(self, structure: str = PROMPTED) -> tuple[int, ...]:
        """Frames with a mask that is neither accepted nor flagged."""
        entries = self._marks.frames(structure).items()
        return tuple(frame for frame, entry in entries if entry.mask is not None and entry.review is None)

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

    def begin(self, entries: Mapping[tuple[str, int], Entry]) -> None:
        """Starts with what was found elsewhere, by structure and frame; it is no step that can be undone.

        Raises `EchoApexError` where anything is marked already, and `PromptError` for a frame that the cine has not.
        """
        if self._marks.structures:
            raise EchoApexError("Only an empty session can begin with what was found elsewhere", file=self.cine.path)
        for _, frame in entries:
            self.cine.check_frame(frame)
        self._marks = Marks(dict(entries))

    def to_plain(self) -> dict[str, Any]:
        """The session as JSON knows it, without its history; `restore` goes on from there."""
        return {
            "schema": SCHEMA,
            "cine": fingerprint(self.cine),
            "model": {"id": self.card.id, "hash": self.card.weights_sha256},
            "entries": [
                {"structure": structure, "frame": frame, **entry_to_plain(entry)}
                for (structure, frame), entry in self._marks
            ],
        }

    def load(self, data: Mapping[str, Any]) -> None:
        """Goes on from what `to_plain` wrote, with this model, which may be another than before; the history is gone.

        Raises `EchoApexError` for data of another version or cine, and for damaged ones, and changes nothing then.
        """
        rule = f"A session of version {SCHEMA} is needed"
        check_shape(data, record({"schema": one_of(SCHEMA)}, more_allowed=True), rule, file=self.cine.path)
        if data.get("cine") != fingerprint(self.cine):
            raise EchoApexError("This session is of another cine: its pixels differ", file=self.cine.path)
        self._marks = Marks(_entries(data.get("entries"), self))

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
        named = structure if structure in self.card.structures else None
        if prompt.box is not None:
            return replace(prompt, structure=named)
        before = [given.prompt for given in entry.prompts]
        points = tuple(point for one in (*before, prompt) for point in one.points)
        box = next((one.box for one in reversed(before) if one.box is not None), None)
        mask = self.mask(frame, structure)
        return Prompt(named, points, box, mask if mask.any() else None)

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
            self.cine.check_frame(frame)
        return wanted

    def _check_open(self, frame: int, structure: str) -> None:
        if self.entry(frame, structure).review is Status.ACCEPTED:
            raise PromptError("This frame is accepted: reopen it to change it", value=f"{structure}, frame {frame}")


def _found_in(found: Segmentation | None, frame: int) -> Entry:
    if found is None:
        return Entry()
    return Entry(PackedMask.of(found.masks[frame]), float(found.confidence[frame]), Status.PREDICTED)


def _propagated(question: CarryQuestion | NameQuestion) -> str:
    if isinstance(question, NameQuestion):
        return "search by name"
    count = len(question.given)
    return f"propagation from {count} frame{'s' if count > 1 else ''}"


def _named(what: str, frames: list[int]) -> str:
    return f"{what} of frame {frames[0]}" if len(frames) == 1 else f"{what} of {len(frames)} frames"


def fingerprint(cine: Cine) -> dict[str, Any]:
    """By what a session knows its cine again: the ``shape`` of its frames ``[T, H, W]`` and their ``sha256``."""
    pixels = hashlib.sha256(np.ascontiguousarray(cine.frames).data).hexdigest()
    return {"shape": list(cine.frames.shape), "sha256": pixels}


_ENTRIES = list_of(record({"structure": text, "frame": whole(), **ENTRY_SHAPES}))


def _entries(listed: Any, session: SessionState) -> dict[tuple[str, int], Entry]:
    file, known = session.cine.path, {*structures(), PROMPTED, *session.card.structures}
    check_shape(listed, _ENTRIES, DAMAGED, file=file)
    read: dict[tuple[str, int], Entry] = {}
    for item in listed:
        key = item["structure"], item["frame"]
        if key[0] not in known or key in read:
            state = "twice" if key in read else "no structure that is known"
            raise EchoApexError(DAMAGED, value=f"{quoted(key[0])} on frame {key[1]}: {state}", file=file)
        session.cine.check_frame(key[1])
        try:
            read[key] = entry_from_plain(item, session._shape)
        except EchoApexError as refusal:
            raise EchoApexError(refusal.rule, value=refusal.value, file=file) from None
    return read
