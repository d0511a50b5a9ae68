"""Scores against plain arithmetic, and evaluation from end to end on one patient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from report_cases import CARD

from echoapex.errors import EchoApexError, ModelError
from echoapex.models.card import CARD_FILE, read_card
from echoapex.models.segmenter import create_segmenter
from echoapex.models.store import save_model
from echoapex.output import plain
from echoapex.simulation.looks import TRAINING
from echoapex.training import trials
from echoapex.training.evaluate import SimulatedData, Tables, evaluate
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


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights: its scores are arbitrary, how they come about is not."""
    torch.manual_seed(4)
    folder = tmp_path_factory.mktemp("models") / CARD.id
    save_model(folder, create_segmenter("vit_tiny", 16, 64, len(CARD.structures)), CARD)
    return folder


@pytest.fixture(scope="module")
def made(model_folder: Path) -> Tables:
    """Everything about two patients, in small and coarse pictures."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("ROWS", 150), ("COLUMNS", 200), ("BEATS", 0.6), ("EVALUATION", TRAINING)):
            patch.setattr(trials, name, value)
        return evaluate(model_folder, "all", "simulated:hard:2", "cpu", save=True)


def test_every_score_stands_beside_a_constant(made: Tables) -> None:
    assert set(made) == {"segmentation", "ef", "prompts"}
    found = made["segmentation"]
    for name in CARD.structures:
        for metric in ("dice/{}/text", "dice/{}/box", "dice/{}/click1", "missed/{}", "confidence_error/{}"):
            assert set(found[metric.format(name)]) == {"value", "ci", "constant"}
            assert 0 <= found[metric.format(name)]["value"] <= 1
            assert found[metric.format(name)]["constant"] is not None
    # One mask for all hearts is right in part, and some millimeters off.
    assert 0.2 < found["dice/LV/text"]["constant"] < 0.95
    if "surface_mm/LV" in found:
        assert 1 < found["surface_mm/LV"]["constant"] < 30
    assert 0 <= found["false_alarm/RV"]["value"] <= 1, "there is no right ventricle in A2C"
    assert "false_alarm/LV" not in found
    assert 0 <= made["ef"]["ef_measured"]["value"] <= 1
    assert made["prompts"]["clicks"]["value"] >= 12


def test_scores_of_test_hearts_go_on_the_card(made: Tables, model_folder: Path) -> None:
    assert read_card(model_folder).scores == {"simulated:hard:2:900000": plain(made)}
    assert "NaN" not in (model_folder / CARD_FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("data", ["simulated:hard:2:0", "simulated:hard:2:900999"])
def test_scores_of_other_hearts_do_not(data: str, model_folder: Path) -> None:
    with pytest.raises(EchoApexError, match="900000 to 900999"):
        evaluate(model_folder, "ef", data, "cpu", save=True)


def test_hearts_that_may_have_been_trained_on_are_said_to_be(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ModelError):
        evaluate(tmp_path / "none", "ef", "simulated:hard:2:7", "cpu", say=said.append)
    assert "may have been trained on" in said[0] and "7 to 8" in said[0]


def test_a_model_that_finds_nothing_is_scored_not_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ROWS", 150), ("COLUMNS", 200), ("BEATS", 0.2), ("EVALUATION", TRAINING)):
        monkeypatch.setattr(trials, name, value)
    blind = create_segmenter("vit_tiny", 16, 64, 1)
    with torch.no_grad():
        for parameter in blind.mask_decoder.hypernetwork.parameters():
            parameter.zero_()
    save_model(tmp_path / CARD.id, blind, replace(CARD, structures=("LV",)))
    made = evaluate(tmp_path / CARD.id, "all", "simulated:easy:1", "cpu")
    assert made["segmentation"]["missed/LV"]["value"] == 1
    assert made["segmentation"]["dice/LV/text"]["value"] == 0
    assert made["ef"]["ef_measured"]["value"] == 0 and "ef_mae" not in made["ef"]


def test_boxes_fit_structures_on_the_right_of_a_wide_frame() -> None:
    truth = np.zeros((60, 120), bool)
    truth[5:40, 90:119] = True
    for seed in range(20):
        x0, y0, x1, y1 = trials._box(truth, np.random.default_rng(seed))
        assert 0 <= x0 < x1 <= 119 and 0 <= y0 < y1 <= 59
        assert x0 >= 87 - 0.1 and x1 >= 115
