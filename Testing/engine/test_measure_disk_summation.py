"""Volume formulas against plain arithmetic, and measured volumes against exact shapes."""

from __future__ import annotations

import numpy as np
import pytest
from measure_phantoms import ellipse_mask

from echoapex.errors import MeasureError
from echoapex.measure.disk_summation import (
    DISKS,
    area_length_volume,
    biplane_volume,
    measure_cavity,
    single_plane_volume,
)

WIDTH, LENGTH = 50.0, 90.0
EXACT = np.pi / 6 * 5.0**2 * 9.0
LEVELS = (np.arange(DISKS) + 0.5) / DISKS


def test_an_exact_spheroid():
    assert pytest.approx(117.810, abs=5e-4) == EXACT


def test_twenty_midpoint_disks_of_a_spheroid():
    diameters = WIDTH * np.sqrt(1 - (2 * LEVELS - 1) ** 2)
    assert single_plane_volume(diameters, LENGTH) == pytest.approx(117.957, abs=5e-4)


def test_twenty_midpoint_disks_of_half_an_ellipsoid():
    diameters = WIDTH * np.sqrt(1 - LEVELS**2)
    assert single_plane_volume(diameters, LENGTH) == pytest.approx(117.847, abs=5e-4)


@pytest.mark.parametrize(("width", "length"), [(50.0, 90.0), (38.0, 71.0)])
def test_area_length_is_exact_for_a_whole_ellipse(width, length):
    volume = area_length_volume(np.pi / 4 * width * length, length)
    assert volume == pytest.approx(np.pi / 6 * width**2 * length / 1000)


def test_area_length_is_exact_for_half_an_ellipse():
    # Half an ellipse of length 90 has the area pi/4 * 50 * 90 too, and the volume of the whole spheroid.
    assert area_length_volume(np.pi / 4 * WIDTH * LENGTH, LENGTH) == pytest.approx(117.810, abs=5e-4)


def test_biplane_takes_the_longer_axis_and_both_diameters():
    a, b = np.full(20, 40.0), np.full(20, 50.0)
    assert biplane_volume(a, b, 80.0, 90.0) == pytest.approx(np.pi / 4 * 40 * 50 * 90 / 1000)
    assert biplane_volume(b, a, 90.0, 80.0) == biplane_volume(a, b, 80.0, 90.0)


def test_biplane_of_equal_views_is_single_plane():
    diameters = np.linspace(50, 5, 20)
    assert biplane_volume(diameters, diameters, 85.0, 85.0) == single_plane_volume(diameters, 85.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: biplane_volume(np.ones(20), np.ones(19), 80, 80),
        lambda: biplane_volume([], [], 80, 80),
        lambda: single_plane_volume(np.full(20, np.nan), 80),
        lambda: single_plane_volume(-np.ones(20), 80),
        lambda: single_plane_volume(np.ones(20), np.inf),
        lambda: area_length_volume(3000.0, 0.0),
        lambda: area_length_volume(-1.0, 80.0),
    ],
)
def test_impossible_sizes_are_refused(call):
    with pytest.raises(MeasureError):
        call()


@pytest.mark.parametrize("mm_per_px", [(0.5, 0.5), (0.4, 0.8), (1.1, 0.45)])
@pytest.mark.parametrize("angle_deg", [-90, -65, 0, 37, 90, 180, 222])
@pytest.mark.parametrize("flip", [False, True])
def test_volume_does_not_depend_on_pose_or_pixel_shape(mm_per_px, angle_deg, flip):
    mask, exact = ellipse_mask(WIDTH, LENGTH, angle_deg=angle_deg, mm_per_px=mm_per_px, flip=flip)
    shape = measure_cavity(mask, mm_per_px=mm_per_px)
    assert shape.axis.unit == "mm"
    assert shape.disk_volume == pytest.approx(exact, rel=0.012)
    # Area counts whole pixels, and enters squared.
    assert shape.area_length_volume == pytest.approx(exact, rel=0.02)
    assert shape.axis.length == pytest.approx(LENGTH, rel=0.01)


@pytest.mark.parametrize("cut", [0.0, 0.4, 0.7])
@pytest.mark.parametrize(("width", "length"), [(30.0, 75.0), (62.0, 80.0), (55.0, 62.0)])
def test_slender_and_round_ventricles(cut, width, length):
    mask, exact = ellipse_mask(width, length, cut=cut, angle_deg=-72)
    assert measure_cavity(mask, mm_per_px=(0.5, 0.5)).disk_volume == pytest.approx(exact, rel=0.012)


@pytest.mark.parametrize("angle_deg", [-90, -50, 10, 135])
def test_whole_ellipse_without_any_base(angle_deg):
    mask, exact = ellipse_mask(WIDTH, LENGTH, cut=1.0, angle_deg=angle_deg)
    assert exact == pytest.approx(EXACT)
    assert measure_cavity(mask, mm_per_px=(0.5, 0.5)).disk_volume == pytest.approx(exact, rel=0.012)


def test_coarse_masks_of_112_pixels():
    mask, exact = ellipse_mask(WIDTH, LENGTH, angle_deg=-80, mm_per_px=(1.2, 1.2))
    assert measure_cavity(mask, mm_per_px=(1.2, 1.2)).disk_volume == pytest.approx(exact, rel=0.02)


def test_disks_add_up_to_the_area():
    mask, _ = ellipse_mask(WIDTH, LENGTH, cut=0.5, angle_deg=-61, mm_per_px=(0.4, 0.7))
    shape = measure_cavity(mask, mm_per_px=(0.4, 0.7))
    assert shape.diameters.shape == (DISKS,)
    assert shape.diameters.mean() * shape.axis.length == pytest.approx(shape.area, rel=0.01)
    assert shape.area == pytest.approx(mask.sum() * 0.4 * 0.7)
    assert shape.area_px == mask.sum()


def test_diameters_run_from_base_to_apex():
    mask, _ = ellipse_mask(WIDTH, LENGTH, angle_deg=30)
    diameters = measure_cavity(mask, mm_per_px=(0.5, 0.5)).diameters
    assert diameters == pytest.approx(WIDTH * np.sqrt(1 - LEVELS**2), abs=1.2)


def test_without_a_scale_everything_is_in_pixels():
    mask, exact = ellipse_mask(WIDTH, LENGTH)
    shape = measure_cavity(mask)
    assert shape.axis.unit == "px"
    assert shape.axis.length == pytest.approx(LENGTH / 0.5, rel=0.01)
    assert shape.disk_volume == pytest.approx(exact / 0.5**3, rel=0.012)


def test_volume_follows_a_small_change_smoothly():
    # Frame-to-frame jitter would show up as beats that are not there.
    exact, measured = [], []
    for width in np.linspace(44.0, 45.0, 15):
        mask, volume = ellipse_mask(width, 85.0, angle_deg=-74, mm_per_px=(0.6, 0.6))
        exact.append(volume)
        measured.append(measure_cavity(mask, mm_per_px=(0.6, 0.6)).disk_volume)
    ratio = np.array(measured) / np.array(exact)
    assert ratio.std() < 0.003
