"""Section "Results": the numbers of the report, the frames they come from, and what could not be measured."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .reportComparison import ReportComparison
from .reportPreview import ReportPreview
from .tables import choosing, fitColumns, setCell, setTightRows

MARKS = {"corrected": "✎", "confirmed": "✓", "excluded": "✗"}
"""What stands beside a quantity for its status: the column of that is mostly beyond the edge of the panel."""

MOST_REASONS = 8
"""Reasons that the panel lists; all are in the report (own choice)."""


class ResultsSection:
    """The table of measurements; a click goes to the frame, another one to the next."""

    def __init__(self, panel, examination, trace):
        self.panel, self.ui, self.study, self.examination = panel, panel.ui, panel.study, examination
        self.trace = trace
        self._report, self._stamp, self._rows = None, None, ()
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
        self.comparison, self.preview = ReportComparison(panel), ReportPreview(panel, self.onReport)

    @property
    def row(self):
        """The row that is chosen; None where there is none."""
        return self._rows[self._row] if 0 <= self._row < len(self._rows) else None

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
            file = dict(self.study.report.files()).get(place.clip)
            self.panel.attempt(lambda: self.study.show(place, lambda browser: self.examination.choose(file)))

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
            text = tabSeparated(self.study.report, self.study.decisions, self.study.comparison)
            qt.QApplication.clipboard().setText("\n".join(filter(None, (self.trace.changedText(), text))))
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
        report, decisions = self.study.report, self.study.decisions
        stamp = (None if decisions is None else decisions.stamp, self.study.comparison, self.trace.stamp)
        if report is not self._report or stamp != self._stamp:
            self._stamp = stamp
            self._takeReport(report)
        self.comparison.update()
        self.preview.update()
        for button in (self.ui.frameButton, self.ui.copyButton, self.ui.csvButton, self.ui.reportButton):
            button.enabled = report is not None
        self.ui.reportLabel.text = _("No report is open.") if report is None else reportText(report)
        row = self.row
        self.ui.frameButton.enabled = row is not None and bool(row.places)
        said = () if row is None else (row.words, *(f"{warning.rstrip('.')}." for warning in row.warnings))
        self.ui.measurementLabel.text = " ".join(said)
        self.ui.missingLabel.text = "" if report is None else missingText(report.notMeasured)

    def _measurementRows(self, report):
        from echoapex.errors import EchoApexError
        from EchoApexLib.study.measurementRows import measurementRows

        try:
            return measurementRows(report, self.study.decisions, self.study.comparison)
        except EchoApexError as refusal:
            # A scene may have been damaged; the report is not.
            self.panel.say(str(refusal))
            return measurementRows(report, comparison=self.study.comparison)

    def _takeReport(self, report):
        from EchoApexLib.study.measurementRows import GRADE

        chosen, same = self.row, report is self._report
        self._report = report
        # Numbers that rest on what was changed since the report are marked.
        self._rows = () if report is None else self.trace.marked(self._measurementRows(report))
        # The same number is chosen in a new report.
        like = (number for number, row in enumerate(self._rows) if chosen is not None and chosen.isLike(row))
        self._row = next(like, -1)
        self._place = self._place if same else -1
        table = self.ui.measurementTable
        table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for column, text in enumerate(row.cells):
                marked = markedText(row) if column == 0 else text
                item = setCell(table, number, column, marked, "\n".join((row.words, *row.warnings)))
                setBold(item, row.outside and column == GRADE)
        choosing(table, self._row)


def openPage(page):
    """Shows a page in the system's browser; whether that was possible."""
    return qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(page)))


def markedText(row):
    """A quantity with marks of what is to be known of it."""
    return " ".join(filter(None, (row.cells[0], "⚠" if row.warnings else "", MARKS.get(row.status, ""))))


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
