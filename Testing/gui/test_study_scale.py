"""A scale by hand in the panel of EchoApex: by two clicks, by keys alone, for one clip and for all of its depth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study_panel_cases import cells, clip_opened, opened, press, scale_of_shown, shown, wait

from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import TRAINING


@pytest.fixture(scope="module")
def unscaled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of one machine whose files say nothing of a scale."""
    from pydicom import dcmread

    folder = tmp_path_factory.mktemp("unscaled")
    for number, view in enumerate(("A4C", "A2C"), 1):
        clip = simulate_clip(
            draw_case("easy", 5), view, rows=120, columns=160, beats=0.5, max_frames=4, sampling=TRAINING
        )
        file = folder / f"{view}.dcm"
        write_dicom(file, clip, number)
        header = dcmread(file)
        del header.SequenceOfUltrasoundRegions
        header.save_as(file, enforce_file_format=True)
    return folder


@pytest.fixture
def listed(studyPanel: Any, unscaled: Path) -> Any:
    opened(studyPanel, unscaled)
    wait(lambda: len(studyPanel.study.list.pictures) == 2)
    studyPanel.examination.choose((unscaled / "A4C.dcm").resolve())
    wait(lambda: studyPanel.scale._file == (unscaled / "A4C.dcm").resolve())
    studyPanel.ui.scaleSection.collapsed = False
    studyPanel.ui.distanceBox.setValue(0)
    studyPanel.ui.distanceUnitBox.setCurrentIndex(0)
    return studyPanel


def badges(panel: Any) -> dict[str, str]:
    rows = range(panel.ui.clipTable.rowCount())
    return {cells(panel.ui.clipTable, row)[0]: cells(panel.ui.clipTable, row)[4] for row in rows}


def key(widget: Any, *keys: Any) -> None:
    from slicerhost.driving import pressKey, settle

    for one in keys:
        pressKey(widget, one)
    settle(60)
    clip_opened()


def test_two_clicks_and_a_distance_give_the_clip_a_scale_that_can_be_undone(listed: Any, red: Any) -> None:
    from slicerhost.driving import settle

    ui = listed.ui
    assert badges(listed) == {"A4C.dcm": "none", "A2C.dcm": "none"} and "None, so no mill" in ui.scaleLabel.text()
    press(listed, "rulerButton")
    assert shown()[0].startswith("A4C") and ui.rulerButton.isChecked()
    red.click(red.fromFrame((20, 20)))
    # The first point is drawn before the second is set.
    settle(80)
    assert listed.scale.ruler.placing
    red.click(red.fromFrame((20, 100)))
    settle(80)
    found = [box.value() for box in listed.scale.boxes]
    assert found == pytest.approx([20, 20, 20, 100], abs=1) and not ui.rulerButton.isChecked()
    import slicer

    line = slicer.util.getNode("Depth ruler")
    assert line.GetNumberOfControlPoints() == 2 and not line.GetSaveWithScene()
    ui.distanceBox.setValue(10)
    ui.distanceUnitBox.setCurrentIndex(1)
    press(listed, "calibrateButton")
    wait(lambda: badges(listed)["A4C.dcm"] == "by hand")
    per_px = 100 / (found[3] - found[1])
    assert scale_of_shown().mm_per_px == pytest.approx((per_px, per_px)) and scale_of_shown().source == "user"
    assert badges(listed)["A2C.dcm"] == "none"
    clip = listed.examination.clip
    assert clip.calibration is not None and clip.calibration.mm == 100
    assert "By hand: 100 mm" in ui.scaleLabel.text() and "Scale by hand: (20, 20)" in ui.clipLabel.text()
    assert slicer.mrmlScene.GetFirstNodeByName("Depth ruler") is None, "what is done is put away"

    press(listed, "undoScaleButton")
    wait(lambda: badges(listed)["A4C.dcm"] == "none")
    assert not scale_of_shown().known and not ui.undoScaleButton.isEnabled()


def test_by_keys_alone_for_all_clips_of_this_depth(listed: Any) -> None:
    from PySide6.QtCore import Qt

    ui = listed.ui
    assert ui.scaleForBox.itemText(1) == "2 clips of this depth"
    key(ui.clipTable, "M")
    assert ui.rulerButton.isChecked()
    for box, value in zip(listed.scale.boxes, ("30", "10", "30", "109"), strict=True):
        box.setFocus()
        box.selectAll()
        key(box, *value, Qt.Key.Key_Tab)
    key(ui.secondYBox, Qt.Key.Key_Up)
    assert listed.scale.ruler.points == [(30, 10), (30, 110)]
    ui.distanceBox.selectAll()
    key(ui.distanceBox, *"150", Qt.Key.Key_Tab)
    key(ui.scaleForBox, Qt.Key.Key_Down)
    key(ui.calibrateButton, "L")
    wait(lambda: set(badges(listed).values()) == {"by hand"})
    assert scale_of_shown().mm_per_px == pytest.approx((1.5, 1.5))
    other = next(clip for clip in listed.study.list.clips if clip.file.name == "A2C.dcm")
    assert other.mmPerPx == pytest.approx((1.5, 1.5))
    # A clip that comes into the scene later has it, too.
    listed.examination.choose(other.file)
    press(listed, "showButton")
    assert shown()[0].startswith("A2C") and scale_of_shown().mm_per_px == pytest.approx((1.5, 1.5))
    key(ui.calibrateButton, "F")
    wait(lambda: badges(listed) == {"A4C.dcm": "by hand", "A2C.dcm": "none"})
    assert not scale_of_shown().known
    key(ui.calibrateButton, "Z")
    wait(lambda: badges(listed)["A2C.dcm"] == "by hand")
    key(ui.calibrateButton, "Z")
    wait(lambda: set(badges(listed).values()) == {"none"})


def test_an_impossible_distance_is_one_sentence(listed: Any) -> None:
    for box, value in zip(listed.scale.boxes, (30, 10, 30, 110), strict=True):
        box.setValue(value)
    press(listed, "calibrateButton")
    assert listed.ui.messageLabel.text() == "The distance of a calibration must be 0.1 to 500 mm (found: 0 mm)."
    listed.ui.distanceBox.setValue(2)
    press(listed, "calibrateButton")
    assert "the depth of the image would be" in listed.ui.messageLabel.text()
    assert [box.value() for box in listed.scale.boxes] == [30, 10, 30, 110], "nothing that was given is lost"
    assert set(badges(listed).values()) == {"none"}


def test_closing_the_scene_while_points_are_set_is_safe(listed: Any, red: Any) -> None:
    import slicer
    from slicerhost.driving import settle

    press(listed, "rulerButton")
    red.click(red.fromFrame((20, 20)))
    slicer.mrmlScene.Clear(0)
    settle(100)
    assert not listed.ui.rulerButton.isChecked() and listed.scale.ruler.points == []
    press(listed, "rulerButton")
    assert listed.ui.rulerButton.isChecked() and shown()[0].startswith("A4C")
    slicer.util.selectModule("HostProbe")
    settle(60)
    assert not listed.scale.ruler.placing


def test_a_saved_scene_brings_the_scale_back(listed: Any, unscaled: Path, tmp_path: Path) -> None:
    import slicer
    from slicerhost.driving import settle

    for box, value in zip(listed.scale.boxes, (30, 10, 30, 110), strict=True):
        box.setValue(value)
    listed.ui.distanceBox.setValue(150)
    listed.ui.distanceUnitBox.setCurrentIndex(0)
    press(listed, "calibrateButton")
    settle(60)
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(0)
    listed.study.undoCalibration()
    settle(60)
    slicer.util.loadScene(str(path))
    wait(lambda: badges(listed)["A4C.dcm"] == "by hand")
    assert scale_of_shown().mm_per_px == pytest.approx((1.5, 1.5))


def test_what_is_worked_on_in_the_other_module_gets_the_scale_and_loses_nothing(listed: Any) -> None:
    import numpy as np
    import slicer
    from slicerhost.driving import settle

    press(listed, "showButton")
    press(listed, "workButton")
    segment = slicer.util.getModuleWidget("EchoApexSegment")
    wait(lambda: segment.bench.clip is not None)
    clip = segment.bench.clip
    mask = np.zeros((120, 160), bool)
    mask[40:60, 50:90] = True
    clip.scene.write(clip.state.edit(1, mask, "LV"))
    slicer.util.selectModule("EchoApex")
    for box, value in zip(listed.scale.boxes, (30, 10, 30, 110), strict=True):
        box.setValue(value)
    listed.ui.distanceBox.setValue(150)
    press(listed, "calibrateButton")
    press(listed, "workButton")
    wait(lambda: segment.bench.clip is not None and segment.bench.clip is not clip)
    settle(80)
    again = segment.bench.clip
    assert clip.closed and again.cine.scale.mm_per_px == pytest.approx((1.5, 1.5))
    assert "by hand" in segment.ui.scaleLabel.text()
    np.testing.assert_array_equal(again.state.entry(1, "LV").mask.unpacked(), mask)
    segment.bench.close()
