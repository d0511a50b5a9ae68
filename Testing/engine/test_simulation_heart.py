"""The simulated heart: exact volumes, one invertible motion, walls as asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from echoapex.errors import EchoApexError
from echoapex.measure.volumes import biplane_volume, measure_cavity, single_plane_volume
from echoapex.simulation import TEST_SEEDS, VIEWS, draw_case
from echoapex.simulation.anatomy import fields, tissue
from echoapex.simulation.heart import MITRAL_TIP_LEVEL, PARASTERNAL_AZIMUTH_DEG, Heart, HeartShape, Tissue
from echoapex.simulation.imaging import Canvas, Imager
from echoapex.simulation.looks import TRAINING, Conditions, Look
from echoapex.simulation.presets import draw_placement
from echoapex.simulation.views import Placement, View, cut

seeds = st.integers(0, 5000)


def disks(heart: Heart, phase: float, count: int = 20) -> tuple[np.ndarray, np.ndarray, float]:
    """Diameters (mm) of A4C and A2C at the middles of ``count`` disks, and the length."""
    levels = (np.arange(count) + 0.5) / count
    a4c = 2 * heart.radius(levels, phase)
    return a4c, a4c * heart.shape.ellipticity, heart.length(phase)


@given(seeds)
@settings(max_examples=40)
def test_simpson_on_the_true_contours_returns_volumes_and_ef(seed: int) -> None:
    heart = draw_case("hard", seed).heart()
    volumes = []
    for phase, truth in ((0.0, heart.edv_ml), (heart.curve.es_phase, heart.esv_ml)):
        a4c, a2c, length = disks(heart, phase)
        volumes.append(biplane_volume(a4c, a2c, length, length))
        assert volumes[-1] == pytest.approx(truth, rel=0.006)
    assert 100 * (1 - volumes[1] / volumes[0]) == pytest.approx(100 * heart.shape.ef, abs=0.5)


@pytest.mark.parametrize("seed", [900_903, 900_921])
def test_simpson_on_the_true_masks_returns_the_ef(seed: int) -> None:
    """The way of any clip, from the label map: long axis, base at the atrium, disks perpendicular to it."""
    heart = draw_case("hard", seed).heart()
    look, conditions = Look("plain", width_deg=110), Conditions(depth_mm=190)
    canvas = Canvas.fit(360, 480, look, 190)
    imagers = [
        Imager(heart, Placement(view, 0.0, 20.0), look, conditions, seed=1, sampling=TRAINING)
        for view in (VIEWS["A4C"], VIEWS["A2C"])
    ]

    def volume(phase: float) -> float:
        a, b = (
            measure_cavity(labels == Tissue.LV, mm_per_px=(canvas.mm_per_px,) * 2, la_mask=labels == Tissue.LA)
            for labels in (imager.labels(phase, canvas) for imager in imagers)
        )
        return biplane_volume(a.diameters, b.diameters, a.axis.length, b.axis.length)

    edv, esv = volume(0.0), volume(heart.curve.es_phase)
    assert edv == pytest.approx(heart.edv_ml, rel=0.02)
    assert 100 * (1 - esv / edv) == pytest.approx(100 * heart.shape.ef, abs=0.5)


def test_single_plane_ef_equals_the_true_ef_in_both_views() -> None:
    heart = Heart(HeartShape(ef=0.43, ellipticity=0.9))
    for column in (0, 1):
        ed, es = (single_plane_volume(disks(heart, p)[column], disks(heart, p)[2]) for p in (0.0, heart.curve.es_phase))
        assert 100 * (1 - es / ed) == pytest.approx(43.0, abs=0.5)


@given(seeds, st.floats(0, 1))
@settings(max_examples=30)
def test_material_undoes_move_in_the_heart(seed: int, phase: float) -> None:
    heart = draw_case("hard", seed).heart()
    rng = np.random.default_rng(seed)
    points = rng.uniform([-60, -10, -40], [50, 130, 40], (4000, 3))
    label = tissue(heart, fields(heart, points))
    back = heart.material(heart.move(points, phase), phase)
    error = np.linalg.norm(back - points, axis=1)
    ventricle = np.isin(label, (Tissue.LV, Tissue.PAPILLARY, Tissue.LV_MYO))
    assert np.percentile(error[ventricle], 99) < 0.05
    assert np.percentile(error[label != Tissue.BACKGROUND], 99) < 1.0


@given(seeds, st.floats(0, 1))
@settings(max_examples=30)
def test_motion_keeps_the_cavity_the_cavity(seed: int, phase: float) -> None:
    """Points on the ED endocardium lie on the endocardium of every phase."""
    heart = draw_case("hard", seed).heart()
    level, azimuth = np.meshgrid(np.linspace(0.1, 0.98, 12), np.linspace(0, 2 * np.pi, 12))
    level, azimuth = level.ravel(), azimuth.ravel()
    y = level * heart.shape.length_mm
    radius = heart.radius(level, 0.0)
    q = heart.shape.ellipticity
    border = np.stack([radius * np.cos(azimuth) + heart.axis_offset(y), y, q * radius * np.sin(azimuth)], axis=1)
    moved = heart.move(border, phase)
    where, _, _ = heart.polar(moved)
    assert np.allclose(where, heart.radius(moved[:, 1] / heart.length(phase), phase), atol=0.05)


def test_motion_is_none_at_end_diastole() -> None:
    heart = Heart(HeartShape(bend=0.1))
    points = np.random.default_rng(0).uniform(-80, 120, (500, 3))
    assert np.allclose(heart.move(points, 0.0), points, atol=1e-3)


def test_walls_thicken_in_systole() -> None:
    heart = Heart(HeartShape(ef=0.6))
    y = 0.5 * heart.shape.length_mm
    inner, outer = float(heart.radius(np.array([0.5]), 0.0)[0]), 0.0
    outer = inner + heart.shape.lvpwd_mm
    moved = heart.move(np.array([[inner, y, 0.0], [outer, y, 0.0]]), heart.curve.es_phase)
    assert moved[1, 0] - moved[0, 0] > 1.2 * heart.shape.lvpwd_mm


@pytest.mark.parametrize(("ivsd", "lvpwd", "lvidd"), [(7.0, 15.0, 42.0), (16.0, 8.0, 61.0)])
def test_the_parasternal_line_has_the_walls_and_diameter_asked_for(ivsd: float, lvpwd: float, lvidd: float) -> None:
    heart = Heart(HeartShape(ivsd_mm=ivsd, lvpwd_mm=lvpwd, lvidd_mm=lvidd, length_mm=90))
    azimuth = np.deg2rad(PARASTERNAL_AZIMUTH_DEG)
    along = np.arange(-80, 80, 0.05)
    y = MITRAL_TIP_LEVEL * heart.shape.length_mm
    line = np.stack([along * np.cos(azimuth), np.full_like(along, y), along * np.sin(azimuth)], axis=1)
    f = fields(heart, line)
    inside = along[f.lv < 0]
    assert inside.max() - inside.min() == pytest.approx(lvidd, abs=0.2)
    wall = along[(f.epicardium < 0) & (f.lv >= 0)]
    # Basal to the widest level the wall tapers by at most 0.12 of its thickness.
    assert wall.max() - inside.max() == pytest.approx(ivsd, rel=0.07)
    assert inside.min() - wall.min() == pytest.approx(lvpwd, rel=0.07)


def test_overrides_are_obeyed_and_edv_is_solved_for() -> None:
    shape = draw_case("hard", 12, ef=0.31, ivsd_mm=14.0, lvidd_mm=55.0, edv_ml=180.0)
    heart = shape.heart()
    assert (heart.shape.ef, heart.shape.ivsd_mm, heart.shape.lvidd_mm) == (0.31, 14.0, 55.0)
    assert heart.edv_ml == pytest.approx(180.0, rel=1e-6)
    assert heart.esv_ml == pytest.approx(180.0 * 0.69, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"ef": 0.99}, "needs ef from 5 to 85 %.*99 %"),
        ({"ivsd_mm": float("nan")}, "needs ivsd_mm"),
        ({"lvidd_mm": float("inf")}, "needs lvidd_mm"),
        ({"heart_rate": 0.0}, "needs heart_rate"),
        ({"bend": float("nan")}, "needs finite"),
        ({"mass": 3.0}, "A heart has"),
        ({"edv_ml": 2000.0}, "needs an EDV from"),
        ({"edv_ml": float("nan")}, "needs an EDV from"),
    ],
)
def test_an_impossible_heart_is_refused(changes: dict[str, float], rule: str) -> None:
    with pytest.raises(EchoApexError, match=rule):
        draw_case("easy", 1, **changes)


def test_unknown_preset_and_view_are_refused_by_name() -> None:
    with pytest.raises(EchoApexError, match="easy, hard, shifted"):
        draw_case("harder", 1)
    with pytest.raises(EchoApexError, match="A4C, A2C"):
        draw_placement(draw_case("easy", 1), "PLAX")


def test_hard_leaves_a_constant_nothing_to_predict() -> None:
    shapes = [draw_case("hard", seed).shape for seed in range(300)]
    for name, low, high in (("ivsd_mm", 6, 17), ("lvpwd_mm", 6, 17), ("lvidd_mm", 35, 70), ("ef", 0.15, 0.78)):
        values = np.array([getattr(shape, name) for shape in shapes])
        assert low <= values.min() < low + 0.06 * (high - low)
        assert high - 0.06 * (high - low) < values.max() <= high
        # Uniform: the best constant is wrong by a quarter of the range on average.
        assert np.mean(np.abs(values - np.median(values))) == pytest.approx((high - low) / 4, rel=0.12)


def test_shifted_has_a_machine_and_a_pathology_that_hard_never_has() -> None:
    hard, shifted = ([draw_case(preset, seed) for seed in range(80)] for preset in ("hard", "shifted"))
    assert not {case.look.name for case in hard} & {case.look.name for case in shifted}
    assert all(case.shape.effusion_mm == 0 for case in hard)
    assert all(case.shape.effusion_mm >= 6 for case in shifted)


def test_both_views_cut_the_same_heart() -> None:
    """Base and apex lie at the same distance in A4C and A2C, whatever the placement."""
    heart = Heart(HeartShape(bend=0.0))
    for view in VIEWS.values():
        plane = cut(heart, Placement(view, 3.0, 15.0, tilt_deg=10.0))
        ends = np.array([[0.0, 0.0, 0.0], [0.0, heart.shape.length_mm, 0.0]])
        image = plane.to_image(ends)
        assert np.allclose(image[:, 2], 0, atol=1e-9)
        assert np.linalg.norm(image[1, :2] - image[0, :2]) == pytest.approx(heart.shape.length_mm)
        assert image[0, :2] == pytest.approx([3.0, 15.0])
        assert np.allclose(plane.to_heart(image), ends)


def test_a_short_axis_is_one_more_entry() -> None:
    """A view across the long axis shows the ring of myocardium around a round cavity of the known radius."""
    heart = Heart(HeartShape(bend=0.0, ellipticity=1.0, papillary=False))
    view = View("short axis", 225.0, 90.0, 0.6, 0.0, (70.0, 70.0), False, roll_deg=90.0)
    look = Look("plain", width_deg=95)
    imager = Imager(heart, Placement(view, 0.0, 70.0), look, Conditions(depth_mm=150), seed=1, sampling=TRAINING)
    canvas = Canvas.fit(300, 300, look, 150)
    labels = imager.labels(0.0, canvas)
    cavity = labels == Tissue.LV
    radius = float(heart.radius(np.array([0.6]), 0.0)[0])
    assert np.count_nonzero(cavity) * canvas.mm_per_px**2 == pytest.approx(np.pi * radius**2, rel=0.02)
    around = ndimage.binary_dilation(cavity, iterations=2) & ~cavity
    assert np.all(labels[around] == Tissue.LV_MYO)
    assert imager.picture(0.0, canvas)[labels == Tissue.LV_MYO].mean() > imager.picture(0.0, canvas)[cavity].mean() + 30


def test_true_labels_have_the_area_of_the_true_contour() -> None:
    heart = Heart(HeartShape(papillary=True))
    look, conditions = Look("plain", width_deg=100), Conditions(depth_mm=170)
    imager = Imager(heart, Placement(VIEWS["A4C"], 0.0, 20.0), look, conditions, seed=1, sampling=TRAINING)
    canvas = Canvas.fit(400, 400, look, 170)
    for phase in (0.0, heart.curve.es_phase):
        diameters, _, length = disks(heart, phase, 400)
        area = np.count_nonzero(imager.labels(phase, canvas) == Tissue.LV) * canvas.mm_per_px**2
        assert area == pytest.approx(diameters.mean() * length, rel=0.01)


def test_test_seeds_are_a_thousand() -> None:
    assert (TEST_SEEDS.start, len(TEST_SEEDS)) == (900_000, 1000)


def test_the_right_heart_is_not_in_a2c() -> None:
    heart = Heart(replace(HeartShape(), rv_width_mm=48.0))
    for view, seen in (("A4C", True), ("A2C", False)):
        look, conditions = Look("plain"), Conditions(depth_mm=170)
        imager = Imager(heart, Placement(VIEWS[view], 0.0, 20.0), look, conditions, seed=1, sampling=TRAINING)
        labels = imager.labels(0.0, Canvas.fit(200, 200, look, 170))
        assert bool(np.any(labels == Tissue.RV)) is seen
        assert np.any(labels == Tissue.LV) and np.any(labels == Tissue.LA)
