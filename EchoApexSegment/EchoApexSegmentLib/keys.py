"""The keys of the panel."""

from EchoApexPanelLib.shortcuts import Shortcuts

KEYS = {
    "O": "openButton",
    "W": "studyButton",
    "J": "colorButton",
    "P": "pointButton",
    "B": "boxButton",
    "T": "polarityButton",
    "Ctrl+Z": "undoButton",
    "Ctrl+Y": "redoButton",
    "[": "backButton",
    "]": "forwardButton",
    "\\": "wholeButton",
    "Esc": "cancelButton",
    "Return": "acceptButton",
    "Enter": "acceptButton",
    "F": "flagButton",
    "R": "reopenButton",
    "Del": "clearButton",
    "N": "nextButton",
    "D": "edButton",
    "S": "esButton",
    "C": "confirmButton",
}
"""Button of the panel by key; each button shows its key."""

STEPS = {"Left": -1, "Right": 1, "Home": -100_000, "End": 100_000}
"""Frames to go by key."""

CLIPS = {"PgUp": -1, "PgDown": 1}


class Keys(Shortcuts):
    """What the keys do in ``panel``."""

    def __init__(self, panel):
        self.panel = panel
        buttons = {key: lambda name=name: self.press(getattr(panel.ui, name)) for key, name in KEYS.items()}
        steps = {key: lambda step=step: panel.step(step) for key, step in STEPS.items()}
        clips = {key: lambda step=step: panel.stepClip(step) for key, step in CLIPS.items()}
        Shortcuts.__init__(self, {**buttons, **steps, **clips, "/": panel.ui.textEdit.setFocus})

    def press(self, button):
        """As a click; Escape ends a tool where there is nothing to cancel."""
        if button is self.panel.ui.cancelButton and not button.enabled:
            self.panel.setTool("none")
        elif button.enabled:
            button.click()
