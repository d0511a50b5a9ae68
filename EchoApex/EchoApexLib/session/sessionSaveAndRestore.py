"""The record of a session in a text node of the scene, so that a saved scene goes on."""

from __future__ import annotations

import json
from typing import Any

from echoapex.errors import EchoApexError
from echoapex.io.json_shapes import check_shape, list_of, record, text, whole
from echoapex.io.untrusted_json import parse_json
from echoapex.models.model_card import ModelCard
from echoapex.session.frame_entries import BY_HAND, DAMAGED, EMPTY, ENTRY_SHAPES, Key, Status, entry_to_plain
from echoapex.session.state import SessionState
from echoapex.session.undo_history import Change

from ..cine.cineFromBrowser import cineOf
from ..record.recordSaving import addTextNode

SESSION = "EchoApex.Session"
"""Role under which a browser refers to the text node with its session."""

_SESSION = record(
    {"entries": list_of(record({"structure": text, "frame": whole(), **ENTRY_SHAPES}))},
    more_allowed=True,
)

Moment = tuple[Change | None, Change | None]


class SessionRecord:
    """The text node of ``state``, which is kept up to date change by change: Slicer does not say when it saves."""

    def __init__(self, scene: Any, browser: Any, state: SessionState) -> None:
        self._state = state
        found = browser.GetNodeReference(SESSION)
        # What cannot be read may still be of use to someone.
        kept = found is not None and _isOf(found, state)
        self.node = found if kept else addTextNode(scene, scene.GenerateUniqueName(f"{browser.GetName()} session"))
        browser.SetNodeReferenceID(SESSION, self.node.GetID())
        self._readAll()

    def update(self, change: Change) -> None:
        """Writes what ``change`` has changed."""
        for frame in change.frames:
            entry, key = self._state.entry(frame, change.structure), (change.structure, frame)
            if entry == EMPTY:
                self._entries.pop(key, None)
            else:
                self._entries[key] = {"structure": change.structure, "frame": frame, **entry_to_plain(entry)}
        self._write()

    def save(self) -> None:
        """Writes the session unless its record is up to date."""
        now = _moment(self._state)
        if any(change is not written for change, written in zip(now, self._written, strict=True)):
            self._readAll()

    def _readAll(self) -> None:
        self._plain = self._state.to_plain()
        self._entries = {(item["structure"], item["frame"]): item for item in self._plain["entries"]}
        self._write()

    def _write(self) -> None:
        entries = [self._entries[key] for key in sorted(self._entries)]
        self.node.SetText(json.dumps(self._plain | {"entries": entries}))
        self._written = _moment(self._state)


def _moment(state: SessionState) -> Moment:
    return state.next_undo, state.next_redo


def _isOf(node: Any, state: SessionState) -> bool:
    try:
        SessionState(state.card, state.cine).load(_load(node))
    except EchoApexError:
        return False
    return True


def _load(node: Any) -> Any:
    # A scene may name any node.
    text = node.GetText() if node.IsA("vtkMRMLTextNode") else None
    return parse_json(text, f"The session in this scene, {node.GetName()}, is damaged")


def restoreState(browser: Any, card: ModelCard, rater: str = "") -> SessionState | None:
    """The session of ``browser`` in a scene that was saved, to go on with a model with this ``card``.

    None where there is none. Raises `EchoApexError` for one that is damaged or of another cine; it stays as it is.
    """
    node = browser.GetNodeReference(SESSION)
    if node is None:
        return None
    state = SessionState(card, cineOf(browser), rater=rater)
    state.load(_load(node))
    return state


def acceptedMasks(browser: Any) -> frozenset[Key]:
    """Structure and frame of each mask that somebody has accepted as it was found, not drawn or prompted.

    Raises `EchoApexError` for a damaged record.
    """
    return _reviewedMasks(browser, Status.ACCEPTED)


def flaggedMasks(browser: Any) -> frozenset[Key]:
    """As `acceptedMasks`, of those that somebody has flagged."""
    return _reviewedMasks(browser, Status.FLAGGED)


def _reviewedMasks(browser: Any, review: Status) -> frozenset[Key]:
    node = browser.GetNodeReference(SESSION)
    if node is None:
        return frozenset()
    data = _load(node)
    check_shape(data, _SESSION, DAMAGED)
    return frozenset(
        (item["structure"], item["frame"])
        for item in data["entries"]
        if item["review"] == review and item["source"] not in BY_HAND
    )
