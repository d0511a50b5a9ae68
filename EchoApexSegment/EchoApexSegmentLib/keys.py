"""The keys of the panel: there while its module is shown, silent while something is typed."""

import qt
import slicer

KEYS = {
    "O": "openButton",
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

TEXT_WIDGETS = ("QLineEdit", "QAbstractSpinBox", "QTextEdit", "QPlainTextEdit")


class Keys:
    """Shortcuts of the main window until `close`."""

    def __init__(self, panel):
        self.panel = panel
        self.shortcuts = []
        for key, button in KEYS.items():
            self._add(key, lambda button=button: self.press(getattr(panel.ui, button)))
        for key, step in STEPS.items():
            self._add(key, lambda step=step: panel.step(step))
        for key, step in CLIPS.items():
            self._add(key, lambda step=step: panel.stepClip(step))
        self._add("/", panel.ui.textEdit.setFocus)
        slicer.app.connect("focusChanged(QWidget*,QWidget*)", self.onFocus)
        # Something may be typed into when the module is shown.
        self.onFocus(None, qt.QApplication.focusWidget())

    def _add(self, key, act):
        shortcut = qt.QShortcut(qt.QKeySequence(key), slicer.util.mainWindow())
        shortcut.connect("activated()", act)
        self.shortcuts.append(shortcut)

    def press(self, button):
        """As a click; Escape ends a tool where there is nothing to cancel."""
        if button is self.panel.ui.cancelButton and not button.enabled:
            self.panel.setTool("none")
        elif button.enabled:
            button.click()

    def onFocus(self, old, now):
        """What is typed into a text field is text."""
        typing = now is not None and any(now.inherits(name) for name in TEXT_WIDGETS)
        for shortcut in self.shortcuts:
            shortcut.setEnabled(not typing)

    def close(self):
        """Gives the keys back to Slicer."""
        slicer.app.disconnect("focusChanged(QWidget*,QWidget*)", self.onFocus)
        for shortcut in self.shortcuts:
            # They are gone with the main window when Slicer ends.
            if shortcut:
                shortcut.setEnabled(False)
                shortcut.deleteLater()
        self.shortcuts = []
