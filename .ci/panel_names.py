"""The rules for panel code with their reasons, and the names of Qt they are about."""

from __future__ import annotations

import re

RULES = {
    "super-call": "super() of a Qt class knows no Qt member in Slicer (AttributeError): call qt.QWidget.event(self, e)",
    "isinstance": "is False in Slicer for every base class of a Qt class: ask widget.inherits('QWidget')",
    "keyword": "Qt refuses keyword arguments in Slicer (ValueError): give them by position",
    "connect-slot": "a Qt slot is given what the signal carries and refuses it, in Slicer with no more than a printed "
    "line: connect('clicked()', widget.hide), or connect a method of self",
    "connect-untrimmed": "gets every argument of the signal in Slicer, clicked's False too, also in place of a "
    "default: connect a method or a lambda with plain parameters, captured values behind a *",
    "signature": "does not look like name(types): Slicer connects nothing, prints a line and goes on",
    "unkept-argument": "Qt does not keep this argument alive in Slicer: give it a parent or store it on self first",
    "unkept-object": "is destroyed in Slicer when its last Python name goes: give it a parent or store it on self",
    "slot-overwritten": "this name is Qt's own: a slot cannot be overwritten in Slicer (AttributeError), a property "
    "takes only its own type",
    "conversion": "Slicer converts nothing implicitly: make the QKeySequence, QIcon, QFont, QColor, QSize or QPoint",
    "none-text": "shows the word None in Slicer: use ''",
    "getter-call": "a Qt property has no parentheses in Slicer (TypeError: 'str' object is not callable)",
    "signal-index": "signals have no overloads by index in Slicer (TypeError): connect('name(type)', f)",
    "enum-member": "enumerators are plain integers in Slicer, with neither name nor value",
    "blocker-with": "QSignalBlocker is no context manager in Slicer (TypeError): call blockSignals in try and finally",
    "qt-version": "is not in both Qt 5 and Qt 6, and Slicer is built with either",
    "thread": "Python threads stand still while Slicer's event loop waits: use a child process and a timer",
    "none-equality": "a destroyed widget equals None in Slicer and is not None: write 'is None' or bool(widget)",
    "tuple-as-list": "Qt gives tuples in Slicer, which have no list operations: list(...) first",
    "process-events": "processEvents in a loop runs other callbacks in the middle of this one: use a timer",
    "forced-repaint": "paints at once, and Slicer's whole window with it (40 ms): call update(); of a progress bar set "
    "the value, between setUpdatesEnabled(False) and (True)",
    "sleep": "sleeping freezes Slicer's window: use a timer",
    "flags-in-constructor": "the combined flags are a plain integer in Slicer and are taken for the orientation: "
    "call setStandardButtons",
    "dialog-tuple": "gives only the value in Slicer, not a pair",
    "ctk-constructor": "CTK's constructors take only a parent (ValueError in Slicer): set text or title afterwards",
    "ctk-subclass": "Slicer calls no overridden method of a CTK class, and forgets the Python class: derive from a Qt "
    "class or hold the widget",
    "signal-owner": "connecting a Signal of a class that is no QObject crashes Slicer: derive from qt.QObject",
    "print": "nobody reads printed lines in Slicer: use logging or the status line",
    "file-scope-import": "Slicer runs this when it starts: import it where it is used",
    "file-scope-code": "Slicer runs this when it starts: put it in a function",
    "translated-text": "the translation is looked up by the literal text: _('{} frames').format(count)",
    "suppression": "a suppression is '# panel: RULE WHY' on a line that breaks the rule",
}
"""Identifier of each rule, and what happens in Slicer where it is broken."""

QT_NAME = re.compile(r"(qt|ctk)\.|slicer\.q(MRML|Slicer)")
"""How the full name of a Qt class or of something in it begins."""

PYTHON_SIDE = {"qt.Signal", "qt.Slot", "qt.Property"}
"""What of qt takes keyword arguments."""

SUPER_ALLOWED = {"__init__", "className", "inherits", "help", "delete"}

QT_METHODS = {
    *("addAction", "addButton", "addItem", "addItems", "addLayout", "addMenu", "addRow", "addStretch", "addTab"),
    *("addWidget", "findChild", "findChildren", "findText", "insertRow", "insertTab", "installEventFilter"),
    *("setContentsMargins", "setCurrentIndex", "setMRMLScene", "setStyleSheet", "setText", "setToolTip", "singleShot"),
}
"""Methods that only Qt objects have, whatever their receiver is called."""

ARGUMENTLESS_SLOTS = {
    *("accept", "clear", "click", "close", "copy", "cut", "deleteLater", "hide", "lower", "paste", "raise_", "redo"),
    *("reject", "repaint", "reset", "selectAll", "setFocus", "show", "showMaximized", "showMinimized", "showNormal"),
    *("stepDown", "stepUp", "stop", "toggle", "trigger", "undo", "update", "animateClick", "expandAll", "collapseAll"),
}
"""Slots of Qt that take nothing."""

DISTINCT_SLOTS = ARGUMENTLESS_SLOTS - {"clear", "close", "copy", "redo", "reset", "stop", "undo", "update"}
"""Those of them that name a Qt object even where the receiver is not known to be one."""

KEEPERS = {
    *("installEventFilter", "setCompleter", "setItemDelegate", "setItemDelegateForColumn", "setItemDelegateForRow"),
    *("setModel", "setScene", "setSourceModel", "setValidator"),
}
"""Methods whose last argument Qt does not keep alive."""

LONELY = {
    *("QAction", "QButtonGroup", "QFileSystemWatcher", "QLocalServer", "QLocalSocket", "QObject", "QProcess"),
    *("QTcpSocket", "QTimer"),
}
"""Classes whose objects live outside a layout, so that only a parent or a Python name keeps them."""

OWN_SLOTS = {
    *("children", "close", "event", "hide", "layout", "lower", "parent", "raise_", "repaint", "setFocus", "show"),
    *("update", "window", "windowFlags", "style", "actions", "startTimer", "killTimer", "deleteLater", "adjustSize"),
}

OWN_PROPERTIES = {
    *("cursor", "font", "geometry", "height", "name", "palette", "pos", "rect", "size", "sizeHint", "width", "x", "y"),
}

_CONVERTED = {
    "text": (
        *("qt.QShortcut", "qt.QPen", "qt.QBrush", "setShortcut", "setKey", "setFont", "setColor", "setForeground"),
        *("setBackground", "setIcon", "setWindowIcon", ".shortcut", ".font", ".color", ".icon", ".windowIcon"),
    ),
    "qt.QPixmap": ("setIcon", "setWindowIcon", ".icon", ".windowIcon"),
    "tuple": (
        *("resize", "move", "setFixedSize", "setMinimumSize", "setMaximumSize", "setIconSize", "setGeometry"),
        *(".size", ".pos", ".iconSize", ".minimumSize", ".maximumSize", ".geometry"),
    ),
}

CONVERSIONS = {
    name: {kind for kind, takers in _CONVERTED.items() if name in takers}
    for names in _CONVERTED.values()
    for name in names
}
"""Constructor, method or .property, and the kinds of value that PySide6 would convert for it."""

COMMON_NAMES = {"resize", "move", "font", "color", "icon", "size", "pos", "geometry"}
"""Names of that table that Python objects have too: looked at on widgets only."""

TEXTS = {"text", "toolTip", "styleSheet", "title", "windowTitle", "placeholderText", "statusTip"}

GETTERS = {
    *("checked", "collapsed", "columnCount", "count", "currentData", "currentIndex", "currentPath", "currentText"),
    *("decimals", "enabled", "interval", "maximum", "minimum", "objectName", "pageStep", "placeholderText", "rowCount"),
    *("singleStep", "styleSheet", "suffix", "text", "toolTip", "value", "visible", "windowTitle"),
}
"""Properties of Qt whose name, called without arguments, means nothing else."""

WIDGET_GETTERS = {"font", "geometry", "height", "icon", "pos", "rect", "size", "sizeHint", "title", "width", "x", "y"}
"""Properties whose name other objects have as a method: looked at on widgets only."""

METHOD_OWNERS = ("clipboard", "event", "item", "layout", "mime", "model")
"""Ends of names of objects for which these are methods, not properties."""

VALUE_TYPES = re.compile(
    r"qt\.Q(Bitmap|Brush|Color|Date|DateTime|Font|FontMetrics|Icon|Image|KeySequence|Line|Margins|Painter|Palette|Pen|"
    r"Pixmap|Point|Polygon|Rect|Size|Time|Url|RegularExpression\w*|\w*Item|\w*Layout|\w*Model)F?$"
)
"""Classes of qt that are no widgets: theirs are methods."""

ENUM_METHODS = {"button", "buttons", "checkState", "exec_", "flags", "modifiers", "standardButton", "type"}

QT5_CLASSES = {f"qt.{name}" for name in ("QDesktopWidget", "QGLWidget", "QRegExp", "QRegExpValidator", "QTextCodec")}

QT5_SIGNALS = {
    f"{name}(QString)" for name in ("activated", "currentIndexChanged", "highlighted", "valueChanged", "buttonClicked")
} | {f"button{what}(int)" for what in ("Clicked", "Pressed", "Released", "Toggled")}

THREAD_CLASSES = {"qt.QThread", "qt.QThreadPool", "qt.QRunnable"}
THREAD_MODULES = {"threading", "_thread", "concurrent"}

TUPLE_CALLS = {
    *("actions", "allKeys", "childGroups", "childKeys", "children", "entryList", "findChildren", "getOpenFileNames"),
    *("selectedFiles", "selectedIndexes", "selectedItems", "selectedRows", "sizes", "stringList", "topLevelWidgets"),
}
LIST_METHODS = {"append", "clear", "copy", "extend", "insert", "pop", "remove", "reverse", "sort"}

PAIR_DIALOGS = {
    *(f"qt.QFileDialog.{name}" for name in ("getExistingDirectory", "getOpenFileName", "getSaveFileName")),
    *(f"qt.QInputDialog.get{what}" for what in ("Double", "Int", "Item", "MultiLineText", "Text")),
}

AT_START = {"qt", "ctk", "slicer", "vtk", "vtkmodules", "numpy", "DICOMLib", "SegmentEditorEffects", "EchoApexLib"}
"""Packages that may be imported at file scope: Slicer's own, and ours that import nothing heavy."""

HEAVY_ENGINE = ("echoapex.evaluation", "echoapex.models", "echoapex.training")
"""The parts of the engine that import torch."""

PURE = {
    *("bool", "dict", "float", "frozenset", "int", "len", "list", "max", "min", "range", "set", "sorted", "str", "sum"),
    *("tuple", "zip", "collections", "dataclasses", "enum", "fractions", "logging", "math", "pathlib", "re", "types"),
    *("typing",),
}
"""Builtins and modules whose calls at file scope only make values."""
