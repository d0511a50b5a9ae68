"""A file of corrections that is damaged, hostile, or of other clips: what is said of it, and that nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_cases import CARD
from study_cases import MODEL, Take, TruthIn, analyzed, write_take

from echoapex.analysis.clip_corrections import ClipCorrections
from echoapex.analysis.corrections_file import clip_record, read_corrections, write_corrections
from echoapex.cine import Cine
from echoapex.cli import main
from echoapex.errors import EchoApexError
from echoapex.io import read_cine
from echoapex.session.state import SessionState
from echoapex.study.batch_analysis import StudyOptions, analyze_study
from echoapex.study.study_progress import Event

TAKES = {"a4c.dcm": Take("A4C")}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_take(folder / "a4c.dcm", TAKES["a4c.dcm"])
    return folder


@pytest.fixture(scope="module")
def cine(study: Path) -> Cine:
    return read_cine(study / "a4c.dcm")


def test_corrections_of_another_clip_are_said_and_change_nothing(study: Path, cine: Cine, tmp_path: Path) -> None:
    other = replace(cine, frames=255 - cine.frames)
    file = tmp_path / "corrections.json"
    record = clip_record(SessionState(CARD, other), ClipCorrections("r1", view="PLAX"), "other.dcm")
    write_corrections(file, record)
    events: list[Event] = []
    options = StudyOptions(observe=TruthIn(TAKES), corrections=read_corrections(file))
    (report,) = analyze_study([study], MODEL, progress=events.append, options=options)
    before = analyzed(study, TAKES)
    assert report.measurements == before.measurements and report.notes == before.notes
    (told,) = [text for event in events for text in event.words if "other.dcm" in text]
    assert str(file) in told and "change nothing" in told


def damaged_session(record: dict[str, Any]) -> None:
    record["session"]["entries"] = [{"structure": "LV", "frame": 0}]


def session_of_another(record: dict[str, Any]) -> None:
    record["session"]["cine"]["sha256"] = "0" * 64


def wall(**changes: object) -> dict[str, object]:
    return {"name": "IVSd", "frame": 3, "ends": [[1, 1], [9, 1]], "placed": True, "confirmed": False} | changes


DAMAGED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "session": (damaged_session, "damaged"),
    "another clip": (session_of_another, "another cine"),
    "frame": (lambda record: record.update(phases={"ed": 999, "es": 3}), "frames must be 0 to 31"),
    "one frame": (lambda record: record.update(phases={"ed": 3, "es": 3}), "two frames"),
    "wall beside the frame": (
        lambda record: record.update(walls=[wall(ends=[[1, 1], [5000, 1]])]),
        "must lie in the frame",
    ),
    "wall of nobody": (lambda record: record.update(walls=[wall(placed=False)]), "placed or confirmed"),
    "wall twice": (lambda record: record.update(walls=[wall(), wall()]), "once"),
    "points": (
        lambda record: record.update(calibration={"points": [[1, 1], [1, 1]], "mm": 50}),
        "a pixel apart",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_corrections_that_do_not_fit_their_clip_are_its_failure(
    study: Path, cine: Cine, tmp_path: Path, name: str
) -> None:
    change, words = DAMAGED[name]
    record = clip_record(SessionState(CARD, cine), ClipCorrections("r1"), "a4c.dcm")
    change(next(iter(record.values())))
    file = tmp_path / "corrections.json"
    write_corrections(file, record)
    options = StudyOptions(observe=TruthIn(TAKES), corrections=read_corrections(file))
    (report,) = analyze_study([study / "a4c.dcm"], MODEL, options=options)
    (failure,) = report.failures
    assert words in str(failure) and "a4c.dcm" in str(failure) and str(file) in str(failure)
    assert report.clips == ()


CLIP = "ab" * 32
HOSTILE = {
    "no JSON": ("{", "can be read"),
    "a list": ("[]", "an object, and is a list"),
    "another version": ('{"schema": 2, "clips": {}}', "schema must be one of 1, and is 2"),
    "no clips": ('{"schema": 1}', "clips is missing"),
    "more": ('{"schema": 1, "clips": {}, "x": 1}', "without an entry"),
    "a name": ('{"schema": 1, "clips": {"Jane": {}}}', "SHA-256 of pixels"),
    "a view": (json.dumps({"schema": 1, "clips": {CLIP: {"view": "A6C"}}}), "view must be one of"),
    "a flip": (json.dumps({"schema": 1, "clips": {CLIP: {"flip": "sideways"}}}), "flip must be one of"),
    "a frame": (json.dumps({"schema": 1, "clips": {CLIP: {"phases": {"ed": -1, "es": 2}}}}), "ed must be a whole"),
    "mm": (
        json.dumps({"schema": 1, "clips": {CLIP: {"calibration": {"points": [[0, 0], [1, 1]], "mm": 1e9}}}}),
        "mm must be a finite number from 0.1 to 500",
    ),
    "a long reason": (
        json.dumps(
            {"schema": 1, "clips": {CLIP: {"excluded": [{"name": "LVEF", "method": "A4C", "reason": "x" * 301}]}}}
        ),
        "at most 300 characters",
    ),
    "many excluded": (
        json.dumps(
            {"schema": 1, "clips": {CLIP: {"excluded": [{"name": "LVEF", "method": "A4C", "reason": "x"}] * 101}}}
        ),
        "at most 100",
    ),
    "no view": (json.dumps({"schema": 1, "clips": {CLIP: {"view": "UNKNOWN"}}}), "view must be one of"),
    "twice": ('{"schema": 1, "clips": {}, "clips": {}}', "twice"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_file_of_corrections_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    text, words = HOSTILE[name]
    file = tmp_path / "corrections.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EchoApexError, match=words) as refused:
        read_corrections(file)
    assert str(file) in str(refused.value) and len(str(refused.value)) < 500


def test_the_command_line_refuses_a_bad_file_before_the_work(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.json"
    assert main(["analyze", str(study), "--out", str(tmp_path / "out"), "--corrections", str(missing)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and str(missing) in told and "no such file" in told
    assert not (tmp_path / "out").exists()


def test_two_views_by_hand_are_refused(study: Path, cine: Cine, tmp_path: Path) -> None:
    file = tmp_path / "corrections.json"
    write_corrections(file, clip_record(SessionState(CARD, cine), ClipCorrections(view="PLAX")))
    options = StudyOptions(observe=TruthIn(TAKES), corrections=read_corrections(file), views={"a4c.dcm": "A2C"})
    (report,) = analyze_study([study / "a4c.dcm"], MODEL, options=options)
    assert "A clip has one view" in str(report.failures[0])
