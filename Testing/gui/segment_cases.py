"""What a sonographer does with EchoApexSegment, for the tests of its panel."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.examples

from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom

PATIENCE_S = 240.0
"""Only so that a test that waits in vain ends."""


def wait(until: Callable[[], object]) -> None:
    from slicerhost.driving import settle

    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, f"waited in vain; panel: {_shown()}"
        settle(10)
    settle(40)


def _shown() -> list[str]:
    """What the panel says, for the message of a test that fails."""
    import slicer

    ui = slicer.util.getModuleWidget("EchoApexSegment").ui
    return [ui.messageLabel.text(), ui.deviceLabel.text(), ui.frameLabel.text(), ui.numbersLabel.text()]


def real_cine() -> str:
    return str(pydicom.examples.get_path("ybr_color"))


def open_file(panel: Any, path: str | Path) -> None:
    """Opens a file, and waits until it is in the scene or refused."""
    assert panel.openFile(str(path))
    wait(lambda: panel.bench.opening is None)


def opened(panel: Any, path: str) -> Any:
    open_file(panel, path)
    wait(lambda: panel.bench.process is not None and panel.bench.process.ready)
    return panel.bench.clip


LV, RV, OUTSIDE = (176, 100), (120, 90), (10, 120)
"""Pixels of the first frame of the real cine: inside both ventricles, and beside the ultrasound picture."""


def place(panel: Any, red: Any, pixel: tuple[float, float], **how: Any) -> None:
    """Clicks there with the tool for points, and waits for the answer."""
    from slicerhost.driving import clickButton

    if not panel.ui.pointButton.isChecked():
        clickButton(panel.ui.pointButton)
    before = panel.bench.clip.entry
    red.click(red.fromFrame(pixel), **how)
    wait(lambda: panel.bench.clip.entry != before)


def press(panel: Any, name: str) -> None:
    from slicerhost.driving import clickButton, settle

    clickButton(getattr(panel.ui, name))
    settle(40)


def carried(panel: Any) -> None:
    press(panel, "wholeButton")
    wait(lambda: panel.bench.clip.progress is None)


def drawn(clip: Any, frame: int, structure: str = "LV") -> np.ndarray:
    """The mask that is in the scene."""
    return clip.scene._masks.mask(frame, structure)


def simulated(folder: Path, view: str, seed: int, preset: str = "easy", **how: Any) -> tuple[str, SimulatedClip]:
    """A clip of a heart as a DICOM file, and its truth."""
    clip = simulate_clip(draw_case(preset, seed), view, rows=240, columns=320, **how)
    write_dicom(folder / "clip.dcm", clip, 1)
    return str(folder / "clip.dcm"), clip


def choose(panel: Any, structure: str) -> None:
    """Clicks the row of a structure in the list."""
    from slicerhost.driving import settle

    part = next(part for part in panel.parts if hasattr(part, "structures"))
    panel.ui.structureTable.setCurrentCell(part.structures.index(structure), 0)
    settle(40)
    assert panel.bench.clip.structure == structure


def type_words(panel: Any, words: str) -> None:
    """Types into the field for structures and presses Return."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from slicerhost.driving import settle

    panel.ui.textEdit.setFocus()
    panel.ui.textEdit.setText(words)
    QTest.keyClick(panel.ui.textEdit, Qt.Key.Key_Return)
    settle(40)
