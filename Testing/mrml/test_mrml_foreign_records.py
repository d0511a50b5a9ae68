"""Records of scenes and reports that somebody has changed: what is read is what stands there, or it is a sentence."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
import session_cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_cases import changed_records, changed_texts
from test_mrml_study_of_report import write_report

from echoapex.errors import EchoApexError, ReadError
from EchoApexLib.cine.cineFromBrowser import cineOf
from EchoApexLib.record.clipRecords import clipRecord
from EchoApexLib.record.recordSaving import RECORD
from EchoApexLib.record.studyContents import SceneStudy
from EchoApexLib.session.sessionSaveAndRestore import SESSION, restoreState
from EchoApexLib.session.startFromAnalysis import analyzedPhases
from EchoApexLib.study.studyFromReport import readReport
from EchoApexLib.study.studyInScene import addStudy, newScene, readStudy

CLIP = cases.make_clip()
SAVED = json.loads(json.dumps(clipRecord(CLIP)))
QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DEEP = "[" * 100_000


@pytest.fixture(scope="module")
def scene() -> Iterator[Any]:
    with newScene() as made:
        addStudy(made, SceneStudy((CLIP,), cases.make_measurements("a", "a"), "a test"))
        yield made


@pytest.fixture
def record(scene: Any) -> Iterator[Any]:
    """The text node of the clip's record, which is put back after the test."""
    node = session_cases.browser_of(scene).GetNodeReference(RECORD)
    kept = node.GetText()
    yield node
    node.SetText(kept)


def one_sentence(refusal: EchoApexError) -> bool:
    return "\n" not in str(refusal) and len(str(refusal)) < 600


@QUICK
@given(changed=changed_records(SAVED) | changed_texts(SAVED))
def test_a_changed_record_is_what_it_says_or_is_refused(scene: Any, record: Any, changed: Any) -> None:
    browser = session_cases.browser_of(scene)
    text = changed.decode(errors="replace") if isinstance(changed, bytes) else json.dumps(changed)
    record.SetText(text)
    try:
        cine, phases = cineOf(browser), analyzedPhases(browser, cases.FRAMES)
        (clip,) = readStudy(scene).clips
    except EchoApexError as refusal:
        assert one_sentence(refusal)
        return
    stated = json.loads(text)
    assert cine.mode == stated["facts"]["mode"] and cine.heart_rate == stated["facts"].get("heart_rate")
    assert cine.sector.source == stated["sector"]["source"] and cine.times.reason == stated["times"]["reason"]
    assert (clip.curve is None) == (stated["curve"] is None)
    if phases is not None:
        assert phases == (stated["curve"]["beats"][0]["ed"], stated["curve"]["beats"][0]["es"])
    for name, found in clip.segmentations.items():
        expected = stated["confidence"].get(name, np.ones(cases.FRAMES))
        assert found.confidence == pytest.approx(np.array(expected, np.float32))


BOMB = base64.b64encode(zlib.compress(bytes(50_000_000))).decode()


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        json.dumps(SAVED | {"sector": {"mask": BOMB, "source": "motion"}}),
        json.dumps(SAVED | {"sector": {"mask": SAVED["sector"]["mask"][:-8], "source": "motion"}}),
        json.dumps(SAVED | {"curve": SAVED["curve"] | {"values": [1.0]}}),
        json.dumps(SAVED | {"curve": SAVED["curve"] | {"values": [float("nan")] * cases.FRAMES}}),
        json.dumps(SAVED | {"confidence": {"LV": [0.5]}}),
        json.dumps(SAVED | {"facts": SAVED["facts"] | {"heart_rate": "fast"}}),
        json.dumps(SAVED | {"facts": SAVED["facts"] | {"frames": [[[0]]]}}),
    ],
)
def test_a_record_that_would_do_harm_is_refused(scene: Any, record: Any, text: str) -> None:
    record.SetText(text)
    with pytest.raises(EchoApexError) as refusal:
        readStudy(scene)
    assert one_sentence(refusal.value)


def test_a_browser_that_names_another_node_as_its_record_is_refused(scene: Any) -> None:
    browser = session_cases.browser_of(scene)
    kept = browser.GetNodeReferenceID(RECORD)
    other = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "no record")
    study = next(node for node in scene.GetNodesByClass("vtkMRMLTextNode") if node.GetAttribute(RECORD) == "study")
    try:
        for node in (other, study):
            browser.SetNodeReferenceID(RECORD, node.GetID())
            with pytest.raises(ReadError, match="A record of this scene is damaged"):
                cineOf(browser)
        browser.SetNodeReferenceID(SESSION, other.GetID())
        with pytest.raises(EchoApexError, match="session in this scene, no record, is damaged"):
            browser.SetNodeReferenceID(RECORD, kept)
            restoreState(browser, session_cases.CARD)
    finally:
        browser.SetNodeReferenceID(RECORD, kept)
        browser.SetNodeReferenceID(SESSION, None)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of a report, and what it says."""
    folder = write_report(tmp_path_factory.mktemp("report"), cases.make_clip("kept"), cases.make_clip("other", "A2C"))
    return folder, json.loads((folder / "report.json").read_text(encoding="utf-8"))


def rewritten(folder: Path, content: Any) -> None:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / "report.json").write_bytes(data)


@QUICK
@given(data=st.data())
def test_a_changed_report_is_what_it_says_or_is_refused(report: tuple[Path, dict[str, Any]], data: Any) -> None:
    folder, said = report
    changed = data.draw(changed_records(said) | changed_texts(said))
    rewritten(folder, changed)
    try:
        study, refusals = readReport(folder)
    except EchoApexError as refusal:
        assert one_sentence(refusal)
        return
    stated = json.loads((folder / "report.json").read_bytes())
    assert len(study.clips) + len(refusals) == len(stated["clips"]) and all(map(one_sentence, refusals))
    assert [item.value for item in study.measurements] == [item["value"] for item in stated["measurements"]]
    for clip in study.clips:
        entry = next(item for item in stated["clips"] if item["id"] == clip.id)
        assert (clip.view, clip.cine.frame_count) == (entry["view"], entry["frame_count"])


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "masks elsewhere": ({"masks": {"LV": "../../masks.nrrd"}}, "a path below the report"),
    "masks anywhere": ({"masks": {"LV": "/etc/passwd"}}, "a path below the report"),
    "frames no number": ({"frame_count": "8"}, "frame_count must be a whole number"),
    "a view of a list": ({"view": ["A4C"]}, "view must be a text"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_report_that_says_what_cannot_be_is_refused(report: tuple[Path, dict[str, Any]], name: str) -> None:
    folder, said = report
    changes, words = CHANGES[name]
    rewritten(folder, said | {"clips": [said["clips"][0] | changes, said["clips"][1]]})
    with pytest.raises(ReadError, match=f"report.json: This report does not keep to its schema .*{words}"):
        readReport(folder)


LEFT_OUT: dict[str, dict[str, Any]] = {
    "a landmark on no frame": {"landmarks": [{"frame": 99, "name": "IVS-LV", "x": 1.0, "y": 1.0}]},
    "landmarks without end": {"landmarks": [{"frame": 0, "name": f"{n}", "x": 1.0, "y": 1.0} for n in range(65)]},
    "a curve too short": {"volume_ml": [1.0]},
    "a beat beyond the clip": {"beats": [{"ed": 1, "es": 99, "complete": False}]},
    "too few confidences": {"confidence": {"LV": [0.5]}},
    "a scale without a source": {"scale_source": "none"},
    "times that fall": {"frame_times_s": [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]},
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_clip_that_does_not_fit_is_left_out_alone(report: tuple[Path, dict[str, Any]], name: str) -> None:
    folder, said = report
    rewritten(folder, said | {"clips": [said["clips"][0] | LEFT_OUT[name], said["clips"][1]]})
    study, refusals = readReport(folder)
    assert [clip.id for clip in study.clips] == ["other"]
    assert len(refusals) == 1 and one_sentence(refusals[0])


def test_a_deep_report_is_refused(report: tuple[Path, dict[str, Any]]) -> None:
    rewritten(report[0], DEEP.encode())
    with pytest.raises(ReadError, match=r"This report is damaged .found: too deep"):
        readReport(report[0])
