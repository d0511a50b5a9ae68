"""What was corrected in a scene is an input of the next analysis."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
from correction_cases import CARD, gathered, reported, worker
from session_cases import draw, square

from echoapex.analysis.clip_corrections import Calibration, ClipCorrections
from echoapex.analysis.corrections_file import read_corrections
from echoapex.errors import EchoApexError
from echoapex.session.frame_entries import Status
from EchoApexLib.cine.cineFromBrowser import cineOf
from EchoApexLib.record.studyContents import SceneClip
from EchoApexLib.sequences.cineSequence import sequencesWith
from EchoApexLib.session.borrowedSession import borrowedSession
from EchoApexLib.study.gatheredCorrections import CorrectionsFile, CorrectionsOfScene
from EchoApexLib.study.numberDecisions import NumberDecisions
from EchoApexLib.study.openedReport import Place
from EchoApexLib.study.studyInScene import newScene
from EchoApexLib.userSettings import UserSettings


@pytest.fixture
def scene() -> Iterator[Any]:
    with newScene() as made:
        yield made


@pytest.fixture
def clip() -> SceneClip:
    return cases.make_clip("a", "A4C")


def test_a_scene_in_which_nobody_did_anything_gives_no_file(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    shown = reported(scene, tmp_path, clip)
    shown.read("a")
    assert CorrectionsOfScene(scene).write() is None


def test_what_is_drawn_in_a_session_and_not_read_yet_is_gathered(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    bench = worker(scene, "r1")
    bench.openBrowser(browser)
    browser.SetSelectedItemNumber(3)
    draw(bench.current.scene.segmentation, browser, square(20, 20), "LV")
    found = gathered(scene, browser, "r2")
    assert found is not None and found.drawn == {("LV", 3)} and found.rater == "r1"
    assert np.array_equal(found.entries["LV", 3].mask.unpacked(), square(20, 20))
    assert bench.current.state.entry(3, "LV").status is Status.EDITED
    bench.close()


@pytest.mark.parametrize("worked", [False, True])
def test_what_slicer_drew_without_a_session_is_gathered_too(
    scene: Any, tmp_path: Path, clip: SceneClip, worked: bool
) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    gathering = CorrectionsOfScene(scene, lambda: UserSettings(rater="r2"))
    if worked:
        with borrowedSession(scene, browser, UserSettings()):
            pass
    assert gathering.write() is None
    (masks,) = sequencesWith(browser, "vtkMRMLSegmentationNode")
    draw(masks.GetNthDataNode(2), browser, square(10, 30), "LA")
    path = gathering.write()
    assert path is not None
    found = read_corrections(path).of(cineOf(browser), CARD)
    path.unlink()
    assert found is not None and found.drawn == {("LA", 2)} and found.rater == "r2"


def test_phases_view_walls_and_decisions_are_gathered(scene: Any, tmp_path: Path) -> None:
    clip = cases.make_clip("a", "PLAX")
    shown = reported(scene, tmp_path, clip)
    browser = shown.read("a")
    bench = worker(scene, "r1")
    bench.openBrowser(browser)
    work = bench.current
    work.show(1)
    work.setPhase(ed=True)
    work.show(3)
    work.setPhase(ed=False)
    work.walls.confirm("LVIDd")
    work.setView("A4C")
    decisions = NumberDecisions(scene, shown, lambda: UserSettings(rater="r3"))
    decisions.excludeBeat(Place("a", 6), "an  extrasystole")
    found = gathered(scene, browser)
    assert found is not None and found.phases is not None
    assert (found.phases.ed, found.phases.es) == (1, 3) and found.view == "A4C" and found.rater == "r1, r3"
    (beat,) = found.excluded_beats
    assert (beat.ed, beat.es, beat.reason) == (6, 7, "an extrasystole")
    assert [(name, wall.frame, wall.placed, wall.confirmed) for name, wall in found.walls.items()] == [
        ("LVIDd", 1, False, True)
    ]
    inner = work.walls.steps[1]
    assert found.walls["LVIDd"].length(cineOf(browser)) == pytest.approx(inner.value)
    bench.close()


def test_the_file_is_private_and_goes_when_it_is_not_needed(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    shown = reported(scene, tmp_path, clip)
    NumberDecisions(scene, shown).exclude(shown.report.measurements[0], "poor")
    keeper = CorrectionsFile()
    path = keeper.keep(CorrectionsOfScene(scene).write())
    assert path is not None
    if os.name != "nt":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keeper.remove()
    assert not path.exists()


def test_a_calibration_of_a_clip_that_was_never_shown_goes_by_its_file(scene: Any, tmp_path: Path) -> None:
    apart = Calibration(((3.0, 4.0), (3.0, 44.0)), 50.0)
    path = CorrectionsOfScene(scene, lambda: UserSettings(rater="r1")).write({tmp_path / "b.dcm": apart})
    assert path is not None
    cine = replace(cases.make_cine(), path=tmp_path / "b.dcm")
    found = read_corrections(path).of(cine, CARD)
    path.unlink()
    assert found == ClipCorrections("r1", calibration=apart)


def test_a_damaged_decision_is_one_sentence_that_names_the_clip(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    browser.SetAttribute("EchoApex.Decisions", "{")
    with pytest.raises(EchoApexError, match=r"damaged .*A4C"):
        CorrectionsOfScene(scene).write()
