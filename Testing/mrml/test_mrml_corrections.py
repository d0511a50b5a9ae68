"""What was corrected in a scene is an input of the next analysis, and stays when its report is opened."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
from session_cases import draw, square
from written_reports import write_report

from echoapex.analysis.clip_corrections import Calibration, ClipCorrections, ExcludedBeat
from echoapex.analysis.corrections_file import read_corrections
from echoapex.errors import EchoApexError
from echoapex.inference.segmentation import Segmentation
from echoapex.measure.measurement import Beat, Measurement, MeasurementStatus, Source
from echoapex.models.installed_models import find_model
from echoapex.models.model_card import read_card
from echoapex.prompts import PointPrompt, Prompt
from echoapex.session.frame_entries import Status
from EchoApexLib.cine.cineFromBrowser import cineOf
from EchoApexLib.cine.clipOpening import openFile
from EchoApexLib.cine.fileMarks import markFile
from EchoApexLib.measurements.volumeCurve import VolumeCurve
from EchoApexLib.record.raters import ratersOf
from EchoApexLib.record.studyContents import SceneClip
from EchoApexLib.sequences.cineSequence import sequencesWith
from EchoApexLib.session.borrowedSession import borrowedSession
from EchoApexLib.session.sceneController import SceneController
from EchoApexLib.sliceView.redSliceSetup import clipBrowsers
from EchoApexLib.study.gatheredCorrections import CorrectionsFile, CorrectionsOfScene
from EchoApexLib.study.numberDecisions import NumberDecisions
from EchoApexLib.study.openedReport import OpenedReport, Place
from EchoApexLib.study.reportInScene import ReportInScene, chartOf
from EchoApexLib.study.studyInScene import newScene
from EchoApexLib.userSettings import UserSettings
from EchoApexLib.walls.wallPointNodes import findWallPoints

CARD = read_card(find_model())


@pytest.fixture
def scene() -> Iterator[Any]:
    with newScene() as made:
        yield made


@pytest.fixture
def clip() -> SceneClip:
    return cases.make_clip("a", "A4C")


def reported(scene: Any, folder: Path, *clips: SceneClip, **changes: Any) -> ReportInScene:
    folder.mkdir(exist_ok=True)
    return ReportInScene(scene, OpenedReport(write_report(folder, *clips, **changes)))


def gathered(scene: Any, browser: Any, rater: str = "") -> ClipCorrections | None:
    """What the next analysis gets to know about the clip of a browser."""
    path = CorrectionsOfScene(scene).write(rater)
    if path is None:
        return None
    try:
        return read_corrections(path).of(cineOf(browser), CARD)
    finally:
        path.unlink()


def worker(scene: Any, rater: str = "") -> SceneController:
    """Who works in EchoApexSegment, without a model."""
    said = UserSettings(rater=rater)
    found = SceneController(
        scene, lambda: None, lambda text: None, settings=lambda: said, startProcess=lambda model, said: None
    )
    found.process = _NoProcess()
    return found


class _NoProcess:
    """In the place of the inference process: nothing is asked here."""

    def open(self, *_: Any) -> None: ...

    def close(self) -> None: ...


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
    gathering = CorrectionsOfScene(scene)
    if worked:
        with borrowedSession(scene, browser):
            pass
    assert gathering.write() is None
    (masks,) = sequencesWith(browser, "vtkMRMLSegmentationNode")
    draw(masks.GetNthDataNode(2), browser, square(10, 30), "LA")
    path = gathering.write("r2")
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
    decisions = NumberDecisions(scene, shown, lambda: "r3")
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
    path = CorrectionsOfScene(scene).write("r1", {tmp_path / "b.dcm": apart})
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


# The next report


def changed(clip: SceneClip) -> SceneClip:
    """The clip as another analysis might find it."""
    other = {
        name: Segmentation(np.roll(one.masks, 1, axis=2), one.confidence * np.float32(0.5))
        for name, one in clip.segmentations.items()
    }
    curve = replace(clip.curve, values=clip.curve.values * 0.9, beats=(Beat(2, 4, 7),))
    return replace(clip, segmentations=other, curve=curve)


def test_the_next_report_goes_into_the_clip_that_is_there(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    nodes = scene.GetNumberOfNodes()
    newer = changed(clip)
    shown = reported(scene, tmp_path, newer)
    assert shown.read("a") is browser and clipBrowsers(scene) == [browser]
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1
    assert "beats" in [one.GetName() for one in _tables(scene)][-1]
    with borrowedSession(scene, browser) as session:
        for name, one in newer.segmentations.items():
            assert np.array_equal(session.state.masks(name), one.masks), name
        assert session.state.entry(3, "LV").confidence == pytest.approx(float(newer.segmentations["LV"].confidence[3]))
    assert chartOf(browser) is not None and scene.GetNumberOfNodes() < 2 * nodes
    assert CorrectionsOfScene(scene).write() is None, "what an analysis has found is no correction"


def _tables(scene: Any) -> list[Any]:
    count = scene.GetNumberOfNodesByClass("vtkMRMLTableNode")
    return [scene.GetNthNodeByClass(index, "vtkMRMLTableNode") for index in range(count)]


def prompted(bench: SceneController, frame: int, mask: np.ndarray) -> None:
    """A click on a frame that a model answers with ``mask``."""
    state = bench.current.state
    question = state.ask(frame, Prompt(points=(PointPrompt(40.0, 20.0),)), "LV")
    bench.current._take(question, Segmentation(mask[None], np.array([0.75], np.float32)))


def test_the_next_report_leaves_what_is_by_hand_and_all_that_can_be_undone(
    scene: Any, tmp_path: Path, clip: SceneClip
) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    bench = worker(scene, "r1")
    bench.openBrowser(browser)
    work = bench.current
    prompted(bench, 2, square(30, 20))
    browser.SetSelectedItemNumber(4)
    work.accept()
    accepted = work.state.mask(4, "LV")
    browser.SetSelectedItemNumber(3)
    draw(work.scene.segmentation, browser, square(20, 20), "LA")

    newer = changed(clip)
    assert reported(scene, tmp_path, newer).read("a") is browser
    state = work.state
    assert np.array_equal(state.mask(2, "LV"), square(30, 20)) and state.entry(2, "LV").prompts
    assert np.array_equal(state.mask(4, "LV"), accepted) and state.entry(4, "LV").status is Status.ACCEPTED
    assert np.array_equal(state.mask(3, "LA"), square(20, 20)), "it was drawn and not read yet"
    assert np.array_equal(state.mask(1, "LV"), newer.segmentations["LV"].masks[1])
    assert np.array_equal(work.scene._masks.mask(1, "LV"), newer.segmentations["LV"].masks[1])
    assert ratersOf(browser) == "r1"

    names = []
    while state.next_undo is not None:
        names.append(state.next_undo.name)
        work.undo()
    assert names[:3] == ["analysis"] * 3 and set(names[3:]) == {
        "prompt on frame 2",
        "accept of frame 4",
        "edit of frame 3",
    }
    for name, one in clip.segmentations.items():
        assert np.array_equal(state.masks(name), one.masks), name
    bench.close()


def test_what_an_analysis_does_not_find_any_more_goes_unless_it_is_by_hand(
    scene: Any, tmp_path: Path, clip: SceneClip
) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    with borrowedSession(scene, browser) as session:
        session.tell(session.state.accept([1], "LA"))
    fewer = replace(clip, segmentations={"LV": clip.segmentations["LV"]})
    reported(scene, tmp_path, fewer).read("a")
    with borrowedSession(scene, browser) as session:
        frames = [frame for frame in range(cases.FRAMES) if session.state.entry(frame, "LA").mask is not None]
        assert frames == [1]


def test_a_clip_of_another_scale_or_length_is_read_anew(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    browser = reported(scene, tmp_path, clip).read("a")
    rescaled = replace(clip.cine, scale=replace(clip.cine.scale, mm_per_px=(0.5, 0.5)))
    other = reported(scene, tmp_path, replace(clip, cine=rescaled)).read("a")
    assert other is not browser and len(clipBrowsers(scene)) == 2


def test_a_clip_that_was_opened_from_its_file_before_goes_on_with_the_report(scene: Any, tmp_path: Path) -> None:
    clip = cases.make_clip("a", "PLAX", scale=cases.NO_SCALE, times=cases.NO_TIMES)
    shown = reported(scene, tmp_path, clip)
    file = dict(shown.report.files())["a"]
    browser = openFile(scene, file).finish(lambda: None)
    markFile(browser, file)
    bench = worker(scene, "r1")
    bench.openBrowser(browser)
    prompted(bench, 2, square(30, 20))
    assert gathered(scene, browser).drawn == {("LV", 2)}
    assert CorrectionsOfScene(scene).write(only=[tmp_path / "other.dcm"]) is None
    assert shown.read("a") is browser and clipBrowsers(scene) == [browser]
    state = bench.current.state
    assert np.array_equal(state.mask(2, "LV"), square(30, 20))
    assert np.array_equal(state.mask(1, "LV"), clip.segmentations["LV"].masks[1])
    assert findWallPoints(browser, cineOf(browser)) is not None and chartOf(browser) is not None
    assert browser.GetName() == "Cine"
    bench.close()


# Numbers


@pytest.fixture
def numbers(scene: Any, tmp_path: Path) -> tuple[ReportInScene, NumberDecisions]:
    clips = cases.make_clip("a", "A4C"), cases.make_clip("b", "PLAX", seed=7)
    made = (
        Measurement("LVEF", 50.0, "%", "A4C", (Source("a", (1, 3)),), 0.9),
        Measurement("LVIDd", 47.0, "mm", "linear", (Source("b", (1, 2)),), 0.9),
        Measurement("LVIDs", 30.0, "mm", "linear", (Source("b", (3,)),), 0.9),
        Measurement("FS", 36.0, "%", "linear", (Source("b", (1, 2, 3)),), 0.9),
    )
    from echoapex.console import plain

    shown = reported(scene, tmp_path, *clips, measurements=plain(made))
    return shown, NumberDecisions(scene, shown, lambda: "r1")


def named(shown: ReportInScene, name: str) -> Measurement:
    return next(item for item in shown.report.measurements if item.name == name)


def test_a_number_is_excluded_with_a_reason_and_counts_again(
    numbers: tuple[ReportInScene, NumberDecisions], scene: Any
) -> None:
    shown, decisions = numbers
    item, before = named(shown, "LVEF"), decisions.stamp
    with pytest.raises(EchoApexError, match="Say why"):
        decisions.exclude(item, "  ")
    with pytest.raises(EchoApexError, match="at most 300"):
        decisions.exclude(item, "x" * 301)
    decisions.exclude(item, "a poor\n view")
    assert decisions.reasonOf(item) == "a poor view" and decisions.stamp != before
    assert decisions.now(item).excluded.reason == "a poor view" and item.excluded is None
    found = gathered(scene, shown.read("a"))
    assert found is not None and found.excluded == {("LVEF", "A4C"): "a poor view"} and found.rater == "r1"
    decisions.include(item)
    assert decisions.reasonOf(item) is None and CorrectionsOfScene(scene).write() is None


def test_exclusions_of_a_report_that_is_opened_anew_stay(scene: Any, tmp_path: Path) -> None:
    clip = cases.make_clip("a", "A4C")
    item = {**json.loads(json.dumps(_plain(cases.make_measurements("a", "a")[0]))), "excluded": {"reason": "poor"}}
    shown = reported(scene, tmp_path, clip, measurements=[item])
    decisions = NumberDecisions(scene, shown)
    (number,) = shown.report.measurements
    assert decisions.reasonOf(number) == "poor"
    shown.read("a")
    assert decisions.reasonOf(number) == "poor"
    decisions.include(number)
    assert decisions.reasonOf(number) is None and decisions.now(number).excluded is None


def _plain(item: Measurement) -> Any:
    from echoapex.console import plain

    return plain(item)


def test_a_beat_is_excluded_where_it_is_shown_and_counts_again(
    numbers: tuple[ReportInScene, NumberDecisions],
) -> None:
    shown, decisions = numbers
    assert [(beat.ed, beat.es, reason) for beat, reason in decisions.beats("a")] == [(1, 3, None), (6, 7, None)]
    decisions.excludeBeat(Place("a", 4), "a pause")
    assert [reason for _, reason in decisions.beats("a")] == ["a pause", None]
    assert decisions.beatAt(Place("a", 0)) == (Beat(1, 3, 6), "a pause")
    # As the next report has it: the beat is none of it any more.
    shown.report.clips["a"]["beats"].pop(0)
    assert [(beat.ed, reason) for beat, reason in decisions.beats("a")] == [(1, "a pause"), (6, None)]
    decisions.includeBeat(Place("a", 2))
    assert [reason for _, reason in decisions.beats("a")] == [None]


def test_confirming_accepts_the_outlines_that_a_number_rests_on(
    numbers: tuple[ReportInScene, NumberDecisions], scene: Any
) -> None:
    shown, decisions = numbers
    item = named(shown, "LVEF")
    decisions.confirm(item)
    assert decisions.now(item).status is MeasurementStatus.CONFIRMED and decisions.now(item).rater == "r1"
    found = gathered(scene, shown.read("a"))
    assert found is not None and found.confirmed == {("LV", 1), ("LV", 3)} and not found.drawn
    decisions.reopen(item)
    assert decisions.now(item).status is MeasurementStatus.PREDICTED
    assert CorrectionsOfScene(scene).write() is None


def test_confirming_a_number_of_the_walls_confirms_what_it_is_made_of(
    numbers: tuple[ReportInScene, NumberDecisions], scene: Any
) -> None:
    shown, decisions = numbers
    decisions.confirm(named(shown, "FS"))
    for name in ("FS", "LVIDd", "LVIDs"):
        assert decisions.now(named(shown, name)).status is MeasurementStatus.CONFIRMED
    found = gathered(scene, shown.read("b"))
    assert found is not None and found.confirmed_values == {
        ("FS", "linear"): 36.0,
        ("LVIDd", "linear"): 47.0,
        ("LVIDs", "linear"): 30.0,
    }
    decisions.reopen(named(shown, "FS"))
    assert CorrectionsOfScene(scene).write() is None


def test_decisions_and_phases_are_saved_with_the_scene(
    numbers: tuple[ReportInScene, NumberDecisions], scene: Any, tmp_path: Path
) -> None:
    shown, decisions = numbers
    decisions.exclude(named(shown, "LVEF"), 'größer als "10" %')
    decisions.excludeBeat(Place("a", 1), "a pause")
    browser = shown.read("a")
    VolumeCurve(scene, browser, cineOf(browser), "A4C").setPhases(2, 5)
    before = gathered(scene, browser)
    assert scene.WriteToMRB(str(tmp_path / "work.mrb"), None)
    with cases.opened(tmp_path / "work.mrb") as again:
        found = gathered(again, ReportInScene(again, OpenedReport(shown.report.folder)).browserOf("a"))
        assert found == before and found is not None
        assert found.excluded_beats == (ExcludedBeat(1, 3, "a pause"),)
