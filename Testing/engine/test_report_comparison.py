"""An earlier report beside one of now: what is paired, what is refused, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from echoapex.errors import EchoApexError
from echoapex.measure.measurement import Exclusion, Measurement, Source
from echoapex.patient import Patient, Sex
from echoapex.report.comparison import ReportFacts, compare


def number(name: str, value: float | None, unit: str = "mL", method: str = "A4C", clip: str = "A4C-1") -> Measurement:
    return Measurement(name, value, unit, method, (Source(clip, (1,)),))


def facts(*items: Measurement, patient: Patient | None = None, **changes: Any) -> ReportFacts:
    return replace(ReportFacts(items, patient, ("model-1", "abc"), simulated=False), **changes)


def test_numbers_are_paired_by_name_and_method_with_their_unit() -> None:
    now = facts(number("LVEDV", 120.0), number("LVEF", 48.0, "%", "biplane"), number("IVSd", 9.0, "mm", "linear"))
    earlier = facts(number("LVEF", 55.5, "%", "biplane"), number("LVEDV", 100.0), number("LAV", 50.0))
    found = compare(now, earlier)
    assert {key: change.difference for key, change in found.changes.items()} == {
        ("LVEDV", "A4C"): pytest.approx(20.0),
        ("LVEF", "biplane"): pytest.approx(-7.5),
    }
    assert found.changes["LVEDV", "A4C"].unit == "mL" and found.changes["LVEDV", "A4C"].earlier.value == 100.0
    assert found.warnings == ()


def test_of_several_clips_the_first_counts_and_nothing_that_is_excluded_unknown_or_of_another_unit() -> None:
    out = replace(number("LVEDV", 300.0), excluded=Exclusion("foreshortened"))
    now = facts(out, number("LVEDV", 120.0), number("LVEDV", 90.0), number("IVSd", 9.0, "mm"), number("LAV", None))
    earlier = facts(number("LVEDV", 100.0), number("LVEDV", 1.0), number("IVSd", 20.0, "px"), number("LAV", 3.0))
    found = compare(now, earlier)
    assert [change.difference for change in found.changes.values()] == [pytest.approx(20.0)]


def test_a_quantity_by_another_method_is_not_compared_and_said() -> None:
    found = compare(facts(number("LVEF", 50.0, "%", "biplane")), facts(number("LVEF", 55.0, "%")))
    assert not found.changes
    assert found.warnings == ("Ejection fraction is not compared: by disks A4C then, by biplane disks now",)


def test_models_that_differ_are_said() -> None:
    now, earlier = facts(number("LVEDV", 120.0)), facts(number("LVEDV", 100.0), model=("model-0", "abc"))
    assert "model-0 then, model-1 now" in compare(now, earlier).warnings[0]
    other = replace(earlier, model=("model-1", "other"))
    assert "model-1 with other weights" in compare(now, other).warnings[0]


def test_a_scale_by_hand_is_said_of_what_depends_on_it() -> None:
    now = facts(number("LVEDV", 120.0), number("LVEF", 50.0, "%"), scaled_by_hand=frozenset({"A4C-1"}))
    earlier = facts(number("LVEDV", 100.0), number("LVEF", 50.0, "%"))
    found = compare(now, earlier)
    assert found.changes["LVEDV", "A4C"].warnings == ("The scale was given by hand now",)
    assert found.changes["LVEF", "A4C"].warnings == ()
    assert found.warnings == ("The scale was given by hand now: a change may be that of the scale",)
    assert "by hand earlier" in compare(earlier, now).warnings[0]


@pytest.mark.parametrize(
    ("now", "then", "words"),
    [
        (Patient(Sex.MALE), Patient(Sex.FEMALE), "another patient: the sex is not the same .found: female then"),
        (Patient(age=60), Patient(age=70), "another patient, or is the later one .found: 70 years then, 60 now"),
        (Patient(age=60, height_cm=180), Patient(age=50, height_cm=160), "height of an adult does not change so much"),
    ],
)
def test_the_report_of_another_patient_is_refused(now: Patient, then: Patient, words: str) -> None:
    with pytest.raises(EchoApexError, match=words):
        compare(facts(patient=now), facts(patient=then))


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (Patient(Sex.MALE, 60, 176, 80), Patient(Sex.MALE, 55, 178, 95)),
        (Patient(Sex.MALE, 14, 165), Patient(Sex.MALE, 8, 128)),
        (Patient(Sex.MALE), None),
        (None, Patient(Sex.FEMALE, 30)),
    ],
)
def test_what_is_unknown_or_grows_is_no_contradiction(now: Patient | None, then: Patient | None) -> None:
    found = compare(facts(number("LVEDV", 2.0), patient=now), facts(number("LVEDV", 1.0), patient=then))
    assert len(found.changes) == 1


def test_a_simulated_heart_is_compared_with_simulated_ones_only() -> None:
    with pytest.raises(EchoApexError, match="only the earlier one is of a simulated heart"):
        compare(facts(), facts(simulated=True))
    assert compare(facts(simulated=True), facts(simulated=True)).warnings == ()
