"""Clips on their way into the scene, in both panels: ended in the middle they leave nothing, and work goes on."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from segment_cases import PATIENCE_S, open_file
from study_panel_cases import shown, wait

READING, FILLING = "reading", "filling"
FRAMES = 40


@pytest.fixture(autouse=True)
def slowly(host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame comes at each look, so that there is a middle; what is read lies where no other program puts anything."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr("EchoApexLib.cine.clipOpening.PIECE_BYTES", 1)


def contents() -> int:
    """How many nodes of cines are in the scene."""
    import slicer

    kinds = ("Sequence", "SequenceBrowser", "ScalarVolume", "VectorVolume", "Segmentation", "Text")
    # Panels keep what they remember in nodes of scripted modules, which are none of these.
    return sum(slicer.mrmlScene.GetNumberOfNodesByClass(f"vtkMRML{kind}Node") for kind in kinds)


def kept() -> list[Path]:
    """What was read of clips and lies on the disk."""
    return list(Path(tempfile.gettempdir()).glob("echoapex-clip-*"))


def reach(opening: Callable[[], Any], state: str, name: str) -> Any:
    """Waits until the clip of this file is so far."""
    from slicerhost.driving import settle

    def so() -> bool:
        now = opening()
        return now is not None and now.name == name and now.state == state and (state == READING or now.done > 1)

    end = time.monotonic() + PATIENCE_S
    while not so():
        now = opening()
        found = "nothing" if now is None else f"{now.name} {now.state}, {now.done} of {now.count}"
        assert time.monotonic() < end, f"{name} was never seen {state}, but {found}"
        settle(1)
    return opening()


def reloaded(panel: Any, name: str) -> Any:
    """The panel after a developer's reload; the old one hears nothing any more."""
    import slicer
    from PySide6.QtCore import QCoreApplication, QEvent
    from slicerhost.driving import settle

    timer = panel.timer
    panel.onReload()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    settle(40)
    new = slicer.util.getModuleWidget(name)
    assert new is not panel and new.timer.isActive() and not timer.isActive() and panel.Observations == []
    return new


# The panel for one cine


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [str(tmp_path / f"{name}.nrrd") for name in "abc"]
    for seed, path in enumerate(paths):
        frames = np.random.default_rng(seed).integers(0, 256, (FRAMES, 60, 80), np.uint8)
        sitk.WriteImage(sitk.GetImageFromArray(frames), path)
    return paths


def test_the_window_goes_on_while_files_are_opened_one_after_the_other(panel: Any, files: list[str]) -> None:
    from slicerhost.driving import settle

    for file in files:
        assert panel.openFile(file)
    reach(lambda: panel.bench.opening, READING, "a.nrrd")
    wait(lambda: panel.ui.cineLabel.text() == "a.nrrd is being read...")
    assert contents() == 0
    opening = reach(lambda: panel.bench.opening, FILLING, "b.nrrd")
    settle(20)
    assert panel.bench.clip is not None and panel.ui.cineSelector.currentNode() is panel.bench.clip.browser
    panel.bench.clip.show(3)
    assert panel.bench.clip.frame == 3, "the first cine can be worked on"
    if opening.busy:
        bar = panel.ui.progressBar
        assert "b.nrrd: " in panel.ui.cineLabel.text() and 0 < bar.value() <= bar.maximum() == opening.count
        assert panel.ui.cancelButton.isEnabled()
    wait(lambda: panel.bench.opening is None)
    assert contents() and panel.ui.cineSelector.nodeCount() == 3 and not panel.ui.cancelButton.isEnabled()
    wait(lambda: panel.ui.cineLabel.text().startswith(f"{FRAMES} frames of "))


@pytest.mark.parametrize("state", [READING, FILLING])
def test_escape_ends_the_opening_of_all_files(panel: Any, files: list[str], key: Any, state: str) -> None:
    from slicerhost.driving import settle

    for file in files:
        panel.openFile(file)
    reach(lambda: panel.bench.opening, state, "a.nrrd")
    settle(20)
    key("Esc")
    settle(100)
    assert panel.bench.opening is None and contents() == 0 and not kept()
    assert panel.ui.messageLabel.text() == "The cine was not opened."
    assert panel.ui.cineLabel.text() == "No cine is open." and not panel.ui.cancelButton.isEnabled()
    open_file(panel, files[1])
    assert panel.bench.clip is not None


@pytest.mark.parametrize(("state", "name"), [(READING, "a.nrrd"), (FILLING, "b.nrrd")])
def test_the_scene_is_closed_while_several_files_are_opened(
    panel: Any, files: list[str], state: str, name: str
) -> None:
    import slicer
    from slicerhost.driving import settle

    for file in files:
        panel.openFile(file)
    reach(lambda: panel.bench.opening, state, name)
    slicer.mrmlScene.Clear(0)
    settle(150)
    assert panel.bench.opening is None and contents() == 0 and not kept()
    assert panel.ui.cineLabel.text() == "No cine is open." and panel.ui.messageLabel.text() == ""
    open_file(panel, files[2])
    assert panel.bench.clip is not None and panel.ui.cineSelector.currentNode() is panel.bench.clip.browser


def test_the_panel_is_reloaded_while_several_files_are_opened(panel: Any, files: list[str]) -> None:
    import slicer

    for file in files:
        panel.openFile(file)
    reach(lambda: panel.bench.opening, FILLING, "a.nrrd")
    new = reloaded(panel, "EchoApexSegment")
    assert panel.bench.opening is new.bench.opening is None and contents() == 0 and not kept()
    start, new.bench._startProcess = new.bench._startProcess, panel.bench._startProcess
    open_file(new, files[0])
    assert new.bench.clip is not None and panel.bench.clip is None
    slicer.mrmlScene.Clear(0)
    new.bench._startProcess = start


def test_a_file_that_cannot_be_read_keeps_no_other_from_being_opened(panel: Any, files: list[str]) -> None:
    Path(files[0]).write_bytes(b"NRRD0004\nnonsense\n")
    said: list[str] = []
    say, panel.bench._files._said = panel.bench._files._said, said.append
    panel.openFile(files[0])
    open_file(panel, files[1])
    panel.bench._files._said = say
    assert len(said) == 1 and "a.nrrd" in said[0] and "\n" not in said[0]
    assert panel.bench.clip is not None and panel.ui.cineSelector.nodeCount() == 1


def test_in_another_module_the_rest_waits(panel: Any, files: list[str], panelOf: Any) -> None:
    from slicerhost.driving import settle

    panel.openFile(files[0])
    opening = reach(lambda: panel.bench.opening, FILLING, "a.nrrd")
    panelOf("HostProbe")
    done = opening.done
    settle(150)
    assert opening.done == done and contents() == 0
    panelOf("EchoApexSegment")
    wait(lambda: panel.bench.clip is not None)


# The panel for studies


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """The folder of a report of an A4C and an A2C clip, both of which the trace wants."""
    import trace_cases

    return trace_cases.apical_report(tmp_path / "report")


def reach_of_report(study: Any, state: str, name: str) -> None:
    """As `reach`; the second clip is read by a process that is to be started, so that it is seen to be read."""
    from EchoApexLib.cine.clipReaders import endReaders

    if name == "a2c.nrrd":
        reach(lambda: study.opening, FILLING, "a4c.nrrd")
        endReaders()
    reach(lambda: study.opening, state, name)


@pytest.mark.parametrize(("state", "name"), [(READING, "a4c.nrrd"), (FILLING, "a4c.nrrd"), (FILLING, "a2c.nrrd")])
def test_the_scene_is_closed_while_the_clips_of_a_report_are_opened(
    studyPanel: Any, report: Path, state: str, name: str
) -> None:
    import slicer
    from slicerhost.driving import settle

    studyPanel.study.openReport(report)
    reach_of_report(studyPanel.study, state, name)
    slicer.mrmlScene.Clear(0)
    settle(150)
    assert studyPanel.study.opening is None and contents() == 0 and not kept()
    assert studyPanel.study.report is None and studyPanel.trace.control.trace is None
    studyPanel.study.openReport(report)
    wait(lambda: studyPanel.trace.control.trace is not None and len(studyPanel.trace.control.trace.views) == 2)
    assert shown()[0].startswith("A4C")


@pytest.mark.parametrize(("state", "name"), [(FILLING, "a4c.nrrd"), (READING, "a2c.nrrd")])
def test_the_panel_is_reloaded_while_the_clips_of_a_report_are_opened(
    studyPanel: Any, report: Path, state: str, name: str
) -> None:
    studyPanel.study.openReport(report)
    reach_of_report(studyPanel.study, state, name)
    there = contents()
    new = reloaded(studyPanel, "EchoApex")
    assert studyPanel.study.opening is None and contents() == there
    assert (there == 0) == (name == "a4c.nrrd"), "what was half there is in no scene"
    if there == 0:
        new.study.openReport(report)
    # Where a clip of it was there, the new panel goes on by itself.
    wait(lambda: new.trace.control.trace is not None and len(new.trace.control.trace.views) == 2)
    assert new.study.opening is None and not kept()


def test_in_another_module_a_clip_comes_without_being_shown(studyPanel: Any, report: Path, panelOf: Any) -> None:
    studyPanel.study.openReport(report)
    reach(lambda: studyPanel.study.opening, READING, "a4c.nrrd")
    panelOf("HostProbe")
    wait(lambda: studyPanel.study.opening is None)
    assert contents() and shown() == ("", -1), "the views are those of the other module"
