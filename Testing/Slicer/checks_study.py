"""The panel of EchoApex: its widgets, what it lists, and what it shows of a report."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer
import vtk
from driving import (
    COLUMNS,
    ROWS,
    RedView,
    panel,
    press,
    settle,
    shortcuts_of,
    shown_panel,
    unknown_signals,
    wait_until,
    write_simulated,
)
from transcript import Transcript

MODULE = "EchoApex"

CLASSES = {
    "analysisSection": "ctkCollapsibleButton",
    "clipTable": "QTableWidget",
    "folderEdit": "ctkPathLineEdit",
    "measurementTable": "QTableWidget",
    "pairButton": "QPushButton",
    "progressBar": "QProgressBar",
    "traceSection": "ctkCollapsibleButton",
    "viewBox": "QComboBox",
    "weightBox": "QDoubleSpinBox",
}
"""Class of some widgets of the panel: without its plug-in, Qt's loader makes a plain QWidget of one of CTK or MRML."""

SIGNALS = {
    "activated(int)": "viewBox",
    "cellClicked(int,int)": "measurementTable",
    "cellDoubleClicked(int,int)": "clipTable",
    "clicked()": "openButton",
    "currentIndexChanged(int)": "sortBox",
    "valueChanged(double)": "distanceBox",
    "currentPathChanged(QString)": "folderEdit",
    "itemSelectionChanged()": "clipTable",
    "returnPressed()": "reasonEdit",
}
"""A widget for each signal of the .ui file's widgets that the panel connects."""

OTHER_SIGNALS = (
    "activated()",
    "focusChanged(QWidget*,QWidget*)",
    "timeout()",
    "activeBrowserNodeChanged(vtkMRMLNode*)",
    "startupCompleted()",
    "sectionClicked(int)",
    "editingFinished()",
)


def check_the_panel_is_built_from_its_ui_file(transcript: Transcript) -> None:
    shown = panel(MODULE)
    assert shown.uiWidget.inherits("qMRMLWidget")
    wrong = [name for name, kind in CLASSES.items() if not getattr(shown.ui, name).inherits(kind)]
    assert not wrong, wrong
    from EchoApexPanelLib.studySections import KEYS

    assert all(getattr(shown.ui, name).inherits("QPushButton") for name in KEYS.values())


def check_the_signals_of_the_panel_exist(transcript: Transcript) -> None:
    shown = shown_panel(transcript, MODULE)
    shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+Alt+F12"), shown.uiWidget)
    senders = {signal: getattr(shown.ui, name) for signal, name in SIGNALS.items()}
    header, edit = shown.ui.clipTable.horizontalHeader(), qt.QLineEdit(shown.uiWidget)
    others = (shortcut, slicer.app, shown.timer, shown.trace.bar, slicer.app, header, edit)
    senders |= dict(zip(OTHER_SIGNALS, others, strict=True))
    missing = unknown_signals(senders)
    shortcut.deleteLater()
    edit.deleteLater()
    assert not missing, missing


def check_a_folder_that_is_dropped_is_listed(transcript: Transcript) -> None:
    shown = shown_panel(transcript, MODULE)
    with tempfile.TemporaryDirectory() as folder:
        write_simulated(Path(folder), 0.4)
        data = qt.QMimeData()
        data.setUrls([qt.QUrl.fromLocalFile(folder)])
        place = qt.QPoint(5, 5)
        event = qt.QDropEvent(qt.QPointF(place), qt.Qt.CopyAction, data, qt.Qt.LeftButton, qt.Qt.NoModifier)
        qt.QApplication.sendEvent(shown.uiWidget, event)
        wait_until(lambda: shown.study.list.clips and not shown.study.listing)
        (clip,) = shown.study.list.clips
        transcript.note(f"{shown.ui.listLabel.text} {clip.view} {clip.scale}")
        assert (clip.view, clip.scale) == ("A4C", "dicom_region") and shown.ui.clipTable.rowCount == 1
        shown.ui.showButton.click()
        wait_until(lambda: shown.study.opening is None)
        settle()
        assert slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    slicer.mrmlScene.Clear(0)


def check_the_keys_go_with_the_module(transcript: Transcript) -> None:
    shown = shown_panel(transcript, MODULE)
    window = slicer.util.mainWindow()
    assert all(len(shortcuts_of(window, key)) == 1 for key in ("A", "D", "W"))
    slicer.util.selectModule("Data")
    settle()
    assert shown.keys is None and not any(shortcuts_of(window, key) for key in ("A", "D", "W"))


def check_changes_stand_beside_the_values_and_a_preview_shows_simple_html(transcript: Transcript) -> None:
    shown = shown_panel(transcript, MODULE)
    table = shown.ui.measurementTable
    assert table.horizontalHeader().visualIndex(7) == 2 and table.isColumnHidden(7)
    browser = qt.QTextBrowser()
    browser.openLinks = False
    browser.setHtml("<table border='1'><tr><td><b>33.3 %</b></td></tr></table>")
    assert "33.3 %" in browser.toPlainText()


class PlotHand:
    """A hand on the first plot view; places are those of its chart."""

    def __init__(self) -> None:
        import vtk

        self.view = slicer.app.layoutManager().plotWidget(0).plotView()
        self.chart, self.interactor = self.view.chart(), self.view.renderWindow().GetInteractor()
        self.axes = vtk.vtkAxis.BOTTOM, vtk.vtkAxis.LEFT

    def send(self, event: str, x: float, y: float) -> None:
        places = []
        for along, number in enumerate((x, y)):
            axis = self.chart.GetAxis(self.axes[along])
            first, last = axis.GetPoint1()[along], axis.GetPoint2()[along]
            share = (number - axis.GetMinimum()) / (axis.GetMaximum() - axis.GetMinimum())
            places.append(round(first + share * (last - first)))
        self.interactor.SetEventInformation(*places, 0, 0, "\0", 0, None)
        getattr(self.interactor, event)()
        slicer.app.processEvents()


@cache
def outlined_clip(view: str) -> Any:
    """A clip of a simulated heart with its true outlines and its beats, as a scene holds it."""
    from echoapex.inference.segmentation import Segmentation
    from echoapex.measure.single_plane_ef import measure_lv
    from echoapex.simulation import draw_case, simulate_clip
    from echoapex.simulation.heart import Tissue
    from EchoApexLib.record.studyContents import Curve, SceneClip

    clip = simulate_clip(draw_case("easy", 900_202), view, rows=ROWS, columns=COLUMNS, beats=1.3, max_frames=24)
    cine = clip.cine()
    masks = np.stack([clip.labels(frame) == Tissue.LV for frame in range(len(clip.frames))])
    lv = measure_lv(view, view, masks, scale=cine.scale, times=cine.times)
    found = {"LV": Segmentation(masks, np.ones(len(masks), np.float32))}
    return SceneClip(view, cine, view, found, Curve("LV volume", "mL", lv.volume_ml, lv.beats))


def traced_panel(transcript: Transcript) -> Any:
    """The panel with an A4C and an A2C clip of one simulated heart in the scene, truly outlined, and their trace."""
    from EchoApexLib.record.studyContents import SceneStudy
    from EchoApexLib.sliceView.redSliceSetup import showBrowser
    from EchoApexLib.study.studyInScene import addStudy

    shown = shown_panel(transcript, MODULE)
    browsers = addStudy(slicer.mrmlScene, SceneStudy((outlined_clip("A4C"), outlined_clip("A2C"))))
    showBrowser(slicer.mrmlScene, browsers[0])
    shown.outdate()
    wait_until(lambda: shown.trace.control.trace is not None and len(shown.trace.control.trace.views) == 2)
    return shown


def check_es_is_dragged_in_the_chart(transcript: Transcript) -> None:
    shown = traced_panel(transcript)
    hand = PlotHand()
    assert type(hand.chart).__name__ == "vtkChartXY", type(hand.chart)
    trace = shown.trace.control.trace
    es = next(one for one in trace.markers if one.name == "A4C ES")
    before = trace.numbers.value("LVEF", "biplane")
    hand.send("MouseMoveEvent", es.x, es.y)
    hand.send("LeftButtonPressEvent", es.x, es.y)
    for x in (0.8, 0.6):
        hand.send("MouseMoveEvent", x, es.y)
    between = trace.numbers.value("LVEF", "biplane")
    hand.send("LeftButtonReleaseEvent", 0.6, es.y)
    settle()
    transcript.note(f"{before:.1f} % biplane, {between:.1f} % with ES dragged; {hand.chart.GetTitle()}")
    assert between < before and "by hand" in hand.chart.GetTitle()
    assert "By hand: ES of A4C" in shown.ui.traceNotesLabel.text
    ends = hand.chart.GetAxis(hand.axes[0]).GetMinimum(), hand.chart.GetAxis(hand.axes[0]).GetMaximum()
    hand.send("LeftButtonPressEvent", 0.5, es.y / 2)
    hand.send("LeftButtonReleaseEvent", 0.5, es.y / 2)
    settle()
    frame = trace.browsers["A4C"].GetSelectedItemNumber()
    assert frame == trace.frameAt("A4C", 0.5), frame
    assert ends == (hand.chart.GetAxis(hand.axes[0]).GetMinimum(), hand.chart.GetAxis(hand.axes[0]).GetMaximum())
    press("U")
    assert trace.numbers.value("LVEF", "biplane") == before
    slicer.mrmlScene.Clear(0)


def check_both_views_are_played_side_by_side(transcript: Transcript) -> None:
    shown = traced_panel(transcript)
    trace = shown.trace.control.trace
    press("V")
    manager = slicer.app.layoutManager()
    second = manager.sliceWidget("EchoApexSecond")
    assert shown.trace.control.paired and second is not None and second.visible
    assert manager.sliceWidget("Red").sliceLogic().GetBackgroundLayer().GetVolumeNode().GetName().startswith("A4C")
    assert second.sliceLogic().GetBackgroundLayer().GetVolumeNode().GetName().startswith("A2C")
    assert slicer.modules.sequences.toolBar().activeBrowserNode() in trace.browsers.values()
    press("G")
    seen = set()

    def pair() -> tuple[int, int]:
        first, other = (trace.browsers[view].GetSelectedItemNumber() for view in ("A4C", "A2C"))
        return first, other

    wait_until(lambda: seen.add(pair()) or len(seen) > 5)
    press("G")
    transcript.note(f"frames of A4C and A2C: {sorted(seen)}")
    assert all(other == trace.matching("A4C", first, "A2C") for first, other in seen)
    slicer.util.selectModule("Data")
    settle()
    assert not shown.trace.control.paired
    slicer.mrmlScene.Clear(0)
    settle()


def check_sample_data_lists_and_loads_both(transcript: Transcript) -> None:
    from EchoApexPanelLib.sampleData import CATEGORY, REAL, SIMULATED

    sources = {source.sampleName: source for source in slicer.modules.sampleDataSources[CATEGORY]}
    assert set(sources) == {SIMULATED, REAL}, sources
    for name, count in ((REAL, 1), (SIMULATED, 3)):
        sources[name].customDownloader(sources[name])
        shown = slicer.util.getModuleWidget(MODULE)
        wait_until(lambda study=shown.study: not study.busy and study.list.clips, 300)
        transcript.note(f"{name}: {shown.ui.listLabel.text}")
        assert len(shown.study.list.clips) == count


def check_the_settings_have_our_page(transcript: Transcript) -> None:
    dialog = slicer.app.settingsDialog()
    labels = [label.text for label in dialog.findChildren("QLabel")]
    transcript.note(f"{len(labels)} labels in the settings")
    assert "Rater" in labels


def check_two_clicks_on_the_ruler_set_the_points(transcript: Transcript) -> None:
    shown = shown_panel(transcript, MODULE)
    with tempfile.TemporaryDirectory() as folder:
        write_simulated(Path(folder), 0.4)
        shown.openPaths([folder])
        wait_until(lambda: shown.study.list.clips and not shown.study.listing)
        shown.ui.rulerButton.click()
        wait_until(lambda: shown.study.opening is None)
        assert shown.scale.ruler.placing, "Slicer is in place mode"
        for x, y in ((10.0, 10.0), (10.0, 60.0)):
            shown.scale.ruler._tool._list.AddControlPoint(-x, -y, 0.0)
            settle()
        assert len(shown.scale.ruler.points) == 2 and not shown.scale.ruler.placing
    slicer.mrmlScene.Clear(0)


def color_seen(pixel: tuple[float, float], volume: Any) -> list[int]:
    """Red, green and blue of the red view where a pixel of ``volume`` is."""
    settle()
    window = slicer.app.layoutManager().sliceWidget("Red").sliceView().renderWindow()
    window.Render()
    x, y = RedView(volume).on_screen(pixel)
    found = vtk.vtkUnsignedCharArray()
    window.GetPixelData(x, y, x, y, 0, found, 0)
    return [int(found.GetValue(channel)) for channel in range(3)]


def check_a_colored_cine_is_shown_in_color_by_its_key(transcript: Transcript) -> None:
    import SimpleITK as sitk

    from EchoApexLib.sequences.colorSequence import grayVolumeOf
    from EchoApexLib.sliceView.redSliceSetup import isShownInColor, shownBrowser

    shown = shown_panel(transcript, MODULE)
    frames = np.repeat(np.random.default_rng(8).integers(20, 200, (6, 60, 80, 1), np.uint8), 3, axis=-1)
    frames[:, 20:40, 25:55] = (220, 30, 10)
    with tempfile.TemporaryDirectory() as folder:
        sitk.WriteImage(sitk.GetImageFromArray(frames, isVector=True), str(Path(folder) / "a.nrrd"))
        shown.openPaths([folder])
        wait_until(lambda: shown.study.list.clips and not shown.study.listing)
        shown.ui.showButton.click()
        wait_until(lambda: shown.study.opening is None and shown.ui.colorButton.enabled)
        browser = shownBrowser(slicer.mrmlScene)
        gray = color_seen((40.0, 30.0), grayVolumeOf(browser))
        press("J")
        colored = color_seen((40.0, 30.0), grayVolumeOf(browser))
        transcript.note(f"the view shows {gray}, in color {colored}")
        assert max(gray) - min(gray) <= 2 and abs(gray[0] - 85) <= 3, gray
        assert np.abs(np.subtract(colored, (220, 30, 10))).max() <= 3, colored
        assert shown.ui.colorButton.checked and shownBrowser(slicer.mrmlScene) is browser
        # The tool bar goes on stepping it, and a saved scene keeps it.
        slicer.modules.sequences.toolBar().activeBrowserNode().SelectNextItem(1)
        assert browser.GetSelectedItemNumber() == 1
        saved = str(Path(folder) / "saved.mrb")
        assert slicer.util.saveScene(saved)
        slicer.mrmlScene.Clear(0)
        settle()
        slicer.util.loadScene(saved)
        settle()
        again = shownBrowser(slicer.mrmlScene)
        assert again is not None and isShownInColor(slicer.mrmlScene, again)
        colored = color_seen((40.0, 30.0), grayVolumeOf(again))
        assert np.abs(np.subtract(colored, (220, 30, 10))).max() <= 3, colored
        wait_until(lambda: shown.ui.colorButton.checked)
    slicer.mrmlScene.Clear(0)
