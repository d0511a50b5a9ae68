"""Apex and base of masks whose landmarks are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from measure_phantoms import ellipse_mask, landmarks_mm, to_mm

from echoapex.errors import MeasureError
from echoapex.measure.long_axis import BaseSource, clean_cavity, contour_points, find_long_axis

MM = (0.5, 0.5)


def _disk(shape, center_xy, radius):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (x - center_xy[0]) ** 2 + (y - center_xy[1]) ** 2 <= radius**2


@settings(max_examples=40, deadline=None)
@given(
    angle=st.floats(-180, 180),
    width=st.floats(32, 60),
    elongation=st.floats(1.15, 2.2),
    cut=st.floats(0.0, 0.75),
    mm_per_px=st.sampled_from([(0.5, 0.5), (0.5, 0.9), (1.0, 0.6)]),
)
@example(angle=1.5, width=53.40234375, elongation=1.15, cut=0.0, mm_per_px=(1.0, 0.6))
@example(angle=90.0, width=32.0, elongation=1.15234375, cut=0.0, mm_per_px=(1.0, 0.6))
def test_landmarks_of_any_pose(angle, width, elongation, cut, mm_per_px):
    length = min(width * elongation, 100.0)
    mask, _ = ellipse_mask(width, length, cut=cut, angle_deg=angle, mm_per_px=mm_per_px)
    axis = find_long_axis(mask, mm_per_px=mm_per_px)
    apex, base, half_base = landmarks_mm(width, length, cut=cut, angle_deg=angle)
    corners = [to_mm(corner, mask.shape, mm_per_px) for corner in axis.corners]
    assert np.linalg.norm(to_mm(axis.base, mask.shape, mm_per_px) - base) < 1.8
    assert np.linalg.norm(to_mm(axis.apex, mask.shape, mm_per_px) - apex) < 0.12 * width
    assert np.linalg.norm(corners[0] - corners[1]) == pytest.approx(2 * half_base, abs=4.0)
    # What a mask can tell: of 4000 poses the worst was 1.04 diagonals of a pixel away.
    assert axis.length == pytest.approx(length, abs=1.2 * np.hypot(*mm_per_px))
    assert axis.base_source is BaseSource.FLAT_EDGE


def test_known_pixel_positions():
    mask = np.zeros((60, 40), bool)
    mask[10:50, 12:29] = True
    mask[10:14, 12:18] = mask[10:14, 23:29] = False
    axis = find_long_axis(mask)
    # The base is the lower edge of the block: half a pixel below the center of row 49.
    assert axis.base == pytest.approx((20.0, 49.5), abs=0.4)
    assert sorted(corner[0] for corner in axis.corners) == pytest.approx([11.5, 28.5], abs=0.5)
    assert axis.apex[1] == pytest.approx(9.5, abs=0.5)


def test_direction_honors_the_shape_of_pixels():
    mask, _ = ellipse_mask(45, 85, angle_deg=-45, mm_per_px=(0.5, 1.0))
    axis = find_long_axis(mask, mm_per_px=(0.5, 1.0))
    assert axis.direction((0.5, 1.0)) == pytest.approx(np.array([1, -1]) / np.sqrt(2), abs=0.06)


def test_atrium_decides_which_end_of_a_plain_ellipse_is_the_base():
    mask, _ = ellipse_mask(48, 88, cut=1.0, angle_deg=-90)
    rows, columns = mask.shape
    middle = (columns - 1) / 2
    for sign in (1, -1):
        atrium = _disk(mask.shape, (middle, (rows - 1) / 2 + sign * (88 + 30)), 36) & ~mask
        axis = find_long_axis(mask, mm_per_px=MM, la_mask=atrium)
        assert sign * (axis.base[1] - axis.apex[1]) > 0
        assert axis.base_source is BaseSource.LA_INTERFACE


def test_adjoining_atrium_places_the_base():
    # The lower part of an ellipse is given to the atrium by an oblique annulus.
    whole, _ = ellipse_mask(50, 100, cut=1.0, angle_deg=-90)
    rows, columns = whole.shape
    y, x = np.mgrid[:rows, :columns]
    plane = (y - (rows - 1) / 2) + 0.3 * (x - (columns - 1) / 2) - 60
    ventricle, atrium = whole & (plane <= 0), whole & (plane > 0)
    axis = find_long_axis(ventricle, mm_per_px=MM, la_mask=atrium)
    assert axis.base_source is BaseSource.LA_INTERFACE
    for cx, cy in (*axis.corners, axis.base):
        assert (cy - (rows - 1) / 2) + 0.3 * (cx - (columns - 1) / 2) - 60 == pytest.approx(0, abs=2.5)
    dx, dy = np.subtract(axis.corners[0], axis.corners[1])
    assert dy / dx == pytest.approx(-0.3, abs=0.06)


def test_distant_atrium_only_tells_the_side():
    mask, _ = ellipse_mask(48, 80, cut=1.0, angle_deg=-90)
    rows, columns = mask.shape
    atrium = _disk(mask.shape, ((columns - 1) / 2, 15), 10)
    axis = find_long_axis(mask, mm_per_px=MM, la_mask=atrium)
    assert axis.base_source is BaseSource.FLAT_EDGE
    assert axis.base[1] < axis.apex[1]


def test_interface_and_flat_edge_agree():
    mask, _ = ellipse_mask(50, 88, cut=0.4, angle_deg=-65)
    direction = np.array([np.cos(np.deg2rad(-65)), np.sin(np.deg2rad(-65))])
    center = (np.array(mask.shape[::-1]) - 1) / 2 - direction * (88 + 25)
    atrium = _disk(mask.shape, center, 40) & ~mask
    plain, helped = find_long_axis(mask, mm_per_px=MM), find_long_axis(mask, mm_per_px=MM, la_mask=atrium)
    assert helped.base_source is BaseSource.LA_INTERFACE
    assert np.linalg.norm(np.subtract(plain.base, helped.base)) < 2.0


def test_apex_direction_decides_where_the_shape_does_not():
    mask, _ = ellipse_mask(48, 88, cut=1.0, angle_deg=-90)
    up = find_long_axis(mask, mm_per_px=MM, apex_direction=np.array([0.1, -1.0]))
    down = find_long_axis(mask, mm_per_px=MM, apex_direction=np.array([0.1, 1.0]))
    assert up.apex[1] < up.base[1]
    assert down.apex[1] > down.base[1]


def test_specks_and_holes_change_nothing():
    mask, _ = ellipse_mask(50, 88, angle_deg=-80)
    dirty = mask.copy()
    dirty[3:8, 3:9] = True
    dirty[mask.shape[0] // 2, mask.shape[1] // 2] = False
    assert find_long_axis(dirty, mm_per_px=MM) == find_long_axis(mask, mm_per_px=MM)
    assert np.array_equal(clean_cavity(dirty), mask)


def test_ragged_outline():
    mask, _ = ellipse_mask(50, 88, cut=0.4, angle_deg=-80)
    rng = np.random.default_rng(5)
    edge = mask ^ np.roll(mask, 1, axis=0) | mask ^ np.roll(mask, 1, axis=1)
    ragged = mask ^ (edge & (rng.random(mask.shape) < 0.4))
    axis = find_long_axis(ragged, mm_per_px=MM)
    assert axis.length == pytest.approx(88, rel=0.03)
    assert axis.direction(MM) == pytest.approx([np.cos(np.deg2rad(-80)), np.sin(np.deg2rad(-80))], abs=0.12)


def test_mask_at_the_border_of_the_frame():
    mask, _ = ellipse_mask(50, 88, angle_deg=-90)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    tight = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    tight_axis, axis = find_long_axis(tight, mm_per_px=MM), find_long_axis(mask, mm_per_px=MM)
    assert tight_axis.length == pytest.approx(axis.length)
    assert np.add(tight_axis.apex, (columns[0], rows[0])) == pytest.approx(np.array(axis.apex))


def test_integer_masks_are_the_same_as_bool():
    mask, _ = ellipse_mask(50, 88)
    assert find_long_axis(mask.astype(np.uint8), mm_per_px=MM) == find_long_axis(mask, mm_per_px=MM)


def test_contour_lies_half_a_pixel_outside_the_pixel_centers():
    mask = np.zeros((50, 50), bool)
    mask[10:41, 5:31] = True
    points = contour_points(mask)
    assert points.min(axis=0) == pytest.approx([4.5, 9.5], abs=0.02)
    assert points.max(axis=0) == pytest.approx([30.5, 40.5], abs=0.02)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((40, 40), bool), "no left ventricle"),
        (np.pad(np.ones((4, 4), bool), 10), "at least 30 pixels"),
        (np.pad(np.ones((1, 60), bool), 5), "at least 3 rows"),
        (np.ones((40, 40), float), "bool or integer"),
        (np.ones((3, 40, 40), bool), "bool or integer"),
    ],
)
def test_masks_that_cannot_be_measured_are_refused(mask, words):
    with pytest.raises(MeasureError, match=words):
        find_long_axis(mask)


def test_chambers_of_different_frames_are_refused():
    mask, _ = ellipse_mask(50, 88)
    with pytest.raises(MeasureError, match="same size"):
        find_long_axis(mask, la_mask=np.ones((10, 10), bool))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), density=st.floats(0.0, 1.0))
def test_hostile_masks_are_measured_or_refused(seed, density):
    mask = np.random.default_rng(seed).random((24, 31)) < density
    try:
        axis = find_long_axis(mask, mm_per_px=(0.7, 0.4))
    except MeasureError:
        return
    assert np.isfinite(axis.length)
    assert axis.length > 0
