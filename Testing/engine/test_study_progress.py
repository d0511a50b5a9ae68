"""What is told while studies are analyzed: events in their order, in words and as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from study_cases import MODEL, Take, TruthIn, set_region, write_take

from echoapex.errors import EchoApexError
from echoapex.report.report_folder import report_output
from echoapex.study.batch_analysis import StudyOptions, write_studies
from echoapex.study.study_progress import Event, in_words

TAKES = {"a4c.dcm": Take("A4C"), "plax.dcm": Take("PLAX")}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips that are measured, a damaged one, one of M-mode, and a letter."""
    folder = tmp_path_factory.mktemp("study")
    for name, take in TAKES.items():
        write_take(folder / name, take)
    (folder / "damaged.dcm").write_bytes((folder / "a4c.dcm").read_bytes()[:5000])
    write_take(folder / "m-mode.dcm", TAKES["a4c.dcm"])
    set_region(folder / "m-mode.dcm", RegionSpatialFormat=2)
    (folder / "letter.txt").write_text("Dear colleague", encoding="utf-8")
    return folder


def told(paths: list[Path], out: Path) -> list[Event]:
    events: list[Event] = []
    options = StudyOptions(observe=TruthIn(TAKES), scene=False)
    list(write_studies(paths, MODEL, out, options=options, progress=events.append))
    return events


@pytest.fixture(scope="module")
def events(study: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return told([study], tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def records(events: list[Event]) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(event.record, allow_nan=False)) for event in events]


def of(records: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [record for record in records if record["event"] == event]


def test_events_come_in_the_order_of_the_work(records: list[dict[str, Any]], study: Path) -> None:
    kinds = [record["event"] for record in records if record["event"] != "message"]
    assert kinds[0] == "study" and kinds[-1] == "study_done"
    assert kinds.index("writing") > max(place for place, kind in enumerate(kinds) if kind.startswith("clip"))
    (begun,) = of(records, "study")
    files = [str(study / name) for name in ("a4c.dcm", "damaged.dcm", "m-mode.dcm", "plax.dcm")]
    assert begun == {"event": "study", "study": "study-1", "number": 1, "studies": 1, "files": files, "clips": 4}


def test_a_clip_is_told_stage_by_stage(records: list[dict[str, Any]], study: Path) -> None:
    place = {"study": "study-1", "file": str(study / "plax.dcm"), "number": 4, "clips": 4}
    of_clip = [record for record in records if record.get("file") == place["file"]]
    assert [record.get("stage") for record in of_clip] == [
        *("reading", "view", "outlines", "landmarks", "measuring"),
        None,
    ]
    assert all(record.items() >= place.items() for record in of_clip)


def test_a_clip_that_is_done_says_what_was_found(records: list[dict[str, Any]]) -> None:
    first, _ = of(records, "clip_done")
    assert (first["clip"], first["view"], first["view_source"], first["view_probability"]) == (
        *("A4C-1", "A4C", "header"),
        None,
    )
    assert (first["frame_count"], first["scale_source"], first["mode"]) == (32, "dicom_region", "2D")
    assert set(first["confidence"]) == {"LV", "LV_MYO", "LA", "RV", "RA"} and first["failure"] is None
    assert all(0.9 < value < 0.97 for value in first["confidence"].values())
    assert {"name", "value", "unit", "method"} == set(first["measurements"][0])
    assert "LVEF" in {item["name"] for item in first["measurements"]}


def test_a_clip_that_failed_is_told_apart_from_one_that_shows_nothing_to_measure(
    records: list[dict[str, Any]],
) -> None:
    found = {Path(record["file"]).name: record for record in of(records, "clip_failed")}
    assert {name: record["failed"] for name, record in found.items()} == {"damaged.dcm": True, "m-mode.dcm": False}
    for record in found.values():
        assert record["message"].startswith(f"{record['file']}: {record['rule']}")


def test_the_end_of_a_study_says_where_it_lies(records: list[dict[str, Any]]) -> None:
    (done,) = of(records, "study_done")
    assert json.loads(Path(done["report"]).read_text(encoding="utf-8"))["study"] == done["study"] == "study-1"
    assert all(Path(done[name]).is_file() for name in ("html", "csv")) and done["scene"] is None
    assert (done["clips"], done["failures"]) == (2, 1)


def test_people_are_told_each_clip_each_reason_and_what_is_left_out_once(events: list[Event]) -> None:
    said: list[str] = []
    for event in events:
        in_words(said.append)(event)
    assert [line for line in said if ": clip " in line] == [f"study-1: clip {number} of 4" for number in range(1, 5)]
    assert "writing pictures and masks of PLAX-1" in said
    for word in ("damaged.dcm", "m-mode.dcm", "letter.txt", "No biplane EF"):
        assert len([line for line in said if word in line]) == 1
    assert all(said)


def test_a_study_that_cannot_be_written_is_told(study: Path, tmp_path: Path) -> None:
    with report_output(tmp_path / "out"):
        events = told([study / "a4c.dcm"], tmp_path / "out")
    (record,) = of([event.record for event in events], "study_failed")
    assert record["study"] == "study-1" and "Another run" in record["rule"] and "Another run" in record["message"]


def test_studies_are_counted(tmp_path: Path) -> None:
    for number, name in enumerate(TAKES):
        write_take(tmp_path / name, TAKES[name], study=f"1.{number}")
    begun = of([event.record for event in told([tmp_path], tmp_path / "out")], "study")
    assert [(record["study"], record["number"], record["studies"]) for record in begun] == [
        ("study-1", 1, 2),
        ("study-2", 2, 2),
    ]


def test_nothing_is_told_of_files_that_are_not_there(tmp_path: Path) -> None:
    events: list[Event] = []
    with pytest.raises(EchoApexError):
        list(write_studies([tmp_path], MODEL, tmp_path / "out", progress=events.append))
    assert events == []
