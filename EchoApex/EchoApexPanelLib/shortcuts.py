"""Keys of a panel: there while its module is shown, silent while something is typed."""

import qt
import slicer

TEXT_WIDGETS = ("QLineEdit", "QAbstractSpinBox", "QTextEdit", "QPlainTextEdit")


class Shortcuts:
    """Shortcuts of the main window until `close`: what is done by key, each without arguments."""

    def __init__(self, actions):
        self.shortcuts = []
        for key, act in actions.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), slicer.util.mainWindow())
            shortcut.connect("activated()", act)
            self.shortcuts.append(shortcut)
        slicer.app.connect("focusChanged(QWidget*,QWidget*)", self.onFocus)
        # Something may be typed into when the module is shown.
        self.onFocus(None, qt.QApplication.focusWidget())

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
