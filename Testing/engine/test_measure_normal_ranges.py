"""Mass, geometry, body surface and grades: plain arithmetic, and every border of the tables."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoapex.errors import MeasureError
from echoapex.measure.body_surface_area import BsaFormula, bsa, index_by_bsa, patient_bsa
from echoapex.measure.lv_mass import (
    LVGeometry,
    find_geometry,
    lv_geometry,
    lv_mass,
    measure_mass,
    relative_wall_thickness,
)
from echoapex.measure.measurement import Measurement, Reference, Source
from echoapex.measure.normal_ranges import NOT_GRADED_IF_CROPPED, SCHEME, grade, ungraded_reason
from echoapex.patient import Patient, Sex

MAN = Patient(Sex.MALE, 50, 170, 70)
WOMAN = Patient(Sex.FEMALE, 50, 170, 70)
SOURCES = (Source("plax", (10, 11)),)


def linear(name, value, unit="mm", **more):
    return Measurement(name, value, unit, "linear", SOURCES, **more)


def graded(name, value, patient, method="linear"):
    return grade([Measurement(name, value, "", method)], patient)[0]


def test_the_mass_of_a_worked_example():
    assert lv_mass(10, 48, 10) == pytest.approx(170.195, abs=5e-4)
    assert relative_wall_thickness(10, 48) == pytest.approx(0.41667, abs=5e-6)
    assert lv_mass(10, 48, 10) / bsa(170, 70) == pytest.approx(94.05, abs=5e-3)
    assert lv_mass(10, 48, 10) / bsa(170, 70, BsaFormula.MOSTELLER) == pytest.approx(93.61, abs=5e-3)


@pytest.mark.parametrize(
    ("formula", "area"),
    [(BsaFormula.DUBOIS, 1.80971), (BsaFormula.MOSTELLER, 1.81812), (BsaFormula.HAYCOCK, 1.82568)],
)
def test_the_body_surfaces_of_worked_examples(formula, area):
    assert bsa(170, 70, formula) == pytest.approx(area, abs=5e-6)
    assert patient_bsa(MAN, formula) == bsa(170, 70, formula)


@given(st.floats(3, 20), st.floats(30, 80), st.floats(3, 20), st.floats(0.1, 5))
def test_mass_counts_both_walls_alike_and_grows_with_the_cube_of_size(septum, inner, posterior, factor):
    mass = lv_mass(septum, inner, posterior)
    assert lv_mass(posterior, inner, septum) == pytest.approx(mass)
    assert lv_mass(septum * factor, inner * factor, posterior * factor) - 0.6 == pytest.approx(
        (mass - 0.6) * factor**3, rel=1e-9
    )
    assert relative_wall_thickness(posterior * factor, inner * factor) == pytest.approx(2 * posterior / inner)


@pytest.mark.parametrize(
    "call",
    [
        lambda: lv_mass(0, 48, 10),
        lambda: lv_mass(10, float("nan"), 10),
        lambda: lv_mass(10, 48, -1),
        lambda: relative_wall_thickness(10, 0),
        lambda: relative_wall_thickness(float("inf"), 48),
        lambda: bsa(0, 70),
        lambda: bsa(170, float("nan")),
        lambda: lv_geometry(float("nan"), 0.4, Sex.MALE),
    ],
)
def test_impossible_sizes_are_refused(call):
    with pytest.raises(MeasureError):
        call()


def test_mass_is_measured_from_the_linear_ones_only():
    parts = [
        linear("IVSd", 10.0, confidence=0.8, warnings=("a", "b")),
        linear("LVIDd", 48.0, confidence=0.7, warnings=("b",)),
        linear("LVPWd", 10.0, confidence=0.9),
    ]
    (mass,) = measure_mass(parts)
    assert (mass.name, mass.unit, mass.method) == ("LVMass", "g", "linear")
    assert mass.value == pytest.approx(170.195, abs=5e-4)
    assert mass.sources == SOURCES
    assert mass.confidence == 0.7
    assert mass.warnings == ("a", "b")
    assert measure_mass(parts[:2]) == ()
    assert measure_mass([*parts[:2], replace(parts[2], value=None)]) == ()
    assert measure_mass([*parts[:2], replace(parts[2], method="biplane")]) == ()
    assert measure_mass([*parts[:2], replace(parts[2], confidence=None)])[0].confidence is None


def test_what_is_indexed():
    values = [
        Measurement("LVEDV", 120.0, "mL", "biplane", SOURCES, 0.8, ("w",)),
        Measurement("LVESV", 50.0, "mL", "A4C"),
        Measurement("LAV", 60.0, "mL", "area_length_biplane"),
        linear("LVMass", 170.0, "g"),
        linear("IVSd", 10.0),
        Measurement("LVEDV", None, "mL", "A4C"),
    ]
    found = index_by_bsa(grade(values, MAN), MAN)
    assert [(m.name, m.unit, m.method) for m in found] == [
        ("LVEDVI", "mL/m2", "biplane"),
        ("LVESVI", "mL/m2", "A4C"),
        ("LAVI", "mL/m2", "area_length_biplane"),
        ("LVMassIndex", "g/m2", "linear"),
    ]
    assert [m.value for m in found] == pytest.approx([v / bsa(170, 70) for v in (120, 50, 60, 170)])
    assert (found[0].sources, found[0].confidence, found[0].warnings) == (SOURCES, 0.8, ("w",))
    assert {(m.reference, m.grade) for m in found} == {(None, None)}
    other = index_by_bsa(values, MAN, BsaFormula.MOSTELLER)
    assert other[0].value == pytest.approx(120 / 1.81812, rel=1e-5)


@pytest.mark.parametrize("patient", [None, Patient(), Patient(height_cm=170), Patient(weight_kg=70)])
def test_nothing_is_indexed_without_height_and_weight(patient):
    assert patient_bsa(patient) is None
    assert index_by_bsa([Measurement("LAV", 60.0, "mL", "biplane")], patient) == ()


# Each value is the last that rounds to its grade: name, method, male, female.
BORDERS = [
    ("IVSd", "linear", [(5.4, "below normal"), (10.4, "normal"), (13.4, "mild"), (16.4, "moderate"), (99, "severe")],
     [(5.4, "below normal"), (9.4, "normal"), (12.4, "mild"), (15.4, "moderate"), (99, "severe")]),
    ("LVPWd", "linear", [(5.4, "below normal"), (10.4, "normal"), (13.4, "mild"), (16.4, "moderate"), (99, "severe")],
     [(5.4, "below normal"), (9.4, "normal"), (12.4, "mild"), (15.4, "moderate"), (99, "severe")]),
    ("LVIDd", "linear", [(41.4, "below normal"), (58.4, "normal"), (63.4, "mild"), (68.4, "moderate"), (99, "severe")],
     [(37.4, "below normal"), (52.4, "normal"), (56.4, "mild"), (61.4, "moderate"), (99, "severe")]),
    ("LVIDs", "linear", [(24.4, "below normal"), (40.4, "normal"), (99, "above normal")],
     [(21.4, "below normal"), (35.4, "normal"), (99, "above normal")]),
    ("LVMass", "linear", [(87.4, "below normal"), (224.4, "normal"), (999, "above normal")],
     [(66.4, "below normal"), (162.4, "normal"), (999, "above normal")]),
    ("LVMassIndex", "linear",
     [(48.4, "below normal"), (115.4, "normal"), (131.4, "mild"), (148.4, "moderate"), (999, "severe")],
     [(42.4, "below normal"), (95.4, "normal"), (108.4, "mild"), (121.4, "moderate"), (999, "severe")]),
    ("RWT", "linear", [(0.234, "below normal"), (0.424, "normal"), (2, "above normal")],
     [(0.214, "below normal"), (0.424, "normal"), (2, "above normal")]),
    ("LVEDV", "biplane",
     [(61.4, "below normal"), (150.4, "normal"), (174.4, "mild"), (200.4, "moderate"), (999, "severe")],
     [(45.4, "below normal"), (106.4, "normal"), (120.4, "mild"), (130.4, "moderate"), (999, "severe")]),
    ("LVESV", "biplane", [(20.4, "below normal"), (61.4, "normal"), (999, "above normal")],
     [(13.4, "below normal"), (42.4, "normal"), (999, "above normal")]),
    ("LVESVI", "biplane", [(10.4, "below normal"), (31.4, "normal"), (999, "above normal")],
     [(7.4, "below normal"), (24.4, "normal"), (999, "above normal")]),
    ("LVEF", "biplane",
     [(29.4, "severe"), (40.4, "moderate"), (51.4, "mild"), (72.4, "normal"), (99, "above normal")],
     [(29.4, "severe"), (40.4, "moderate"), (53.4, "mild"), (74.4, "normal"), (99, "above normal")]),
    *[("LAVI", method, *[[(15.4, "below normal"), (34.4, "normal"), (41.4, "mild"), (48.4, "moderate"),
                          (999, "severe")]] * 2) for method in ("biplane", "area_length_biplane")],
]  # fmt: skip


@pytest.mark.parametrize(("name", "method", "male", "female"), BORDERS)
def test_every_border_of_the_tables(name, method, male, female):
    for patient, borders in ((MAN, male), (WOMAN, female)):
        for (value, word), following in zip(borders, [*borders[1:], None]):
            found = graded(name, value, patient, method)
            assert (value, found.grade) == (value, word)
            assert found.reference.scheme == SCHEME == "ASE/EACVI 2015"
            assert found.warnings == ()
            if following:
                # Half a step on: rounded half up, it is in the next band, and no value lies between two.
                half = round(value + (0.001 if name == "RWT" else 0.1), 3)
                assert (half, graded(name, half, patient, method).grade) == (half, following[1])


@pytest.mark.parametrize(
    ("name", "method", "patient", "low", "high"),
    [
        ("IVSd", "linear", MAN, 6, 10),
        ("IVSd", "linear", WOMAN, 6, 9),
        ("RWT", "linear", MAN, 0.24, 0.42),
        ("LVEF", "biplane", WOMAN, 54, 74),
        ("LVEDVI", "biplane", MAN, 34, 74),
        ("LVEDVI", "biplane", WOMAN, 29, 61),
        ("LAVI", "biplane", WOMAN, 16, 34),
    ],
)
def test_references_are_in_the_unit_of_the_measurement(name, method, patient, low, high):
    reference = graded(name, 1.0, patient, method).reference
    assert (reference.low, reference.high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("value", [10.0, 50.0, 85.0, 150.0])
def test_an_index_whose_grades_are_not_certain_has_a_reference_and_no_grade(value):
    found = graded("LVEDVI", value, MAN, "biplane")
    assert found.reference is not None
    assert found.grade is None


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("LVEF", "A4C"),
        ("LVEF", "area_length_A4C"),
        ("LVEF", "direct"),
        ("LVEDV", "A2C"),
        ("LAVI", "A4C"),
        ("LVMassIndex", "area_length"),
        ("HR", "ed_to_ed"),
        ("FS", "linear"),
    ],
)
def test_other_methods_and_quantities_are_not_graded(name, method):
    item = Measurement(name, 50.0, "", method, SOURCES)
    assert grade([item], MAN) == grade([item], None) == (item,)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_no_value_no_grade(value):
    assert graded("LVEF", value, MAN, "biplane").grade is None


@pytest.mark.parametrize(
    ("patient", "words"),
    [
        (None, "age of the patient is unknown"),
        (Patient(sex=Sex.MALE), "age of the patient is unknown"),
        (Patient(age=50), "sex of the patient is unknown"),
        (Patient(sex=Sex.MALE, age=17.9), "under 18"),
        (Patient(sex=Sex.FEMALE, age=0), "under 18"),
    ],
)
def test_who_is_not_graded_and_why(patient, words):
    assert words in ungraded_reason(patient)
    old = linear("IVSd", 20.0, reference=Reference(6, 10, SCHEME), grade="severe", warnings=("w",))
    (found,) = grade([old], patient)
    assert (found.reference, found.grade) == (None, None)
    assert found.warnings == ("w", ungraded_reason(patient))
    assert grade([found], patient) == (found,)


def test_adults_begin_at_18():
    assert ungraded_reason(Patient(Sex.MALE, 18)) == ""
    assert grade([linear("IVSd", 12.0)], Patient(Sex.MALE, 18))[0].grade == "mild"


def test_a_lower_bound_is_never_called_normal():
    item = Measurement("LAVI", 20.0, "mL/m2", "biplane", SOURCES, None, (NOT_GRADED_IF_CROPPED,))
    (found,) = grade([item], MAN)
    assert found.grade is None
    assert found.reference is not None


@pytest.mark.parametrize(
    ("index", "wall", "sex", "geometry"),
    [
        (94.05, 0.41667, Sex.MALE, LVGeometry.NORMAL),
        (115.4, 0.424, Sex.MALE, LVGeometry.NORMAL),
        (115.4, 0.426, Sex.MALE, LVGeometry.CONCENTRIC_REMODELING),
        (115.6, 0.424, Sex.MALE, LVGeometry.ECCENTRIC_HYPERTROPHY),
        (115.6, 0.426, Sex.MALE, LVGeometry.CONCENTRIC_HYPERTROPHY),
        (94.05, 0.41667, Sex.FEMALE, LVGeometry.NORMAL),
        (95.6, 0.41667, Sex.FEMALE, LVGeometry.ECCENTRIC_HYPERTROPHY),
        (95.4, 0.5, Sex.FEMALE, LVGeometry.CONCENTRIC_REMODELING),
        (110, 0.5, Sex.FEMALE, LVGeometry.CONCENTRIC_HYPERTROPHY),
        (110, 0.5, Sex.MALE, LVGeometry.CONCENTRIC_REMODELING),
    ],
)
def test_geometry(index, wall, sex, geometry):
    assert lv_geometry(index, wall, sex) is geometry
    items = [linear("LVMassIndex", index, "g/m2"), linear("RWT", wall, "1")]
    finding = find_geometry(items, Patient(sex, 40))
    assert (finding.geometry, finding.scheme) == (geometry, SCHEME)
    assert (finding.mass_index, finding.relative_wall_thickness) == tuple(items)
    # The grades of the two numbers beside it say the same.
    heavy, thick = (item.grade not in ("normal", "below normal") for item in grade(items, Patient(sex, 40)))
    assert heavy is ("hypertrophy" in geometry)
    assert thick is ("concentric" in geometry)


@pytest.mark.parametrize("patient", [None, Patient(Sex.MALE), Patient(None, 40), Patient(Sex.MALE, 12)])
def test_no_geometry_of_whom_the_cut_offs_do_not_hold(patient):
    items = [linear("LVMassIndex", 120.0, "g/m2"), linear("RWT", 0.5, "1")]
    assert find_geometry(items, patient) is None


def test_no_geometry_without_both_numbers():
    index, wall = linear("LVMassIndex", 120.0, "g/m2"), linear("RWT", 0.5, "1")
    assert find_geometry([index], MAN) is None
    assert find_geometry([wall], MAN) is None
    assert find_geometry([replace(index, value=None), wall], MAN) is None
    assert find_geometry([replace(index, method="2D"), wall], MAN) is None
