"""The mean shape of other patients in a box, on shapes whose mean is known."""

from __future__ import annotations

import numpy as np
import pytest

from echoapex.evaluation.bootstrap_scores import dice
from echoapex.evaluation.mean_shape_in_box import GRID, cut_to_box, mean_shape_dice

SQUARE = np.ones((GRID, GRID), np.uint8)
CORNER = np.tri(GRID, dtype=np.uint8)


def test_a_mask_is_cut_to_the_smallest_box_that_holds_it() -> None:
    mask = np.zeros((20, 30), bool)
    mask[4, 7] = mask[9, 25] = True
    cut = cut_to_box(mask)
    assert cut.shape == (6, 19) and cut.dtype == np.uint8 and cut.sum() == 2
    assert cut[0, 0] == cut[-1, -1] == 1


@pytest.mark.parametrize("size", [(5, 90), (200, 30), (GRID, GRID)])
def test_rectangles_fill_their_boxes_whatever_their_size(size: tuple[int, int]) -> None:
    found = mean_shape_dice([[np.ones(size, np.uint8)], [np.ones((40, 41), np.uint8)] * 3])
    assert [group.tolist() for group in found] == [[1.0], [1.0, 1.0, 1.0]]


def test_nobody_is_predicted_by_their_own_shape() -> None:
    other = dice(SQUARE > 0, CORNER > 0)
    assert [group.tolist() for group in mean_shape_dice([[SQUARE, SQUARE], [CORNER]])] == [[other, other], [other]]


def test_patients_count_the_same_however_many_masks_they_have() -> None:
    # Of all eleven masks of the others most are squares; of the two patients only one has squares.
    first, _, _ = mean_shape_dice([[CORNER], [SQUARE] * 10, [CORNER]])
    assert first.tolist() == [1.0]


@pytest.mark.parametrize("side", [150, 24])
def test_a_shape_keeps_its_form_when_it_is_stretched(side: int) -> None:
    large = np.tri(side, dtype=np.uint8)
    for group in mean_shape_dice([[large], [CORNER]]):
        assert group[0] > 0.95


def test_without_others_there_is_no_mean_shape() -> None:
    found = mean_shape_dice([[SQUARE, CORNER], []])
    assert np.isnan(found[0]).all() and found[0].shape == (2,) and found[1].shape == (0,)
    assert [group.tolist() for group in mean_shape_dice([[], []])] == [[], []]
