"""Which parts the panel of EchoApex has, and what it takes of the window while its module is shown."""

import slicer

from .analysisSection import AnalysisSection
from .colorToggle import ColorToggle
from .decisionSection import DecisionSection
from .examinationSection import ExaminationSection
from .plotView import useLayout
from .resultsSection import ResultsSection
from .scaleSection import ScaleSection
from .shortcuts import Shortcuts
from .traceSection import TraceSection

KEYS = {
    "O": "openButton",
    "D": "openFolderButton",
    "Return": "showButton",
    "Enter": "showButton",
    "W": "workButton",
    "J": "colorButton",
    "M": "rulerButton",
    "L": "calibrateButton",
    "F": "ownScaleButton",
    "Z": "undoScaleButton",
    "A": "analyzeButton",
    "C": "analyzeClipButton",
    "Esc": "cancelButton",
    "N": "frameButton",
    "Y": "confirmButton",
    "X": "excludeButton",
    "H": "beatButton",
    "K": "copyButton",
    "S": "csvButton",
    "R": "reportButton",
    "E": "earlierButton",
    "P": "previewButton",
    "B": "compareButton",
    "V": "pairButton",
    "T": "phaseButton",
    "G": "playButton",
    "Q": "markerButton",
    ",": "earlierMarkerButton",
    ".": "laterMarkerButton",
    "U": "foundMarkersButton",
}
"""Button of the panel by key; each button shows its key."""

STEPS = {"Left": -1, "Right": 1, "Home": -100_000, "End": 100_000}
"""Frames to go by key."""


def makeSections(panel):
    """The parts of ``panel``, each connected to its widgets; `update` of a part shows how things are."""
    examination = ExaminationSection(panel)
    trace = TraceSection(panel)
    results = ResultsSection(panel, examination, trace)
    scale, analysis = ScaleSection(panel, examination), AnalysisSection(panel, examination)
    # The trace before the results: numbers that rest on what was moved are marked there.
    return [examination, scale, analysis, trace, results, DecisionSection(panel, results), ColorToggle(panel)]


def takeKeys(panel):
    """The keys for ``panel``, in our layout; without a main window there are none."""
    if slicer.util.mainWindow() is None or slicer.app.layoutManager() is None:
        return None
    useLayout()
    buttons = {key: lambda name=name: press(getattr(panel.ui, name)) for key, name in KEYS.items()}
    steps = {key: lambda frames=frames: panel.results.step(frames) for key, frames in STEPS.items()}
    return Shortcuts({**buttons, **steps})


def press(button):
    """As a click."""
    if button.enabled:
        button.click()
