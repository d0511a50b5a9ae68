"""Scores against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoapex.evaluation.bootstrap_scores import (
    agreement,
    area_under_curve,
    best_constant_mask,
    beyond,
    calibration_error,
    dice,
    interval,
    mean,
    r_squared,
    ratio_to_constant,
    reliability,
    score,
    surface_distance_mm,
)


def test_agreement_of_known_pairs() -> None:
    pairs = [np.array([[50.0, 48.0], [30.0, 36.0]]), np.array([[60.0, 60.0]])]
    table = agreement(pairs)
    assert table["mae"]["value"] == pytest.approx((2 + 6 + 0) / 3)
    assert table["bias"]["value"] == pytest.approx((2 - 6 + 0) / 3)
    assert table["loa"]["value"] == pytest.approx(1.96 * np.std([2, -6, 0]))
    # The median of the truth, 48, is wrong by 0, 12 and 12.
    assert table["mae"]["constant"] == pytest.approx(8.0)
    assert table["bias"]["constant"] == pytest.approx(0.0)
    assert table["r2"]["value"] == pytest.approx(1 - 40 / 288)
    assert table["ratio"]["value"] == pytest.approx((8 / 3) / 8)


def test_r_squared_of_the_mean_is_zero_and_of_the_truth_one() -> None:
    truth = np.array([1.0, 2.0, 5.0])
    assert r_squared(np.stack([np.full(3, truth.mean()), truth], axis=1)) == pytest.approx(0)
    assert r_squared(np.stack([truth, truth], axis=1)) == 1


def test_the_constant_predictor_has_the_ratio_one_and_the_truth_zero() -> None:
    truth = np.array([1.0, 2.0, 9.0])
    assert ratio_to_constant(np.stack([np.full(3, np.median(truth)), truth], axis=1)) == pytest.approx(1)
    assert ratio_to_constant(np.stack([truth, truth], axis=1)) == 0
    assert np.isnan(ratio_to_constant(np.full((3, 2), 4.0)))


def test_the_interval_draws_patients_not_rows() -> None:
    """Ten rows of one patient tell no more than one: the interval must not shrink."""
    rng = np.random.default_rng(0)
    patients = [np.array([value]) for value in rng.normal(0, 1, 30)]
    copied = [np.repeat(patient, 10) for patient in patients]
    single, repeated = interval(patients, mean), interval(copied, mean)
    assert single is not None and repeated is not None
    assert np.diff(single) == pytest.approx(np.diff(repeated), rel=1e-9)
    assert single[0] < np.mean(np.concatenate(patients)) < single[1]


def test_the_interval_is_the_same_every_time_and_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(5).normal(10, 2, 400)
    patients = [np.array([value]) for value in values]
    first, again = interval(patients, mean), interval(patients, mean)
    assert first is not None and first == again
    assert np.diff(first)[0] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)


def test_patients_of_different_size_are_drawn_whole() -> None:
    """Of one patient with many zeros and several with a one: the mean moves with how often the first is drawn."""
    found = interval([np.zeros(1000), *(np.ones(1) for _ in range(9))], mean)
    assert found is not None
    assert found[0] < 0.01 and found[1] == 1


def test_few_patients_have_no_interval_nor_has_what_never_has_a_value() -> None:
    assert score([np.array([1.0, 2.0])] * 4)["ci"] is None
    assert interval([np.zeros((1, 2))] * 6, area_under_curve) is None


def test_area_under_the_curve_of_perfect_inverted_tied_and_known_warnings() -> None:
    event = np.array([0, 0, 1, 1, 1])
    warning = np.array([0.1, 0.2, 0.6, 0.7, 0.9])
    assert area_under_curve(np.column_stack([warning, event])) == 1
    assert area_under_curve(np.column_stack([-warning, event])) == 0
    assert area_under_curve(np.column_stack([np.ones(5), event])) == 0.5
    # Of six pairs the first two zeros lose to all but 0.15, which beats one of them.
    assert area_under_curve(np.column_stack([[0.1, 0.2, 0.15, 0.7, 0.9], event])) == pytest.approx(5 / 6)
    assert np.isnan(area_under_curve(np.array([[0.3, 1.0]])))


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=30))
def test_the_area_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    table = np.array(rows, float)
    events, others = table[table[:, 1] == 1, 0], table[table[:, 1] == 0, 0]
    if not len(events) or not len(others):
        assert np.isnan(area_under_curve(table))
        return
    gaps = events[:, None] - others[None]
    assert area_under_curve(table) == pytest.approx(np.mean(gaps > 0) + 0.5 * np.mean(gaps == 0))


def test_calibration_of_a_confidence_that_is_right_and_of_one_that_is_not() -> None:
    reached = np.array([0.1, 0.5, 0.5, 0.95, 1.0])
    assert calibration_error(np.column_stack([reached, reached])) == 0
    assert calibration_error(np.column_stack([np.ones(5), reached])) == pytest.approx(1 - reached.mean())
    # On average over its bin, a confidence of 0.5 is right here.
    assert calibration_error(np.array([[0.5, 0.2], [0.5, 0.8]])) == pytest.approx(0)
    assert reliability(np.array([[1.0, 0.9], [0.95, 0.7], [0.0, 0.1]])) == [(0.0, 0.1, 1), (0.975, 0.8, 2)]


def test_errors_begin_where_the_span_of_right_answers_ends() -> None:
    assert beyond([1.0, 2.0, 2.5, 4.0], 2.0, 3.0).tolist() == [-1.0, 0.0, 0.0, 1.0]


def test_surface_distance_of_shifted_squares() -> None:
    mask, moved = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    mask[10:30, 10:30], moved[10:30, 13:33] = True, True
    assert surface_distance_mm(mask, mask, (0.5, 0.5)) == 0
    distance = surface_distance_mm(mask, moved, (0.5, 0.5))
    assert 0.5 < distance < 1.5
    assert surface_distance_mm(mask, moved, (1.0, 1.0)) == pytest.approx(2 * distance)
    assert np.isnan(surface_distance_mm(mask, np.zeros_like(mask), (1, 1)))


def test_surface_distance_of_parallel_lines_is_their_distance_by_axis() -> None:
    """At the edge of the frame too."""
    first, second = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    first[0], second[6] = True, True
    assert surface_distance_mm(first, second, (0.5, 3.0)) == pytest.approx(3.0)
    assert surface_distance_mm(first.T, second.T, (0.5, 3.0)) == pytest.approx(18.0)


def test_the_constant_mask_beats_any_other_threshold() -> None:
    rng = np.random.default_rng(1)
    coverage = np.zeros((20, 30, 30))
    for one in coverage:
        x, y = rng.integers(3, 9, 2)
        one[y : y + 15, x : x + 15] = 1
    best = best_constant_mask(coverage)
    reached = np.mean([dice(best, one >= 0.5) for one in coverage])
    for level in (0.2, 0.5, 0.8):
        assert reached >= np.mean([dice(coverage.mean(0) >= level, one >= 0.5) for one in coverage]) - 1e-9


def test_empty_masks_agree() -> None:
    nothing = np.zeros((4, 4), bool)
    assert dice(nothing, nothing) == 1
    assert dice(nothing, ~nothing) == 0
