"""Comparing with an earlier report: a column of changes beside the numbers, that can be taken off again."""

import qt
from slicer.i18n import tr as _

CHANGE = 7
"""Column of the changes; it is shown beside the values."""

BESIDE = 2


class ReportComparison:
    """The button, the column, and what is to be said of the changes."""

    def __init__(self, panel):
        self.panel, self.ui, self.study = panel, panel.ui, panel.study
        self.ui.compareButton.connect("clicked()", self.onCompare)
        table = self.ui.measurementTable
        table.horizontalHeader().moveSection(CHANGE, BESIDE)
        table.setColumnHidden(CHANGE, True)

    def onCompare(self):
        """Asks for an earlier report; or takes the changes off."""
        if self.study.comparison is not None:
            self.study.stopComparing()
            return
        start, title = self.ui.folderEdit.currentPath, _("Choose an earlier report of this patient")
        path = qt.QFileDialog.getOpenFileName(self.panel.uiWidget, title, start, _("Reports (report.json)"))
        if path:
            self.compareWith(path)

    def compareWith(self, path):
        """Shows what has changed since the report at ``path``, a folder or its report.json."""
        self.panel.attempt(lambda: self.study.compareWith(path))

    def update(self):
        comparison, button = self.study.comparison, self.ui.compareButton
        button.enabled = self.study.report is not None
        button.text = _("Compare with... (B)") if comparison is None else _("Stop comparing (B)")
        self.ui.measurementTable.setColumnHidden(CHANGE, comparison is None)
        self.ui.comparisonLabel.visible = comparison is not None
        self.ui.comparisonLabel.text = "" if comparison is None else self._words(comparison)

    def _words(self, comparison):
        folder, count = self.study.earlier.folder, len(comparison.changes)
        told = _("Changes since {folder}: {count} numbers are in both.").format(folder=folder, count=count)
        return "\n".join((told, *(f"⚠ {warning}." for warning in comparison.warnings)))
