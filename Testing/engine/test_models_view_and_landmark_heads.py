"""The heads on the shared encoder: what heat maps say is read exactly, and frames do not influence one another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from echoapex.models.image_encoder import FINE_CHANNELS, Features
from echoapex.models.view_and_landmark_heads import (
    TARGET_SPREAD_CELLS,
    Heads,
    LandmarkHead,
    ViewHead,
    heat_map_loss,
    read_heat_maps,
)

ROWS, COLUMNS = 40, 48
SIGMA_CELLS = TARGET_SPREAD_CELLS


def gaussian(x: float, y: float, sigma: float = SIGMA_CELLS, height: float = 0.0) -> torch.Tensor:
    """Logits of a Gaussian about ``(x, y)`` in pixels of the model input, ``[ROWS, COLUMNS]``."""
    rows, columns = torch.arange(ROWS, dtype=torch.float64), torch.arange(COLUMNS, dtype=torch.float64)
    away = (rows[:, None] - (y - 0.5) / 2) ** 2 + (columns[None] - (x - 0.5) / 2) ** 2
    return height - away / (2 * sigma**2)


def spreads(logits: torch.Tensor) -> torch.Tensor:
    """Standard deviation of each place, root mean square of both axes, in model pixels."""
    return read_heat_maps(logits)[1].diagonal(dim1=-2, dim2=-1).mean(-1).sqrt()


X, Y = st.floats(0.5, 2 * COLUMNS - 1.5), st.floats(0.5, 2 * ROWS - 1.5)


@settings(max_examples=200, deadline=None)
@given(X, Y)
def test_the_place_of_a_gaussian_is_read_between_the_cells_up_to_the_border(x: float, y: float) -> None:
    points, _ = read_heat_maps(gaussian(x, y)[None, None])
    assert points[0, 0].tolist() == pytest.approx([x, y], abs=0.03)


@settings(max_examples=50, deadline=None)
@given(st.floats(16, 2 * COLUMNS - 17), st.floats(16, 2 * ROWS - 17), st.floats(0.4, 2.0))
def test_what_widens_a_map_beyond_its_training_is_read(x: float, y: float, doubt: float) -> None:
    """A map trained on Gaussians, of a place known to ``doubt`` cells: the variances add."""
    spread = spreads(gaussian(x, y, float(np.hypot(TARGET_SPREAD_CELLS, doubt)))[None, None])
    assert float(spread) == pytest.approx(2 * doubt, rel=0.03)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, np.pi), st.floats(0.3, 1.0), st.floats(1.2, 2.2))
def test_what_is_known_across_a_wall_and_not_along_it_is_read_so(angle: float, across: float, along: float) -> None:
    """A map smeared along ``angle``: its doubt is as long and as narrow, and lies the same way."""
    axis = torch.tensor([np.cos(angle), np.sin(angle)])
    normal = torch.tensor([-axis[1], axis[0]])
    rows, columns = torch.arange(ROWS, dtype=torch.float64), torch.arange(COLUMNS, dtype=torch.float64)
    off = torch.stack(torch.meshgrid(columns - COLUMNS / 2, rows - ROWS / 2, indexing="xy"), -1)
    wide, narrow = (TARGET_SPREAD_CELLS**2 + doubt**2 for doubt in (along, across))
    logits = -((off @ axis) ** 2 / wide + (off @ normal) ** 2 / narrow) / 2
    covariance = read_heat_maps(logits[None, None])[1][0, 0].double()
    assert float((axis @ covariance @ axis).sqrt()) == pytest.approx(2 * along, rel=0.04)
    assert float((normal @ covariance @ normal).sqrt()) == pytest.approx(2 * across, rel=0.06)
    assert float(axis @ covariance @ normal) == pytest.approx(0, abs=0.1)


def test_a_map_as_sure_as_training_can_make_it_is_sure_to_half_a_pixel() -> None:
    spread = spreads(gaussian(40, 40, TARGET_SPREAD_CELLS)[None, None])
    assert float(spread) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("lower", [0.0, 1.0, 3.0])
def test_a_second_peak_far_away_makes_uncertain_without_moving_the_place(lower: float) -> None:
    one = gaussian(30.0, 41.0)
    two = torch.logaddexp(one, gaussian(70.0, 20.0, height=-lower - 1e-3))
    maps = torch.stack([one, two])[None]
    points, sigma = read_heat_maps(maps)[0], spreads(maps)
    torch.testing.assert_close(points[0, 1], points[0, 0], atol=0.03, rtol=0)
    assert float(sigma[0, 1]) > 3 * float(sigma[0, 0])


@pytest.mark.parametrize("wide", [2.0, 4.0])
def test_a_blurred_map_is_less_certain(wide: float) -> None:
    sigma = spreads(torch.stack([gaussian(40, 40), gaussian(40, 40, wide * SIGMA_CELLS)])[None])
    assert float(sigma[0, 1]) > wide * float(sigma[0, 0])


def test_a_flat_map_says_nothing_and_breaks_nothing() -> None:
    points, covariance = read_heat_maps(torch.zeros(2, 3, ROWS, COLUMNS))
    assert torch.isfinite(points).all() and torch.isfinite(covariance).all()
    assert float(spreads(torch.zeros(2, 3, ROWS, COLUMNS)).min()) > ROWS / 2


def test_every_map_is_read_by_itself() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 4, ROWS, COLUMNS) * 3
    points, covariance = read_heat_maps(logits)
    assert points.shape == (3, 4, 2) and covariance.shape == (3, 4, 2, 2)
    for frame in range(3):
        for landmark in range(4):
            alone = read_heat_maps(logits[frame : frame + 1, landmark : landmark + 1])
            assert torch.equal(alone[0][0, 0], points[frame, landmark])
            assert torch.equal(alone[1][0, 0], covariance[frame, landmark])


def test_what_training_asks_for_is_what_is_read() -> None:
    """Maps fitted to the loss give back the points they were fitted to."""
    torch.manual_seed(0)
    points = torch.tensor([[[20.3, 33.9], [71.0, 60.6]]])
    logits = torch.zeros(1, 2, ROWS, COLUMNS, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        heat_map_loss(logits, points).backward()
        optimizer.step()
    torch.testing.assert_close(read_heat_maps(logits.detach())[0], points, atol=0.15, rtol=0)


def test_a_landmark_without_a_place_cannot_be_trained_on() -> None:
    with pytest.raises(ValueError, match="needs its place"):
        heat_map_loss(torch.zeros(1, 1, 8, 8), torch.full((1, 1, 2), float("nan")))


@pytest.fixture(scope="module")
def features() -> Features:
    torch.manual_seed(0)
    fine = tuple(torch.randn(3, c, 64 // s, 64 // s) for c, s in zip(FINE_CHANNELS, (2, 4, 8)))
    return Features(torch.randn(3, 256, 4, 4), torch.randn(3, 192), fine)


def test_frames_of_a_batch_do_not_influence_one_another(features: Features) -> None:
    head = LandmarkHead(2).eval()
    with torch.inference_mode():
        together = head(features)
        assert together.shape == (3, 2, 32, 32)
        for frame in range(3):
            alone = head(features.select(slice(frame, frame + 1)))[0]
            torch.testing.assert_close(alone, together[frame], atol=1e-5, rtol=1e-4)


def test_the_view_head_takes_each_frame_by_itself(features: Features) -> None:
    head, order = ViewHead(192, 5).eval(), torch.tensor([2, 0, 1])
    with torch.inference_mode():
        logits = head(features.cls)
        assert logits.shape == (3, 5)
        torch.testing.assert_close(head(features.cls[order]), logits[order], atol=1e-6, rtol=1e-5)


def test_heads_that_are_not_wanted_are_not_there() -> None:
    nothing, views, landmarks = Heads(192, 0, 0), Heads(192, 3, 0), Heads(192, 0, 2)
    assert not nothing.state_dict()
    assert views.landmarks is None and views.view is not None
    assert landmarks.view is None and landmarks.landmarks is not None
