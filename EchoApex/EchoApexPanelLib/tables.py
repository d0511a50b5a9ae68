"""What the tables of the panels have in common."""

import qt

ROW_MARGIN_PX = 5
"""Of the height of a row, beside that of its text."""

LEAST_COLUMN = 3
"""Width of a column at least, in heights of a text (own choice)."""


def setTightRows(table):
    """Rows as high as their text needs."""
    height = table.fontMetrics().height() + ROW_MARGIN_PX
    table.verticalHeader().setMinimumSectionSize(height)
    table.verticalHeader().setDefaultSectionSize(height)


def fitColumns(table, rest=None):
    """Columns as wide as their texts; the column ``rest``, or the last one, gets what is left.

    Where nothing is left ``rest`` is cut in the middle of its texts.
    """
    header = table.horizontalHeader()
    header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
    if rest is None:
        header.setStretchLastSection(True)
        return
    header.setMinimumSectionSize(LEAST_COLUMN * table.fontMetrics().height())
    header.setSectionResizeMode(rest, qt.QHeaderView.Stretch)
    table.setTextElideMode(qt.Qt.ElideMiddle)


def setCell(table, row, column, text, tip=""):
    """Writes one cell, and gives its item."""
    item = table.item(row, column)
    if item is None:
        item = qt.QTableWidgetItem("")
        table.setItem(row, column, item)
    if item.text() != text:
        item.setText(text)
    item.setToolTip(tip)
    return item


def choosing(table, row):
    """Makes a row the current one without telling anybody; none where it is negative."""
    wasBlocked = table.blockSignals(True)
    if row < 0:
        table.clearSelection()
    elif table.currentRow() != row:
        table.setCurrentCell(row, 0)
    table.blockSignals(wasBlocked)
