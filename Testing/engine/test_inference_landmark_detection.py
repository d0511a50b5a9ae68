"""Landmarks of a cine: heat maps taken back to pixels of the full frame, exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from model_cases import CARD, noise, untrained
from numpy.typing import NDArray

from echoapex.cine import Cine, FrameTimes, Scale
from echoapex.errors import ModelError
from echoapex.inference.encoding import EncodedCine
from echoapex.inference.landmark_detection import find_landmarks
from echoapex.models.image_encoder import Features
from echoapex.models.model_loading import LoadedModel
from echoapex.models.view_and_landmark_heads import TARGET_SPREAD_CELLS, Heads

DOUBT_CELLS = 1.0
"""What is not known of a place, beyond the spread that every map has from its training."""
SIGMA_CELLS = float(np.hypot(TARGET_SPREAD_CELLS, DOUBT_CELLS))
COUNT = 20


def heat_maps(model: LoadedModel, cine: Cine, points: NDArray[np.float64]) -> torch.Tensor:
    """Logits ``[T, L, 32, 32]`` of Gaussians about ``points [T, L, 2]`` in pixels of the full frame."""
    cells = torch.from_numpy((model.card.preprocessing.cine_geometry(cine).to_model(points) - 0.5) / 2)
    grid = torch.arange(32, dtype=torch.float64)
    away = (grid - cells[..., 1:2])[..., :, None] ** 2 + (grid - cells[..., 0:1])[..., None, :] ** 2
    return -away / (2 * SIGMA_CELLS**2)


def seeing(logits: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> LoadedModel:
    """A model whose landmark head gives ``logits [T, ...]`` for a cine whose frames come in their order."""
    model = replace(untrained(), heads=Heads(192, 0, 2))
    left = iter(logits)

    def forward(features: Features) -> torch.Tensor:
        return torch.stack([next(left) for _ in range(features.embedding.shape[0])])

    assert model.heads.landmarks is not None
    monkeypatch.setattr(model.heads.landmarks, "forward", forward)
    return model


def moving() -> NDArray[np.float64]:
    """Two landmarks that go different ways, one of them near the border of the sector's box; ``[T, 2, 2]``."""
    time = np.linspace(0.0, 1.0, COUNT)
    return np.stack([np.stack([15 + 45 * time, 11 + 7 * time], -1), np.stack([60 - 9 * time, 44 - 30 * time], -1)], 1)


def test_landmarks_come_back_in_pixels_of_the_full_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    model = seeing(heat_maps(untrained(), noise(), moving()), monkeypatch)
    found = find_landmarks(model, noise())
    assert found.names == CARD.landmarks
    np.testing.assert_allclose(found.points, moving(), atol=0.03)


def test_the_spread_is_in_pixels_of_the_full_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """55 columns of 0.4 mm and 43 rows of 0.5 mm in 64 pixels: 22 x 21.5 mm in 64 x 63."""
    points = np.full((COUNT, 2, 2), 30.0)
    found = find_landmarks(seeing(heat_maps(untrained(), noise(), points), monkeypatch), noise())
    x, y = 2 * DOUBT_CELLS * 55 / 64, 2 * DOUBT_CELLS * 43 / 63
    np.testing.assert_allclose(found.sigma_px, np.sqrt((x**2 + y**2) / 2), rtol=0.01)
    np.testing.assert_allclose(found.covariances(), np.broadcast_to(np.diag([x**2, y**2]), (COUNT, 2, 2, 2)), atol=0.05)


def test_what_is_no_number_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = heat_maps(untrained(), noise(), moving())
    logits[5, 1] = float("nan")
    logits[6, 0, 3, 3] = float("inf")
    found = find_landmarks(seeing(logits, monkeypatch), noise())
    unknown = np.zeros((COUNT, 2), bool)
    unknown[5, 1] = unknown[6, 0] = True
    assert np.array_equal(np.isnan(found.points).all(axis=-1), unknown)
    assert np.array_equal(np.isnan(found.sigma_px), unknown)
    assert np.array_equal(np.isnan(found.covariances()).all(axis=(2, 3)), unknown)


def test_the_network_itself_gives_the_same_alone_and_in_batches() -> None:
    cine = replace(noise(), times=FrameTimes.unknown("each frame by itself"))
    whole = find_landmarks(untrained(), EncodedCine(untrained(), cine))
    assert whole.points.shape == (COUNT, 2, 2) and np.isfinite(whole.points).all() and (whole.sigma_px > 0).all()
    assert np.ptp(whole.points, axis=0).min() > 5, "frames differ"
    for frame in (0, 7, 8, 19):
        one = replace(cine, frames=cine.frames[frame : frame + 1], times=FrameTimes.unknown("one frame"))
        alone = find_landmarks(untrained(), one)
        np.testing.assert_allclose(alone.points[0], whole.points[frame], atol=0.1)
        np.testing.assert_allclose(alone.sigma_px[0], whole.sigma_px[frame], rtol=0.02)


def with_a_second_peak(points: NDArray[np.float64], frames: slice) -> torch.Tensor:
    """Heat maps of `heat_maps` that have a higher peak far from the first landmark in some ``frames``."""
    right, wrong = heat_maps(untrained(), noise(), points), heat_maps(untrained(), noise(), points[..., ::-1, :])
    right[frames, 0] = torch.logaddexp(right[frames, 0], wrong[frames, 0] + 1.0)
    return right


def test_a_landmark_does_not_leap_to_another_place_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = with_a_second_peak(moving(), slice(7, 10))
    found = find_landmarks(seeing(logits, monkeypatch), noise())
    np.testing.assert_allclose(found.points, moving(), atol=0.1)
    assert (found.sigma_px[7:10, 0] > 5 * found.sigma_px[[6, 10], 0].max()).all(), "the other place makes it unsure"
    for unknown in (
        replace(noise(), times=FrameTimes.unknown("a test")),
        replace(noise(), scale=Scale.none("a test")),
    ):
        alone = find_landmarks(seeing(logits, monkeypatch), unknown)
        assert (np.linalg.norm(alone.points[7:10, 0] - moving()[7:10, 0], axis=-1) > 10).all()


def test_a_landmark_that_stays_in_another_place_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    places = moving()
    places[9:] = places[9:, ::-1]
    found = find_landmarks(seeing(heat_maps(untrained(), noise(), places), monkeypatch), noise())
    np.testing.assert_allclose(found.points, places, atol=0.2)


def test_a_model_without_landmarks_is_refused() -> None:
    with pytest.raises(ModelError, match=r"no landmark head \(found: tiny-test\)"):
        find_landmarks(replace(untrained(), heads=Heads(192, 3, 0)), noise())
