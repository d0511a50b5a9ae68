"""The view of a clip: decided by the average of its frames, doubted below the threshold of the card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cases import CARD, noise, untrained
from numpy.typing import NDArray

from echoapex.cine import Cine, FrameTimes, Mode
from echoapex.errors import ModelError
from echoapex.inference.encoding import EncodedCine
from echoapex.inference.view_classification import ViewEstimate, calibrate_threshold, classify_view
from echoapex.models.image_encoder import Features
from echoapex.models.model_card import OTHER, UNKNOWN
from echoapex.models.model_loading import LoadedModel
from echoapex.models.view_and_landmark_heads import Heads

VIEWS = CARD.views


def sure_of(logits: Sequence[Sequence[float]], monkeypatch: pytest.MonkeyPatch, threshold: float = 0.5) -> LoadedModel:
    """A model whose view head says ``logits`` of frame after frame of the ones it is shown."""
    model = replace(untrained(), card=replace(CARD, view_threshold=threshold), heads=Heads(192, len(VIEWS), 0))
    head = model.heads.view
    assert head is not None
    monkeypatch.setattr(head, "forward", lambda cls: torch.tensor(logits)[: len(cls)])
    return model


def test_logits_are_averaged_over_the_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    model = sure_of([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 3.0, 0.0]], monkeypatch, 0.4)
    found = classify_view(model, noise(), frames=3)
    expected = np.exp([1.0, 1.0, 0.0]) / np.exp([1.0, 1.0, 0.0]).sum()
    assert list(found.probabilities) == list(VIEWS)
    assert list(found.probabilities.values()) == pytest.approx(expected)
    assert found.probability == pytest.approx(expected[0])


def test_a_view_below_the_threshold_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = [[math.log(0.41), math.log(0.35), math.log(0.24)]] * 8
    unsure = classify_view(sure_of(logits, monkeypatch, 0.6), noise())
    assert (unsure.view, unsure.reason) == (UNKNOWN, "looks most like A4C (0.41), below 0.60")
    assert unsure.probability == pytest.approx(0.41)
    assert unsure.probabilities["PLAX"] == pytest.approx(0.35)
    sure = classify_view(sure_of(logits, monkeypatch, 0.4), noise())
    assert (sure.view, sure.reason) == ("A4C", "looks like A4C (0.41)")


def test_a_clip_of_none_of_the_views_is_other(monkeypatch: pytest.MonkeyPatch) -> None:
    found = classify_view(sure_of([[0.0, 0.0, 9.0]] * 8, monkeypatch), noise())
    assert (found.view, found.reason) == (OTHER, "looks like none of the views known (1.00)")


def test_what_is_no_number_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    assert classify_view(sure_of([[float("nan")] * 3] * 8, monkeypatch, 0.0), noise()).view == UNKNOWN


@pytest.mark.parametrize(
    ("count", "wanted", "expected"),
    [
        (20, 4, [2, 7, 12, 17]),
        (20, 20, list(range(20))),
        (3, 8, [0, 1, 2]),
        (1, 8, [0]),
        (20, 1, [10]),
    ],
)
def test_the_frames_looked_at_are_spread_over_the_clip(
    count: int, wanted: int, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def noting(seen: EncodedCine, frames: Sequence[int]) -> Features:
        asked.extend(frames)
        return plain(seen, frames)

    plain = EncodedCine.features
    monkeypatch.setattr(EncodedCine, "features", noting)
    classify_view(untrained(), noise(count), frames=wanted)
    assert asked == expected


def test_the_order_of_the_frames_does_not_matter() -> None:
    cine = noise(8)
    backwards = replace(cine, frames=cine.frames[::-1].copy(), times=FrameTimes.unknown("turned round"))
    found, turned = (classify_view(untrained(), clip) for clip in (cine, backwards))
    assert list(found.probabilities.values()) == pytest.approx(list(turned.probabilities.values()), abs=1e-4)
    assert sum(found.probabilities.values()) == pytest.approx(1.0)


def asked_in(mode: Mode) -> ViewEstimate:
    cine: Cine = replace(noise(), mode=mode)
    return classify_view(untrained(), cine)


@pytest.mark.parametrize("mode", [Mode.M_MODE, Mode.DOPPLER])
def test_a_clip_without_a_picture_of_the_heart_is_other_and_not_asked_about(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Features:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(EncodedCine, "features", refuse)
    found = asked_in(mode)
    assert found.view == OTHER and math.isnan(found.probability) and not found.probabilities
    assert mode in found.reason


def test_a_color_clip_is_asked_about_like_a_gray_one() -> None:
    assert asked_in(Mode.COLOR) == asked_in(Mode.TWO_D)


def test_what_cannot_be_asked_is_refused() -> None:
    without = replace(untrained(), heads=Heads(192, 0, 2))
    with pytest.raises(ModelError, match=r"no view head \(found: tiny-test\)"):
        classify_view(without, noise())
    with pytest.raises(ModelError, match="at least one frame"):
        classify_view(untrained(), noise(), frames=0)


def test_a_threshold_of_a_known_case() -> None:
    sure = np.linspace(0.5, 0.995, 100)
    probabilities = np.stack([sure, 0.9 * (1 - sure), 0.1 * (1 - sure)], axis=1)
    truth = np.zeros(100, int)
    assert calibrate_threshold(probabilities, truth, VIEWS, lost=0.03) == pytest.approx(sure[3])
    assert calibrate_threshold(probabilities, truth, VIEWS, lost=0.0) == pytest.approx(sure[0])
    assert calibrate_threshold(probabilities, truth, VIEWS, lost=0.29) == pytest.approx(sure[29])
    assert calibrate_threshold(probabilities, truth, VIEWS, lost=1.0) == 1.0


def test_other_clips_do_not_move_the_threshold_but_known_ones_taken_for_them_count() -> None:
    known = np.tile([0.8, 0.2, 0.0], (10, 1)) + np.linspace(0, 0.1, 10)[:, None] * [1, -1, 0]
    other = np.tile([0.35, 0.35, 0.3], (50, 1))
    truth = np.r_[np.zeros(10, int), np.full(50, 2)]
    assert calibrate_threshold(np.r_[known, other], truth, VIEWS) == pytest.approx(0.8)
    known[4] = [0.0, 0.1, 0.9]
    assert calibrate_threshold(np.r_[known, other], truth, VIEWS) == 0.0
    assert calibrate_threshold(np.r_[known, other], truth, VIEWS, lost=0.1) == pytest.approx(0.8)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0, 1), st.booleans())
def test_no_more_are_lost_than_may_be_and_a_higher_threshold_loses_more(
    seed: int, count: int, lost: float, with_other: bool
) -> None:
    views = VIEWS if with_other else ("A4C", "A2C", "PLAX")
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(3, 0.4), count)
    truth = rng.integers(0, 3, count)
    truth[0] = 0
    known = probabilities[truth != 2] if with_other else probabilities
    threshold = calibrate_threshold(probabilities, truth, views, lost)
    taken = known.argmax(axis=1) == 2 if with_other else np.zeros(len(known), bool)
    assert 0 <= threshold <= 1
    if threshold > 0:
        assert share_lost(known, taken, threshold) <= lost + 1e-9
    if threshold < 1:
        assert share_lost(known, taken, np.nextafter(threshold, 2)) > lost - 1e-9


def share_lost(known: NDArray[np.float64], taken: NDArray[np.bool_], threshold: float) -> float:
    return float(np.mean(taken | (known.max(axis=1) < threshold)))


@pytest.mark.parametrize(
    ("probabilities", "truth", "rule"),
    [
        (np.zeros((2, 2)), [0, 1], r"probabilities \[N, 3\]"),
        (np.zeros((2, 3)), [0], r"probabilities \[N, 3\]"),
        (np.zeros(3), [0], r"probabilities \[N, 3\]"),
        (np.full((1, 3), np.nan), [0], "must be 0 to 1"),
        (np.full((1, 3), 1.5), [0], "must be 0 to 1"),
        (np.full((1, 3), 0.3), [3], "True views must be 0 to 2"),
        (np.full((1, 3), 0.3), [-1], "True views must be 0 to 2"),
        (np.full((1, 3), 0.3), [2], "clips of known views"),
        (np.zeros((0, 3)), [], "clips of known views"),
    ],
)
def test_a_threshold_of_nonsense_is_refused(probabilities: NDArray[np.float64], truth: list[int], rule: str) -> None:
    with pytest.raises(ModelError, match=rule):
        calibrate_threshold(probabilities, truth, VIEWS)
