"""What a frame becomes before the model sees it: prompts that fit their targets, augmentation and strangers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from echoapex.simulation.heart import Tissue
from echoapex.training.augmentation import augment
from echoapex.training.prompt_sampling import Ask, corrected_by_click, draw_asks, shaken_box

STRUCTURES = (Tissue.LV, Tissue.LV_MYO, Tissue.LA, Tissue.AO)


@given(st.integers(0, 10_000))
def test_a_correcting_click_lies_in_the_largest_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, answer = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    target[10:40, 10:40] = True
    answer[10:40, 10:30], answer[50:55, 50:60], answer[12:15, 44:46] = True, True, True
    ask = corrected_by_click(Ask(target, box=shaken_box(target, rng)), answer, rng)
    assert ask.box is not None and ask.mask is not None
    assert ask.mask[12:38, 12:28].min() > 0 and ask.mask[~answer].mean() < 0
    ((x, y),), (sign,) = ask.points.astype(int), ask.signs
    assert sign == 1 and target[y, x] and not answer[y, x]
    over = corrected_by_click(ask, target | answer, rng)
    (x, y), sign = over.points[1].astype(int), over.signs[1]
    assert sign == 0 and 50 <= y < 55 and 50 <= x < 60
    assert corrected_by_click(ask, target, rng) is ask


def test_what_is_held_out_is_never_asked_for() -> None:
    label = np.zeros((64, 64), np.uint8)
    label[8:30, 10:40], label[34:60, 12:38], label[8:30, 44:60] = Tissue.LV, Tissue.LA, Tissue.AO
    for seed in range(300):
        rng = np.random.default_rng(seed)
        for ask in draw_asks(label, 3, (Tissue.LV, Tissue.LA), rng, held_out=(Tissue.AO,)):
            assert not np.any(ask.target & (label == Tissue.AO))


@given(st.integers(0, 10_000))
def test_prompts_point_at_what_they_ask_for(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = np.zeros((64, 64), np.uint8)
    label[8:30, 10:40], label[34:60, 12:38] = Tissue.LV, Tissue.LA
    for ask in draw_asks(label, 6, STRUCTURES, rng):
        if ask.points is not None and ask.signs is not None:
            for (x, y), sign in zip(ask.points.astype(int), ask.signs, strict=True):
                assert ask.target[y, x] == bool(sign)
        if ask.box is not None:
            # A box about two chambers of which a negative click takes one away is that of both.
            both = ask.signs is not None and not ask.signs.all() and label[ask.target].any()
            rows, columns = np.nonzero(label > 0 if both and ask.text == 0 and ask.mask is None else ask.target)
            tight = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
            side = np.array([np.ptp(columns), np.ptp(rows)] * 2)
            assert np.all(np.abs(ask.box - tight) <= 0.1 * side + 1e-4)
        if ask.text and ask.target.any():
            assert np.array_equal(ask.target, label == STRUCTURES[ask.text - 1])


def test_a_box_alone_never_means_a_wall() -> None:
    label = np.zeros((64, 64), np.uint8)
    label[8:56, 8:56], label[16:48, 16:48] = Tissue.LV_MYO, Tissue.LV
    asks = [ask for seed in range(300) for ask in draw_asks(label, 3, STRUCTURES, np.random.default_rng(seed))]
    boxed = [ask for ask in asks if ask.box is not None and ask.points is None]
    walls = [ask for ask in boxed if np.array_equal(ask.target, label == Tissue.LV_MYO)]
    cavities = [ask for ask in boxed if np.array_equal(ask.target, label == Tissue.LV)]
    assert len(walls) > 20 and all(ask.text and STRUCTURES[ask.text - 1] == Tissue.LV_MYO for ask in walls)
    assert sum(not ask.text for ask in cavities) > 20


def test_a_shaken_box_stays_in_the_frame() -> None:
    target = np.ones((40, 40), bool)
    for seed in range(20):
        box = shaken_box(target, np.random.default_rng(seed))
        assert box.min() >= 0
        assert box.max() <= 39
    wide = np.zeros((30, 60), bool)
    wide[5:25, 40:58] = True
    for seed in range(20):
        x0, y0, x1, y1 = shaken_box(wide, np.random.default_rng(seed))
        assert abs(x0 - 40) <= 1.7 and abs(x1 - 57) <= 1.7 and x1 <= 59
        assert abs(y0 - 5) <= 1.9 and abs(y1 - 24) <= 1.9


def test_augmentation_moves_picture_labels_and_points_together() -> None:
    """A bright square labeled LV stays bright where it is labeled, and its center stays its center."""
    image, label = np.full((96, 96), 20, np.uint8), np.zeros((96, 96), np.uint8)
    image[30:71, 25:60], label[30:71, 25:60] = 220, Tissue.LV
    center = np.array([[42.0, 50.0], [np.nan, np.nan]])
    for seed in range(25):
        picture, moved, points = augment(image, label, center, 64, np.random.default_rng(seed))
        assert picture.shape == moved.shape == (64, 64)
        assert set(np.unique(moved)) <= {0, int(Tissue.LV)}
        assert np.isnan(points[1]).all()
        inside = moved == Tissue.LV
        if inside.sum() > 50 and (~inside).sum() > 50:
            assert picture[inside].mean() > picture[~inside].mean() + 5
        rows, columns = np.nonzero(inside)
        if rows.size and min(rows.min(), columns.min()) > 0 and max(rows.max(), columns.max()) < 63:
            assert points[0] == pytest.approx([columns.mean(), rows.mean()], abs=0.6)


def test_as_many_are_mirrored_as_wanted_and_tone_is_left_alone_where_wanted() -> None:
    """The LV on the left of the RV: after mirroring it is on the right."""
    image, label = np.full((96, 96), 60, np.uint8), np.zeros((96, 96), np.uint8)
    label[30:66, 30:48], label[30:66, 48:66] = Tissue.LV, Tissue.RV
    sides, gains = {0.0: 0, 0.5: 0, 1.0: 0}, {0.0: [], 1.0: []}
    for seed in range(40):
        for mirrored in sides:
            rng = np.random.default_rng(seed)
            moved = augment(image, label, np.zeros((0, 2)), 96, rng, mirrored=mirrored)[1]
            left, right = (np.argwhere(moved == tissue)[:, 1].mean() for tissue in (Tissue.LV, Tissue.RV))
            sides[mirrored] += bool(left > right)
        for tone, found in gains.items():
            picture, moved, _ = augment(image, label, np.zeros((0, 2)), 96, np.random.default_rng(seed), tone=tone)
            found.append(float(np.percentile(picture[moved > 0], 90)))
    assert sides[0.0] == 0 and 8 <= sides[0.5] <= 32 and sides[1.0] == 40
    assert np.std(gains[1.0]) > 3 * np.std(gains[0.0])


def test_nothing_is_laid_over_what_lies_outside_the_sector() -> None:
    y, x = np.mgrid[:96, :96]
    disk = np.hypot(x - 48, y - 48) < 24
    image, label = np.where(disk, 90, 0).astype(np.uint8), disk.astype(np.uint8)
    image[40:56, 40:56] = 0
    filled = 0
    for seed in range(40):
        picture, moved, _ = augment(image, label, np.zeros((0, 2)), 96, np.random.default_rng(seed))
        near = ndimage.binary_dilation(moved > 0, iterations=10)
        # Compression may turn black into 1.
        assert near.all() or np.mean(picture[~near]) <= 1, seed
        filled += int(np.count_nonzero(picture[ndimage.binary_erosion(moved > 0, iterations=3)] == 0) == 0)
    assert 5 <= filled <= 35, "black cavities are hazy in some and black in others"


def test_echoes_within_a_cavity_are_sometimes_missing_and_never_those_of_its_walls() -> None:
    """A bright leaflet across a dark cavity, hinged at its wall."""
    label = np.zeros((96, 96), np.uint8)
    label[20:76, 24:72] = Tissue.LV
    image = np.where(label > 0, 30, 150).astype(np.uint8)
    image[46:50, 24:72] = 240
    contrast = []
    for seed in range(40):
        picture, moved, _ = augment(image, label, np.zeros((0, 2)), 96, np.random.default_rng(seed))
        rows, columns = (np.flatnonzero((moved > 0).any(axis)) for axis in (1, 0))
        if rows.size < 30 or columns.size < 20:
            continue
        column = picture[rows[0] + 8 : rows[-1] - 7, round(float(columns.mean()))].astype(int)
        wall = picture[moved == 0]
        assert wall[wall > 0].mean() > np.median(column), seed
        contrast.append(int(column.max() - np.median(column)))
    lost = sum(difference <= 40 for difference in contrast)
    assert 5 <= lost <= 25 and max(contrast) >= 100, "in some"


def test_a_stranger_is_told_from_what_surrounds_it_and_unlabeled() -> None:
    from echoapex.training.unknown_objects import add_stranger

    rng = np.random.default_rng(0)
    image, label = rng.integers(60, 120, (160, 160)).astype(np.uint8), np.zeros((160, 160), np.uint8)
    label[50:120, 40:110] = Tissue.LV
    drawn = [found for _ in range(60) if (found := add_stranger(image, label, rng)) is not None]
    assert len(drawn) > 30
    for picture, left, where in drawn:
        assert np.array_equal(left == 0, where | (label == 0))
        assert np.count_nonzero(where) >= 60
        assert abs(float(picture[where].mean()) - float(image[~where].mean())) > 5
