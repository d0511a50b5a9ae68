"""Corrections by hand stand in the next analysis, only what depends on them changes, and numbers say so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_cases
from jsonschema import Draft202012Validator
from report_cases import CARD, simulated, true_masks
from study_cases import MODEL, Take, TruthIn, analyzed, measured, sure_of, write_take

from echoapex import resources
from echoapex.analysis.clip_analysis import measure_clip
from echoapex.analysis.clip_corrections import Calibration, ClipCorrections
from echoapex.analysis.corrections_file import clip_record, read_corrections, write_corrections
from echoapex.analysis.walls_by_hand import WallByHand
from echoapex.cine import Cine, Flip
from echoapex.io import read_cine
from echoapex.measure.lv_mass import lv_mass
from echoapex.measure.measurement import Exclusion, Measurement, Source
from echoapex.measure.volumes_while_editing import Phases
from echoapex.report import StudyReport, report_json, write_report
from echoapex.report.measurements_csv import measurement_rows
from echoapex.report.measurements_table import key_measurements, measurement_table
from echoapex.session.state import SessionState
from echoapex.study.batch_analysis import StudyOptions, analyze_study

TAKES = {"a4c.dcm": Take("A4C"), "a2c.dcm": Take("A2C"), "plax.dcm": Take("PLAX")}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    for name, take in TAKES.items():
        write_take(folder / name, take)
    return folder


@pytest.fixture(scope="module")
def before(study: Path) -> StudyReport:
    return analyzed(study, TAKES)


@pytest.fixture(scope="module")
def cine(study: Path) -> Cine:
    return read_cine(study / "a4c.dcm")


def corrected(study: Path, folder: Path, state: SessionState, **found: Any) -> StudyReport:
    """The study with the session ``state`` of one clip, and what else was ``found`` about it by hand."""
    file = folder / "corrections.json"
    write_corrections(file, clip_record(state, ClipCorrections("r1", **found), "a4c.dcm"))
    return analyzed(study, TAKES, corrections=read_corrections(file))


def beat_of(report: StudyReport) -> tuple[int, int]:
    (beat, *_) = report.clip("A4C-1").beats
    return beat.ed, beat.es


def numbers(report: StudyReport) -> dict[tuple[str, str, tuple[str, ...]], Measurement]:
    return {
        (item.name, item.method, tuple(source.clip for source in item.sources)): item for item in report.measurements
    }


def test_an_outline_by_hand_stands_and_only_what_depends_on_it_changes(
    study: Path, before: StudyReport, cine: Cine, tmp_path: Path
) -> None:
    _, es = beat_of(before)
    smaller = true_masks("A4C")["LV"].masks[es].copy()
    smaller[:, : int(np.flatnonzero(smaller.any(axis=0))[0]) + 3] = False
    state = SessionState(CARD, cine)
    state.edit(es, smaller, "LV")
    report = corrected(study, tmp_path, state)
    assert np.array_equal(report.clip("A4C-1").segmentations["LV"].masks[es], smaller)
    assert beat_of(report) == beat_of(before)
    assert measured(report, "LVESV", "A4C") < measured(before, "LVESV", "A4C")
    for key, item in numbers(report).items():
        rests = any(source.clip == "A4C-1" and es in source.frames for source in item.sources)
        assert (item.status, item.rater) == (("corrected", "r1") if rests else ("predicted", "")), key
        if not rests:
            assert item == numbers(before)[key]
    assert "A4C-1, by hand (r1): LV outlined in 1 frame" in report.notes


@pytest.fixture(scope="module")
def a4c(study: Path) -> Path:
    return study / "a4c.dcm"


def test_what_was_accepted_as_it_was_found_confirms_the_numbers(
    a4c: Path, before: StudyReport, cine: Cine, tmp_path: Path
) -> None:
    ed, _ = beat_of(before)
    state = found_in(cine, "A4C")
    state.accept([ed], "LV")
    report = corrected(a4c, tmp_path, state)
    for key, item in numbers(report).items():
        of_ed = all(source == replace(source, clip="A4C-1", frames=(ed,)) for source in item.sources)
        assert item.status == ("confirmed" if of_ed and not item.name.startswith("LA") else "predicted"), key
        assert item.value == numbers(before)[key].value


def found_in(cine: Cine, view: str, structure: str = "LV") -> SessionState:
    """A session that begins with the true masks of one structure as predictions."""
    from echoapex.session.frame_entries import Entry, PackedMask, Status

    state = SessionState(CARD, cine)
    masks = true_masks(view)[structure].masks
    state.begin({(structure, k): Entry(PackedMask.of(mask), 0.9, Status.PREDICTED) for k, mask in enumerate(masks)})
    return state


def test_predictions_of_a_session_that_nobody_looked_at_are_no_corrections(
    a4c: Path, before: StudyReport, cine: Cine, tmp_path: Path
) -> None:
    report = corrected(a4c, tmp_path, found_in(cine, "A4C"))
    assert numbers(report).items() <= numbers(before).items()


def test_ed_and_es_by_hand_are_where_volumes_are_taken(
    a4c: Path, before: StudyReport, cine: Cine, tmp_path: Path
) -> None:
    ed, es = (frame + 1 for frame in beat_of(before))
    report = corrected(a4c, tmp_path, SessionState(CARD, cine), phases=Phases(ed, es, True, True))
    assert beat_of(report) == (ed, es)
    curve = before.clip("A4C-1").lv.volume_ml
    assert measured(report, "LVEDV", "A4C") == curve[ed] and measured(report, "LVESV", "A4C") == curve[es]
    assert {item.status for item in report.measurements if item.name.startswith("LV")} == {"corrected"}
    assert any("ED (frame" in note for note in report.notes)
    only_es = corrected(a4c, tmp_path, SessionState(CARD, cine), phases=Phases(None, es, False, True))
    assert beat_of(only_es) == (beat_of(before)[0], es)


def test_a_view_by_hand_goes_before_what_is_recognized(cine: Cine, study: Path, tmp_path: Path) -> None:
    write_corrections(
        tmp_path / "c.json", clip_record(SessionState(CARD, cine), ClipCorrections("r1", view="A4C"), "a4c.dcm")
    )
    for recognized, status in (("PLAX", "corrected"), ("A4C", "predicted")):
        options = StudyOptions(
            observe=TruthIn(TAKES, {"a4c.dcm": sure_of(recognized)}), corrections=read_corrections(tmp_path / "c.json")
        )
        (report,) = analyze_study([study / "a4c.dcm"], MODEL, options=options)
        (clip,) = report.clips
        assert (clip.view, clip.view_source) == ("A4C", "user" if recognized == "PLAX" else "recognized")
        assert {item.status for item in report.measurements} == {status}


def test_a_scale_by_hand_gives_millimeters_and_leaves_percent_as_it_was(
    study: Path, before: StudyReport, cine: Cine, tmp_path: Path
) -> None:
    y, _ = cine.scale.require()
    twice = Calibration(((10.0, 20.0), (10.0, 70.0)), 50 * 2 * y)
    report = corrected(study, tmp_path, SessionState(CARD, cine), calibration=twice)
    old, new = numbers(before), numbers(report)
    key = ("LVEDV", "A4C", ("A4C-1",))
    assert new[key].value == pytest.approx(8 * old[key].value) and new[key].status == "corrected"
    told = f"The scale of A4C-1 is by hand: two points {twice.mm:g} mm apart"
    assert told in new[key].warnings
    key = ("LVEF", "A4C", ("A4C-1",))
    assert new[key].value == pytest.approx(old[key].value) and new[key].status == "predicted"
    assert told not in new[key].warnings
    # The longer axis of both views counts: a ratio, too, is another one.
    key = ("LVEF", "biplane", ("A4C-1", "A2C-1"))
    assert told in new[key].warnings and new[key].status == "corrected" and new[key].value != old[key].value
    assert all(told not in item.warnings for item in report.measurements if item.name == "HR")
    assert new["IVSd", "linear", ("PLAX-1",)] == old["IVSd", "linear", ("PLAX-1",)]
    record = report_json(report, study)
    schema = json.loads(resources.path("Schemas/report-2.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(record)
    scales = {clip["id"]: (clip["scale_source"], clip["calibration"]) for clip in record["clips"]}
    assert scales["A4C-1"] == ("user", {"points": [[10.0, 20.0], [10.0, 70.0]], "mm": twice.mm})
    assert scales["PLAX-1"] == ("dicom_region", None)


def test_a_clip_without_a_scale_gets_volumes_by_two_points(tmp_path: Path, cine: Cine) -> None:
    write_take(tmp_path / "a4c.dcm", TAKES["a4c.dcm"], SequenceOfUltrasoundRegions=None)
    bare = read_cine(tmp_path / "a4c.dcm")
    assert not bare.scale.known
    apart = Calibration(((3.0, 5.0), (3.0, 105.0)), 100 * cine.scale.require()[0])
    report = corrected(tmp_path, tmp_path, SessionState(CARD, bare), calibration=apart)
    assert report.clips[0].cine.scale.require() == pytest.approx(cine.scale.require(), rel=1e-6)
    assert numbers(report)["LVEDV", "A4C", ("A4C-1",)].status == "corrected"


def test_a_clip_is_known_again_as_a_scene_shows_it_and_when_it_was_turned(
    a4c: Path, cine: Cine, tmp_path: Path
) -> None:
    masked = replace(cine, frames=cine.masked_frames())
    phases = Phases(2, 9, True, True)
    assert beat_of(corrected(a4c, tmp_path, SessionState(CARD, masked), phases=phases)) == (2, 9)
    turned = SessionState(CARD, masked.turned(Flip.HORIZONTAL))
    clip = corrected(a4c, tmp_path, turned, flip=Flip.HORIZONTAL).clip("A4C-1")
    assert clip.cine.flip is Flip.HORIZONTAL and clip.cine.frames.shape == cine.frames.shape


def test_a_number_that_is_excluded_stays_with_the_reason_and_stands_for_nothing(
    study: Path, before: StudyReport, cine: Cine, tmp_path: Path
) -> None:
    reason = {("LVEF", "biplane"): "an <extrasystole>"}
    report = corrected(study, tmp_path, SessionState(CARD, cine), excluded=reason)
    (item,) = [item for item in report.measurements if item.excluded]
    assert (item.name, item.method, item.excluded) == ("LVEF", "biplane", Exclusion("an <extrasystole>"))
    assert item not in key_measurements(report) and measured(before, "LVEF", "biplane") == item.value
    assert "excluded: an &lt;extrasystole&gt;" in measurement_table(report)
    (row,) = [row for row in measurement_rows(report) if row[2] == "LVEF" and row[5] == "biplane"]
    assert row[-4:-1] == ("predicted", "", "an <extrasystole>")


def test_the_page_and_the_table_show_who_corrected_what(a4c: Path, cine: Cine, tmp_path: Path) -> None:
    report = corrected(a4c, tmp_path, SessionState(CARD, cine), phases=Phases(2, 9, True, True))
    assert '<span class="badge">corrected by r1</span>' in measurement_table(report)
    assert ("corrected", "r1", "") in {row[-4:-1] for row in measurement_rows(report)}


def walls(study: Path, **placed: bool) -> tuple[SessionState, dict[str, WallByHand]]:
    """A session of the PLAX clip, and lengths of 40 px down a column."""
    plax = read_cine(study / "plax.dcm")
    ends = ((70.0, 30.0), (70.0, 70.0))
    given = {name: WallByHand(4, ends, by_hand, confirmed=not by_hand) for name, by_hand in placed.items()}
    return SessionState(CARD, plax), given


def test_a_wall_placed_by_hand_is_as_long_as_it_is_and_the_others_stay(
    study: Path, before: StudyReport, tmp_path: Path
) -> None:
    state, given = walls(study, IVSd=True)
    report = corrected(study, tmp_path, state, walls=given)
    old, new = numbers(before), numbers(report)
    length = 40 * state.cine.scale.require()[0]
    septum = new["IVSd", "linear", ("PLAX-1",)]
    assert (septum.value, septum.status, septum.confidence) == (pytest.approx(length), "corrected", 1.0)
    assert septum.sources == (Source("PLAX-1", (4,)),) and "IVSd was set by hand" in septum.warnings
    for name in ("LVIDd", "LVPWd", "LVIDs", "FS", "RWT"):
        assert measured(report, name, "linear") == measured(before, name, "linear")
    mass = next(item for item in report.measurements if item.name == "LVMass")
    inner, wall = (measured(before, name, "linear") for name in ("LVIDd", "LVPWd"))
    assert mass.value == pytest.approx(lv_mass(length, inner, wall)) and mass.status == "corrected"
    assert {item.status for key, item in new.items() if key[0] in ("LVIDd", "RWT", "FS")} == {"predicted"}
    assert new["LVEF", "A4C", ("A4C-1",)] == old["LVEF", "A4C", ("A4C-1",)]
    (caliper,) = [item for item in report.clip("PLAX-1").walls.calipers if item.name == "IVSd"]
    assert (caliper.start, caliper.end, caliper.frame) == ((70.0, 30.0), (70.0, 70.0), 4)


def test_walls_that_were_confirmed_confirm_what_is_made_of_them(study: Path, tmp_path: Path) -> None:
    state, given = walls(study, LVIDd=False, LVPWd=False)
    report = corrected(study / "plax.dcm", tmp_path, state, walls=given)
    status = {item.name: item.status for item in report.measurements if item.method == "linear"}
    assert (status["LVIDd"], status["RWT"], status["LVMass"]) == ("confirmed", "confirmed", "corrected")
    assert measured(report, "RWT", "linear") == pytest.approx(2.0)


def test_walls_by_hand_need_no_landmarks_of_a_model(tmp_path: Path) -> None:
    cine = simulated("PLAX").cine()
    lengths = {"IVSd": 10.0, "LVIDd": 48.0, "LVPWd": 9.0, "LVIDs": 32.0}
    px = {name: length / cine.scale.require()[0] for name, length in lengths.items()}
    given = {name: WallByHand(4, ((70.0, 30.0), (70.0, 30.0 + px[name]))) for name in lengths}
    clip = measure_clip(cine, "PLAX-1", "PLAX", true_masks("PLAX"), None, by_hand=ClipCorrections(walls=given))
    assert clip.refusal is None
    assert {item.name: item.value for item in clip.measurements} == pytest.approx(
        {**lengths, "FS": 100 / 3, "RWT": 18 / 48}
    )
    assert write_report(tmp_path / "out", report_cases.report(clip, truth=None)).is_file()


def test_of_a_model_the_aortic_root_is_withheld_and_an_accepted_one_is_looked_at(
    study: Path, before: StudyReport, tmp_path: Path
) -> None:
    def why(report: StudyReport) -> str:
        return next(reason.rule for reason in report.not_measured if "AoRootd" in reason.rule)

    assert "drawn or accepted the outline of the aortic root" in why(before)
    plax = read_cine(study / "plax.dcm")
    state = found_in(plax, "PLAX", "AO")
    state.accept([before.clip("PLAX-1").beats[0].ed], "AO")
    report = corrected(study / "plax.dcm", tmp_path, state)
    assert "the edge of the image cuts off" in why(report)  # as it does in this heart
