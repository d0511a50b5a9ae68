"""What the checks of EchoApexSegment do in the real application: open cines, move the mouse, press keys, wait."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer
import vtk
from transcript import Transcript

PATIENCE_S = 120.0
"""Only so that a check that waits in vain ends."""

MODULE = "EchoApexSegment"
ROWS, COLUMNS = 240, 320
LV = (160.0, 90.0)
"""A pixel (x right, y down) in the left ventricle of the simulated cine."""


def wait_until(holds: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Runs the event loop until something holds; raises AssertionError, with what the panel says, when it does not."""
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end, f"did not happen; the panel says: {panel().ui.messageLabel.text!r}"
        _turn()
    settle()


def settle() -> None:
    """Lets what is queued happen, and the timer of the panel tick."""
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        _turn()


def _turn() -> None:
    """One turn of the event loop, and a rest for the processor."""
    slicer.app.processEvents()
    time.sleep(0.005)


def panel(module: str = MODULE) -> Any:
    """The panel of EchoApexSegment, or of another module, shown or not."""
    return slicer.util.getModuleWidget(module)


def shown_panel(transcript: Transcript, module: str = MODULE) -> Any:
    """The panel of a module, which is selected, and the scene empty; skips without a main window."""
    if slicer.util.mainWindow() is None or slicer.app.layoutManager() is None:
        transcript.skip("this Slicer runs without its main window")
    slicer.mrmlScene.Clear(0)
    slicer.util.selectModule(module)
    settle()
    return panel(module)


def unknown_signals(senders: dict[str, Any]) -> list[str]:
    """Those of the signals, each with its sender, that cannot be connected and disconnected."""

    def heard(*arguments: object) -> None:
        """Is only connected."""

    def can_be_connected(sender: Any, signal: str) -> bool:
        return bool(sender.connect(signal, heard)) and bool(sender.disconnect(signal, heard))

    return [signal for signal, sender in senders.items() if not can_be_connected(sender, signal)]


def needs_model(transcript: Transcript) -> None:
    """Skips the check where the libraries of the model are not installed in this Slicer."""
    missing = panel().bench.missing
    if missing:
        transcript.skip(f"not installed in this Slicer: {', '.join(missing)}")


def simulated_clip(view: str, beats: float = 0.4) -> Any:
    """A clip of a simulated heart."""
    from echoapex.simulation import draw_case, simulate_clip

    return simulate_clip(draw_case("easy", 900_202), view, rows=ROWS, columns=COLUMNS, beats=beats)


def simulated_cine(view: str) -> Any:
    """A short cine of a simulated heart."""
    return simulated_clip(view).cine()


def write_simulated(folder: Path, beats: float, view: str = "A4C") -> Path:
    """Writes a clip of a simulated heart as a DICOM file."""
    from echoapex.simulation.dicom_writing import write_dicom

    file = folder / "clip.dcm"
    write_dicom(file, simulated_clip(view, beats), 1)
    return file


def open_simulated(transcript: Transcript, beats: float = 0.4, view: str = "A4C") -> tuple[Any, Any]:
    """The shown panel, and the work on a simulated cine that it has opened alone; skips as `shown_panel`."""
    shown = shown_panel(transcript)
    with tempfile.TemporaryDirectory() as folder:
        shown.openFile(str(write_simulated(Path(folder), beats, view)))
        wait_until(lambda: shown.bench.opening is None)
    settle()
    assert shown.bench.clip is not None, shown.ui.messageLabel.text
    return shown, shown.bench.clip


def wait_for_model(shown: Any) -> None:
    wait_until(lambda: shown.bench.process is not None and shown.bench.process.ready)


@contextmanager
def closing_the_scene() -> Iterator[None]:
    """Closes the scene afterwards, and with it the inference process, and puts the tool away."""
    try:
        yield
    finally:
        panel().setTool("none")
        slicer.mrmlScene.Clear(0)
        settle()


@contextmanager
def answering_yes() -> Iterator[list[str]]:
    """Answers what Slicer asks within it with the first button that agrees; gives the titles of the questions."""
    asked: list[str] = []

    def answer() -> None:
        box = qt.QApplication.activeModalWidget()
        if box is None:
            return
        asked.append(box.windowTitle)
        buttons = [one for one in box.findChildren("QPushButton") if one.visible and one.enabled]
        agreeing = [one for one in buttons if not any(word in one.text.lower() for word in ("cancel", "no", "save"))]
        (agreeing or buttons)[0].click()

    timer = qt.QTimer()
    timer.setInterval(200)
    timer.connect("timeout()", answer)
    timer.start()
    try:
        yield asked
    finally:
        timer.stop()


def is_heard(action: Any) -> bool:
    """Whether an action of the window reacts to its key: not where it is of no widget, as Slicer's undo and redo."""
    widgets = action.associatedWidgets if hasattr(action, "associatedWidgets") else action.associatedObjects
    return bool(action.enabled and list(widgets()))


class RedView:
    """A hand on the red slice view; places are pixels (x right, y down) of the frame that is shown."""

    def __init__(self, volume: Any) -> None:
        self._view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
        self._volume = volume

    def on_screen(self, pixel: tuple[float, float]) -> tuple[int, int]:
        """The place of a pixel in the render window, counted from its lower left corner."""
        to_ras, to_xy = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        self._volume.GetIJKToRASMatrix(to_ras)
        vtk.vtkMatrix4x4.Invert(self._view.mrmlSliceNode().GetXYToRAS(), to_xy)
        x, y, _, _ = to_xy.MultiplyPoint(to_ras.MultiplyPoint((*pixel, 0.0, 1.0)))
        return round(x), round(y)

    def half_a_pixel(self) -> float:
        """How far, in pixels of the frame, a place may be off by rounding to pixels of the screen."""
        (left, _), (right, _) = self.on_screen((0.0, 0.0)), self.on_screen((100.0, 0.0))
        return 100.0 / (right - left) / 2 + 1e-6

    def move_on_screen(self, place: tuple[int, int]) -> None:
        """Moves the mouse to a place of the render window, whatever is shown there."""
        self._send("MouseMoveEvent", place, False)

    def send(self, event: str, pixel: tuple[float, float], shift: bool = False) -> None:
        """An event of the mouse, as the window hands it to VTK."""
        self._send(event, self.on_screen(pixel), shift)

    def _send(self, event: str, place: tuple[int, int], shift: bool) -> None:
        interactor = self._view.interactor()
        interactor.SetEventInformation(*place, 0, int(shift), "\0", 0, None)
        getattr(interactor, event)()
        slicer.app.processEvents()

    def click(self, pixel: tuple[float, float], shift: bool = False) -> None:
        self.drag(pixel, pixel, shift)

    def drag(self, start: tuple[float, float], end: tuple[float, float], shift: bool = False) -> None:
        """Presses at one place, moves to another and lets go."""
        self.send("MouseMoveEvent", start, shift)
        self.send("LeftButtonPressEvent", start, shift)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        for place in (middle, end):
            self.send("MouseMoveEvent", place, shift)
        self.send("LeftButtonReleaseEvent", end, shift)

    def wheel(self, steps: int) -> None:
        for _ in range(abs(steps)):
            self.send("MouseWheelForwardEvent" if steps > 0 else "MouseWheelBackwardEvent", LV)


def shortcuts_of(window: Any, key: str) -> list[Any]:
    """The shortcuts of a window that are for a key and enabled."""
    wanted = qt.QKeySequence(key).toString()
    return [one for one in window.findChildren("QShortcut") if one.key.toString() == wanted and one.enabled]


def press(key: str) -> None:
    """Does what the one enabled shortcut of the main window for a key does; raises AssertionError for none and two."""
    found = shortcuts_of(slicer.util.mainWindow(), key)
    assert len(found) == 1, f"{len(found)} shortcuts for {key}"
    found[0].activated.emit()
    settle()


def draw(clip: Any, mask: np.ndarray) -> None:
    """Draws the mask ``bool [H, W]`` of the left ventricle on the frame that is shown, as an editor would."""
    clip.scene.addStructure("LV")
    array = mask.astype(np.uint8)[np.newaxis]
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, clip.scene.segmentation, "LV", clip.scene.volume)


def disk(rows: int = ROWS, columns: int = COLUMNS, radius: float = 30.0) -> np.ndarray:
    """A round mask ``bool [H, W]`` around the middle of the frame."""
    y, x = np.ogrid[:rows, :columns]
    return (y - rows / 2) ** 2 + (x - columns / 2) ** 2 <= radius**2
