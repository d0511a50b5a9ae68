"""Stenosed aortic valves: their area, grade and motion, what a picture shows of them; studies of one heart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from echoapex.errors import EchoApexError
from echoapex.simulation import PRESETS, draw_case
from echoapex.simulation.aortic_valve import (
    AorticStenosis,
    draw_valve,
    largest_area_cm2,
    opening,
    opening_mm2,
    orifice,
    stenosis_of,
    thick_cusps,
)
from echoapex.simulation.heart import Heart, HeartShape
from echoapex.simulation.heart_places import TO_ROOT
from echoapex.simulation.presets import draw_placement
from echoapex.simulation.study_clips import draw_study_case, study_clips
from echoapex.simulation.ultrasound_imaging import Canvas, Imager
from echoapex.simulation.valves import leaflets
from echoapex.simulation.vendor_looks import TRAINING, Conditions, Look
from echoapex.simulation.view_planes import VIEWS, Placement

PLAX, PSAX_AV = (Placement(VIEWS[name], 0.0, 15.0) for name in ("PLAX", "PSAX_AV"))
DRAWN = {
    "easy": (47.052660810408305, 31.0, 1.0, 55.07803322659382, -68),
    "hard": (43.863857724759264, 28.25559857942381, 1.1310817303728224, 61.75372516609447, -78.77149971133913),
    "shifted": (43.863857724759264, 28.25559857942381, 0.8090224053258874, 63.75372516609447, -78.77149971133913),
    "hard-1": (43.863857724759264, 28.25559857942381, 1.3743256860813282, 61.003438614856435, -66.1749396651534),
    "shifted-1": (43.863857724759264, 28.25559857942381, 0.8002801422424946, 61.003438614856435, -66.1749396651534),
}
"""LVIDd, root, gamma, depth of PSAX_AV and noise of seed 3, as they were before there were stenosed valves."""


def stenosed(area: float, **changes: float) -> Heart:
    return Heart(replace(HeartShape(aortic_area_cm2=area, cusp_mm=4.0, calcium_db=8.0, vessels=True), **changes))


def widest(heart: Heart) -> float:
    phases = np.linspace(0, 1, 400)
    return float(phases[np.argmax([opening(heart, float(phase)) for phase in phases])])


@pytest.mark.parametrize("preset", PRESETS)
def test_hearts_of_before_are_drawn_as_before(preset: str) -> None:
    case = draw_case(preset, 3)
    placement, conditions = draw_placement(case, "PSAX_AV", 1)
    found = (case.shape.lvidd_mm, case.shape.root_mm, case.look.gamma, placement.anchor_depth_mm, conditions.noise_db)
    assert found == pytest.approx(DRAWN[preset], rel=1e-12)
    assert case.shape.aortic_area_cm2 == 0 and stenosis_of(case.shape) == AorticStenosis.NONE
    for where in (PLAX, PSAX_AV):
        assert thick_cusps(case.heart("PSAX_AV"), where, 0.2) == [] and leaflets(case.heart("PSAX_AV"), where, 0.2)


@pytest.mark.parametrize("area", [0.5, 0.9, 1.4, 1.9, 3.2])
@pytest.mark.parametrize("root", [25.0, 38.0])
def test_the_opening_in_the_short_axis_has_the_area_told(area: float, root: float) -> None:
    heart, t = stenosed(area, root_mm=root), np.linspace(0, 1, 500)[:, None]
    for phase in (0.12, widest(heart), 0.3):
        corners, posts, controls = orifice(heart, phase)
        after = np.roll(corners, -1, axis=0)
        sides = [
            (1 - t) ** 2 * a + 2 * t * (1 - t) * c + t**2 * b for a, c, b in zip(corners, controls, after, strict=True)
        ]
        x, y = np.concatenate(sides).T
        enclosed = 0.5 * abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))
        assert enclosed == pytest.approx(opening_mm2(heart, phase), rel=1e-3)
        assert np.hypot(x, y).max() <= np.linalg.norm(posts[0]) + 1e-6
    assert opening_mm2(heart, widest(heart)) == pytest.approx(100 * area, rel=0.01)


@pytest.mark.parametrize("area", [0.6, 1.3, 2.8])
def test_cusps_in_the_long_axis_lie_as_far_apart_as_a_round_opening_is_wide(area: float) -> None:
    heart = stenosed(area)
    for phase in (widest(heart), 0.8):
        upper, lower = (curve @ TO_ROOT for curve, _ in thick_cusps(heart, PLAX, phase))
        expected = 2 * np.sqrt(opening_mm2(heart, phase) / np.pi)
        assert upper.min() - lower.max() == pytest.approx(expected, abs=0.01)


def test_separations_of_the_grades_are_those_that_were_measured() -> None:
    """Weyman 1975: 4 to 11 mm in severe, 9 to 15 in moderate, 14 to 20 in mild stenosis, 15 to 26 without."""
    measured = {"SEVERE": (4, 11.3), "MODERATE": (9, 15), "MILD": (14, 20), "NONE": (15, 26)}
    rng = np.random.default_rng(0)
    for grade in AorticStenosis:
        for _ in range(50):
            shape = replace(HeartShape(), **draw_valve(grade, rng))
            low, high = measured[grade.name]
            assert low <= 20 * np.sqrt(shape.aortic_area_cm2 / np.pi) <= high
            assert stenosis_of(shape) == grade and shape.cusp_mm > 1


def test_grades_are_those_of_the_guideline() -> None:
    grades = [stenosis_of(HeartShape(aortic_area_cm2=area)).name for area in (0.99, 1.0, 1.5, 1.51, 3.0, 0.0)]
    assert grades == ["SEVERE", "MODERATE", "MODERATE", "MILD", "NONE", "NONE"]


def test_a_narrow_valve_opens_slowly_and_is_shut_while_the_ventricle_fills() -> None:
    severe, free = stenosed(0.6), stenosed(3.0)

    def half_open(heart: Heart) -> float:
        phases = np.linspace(0, 0.5, 1000)
        return float(phases[np.argmax([opening(heart, float(phase)) > 0.5 for phase in phases])])

    lag = (half_open(severe) - half_open(free)) * 60 / severe.shape.heart_rate
    assert 0.02 < lag < 0.06
    assert all(opening(severe, phase) == 0 for phase in (0.0, 0.6, 0.9))
    quick = stenosed(0.6, heart_rate=180.0)
    assert max(opening(quick, float(phase)) for phase in np.linspace(0, 1, 200)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("placement", [PLAX, PSAX_AV])
@pytest.mark.parametrize("growth", [1.0, 0.5])
def test_calcium_is_bright_also_where_thin_leaflets_are_not_seen(placement: Placement, growth: float) -> None:
    look, conditions = Look("plain", width_deg=90), Conditions(depth_mm=130 * growth, leaflets=0.0)
    where = replace(placement, anchor_depth_mm=60.0 * growth)
    canvas = Canvas.fit(120, 120, look, 130 * growth)

    def root(heart: Heart) -> float:
        imager = Imager(heart, where, look, conditions, seed=1, sampling=TRAINING)
        picture, labels = imager.picture(0.8, canvas), imager.labels(0.8, canvas)
        return float(np.percentile(picture[labels == 8], 95))

    adult = stenosed(0.7, growth=1.0).shape
    sizes = {name: getattr(adult, name) * growth for name in vars(adult) if name.endswith("_mm")}
    shape = replace(adult, growth=growth, **sizes)
    assert root(Heart(shape)) > root(Heart(replace(shape, aortic_area_cm2=0.0))) + 40


def test_a_valve_that_does_not_fit_its_root_is_refused() -> None:
    with pytest.raises(EchoApexError, match=r"open to at most .* cm2"):
        draw_case("easy", 1, root_mm=20.0, aortic_area_cm2=largest_area_cm2(20.0) + 0.1)
    with pytest.raises(EchoApexError, match="cusp_mm from 0 to 8"):
        draw_case("easy", 1, aortic_area_cm2=1.0, cusp_mm=9.0)


# ------------------------------------------------------------------ studies
def test_the_clips_of_a_study_are_of_one_heart_and_one_machine_each_its_own_way() -> None:
    case = draw_study_case("hard", 5)
    views = ("PLAX", "PLAX", "PSAX_AV")
    how = dict(rows=64, columns=64, frames=3, every=2, sampling=TRAINING)
    clips, again = study_clips(case, views, **how), study_clips(case, views, **how)
    assert [clip.view for clip in clips] == list(views) and all(len(clip.frames) == 3 for clip in clips)
    assert all(np.array_equal(one.frames, two.frames) for one, two in zip(clips, again, strict=True))
    assert {replace(clip.heart.shape, vessels=False) for clip in clips} == {case.shape}
    assert {clip.case.look.name for clip in clips} == {case.look.name}
    first, second = clips[:2]
    assert first.placement != second.placement and first.case.look != second.case.look
    assert first.phases[0] != second.phases[0] and 0.04 <= first.frame_time_s <= 0.08


def test_walls_and_valves_of_studies_are_of_every_grade_and_independent() -> None:
    shapes = [draw_study_case("hard", seed).shape for seed in range(300)]
    grades = np.array([stenosis_of(shape) for shape in shapes])
    assert np.bincount(grades) / 300 == pytest.approx([0.4, 0.2, 0.2, 0.2], abs=0.07)
    walls = np.array([shape.ivsd_mm for shape in shapes])
    assert abs(np.corrcoef(walls, grades)[0, 1]) < 0.15
    assert np.corrcoef(walls, [shape.lvpwd_mm for shape in shapes])[0, 1] > 0.9
    sclerotic = [shape.aortic_area_cm2 > 0 for shape, grade in zip(shapes, grades, strict=True) if grade == 0]
    assert 0.25 < np.mean(sclerotic) < 0.55
    assert all(44 <= shape.lvidd_mm <= 54 and shape.growth == 1 for shape in shapes)
