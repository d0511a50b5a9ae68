"""The Segment Editor in the panel of EchoApexSegment: strokes, the scene closed in the middle of them, its width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from segment_cases import LV, opened, press, real_cine, simulated, wait


@pytest.fixture
def editing(panel: Any, red: Any) -> Any:
    """The panel with a cine, *Edit by hand* open and Paint chosen."""
    from slicerhost.driving import settle

    opened(panel, real_cine())
    panel.ui.editSection.collapsed = False
    settle(40)
    panel.editing.editor.setActiveEffectByName("Paint")
    yield panel
    panel.ui.editSection.collapsed = True


def stroke(panel: Any, red: Any) -> None:
    """Paints a short line in the left ventricle."""
    red.drag(red.fromFrame(LV), red.fromFrame((LV[0] + 14, LV[1])))


def test_a_stroke_is_an_edit_of_the_session(editing: Any, red: Any) -> None:
    clip = editing.bench.clip
    stroke(editing, red)
    clip.show(1)
    painted = clip.state.mask(0, "LV")
    assert painted[LV[1], LV[0] + 7] and str(clip.state.entry(0, "LV").status) == "edited"
    assert not clip.state.mask(1, "LV").any()


@pytest.mark.parametrize("how", ["by key", "closed", "loaded"])
def test_the_scene_goes_while_an_effect_is_active(
    editing: Any, red: Any, host: Any, tmp_path: Path, uncaught: list[BaseException], how: str
) -> None:
    """Slicer's editor is deaf then; what it still observes would work on nodes that are gone, and crash Slicer."""
    import slicer
    from slicerhost.driving import CONTROL, pressKey, settle

    stroke(editing, red)
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    if how == "by key":
        pressKey(host.window, "w", CONTROL)
    else:
        slicer.mrmlScene.Clear(0)
    red.drag((30, 30), (60, 60))
    if how == "loaded":
        slicer.util.loadScene(path)
    settle(60)
    assert uncaught == [] and editing.editing.editor.activeEffect() is None
    assert editing.ui.messageLabel.text() == "" and editing.ui.editSection.collapsed
    if how == "loaded":
        wait(lambda: editing.bench.clip is not None)
        assert editing.bench.clip.state.mask(0, "LV").any(), "the stroke was saved"
    else:
        assert editing.bench.clip is None


def test_the_editor_works_again_in_the_next_scene(editing: Any, red: Any) -> None:
    import slicer
    from slicerhost.driving import settle

    slicer.mrmlScene.Clear(0)
    settle(40)
    clip = opened(editing, real_cine())
    editing.ui.editSection.collapsed = False
    settle(40)
    editing.editing.editor.setActiveEffectByName("Paint")
    stroke(editing, red)
    clip.show(1)
    assert clip.state.mask(0, "LV")[LV[1], LV[0]]


def test_structures_are_chosen_in_the_list_and_not_added_in_the_editor(editing: Any) -> None:
    editor = editing.editing.editor
    assert not editor.addRemoveSegmentButtonsVisible and not editor.show3DButtonVisible


def test_a_segment_that_is_no_structure_is_told(editing: Any) -> None:
    """Slicer's own Segment Editor module can still add one: nothing that is drawn there may vanish in silence."""
    clip = editing.bench.clip
    segmentation = clip.scene.segmentation.GetSegmentation()
    segmentation.AddEmptySegment("new", "Segment_1", [0.2, 0.4, 0.6])
    clip.show(1)
    wait(lambda: "Segment_1" in editing.ui.messageLabel.text())
    assert "is no structure" in editing.ui.messageLabel.text()
    assert clip.scene.unread == ("Segment_1",)


def test_opening_the_editor_keeps_panel_and_picture_where_they_are(panel: Any, red: Any, tmp_path: Path) -> None:
    from PySide6 import QtWidgets
    from slicerhost.driving import settle
    from slicerhost.widgets_segmenteditor import MINIMUM_WIDTH_PX

    path, _ = simulated(tmp_path, "A4C", 900_201, beats=0.3)
    opened(panel, path)
    before = panel.uiWidget.width(), red.screen.width(), red.fromFrame((10, 10))
    panel.ui.editSection.collapsed = False
    settle(40)
    editor = panel.editing.editor
    assert editor.minimumSizeHint().width() >= MINIMUM_WIDTH_PX > before[0]
    assert (panel.uiWidget.width(), red.screen.width(), red.fromFrame((10, 10))) == before
    button = editor.findChild(QtWidgets.QToolButton)
    assert button.mapTo(editor, button.rect().bottomLeft()).y() < panel.editing.place.viewport().height(), "not cut off"
    assert panel.editing.place.horizontalScrollBar().maximum() > 0, "and what is at the right can be reached"
    panel.ui.editSection.collapsed = True


def test_the_editor_keeps_its_height_when_the_panel_is_made_wider_and_narrower(panel: Any, host: Any, red: Any) -> None:
    from PySide6 import QtWidgets
    from slicerhost.driving import settle

    opened(panel, real_cine())
    panel.ui.editSection.collapsed = False
    settle(40)
    place, editor = panel.editing.place, panel.editing.editor
    halves = next(
        one for one in host.window.findChildren(QtWidgets.QSplitter) if one.count() == 2 and one.height() > 400
    )
    before = halves.sizes()
    for wide in (700, 500, 420, 560):
        halves.setSizes([wide, sum(before) - wide])
        settle(40)
        button = editor.findChild(QtWidgets.QToolButton)
        assert button.mapTo(editor, button.rect().bottomLeft()).y() < place.viewport().height(), wide
    halves.setSizes(before)
    panel.ui.editSection.collapsed = True


def test_steps_through_the_frames_force_no_repaint(panel: Any, red: Any) -> None:
    """Each forced repaint composes Slicer's whole window anew: 40 ms, twice a frame (measured in Slicer 5.13)."""
    from slicerhost.driving import settle
    from slicerhost.repaints import ForcedRepaints

    clip = opened(panel, real_cine())
    panel.ui.stripPlace.window().raise_()
    frames = []
    with ForcedRepaints() as forced:
        for _ in range(100):
            panel.step(1 if clip.frame < clip.cine.frame_count - 1 else -(clip.cine.frame_count - 1))
            settle(20)
            frames.append(clip.frame)
    assert len(set(frames)) == clip.cine.frame_count
    assert (forced.count, forced.widgets) == (0, set())


def test_what_goes_through_the_cine_is_shown_without_forced_repaints(panel: Any, red: Any) -> None:
    from slicerhost.repaints import ForcedRepaints

    clip = opened(panel, real_cine())
    mask = np.zeros((clip.cine.rows, clip.cine.columns), bool)
    mask[80:120, 150:200] = True
    clip._write(clip.state.edit(0, mask, "LV"))
    seen = []
    panel.ui.progressBar.valueChanged.connect(seen.append)
    with ForcedRepaints() as forced:
        press(panel, "wholeButton")
        wait(lambda: clip.progress is None)
    assert max(seen) > 0 and panel.ui.progressBar.value() == 0 and not panel.ui.progressBar.isTextVisible()
    assert (forced.count, forced.widgets) == (0, set())
