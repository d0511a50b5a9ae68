"""Masks that persons have made in another session are taken over as steps, and nothing by hand gives way to them."""

from __future__ import annotations

import numpy as np
import pytest
from model_cases import CARD

from echoapex.cine import Cine, FrameTimes, Scale, Sector
from echoapex.errors import EchoApexError
from echoapex.session.frame_entries import Entry, PackedMask, Status
from echoapex.session.state import SessionState

FRAMES, ROWS, COLUMNS = 5, 20, 30


def mask(x: int) -> PackedMask:
    found = np.zeros((ROWS, COLUMNS), bool)
    found[5:12, x : x + 6] = True
    return PackedMask.of(found)


@pytest.fixture
def state() -> SessionState:
    """Predictions in all frames, of which one was flagged and one drawn over."""
    frames = np.zeros((FRAMES, ROWS, COLUMNS), np.uint8)
    cine = Cine(frames, FrameTimes.unknown("none"), Scale.none("none"), Sector.whole_frame(ROWS, COLUMNS))
    found = SessionState(CARD, cine)
    found.begin({("LV", frame): Entry(mask(1), 0.8, Status.PREDICTED) for frame in range(FRAMES)})
    found.flag([1], "LV")
    found.edit(2, mask(20).unpacked(), "LV")
    return found


def test_what_was_by_hand_elsewhere_stands_where_nobody_has_said_anything_here(state: SessionState) -> None:
    drawn = Entry(mask(10), source=Status.EDITED)
    accepted = Entry(mask(11), 0.9, Status.PREDICTED, Status.ACCEPTED)
    before = {frame: state.entry(frame, "LV") for frame in range(FRAMES)}
    given = {("LV", 0): drawn, ("LV", 1): drawn, ("LV", 2): drawn, ("LV", 3): accepted, ("LA", 3): drawn}
    changes = state.take_by_hand(given)
    assert [(change.structure, change.frames) for change in changes] == [("LV", (0, 3)), ("LA", (3,))]
    assert (state.entry(0, "LV"), state.entry(3, "LV"), state.entry(3, "LA")) == (drawn, accepted, drawn)
    assert all(state.entry(frame, "LV") == before[frame] for frame in (1, 2, 4))
    for _ in changes:
        state.undo()
    assert all(state.entry(frame, "LV") == before[frame] for frame in range(FRAMES))
    assert state.structures == ("LV",)


def test_a_frame_that_the_cine_has_not_is_refused_and_changes_nothing(state: SessionState) -> None:
    drawn = Entry(mask(10), source=Status.EDITED)
    before = state.next_undo
    with pytest.raises(EchoApexError, match="frames must be 0 to 4"):
        state.take_by_hand({("LV", 0): drawn, ("LV", 9): drawn})
    assert state.next_undo is before and state.entry(0, "LV").source is Status.PREDICTED
