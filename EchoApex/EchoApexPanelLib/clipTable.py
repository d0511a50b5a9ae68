"""The table of clips: several studies apart, in the order and with the filter that the user has chosen."""

import qt
from slicer.i18n import tr as _

from .clipTexts import clipCells, clipText, studyText
from .tables import ROW_MARGIN_PX, choosing, fitColumns, setCell, setTightRows

COLUMN_COUNT, MODE = 6, 5
"""Columns of the list, and which is that of the mode."""

ROW_PX = 36
"""Height of a row, which holds a picture and two lines (own choice: three of them and their heading are seen)."""

SORTED = {0: "name", 1: "view", 2: "result", 3: "frames", 4: "scale", 5: "mode"}
"""By what clicks on the headings of columns sort."""


class ClipTable:
    """Shows the list of clips; rows of clips are known by their file."""

    def __init__(self, panel):
        self.panel, self.ui, self.study = panel, panel.ui, panel.study
        self._rows, self._icons, self._for = [], {}, None
        ui = self.ui
        orders = {
            "": _("as found"),
            "name": _("by name"),
            "view": _("by view"),
            "result": _("by result"),
            "frames": _("by frames"),
            "scale": _("by scale"),
            "mode": _("by mode"),
        }
        for order, text in orders.items():
            ui.sortBox.addItem(text, order)
        ui.filterBox.addItem(_("all views"), "")
        ui.sortBox.connect("currentIndexChanged(int)", lambda index: panel.outdate())
        ui.filterBox.connect("currentIndexChanged(int)", lambda index: panel.outdate())
        ui.measuredBox.connect("clicked()", panel.outdate)
        ui.clipTable.horizontalHeader().setSectionsClickable(True)
        ui.clipTable.horizontalHeader().connect("sectionClicked(int)", self.onHeading)
        setTightRows(ui.clipTable)
        fitColumns(ui.clipTable, 0)

    def onHeading(self, column):
        """Sorts by a column; a second time as found again."""
        box = self.ui.sortBox
        order = SORTED.get(column, "")
        box.setCurrentIndex(0 if box.currentData == order else box.findData(order))

    def fileOf(self, row):
        """The file of the clip in a row; None for the head of a study."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def show(self, chosen):
        """Brings the table up to date; the clip of the file ``chosen`` is the current one, where it is seen."""
        self._forget()
        self._showViews()
        table, several = self.ui.clipTable, len(self.study.list.studies) > 1
        rows = []
        for study in self.study.list.studies.values():
            rows += [study] if several else []
            rows += self._chosenOf(study)
        self._rows = [getattr(row, "file", None) for row in rows]
        # In most studies all clips are alike, and the room is needed.
        table.setColumnHidden(MODE, all(clip.mode in (None, "2D") for clip in self.study.list.clips))
        table.clearSpans()
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            if self._rows[number] is None:
                self._showStudy(number, row)
            else:
                self._showClip(number, row)
        choosing(table, self._rows.index(chosen) if chosen in self._rows else -1)

    def _chosenOf(self, study):
        """The clips of a study that pass the filter, in order."""
        view, measured, order = self.ui.filterBox.currentData, self.ui.measuredBox.checked, self.ui.sortBox.currentData
        clips = [clip for clip in self.study.list.clipsOf(study.id) if not view or (clip.view or "UNKNOWN") == view]
        clips = [clip for clip in clips if not measured or clip.result.startswith("measured")]
        return sorted(clips, key=lambda clip: sortKey(clip, order)) if order else clips

    def _showViews(self):
        """Views that a clip of the list has can be filtered for."""
        box = self.ui.filterBox
        found = sorted({clip.view or "UNKNOWN" for clip in self.study.list.clips})
        if [box.itemData(row) for row in range(1, box.count)] == found:
            return
        chosen = box.currentData
        wasBlocked = box.blockSignals(True)
        while box.count > 1:
            box.removeItem(1)
        for view in found:
            box.addItem(_("no view") if view == "UNKNOWN" else view, view)
        box.setCurrentIndex(max(box.findData(chosen), 0))
        box.blockSignals(wasBlocked)

    def _forget(self):
        """Pictures of another list are let go of."""
        if self._for is not self.study.list:
            self._for, self._icons = self.study.list, {}

    def _showStudy(self, row, study):
        texts = [studyText(self.study.list, study), *[""] * (COLUMN_COUNT - 1)]
        for column, text in enumerate(texts):
            item = setCell(self.ui.clipTable, row, column, text, "\n".join(study.notes))
            item.setFlags(qt.Qt.ItemIsEnabled)
            item.setIcon(qt.QIcon())
        self.ui.clipTable.setSpan(row, 0, 1, COLUMN_COUNT)
        self.ui.clipTable.setRowHeight(row, self.ui.clipTable.verticalHeader().defaultSectionSize)

    def _showClip(self, row, clip):
        for column, text in enumerate(clipCells(clip, self.study)):
            item = setCell(self.ui.clipTable, row, column, text, clipText(clip))
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
        self.ui.clipTable.item(row, 0).setIcon(self._iconOf(clip.file))
        lines = 2 * self.ui.clipTable.fontMetrics().height() + ROW_MARGIN_PX
        self.ui.clipTable.setRowHeight(row, max(ROW_PX, lines))

    def _iconOf(self, file):
        """The picture of a clip, empty until there is one; made once."""
        from echoapex.study.clip_pictures import HEIGHT, WIDTH

        pixels = self.study.list.pictures.get(file)
        if pixels is None:
            return qt.QIcon()
        if file not in self._icons:
            image = qt.QImage(pixels, WIDTH, HEIGHT, qt.QImage.Format_Grayscale8)
            icon = qt.QIcon()
            for mode in (qt.QIcon.Normal, qt.QIcon.Selected):
                # A chosen row must not color it.
                icon.addPixmap(qt.QPixmap.fromImage(image), mode)
            self._icons[file] = icon
        return self._icons[file]


def sortKey(clip, order):
    """What clips are sorted by; those of which it is not known come last."""
    value = {
        "name": clip.file.name.lower(),
        "view": clip.view,
        "result": clip.result,
        "frames": clip.frames,
        "scale": clip.scale,
        "mode": clip.mode,
    }[order]
    return (value in (None, ""), 0 if value is None else value, clip.file.name.lower())
