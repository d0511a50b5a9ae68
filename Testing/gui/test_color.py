"""A cine in color in place of gray, in both panels: by its button, by key, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from segment_cases import open_file
from study_panel_cases import clip_files, opened, press, wait

ROWS, COLUMNS, PATCH = 60, 80, (40, 30)
RED, GRAY = (220, 30, 10), 85
"""The patch in color, and its luminance, 0.299 R + 0.587 G + 0.114 B."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Clips: ``a`` is gray, ``z`` has a red patch in the middle that stays where it is."""
    frames = np.repeat(np.random.default_rng(8).integers(20, 200, (6, ROWS, COLUMNS, 1), np.uint8), 3, axis=-1)
    frames[:, 20:40, 25:55] = RED
    found = clip_files(tmp_path / "clips", "a")
    sitk.WriteImage(sitk.GetImageFromArray(frames, isVector=True), str(found / "z.nrrd"))
    return found


def seen(red: Any) -> NDArray[np.int_]:
    """The color of the patch in the view."""
    from slicerhost.driving import settle

    settle(50)
    x, y = red.fromFrame(PATCH)
    return np.asarray(red.pixels()[y, x, :3], int)


def shown_clip(panel: Any, folder: Path, name: str) -> Any:
    import slicer

    from EchoApexLib.sliceView.redSliceSetup import shownBrowser

    panel.examination.choose(folder / name)
    wait(lambda: panel.examination.clip is not None and panel.examination.clip.file == folder / name)
    press(panel, "showButton")
    return shownBrowser(slicer.mrmlScene)


def test_the_study_panel_shows_a_clip_in_color_and_in_gray_again(
    studyPanel: Any, folder: Path, red: Any, key: Any
) -> None:
    opened(studyPanel, folder)
    button = studyPanel.ui.colorButton
    shown_clip(studyPanel, folder, "a.nrrd")
    wait(lambda: "no color" in button.toolTip())
    assert not button.isEnabled() and not button.isChecked()
    browser = shown_clip(studyPanel, folder, "z.nrrd")
    wait(button.isEnabled)
    assert np.abs(seen(red) - GRAY).max() <= 2 and not button.isChecked()
    key("J")
    assert np.abs(seen(red) - RED).max() <= 2 and button.isChecked()
    for _ in range(2):
        key("Right")
    assert browser.GetSelectedItemNumber() == 2 and studyPanel.study.shownFile == folder / "z.nrrd"
    shown_clip(studyPanel, folder, "a.nrrd")
    wait(lambda: not button.isEnabled())
    # The choice is that of the clip.
    assert shown_clip(studyPanel, folder, "z.nrrd") is browser
    wait(button.isChecked)
    assert np.abs(seen(red) - RED).max() <= 2
    press(studyPanel, "colorButton")
    wait(lambda: not button.isChecked())
    assert np.abs(seen(red) - GRAY).max() <= 2


def test_the_panel_for_one_cine_does_the_same_and_the_session_stays_gray(
    panel: Any, folder: Path, red: Any, key: Any
) -> None:
    import slicer
    from slicerhost.driving import settle

    open_file(panel, folder / "z.nrrd")
    button, clip = panel.ui.colorButton, panel.bench.clip
    browser = clip.browser
    wait(button.isEnabled)
    key("J")
    assert np.abs(seen(red) - RED).max() <= 2 and button.isChecked()
    assert panel.bench.clip is clip and not clip.closed
    assert slicer.modules.sequences.toolBar().activeBrowserNode() is browser
    assert clip.cine.color_frames is None and clip.cine.frames[0, PATCH[1], PATCH[0]] == GRAY
    # In the other panel, and back in this one, it is seen as it was left.
    slicer.util.selectModule("EchoApex")
    settle(80)
    wait(slicer.util.getModuleWidget("EchoApex").ui.colorButton.isChecked)
    slicer.util.selectModule("EchoApexSegment")
    settle(80)
    assert np.abs(seen(red) - RED).max() <= 2 and button.isChecked()


@pytest.fixture
def real_file() -> Path:
    """A real PLAX with a box of color flow: 30 frames of 800 x 600 of the package deid-data (MIT), 43 MB."""
    from importlib.util import find_spec

    package = find_spec("deid_data")
    if package is None or package.origin is None:
        pytest.skip("the package deid-data is not installed")
    return Path(package.origin).parent / "data" / "ultrasounds" / "ultrasound-multiframe.dcm"


def assert_in_step(browser: Any, cine: Any, frames: tuple[int, ...]) -> None:
    """What is shown of these frames, gray and in color, is what is read for an analysis, and its colors."""
    import slicer

    from EchoApexLib.sequences.colorSequence import colorVolumeOf, grayVolumeOf

    colors, gray = colorVolumeOf(browser), grayVolumeOf(browser)
    assert browser.GetNumberOfItems() == cine.frame_count
    for frame in frames:
        browser.SetSelectedItemNumber(frame)
        assert np.array_equal(slicer.util.arrayFromVolume(gray)[0], cine.frames[frame])
        assert np.array_equal(slicer.util.arrayFromVolume(colors)[0], cine.color_frames[frame])
        assert colors.GetSpacing() == gray.GetSpacing()


def spread(red: Any) -> int:
    """How far the channels of a pixel of the view are apart at most; 0 where all is gray."""
    from slicerhost.driving import settle

    settle(80)
    found = np.asarray(red.pixels()[..., :3], int)
    return int((found.max(axis=-1) - found.min(axis=-1)).max())


def test_the_box_of_a_real_cine_is_in_color_in_both_panels(
    studyPanel: Any, panelOf: Any, real_file: Path, red: Any, key: Any, request: pytest.FixtureRequest
) -> None:
    from echoapex.io import read_cine

    cine = read_cine(real_file, in_color=True)
    assert cine.color_frames is not None and np.array_equal(read_cine(real_file).frames, cine.frames)
    opened(studyPanel, real_file)
    browser = shown_clip(studyPanel, real_file.parent, real_file.name)
    wait(studyPanel.ui.colorButton.isEnabled)
    assert_in_step(browser, cine, (0, 7, 29))
    assert spread(red) == 0
    key("J")
    assert spread(red) > 60
    assert_in_step(browser, cine, (3, 28))
    # The other panel goes on with the same clip, and what the model sees is gray.
    panel = request.getfixturevalue("panel")
    panel.ui.cineSelector.setCurrentNode(browser)
    wait(lambda: panel.bench.clip is not None and panel.bench.clip.browser is browser)
    assert spread(red) > 60 and np.array_equal(panel.bench.clip.cine.frames, cine.frames)
    key("J")
    assert spread(red) == 0
    # Opened there, it is the same.
    open_file(panel, real_file)
    assert panel.bench.clip.browser is not browser
    assert np.array_equal(panel.bench.clip.cine.frames, cine.frames) and panel.bench.clip.cine.scale == cine.scale
    assert_in_step(panel.bench.clip.browser, cine, (0, 11, 29))
    key("J")
    assert spread(red) > 60


def test_without_a_cine_the_button_says_why_it_does_nothing(studyPanel: Any, key: Any) -> None:
    button = studyPanel.ui.colorButton
    wait(lambda: "No cine" in button.toolTip())
    key("J")
    assert not button.isEnabled() and not button.isChecked()


def test_closing_the_scene_in_color_is_safe(studyPanel: Any, folder: Path, red: Any) -> None:
    import slicer

    opened(studyPanel, folder)
    shown_clip(studyPanel, folder, "z.nrrd")
    wait(studyPanel.ui.colorButton.isEnabled)
    press(studyPanel, "colorButton")
    slicer.mrmlScene.Clear(0)
    wait(lambda: not studyPanel.ui.colorButton.isEnabled())
    shown_clip(studyPanel, folder, "z.nrrd")
    wait(studyPanel.ui.colorButton.isEnabled)
    assert not studyPanel.ui.colorButton.isChecked(), "a clip begins in gray"
