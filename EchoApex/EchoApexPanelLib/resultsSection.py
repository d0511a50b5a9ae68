"""Section "Results": the numbers of the report, the frames they come from, and what could not be measured."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .tables import choosing, fitColumns, setCell, setTightRows

GRADE = 2
"""Column of the grade."""

MOST_REASONS = 8
"""Reasons that the panel lists; all are in the report (own choice)."""


class ResultsSection:
    """The table of measurements; a click goes to the frame, another one to the next."""

    def __init__(self, panel, examination, trace):
        self.panel, self.ui, self.study, self.examination = panel, panel.ui, panel.study, examination
        self.trace = trace
        self._report, self._moved, self._rows = None, None, ()
        self._row, self._place = -1, -1
        ui = self.ui
        ui.measurementTable.connect("cellClicked(int,int)", lambda row, column: self.goTo(row))
        ui.measurementTable.connect("itemSelectionChanged()", self.onSelected)
        ui.frameButton.connect("clicked()", lambda: self.goTo(self._row))
        ui.copyButton.connect("clicked()", self.onCopy)
        ui.csvButton.connect("clicked()", self.onSaveTable)
        ui.reportButton.connect("clicked()", self.onReport)
        ui.earlierButton.connect("clicked()", self.onEarlier)
        setTightRows(ui.measurementTable)
        fitColumns(ui.measurementTable)

    # Going to frames

    def onSelected(self):
        """Another number is looked at, by key or mouse."""
        row = self.ui.measurementTable.currentRow()
        if row != self._row:
            self._row, self._place = row, -1
            self.panel.outdate()

    def goTo(self, row):
        """Shows a frame that the number in ``row`` comes from, the next one each time."""
        if not 0 <= row < len(self._rows):
            return
        if row != self._row:
            self._row, self._place = row, -1
        places = self._rows[row].places
        if places:
            self._place = (self._place + 1) % len(places)
            place = places[self._place]
            if self.panel.attempt(lambda: self.study.show(place)) is not None:
                self.examination.choose(dict(self.study.report.files()).get(place.clip))

    def step(self, frames):
        """Goes that many frames on in the clip that is shown, or back."""
        from EchoApexLib.sliceView.redSliceSetup import shownBrowser

        browser = shownBrowser(slicer.mrmlScene)
        if browser is not None:
            last = browser.GetNumberOfItems() - 1
            browser.SetSelectedItemNumber(min(max(browser.GetSelectedItemNumber() + frames, 0), last))
            self.panel.outdate()

    # Taking numbers along

    def onCopy(self):
        from EchoApexLib.study.measurementRows import tabSeparated

        if self.study.report is not None:
            text = tabSeparated(self.study.report)
            qt.QApplication.clipboard().setText("\n".join(filter(None, (self.trace.movedText(), text))))
            self.panel.say(_("The table is on the clipboard."))

    def onSaveTable(self):
        path = qt.QFileDialog.getSaveFileName(self.panel.uiWidget, _("Save the numbers"), "", _("Tables (*.csv)"))
        if path and self.study.report is not None:
            self.panel.attempt(lambda: self.saveTable(path))

    def saveTable(self, path):
        """Copies the table of the report to ``path``."""
        from echoapex.errors import EchoApexError
        from echoapex.io.safe_files import copy_atomically

        target = Path(path if path.lower().endswith(".csv") else f"{path}.csv")
        try:
            copy_atomically(self.study.report.table, target)
        except OSError as error:
            raise EchoApexError("The table cannot be written here", value=error.strerror, file=target) from None
        self.panel.say(_("Saved: {path}").format(path=target))

    def onReport(self):
        if self.study.report is not None:
            page = self.study.report.page
            if not (page.is_file() and openPage(page)):
                self.panel.say(_("The report cannot be shown: {page}").format(page=page))

    def onEarlier(self):
        start = self.ui.folderEdit.currentPath
        path = qt.QFileDialog.getExistingDirectory(self.panel.uiWidget, _("Open the folder of a report"), start)
        if path:
            self.panel.attempt(lambda: self.study.openReport(path))

    # Showing

    def update(self):
        report, moved = self.study.report, self.trace.stamp
        if report is not self._report:
            self._row, self._place = -1, -1
            choosing(self.ui.measurementTable, -1)
        if report is not self._report or moved != self._moved:
            self._takeReport(report, moved)
        for button in (self.ui.frameButton, self.ui.copyButton, self.ui.csvButton, self.ui.reportButton):
            button.enabled = report is not None
        self.ui.reportLabel.text = _("No report is open.") if report is None else reportText(report)
        row = self._rows[self._row] if 0 <= self._row < len(self._rows) else None
        self.ui.frameButton.enabled = row is not None and bool(row.places)
        self.ui.measurementLabel.text = "" if row is None else " ".join((row.words, *row.warnings))
        self.ui.missingLabel.text = "" if report is None else missingText(report.notMeasured)

    def _takeReport(self, report, moved):
        from EchoApexLib.study.measurementRows import measurementRows

        self._report, self._moved = report, moved
        # Numbers that rest on what was moved since the report are marked.
        self._rows = () if report is None else self.trace.marked(measurementRows(report))
        table = self.ui.measurementTable
        table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, text in enumerate(row.cells):
                warned = f"{text} ⚠" if column == 0 and row.warnings else text
                item = setCell(table, number, column, warned, "\n".join((row.words, *row.warnings)))
                setBold(item, row.outside and column == GRADE)


def openPage(page):
    """Shows a page in the system's browser; whether that was possible."""
    return qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(page)))


def setBold(item, bold):
    """Grades that are not normal stand out."""
    font = item.font()
    font.setBold(bold)
    item.setFont(font)


def reportText(report):
    """Whose numbers these are, in words that are said each time."""
    model = report.record["model"]["id"]
    notes = [_("Simulated heart: these numbers say nothing about a patient.")] if report.simulated else []
    if report.demonstration:
        notes.append(_("{model} is a demonstration model, trained on simulated hearts.").format(model=model))
    else:
        notes.append(_("Model: {model}.").format(model=model))
    known = report.patient
    return " ".join((f"{known[0].upper()}{known[1:]}.", *notes))


def missingText(reasons):
    """What could not be measured, and why."""
    if not reasons:
        return ""
    listed = [f"• {reason}" for reason in reasons[:MOST_REASONS]]
    more = len(reasons) - len(listed)
    listed += [_("• {count} more in the report.").format(count=more)] if more > 0 else []
    return "\n".join([_("Not measured:"), *listed])
