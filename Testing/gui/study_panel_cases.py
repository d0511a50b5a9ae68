"""What a sonographer does with the panel of EchoApex, and small examinations to do it with."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE_S = 900.0
"""Only so that a test that waits in vain ends."""

# The reports of noise clips that the tests of the glue use.
sys.path.append(str(Path(__file__).resolve().parents[1] / "mrml"))


def wait(until: Callable[[], object]) -> None:
    from slicerhost.driving import settle

    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, f"waited in vain; panel: {_shown()}"
        settle(10)
    settle(80)


def _shown() -> list[str]:
    """What the panel says, for the message of a test that fails."""
    import slicer

    ui = slicer.util.getModuleWidget("EchoApex").ui
    return [ui.messageLabel.text(), ui.listLabel.text(), ui.progressLabel.text(), ui.reportLabel.text()]


def held_opening(monkeypatch: Any, name: str) -> Callable[[], None]:
    """From now on the opening of the clip ``name`` stands still; it goes on once what is returned has been called."""
    from EchoApexLib.cine.clipOpening import ClipOpening

    poll, held = ClipOpening.poll, [True]
    monkeypatch.setattr(ClipOpening, "poll", lambda self: not (held and self.name == name) and poll(self))
    return held.clear


def press(panel: Any, name: str) -> None:
    from slicerhost.driving import clickButton, settle

    clickButton(getattr(panel.ui, name))
    settle(60)
    clip_opened()


def clip_opened() -> None:
    """Waits for the clip that is on its way into the scene, if there is one."""
    import slicer

    study = slicer.util.getModuleWidget("EchoApex").study
    if study.opening is not None:
        wait(lambda: study.opening is None)


def opened(panel: Any, *paths: Path) -> tuple[Any, ...]:
    """Opens files and folders, and waits for the list."""
    panel.openPaths([str(path) for path in paths])
    wait(lambda: not panel.study.listing)
    return tuple(panel.study.list.clips)


def cells(table: Any, row: int) -> list[str]:
    return [table.item(row, column).text() for column in range(table.columnCount())]


def row_of(panel: Any, name: str) -> int:
    """The row of the first number of this name."""
    table = panel.ui.measurementTable
    names = [table.item(row, 0).text().split()[0] for row in range(table.rowCount())]
    return names.index(name)


def click_row(table: Any, row: int) -> None:
    """Clicks the first cell of a row, as far as it has to be scrolled into sight."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from slicerhost.driving import settle

    table.scrollToItem(table.item(row, 0))
    settle()
    place = table.visualItemRect(table.item(row, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    settle(80)
    clip_opened()


def choose_clip(panel: Any, name: str) -> None:
    """Chooses a clip in the list with the arrow keys."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest
    from slicerhost.driving import settle

    table = panel.ui.clipTable
    names = [table.item(row, 0).text() for row in range(table.rowCount())]
    table.setFocus()
    for _ in names:
        QTest.keyClick(table, Qt.Key.Key_Up)
    for _ in range(names.index(name)):
        QTest.keyClick(table, Qt.Key.Key_Down)
    settle(80)
    assert panel.examination.clip.file.name == name


def shown() -> tuple[str, int]:
    """The clip in the red view, and its frame."""
    import slicer

    from EchoApexLib.sliceView.redSliceSetup import shownBrowser

    browser = shownBrowser(slicer.mrmlScene)
    return ("", -1) if browser is None else (browser.GetName(), browser.GetSelectedItemNumber())


def frames() -> dict[str, int]:
    """The frame of each clip in the scene."""
    import slicer

    from EchoApexLib.sliceView.redSliceSetup import clipBrowsers

    return {one.GetName()[:3]: one.GetSelectedItemNumber() for one in clipBrowsers(slicer.mrmlScene)}


def scale_of_shown() -> Any:
    """The scale of the clip in the red view."""
    import slicer

    from EchoApexLib.cine.cineFromBrowser import cineOf
    from EchoApexLib.sliceView.redSliceSetup import shownBrowser

    return cineOf(shownBrowser(slicer.mrmlScene)).scale


def marker(panel: Any, view: str, phase: str, beat: int = 0) -> Any:
    """ED or ES of a view in the chart of the trace."""
    markers = panel.trace.control.trace.markers
    return next(one for one in markers if (one.view, one.phase, one.beat) == (view, phase, beat))


def place(panel: Any, plot: Any, view: str, phase: str, beat: int = 0) -> tuple[int, int]:
    """Where a marker is in the plot view."""
    one = marker(panel, view, phase, beat)
    return plot.fromChart(one.x, one.y)


def chart_title() -> str:
    """What the chart in the plot view says, with the EFs."""
    import slicer

    return slicer.app.layoutManager().plotWidget(0).plotView().chart().GetTitle()


def clip_files(folder: Path, *names: str) -> Path:
    """A folder with clips of noise that have no header: they are listed at once."""
    import scene_cases
    from written_reports import write_cine

    for name in names:
        # Each shows something else: copies count once.
        write_cine(folder / f"{name}.nrrd", scene_cases.make_clip(name, seed=ord(name[0])))
    return folder


def written_report(folder: Path, **changes: Any) -> Path:
    """The folder of a report with two clips of noise, A4C and A2C, whose files are in ``clips``."""
    import scene_cases
    from written_reports import write_report

    folder.mkdir(exist_ok=True)
    reasons = [{"file": None, "rule": "No heart rate: no clip holds a whole beat", "value": None}]
    second = scene_cases.make_clip("b", "A2C", landmarks=False, seed=7)
    return write_report(folder, scene_cases.make_clip(), second, **({"not_measured": reasons} | changes))


def stub(panel: Any, code: str) -> None:
    """From now on an analysis is this Python program; `sys.argv[1:]` is what it would have been asked to do."""
    from EchoApexLib.study.studyAnalysis import StudyAnalysis

    panel.study._start = lambda command: StudyAnalysis([sys.executable, "-c", code, *command[2:]])
