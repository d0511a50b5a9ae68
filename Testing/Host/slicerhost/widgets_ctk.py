"""Stand-ins of the CTK widgets that panels use; their names are those that Python reaches in Slicer."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .properties import stored
from .widgets_ctk_numbers import ctkDoubleSlider, ctkDoubleSpinBox, ctkSliderWidget

_UNLIMITED = 16777215


class _Contents:
    """Hides and shows what is in a collapsible widget: a child that was hidden by hand stays hidden."""

    def __init__(self, owner: QtWidgets.QWidget) -> None:
        self._owner = owner
        self._hidden: list[QtWidgets.QWidget] = []

    def show(self) -> None:
        for child in self._hidden:
            child.setVisible(True)
        self._hidden.clear()

    def hide(self) -> None:
        explicit = QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide
        for child in self._owner.children():
            if not isinstance(child, QtWidgets.QWidget) or child.isWindow():
                continue
            if not (child.isHidden() and child.testAttribute(explicit)):
                self._hidden.append(child)
                child.setVisible(False)


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A titled box that a click on its title folds up."""

    contentsCollapsed = Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._contents = _Contents(self)
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Minimum, QtWidgets.QSizePolicy.Policy.Preferred)
        self.setContentsMargins(0, self._titleHeight(), 0, 0)
        self.toggled.connect(self._onToggled)

    collapsed = Property(bool, lambda self: not self.isChecked(), lambda self, folded: self.setChecked(not folded))
    collapsedHeight = stored(int, "collapsedHeight", 14)
    flat = stored(bool, "flat", False, changed="update")
    contentsFrameShape = stored(int, "contentsFrameShape", int(QtWidgets.QFrame.Shape.NoFrame))
    contentsFrameShadow = stored(int, "contentsFrameShadow", int(QtWidgets.QFrame.Shadow.Plain))
    contentsLineWidth = stored(int, "contentsLineWidth", 1)
    contentsMidLineWidth = stored(int, "contentsMidLineWidth", 0)
    buttonTextAlignment = stored(int, "buttonTextAlignment", int(QtCore.Qt.AlignmentFlag.AlignLeft))
    indicatorAlignment = stored(int, "indicatorAlignment", int(QtCore.Qt.AlignmentFlag.AlignLeft))

    def _titleHeight(self) -> int:
        return self.fontMetrics().height() + 8

    def _onToggled(self, opened: bool) -> None:
        self._contents.show() if opened else self._contents.hide()
        self.setMaximumHeight(_UNLIMITED if opened else self._titleHeight() + self.collapsedHeight)
        self.updateGeometry()
        self.contentsCollapsed.emit(not opened)

    def event(self, event: QtCore.QEvent) -> bool:
        # A child that is being made or shown must not be touched before that is done.
        if event.type() in (QtCore.QEvent.Type.ChildAdded, QtCore.QEvent.Type.ChildPolished) and not self.isChecked():
            QtCore.QTimer.singleShot(0, self, self._hideNewContents)
        return super().event(event)

    def _hideNewContents(self) -> None:
        if not self.isChecked():
            self._contents.hide()

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return position.y() < self._titleHeight()

    def sizeHint(self) -> QtCore.QSize:
        title = QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text()) + 32, self._titleHeight())
        inside = self.layout().totalSizeHint() if self.layout() is not None and self.isChecked() else QtCore.QSize(0, 0)
        return title.expandedTo(inside)

    def minimumSizeHint(self) -> QtCore.QSize:
        inside = (
            self.layout().totalMinimumSize() if self.layout() is not None and self.isChecked() else QtCore.QSize(0, 0)
        )
        return QtCore.QSize(0, self._titleHeight()).expandedTo(inside)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtWidgets.QStylePainter(self)
        title = QtCore.QRect(0, 0, self.width(), self._titleHeight())
        if not self.flat:
            painter.fillRect(title, self.palette().color(QtGui.QPalette.ColorRole.Midlight))
        option = QtWidgets.QStyleOption()
        option.initFrom(self)
        option.rect = QtCore.QRect(6, (title.height() - 10) // 2, 10, 10)
        arrows = QtWidgets.QStyle.PrimitiveElement
        painter.drawPrimitive(
            arrows.PE_IndicatorArrowDown if self.isChecked() else arrows.PE_IndicatorArrowRight, option
        )
        painter.drawText(title.adjusted(22, 0, -4, 0), QtCore.Qt.AlignmentFlag.AlignVCenter, self.text())


class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A group box that its check mark folds up."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._contents = _Contents(self)
        self.setCheckable(True)
        self.toggled.connect(self._onToggled)

    collapsed = Property(bool, lambda self: not self.isChecked(), lambda self, folded: self.setChecked(not folded))
    collapsedHeight = stored(int, "collapsedHeight", 14)

    def _onToggled(self, opened: bool) -> None:
        self._contents.show() if opened else self._contents.hide()
        self.setMaximumHeight(_UNLIMITED if opened else self.fontMetrics().height() + self.collapsedHeight)


class ctkComboBox(QtWidgets.QComboBox):
    """A combo box that shows ``defaultText`` while nothing is chosen."""

    returnRelease = Signal()
    AlwaysScroll, NeverScroll, ScrollWithFocus, ScrollWithNoVScrollBar = range(4)

    defaultText = Property(str, lambda self: self.placeholderText(), lambda self, text: self.setPlaceholderText(text))
    forceDefault = stored(bool, "forceDefault", False)
    scrollWheelEffect = stored(int, "scrollWheelEffect", 0)
    elideMode = stored(int, "elideMode", int(QtCore.Qt.TextElideMode.ElideNone))
    currentUserDataAsString = Property(
        str, lambda self: str(self.currentData() or ""), lambda self, text: self.setCurrentUserDataAsString(text)
    )

    def setCurrentUserDataAsString(self, text: str) -> None:
        self.setCurrentIndex(self.findData(text))


class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box whose mark may be a picture of its own."""

    indicatorIcon = stored(QtGui.QIcon, "indicatorIcon", QtGui.QIcon())
    indicatorIconSize = stored(QtCore.QSize, "indicatorIconSize", QtCore.QSize())


class ctkMenuButton(QtWidgets.QPushButton):
    """A button with a menu beside its own action."""


class ctkSearchBox(QtWidgets.QLineEdit):
    """A line with a search icon."""

    showSearchIcon = stored(bool, "showSearchIcon", True)


class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box with "Don't show again"."""

    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)
    dontShowAgain = stored(bool, "dontShowAgain", False)
    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")

    def setDontShowAgain(self, dontShow: bool) -> None:
        self.dontShowAgain = dontShow


class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows a color and asks for another one."""

    colorChanged = Signal(QtGui.QColor)
    colorNameChanged = Signal(str)
    UseCTKColorDialog, ShowAlphaChannel, NoButtons, DontUseNativeDialog = 0x10000000, 1, 2, 4

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._color = QtGui.QColor(QtCore.Qt.GlobalColor.black)
        self.clicked.connect(lambda: self.changeColor())
        self._showColor()

    displayColorName = stored(bool, "displayColorName", True, changed="_showColor")
    dialogOptions = stored(int, "dialogOptions", 0)
    colorName = Property(str, lambda self: self._color.name(), lambda self, name: self.setColor(QtGui.QColor(name)))
    color = Property(QtGui.QColor, lambda self: QtGui.QColor(self._color), lambda self, color: self.setColor(color))

    def setColor(self, color: QtGui.QColor) -> None:
        if color == self._color:
            return
        self._color = QtGui.QColor(color)
        self._showColor()
        self.colorChanged.emit(self._color)
        self.colorNameChanged.emit(self._color.name())

    def setDisplayColorName(self, display: bool) -> None:
        self.displayColorName = display

    def changeColor(self) -> None:
        chosen = QtWidgets.QColorDialog.getColor(self._color, self)
        if chosen.isValid():
            self.setColor(chosen)

    def _showColor(self) -> None:
        swatch = QtGui.QPixmap(16, 16)
        swatch.fill(self._color)
        self.setIcon(QtGui.QIcon(swatch))
        if self.displayColorName:
            self.setText(self._color.name())


class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for a path with a button that browses for it."""

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    Dirs, Files, Drives, NoSymLinks = 0x001, 0x002, 0x004, 0x008
    Readable, Writable, Executable = 0x010, 0x020, 0x040
    Hidden, System, AllDirs, NoDot, NoDotDot = 0x100, 0x200, 0x400, 0x2000, 0x4000
    NoDotAndDotDot, AllEntries = 0x6000, 0x007

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._combo = QtWidgets.QComboBox()
        self._combo.setEditable(True)
        self._combo.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._combo.editTextChanged.connect(self._onTextChanged)
        self._button = QtWidgets.QToolButton()
        self._button.setText("...")
        self._button.clicked.connect(lambda: self.browse())
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._combo)
        row.addWidget(self._button)

    currentPath = Property(
        str, lambda self: self._combo.currentText(), lambda self, path: self._combo.setEditText(path)
    )
    filters = stored(int, "filters", 24663)
    nameFilters = stored("QStringList", "nameFilters", [])
    settingKey = stored(str, "settingKey", "")
    label = stored(str, "label", "")
    options = stored(int, "options", 0)
    showBrowseButton = stored(bool, "showBrowseButton", True, changed="_showButtons")
    showHistoryButton = stored(bool, "showHistoryButton", True)
    minimumContentsLength = stored(int, "minimumContentsLength", 0)

    def comboBox(self) -> QtWidgets.QComboBox:
        return self._combo

    def setCurrentPath(self, path: str) -> None:
        self.currentPath = path

    def addCurrentPathToHistory(self) -> None:
        path = self.currentPath
        if path and self._combo.findText(path) < 0:
            self._combo.insertItem(0, path)

    def browse(self) -> None:
        chosen = self._browseFolder() if not self.filters & self.Files else self._browseFile()
        if chosen:
            self.setCurrentPath(chosen)

    def _browseFolder(self) -> str:
        return QtWidgets.QFileDialog.getExistingDirectory(self, self.label, self.currentPath)

    def _browseFile(self) -> str:
        ask = QtWidgets.QFileDialog.getSaveFileName if self.filters & self.Writable else None
        ask = ask or QtWidgets.QFileDialog.getOpenFileName
        return ask(self, self.label, self.currentPath, ";;".join(self.nameFilters))[0]

    def _onTextChanged(self, path: str) -> None:
        self.currentPathChanged.emit(path)

    def _showButtons(self) -> None:
        self._button.setVisible(self.showBrowseButton)


class ctkSettingsPanel(QtWidgets.QWidget):
    """A page of the settings."""


class ctkSettingsDialog(QtWidgets.QDialog):
    """The settings, page by page."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._pages = QtWidgets.QTabWidget(self)
        QtWidgets.QVBoxLayout(self).addWidget(self._pages)

    def addPanel(self, label: str, panel: ctkSettingsPanel) -> None:
        self._pages.addTab(panel, label)


CTK_WIDGETS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        ctkCheckBox,
        ctkCollapsibleButton,
        ctkCollapsibleGroupBox,
        ctkColorPickerButton,
        ctkComboBox,
        ctkDoubleSlider,
        ctkDoubleSpinBox,
        ctkMenuButton,
        ctkMessageBox,
        ctkPathLineEdit,
        ctkSearchBox,
        ctkSettingsDialog,
        ctkSettingsPanel,
        ctkSliderWidget,
    )
}
