"""A report that is opened in a fresh scene brings back what was corrected in its clips, as what it is and by whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
from correction_cases import CARD, gathered, prompted, reported, worker
from session_cases import draw, square

from echoapex.analysis.clip_corrections import ClipCorrections
from echoapex.analysis.corrections_file import read_corrections
from echoapex.console import plain
from echoapex.inference.segmentation import Segmentation
from echoapex.measure.measurement import Measurement, MeasurementStatus, Source
from echoapex.session.frame_entries import Status
from EchoApexLib.cine.cineFromBrowser import cineOf
from EchoApexLib.cine.clipOpening import openFile
from EchoApexLib.cine.fileMarks import markFile
from EchoApexLib.record.studyContents import SceneClip
from EchoApexLib.session.borrowedSession import borrowedSession
from EchoApexLib.session.sceneController import SceneController
from EchoApexLib.study.gatheredCorrections import CorrectionsOfScene
from EchoApexLib.study.numberDecisions import NumberDecisions
from EchoApexLib.study.openedReport import OpenedReport, Place
from EchoApexLib.study.reportInScene import ReportInScene
from EchoApexLib.study.studyInScene import newScene
from EchoApexLib.userSettings import UserSettings

RATED = UserSettings(rater="r1")
DRAWN, PROMPTED_MASK = square(20, 20), square(30, 20)


@pytest.fixture
def scene() -> Iterator[Any]:
    with newScene() as made:
        yield made


def numbers(clip: str) -> tuple[Measurement, ...]:
    return (
        Measurement("LVEDV", 90.0, "mL", "A4C", (Source(clip, (4,)),), 0.9),
        Measurement("LVEF", 50.0, "%", "A4C", (Source(clip, (1, 3)),), 0.9),
    )


def corrected_in(bench: SceneController, browser: Any) -> None:
    """Outlines drawn, prompted and accepted; ED and ES; the view; points of the walls."""
    bench.openBrowser(browser)
    work = bench.current
    prompted(bench, 2, PROMPTED_MASK)
    browser.SetSelectedItemNumber(4)
    work.accept()
    browser.SetSelectedItemNumber(3)
    draw(work.scene.segmentation, browser, DRAWN, "LV")
    work.setView("PLAX")
    for frame, ed in ((1, True), (6, False)):
        work.show(frame)
        work.setPhase(ed=ed)
    work.walls.jump("LVIDs")
    _drag_first_inner_point(work.walls)
    work.walls.confirm("IVSd")


def _drag_first_inner_point(walls: Any) -> None:
    points = walls.points
    place = np.array(points.GetNthControlPointPosition(1))
    points.InvokeEvent(points.PointStartInteractionEvent)
    points.SetNthControlPointPosition(1, *(place - (0.4, 0.0, 0.0)))
    points.InvokeEvent(points.PointEndInteractionEvent)


def with_corrections(home: Path, clip: SceneClip, **changes: Any) -> ClipCorrections:
    """Corrects ``clip`` in a scene, and writes the report of the next analysis to ``home``, as that keeps them."""
    with newScene() as scene:
        shown = reported(scene, home, clip, measurements=plain(numbers(clip.id)))
        browser = shown.read(clip.id)
        bench = worker(scene, "r1")
        corrected_in(bench, browser)
        decisions = NumberDecisions(scene, shown, lambda: replace(RATED, rater="r2"))
        decisions.exclude(shown.report.measurements[0], "foreshortened")
        decisions.excludeBeat(Place(clip.id, 7), "a pause")
        path = CorrectionsOfScene(scene, lambda: RATED).write()
        assert path is not None
        found = read_corrections(path).of(cineOf(browser), CARD)
        bench.close()
    assert found is not None and found.walls.keys() == {"IVSd", "LVIDs"}
    masks = found.corrected(clip.segmentations)
    kept = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    for one in kept["clips"].values():
        one["file"] = clip.id
    (home / "report").mkdir()
    (home / "report" / "corrections.json").write_text(json.dumps(kept), encoding="utf-8")
    after = replace(clip, view="PLAX", segmentations=masks)
    with newScene() as scene:
        reported(scene, home / "report", after, corrections="corrections.json", **changes)
    return found


def named_structures(found: SceneClip) -> SceneClip:
    named = {name: one for name, one in found.segmentations.items() if name != "PROMPTED"}
    return replace(found, segmentations=named)


@pytest.fixture
def clip() -> SceneClip:
    return named_structures(cases.make_clip("a", "A4C"))


def shown_in(scene: Any, home: Path, said: list[str] | None = None) -> ReportInScene:
    told = [] if said is None else said
    return ReportInScene(scene, OpenedReport(home), lambda: RATED, told.append)


def same(found: ClipCorrections | None, before: ClipCorrections) -> bool:
    """Whether both say the same; walls are kept in mm."""
    assert found is not None and found.walls.keys() == before.walls.keys()
    for name, wall in found.walls.items():
        other = before.walls[name]
        assert (wall.frame, wall.placed, wall.confirmed) == (other.frame, other.placed, other.confirmed), name
        assert np.allclose(wall.ends, other.ends, atol=1e-6)
    return replace(found, walls={}) == replace(before, walls={})


def test_a_fresh_scene_has_all_that_the_report_was_made_with(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    before = with_corrections(tmp_path, clip)
    assert before.rater == "r1, r2" and before.view == "PLAX" and before.excluded and before.excluded_beats
    browser = shown_in(scene, tmp_path / "report").read("a")
    assert same(gathered(scene, browser), before)
    bench = worker(scene, "r9")
    bench.openBrowser(browser)
    state = bench.current.state
    statuses = [state.entry(frame, "LV").status for frame in range(1, 5)]
    assert statuses == [Status.PREDICTED, Status.PROMPTED, Status.EDITED, Status.ACCEPTED]
    assert np.array_equal(bench.current.scene._masks.mask(3, "LV"), DRAWN)
    assert [given.rater for given in state.entry(2, "LV").prompts] == ["r1"]
    assert state.next_undo is None and bench.current.scene.readEdits() == []
    assert bench.current.view == "PLAX" and bench.current.walls.phases == (1, 6)
    bench.close()
    assert same(gathered(scene, browser), before), "who only looks has corrected nothing"


def test_a_confirmed_number_stays_confirmed_by_whom_it_was(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    item = replace(numbers("a")[0], status=MeasurementStatus.CONFIRMED, rater="r1")
    with_corrections(tmp_path, clip, measurements=plain((item,)))
    shown = shown_in(scene, tmp_path / "report")
    shown.read("a")
    (now,) = NumberDecisions(scene, shown, lambda: replace(RATED, rater="r9")).numbers
    assert (now.status, now.rater) == (MeasurementStatus.CONFIRMED, "r1")


def test_it_is_saved_with_the_scene(scene: Any, tmp_path: Path, clip: SceneClip) -> None:
    before = with_corrections(tmp_path, clip)
    shown_in(scene, tmp_path / "report").read("a")
    assert scene.WriteToMRB(str(tmp_path / "work.mrb"), None)
    with cases.opened(tmp_path / "work.mrb") as again:
        assert same(gathered(again, shown_in(again, tmp_path / "report").browserOf("a")), before)


def test_a_clip_that_is_in_the_scene_takes_it_as_steps_unless_something_was_done_there(
    scene: Any, tmp_path: Path
) -> None:
    bare = named_structures(cases.make_clip("a", "A4C", scale=cases.NO_SCALE, times=cases.NO_TIMES))
    before = with_corrections(tmp_path, bare)
    shown = shown_in(scene, tmp_path / "report")
    file = dict(shown.report.files())["a"]
    for number, touched in enumerate((False, True)):
        browser = openFile(scene, file).finish(lambda: None)
        markFile(browser, file)
        if touched:
            browser.SetAttribute("EchoApex.View", "A2C")
        report = shown if number == 0 else shown_in(scene, tmp_path / "report")
        report.report.key += str(number)
        assert report.read("a") is browser
        if touched:
            found = gathered(scene, browser)
            assert found is not None and (found.view, found.drawn, found.phases) == ("A2C", set(), None)
        else:
            # As it was opened it shows what lies outside of the sector, too.
            assert same(gathered(scene, browser), before)
        scene.RemoveNode(browser)


@pytest.mark.parametrize("text", ["{", '{"schema": 1, "clips": {"Jane": {}}}'])
def test_damaged_corrections_are_said_and_the_report_is_shown(
    scene: Any, tmp_path: Path, clip: SceneClip, text: str
) -> None:
    home = tmp_path / "report"
    with newScene() as other:
        reported(other, home, clip, corrections="corrections.json")
    (home / "corrections.json").write_text(text, encoding="utf-8")
    said: list[str] = []
    browser = shown_in(scene, home, said).read("a")
    assert browser is not None and gathered(scene, browser) is None
    (sentence,) = said
    assert "corrections.json" in sentence and "What had been corrected in A4C (simulated) is not" in sentence


# The model of a session that nobody has begun


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UserSettings:
    """A user who has chosen another model than the one that is used by default."""
    from echoapex.models.installed_models import find_model

    folder = tmp_path / "models" / "second"
    folder.mkdir(parents=True)
    card = (find_model() / "card.json").read_text(encoding="utf-8")
    assert card.count(f'"{CARD.id}"') == 1
    (folder / "card.json").write_text(card.replace(f'"{CARD.id}"', '"second"'), encoding="utf-8")
    monkeypatch.setenv("ECHOAPEX_MODELS", str(tmp_path / "models"))
    return UserSettings(model="second", rater="r1")


def test_a_session_that_is_made_for_what_was_done_without_one_is_with_the_chosen_model(
    scene: Any, tmp_path: Path, clip: SceneClip, second: UserSettings
) -> None:
    def models(path: Path | None) -> list[str]:
        assert path is not None
        clips = json.loads(path.read_text(encoding="utf-8"))["clips"].values()
        path.unlink()
        return [one["session"]["model"]["id"] for one in clips]

    shown = reported(scene, tmp_path / "report", clip, measurements=plain(numbers("a")))
    browser = shown.read("a")
    masks = browser.GetMasterSequenceNode().GetScene().GetFirstNodeByClass("vtkMRMLSegmentationNode")
    browser.SetSelectedItemNumber(3)
    draw(masks, browser, DRAWN, "LV")
    assert models(CorrectionsOfScene(scene, lambda: second).write()) == ["second"]
    NumberDecisions(scene, shown, lambda: second).confirm(shown.report.measurements[0])
    with borrowedSession(scene, browser, second) as session:
        assert session.state.card.id == "second" and session.state.entry(1, "LV").status is Status.ACCEPTED
    kept = json.loads(browser.GetNodeReference("EchoApex.Session").GetText())
    assert kept["model"]["id"] == "second"


def test_what_a_report_brings_is_with_the_chosen_model_too(
    scene: Any, tmp_path: Path, clip: SceneClip, second: UserSettings
) -> None:
    with_corrections(tmp_path, clip)
    browser = ReportInScene(scene, OpenedReport(tmp_path / "report"), lambda: second).read("a")
    assert json.loads(browser.GetNodeReference("EchoApex.Session").GetText())["model"]["id"] == "second"
    # A later analysis whose masks go into a clip that nobody has worked on yet.
    fresh = reported(scene, tmp_path / "two", replace(clip, id="b", cine=cases.make_cine(seed=9)))
    assert fresh.read("b").GetNodeReference("EchoApex.Session") is None
    other = {
        name: Segmentation(np.roll(one.masks, 1, axis=2), one.confidence / 2)
        for name, one in clip.segmentations.items()
    }
    changed = replace(clip, id="b", cine=cases.make_cine(seed=9), segmentations=other)
    reported(scene, tmp_path / "two", changed)
    again = ReportInScene(scene, OpenedReport(tmp_path / "two"), lambda: second).read("b")
    assert json.loads(again.GetNodeReference("EchoApex.Session").GetText())["model"]["id"] == "second"
