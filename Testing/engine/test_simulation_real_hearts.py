"""Hearts as they are: no bodies of revolution, with muscle inside of the compacted border, in real sectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from echoapex.simulation import TEST_SEEDS, draw_case, simulate_clip
from echoapex.simulation.anatomy import fields, tissue
from echoapex.simulation.cavity_muscle import chordae, false_tendons, papillary_ends
from echoapex.simulation.heart import Heart, HeartShape, Tissue
from echoapex.simulation.presets import draw_placement
from echoapex.simulation.ultrasound_imaging import Canvas, Imager
from echoapex.simulation.vendor_looks import TRAINING, Conditions, Look
from echoapex.simulation.view_planes import VIEWS, Placement

REAL = HeartShape(
    widest=0.72,
    base_ratio=0.88,
    septal_straightness=0.7,
    trabecular_apex=0.08,
    trabecular_lateral=0.04,
    trabecular_septum=0.005,
    papillary_mm=9.0,
    false_tendons=1,
)
PLAIN = Look("plain", width_deg=110)
AXIS = np.linspace(0.02, 0.98, 80)


def border(heart: Heart, side: float) -> np.ndarray:
    """Distance of the endocardium from the long axis in A4C, along it; side 1 is lateral and -1 septal."""
    return heart.endocardium(AXIS, np.full(80, side), np.zeros(80), 0.0)


def bow(distance: np.ndarray) -> float:
    """How far a border bows out of the straight line from the apex to the annulus, in mm."""
    return float(np.max(distance - AXIS * distance[-1]))


def imaged(shape: HeartShape, **conditions: float) -> tuple[Imager, Canvas]:
    how = Conditions(depth_mm=160, **conditions)
    imager = Imager(Heart(shape), Placement(VIEWS["A4C"], 0.0, 25.0), PLAIN, how, seed=1, sampling=TRAINING)
    return imager, Canvas.around(240, 240, PLAIN, how)


def test_the_septum_is_straight_and_the_lateral_wall_curved() -> None:
    round_heart, real = Heart(replace(REAL, septal_straightness=0.0)), Heart(REAL)
    assert bow(border(real, -1)) < 0.45 * bow(border(round_heart, -1))
    assert bow(border(real, 1)) > 1.3 * bow(border(round_heart, 1))
    assert border(real, 1) + border(real, -1) == pytest.approx(2 * real.radius(AXIS, 0.0))


@pytest.mark.parametrize("stunned", [0.0, 0.9])
@pytest.mark.parametrize("growth", [1.0, 0.5])
def test_the_volume_of_the_cavity_is_the_volume_told(stunned: float, growth: float) -> None:
    """Counted in three dimensions, at end-diastole and end-systole."""
    adult = replace(REAL, stunned=stunned, stunned_azimuth_deg=60.0, ef=0.55)
    lengths = {name: getattr(adult, name) * growth for name in vars(adult) if name.endswith("_mm")}
    heart, step = Heart(replace(adult, growth=growth, **lengths)), 1.5 * growth
    grid = np.stack(
        np.meshgrid(*(np.arange(a * growth, b * growth, step) for a, b in ((-45, 55), (-3, 90), (-45, 45)))), -1
    )
    points = grid.reshape(-1, 3)
    for phase, told in ((0.0, heart.edv_ml), (heart.curve.es_phase, heart.esv_ml)):
        label = tissue(heart, fields(heart, heart.material(points, phase)))
        counted = np.count_nonzero((label == Tissue.LV) | (label == Tissue.PAPILLARY)) * step**3 / 1000
        assert counted == pytest.approx(told, rel=0.012)


def test_trabeculae_and_papillary_muscles_belong_to_the_cavity() -> None:
    imager, canvas = imaged(REAL)
    bare, _ = imaged(replace(REAL, trabecular_apex=0.0, trabecular_lateral=0.0, trabecular_septum=0.0, papillary=False))
    labels = imager.labels(0.0, canvas)
    assert np.array_equal(labels, bare.labels(0.0, canvas))
    assert Tissue.PAPILLARY not in labels
    cavity, inner = labels == Tissue.LV, imager.lv_without_trabeculae(0.0, canvas)
    assert np.all(cavity[inner])
    assert np.array_equal(bare.lv_without_trabeculae(0.0, canvas), cavity)
    rows, columns = np.nonzero(cavity & ~inner)
    layer, middle = canvas.mm_per_px**2 * rows.size, np.nonzero(cavity)[1].mean()
    assert 0.08 < layer / (canvas.mm_per_px**2 * np.count_nonzero(cavity)) < 0.35
    below = rows > np.nonzero(cavity)[0].min() + 0.3 * np.ptp(np.nonzero(cavity)[0])
    assert np.count_nonzero(columns[below] > middle) > 3 * np.count_nonzero(columns[below] < middle)


def test_the_layer_at_the_apex_is_as_thick_as_asked_for() -> None:
    heart = Heart(REAL)
    down = np.arange(0.05, 20, 0.05)
    f = fields(heart, np.stack([np.zeros_like(down), down, np.zeros_like(down)], axis=1))
    thickness = float(down[f.trabecular < 1].max())
    assert thickness == pytest.approx(0.08 * heart.shape.length_mm, rel=0.25)


def test_muscle_in_the_cavity_is_seen() -> None:
    quiet = dict(haze=0.0, clutter=0.0, noise_db=-90.0, trabeculation=0.0, wall_fade_db=6.0, layer_db=10.0)
    shape = replace(REAL, papillary_azimuth_deg=38.0)
    pictures = []
    for drawn in (shape, replace(shape, papillary=False)):
        imager, canvas = imaged(drawn, **quiet)
        pictures.append(imager.picture(0.0, canvas).astype(float))
        labels = imager.labels(0.0, canvas)
    f = fields(Heart(shape), imager.heart.material(imager.plane.to_heart(canvas.points()), 0.0))
    papillary = (f.papillary < -1).reshape(labels.shape) & (labels == Tissue.LV)
    assert np.count_nonzero(papillary) > 30
    assert pictures[0][papillary].mean() > pictures[1][papillary].mean() + 20
    layer = (labels == Tissue.LV) & (f.trabecular < 0.7).reshape(labels.shape)
    assert pictures[1][layer].mean() > pictures[1][imager.lv_without_trabeculae(0.0, canvas)].mean() + 10


def test_a_free_wall_grows_brighter_outwards() -> None:
    quiet = dict(haze=0.0, clutter=0.0, noise_db=-90.0, shadows=0, dropouts=0, gain_field_db=0.0, texture_db=0.5)
    shape = replace(REAL, lvpwd_mm=14.0, trabecular_lateral=0.06)
    means = []
    for fade in (0.0, 18.0):
        imager, canvas = imaged(shape, wall_fade_db=fade, layer_db=10.0, **quiet)
        picture, points = imager.picture(0.0, canvas), imager.plane.to_heart(canvas.points())
        f = fields(imager.heart, points)
        wall = (f.cosine > 0.5) & (f.epicardium < 0) & (np.abs(f.level - 0.5) < 0.2)
        means.append([picture.ravel()[wall & (f.lv > a) & (f.lv <= a + 3)].mean() for a in (0.5, 9.5)])
    rises = [outer - inner for inner, outer in means]
    assert rises[1] > 25
    assert rises[1] > rises[0] + 20


def test_strands_hang_in_the_cavity_and_move_with_it() -> None:
    heart = Heart(REAL)
    tips = [np.array([5.0, 62.0, 0.0])]
    for phase in (0.0, heart.curve.es_phase):
        strands = [*chordae(heart, phase, tips), *false_tendons(heart, phase)]
        assert len(strands) == 3
        for strand in strands:
            inside = fields(heart, heart.material(strand[2:-2], phase)).lv
            assert inside.max() < 0.5
    for root, head in papillary_ends(heart):
        assert -3 < fields(heart, root[None]).lv[0] < 0
        assert fields(heart, head[None]).lv[0] < -5
    assert chordae(Heart(HeartShape()), 0.0, tips) == []


def test_what_the_display_cuts_off_is_no_part_of_the_sector() -> None:
    imager, canvas = imaged(REAL, cut_left_mm=40.0, cut_right_mm=50.0, cut_top_mm=10.0)
    x, d = canvas.points()[imager.in_sector(canvas).ravel()].T
    assert -40 < x.min() < -38 and 48 < x.max() < 50 and 10 <= d.min() < 12
    assert not imager.labels(0.0, canvas)[~imager.in_sector(canvas)].any()
    whole, around = imaged(REAL)
    assert around == Canvas.fit(240, 240, PLAIN, 160)
    share = imager.in_sector(canvas).mean()
    assert share > whole.in_sector(around).mean() + 0.1


def test_some_hearts_are_childrens() -> None:
    cases = [draw_case("hard", seed) for seed in range(400)]
    children = [case for case in cases if case.shape.growth < 1]
    assert 0.04 < len(children) / len(cases) < 0.13
    for case in children[:12]:
        assert 90 <= case.shape.heart_rate <= 160
        depth = draw_placement(case, "A4C")[1].depth_mm
        assert 25 < depth < 140
        assert case.shape.grown().lvidd_mm == pytest.approx(case.shape.lvidd_mm / case.shape.growth)
    depths = [draw_placement(case, "A4C")[1].depth_mm for case in children]
    assert 40 < np.median(depths) < 100


def test_a_heart_of_which_a_size_is_asked_for_is_an_adults() -> None:
    child = next(seed for seed in range(400) if draw_case("hard", seed).shape.growth < 1)
    assert draw_case("hard", child, lvidd_mm=50.0).shape.growth == 1
    assert draw_case("hard", child, ef=0.5).shape.growth < 1


def test_a_childs_heart_is_a_small_picture_of_an_adults() -> None:
    child = Heart(draw_case("hard", next(s for s in range(400) if draw_case("hard", s).shape.growth < 1)).shape)
    growth, points = child.shape.growth, np.random.default_rng(3).uniform(-40, 90, (500, 3))
    assert child.edv_ml == pytest.approx(growth**3 * child.grown.edv_ml)
    assert child.move(growth * points, 0.3) == pytest.approx(growth * child.grown.move(points, 0.3))
    assert np.array_equal(
        tissue(child, fields(child, growth * points)), tissue(child.grown, fields(child.grown, points))
    )


@pytest.mark.parametrize(("preset", "lvidd", "length"), [("hard-1", 64.434, 112.0), ("shifted-1", 64.434, 112.0)])
def test_the_first_hearts_are_drawn_as_they_were(preset: str, lvidd: float, length: float) -> None:
    shape = draw_case(preset, TEST_SEEDS[0]).shape
    assert (shape.septal_straightness, shape.trabecular_apex, shape.papillary_mm, shape.growth) == (0, 0, 0, 1)
    assert (shape.lvidd_mm, shape.length_mm) == pytest.approx((lvidd, length), abs=0.01)


def test_the_ventricle_lies_in_the_picture() -> None:
    """But for a rim that sides of the fan or of the display cut off."""
    lost = []
    for seed in range(40):
        case = draw_case("hard", seed)
        placement, conditions = draw_placement(case, "A4C")
        imager = Imager(case.heart(), placement, case.look, conditions, seed=seed, sampling=TRAINING)
        canvas = Canvas.around(96, 96, case.look, conditions)
        points = canvas.points()
        label = tissue(imager.heart, fields(imager.heart, imager.plane.to_heart(points)))
        cavity = (label == Tissue.LV) | (label == Tissue.PAPILLARY)
        lost.append(1 - (cavity & imager.in_sector(canvas).ravel()).sum() / cavity.sum())
    assert np.median(lost) < 0.02
    assert max(lost) < 0.35


def test_a_clip_of_a_child_tells_its_true_sizes() -> None:
    seed = next(seed for seed in range(400) if draw_case("hard", seed).shape.growth < 1)
    clip = simulate_clip(draw_case("hard", seed), "PLAX", rows=150, columns=200, sampling=TRAINING, max_frames=4)
    inner, outer = (clip.landmarks().points[:, k] for k in (1, 2))
    told = np.linalg.norm(inner - outer, axis=1) * clip.canvas.mm_per_px
    assert np.all(told < 1.02 * clip.case.shape.lvidd_mm)
    assert np.all(told > 0.35 * clip.case.shape.lvidd_mm)
