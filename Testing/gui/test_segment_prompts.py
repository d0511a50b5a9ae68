"""Prompts in the view: boxes, names, structures without a name, drags and steps; each stays on its frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from segment_cases import (
    LV,
    OUTSIDE,
    RV,
    carried,
    choose,
    drawn,
    opened,
    place,
    press,
    real_cine,
    simulated,
    type_words,
    wait,
)

from echoapex.errors import PromptError
from echoapex.evaluation.bootstrap_scores import dice
from echoapex.simulation.heart import Tissue
from echoapex.structures import find_structure


def test_a_box_is_previewed_while_it_is_dragged_and_then_outlined(panel: Any, red: Any, tmp_path: Path) -> None:
    path, truth = simulated(tmp_path, "A4C", 900_201, beats=0.5)
    clip = opened(panel, path)
    lv = truth.labels(0) == Tissue.LV
    rows, columns = np.nonzero(lv)
    start, end = (columns.min(), rows.min()), (columns.max(), rows.max())
    press(panel, "boxButton")
    assert not panel.ui.pointButton.isChecked()
    before = red.pixels()
    red.move(red.fromFrame(start))
    red.press(red.fromFrame(start))
    red.move(red.fromFrame(np.mean([start, end], axis=0)))
    red.move(red.fromFrame(end))
    wait(lambda: clip.scene._preview.node is not None)
    assert np.abs(red.pixels().astype(int) - before).max() > 100, "rectangle and outline are seen"
    assert clip.entry.mask is None, "nothing is changed by a drag"
    red.release(red.fromFrame(end))
    wait(lambda: clip.entry.mask is not None)
    assert clip.scene._preview.node is None
    assert dice(clip.state.mask(0, "LV"), lv) > 0.85
    given = clip.entry.prompts[0].prompt.box
    assert given is not None and np.abs(np.array(given) - [*start, *end]).max() < 1.5


def test_a_slip_of_the_hand_is_no_box(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    press(panel, "boxButton")
    red.click(red.fromFrame(LV))
    wait(lambda: not panel.bench.process.busy)
    assert clip.entry.mask is None and clip.state.next_undo is None


def test_words_choose_a_structure_and_find_it(panel: Any, red: Any, tmp_path: Path) -> None:
    path, truth = simulated(tmp_path, "A4C", 900_201, beats=0.5)
    clip = opened(panel, path)
    type_words(panel, "left atrum")
    wait(lambda: clip.state.entry(0, "LA").mask is not None)
    assert clip.structure == "LA" and panel.ui.textEdit.text() == ""
    assert dice(clip.state.mask(0, "LA"), truth.labels(0) == Tissue.LA) > 0.85
    type_words(panel, "liver")
    wait(lambda: "(found: liver)" in panel.ui.messageLabel.text())
    assert panel.ui.textEdit.text() == "liver"
    assert clip.structure == "LA"


def test_words_that_are_not_listed_are_read_by_the_model(panel: Any, tmp_path: Path) -> None:
    words = "blood pool of the left ventricle"
    with pytest.raises(PromptError):
        find_structure(words)
    path, _ = simulated(tmp_path, "A4C", 900_201, beats=0.5)
    clip = opened(panel, path)
    choose(panel, "RA")
    type_words(panel, words)
    wait(lambda: clip.state.entry(0, "LV").mask is not None)
    assert clip.structure == "LV" and panel.ui.textEdit.text() == ""
    message = panel.ui.messageLabel.text()
    assert "Looking for Left ventricle cavity, as the text encoder reads it (probability" in message


def test_a_place_that_the_model_keeps_is_said(panel: Any, red: Any, tmp_path: Path) -> None:
    from PySide6.QtCore import Qt

    path, truth = simulated(tmp_path, "A4C", 900_201, beats=0.5)
    clip = opened(panel, path)
    rows, columns = np.nonzero(truth.labels(0) == Tissue.LV)
    place(panel, red, (columns.mean(), rows.mean()))
    beside = (columns.mean() + 6, rows.mean())
    place(panel, red, beside, modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert clip.state.mask(0, "LV")[int(beside[1]), int(beside[0])], "the case is one where the model keeps it"
    assert "The model keeps the place that was to be taken away" in panel.ui.messageLabel.text()


def test_words_are_about_the_frame_they_were_given_on(panel: Any) -> None:
    clip, part = opened(panel, real_cine()), next(part for part in panel.parts if hasattr(part, "onText"))
    panel.ui.textEdit.setText("blood pool of the left ventricle")
    part.onText()
    assert panel.ui.messageLabel.text() == "The words are being read."
    clip.show(3)
    panel.ui.textEdit.setText("left atr")
    choose(panel, "RA")
    wait(lambda: clip.state.entry(0, "LV").mask is not None)
    assert clip.structure == "RA" and clip.frame == 3 and panel.ui.textEdit.text() == "left atr"
    assert clip.state.entry(3, "LV").mask is None and clip.state.entry(3, "RA").mask is None


def test_words_are_taken_back_before_they_are_read(panel: Any) -> None:
    clip, part = opened(panel, real_cine()), next(part for part in panel.parts if hasattr(part, "onText"))
    panel.ui.textEdit.setText("blood pool of the left ventricle")
    part.onText()
    clip.undo()
    assert "taken back before its answer came" in panel.ui.messageLabel.text()
    wait(lambda: not panel.bench.process.busy)
    assert clip.state.structures == () and panel.ui.textEdit.text() == "blood pool of the left ventricle"


def test_what_the_model_cannot_find_by_name_is_said(panel: Any) -> None:
    clip = opened(panel, real_cine())
    type_words(panel, "pericardial effusion")
    assert clip.structure == "PERICARDIAL_EFFUSION"
    assert "point at it" in panel.ui.messageLabel.text() and panel.ui.messageLabel.isVisible()


def test_an_unnamed_structure_is_clicked_and_carried(panel: Any, red: Any, tmp_path: Path) -> None:
    path, truth = simulated(tmp_path, "A4C", 900_201, beats=0.6)
    clip = opened(panel, path)
    choose(panel, "PROMPTED")
    ra = np.stack([truth.labels(frame) == Tissue.RA for frame in range(len(truth.frames))])
    rows, columns = np.nonzero(ra[0])
    place(panel, red, (columns.mean(), rows.mean()))
    carried(panel)
    found = clip.state.masks("PROMPTED")
    assert np.mean([dice(one, other) for one, other in zip(found, ra)]) > 0.80
    assert all(np.array_equal(drawn(clip, frame, "PROMPTED"), found[frame]) for frame in range(len(found)))


def test_prompts_stay_on_their_frames(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    for frame in (3, 0, 7):
        clip.show(frame)
        place(panel, red, LV)
    for frame in (*range(9), 7, 3, 0):
        clip.show(frame)
        wait(lambda frame=frame: panel.ui.frameLabel.text().startswith(f"Frame {frame} "))
        assert len(clip.entry.prompts) == (frame in (0, 3, 7))
        shown = clip.browser.GetProxyNode(clip.scene._prompts.sequences["positive points"])
        assert shown.GetNumberOfControlPoints() == (frame in (0, 3, 7))


def test_a_second_click_given_at_once_corrects_the_first(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    press(panel, "pointButton")
    for pixel in (LV, (LV[0] + 6, LV[1] + 8), (LV[0] - 4, LV[1] - 9)):
        red.click(red.fromFrame(pixel))
    wait(lambda: len(clip.entry.prompts) == 3)
    assert clip.state.next_undo is not None and clip.entry.mask is not None


def test_points_take_away_by_key_by_button_and_by_shift(panel: Any, red: Any) -> None:
    from slicerhost.driving import SHIFT

    clip = opened(panel, real_cine())
    place(panel, red, LV)
    place(panel, red, (LV[0], LV[1] - 20), modifiers=SHIFT)
    press(panel, "polarityButton")
    place(panel, red, (LV[0], LV[1] + 20))
    place(panel, red, (LV[0] + 3, LV[1]), modifiers=SHIFT)
    press(panel, "polarityButton")
    signs = [point.positive for given in clip.entry.prompts for point in given.prompt.points]
    assert signs == [True, False, False, True]


def test_a_click_beside_the_picture_is_refused_in_a_sentence(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    press(panel, "pointButton")
    red.click(red.fromFrame(OUTSIDE))
    assert "must lie in the ultrasound picture" in panel.ui.messageLabel.text()
    red.click((3, 3))
    assert "point must lie in the frame" in panel.ui.messageLabel.text()
    assert clip.state.structures == ()
    place(panel, red, LV)
    assert panel.ui.messageLabel.text() == "" and clip.entry.mask is not None


def test_the_wheel_and_the_strip_go_through_the_frames(panel: Any, red: Any) -> None:
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest

    clip = opened(panel, real_cine())
    red.wheel(3)
    assert clip.frame == 3
    red.wheel(-5)
    assert clip.frame == 0, "the first frame is the last one there"
    strip = next(part for part in panel.parts if hasattr(part, "strip")).strip
    QTest.mouseClick(
        strip, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(strip.width() // 2 + 1, 20)
    )
    assert clip.frame == 15
    red.wheel(1)
    wait(lambda: panel.ui.frameLabel.text().startswith("Frame 16 "))


def test_a_mask_drawn_in_the_editor_is_in_the_session_after_a_frame_change(panel: Any, red: Any) -> None:
    import slicer

    clip = opened(panel, real_cine())
    place(panel, red, LV)
    carried(panel)
    clip.show(5)
    panel.ui.editSection.collapsed = False
    part = next(part for part in panel.parts if hasattr(part, "editor"))
    assert part.editor is not None and part.editor.currentSegmentID() == "LV"
    mask = np.zeros((1, 240, 320), np.uint8)
    mask[0, 80:120, 150:200] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, clip.scene.segmentation, "LV", clip.scene.volume)
    clip.show(6)
    wait(lambda: panel.ui.frameLabel.text().startswith("Frame 6 "))
    assert np.array_equal(clip.state.mask(5, "LV"), mask[0].astype(bool))
    assert str(clip.state.entry(5, "LV").status) == "edited"
    panel.ui.editSection.collapsed = True


@pytest.mark.parametrize("direction", ["backButton", "forwardButton"])
def test_only_one_way_is_filled(panel: Any, red: Any, direction: str) -> None:
    clip = opened(panel, real_cine())
    clip.show(12)
    place(panel, red, LV)
    press(panel, direction)
    wait(lambda: clip.progress is None)
    filled = [frame for frame in range(clip.cine.frame_count) if clip.state.entry(frame, "LV").mask is not None]
    assert filled == (list(range(13)) if direction == "backButton" else list(range(12, clip.cine.frame_count)))


def test_review_goes_to_what_is_doubtful(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    place(panel, red, LV)
    carried(panel)
    press(panel, "acceptAllButton")
    assert clip.state.needs_review("LV") == ()
    clip.show(4)
    press(panel, "flagButton")
    clip.show(20)
    press(panel, "nextButton")
    assert clip.frame == 4
    press(panel, "reopenButton")
    press(panel, "clearButton")
    assert clip.entry.mask is None and not drawn(clip, 4).any()
    clip.show(3)
    press(panel, "clearButton")
    assert "This frame is accepted: reopen it" in panel.ui.messageLabel.text() and clip.entry.mask is not None


def test_structures_do_not_disturb_each_other(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    place(panel, red, LV)
    choose(panel, "RV")
    place(panel, red, RV)
    assert clip.state.mask(0, "RV")[RV[1], RV[0]] and clip.state.mask(0, "LV")[LV[1], LV[0]]
    press(panel, "undoButton")
    assert not clip.state.mask(0, "RV").any() and clip.state.mask(0, "LV").any()


def test_the_view_is_recognized_where_nothing_says_it(panel: Any, red: Any, tmp_path: Path) -> None:
    path, _ = simulated(tmp_path, "A4C", 900_201, beats=0.5)
    header = dcmread(path)
    del header.ViewCodeSequence
    header.save_as(path, enforce_file_format=True)
    clip = opened(panel, path)
    wait(lambda: clip.view == "A4C")
    assert "takes this cine for A4C, probability" in panel.ui.messageLabel.text()
    assert panel.ui.viewBox.currentText() == "A4C"


def test_a_view_that_is_doubtful_is_left_to_the_user(panel: Any, red: Any) -> None:
    clip = opened(panel, real_cine())
    wait(lambda: panel.ui.viewTitle.text() == "View (in doubt)")
    assert clip.view == "UNKNOWN" and panel.ui.messageLabel.text() == ""
    panel.ui.viewBox.setCurrentIndex(panel.ui.viewBox.findData("A4C"))
    panel.ui.viewBox.activated.emit(panel.ui.viewBox.currentIndex())
    wait(lambda: panel.ui.viewTitle.text() == "View")
