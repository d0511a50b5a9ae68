"""The analysis as a process that is watched: its progress, its result, and what is said where there is none."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from echoapex.patient import Patient, Sex
from EchoApexLib.study.analysisProgress import AnalysisProgress
from EchoApexLib.study.studyAnalysis import AnalysisState, StudyAnalysis, analyzeCommand

PATIENCE_S = 240.0
"""Only so that a test that waits in vain ends."""

PLACE = {"study": "study-1", "file": "/a.dcm", "number": 2, "clips": 3}


def wait(until: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def python(code: str) -> StudyAnalysis:
    return StudyAnalysis([sys.executable, "-c", code])


def ended(analysis: StudyAnalysis) -> StudyAnalysis:
    wait(lambda: (analysis.poll() and False) or not analysis.busy)
    return analysis


def saying(result: object, code: int = 0) -> str:
    return (
        f"import json, sys; print(json.dumps({result!r}, indent=2)); print('last', file=sys.stderr); sys.exit({code})"
    )


def test_the_command_has_what_the_user_has_said() -> None:
    views, patient = {Path("/a b.dcm"): "A4C"}, Patient(Sex.FEMALE, 61, weight_kg=70.5)
    command = analyzeCommand("python", [Path("/a b.dcm"), Path("-c.dcm")], Path("/out"), views, patient)
    assert command[:4] == ["python", "-m", "echoapex", "analyze"]
    text = " ".join(command)
    for wanted in (
        "--out /out",
        "--sex F --age 61",
        "--weight 70.5",
        "--views /a b.dcm=A4C",
        f"--parent {os.getpid()}",
    ):
        assert wanted in text
    assert "--height" not in text and command[-3:] == ["--", "/a b.dcm", "-c.dcm"]


def test_progress_is_told_by_clip_and_stage() -> None:
    progress = AnalysisProgress()
    assert progress.words == "" and progress.finished == 0
    progress.take(json.dumps({"event": "clip", **PLACE, "stage": "outlines"}))
    assert progress.words == "Clip 2 of 3: outlining"
    progress.take(json.dumps({"event": "clip_failed", **PLACE, "failed": True, "rule": "No", "value": None}))
    assert progress.finished == 1 and Path("/a.dcm") in progress.done
    progress.take(json.dumps({"event": "writing", "study": "study-1", "what": "the page"}))
    assert progress.words == "Clip 3 of 3: writing the page"


@pytest.mark.parametrize(
    "line",
    ["{", "{}", '{"event": 3}', '{"event": "clip"}', '{"event": "new kind"}', '{"event": "clip", "stage": 7}', "[]"],
)
def test_an_event_that_is_not_understood_changes_nothing(line: str) -> None:
    progress = AnalysisProgress()
    progress.take(line)
    assert (progress.clips, progress.stage, progress.done) == (0, "", {})


def test_words_for_people_are_kept_without_what_steers_a_terminal() -> None:
    progress = AnalysisProgress()
    progress.take(json.dumps({"event": "message", "text": "one\x1b[2J"}))
    assert progress.lastWords == "one\N{REPLACEMENT CHARACTER}[2J"
    progress.take("echoapex: two")
    assert progress.lastWords == "two"


def test_a_result_names_the_folder_of_the_report() -> None:
    study = {"folder": "/out", "report": "/out/report.json", "html": "/out/report.html"}
    done = ended(python(saying({"studies": [study], "failures": []}, code=1)))
    assert (done.state, done.report, done.problem) == (AnalysisState.DONE, Path("/out"), "")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            saying({"failures": [{"file": "/out", "rule": "No room", "value": "disk full"}]}, 1),
            "No room (found: disk full)",
        ),
        (saying({"studies": [], "failures": [], "left_out": []}, 1), "last."),
        (saying({"studies": [{}], "failures": []}), "The result of the analysis was not understood"),
        ("print('{')", "The result of the analysis was not understood"),
        ("raise SystemExit('no such option')", "The analysis has ended without a result (found: no such option)."),
    ],
)
def test_without_a_report_there_is_one_sentence(code: str, sentence: str) -> None:
    done = ended(python(code))
    assert done.state is AnalysisState.FAILED and done.report is None
    assert sentence in done.problem and done.problem.count(". ") == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals there")
def test_one_that_is_killed_from_outside_is_one_sentence() -> None:
    analysis = python("import time; time.sleep(600)")
    os.kill(analysis.pid, signal.SIGKILL)
    done = ended(analysis)
    assert done.state is AnalysisState.FAILED
    assert done.problem == (
        "The analysis was ended from outside before its report was written (found: SIGKILL, as when memory runs out)."
    )


def test_one_that_is_canceled_says_so_whatever_it_printed() -> None:
    analysis = python("import time; print('up', flush=True); time.sleep(600)")
    analysis.cancel()
    assert analysis.busy and analysis.state is AnalysisState.ENDING
    assert ended(analysis).state is AnalysisState.CANCELED and analysis.problem == ""
    assert analysis.poll() is False


def test_closing_ends_it_at_once() -> None:
    analysis = python("import time; time.sleep(600)")
    analysis.close()
    assert not analysis.busy and analysis.state is AnalysisState.CANCELED
