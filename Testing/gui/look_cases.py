"""What can be seen of a panel, and what of it is cut off or covered."""

from __future__ import annotations

import itertools
from typing import Any

BUTTON_MARGIN_PX = 4
SAME_ROW_PX = 6


def area_of(panel: Any) -> Any:
    """The scroll area that the panel is in."""
    from PySide6 import QtWidgets

    area = panel.uiWidget
    while not isinstance(area, QtWidgets.QScrollArea):
        area = area.parentWidget()
    return area


def widgets_of(panel: Any, kind: Any = None) -> list[Any]:
    """The widgets of the panel that can be seen, without the insides of Qt's own ones."""
    from PySide6 import QtWidgets

    whole = (QtWidgets.QAbstractItemView, QtWidgets.QComboBox, QtWidgets.QAbstractSpinBox)
    inner = {
        child
        for one in panel.uiWidget.findChildren(QtWidgets.QWidget)
        if isinstance(one, whole)
        for child in one.findChildren(QtWidgets.QWidget)
    }
    found = panel.uiWidget.findChildren(kind or QtWidgets.QWidget)
    return [one for one in found if one.isVisibleTo(panel.uiWidget) and one not in inner]


def place_of(panel: Any, widget: Any) -> Any:
    """Where a widget is in the panel."""
    from PySide6 import QtCore

    return QtCore.QRect(widget.mapTo(panel.uiWidget, QtCore.QPoint(0, 0)), widget.size())


def overlapping(panel: Any) -> list[tuple[str, str]]:
    """Pairs of siblings of which one covers a part of the other, and widgets that leave their parent."""
    found = []
    for parent in (panel.uiWidget, *widgets_of(panel)):
        inside = [one for one in widgets_of(panel) if one.parentWidget() is parent]
        pairs = itertools.combinations(inside, 2)
        found += [(a.objectName(), b.objectName()) for a, b in pairs if a.geometry().intersects(b.geometry())]
        found += [(one.objectName(), "parent") for one in inside if not parent.rect().contains(one.geometry())]
    return found


def lacking(panel: Any) -> list[str]:
    """Buttons, one-line labels and heads of tables that are narrower than their text, and labels that are too low."""
    from PySide6 import QtWidgets

    buttons = [
        one.objectName()
        for one in widgets_of(panel, QtWidgets.QPushButton)
        if one.width() < one.fontMetrics().horizontalAdvance(one.text()) + BUTTON_MARGIN_PX
    ]
    labels = [one.objectName() for one in widgets_of(panel, QtWidgets.QLabel) if not shown_whole(one)]
    heads = [
        f"{table.objectName()} {table.horizontalHeaderItem(column).text()}"
        for table in widgets_of(panel, QtWidgets.QTableWidget)
        for column in range(table.columnCount())
        if table.columnWidth(column) < table.horizontalHeader().sectionSizeHint(column)
    ]
    return buttons + labels + heads


def shown_whole(label: Any) -> bool:
    """Whether all of a label's text is seen."""
    if label.wordWrap():
        return (
            label.height() >= label.heightForWidth(label.width()) and label.width() >= label.minimumSizeHint().width()
        )
    return label.width() >= label.fontMetrics().horizontalAdvance(label.text())


def cells_cut(table: Any) -> list[str]:
    """Cells that show less than their text, with their icon."""
    cells = [table.item(row, column) for row in range(table.rowCount()) for column in range(table.columnCount())]
    return [
        cell.text()
        for cell in cells
        if table.sizeHintForIndex(table.indexFromItem(cell)).width() > table.columnWidth(cell.column())
    ]


def reached_by_tab(panel: Any, window: Any) -> list[Any]:
    """The widgets that Tab goes to, from the topmost one on; they must be all, and each not above the one before."""
    from PySide6 import QtCore, QtTest, QtWidgets

    window.activateWindow()
    focusing = [one for one in widgets_of(panel) if one.focusPolicy() & QtCore.Qt.FocusPolicy.TabFocus]
    reachable = {one for one in focusing if one.isEnabled()}
    seen = [min(reachable, key=lambda one: place_of(panel, one).top())]
    seen[0].setFocus()
    # Not by nextInFocusChain: it makes PySide6 believe that each widget is a child of the one before.
    for _ in range(2 * len(reachable)):
        QtTest.QTest.keyClick(QtWidgets.QApplication.focusWidget(), QtCore.Qt.Key.Key_Tab)
        now = QtWidgets.QApplication.focusWidget()
        if now in seen or now not in reachable:
            break
        seen.append(now)
    assert set(seen) == reachable, {one.objectName() for one in reachable - set(seen)}
    tops = [place_of(panel, one).top() for one in seen]
    pairs = zip(itertools.pairwise(tops), seen[1:])
    assert [after.objectName() for (a, b), after in pairs if b < a - SAME_ROW_PX] == []
    return seen
