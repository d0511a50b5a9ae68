"""The report in a window of the application: its numbers, warnings and pictures, without a browser."""

import qt
from slicer.i18n import tr as _

SIZE_PX = (900, 720)
"""Of the window at first (own choice)."""


class ReportPreview:
    """A window that stays beside the panel; it shows the report that is open, until it is closed."""

    def __init__(self, panel, openInBrowser):
        self.panel, self.study = panel, panel.study
        self.dialog = self.browser = self._shown = None
        self._openInBrowser = openInBrowser
        panel.ui.previewButton.connect("clicked()", self.show)

    def show(self):
        """Opens the window, or brings it to the front."""
        if self.study.report is None:
            return
        if self.dialog is None:
            self._make()
        self._fill()
        self.dialog.show()
        self.dialog.activateWindow()

    def update(self):
        """Follows the report; where none is open any more, the window is closed."""
        self.panel.ui.previewButton.enabled = self.study.report is not None
        if self.dialog is None or not self.dialog.visible:
            return
        if self.study.report is None:
            self.dialog.hide()
        else:
            self._fill()

    def _make(self):
        # The panel's widget owns it: both go together.
        self.dialog = qt.QDialog(self.panel.uiWidget)
        self.dialog.windowTitle = _("EchoApex report")
        self.browser = qt.QTextBrowser()
        self.browser.openLinks = False
        page = qt.QPushButton(_("Open report in browser"))
        page.autoDefault = False
        page.connect("clicked()", self._openInBrowser)
        close = qt.QPushButton(_("Close (Esc)"))
        close.connect("clicked()", self.dialog.hide)
        buttons = qt.QHBoxLayout()
        buttons.addWidget(page)
        buttons.addWidget(close)
        layout = qt.QVBoxLayout(self.dialog)
        layout.addWidget(self.browser)
        layout.addLayout(buttons)
        self.dialog.resize(*SIZE_PX)

    def _fill(self):
        """Writes the page, unless it is there already: where it was scrolled to stays."""
        from EchoApexLib.study.reportPreview import previewPage

        shown = self.study.report, self.study.comparison
        if self._shown is None or any(one is not other for one, other in zip(shown, self._shown)):
            self._shown = shown
            self.browser.setHtml(previewPage(*shown))
