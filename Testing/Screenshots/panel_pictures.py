"""Makes the pictures of the panel of EchoApexSegment: ``panel_pictures.py [--out DIR] [--scale 1.5]``.

Without ``--out`` these are the two that the README shows. With it there are also those that are only to be looked at:
the panel while it is empty, its upper end, the same with a message, and its lower end.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHOWN = ROOT / "Resources" / "Screenshots"
SIZE = (1280, 800)
PATIENCE_S = 600.0
"""Only so that a run that waits in vain ends."""

REAL_CINE = "color3d_jpeg_baseline.dcm"
IN_LV = (352, 200)
"""Pixel (x right, y down) of the first frame of the real cine."""

REVIEWED = {0: "acceptButton", 12: "acceptButton", 40: "flagButton"}
"""Button by frame of the real cine."""

SEED = 900_310
CONFIRMED = 2
"""Steps of the walls that are confirmed, of four."""


@dataclass(frozen=True)
class Studio:
    """The Host with the panel of EchoApexSegment; pictures go to ``folder``, all of them if ``everything``."""

    window: Any
    panel: Any
    folder: Path
    everything: bool

    def wait(self, until: Callable[[], object]) -> None:
        """Lets the panel work until something is so. Raises `TimeoutError` where it never is."""
        from slicerhost.driving import settle

        end = time.monotonic() + PATIENCE_S
        while not until():
            if time.monotonic() > end:
                raise TimeoutError(f"waited in vain; the panel says: {self.panel.ui.messageLabel.text()}")
            settle(20)
        settle(200)

    def open(self, path: str, view: str) -> Any:
        """Opens a cine, says which view it shows, and waits until all of its frames are encoded."""
        self.panel.openFile(path)
        box = self.panel.ui.viewBox
        box.setCurrentIndex(box.findData(view))
        box.activated.emit(box.currentIndex())
        bench = self.panel.bench
        self.wait(lambda: bench.process is not None and bench.process.ready)
        self.wait(lambda: len(bench.process.told.encoded) == bench.clip.cine.frame_count)
        return bench.clip

    def press(self, button: str) -> None:
        """Clicks a button and waits until nothing goes through the cine."""
        from slicerhost.driving import clickButton

        clickButton(getattr(self.panel.ui, button))
        self.wait(lambda: self.panel.bench.clip.progress is None)

    def save(self, name: str) -> None:
        """Writes the window as it is."""
        from slicerhost.driving import savePicture, settle

        settle(200)
        print(savePicture(self.window, self.folder / f"{name}.png"))

    def look(self, name: str) -> None:
        """Writes the window as it is, where everything was asked for."""
        if self.everything:
            self.save(name)

    def go_to(self, section: str) -> None:
        """Opens a section of the panel and brings its head to the top, as far as the panel goes."""
        from PySide6 import QtCore, QtWidgets
        from slicerhost.driving import settle

        widget = getattr(self.panel.ui, section)
        widget.collapsed = False
        settle(200)
        area = widget.parentWidget()
        while not isinstance(area, QtWidgets.QScrollArea):
            area = area.parentWidget()
        area.verticalScrollBar().setValue(widget.mapTo(area.widget(), QtCore.QPoint(0, 0)).y())


def start(folder: Path, everything: bool) -> Studio:
    """The Host, off screen."""
    import slicer
    import slicerhost.host as starting

    host = starting.boot(testing=True)
    starting.loadModules(host)
    host.window.resize(*SIZE)
    host.window.show()
    slicer.util.selectModule("EchoApexSegment")
    return Studio(host.window, slicer.util.getModuleWidget("EchoApexSegment"), folder, everything)


def show_outline(studio: Studio) -> None:
    """The left ventricle of a real cine: clicked, carried through it, and partly reviewed."""
    import slicer
    from pydicom.data import get_testdata_file
    from slicerhost.driving import SliceDriver

    studio.look("empty")
    clip = studio.open(str(get_testdata_file(REAL_CINE, download=False)), "A4C")
    studio.press("pointButton")
    red = SliceDriver(slicer.app.layoutManager().sliceWidget("Red"))
    red.click(red.fromFrame(IN_LV))
    studio.wait(lambda: clip.entry.mask is not None)
    studio.press("wholeButton")
    for frame, button in REVIEWED.items():
        clip.show(frame)
        studio.press(button)
    clip.show(12)
    studio.wait(lambda: "LVEF" in studio.panel.ui.numbersLabel.text())
    studio.look("segment-upper")
    studio.panel.say("A message is shown here.")
    studio.look("segment-message")
    studio.panel.say("")
    studio.go_to("outlineSection")
    studio.save("segment")
    studio.go_to("editSection")
    studio.look("segment-lower")
    studio.panel.ui.editSection.collapsed = True


def show_walls(studio: Studio, folder: Path) -> None:
    """The walls of a simulated heart: suggested, and some steps confirmed."""
    from echoapex.simulation import draw_case, simulate_clip
    from echoapex.simulation.dicom_writing import write_dicom

    write_dicom(folder / "clip.dcm", simulate_clip(draw_case("easy", SEED), "PLAX"), 1)
    clip = studio.open(str(folder / "clip.dcm"), "PLAX")
    studio.go_to("wallsSection")
    studio.press("suggestButton")
    for _ in range(CONFIRMED):
        studio.press("confirmButton")
    clip.walls.jump(clip.walls.steps[0].name)
    studio.go_to("wallsSection")
    studio.save("walls")


def main() -> None:
    """Makes all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=SHOWN, help="folder for the pictures")
    parser.add_argument("--scale", default="1", help="of the screen")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(ROOT / "Testing" / "Host"))
    with tempfile.TemporaryDirectory() as folder:
        # Qt reads these when it starts; what was encoded before must not make a difference.
        os.environ.update(QT_QPA_PLATFORM="offscreen", QT_SCALE_FACTOR=arguments.scale, ECHOAPEX_CACHE=folder)
        studio = start(arguments.out, everything=arguments.out != SHOWN)
        show_outline(studio)
        show_walls(studio, Path(folder))
        studio.panel.bench.close()
    # Python's own ending may abort after the Host's changes to PySide6.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
