"""Section "Outline": which structure, by which prompt, and through which frames."""

import qt
from slicer.i18n import tr as _

from EchoApexPanelLib.tables import setTightRows

COLOR_SIDE_PX = 12


class OutlineSection:
    """The list of structures, the tools, and the ways through the cine."""

    def __init__(self, panel):
        self.panel, self.ui = panel, panel.ui
        self.structures = []
        self.words = []
        # Nothing is under way, and the bar does not show that yet.
        self._progress = ()
        self._fillTable()
        self._completeWords()
        ui = self.ui
        ui.structureTable.connect("itemSelectionChanged()", self.onStructure)
        ui.textEdit.connect("returnPressed()", self.onText)
        ui.findButton.connect("clicked()", self.onText)
        ui.pointButton.connect("toggled(bool)", lambda on: panel.setTool("point" if on else "none"))
        ui.boxButton.connect("toggled(bool)", lambda on: panel.setTool("box" if on else "none"))
        ui.polarityButton.connect("toggled(bool)", panel.setTakesAway)
        ui.undoButton.connect("clicked()", lambda: self._do("undo"))
        ui.redoButton.connect("clicked()", lambda: self._do("redo"))
        for button, direction in ((ui.backButton, -1), (ui.wholeButton, 0), (ui.forwardButton, 1)):
            button.connect("clicked()", lambda direction=direction: self._do("propagate", direction))
        ui.cancelButton.connect("clicked()", lambda: panel.attempt(panel.bench.cancel))

    def _do(self, name, *arguments):
        self.panel.attempt(lambda: getattr(self.panel.bench.current, name)(*arguments))

    def _fillTable(self):
        from echoapex.structures import PROMPTED, structures
        from EchoApexLib.sequences.segmentationSequence import UNNAMED_COLOR, titleOf

        colors = {item.id: item.bright for item in structures().values()}
        self.structures = [*colors, PROMPTED]
        table = self.ui.structureTable
        table.setRowCount(len(self.structures))
        for row, structure in enumerate(self.structures):
            square = qt.QPixmap(COLOR_SIDE_PX, COLOR_SIDE_PX)
            square.fill(qt.QColor(*colors.get(structure, UNNAMED_COLOR)))
            nameItem = qt.QTableWidgetItem(titleOf(structure))
            nameItem.setIcon(_iconOf(square))
            table.setItem(row, 0, nameItem)
            for column in (1, 2):
                table.setItem(row, column, qt.QTableWidgetItem(""))
        table.item(len(self.structures) - 1, 0).setToolTip(_("Whatever is clicked or boxed, without a name"))
        setTightRows(table)
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(1, qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(2, qt.QHeaderView.ResizeToContents)

    def _completeWords(self):
        from echoapex.structures import structures

        self.words = sorted({word for item in structures().values() for word in (item.id, item.name, *item.synonyms)})
        # Qt does not keep it alive.
        self.completer = qt.QCompleter(self.words)
        self.completer.setCaseSensitivity(qt.Qt.CaseInsensitive)
        self.completer.setFilterMode(qt.Qt.MatchContains)
        self.ui.textEdit.setCompleter(self.completer)

    def onStructure(self):
        row = self.ui.structureTable.currentRow()
        clip = self.panel.bench.clip
        if row >= 0 and clip is not None and self.structures[row] != clip.structure:
            self.panel.chooseStructure(self.structures[row])

    def onText(self):
        words = self.ui.textEdit.text.strip()
        if words:
            self.panel.nameStructure(words, lambda: self.clearWords(words))

    def clearWords(self, words):
        """What has been typed since stays."""
        if self.ui.textEdit.text.strip() == words:
            self.ui.textEdit.clear()

    def update(self):
        bench, ui = self.panel.bench, self.ui
        clip = bench.clip
        running = clip is not None and clip.progress is not None
        for button in (ui.pointButton, ui.boxButton, ui.polarityButton, ui.textEdit, ui.findButton, ui.structureTable):
            button.enabled = clip is not None
        for button in (ui.backButton, ui.wholeButton, ui.forwardButton):
            button.enabled = clip is not None and not running
        opening = bench.opening
        ui.cancelButton.enabled = running or opening is not None
        underWay = clip.progress if running else None
        self._showProgress(underWay if opening is None else (opening.done, max(opening.count, 1)))
        self._showHistory(clip)
        self._showStructures(clip)

    def _showProgress(self, progress):
        """The bar keeps its place while nothing is under way: what is below must not move."""
        if progress == self._progress:
            return
        self._progress = progress
        bar = self.ui.progressBar
        # A progress bar paints itself at once, and with it the whole window.
        bar.setUpdatesEnabled(False)
        bar.setTextVisible(progress is not None)
        bar.setMaximum(100 if progress is None else progress[1])
        bar.setValue(0 if progress is None else progress[0])
        bar.setUpdatesEnabled(True)

    def _showHistory(self, clip):
        undone = None if clip is None else clip.state.next_undo
        again = None if clip is None else clip.state.next_redo
        for button, change, nothing, something in (
            (self.ui.undoButton, undone, _("There is nothing to undo"), _("Undo: {change}")),
            (self.ui.redoButton, again, _("There is nothing to redo"), _("Redo: {change}")),
        ):
            button.enabled = change is not None
            button.toolTip = nothing if change is None else something.format(change=change.name)

    def _showStructures(self, clip):
        table = self.ui.structureTable
        for row, structure in enumerate(self.structures):
            entry = None if clip is None else clip.state.entry(clip.frame, structure)
            confidence = None if entry is None else entry.confidence
            table.item(row, 1).setText("" if entry is None or entry.mask is None else str(entry.status))
            table.item(row, 2).setText("" if confidence is None else f"{confidence:.2f}")
        row = -1 if clip is None else self.structures.index(clip.structure)
        if table.currentRow() != row:
            wasBlocked = table.blockSignals(True)
            table.setCurrentCell(row, 0)
            table.blockSignals(wasBlocked)


def _iconOf(square):
    """The color of a structure, as it is also in the row that is selected."""
    icon = qt.QIcon()
    for mode in (qt.QIcon.Normal, qt.QIcon.Selected):
        icon.addPixmap(square, mode)
    return icon
