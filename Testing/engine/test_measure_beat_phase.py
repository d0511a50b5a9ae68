"""Frames and phases of beats, and the frame of one clip that belongs to a frame of another."""

from __future__ import annotations

import numpy as np
import pytest

from echoapex.measure.beat_phase import BeatClock, Moment, matching_by_phase, matching_by_time, with_diastole
from echoapex.measure.measurement import Beat

SLOW = BeatClock((Beat(4, 14, 34), Beat(34, 44)), np.arange(50) / 50)
FAST = BeatClock((Beat(2, 7, 17),), np.arange(20) / 25)


@pytest.mark.parametrize(
    ("frame", "moment"),
    [
        (4, Moment(0, 0.0)),
        (9, Moment(0, 0.5)),
        (14, Moment(0, 1.0)),
        (24, Moment(0, 1.5)),
        (34, Moment(1, 0.0)),
        (44, Moment(1, 1.0)),
        (3, None),
        (45, None),
    ],
)
def test_where_a_frame_is_in_its_beat(frame: int, moment: Moment | None) -> None:
    assert SLOW.moment(frame) == moment
    if moment is not None:
        assert SLOW.frame(moment) == frame


def test_the_end_of_the_last_beat_is_the_next_ed() -> None:
    assert FAST.moment(17) == Moment(0, 2.0) and FAST.moment(18) is None


@pytest.mark.parametrize("frame", range(4, 45))
def test_both_are_in_one_phase(frame: int) -> None:
    """To half a frame of the partner, in each beat of the leader."""
    moment = SLOW.moment(frame)
    assert moment is not None
    other = FAST.moment(matching_by_phase(frame, SLOW, FAST))
    assert other is not None
    assert abs(other.phase - moment.phase) <= 0.5 / (5 if moment.phase <= 1 else 10) + 1e-9


def test_beats_are_taken_in_turn() -> None:
    assert [matching_by_phase(frame, SLOW, FAST) for frame in (4, 14, 34, 44)] == [2, 7, 2, 7]
    assert [matching_by_phase(frame, FAST, SLOW) for frame in (2, 7, 17)] == [4, 14, 34]


def test_outside_of_beats_as_much_time_counts() -> None:
    assert matching_by_phase(2, SLOW, FAST) == 1, "0.04 s before ED"
    assert matching_by_phase(48, SLOW, FAST) == 9, "0.08 s behind ES"
    assert matching_by_phase(0, FAST, SLOW) == 0, "there is no more before"


def test_a_beat_without_diastole_goes_on_in_time() -> None:
    systole = BeatClock((Beat(2, 7),), np.arange(20) / 25)
    assert matching_by_phase(24, SLOW, systole) == 12, "0.2 s behind ES in both"


def test_by_time_both_begin_together() -> None:
    late = BeatClock((), 3.0 + np.arange(10) / 25)
    assert [matching_by_time(frame, SLOW, late) for frame in (0, 10, 49)] == [0, 5, 9]
    assert matching_by_phase(10, SLOW, late) == 5, "without beats there is no phase"


def test_the_next_beat_is_known_again() -> None:
    found = Beat(4, 14, 34), Beat(34, 44)
    assert with_diastole((Beat(5, 20),), found) == (Beat(5, 20, 34),)
    assert with_diastole((Beat(34, 40),), found) == (Beat(34, 40),)
