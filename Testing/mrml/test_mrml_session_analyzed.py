"""A session on a cine that was analyzed unattended begins with what was found there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
from session_cases import CARD, Opened, browser_of, draw, square

from echoapex.errors import EchoApexError
from echoapex.marks import Status
from echoapex.session_state import SessionState
from echoapex.structures import PROMPTED
from EchoApexLib.analyzedMasks import takeAnalyzed
from EchoApexLib.cineScene import cineOf, openCine
from EchoApexLib.cineSequence import sequencesWith
from EchoApexLib.maskSequence import MASKS
from EchoApexLib.scene import addStudy, newScene, readStudy
from EchoApexLib.sessionRecord import restoreState
from EchoApexLib.study import SceneStudy

STRUCTURES = ("LV", "LA", PROMPTED)


def begun(scene: Any) -> Opened:
    """A session on the first cine of the scene."""
    browser = browser_of(scene)
    state = SessionState(CARD, cineOf(browser))
    takeAnalyzed(browser, state)
    return Opened(scene, browser, state)


@pytest.fixture
def clip() -> Any:
    return cases.make_clip()


@pytest.fixture
def scene(clip: Any) -> Iterator[Any]:
    with newScene() as made:
        addStudy(made, SceneStudy((clip,), (), ""))
        yield made


def test_what_was_found_is_predicted_and_can_be_gone_on_with(scene: Any, clip: Any) -> None:
    work = begun(scene)
    assert set(work.state.structures) == set(STRUCTURES) and work.state.next_undo is None
    for name, found in clip.segmentations.items():
        assert np.array_equal(work.state.masks(name), found.masks)
        for frame, sure in enumerate(found.confidence):
            entry = work.state.entry(frame, name)
            assert entry.status is Status.PREDICTED and entry.confidence == pytest.approx(float(sure), abs=1e-6)
    assert work.state.entry(5, "LV").mask is not None, "absent is not the same as never looked for"
    assert work.edited == [] and work.problems == []


def test_there_is_one_set_of_outlines(scene: Any) -> None:
    work = begun(scene)
    drawn = sequencesWith(work.browser, "vtkMRMLSegmentationNode")
    assert drawn == [work.browser.GetNodeReference(MASKS)]
    assert work.session.segmentation is work.browser.GetProxyNode(drawn[0])


def test_a_correction_leaves_what_shares_its_image_as_it_was(scene: Any, clip: Any) -> None:
    work = begun(scene)
    others = {name: clip.segmentations[name].masks[2] for name in ("LA", PROMPTED)}
    mask = square(30, 20)
    work.session.show(2)
    work.answer(2, mask)
    assert np.array_equal(work.shown("LV"), mask) and work.state.entry(2, "LV").status is Status.PROMPTED
    for name, expected in others.items():
        assert np.array_equal(work.shown(name), expected), name
    assert work.session.readEdits() == [] and work.edited == []
    work.session.write(work.state.undo())
    assert np.array_equal(work.shown("LV"), clip.segmentations["LV"].masks[2])
    assert work.state.entry(2, "LV").status is Status.PREDICTED


def test_a_stroke_is_an_edit(scene: Any) -> None:
    work = begun(scene)
    work.session.show(4)
    work.draw(square(10, 30), "LA")
    work.session.show(0)
    assert [(change.structure, change.frames) for change in work.edited] == [("LA", (4,))]
    assert work.state.entry(4, "LA").status is Status.EDITED


def test_it_is_saved_and_goes_on(scene: Any, tmp_path: Path) -> None:
    work = begun(scene)
    work.answer(1, square(30, 20))
    saved = work.state.to_plain()
    with newScene() as other:
        scene.WriteToMRB(str(tmp_path / "scene.mrb"), None)
        other.ReadFromMRB(str(tmp_path / "scene.mrb"), False, None)
        state = restoreState(browser_of(other), CARD)
        assert state is not None and state.to_plain() == saved
        again = Opened(other, browser_of(other), state)
        assert again.edited == [] and np.array_equal(again.state.mask(1, "LV"), square(30, 20))
        assert np.array_equal(readStudy(other).clips[0].segmentations["LV"].masks, again.state.masks("LV"))


def test_a_structure_that_was_added_by_hand_is_an_edit(scene: Any) -> None:
    browser = browser_of(scene)
    sequence = sequencesWith(browser, "vtkMRMLSegmentationNode")[0]
    for frame in range(cases.FRAMES):
        item = sequence.GetNthDataNode(frame)
        item.GetSegmentation().AddEmptySegment("RV", "RV")
        draw(item, browser, square(5, 5), "RV")
    work = begun(scene)
    assert {work.state.entry(frame, "RV").status for frame in range(cases.FRAMES)} == {Status.EDITED}
    assert np.array_equal(work.state.mask(3, "RV"), square(5, 5))


def test_a_cine_without_outlines_begins_empty() -> None:
    with newScene() as scene:
        openCine(scene, cases.make_cine())
        work = begun(scene)
        assert work.state.structures == () and work.browser.GetNodeReference(MASKS) is not None


def test_only_an_empty_session_begins_with_them(scene: Any) -> None:
    work = begun(scene)
    with pytest.raises(EchoApexError, match="Only an empty session"):
        work.state.begin({})
