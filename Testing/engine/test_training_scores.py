"""Scores against plain arithmetic, and evaluation from end to end on one patient."""

from __future__ import annotations

import numpy as np
import pytest

from echoapex.errors import EchoApexError
from echoapex.training.evaluate import SimulatedData
from echoapex.training.scores import (
    agreement,
    best_constant_mask,
    dice,
    interval,
    r_squared,
    score,
    surface_distance_mm,
)


def test_agreement_of_known_pairs() -> None:
    pairs = [np.array([[50.0, 48.0], [30.0, 36.0]]), np.array([[60.0, 60.0]])]
    table = agreement(pairs, "ef")
    assert table["ef_mae"]["value"] == pytest.approx((2 + 6 + 0) / 3)
    assert table["ef_bias"]["value"] == pytest.approx((2 - 6 + 0) / 3)
    assert table["ef_loa"]["value"] == pytest.approx(1.96 * np.std([2, -6, 0]))
    # The median of the truth, 48, is wrong by 0, 12 and 12.
    assert table["ef_mae"]["constant"] == pytest.approx(8.0)
    assert table["ef_r2"]["value"] == pytest.approx(1 - 40 / 288)


def test_r_squared_of_the_mean_is_zero_and_of_the_truth_one() -> None:
    truth = np.array([1.0, 2.0, 5.0])
    assert r_squared(np.stack([np.full(3, truth.mean()), truth], axis=1)) == pytest.approx(0)
    assert r_squared(np.stack([truth, truth], axis=1)) == 1


def test_the_interval_draws_patients_not_rows() -> None:
    """Ten rows of one patient tell no more than one: the interval must not shrink."""
    rng = np.random.default_rng(0)
    patients = [np.array([value]) for value in rng.normal(0, 1, 30)]
    copied = [np.repeat(patient, 10) for patient in patients]
    single, repeated = interval(patients, np.mean), interval(copied, np.mean)
    assert single is not None and repeated is not None
    assert np.diff(single) == pytest.approx(np.diff(repeated), rel=1e-9)
    assert single[0] < np.mean(np.concatenate(patients)) < single[1]


def test_few_patients_have_no_interval() -> None:
    assert score([np.array([1.0, 2.0])] * 4)["ci"] is None


def test_surface_distance_of_shifted_squares() -> None:
    mask, moved = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    mask[10:30, 10:30], moved[10:30, 13:33] = True, True
    assert surface_distance_mm(mask, mask, (0.5, 0.5)) == 0
    distance = surface_distance_mm(mask, moved, (0.5, 0.5))
    assert 0.5 < distance < 1.5
    assert surface_distance_mm(mask, moved, (1.0, 1.0)) == pytest.approx(2 * distance)
    assert np.isnan(surface_distance_mm(mask, np.zeros_like(mask), (1, 1)))


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


@pytest.mark.parametrize("text", ["simulated:hard", "camus:/data", "simulated:brutal:5", "simulated:hard:0"])
def test_data_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(EchoApexError, match="simulated:PRESET:N"):
        SimulatedData.parse(text)


def test_data_default_to_the_test_seeds() -> None:
    assert SimulatedData.parse("simulated:hard:100") == SimulatedData("hard", 100, 900_000)
    assert SimulatedData.parse("simulated:easy:3:17").first_seed == 17
