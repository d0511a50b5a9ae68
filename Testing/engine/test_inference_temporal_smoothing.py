"""Medians over time: a frame that alone goes wrong is outvoted, what moves steadily stays where it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from echoapex.cine import FrameTimes, TimeSource
from echoapex.inference.temporal_smoothing import median_over_time, steady_frames


def at(rate: float) -> FrameTimes:
    return FrameTimes(np.arange(20) / rate, TimeSource.FRAME_TIME)


@pytest.mark.parametrize(("rate", "frames"), [(8.0, 1), (30.0, 2), (50.0, 2), (100.0, 5)])
def test_the_window_is_a_time_of_at_least_one_frame(rate: float, frames: int) -> None:
    assert steady_frames(at(rate)) == frames


def test_without_times_it_is_two_frames() -> None:
    assert steady_frames(FrameTimes.unknown("a test")) == 2


@given(st.integers(1, 4), st.integers(0, 19), st.floats(-100, 100))
def test_a_frame_that_alone_goes_wrong_is_outvoted(half: int, wrong: int, value: float) -> None:
    values = torch.full((20, 3), 5.0)
    values[wrong, 1] = value
    # The first and last frame stand for those beyond them and have the more votes.
    expected = value if wrong in (0, 19) else 5.0
    assert float(median_over_time(values, half)[wrong, 1]) == pytest.approx(expected)
    assert torch.equal(median_over_time(values, half)[:, 0], values[:, 0])


@given(st.integers(0, 4), st.floats(-3, 3))
def test_what_moves_one_way_stays_where_it_is_up_to_the_ends(half: int, step: float) -> None:
    line = torch.arange(20.0, dtype=torch.float64)[:, None] * step
    torch.testing.assert_close(median_over_time(line, half), line)


def test_what_is_no_number_has_no_vote() -> None:
    values = torch.arange(9.0)
    values[4] = torch.nan
    steady = median_over_time(values, 1)
    assert torch.isfinite(steady).all()
    assert steady[[0, 1, 2, 6, 7, 8]].tolist() == [0, 1, 2, 6, 7, 8]
