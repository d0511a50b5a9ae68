"""A study from folder to report, with everything that goes wrong in archives; the truth stands in for the model."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from report_cases import CARD, simulated
from study_cases import (
    MODEL,
    PATIENT_A,
    Take,
    TruthIn,
    analyzed,
    measured,
    reason_of,
    set_region,
    sure_of,
    unsure,
    write_take,
)

from echoapex import resources
from echoapex.analysis.clip_analysis import ClipResult
from echoapex.analysis.study_measurements import Summary, summarize
from echoapex.cine import Setting
from echoapex.errors import EchoApexError, ReadError
from echoapex.measure.body_surface_area import BsaFormula
from echoapex.patient import Patient, Sex
from echoapex.study.batch_analysis import StudyOptions, StudyReport, analyze_study

MAN = Patient(Sex.MALE, 60.0, 175.0, 80.0)
A4C, A2C, PLAX = Take("A4C"), Take("A2C"), Take("PLAX")
WHOLE = {"a4c.dcm": A4C, "a2c.dcm": A2C, "plax.dcm": PLAX}
FROM_SYSTOLE = Take("A4C", 5)
REVERSED = Take("A4C", step=-1)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    for name, take in WHOLE.items():
        write_take(folder / name, take)
    return folder


@pytest.fixture(scope="module")
def whole(good: Path) -> StudyReport:
    return analyzed(good, WHOLE, patient=MAN)


def test_a_whole_study_gives_all_numbers_near_the_truth(whole: StudyReport) -> None:
    heart = simulated("A4C").heart
    shape = heart.shape
    assert measured(whole, "LVEDV", "biplane") == pytest.approx(heart.edv_ml, rel=0.05)
    assert measured(whole, "LVEF", "biplane") == pytest.approx(100 * shape.ef, abs=2)
    for name, true in (("IVSd", shape.ivsd_mm), ("LVIDd", shape.lvidd_mm), ("LVPWd", shape.lvpwd_mm)):
        assert measured(whole, name, "linear") == pytest.approx(true, abs=1.0)
    walls = [measured(whole, name, "linear") / 10 for name in ("IVSd", "LVIDd", "LVPWd")]
    mass = 0.8 * 1.04 * (sum(walls) ** 3 - walls[1] ** 3) + 0.6
    assert measured(whole, "LVMass", "linear") == pytest.approx(mass)
    area = 0.007184 * 80**0.425 * 175**0.725
    assert measured(whole, "LVMassIndex", "linear") == pytest.approx(mass / area)
    assert measured(whole, "LAVI", "biplane") == pytest.approx(measured(whole, "LAV", "biplane") / area)
    assert whole.failures == ()
    assert all("AoRootd is withheld" in reason.rule for reason in whole.not_measured)
    assert whole.biplane is not None
    assert whole.biplane.volume_ml[0] == pytest.approx(measured(whole, "LVEDV", "biplane"))


def test_color_flow_is_ignored_where_the_user_asks_and_said_at_each_number(tmp_path: Path) -> None:
    write_take(tmp_path / "plax.dcm", PLAX)
    set_region(tmp_path / "plax.dcm", RegionDataType=2)
    refused = analyzed(tmp_path, WHOLE, views={"plax.dcm": "PLAX"})
    assert not refused.measurements and "color" in reason_of(refused.not_measured, "Only gray 2D clips")
    report = analyzed(tmp_path, WHOLE, views={"plax.dcm": "PLAX"}, ignore_color=True)
    assert measured(report, "IVSd", "linear") == pytest.approx(simulated("PLAX").heart.shape.ivsd_mm, abs=1.0)
    assert any("color flow, which was ignored" in text for text in report.clips[0].warnings)
    assert all(any("color flow" in text for text in m.warnings) for m in report.measurements if m.value is not None)


def test_a_flip_that_is_none_or_of_no_clip_is_refused(good: Path) -> None:
    for flips, rule in (({"a4c.dcm": "sideways"}, "vertical"), ({"up.dcm": "vertical"}, "up.dcm")):
        with pytest.raises(EchoApexError, match=rule):
            analyzed(good, WHOLE, flips=flips)


def test_grades_come_with_their_range_and_scheme(whole: StudyReport) -> None:
    (ef,) = [m for m in whole.measurements if (m.name, m.method) == ("LVEF", "biplane")]
    assert ef.grade == "normal" and ef.reference is not None
    assert (ef.reference.low, ef.reference.high, ef.reference.scheme) == (52, 72, "ASE/EACVI 2015")
    (geometry,) = [m for m in whole.measurements if m.name == "LVGeometry"]
    assert geometry.value is None and geometry.grade == "normal geometry" and geometry.sources


def test_a_view_that_only_the_model_knows_is_not_measured_and_stops_nothing(good: Path) -> None:
    observe = TruthIn(WHOLE, {"plax.dcm": sure_of("TEE_ME4C")})
    (report,) = analyze_study([good], MODEL, options=StudyOptions(observe=observe))
    assert [clip.view for clip in report.clips] == ["A4C", "A2C", "TEE_ME4C"]
    assert "none of the views" in reason_of(report.not_measured, "plax.dcm")


def test_clips_are_named_by_view_and_number_never_by_file(whole: StudyReport) -> None:
    assert [clip.id for clip in whole.clips] == ["A4C-1", "A2C-1", "PLAX-1"]
    assert {clip.view_source.value for clip in whole.clips} == {"header"}
    assert whole.id == "study-1"


def test_other_formulas_for_the_body_surface_area(good: Path) -> None:
    report = analyzed(good, WHOLE, patient=MAN, bsa_formula=BsaFormula.MOSTELLER)
    index = measured(report, "LVMass", "linear") / (80 * 175 / 3600) ** 0.5
    assert measured(report, "LVMassIndex", "linear") == pytest.approx(index)
    assert any("Mosteller" in note for note in report.notes)


def test_without_a_patient_nothing_is_indexed_or_graded_and_both_are_said(good: Path) -> None:
    report = analyzed(good, WHOLE)
    assert not any(m.unit.endswith("/m2") or m.grade or m.reference for m in report.measurements)
    assert "height or weight" in reason_of(report.not_measured, "indexed")
    assert "age of the patient is unknown" in reason_of(report.not_measured, "Not graded")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One patient's folder in which only three clips are whole."""
    folder = tmp_path_factory.mktemp("bad")
    for name, take in WHOLE.items():
        write_take(folder / name, take)
    write_take(folder / "no-scale.dcm", A4C, SequenceOfUltrasoundRegions=None)
    write_take(folder / "no-times.dcm", A2C, FrameTime=None, FrameIncrementPointer=None, CineRate=None)
    write_take(folder / "from-systole.dcm", FROM_SYSTOLE)
    write_take(folder / "reversed.dcm", REVERSED)
    write_take(folder / "single.dcm", Take("A4C", 0, 1))
    write_take(folder / "slow.dcm", A4C, FrameTime="50")
    write_take(folder / "color.dcm", A4C)
    set_region(folder / "color.dcm", RegionDataType=2)
    write_take(folder / "m-mode.dcm", A4C)
    set_region(folder / "m-mode.dcm", RegionSpatialFormat=2)
    write_take(folder / "other.dcm", A4C)
    write_take(folder / "unknown.dcm", A4C, ViewCodeSequence=None)
    write_take(folder / "short-axis.dcm", Take("PSAX_PM"))
    whole = (folder / "a4c.dcm").read_bytes()
    (folder / "truncated.dcm").write_bytes(whole[: len(whole) // 2])
    (folder / "damaged.dcm").write_bytes(whole[:200])
    (folder / "text.dcm").write_text("not DICOM at all", encoding="utf-8")
    (folder / "notes.txt").write_text("Dear colleague", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def sorry(bad: Path) -> StudyReport:
    again = {"no-scale.dcm": A4C, "no-times.dcm": A2C, "from-systole.dcm": FROM_SYSTOLE, "slow.dcm": A4C}
    takes = {**WHOLE, **again, "reversed.dcm": REVERSED, "short-axis.dcm": Take("PSAX_PM")}
    recognized = {"other.dcm": sure_of("OTHER"), "unknown.dcm": unsure("A4C"), "a4c.dcm": sure_of("A4C")}
    observe = TruthIn(takes, recognized)
    (report,) = analyze_study([bad], MODEL, patient=MAN, options=StudyOptions(observe=observe))
    assert {name for name, _ in observe.asked} == set(takes)
    return report


def test_bad_clips_stop_nothing(sorry: StudyReport, whole: StudyReport) -> None:
    for name in ("IVSd", "LVMass", "RWT"):
        assert measured(sorry, name, "linear") == pytest.approx(measured(whole, name, "linear"))
    assert measured(sorry, "LVEF", "biplane") == pytest.approx(measured(whole, "LVEF", "biplane"), abs=2)


@pytest.mark.parametrize(
    ("file", "words"),
    [("truncated.dcm", "pixel"), ("damaged.dcm", "DICOM"), ("text.dcm", "modality"), ("unknown.dcm", "most like A4C")],
)
def test_what_failed_is_listed_with_its_reason(sorry: StudyReport, file: str, words: str) -> None:
    assert words.lower() in reason_of(sorry.failures, file).lower()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("single.dcm", "single frame"),
        ("color.dcm", "color"),
        ("m-mode.dcm", "M-mode"),
        ("other.dcm", "OTHER"),
        ("short-axis.dcm", "PSAX_PM"),
        ("no-scale.dcm", "no scale"),
    ],
)
def test_what_cannot_be_measured_is_listed_and_has_not_failed(sorry: StudyReport, file: str, words: str) -> None:
    assert words in reason_of(sorry.not_measured, file)
    assert not [failure for failure in sorry.failures if file in str(failure)]


def test_nothing_else_failed_and_text_files_are_no_clips(sorry: StudyReport) -> None:
    assert len(sorry.failures) == 4
    assert "notes.txt" not in " ".join(map(str, (*sorry.failures, *sorry.not_measured)))


def clip_of(report: StudyReport, file: str):
    return next(clip for clip in report.clips if clip.cine.path.name == file)


def test_without_scale_there_is_ef_and_not_one_milliliter(sorry: StudyReport) -> None:
    clip = clip_of(sorry, "no-scale.dcm")
    assert {m.unit for m in clip.measurements} == {"%", "1/min"}
    assert clip.lv.volume_ml is None


def test_without_frame_times_there_are_volumes_and_no_heart_rate(sorry: StudyReport) -> None:
    clip = clip_of(sorry, "no-times.dcm")
    assert {m.name for m in clip.measurements} >= {"LVEDV", "LVEF"} and not any(
        m.name == "HR" for m in clip.measurements
    )
    assert any("frame times are unknown" in text for text in clip.warnings)


def test_a_clip_that_starts_and_ends_within_systole_is_not_measured_and_says_why(sorry: StudyReport) -> None:
    clip = clip_of(sorry, "from-systole.dcm")
    assert clip.beats == () and clip.measurements == ()
    assert "No beat was found" in reason_of(sorry.not_measured, "from-systole.dcm")
    assert any("no whole systole" in text for text in clip.warnings)


def test_a_clip_that_runs_backwards_has_the_same_ef(sorry: StudyReport) -> None:
    forward, backward = (
        next(m.value for m in clip_of(sorry, file).measurements if (m.name, m.method) == ("LVEF", "A4C"))
        for file in ("a4c.dcm", "reversed.dcm")
    )
    assert backward == pytest.approx(forward, abs=1)


def test_few_frames_a_second_are_a_warning(sorry: StudyReport) -> None:
    clip = clip_of(sorry, "slow.dcm")
    assert any("20 frames/s" in text for m in clip.measurements for text in m.warnings if m.name == "LVEF")


def test_who_named_the_view_is_kept(sorry: StudyReport) -> None:
    recognized, header = clip_of(sorry, "a4c.dcm"), clip_of(sorry, "a2c.dcm")
    assert (recognized.view_source.value, recognized.view_probability) == ("recognized", 0.98)
    assert (header.view_source.value, header.view_probability) == ("header", None)


def test_the_files_of_a_bad_study_are_valid_and_name_nobody(bad: Path, sorry: StudyReport, tmp_path: Path) -> None:
    from echoapex.report import write_report

    page = write_report(tmp_path / "out", sorry)
    record = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    schema = json.loads(resources.path("Schemas/report-2.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(record)
    assert {source["clip"] for source in record["biplane_curve"]["sources"]} <= {clip["id"] for clip in record["clips"]}
    assert {item["rule"] for item in record["not_measured"]} and record["patient"]["sex"] == "male"
    text = page.read_text(encoding="utf-8")
    assert "What could not be measured, and why" in text and "single frame" in text
    for file in (tmp_path / "out").rglob("*"):
        if file.suffix in (".json", ".html", ".csv"):
            # Pictures are long enough to spell any name by chance.
            written = re.sub(r"data:image/[^\"]*", "", file.read_text(encoding="utf-8"))
            assert not any(name in written for name in (PATIENT_A, "Roe", "Jane", "SIM-easy"))


def test_one_view_gives_its_own_ef_and_says_what_is_missing(good: Path) -> None:
    (report,) = analyze_study([good / "a4c.dcm"], MODEL, options=StudyOptions(observe=TruthIn(WHOLE)))
    assert measured(report, "LVEF", "A4C") > 0
    assert not [m for m in report.measurements if m.method == "biplane"]
    assert str(reason_of(report.not_measured, "biplane EF")) == "No biplane EF: there is no A2C clip."
    assert "there is no PLAX clip" in reason_of(report.not_measured, "LV mass")
    assert "there is no A2C clip" in reason_of(report.not_measured, "biplane left atrial volume")
    assert report.failures == ()


PEAK = Setting("peak")


def recorded(report: StudyReport, *settings: Setting) -> list[ClipResult]:
    """The A4C, A2C and PLAX clip of a study as if recorded in these settings."""
    pairs = zip(report.clips, settings, strict=True)
    return [replace(clip, cine=replace(clip.cine, setting=setting)) for clip, setting in pairs]


def biplane(summary: Summary) -> dict[str, set[str]]:
    return {
        item.name: {source.clip for source in item.sources}
        for item in summary.measurements
        if item.method == "biplane" and item.name in ("LVEF", "LAV")
    }


@pytest.mark.parametrize("other", [PEAK, Setting(contrast=True), Setting(probe="transesophageal")])
def test_clips_of_two_stages_or_ways_make_no_biplane_value_and_it_is_said(whole: StudyReport, other: Setting) -> None:
    summary = summarize(recorded(whole, Setting(), other, Setting()), MAN)
    assert biplane(summary) == {} and summary.biplane is None
    reason = reason_of(summary.not_measured, "biplane EF")
    assert "same stage" in reason and f"A4C at rest, A2C {other}" in reason
    assert "same stage" in reason_of(summary.not_measured, "left atrial")
    assert any(f"{other}: A2C-1" in note for note in summary.notes)


def test_a_pair_at_rest_goes_before_one_under_stress(whole: StudyReport) -> None:
    a4c, a2c, plax = recorded(whole, Setting(), Setting(), PEAK)
    peak = [
        replace(clip, id=f"{clip.view}-2", lv=replace(clip.lv, clip=f"{clip.view}-2"))
        for clip in recorded(whole, PEAK, PEAK, PEAK)[:2]
    ]
    summary = summarize([*peak, a4c, a2c, plax], MAN)
    assert biplane(summary)["LVEF"] == {"A4C-1", "A2C-1"}
    assert any("A4C-1 and A2C-1, both recorded at rest" in note for note in summary.notes)
    assert any("at stage peak: A4C-2, A2C-2, PLAX-1" in note for note in summary.notes)


def test_a_pair_under_stress_is_measured_where_there_is_no_other(whole: StudyReport) -> None:
    summary = summarize(recorded(whole, PEAK, PEAK, PEAK), MAN)
    assert biplane(summary) == {"LVEF": {"A4C-1", "A2C-1"}, "LAV": {"A4C-1", "A2C-1"}}
    assert any("both recorded at stage peak" in note for note in summary.notes)


def again(clip: ClipResult) -> ClipResult:
    """The clip as a second one of its view."""
    assert clip.lv is not None
    name = f"{clip.view}-2"
    return replace(clip, id=name, lv=replace(clip.lv, clip=name))


def test_a_pair_of_one_protocol_goes_before_one_of_two(whole: StudyReport) -> None:
    one, two = Setting(protocol="Adult Echo"), Setting(protocol="Strain")
    a4c, a2c, plax = recorded(whole, two, one, one)
    second = again(recorded(whole, one, one, one)[0])
    summary = summarize([a4c, second, a2c, plax], MAN)
    assert any("from clips A4C-2 and A2C-1" in note for note in summary.notes)
    assert not any("protocols" in note for note in summary.notes)


def test_a_pair_of_two_protocols_is_measured_and_it_is_said(whole: StudyReport) -> None:
    summary = summarize(recorded(whole, Setting(protocol="Adult Echo"), Setting(protocol="Strain"), Setting()), MAN)
    assert biplane(summary)["LVEF"] == {"A4C-1", "A2C-1"}
    assert any("different protocols ('Adult Echo' and 'Strain')" in note for note in summary.notes)
    alike = summarize(recorded(whole, *[Setting(protocol="Adult Echo")] * 3), MAN)
    assert not any("protocol" in note for note in alike.notes)


def test_nothing_is_said_of_stages_where_there_are_none(whole: StudyReport) -> None:
    assert not any("recorded" in note for note in whole.notes)


def test_numbers_of_a_transesophageal_clip_are_doubted(tmp_path: Path) -> None:
    write_take(tmp_path / "a4c.dcm", A4C, ImageType=["ORIGINAL", "PRIMARY", "TEE", "0001"])
    report = analyzed(tmp_path, WHOLE)
    found = [item for item in report.measurements if item.name in ("LVEDV", "LVEF", "LAV")]
    assert found and all(any("transesophageal probe" in text for text in item.warnings) for item in found)


def test_the_user_names_views(good: Path) -> None:
    options = StudyOptions(observe=TruthIn({"a4c.dcm": A4C}, {"a4c.dcm": sure_of("PLAX")}), views={"a4c.dcm": "A4C"})
    (report,) = analyze_study([good / "a4c.dcm"], MODEL, options=options)
    assert (report.clips[0].view, report.clips[0].view_source.value) == ("A4C", "user")


@pytest.mark.parametrize(("name", "view"), [("a4c.dcm", "A6C"), ("gone.dcm", "A4C")])
def test_views_that_are_none_and_of_no_clip_are_refused_at_once(good: Path, name: str, view: str) -> None:
    observe = TruthIn({})
    with pytest.raises(EchoApexError, match="view"):
        analyze_study([good], MODEL, options=StudyOptions(observe=observe, views={name: view}))
    assert observe.asked == []


def test_an_empty_folder_and_no_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no file"):
        analyze_study([tmp_path], MODEL)
    with pytest.raises(ReadError, match="no such file"):
        analyze_study([tmp_path / "gone.dcm"], MODEL)


def test_a_model_that_knows_nothing_of_the_view_is_a_failure_of_the_clip(good: Path) -> None:
    from types import SimpleNamespace

    model = SimpleNamespace(card=replace(CARD, structures=("PERICARDIAL_EFFUSION",)))
    (report,) = analyze_study([good], model, options=StudyOptions(observe=TruthIn(WHOLE)))
    assert len(report.failures) == 3 and all("knows nothing" in str(failure) for failure in report.failures)
