"""Distances between pixels are exact, so that nothing depends on where in memory something lies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from echoapex.inference.pixel_distance import distance_to_outside


def disk(radius: float, size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size // 2
    return np.hypot(y, x) < radius


@pytest.mark.parametrize("radius", [0.5, 3, 17.3, 40, 500])
def test_distances_are_exact_to_the_last_digit(radius: float) -> None:
    mask = disk(radius, 2 * int(radius) + 5)
    away = np.stack(np.indices(mask.shape)) - ndimage.distance_transform_edt(
        mask, return_distances=False, return_indices=True
    )
    assert np.array_equal(distance_to_outside(mask), np.sqrt(np.square(away).sum(axis=0)))


def test_places_that_are_equally_deep_stay_so_wherever_the_result_lies() -> None:
    """The ridge of a long mask is a tie; OpenCV alone breaks it by the place of its result in memory."""
    mask = np.zeros((41, 160), bool)
    mask[3:38, 3:157] = True
    held = []
    for number in range(60):
        depth = distance_to_outside(mask)
        held += [depth, np.empty(64 + 16 * number, np.uint8)]
        assert divmod(int(depth.argmax()), 160) == (20, 20) and depth[20, 20:140].tolist() == [18.0] * 120
