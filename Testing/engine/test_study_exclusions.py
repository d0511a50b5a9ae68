"""What a person takes out of an analysis stays out, a beat or a number; a wall is confirmed as it was found."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from report_cases import CARD, simulated, true_landmarks, true_masks
from study_cases import MODEL, Take, TruthIn, analyzed, write_take

from echoapex import resources
from echoapex.analysis.clip_analysis import ClipResult, measure_clip
from echoapex.analysis.clip_corrections import Calibration, ClipCorrections, ExcludedBeat
from echoapex.analysis.corrections_file import clip_record, file_record, read_corrections, write_corrections
from echoapex.analysis.walls_by_hand import WallByHand
from echoapex.cine import Cine, FrameTimes, TimeSource
from echoapex.inference.segmentation import Segmentation
from echoapex.io import read_cine
from echoapex.landmarks import Landmarks
from echoapex.measure.derived_numbers import basis, made_of, out_with_parts
from echoapex.measure.measurement import Beat, Exclusion, Measurement, Source
from echoapex.measure.volumes_while_editing import Phases
from echoapex.patient import Patient, Sex
from echoapex.report import StudyReport, report_json
from echoapex.report.measurements_csv import measurement_rows
from echoapex.report.measurements_table import key_measurements, measurement_table
from echoapex.session.frame_entries import Entry, PackedMask, Status
from echoapex.session.state import SessionState
from echoapex.study.batch_analysis import StudyOptions, analyze_study
from echoapex.study.study_progress import Event

BEATS = 1.4
"""In the simulated clips."""

TAKES = {"a4c.dcm": Take("A4C"), "plax.dcm": Take("PLAX")}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    for name, take in TAKES.items():
        write_take(folder / name, take)
    return folder


def twice(view: str) -> tuple[Cine, dict[str, Segmentation], Landmarks | None, list[Beat]]:
    """A clip of two beats, the second of which is smaller: every frame of it is one of the first, cut off below."""
    cine, masks, landmarks = simulated(view).cine(), true_masks(view), true_landmarks(view)
    (beat, *_) = measure_clip(cine, "one", view, masks, landmarks).beats
    once = range(beat.ed, beat.ed + round(cine.frame_count / BEATS))
    frames = [*once, *once, beat.ed]
    seconds = np.arange(len(frames)) / 30.0
    long = replace(cine, frames=cine.frames[frames], times=FrameTimes(seconds, TimeSource.CONTAINER))
    doubled = {name: Segmentation(one.masks[frames].copy(), one.confidence[frames]) for name, one in masks.items()}
    half = len(frames) // 2
    rows = np.flatnonzero(doubled["LV"].masks[half:].any(axis=(0, 2)))
    doubled["LV"].masks[half:, : int(rows[0]) + 4] = False
    points = (
        None
        if landmarks is None
        else replace(landmarks, points=landmarks.points[frames], sigma_px=landmarks.sigma_px[frames])
    )
    found = measure_clip(long, "two", view, doubled, points)
    assert len(found.beats) == 2
    return long, doubled, points, list(found.beats)


def value(clip: ClipResult, name: str, method: str) -> float | None:
    (item,) = [item for item in clip.measurements if (item.name, item.method) == (name, method)]
    return item.value


def without(clip: tuple[Any, ...], view: str, *beats: Beat, **more: Any) -> ClipResult:
    cine, masks, landmarks, _ = clip
    # One frame off: a beat is known again although an outline has moved it.
    given = tuple(ExcludedBeat(beat.ed + 1, beat.es + 1, "an extrasystole") for beat in beats)
    by_hand = ClipCorrections("r1", excluded_beats=given, **more)
    return measure_clip(cine, "two", view, masks, landmarks, by_hand=by_hand)


@pytest.mark.parametrize("view", ["A4C", "PLAX"])
def test_without_an_excluded_beat_the_other_one_counts(view: str) -> None:
    clip = twice(view)
    first, second = clip[3]
    left = without(clip, view, first)
    assert left.beats == (second,)
    frames = {frame for item in left.measurements for source in item.sources for frame in source.frames}
    assert min(frames) > first.es
    assert all(any("an extrasystole" in text for text in item.warnings) for item in left.measurements)
    if view == "A4C":
        assert left.lv is not None
        assert value(left, "LVEDV", "A4C") == pytest.approx(left.lv.volume_ml[second.ed])
        rate = value(without(clip, view, second), "HR", "ed_to_ed")
        assert first.next_ed is not None and rate == pytest.approx(60 * 30 / (first.next_ed - first.ed))


@pytest.mark.parametrize(("view", "missing"), [("A4C", "no ejection fraction"), ("PLAX", "no walls are measured")])
def test_where_no_beat_is_left_that_is_said(view: str, missing: str) -> None:
    clip = twice(view)
    left = without(clip, view, *clip[3])
    assert left.beats == () and left.refusal is None
    (reason,) = [str(reason) for reason in left.not_measured if missing in str(reason)]
    assert "No beat is left" in reason and "an extrasystole" in reason


def test_a_beat_set_by_hand_counts_until_it_is_excluded() -> None:
    clip = twice("A4C")
    first, second = clip[3]
    phases = Phases(first.ed + 1, first.es, True, True)
    assert without(clip, "A4C", second, phases=phases).beats == (Beat(first.ed + 1, first.es),)
    left = without(clip, "A4C", first, phases=phases)
    assert left.beats == (second,)
    assert any("in a beat that is excluded" in text for text in left.warnings)
    only_es = Phases(None, first.es + 1, False, True)
    assert without(clip, "A4C", first, phases=only_es).beats == (second,)


def corrected(study: Path, folder: Path, state: SessionState, **found: Any) -> StudyReport:
    file = folder / "corrections.json"
    write_corrections(file, clip_record(state, ClipCorrections("r1", **found), "clip"))
    return analyzed(study, TAKES, corrections=read_corrections(file))


def test_the_report_tells_of_excluded_beats_and_of_missing_numbers(study: Path, tmp_path: Path) -> None:
    (beat, *_) = analyzed(study, TAKES).clip("A4C-1").beats
    state = SessionState(CARD, read_cine(study / "a4c.dcm"))
    out = (ExcludedBeat(beat.ed, beat.es, "an extrasystole"),)
    report = corrected(study, tmp_path, state, excluded_beats=out)
    assert not any(item.name == "LVEF" for item in report.measurements)
    assert any(f"the beat of frames {beat.ed} to {beat.es} excluded: an extrasystole" in note for note in report.notes)
    record = report_json(report, study)
    Draft202012Validator(schema("report-2")).validate(record)
    told = {clip["id"]: clip["excluded_beats"] for clip in record["clips"]}
    assert told == {"A4C-1": [{"ed": beat.ed, "es": beat.es, "reason": "an extrasystole"}], "PLAX-1": []}


def schema(name: str) -> Any:
    return json.loads(resources.path(f"Schemas/{name}.schema.json").read_text(encoding="utf-8"))


def walls_of(report: StudyReport) -> dict[str, tuple[float | None, str]]:
    return {item.name: (item.value, item.status) for item in report.measurements if item.method == "linear"}


def test_a_wall_is_confirmed_with_the_value_that_was_seen(study: Path, tmp_path: Path) -> None:
    before = walls_of(analyzed(study, TAKES))
    state = SessionState(CARD, read_cine(study / "plax.dcm"))
    seen = {("IVSd", "linear"): before["IVSd"][0], ("LVIDd", "linear"): (before["LVIDd"][0] or 0.0) + 0.01}
    after = walls_of(corrected(study, tmp_path, state, confirmed_values=seen))
    assert {name: found[0] for name, found in after.items()} == {name: found[0] for name, found in before.items()}
    assert after["IVSd"][1] == "confirmed" and after["LVIDd"][1] == "predicted"


def test_a_clip_that_was_never_shown_is_known_by_its_file(study: Path, tmp_path: Path) -> None:
    write_take(tmp_path / "a4c.dcm", TAKES["a4c.dcm"], SequenceOfUltrasoundRegions=None)
    y, _ = simulated("A4C").cine().scale.require()
    by_file = file_record(
        tmp_path / "a4c.dcm", ClipCorrections("r1", calibration=Calibration(((3.0, 5.0), (3.0, 105.0)), 100 * y))
    )
    other = file_record(tmp_path / "gone.dcm", ClipCorrections("r1", view="A2C"))
    file = tmp_path / "corrections.json"
    write_corrections(file, {}, by_file | other)
    events: list[Event] = []
    options = StudyOptions(observe=TruthIn(TAKES), corrections=read_corrections(file))
    (report,) = analyze_study([tmp_path / "a4c.dcm"], MODEL, progress=events.append, options=options)
    assert report.clips[0].cine.scale.require() == pytest.approx((y, y), rel=1e-6)
    (told,) = [text for event in events for text in event.words if "gone.dcm" in text]
    assert "change nothing" in told

    # With a session, which says nothing of a scale, both count.
    state = SessionState(CARD, read_cine(tmp_path / "a4c.dcm"))
    write_corrections(file, clip_record(state, ClipCorrections("r1", phases=Phases(2, 9, True, True))), by_file)
    (report,) = analyze_study(
        [tmp_path / "a4c.dcm"], MODEL, options=replace(options, corrections=read_corrections(file))
    )
    assert report.clips[0].cine.scale.known and report.clips[0].beats == (Beat(2, 9),)


def test_a_file_of_corrections_keeps_to_its_schema_and_holds_what_counts(study: Path, tmp_path: Path) -> None:
    cine = read_cine(study / "plax.dcm")
    state = SessionState(CARD, cine)
    mask = PackedMask.of(true_masks("PLAX")["LV"].masks[0])
    found = {("LV", frame): Entry(mask, 0.9, Status.PREDICTED) for frame in range(4)}
    state.begin({**found, ("LV", 4): Entry(mask, source=Status.EDITED)})
    state.accept([2], "LV")
    corrections = ClipCorrections(
        "r1",
        view="PLAX",
        phases=Phases(3, None, True, False),
        calibration=Calibration(((1.0, 2.0), (1.0, 90.5)), 50.0),
        excluded={("LVEF", "A4C"): "poor"},
        walls={"IVSd": WallByHand(4, ((70.0, 30.0), (70.0, 70.0)))},
        excluded_beats=(ExcludedBeat(3, 9, "an extrasystole"),),
        confirmed_values={("LVIDd", "linear"): 47.25},
    )
    file = tmp_path / "corrections.json"
    file.touch(0o600)
    write_corrections(
        file, clip_record(state, corrections, "plax.dcm"), file_record(study / "a4c.dcm", ClipCorrections())
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = json.loads(file.read_text(encoding="utf-8"))
    Draft202012Validator(schema("corrections-1")).validate(written)
    (clip,) = written["clips"].values()
    assert [(item["frame"], item["review"]) for item in clip["session"]["entries"]] == [(2, "accepted"), (4, None)]
    read = read_corrections(file).of(cine, CARD)
    assert read is not None
    assert replace(read, entries={}) == corrections and set(read.entries) == {("LV", 2), ("LV", 4)}


@pytest.mark.parametrize(
    "change", [{"rater": 3}, {"excluded_beats": [{"ed": 1, "es": 2}]}, {"confirmed": [{"name": "IVSd"}]}, {"x": 1}]
)
def test_schema_and_reader_refuse_the_same(tmp_path: Path, change: dict[str, Any]) -> None:
    data = {"schema": 1, "clips": {"ab" * 32: change}}
    assert not Draft202012Validator(schema("corrections-1")).is_valid(data)
    (tmp_path / "c.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(Exception, match="no file of corrections"):
        read_corrections(tmp_path / "c.json")


def test_a_number_is_out_where_one_that_it_rests_on_is_out(tmp_path: Path) -> None:
    takes = {**TAKES, "a2c.dcm": Take("A2C")}
    for name, take in takes.items():
        write_take(tmp_path / name, take)
    out = {
        "a4c.dcm": {("LVESV", "A4C"): "cut off", ("LVEDV", "biplane"): "oblique", ("LAV", "disks"): "no such name"},
        "plax.dcm": {("LVIDd", "linear"): "a poor view"},
    }
    clips = [
        clip_record(SessionState(CARD, read_cine(tmp_path / name)), ClipCorrections("r1", excluded=found), name)
        for name, found in out.items()
    ]
    write_corrections(tmp_path / "c.json", {key: one for clip in clips for key, one in clip.items()})
    patient = Patient(Sex.MALE, 60.0, 176.0, 78.0)
    corrections = read_corrections(tmp_path / "c.json")
    report = analyzed(tmp_path, takes, corrections=corrections, patient=patient)
    found = {(item.name, item.method): item.excluded for item in report.measurements}
    of_a4c, of_both, of_wall = Exclusion("cut off"), Exclusion("oblique"), Exclusion("a poor view")
    gone = {
        ("LVESV", "A4C"): of_a4c,
        **{(name, "A4C"): replace(of_a4c, through="LVESV") for name in ("LVESVI", "LVSV", "LVEF", "CO")},
        ("LVEDV", "biplane"): of_both,
        **{(name, "biplane"): replace(of_both, through="LVEDV") for name in ("LVEDVI", "LVSV", "LVEF", "CO")},
        ("LVIDd", "linear"): of_wall,
        **{
            (name, "linear"): replace(of_wall, through="LVIDd")
            for name in ("FS", "RWT", "LVMass", "LVMassIndex", "LVGeometry")
        },
    }
    assert gone.keys() <= found.keys()
    assert {key: why for key, why in found.items() if why is not None} == gone
    told = [note for note in report.notes if "there is no" in note]
    assert [note.split(": ")[1] for note in told] == ["there is no LAV (disks) that could be excluded"]
    # What stands for the study by now, and what the page, the table and the file say of the others.
    chosen = {item.name: item.method for item in key_measurements(report)}
    assert chosen["LVEF"] == "A2C" and chosen["LVEDV"] != "biplane" and chosen["LVESV"] == "biplane"
    assert not {"LVMass", "RWT"} & chosen.keys()
    assert "excluded: it rests on LVESV (cut off)" in measurement_table(report)
    rows = {(row[2], row[5]): row[-2] for row in measurement_rows(report)}
    assert rows["LVMassIndex", "linear"] == "it rests on LVIDd (a poor view)" and rows["LVIDs", "linear"] == ""
    record = report_json(report, tmp_path)
    schema = json.loads(resources.path("Schemas/report-2.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(record)
    told = {(item["name"], item["method"]): item["excluded"] for item in record["measurements"]}
    assert told["CO", "A4C"] == {"reason": "cut off", "through": "LVESV"} and told["HR", "ed_to_ed"] is None


def number(name: str, method: str, *clips: str, why: str | None = None) -> Measurement:
    excluded = None if why is None else Exclusion(why)
    return Measurement(name, 1.0, "1", method, tuple(Source(clip, (1,)) for clip in clips), excluded=excluded)


def test_only_numbers_of_the_same_method_and_clips_are_out_with_another_one() -> None:
    items = (
        number("LVSV", "A4C", "a", why="poor"),
        number("CO", "A4C", "a"),
        number("CO", "A4C", "other"),
        number("LVSV", "A2C", "b"),
        number("CO", "A2C", "b"),
        number("LVSV", "biplane", "a", "b"),
        number("CO", "biplane", "a", "b"),
        number("HR", "ed_to_ed", "b", why="paced"),
    )
    found = out_with_parts(items)
    assert [item.excluded for item in found] == [
        Exclusion("poor"),
        Exclusion("poor", "LVSV"),
        None,
        None,
        Exclusion("paced", "HR"),
        None,
        Exclusion("paced", "HR"),
        Exclusion("paced"),
    ]
    assert out_with_parts(found) == found
    counts_again = [replace(found[0], excluded=None), *found[1:-1], replace(found[-1], excluded=None)]
    assert all(item.excluded is None for item in out_with_parts(counts_again))


def test_what_a_number_is_made_of_is_known_down_to_what_is_measured() -> None:
    assert made_of("CO") == ("LVSV", "HR", "LVEDV", "LVESV") and basis("CO") == ("HR", "LVEDV", "LVESV")
    assert basis("LVGeometry") == ("IVSd", "LVIDd", "LVPWd") and basis("LAVI") == ("LAV",)
    assert made_of("IVSd") == () and basis("IVSd") == ("IVSd",)
