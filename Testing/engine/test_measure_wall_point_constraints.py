"""Points of the walls on one line, as a hand moves them, and the steps that are measured between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wall_phantoms import FS, IVS, LVID, NO_SCALE, PW, SCALE, chain, times_of

from echoapex.cine import Cine, Sector
from echoapex.landmarks import WALL_LANDMARKS, Landmarks
from echoapex.measure.lv_mass import lv_mass
from echoapex.measure.measurement import Source
from echoapex.measure.wall_point_constraints import dragged, straightened
from echoapex.measure.wall_steps_by_hand import WALL_STEPS, StepLength, find_wall_phases, lengths_of, measure_steps

places = st.floats(0, 400, allow_nan=False).map(lambda value: round(value, 3))
scales = st.sampled_from([None, (0.5, 0.5), (0.3, 0.7)])


@st.composite
def lines(draw, count=4, least=0.0, unset=2):
    """Points in order on one line, some of them perhaps not placed."""
    angle = draw(st.floats(0, 2 * np.pi))
    steps = np.cumsum([draw(st.floats(least, 120)) for _ in range(count)])
    points = np.array([200.0, 150.0]) + steps[:, None] * np.array([np.cos(angle), np.sin(angle)])
    points[list(draw(st.sets(st.integers(0, count - 1), max_size=unset)))] = np.nan
    return points


def off_line(points, mm_per_px):
    """The largest distance of a point from the line of the outermost two, in pixels."""
    known = points[np.isfinite(points).all(axis=1)]
    distances = np.linalg.norm(known[:, None] - known[None], axis=2)
    first, last = np.unravel_index(distances.argmax(), distances.shape)
    along = known[last] - known[first]
    length = np.linalg.norm(along)
    if length == 0:
        return 0.0
    normal = np.array([-along[1], along[0]]) / length
    return float(np.abs((known - known[first]) @ normal).max())


def in_order(points, tolerance=1e-6):
    """Whether no step goes back against the whole."""
    known = points[np.isfinite(points).all(axis=1)]
    along = known[-1] - known[0]
    return bool((np.diff(known, axis=0) @ along >= -tolerance * max(np.linalg.norm(along), 1.0)).all())


@given(lines(), st.integers(0, 3), places, places, scales)
def test_a_dragged_point_goes_where_it_is_put_and_the_line_holds(points, index, x, y, mm_per_px):
    to = np.array([x, y])
    moved = dragged(points, index, to, mm_per_px)
    known = np.isfinite(points).all(axis=1)
    known[index] = True
    assert np.array_equal(np.isfinite(moved).all(axis=1), known)
    assert off_line(moved, mm_per_px) < 1e-6
    assert in_order(moved)
    lengths = lengths_of(moved, mm_per_px)
    assert (lengths[np.isfinite(lengths)] >= 0).all()
    others = [i for i in np.flatnonzero(known) if i != index]
    neighbors = [
        i
        for i in (
            max((i for i in others if i < index), default=None),
            min((i for i in others if i > index), default=None),
        )
        if i is not None
    ]
    assert np.array_equal(moved[index], to) or any(np.array_equal(moved[index], moved[i]) for i in neighbors)


@given(lines(least=1.0, unset=0), st.integers(1, 2), st.floats(-0.9, 0.9), scales)
def test_between_its_neighbors_a_point_is_exactly_where_it_is_put(points, index, share, mm_per_px):
    before, here, after = points[index - 1 : index + 2]
    to = here + share * ((after - here) if share > 0 else (here - before))
    moved = dragged(points, index, to, mm_per_px)
    assert np.array_equal(moved[index], to)
    others = [i for i in range(4) if i != index]
    assert np.allclose(moved[others], points[others], atol=1e-6)  # along the line nothing else moves


def test_the_far_end_stays_where_it_is():
    points = chain(1).points[0]
    for index, far in ((0, 3), (1, 3), (2, 0), (3, 0)):
        moved = dragged(points, index, points[index] + [3.0, -1.0], SCALE.mm_per_px)
        assert np.array_equal(moved[far], points[far])


def test_past_its_neighbor_a_point_stops_there():
    points = np.array([[0.0, 0.0], [0.0, 10.0], [0.0, 50.0], [0.0, 60.0]])
    moved = dragged(points, 1, [0.0, 55.0])
    assert np.allclose(moved, [[0, 0], [0, 50], [0, 50], [0, 60]])
    around = dragged(points, 0, [0.0, 90.0])
    assert np.allclose(around, [[0, 10], [0, 10], [0, 50], [0, 60]])


def test_two_points_are_free():
    points = np.array([[np.nan, np.nan], [0.0, 10.0], [0.0, 50.0], [np.nan, np.nan]])
    moved = dragged(points, 1, [30.0, 70.0])
    assert np.array_equal(moved[1], [30.0, 70.0]) and np.array_equal(moved[2], points[2])


@given(
    st.lists(st.tuples(places, places), min_size=4, max_size=4),
    st.lists(st.floats(0, 30), min_size=4, max_size=4),
    scales,
)
def test_straightened_points_lie_on_one_line_in_their_order(points, sigma, mm_per_px):
    laid = straightened(points, sigma, mm_per_px)
    assert off_line(laid, mm_per_px) < 1e-6
    assert in_order(laid)


@given(lines(), scales)
def test_what_is_straight_stays(points, mm_per_px):
    sigma = np.ones(4)
    assert np.allclose(straightened(points, sigma, mm_per_px), points, atol=1e-6, equal_nan=True)


def test_of_two_points_in_the_wrong_order_the_less_sure_one_stops_at_the_other():
    points = np.array([[0.0, 0.0], [0.0, 10.0], [0.0, 64.0], [0.0, 60.0]])
    assert np.allclose(straightened(points, [1, 1, 3, 1])[2], [0, 60])
    assert np.allclose(straightened(points, [1, 1, 1, 3])[3], [0, 64])


def test_the_steps_are_those_of_the_report():
    assert [step.name for step in WALL_STEPS] == ["IVSd", "LVIDd", "LVPWd", "LVIDs"]
    assert [step.at_es for step in WALL_STEPS] == [False, False, False, True]
    ends = [(WALL_LANDMARKS[a], WALL_LANDMARKS[b]) for a, b in (step.ends for step in WALL_STEPS)]
    assert ends == [("IVS-RV", "IVS-LV"), ("IVS-LV", "PW-LV"), ("PW-LV", "PW-epi"), ("IVS-LV", "PW-LV")]


def test_lengths_are_millimeters_or_pixels():
    points = chain(60).points[8]
    assert lengths_of(points, SCALE.mm_per_px) == pytest.approx([IVS, LVID, PW], rel=0.02)
    assert lengths_of(points) == pytest.approx(lengths_of(points, SCALE.mm_per_px) * 2)


def test_mass_ratio_and_shortening_follow_with_their_sources():
    lengths = {"IVSd": 10.0, "LVIDd": 48.0, "LVPWd": 9.0, "LVIDs": 31.2}
    given = {name: StepLength(value, 4 if name == "LVIDs" else 1, (f"{name} told",)) for name, value in lengths.items()}
    found = {item.name: item for item in measure_steps("c", given, SCALE)}
    assert list(found) == ["IVSd", "LVIDd", "LVPWd", "LVIDs", "FS", "RWT", "LVMass"]
    assert found["LVMass"].value == pytest.approx(lv_mass(10.0, 48.0, 9.0)) and found["LVMass"].unit == "g"
    assert found["RWT"].value == pytest.approx(2 * 9 / 48)
    assert found["FS"].value == pytest.approx(35.0)
    assert found["FS"].sources == (Source("c", (1,)), Source("c", (4,)))
    assert found["LVMass"].sources == (Source("c", (1,)),)
    assert found["LVMass"].warnings == ("IVSd told", "LVIDd told", "LVPWd told")


def test_without_a_scale_or_a_length_there_is_less():
    lengths = {"LVIDd": StepLength(96.0, 1), "LVPWd": StepLength(18.0, 1), "IVSd": StepLength(0.0, 1)}
    (ratio,) = measure_steps("c", lengths, NO_SCALE)
    assert (ratio.name, ratio.value) == ("RWT", pytest.approx(0.375))
    assert "No millimeters" in ratio.warnings[0]
    assert {item.name for item in measure_steps("c", lengths, SCALE)} == {"LVIDd", "LVPWd", "RWT"}


def test_phases_are_those_of_the_inner_diameter():
    marks = chain(90)
    frames = np.zeros((90, 20, 20), np.uint8)
    cine = Cine(frames, times_of(90), SCALE, Sector.whole_frame(20, 20))
    beat, reason = find_wall_phases(marks, cine)
    lengths = np.array([lengths_of(points, SCALE.mm_per_px)[1] for points in marks.points])
    assert reason == "" and beat is not None
    assert lengths[beat.ed] == pytest.approx(LVID, rel=0.01)
    assert lengths[beat.es] == pytest.approx(LVID * (1 - FS / 100), rel=0.01)
    still = Landmarks(marks.names, np.repeat(marks.points[:1], 90, axis=0), marks.sigma_px)
    assert find_wall_phases(still, cine)[0] is None and "changes by no more" in find_wall_phases(still, cine)[1]
