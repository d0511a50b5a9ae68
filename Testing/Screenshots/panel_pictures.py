"""Makes pictures of the panels: ``panel_pictures.py [--out DIR] [--scale 1.5] [--locale de_DE] [--panel EchoApex]``.

Without ``--out`` these are the three that the README shows. With it there are also those that are only to be looked at:
each panel while it is empty, with a message, at its upper and at its lower end, and EchoApex while it works.
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

STUDY_SEED = 900_312
STUDY_FRAMES = 24

SEED = 900_310
CONFIRMED = 2
"""Steps of the walls that are confirmed, of four."""


@dataclass(frozen=True)
class Studio:
    """The Host with one of the panels; pictures go to ``folder``, all of them if ``everything``."""

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
        self.wait(lambda: self.panel.bench.opening is None)
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


def start(locale: str) -> Any:
    """The window of the Host, off screen, with numbers as they are written in ``locale``, where it is given."""
    import slicerhost.host as starting
    from PySide6 import QtCore

    if locale:
        QtCore.QLocale.setDefault(QtCore.QLocale(locale))
    host = starting.boot(testing=True)
    starting.loadModules(host)
    host.window.resize(*SIZE)
    host.window.show()
    return host.window


def studio_of(window: Any, module: str, folder: Path, everything: bool) -> Studio:
    """The panel of a module, with an empty scene."""
    import slicer

    slicer.mrmlScene.Clear(0)
    slicer.util.selectModule(module)
    return Studio(window, slicer.util.getModuleWidget(module), folder, everything)


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


def write_study(folder: Path) -> Path:
    """A small simulated study: three views, one of them without a scale, and a file that is cut short."""
    from pydicom import dcmread

    from echoapex.simulation import draw_case, simulate_clip
    from echoapex.simulation.dicom_writing import write_dicom

    folder.mkdir()
    for number, view in enumerate(("A4C", "A2C", "PLAX", "PSAX_PM"), 1):
        clip = simulate_clip(
            draw_case("easy", STUDY_SEED), view, rows=240, columns=320, beats=1.2, max_frames=STUDY_FRAMES
        )
        write_dicom(folder / f"{view}.dcm", clip, number)
    header = dcmread(folder / "PSAX_PM.dcm")
    del header.SequenceOfUltrasoundRegions
    header.save_as(folder / "PSAX_PM.dcm", enforce_file_format=True)
    (folder / "damaged.dcm").write_bytes((folder / "A4C.dcm").read_bytes()[:4000])
    return folder


def show_study(studio: Studio, folder: Path) -> None:
    """A study: listed, analyzed, and the septum gone to."""
    panel, ui = studio.panel, studio.panel.ui
    studio.look("study-empty")
    ui.folderEdit.currentPath = str(folder / "reports")
    panel.openPaths([str(write_study(folder / "study"))])
    studio.wait(lambda: not panel.study.listing and panel.study.list.clips)
    ui.sexBox.setCurrentIndex(ui.sexBox.findData("M"))
    for box, value in ((ui.ageBox, 60), (ui.heightBox, 178), (ui.weightBox, 79.5)):
        box.setValue(value)
    studio.look("study-listed")
    ui.analyzeButton.click()
    studio.wait(lambda: panel.study.analysis.progress.number > 1)
    studio.look("study-progress")
    studio.wait(lambda: not panel.study.analyzing and panel.study.report is not None)
    names = [row.cells[0] for row in panel.results._rows]
    studio.wait(lambda: panel.study._next is None)
    ui.measurementTable.selectRow(names.index("LVEF"))
    panel.results.goTo(names.index("LVEF"))
    studio.wait(lambda: panel.study.opening is None)
    studio.look("study-ef")
    show_trace(studio)
    ui.measurementTable.selectRow(names.index("IVSd"))
    panel.results.goTo(names.index("IVSd"))
    studio.wait(lambda: panel.study.opening is None)
    # The folder of this run is of no interest.
    ui.folderEdit.currentPath = "~/EchoApex reports"
    studio.go_to("examinationSection")
    studio.look("study-upper")
    panel.say("A message is shown here.")
    studio.look("study-message")
    panel.say("")
    studio.go_to("resultsSection")
    studio.save("study")
    panel.study.close()


def show_trace(studio: Studio) -> None:
    """The trace of both apical views: with ES dragged in the chart, over time, and side by side."""
    import slicer
    from slicerhost.driving import PlotDriver

    panel, control = studio.panel, studio.panel.trace.control
    studio.wait(lambda: control.trace is not None and len(control.trace.views) == 2)
    studio.go_to("traceSection")
    studio.look("study-trace")
    plot = PlotDriver(slicer.app.layoutManager().plotWidget(0))
    es = next(one for one in control.trace.markers if one.phase == "ES")
    plot.drag(plot.fromChart(es.x, es.y), plot.fromChart(0.6, es.y))
    studio.look("study-trace-moved")
    panel.ui.phaseButton.click()
    studio.look("study-trace-time")
    panel.ui.phaseButton.click()
    panel.ui.pairButton.click()
    panel.ui.foundMarkersButton.click()
    panel.results.step(4)
    studio.wait(lambda: control.paired)
    studio.look("study-side-by-side")
    panel.ui.pairButton.click()


def main() -> None:
    """Makes all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=SHOWN, help="folder for the pictures")
    parser.add_argument("--scale", default="1", help="of the screen")
    parser.add_argument("--locale", default="", help="such as de_DE, with a decimal comma")
    parser.add_argument("--panel", choices=("EchoApex", "EchoApexSegment"), help="only this one")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(ROOT / "Testing" / "Host"))
    with tempfile.TemporaryDirectory() as folder:
        # Qt reads these when it starts; what was encoded before must not make a difference.
        os.environ.update(QT_QPA_PLATFORM="offscreen", QT_SCALE_FACTOR=arguments.scale, ECHOAPEX_CACHE=folder)
        window, everything = start(arguments.locale), arguments.out != SHOWN
        if arguments.panel != "EchoApexSegment":
            show_study(studio_of(window, "EchoApex", arguments.out, everything), Path(folder))
        if arguments.panel != "EchoApex":
            studio = studio_of(window, "EchoApexSegment", arguments.out, everything)
            show_outline(studio)
            show_walls(studio, Path(folder))
            studio.panel.bench.close()
    # Python's own ending may abort after the Host's changes to PySide6.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
