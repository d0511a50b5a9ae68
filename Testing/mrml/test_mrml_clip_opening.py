"""A clip on its way into a scene: a few frames at each look, all of them in the end, nothing where it is ended."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
from written_reports import write_cine, write_report

from echoapex.errors import EchoApexError
from EchoApexLib.cine import clipOpening, clipReaders
from EchoApexLib.cine.cineFromBrowser import cineOf, openCineSteps
from EchoApexLib.cine.clipOpening import ClipOpening, OpeningState, openFile
from EchoApexLib.sequences.cineSequence import Steps
from EchoApexLib.study.openedReport import OpenedReport
from EchoApexLib.study.reportInScene import ReportInScene
from EchoApexLib.study.studyInScene import newScene, readStudy

PATIENCE_S = 240.0
"""Only so that a test that waits in vain ends."""


def read(opening: ClipOpening) -> ClipOpening:
    """Polls until the process has read the clip."""
    end = time.monotonic() + PATIENCE_S
    while opening.state is OpeningState.READING:
        assert time.monotonic() < end
        opening.poll()
        time.sleep(0.01)
    return opening


def counted(steps: Steps, done: list[int]) -> Steps:
    """The steps, counted as they are done."""
    try:
        while True:
            next(steps)
            done.append(1)
            yield
    except StopIteration as end:
        return end.value


def nodes(scene: Any) -> int:
    return int(scene.GetNumberOfNodesByClass("vtkMRMLSequenceNode"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_cine(tmp_path / "clips" / "a.nrrd", cases.make_clip())
    return tmp_path / "clips" / "a.nrrd"


def test_a_few_frames_come_at_each_look_and_all_in_the_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipOpening, "PIECE_BYTES", 3 * cases.ROWS * cases.COLUMNS)
    done: list[int] = []
    with newScene() as scene:

        def make(cine: Any, masks: Any) -> Steps:
            assert masks == {}
            return counted(openCineSteps(scene, cine, "A4C"), done)

        opening = read(ClipOpening("a.nrrd", {"file": file}, make))
        assert (opening.state, opening.count, opening.done) == (OpeningState.FILLING, cases.FRAMES, 0)
        seen = []
        while opening.busy:
            assert nodes(scene) == 0, "what is half there is in no scene"
            before = len(done)
            assert opening.poll()
            seen.append(len(done) - before)
        assert max(seen) == 3 and sum(seen) == cases.FRAMES
        assert opening.state is OpeningState.DONE and nodes(scene) == 1
        np.testing.assert_array_equal(cineOf(opening.browser).frames, cases.make_clip().cine.frames)
        assert not Path(opening._folder.name).exists(), "what was read lies nowhere any more"
        assert not opening.poll()


def test_a_clip_of_a_report_comes_as_it_does_at_once(tmp_path: Path) -> None:
    report = OpenedReport(write_report(tmp_path, cases.make_clip()))
    with newScene() as one, newScene() as other:
        shown = ReportInScene(one, report)
        opening = read(shown.open("a"))
        while opening.busy:
            opening.poll()
        assert opening.state is OpeningState.DONE and shown.browserOf("a") is opening.browser
        assert opening.count == 2 * cases.FRAMES, "frames, and the masks of each"
        ReportInScene(other, report).read("a")
        (found,), (wanted,) = readStudy(one).clips, readStudy(other).clips
        assert found.segmentations.keys() == wanted.segmentations.keys()
        for name, segmentation in wanted.segmentations.items():
            np.testing.assert_array_equal(found.segmentations[name].masks, segmentation.masks)
        np.testing.assert_array_equal(found.cine.frames, wanted.cine.frames)


def test_one_process_reads_clip_after_clip(file: Path, tmp_path: Path) -> None:
    clipReaders.endReaders()
    with newScene() as scene:
        first = openFile(scene, file)
        pid = first._process.pid
        first.finish(lambda: None)
        refused = openFile(scene, tmp_path / "gone.nrrd")
        assert refused._process.pid == pid
        with pytest.raises(EchoApexError, match=r"gone\.nrrd") as refusal:
            refused.finish(lambda: None)
        assert str(refusal.value) == refused.problem
        # Two at once are two processes; one that is ended in the middle is not kept, nor is one that has died.
        one, other = openFile(scene, file), openFile(scene, file)
        assert one._process.pid == pid != other._process.pid
        one.close()
        assert other.finish(lambda: None) is not None and nodes(scene) == 2
        (kept,) = clipReaders._idle
        kept.kill()
        while kept.exit_code is None:
            time.sleep(0.01)
        assert openFile(scene, file).finish(lambda: None).GetNumberOfItems() == cases.FRAMES
    clipReaders.endReaders()
    assert not clipReaders._idle


def test_between_the_looks_there_is_a_turn_for_others(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipOpening, "PIECE_BYTES", 1)
    with newScene() as scene:
        seen: list[int] = []
        openFile(scene, file).finish(lambda: seen.append(nodes(scene)))
        assert len(seen) > cases.FRAMES and not any(seen), "nothing is in the scene before all of it"
        with pytest.raises(KeyboardInterrupt):
            openFile(scene, file).finish(_interrupt)
        assert nodes(scene) == 1


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("looks", [0, 2])
def test_ended_in_the_middle_it_leaves_nothing(file: Path, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    monkeypatch.setattr(clipOpening, "PIECE_BYTES", 1)
    with newScene() as scene:
        opening = openFile(scene, file)
        if looks:
            read(opening)
        for _ in range(looks):
            opening.poll()
        opening.close()
        assert not opening.busy and not opening.poll() and nodes(scene) == 0
        assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 0
        assert not Path(opening._folder.name).exists()


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.nrrd"
    bad.write_bytes(b"NRRD0004\nnonsense\n")
    opening = read(ClipOpening("bad.nrrd", {"file": bad}, lambda *_: pytest.fail("there is nothing to be shown")))
    assert opening.state is OpeningState.FAILED and "bad.nrrd" in opening.problem and "\n" not in opening.problem
    gone = read(ClipOpening("gone.dcm", {"file": tmp_path / "gone.dcm"}, lambda *_: pytest.fail("nothing there")))
    assert "gone.dcm" in gone.problem


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals there")
def test_a_process_that_is_killed_is_one_sentence(file: Path) -> None:
    opening = ClipOpening("a.nrrd", {"file": file}, lambda *_: pytest.fail("nothing was read"))
    assert opening._process is not None
    os.kill(opening._process.pid, signal.SIGKILL)
    read(opening)
    assert (
        opening.problem == "a.nrrd: The clip could not be read: the process that reads it has ended (found: signal 9)."
    )


def test_what_the_process_leaves_is_not_believed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opening = ClipOpening("a.nrrd", {"file": file}, lambda *_: pytest.fail("this is no clip"))
    monkeypatch.setattr(clipOpening, "load", lambda path: ("no cine", {}))
    read(opening)
    assert "The clip could not be read" in opening.problem
