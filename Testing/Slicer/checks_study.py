"""The panel of EchoApex: its widgets, what it lists, and what it shows of a report."""

from __future__ import annotations

import tempfile
from pathlib import Path

import qt
import slicer
from driving import panel, settle, shortcuts_of, shown_panel, unknown_signals, wait_until, write_simulated
from transcript import Transcript

MODULE = "EchoApex"

CLASSES = {
    "analysisSection": "ctkCollapsibleButton",
    "clipTable": "QTableWidget",
    "folderEdit": "ctkPathLineEdit",
    "measurementTable": "QTableWidget",
    "progressBar": "QProgressBar",
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
}
"""A widget for each signal of the .ui file's widgets that the panel connects."""

OTHER_SIGNALS = (
    "activated()",
    "focusChanged(QWidget*,QWidget*)",
    "timeout()",
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
    others = (shortcut, slicer.app, shown.timer, slicer.app, header, edit)
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


def check_sample_data_lists_and_loads_both(transcript: Transcript) -> None:
    from EchoApexPanelLib.sampleData import CATEGORY, REAL, SIMULATED

    sources = {source.sampleName: source for source in slicer.modules.sampleDataSources[CATEGORY]}
    assert set(sources) == {SIMULATED, REAL}, sources
    for name, count in ((REAL, 1), (SIMULATED, 3)):
        sources[name].customDownloader(sources[name])
        shown = slicer.util.getModuleWidget(MODULE)
        wait_until(lambda study=shown.study: study.sample is None and study.list.clips and not study.listing, 300)
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
