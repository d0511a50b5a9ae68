"""All entries of a cine, and every change of them undone and redone; undoing costs no copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .frame_entries import EMPTY, Entry, Key

UNDO_STEPS = 200
"""Changes that can be undone (our choice)."""


@dataclass(frozen=True)
class Change:
    """What was done, undone or redone: its name in words, the structure, and the frames that differ."""

    name: str
    structure: str
    frames: tuple[int, ...]


@dataclass(frozen=True)
class _Step:
    change: Change
    before: Mapping[int, Entry]
    after: Mapping[int, Entry]


@dataclass
class Marks:
    """All entries of a cine, with one history for all of its frames."""

    _entries: dict[Key, Entry] = field(default_factory=dict)
    _done: list[_Step] = field(default_factory=list)
    _undone: list[_Step] = field(default_factory=list)

    def __getitem__(self, key: Key) -> Entry:
        return self._entries.get(key, EMPTY)

    def __iter__(self) -> Iterator[tuple[Key, Entry]]:
        return iter(sorted(self._entries.items()))

    @property
    def structures(self) -> tuple[str, ...]:
        """Those with anything marked, in the order in which they came."""
        return tuple(dict.fromkeys(structure for structure, _ in self._entries))

    def frames(self, structure: str) -> dict[int, Entry]:
        """The entries of one structure, by frame in rising order."""
        return {frame: entry for (name, frame), entry in self if name == structure}

    def change(self, name: str, structure: str, entries: Mapping[int, Entry]) -> Change:
        """Puts ``entries`` by frame in place of those of ``structure``, as one step that can be undone."""
        differing = {frame: entry for frame, entry in sorted(entries.items()) if entry != self[structure, frame]}
        change = Change(name, structure, tuple(differing))
        if differing:
            before = {frame: self[structure, frame] for frame in differing}
            self._put(structure, differing)
            self._done = [*self._done, _Step(change, before, differing)][-UNDO_STEPS:]
            self._undone.clear()
        return change

    @property
    def next_undo(self) -> Change | None:
        """What `undo` would undo."""
        return self._done[-1].change if self._done else None

    @property
    def next_redo(self) -> Change | None:
        """What `redo` would do again."""
        return self._undone[-1].change if self._undone else None

    def undo(self) -> Change | None:
        """Takes the last change back; None where there is none."""
        if not self._done:
            return None
        step = self._done.pop()
        self._undone.append(step)
        self._put(step.change.structure, step.before)
        return step.change

    def redo(self) -> Change | None:
        """Does the last change again that was undone; None where there is none."""
        if not self._undone:
            return None
        step = self._undone.pop()
        self._done.append(step)
        self._put(step.change.structure, step.after)
        return step.change

    def _put(self, structure: str, entries: Mapping[int, Entry]) -> None:
        for frame, entry in entries.items():
            if entry == EMPTY:
                self._entries.pop((structure, frame), None)
            else:
                self._entries[structure, frame] = entry
