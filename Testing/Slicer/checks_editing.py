"""EchoApexSegment where something is set by hand: wall points by clicks, and masks in the Segment Editor."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from driving import MODULE, RedView, closing_the_scene, disk, draw, open_simulated, settle
from transcript import Transcript


def check_walls_are_placed_by_clicks(transcript: Transcript) -> None:
    """In the release of November 2026 the last of these clicks crashed Slicer 5.13."""
    shown, clip = open_simulated(transcript, view="PLAX")
    with closing_the_scene():
        for frame, button in ((0, shown.ui.edButton), (clip.cine.frame_count - 1, shown.ui.esButton)):
            clip.show(frame)
            button.click()
        red, places = RedView(clip.scene.volume), [(120.0, 60.0 + 30.0 * index) for index in range(4)]
        for frame, wanted in ((0, places), (clip.cine.frame_count - 1, places[1:3])):
            clip.show(frame)
            shown.ui.placeButton.click()
            settle()
            for place in wanted:
                red.click(place)
                settle()
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform
        told = {step.name: f"{step.value:.1f} {step.unit}" for step in clip.walls.steps if step.value is not None}
        transcript.note(f"placed: {told}")
        assert [str(step.status) for step in clip.walls.steps] == ["by hand"] * 4
        lists = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
        assert not [one for one in lists if "wall point" in one.GetName()]
        before = clip.walls.steps[3].value
        red.drag(places[2], (places[2][0], places[2][1] + 20.0))
        settle()
        assert clip.walls.steps[3].value != before, "a point is dragged"
        shown.ui.wallUndoButton.click()
        settle()
        assert abs(clip.walls.steps[3].value - before) < 1e-6


def check_the_editor_leaves_the_panel_as_wide_as_it_is(transcript: Transcript) -> None:
    shown, _clip = open_simulated(transcript)
    with closing_the_scene():
        before = shown.uiWidget.width
        shown.ui.editSection.collapsed = False
        settle()
        editor = shown.editing.editor
        wide = f"the editor asks for {editor.minimumSizeHint.width()}"
        transcript.note(f"the panel is {before} pixels wide, {shown.uiWidget.width} with the editor; {wide}")
        assert shown.uiWidget.width == before
        assert not editor.addRemoveSegmentButtonsVisible


def check_the_segment_editor_in_the_panel_is_slicers(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        shown.ui.editSection.collapsed = False
        settle()
        editor = shown.editing.editor
        transcript.note(f"effects: {', '.join(editor.availableEffectNames())}")
        assert editor.mrmlSegmentEditorNode().IsA("vtkMRMLSegmentEditorNode")
        assert editor.segmentationNode() is clip.scene.segmentation
        assert editor.sourceVolumeNode() is clip.scene.volume and editor.currentSegmentID() == "LV"
        assert {"Paint", "Threshold"} <= set(editor.availableEffectNames())


def _effect(shown: Any, name: str) -> Any:
    """An effect of the editor in the panel, made active."""
    shown.ui.editSection.collapsed = False
    settle()
    shown.editing.editor.setActiveEffectByName(name)
    settle()
    effect = shown.editing.editor.activeEffect()
    assert effect is not None, f"{name} cannot be chosen"
    return effect


def check_a_threshold_becomes_an_edit_of_the_session(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        effect = _effect(shown, "Threshold")
        effect.setParameter("MinimumThreshold", "100")
        effect.setParameter("MaximumThreshold", "255")
        effect.self().onApply()
        shown.ui.editSection.collapsed = True
        settle()
        assert str(clip.state.entry(0, "LV").status) == "edited"
        assert np.array_equal(clip.state.mask(0, "LV"), clip.cine.frames[0] >= 100)
        assert shown.editing.editor.activeEffect() is None


def check_a_painted_stroke_stays_on_its_frame(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        clip.show(2)
        _effect(shown, "Paint")
        RedView(clip.scene.volume).drag((140.0, 100.0), (180.0, 100.0))
        clip.show(3)
        settle()
        painted = clip.state.mask(2, "LV")
        transcript.note(f"{int(painted.sum())} pixels were painted")
        assert painted[100, 160] and not clip.state.mask(3, "LV").any()
        clip.show(2)
        assert clip.scene.readEdits() == [] and np.array_equal(clip.state.mask(2, "LV"), painted)


def check_an_edit_is_undone_and_shown_again(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        draw(clip, disk())
        clip.show(1)
        settle()
        assert np.array_equal(clip.state.mask(0, "LV"), disk())
        shown.ui.undoButton.click()
        settle()
        assert clip.frame == 0 and not clip.state.mask(0, "LV").any()
        found = slicer.util.arrayFromSegmentBinaryLabelmap(clip.scene.segmentation, "LV", clip.scene.volume)
        assert not np.asarray(found).any()


def check_an_effect_does_not_draw_in_another_module(transcript: Transcript) -> None:
    shown, clip = open_simulated(transcript)
    with closing_the_scene():
        _effect(shown, "Paint")
        slicer.util.selectModule("Data")
        settle()
        assert shown.editing.editor.activeEffect() is None
        RedView(clip.scene.volume).drag((140.0, 100.0), (180.0, 100.0))
        slicer.util.selectModule(MODULE)
        settle()
        assert not clip.state.mask(0, "LV").any()
