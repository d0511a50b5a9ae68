"""Two reports of one patient side by side, and a report as a page for a text widget."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import pytest
import scene_cases as cases
from written_reports import write_report

from echoapex.errors import EchoApexError, ReadError
from EchoApexLib.study.measurementRows import measurementRows, tabSeparated
from EchoApexLib.study.openedReport import OpenedReport
from EchoApexLib.study.reportPreview import previewPage
from EchoApexLib.study.studyController import StudyController
from EchoApexLib.study.studyInScene import newScene


def written(folder: Path, ef: float, **changes: Any) -> Path:
    """A report whose LVEF is ``ef``."""
    folder.mkdir()
    write_report(folder, cases.make_clip(), cases.make_clip("b", "A2C", landmarks=False, seed=7), **changes)
    record = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    record["measurements"][0]["value"] = ef
    (folder / "report.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


@pytest.fixture
def now(tmp_path: Path) -> OpenedReport:
    return OpenedReport(written(tmp_path / "now", 33.0))


@pytest.mark.parametrize("name", ["", "report.json"])
def test_changes_stand_beside_the_numbers(now: OpenedReport, tmp_path: Path, name: str) -> None:
    earlier, comparison = now.compareWith(written(tmp_path / "earlier", 45.5) / name)
    assert earlier.folder == tmp_path / "earlier"
    changes = {row.cells[0]: row.cells[-1] for row in measurementRows(now, comparison=comparison)}
    assert changes == {"LVEF": "−12.5 points", "LVEDVI": "", "LVMass": "+0.0 g"}
    assert "Earlier 45.5 %: −12.5 points." in measurementRows(now, comparison=comparison)[0].words
    assert {row.cells[-1] for row in measurementRows(now)} == {""}
    assert "Change" not in tabSeparated(now)
    assert "−12.5 points" in tabSeparated(now, comparison=comparison)


def test_a_scale_by_hand_and_another_model_are_said(now: OpenedReport, tmp_path: Path) -> None:
    folder = written(tmp_path / "earlier", 45.0, model={"id": "old", "hash": None, "simulated_only": True})
    record = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    for clip in record["clips"]:
        clip["calibration"] = {"points": [[0, 0], [0, 50]], "mm": 50}
    (folder / "report.json").write_text(json.dumps(record), encoding="utf-8")
    _, comparison = now.compareWith(folder)
    assert "old then, tiny-test now" in comparison.warnings[0]
    assert any("scale was given by hand earlier" in text for text in comparison.warnings)


@pytest.mark.parametrize(
    ("patients", "sentence"),
    [
        (({"sex": "male"}, {"sex": "female"}), "The earlier report is of another patient: the sex is not the same"),
        (({"sex": None, "age": 50}, {"sex": None, "age": 70}), "or is the later one"),
    ],
)
def test_the_report_of_another_patient_is_one_sentence(tmp_path: Path, patients: Any, sentence: str) -> None:
    known = {"sex": None, "age": None, "height_cm": None, "weight_kg": None}
    now = OpenedReport(written(tmp_path / "now", 33.0, patient=known | patients[0]))
    earlier = written(tmp_path / "earlier", 44.0, patient=known | patients[1])
    with pytest.raises(EchoApexError, match=sentence):
        now.compareWith(earlier)


def test_the_same_report_none_and_one_of_a_newer_version_are_refused(now: OpenedReport, tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match="This is the report that is open"):
        now.compareWith(now.folder)
    with pytest.raises(ReadError, match="There is no report here"):
        now.compareWith(tmp_path)
    newer = written(tmp_path / "newer", 45.0)
    text = (newer / "report.json").read_text(encoding="utf-8")
    (newer / "report.json").write_text(text.replace('"schema": 2', '"schema": 9'), encoding="utf-8")
    with pytest.raises(ReadError, match=r"written by a newer EchoApex.*found: 9"):
        now.compareWith(newer)


def test_the_work_on_a_study_compares_until_it_is_told_to_stop_or_another_report_is_opened(tmp_path: Path) -> None:
    first, second = written(tmp_path / "first", 45.0), written(tmp_path / "second", 33.0)
    with newScene() as scene:
        study = StudyController(scene, lambda: None, lambda _: None)
        with pytest.raises(EchoApexError, match="No report is open"):
            study.compareWith(first)
        study.openReport(second, showing=False)
        study.compareWith(first)
        assert study.comparison is not None and study.earlier is not None
        with pytest.raises(EchoApexError):
            study.compareWith(tmp_path)
        assert study.comparison is not None
        study.stopComparing()
        assert study.comparison is None
        study.compareWith(first)
        study.openReport(first, showing=False)
        assert study.comparison is None and study.earlier is None
        study.compareWith(second)
        study.sceneClosed()
        assert study.comparison is None
        study.close()


def test_the_page_has_numbers_warnings_pictures_and_what_it_is(now: OpenedReport, tmp_path: Path) -> None:
    pictures = now.folder / "pictures"
    pictures.mkdir()
    for name in ("a-0003.png", "b-0000.png", "elsewhere-0001.png", "a-curve.svg"):
        (pictures / name).write_bytes(b"")
    page = previewPage(now)
    assert "Not a medical device" in page and "Simulated heart" in page and "tiny-test is a demonstration" in page
    assert "<td>Ejection fraction</td><td><b>33.0 %</b></td>" in page and "frames 1 (ED), 3 (ES)" in page
    (warning,) = now.measurements[1].warnings
    assert f"<li>{escape(warning)}</li>" in page and "End-diastolic volume index <sup>1</sup>" in page
    assert page.count("<img ") == 2 and (pictures / "a-0003.png").as_uri() in page
    assert "Change" not in page
    _, comparison = now.compareWith(written(tmp_path / "earlier", 45.5))
    assert "<td>−12.5 points</td>" in previewPage(now, comparison)


def test_nothing_in_a_report_becomes_part_of_the_page(tmp_path: Path) -> None:
    bad = '<img src="http://example.com/x.png">'
    reasons = [{"file": None, "rule": bad, "value": None}]
    folder = written(
        tmp_path / "report", 33.0, not_measured=reasons, model={"id": bad, "hash": None, "simulated_only": False}
    )
    assert "<img" not in previewPage(OpenedReport(folder))
