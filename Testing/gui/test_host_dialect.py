"""Panel code sees Qt as PythonQt shows it in Slicer; each line here was observed in a real PythonQt."""

from __future__ import annotations

from typing import Any

import pytest

SNIPPET = "<a panel's code>"
SETTING = """
import qt, ctk, slicer
seen = []
b, w, sp, sl, cb, le = qt.QPushButton("hi"), qt.QWidget(), qt.QSpinBox(), qt.QSlider(), qt.QComboBox(), qt.QLineEdit()
cs, lab, tw = ctk.ctkSliderWidget(), qt.QLabel(), qt.QTableWidget(2, 2)
item = qt.QTableWidgetItem("x")
cb.addItems(["a", "b"])

class Own(qt.QWidget):
    sig = qt.Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.mine = 3

class Holder:
    def slot(self):
        seen.append("held")
"""


class Panel:
    """Runs code as if it were written in a panel."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.run(SETTING)

    def run(self, code: str) -> None:
        exec(compile(code, SNIPPET, "exec"), self.names)  # noqa: S102 (the snippets stand in this file)

    def value(self, code: str) -> Any:
        return eval(compile(code, SNIPPET, "eval"), self.names)  # noqa: S307 (the snippets stand in this file)


@pytest.fixture
def panel(host: Any, uncaught: list[BaseException]) -> Panel:
    from slicerhost.panelcode import registerPanelName

    registerPanelName(SNIPPET)
    return Panel()


VALUES = [
    ("b.text", "hi"),
    ("b.isEnabled()", True),
    ("w.layout()", None),
    ("cb.count", 2),
    ("cb.currentText", "a"),
    ("cb.findText('b')", 1),
    ("item.text()", "x"),
    ("b.name", ""),
    ("b.className()", "QPushButton"),
    ("Own().className()", "Own"),
    ("b.inherits('QWidget')", True),
    ("Own().mine", 3),
    ("hasattr(b, 'foo')", False),
    ("sl.orientation", 2),
    ("type(sl.orientation)", int),
    ("sl.setOrientation(1)", None),
    ("qt.Qt.LeftButton & 1", 1),
    ("qt.QEvent.KeyPress == 6", True),
    ("int(qt.QMessageBox.Yes)", 16384),
    ("tw.NoSelection", 0),
    ("'%d' % qt.Qt.AlignLeft", "1"),
    ("qt.QSlider(1).orientation", 1),
    ("item.setFlags(33)", None),
    ("w.children()", ()),
    ("tw.findChildren('QHeaderView') + ()", None),
    ("qt.QSettings().setValue('list', [1, 'a']) or qt.QSettings().value('list')", (1, "a")),
    ("cb.addItem('c', {'k': [1]}) or cb.itemData(2)", {"k": (1,)}),
    ("lab.setText(5) or lab.text", "5"),
    ("lab.setText(None) or lab.text", "None"),
    ("b.setEnabled('') or b.enabled", False),
    ("sl.setValue(3.7) or sl.value", 3),
    ("w.resize(5.9, 6)", None),
    ("w.setParent(None)", None),
    ("cs.setProperty('dyn', 5) or cs.dyn", 5),
    ("b.nosuch if hasattr(b, 'nosuch') else 'none'", "none"),
    ("isinstance(cs.value, float)", True),
    ("cs.SpinBox.className()", "ctkDoubleSpinBox"),
    ("b.clicked.parameterTypes()[0]", "clicked(bool)"),
    ("w.setCursor(qt.Qt.WaitCursor) or w.cursor.shape()", 3),
    ("w.palette.setColor(qt.QPalette.Window, qt.Qt.red)", None),
    ("item.setBackground(qt.QColor(255, 0, 0)) or item.background().color().red()", 255),
]


@pytest.mark.parametrize(("code", "value"), VALUES)
def test_reading_and_calling(panel: Panel, code: str, value: Any) -> None:
    found = panel.value(code)
    if value is not None:
        assert found == value and type(found) is not list


REFUSALS = [
    ("b.text()", TypeError, "'str' object is not callable"),
    ("w.width()", TypeError, "'int' object is not callable"),
    ("cs.value()", TypeError, "'float' object is not callable"),
    ("b.foo", AttributeError, "QPushButton has no attribute named 'foo'"),
    ("b.foo = 1", AttributeError, "'foo' does not exist on QPushButton and creating new attributes"),
    ("item.foo = 1", AttributeError, "'foo' does not exist on QTableWidgetItem"),
    ("cs.foo = 1", AttributeError, "'foo' does not exist on ctkSliderWidget"),
    ("cs._box", AttributeError, "ctkSliderWidget has no attribute named '_box'"),
    ("slicer.app._scene", AttributeError, "no attribute named '_scene'"),
    ("b.setText = 1", AttributeError, "Slot 'setText' can not be overwritten on QPushButton object"),
    ("b.clicked = 1", AttributeError, "Signal 'clicked' can not be overwritten"),
    ("b.width = 5", AttributeError, "Property 'width' of QPushButton object is not writable"),
    ("Own().layout = 3", AttributeError, "Slot 'layout' can not be overwritten on Own object"),
    ("Own().size = 5", AttributeError, "Property 'size'"),
    ("sp.value = '12'", AttributeError, "Property 'value' of type 'int' does not accept an object of type str"),
    ("sp.value = None", AttributeError, "does not accept an object of type NoneType"),
    ("sp.value = object()", AttributeError, "does not accept"),
    ("import numpy; sp.value = numpy.float64(3)", AttributeError, "does not accept an object of type float64"),
    ("import numpy; sp.setValue(numpy.float64(3))", ValueError, "wrong arguments"),
    ("sl.orientation = 'Nope'", AttributeError, "does not accept"),
    ("sl.orientation = None", AttributeError, "does not accept"),
    ("b.icon = None", AttributeError, "does not accept"),
    ("b.shortcut = 'Ctrl+L'", AttributeError, "does not accept"),
    ("w.size = (7, 8)", AttributeError, "does not accept"),
    ("cs.value = '5'", AttributeError, "does not accept"),
    ("cs.setProperty('dyn', 5); cs.dyn = None", AttributeError, "Dynamic property 'dyn' does not accept"),
    ("qt.QLabel(parent=w)", ValueError, "keyword arguments"),
    ("w.findChild(qt.QLabel, name='k')", ValueError, "keyword arguments"),
    ("cs.setValue(value=3)", ValueError, "keyword arguments"),
    ("qt.QInputDialog.getText(w, 'a', label='b')", ValueError, "keyword arguments"),
    ("ctk.ctkCollapsibleButton('Title')", ValueError, "wrong arguments"),
    ("cs.setRange(0, 1)", AttributeError, "no attribute named 'setRange'"),
    ("qt.QShortcut('Ctrl+K', w)", ValueError, "wrong arguments"),
    ("b.setShortcut('Ctrl+L')", ValueError, "wrong arguments"),
    ("b.setIcon(qt.QPixmap(4, 4))", ValueError, "wrong arguments"),
    ("w.setFont('Arial')", ValueError, "wrong arguments"),
    ("w.palette.setColor(qt.QPalette.Window, 'red')", ValueError, "wrong arguments"),
    ("w.resize((3, 4))", ValueError, "wrong arguments"),
    ("cb.addItems(n for n in 'ab')", ValueError, "wrong arguments"),
    ("sp.setValue('3')", ValueError, "wrong arguments"),
    ("b.connect('clicked()')", ValueError, "matching overload"),
    ("b.nosuch.connect(print)", AttributeError, "nosuch"),
    ("b.clicked[bool].connect(print)", TypeError, "not subscriptable"),
    ("b.setStyleSheet()", ValueError, "wrong arguments"),
]


@pytest.mark.parametrize(("code", "kind", "message"), REFUSALS)
def test_refusals(panel: Panel, code: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        panel.run(code)


SLOTS = [
    ("b.clicked.connect(lambda *a: seen.append(a)); b.click()", [(False,)]),
    ("b.clicked.connect(lambda: seen.append('none')); b.click()", ["none"]),
    ("b.clicked.connect(lambda checked=None: seen.append(checked)); b.click()", [False]),
    ("b.connect('clicked()', lambda *a: seen.append(a)); b.click()", [()]),
    ("b.connect('clicked(bool)', lambda *a: seen.append(a)); b.click()", [(False,)]),
    ("b.connect('2clicked( bool )', lambda *a: seen.append(a)); b.click()", [(False,)]),
    ("import functools; b.clicked.connect(functools.partial(seen.append)); b.click()", [False]),
    ("b.clicked.connect(Holder().slot); b.click()", ["held"]),
    ("b.connect('clicked()', Holder().slot); b.click()", ["held"]),
    ("b.clicked.connect(seen.append); b.clicked.disconnect(seen.append); b.click()", []),
    ("b.clicked(True) if b.clicked.connect(seen.append) else 0", [True]),
    ("o = Own(); o.sig.connect(seen.append); o.sig.emit('a'); o.sig('b')", ["a", "b"]),
    ("sp.valueChanged.connect(seen.append); sp.value = 4; sp.value = 4", [4]),
    ("b.connect('clicked()', w.hide); w.show(); b.click(); seen.append(w.visible)", [False]),
    ("b.connect('clicked()', lambda: seen.append(1)); b.disconnect('clicked()'); b.click()", []),
    ("m = qt.QMenu(w); m.addAction('x', lambda *a: seen.append(a)).trigger()", [(False,)]),
    ("b.connect('clicked()', le, 'clear()'); le.text = 'x'; b.click(); seen.append(le.text)", [""]),
    ("cs.connect('valueChanged(double)', seen.append); cs.value = 4.25", [4.25]),
    ("n = slicer.qMRMLNodeComboBox(); seen.append(n.connect('currentNodeChanged(vtkMRMLNode*)', print))", [True]),
    ("seen.append(b.clicked.connect(print))", [True]),
    ("seen.append(b.disconnect('clicked()', print))", [False]),
]


@pytest.mark.parametrize(("code", "seen"), SLOTS)
def test_slots(panel: Panel, code: str, seen: list[Any]) -> None:
    panel.run(code)
    assert panel.names["seen"] == seen


@pytest.mark.parametrize("signal", ["nosuch()", "clicked", "clicked(int)", "click()", "toggled(QString)"])
def test_a_missing_signal_is_said_and_no_exception(panel: Panel, signal: str, capfd: Any) -> None:
    assert panel.value(f"b.connect({signal!r}, print)") is False
    assert capfd.readouterr().err == (f"PythonQt: QObject::connect() signal '{signal}' does not exist on QPushButton\n")
    assert panel.value(f"b.disconnect({signal!r}, print)") is False
    assert "disconnect() signal" in capfd.readouterr().err


def test_a_slot_of_qt_as_callable_gets_too_many_arguments(panel: Panel, uncaught: list[BaseException]) -> None:
    panel.run("b.clicked.connect(w.hide); w.show(); b.click()")
    assert panel.value("w.visible") is True
    assert [type(error) for error in uncaught] == [ValueError]
    uncaught.clear()


def test_an_exception_in_a_slot_stops_no_other_slot(panel: Panel, uncaught: list[BaseException]) -> None:
    panel.run("b.clicked.connect(lambda: 1 / 0); b.clicked.connect(lambda: seen.append('next')); b.click()")
    assert panel.names["seen"] == ["next"]
    assert [type(error) for error in uncaught] == [ZeroDivisionError]
    uncaught.clear()


def test_a_single_shot_keeps_the_object_of_its_method(panel: Panel) -> None:
    from slicerhost.loop import runFor

    panel.run("qt.QTimer.singleShot(0, Holder().slot)")
    runFor(30)
    assert panel.names["seen"] == ["held"]


def test_children_are_found_by_name_and_class(panel: Panel) -> None:
    panel.run("kid = qt.QLabel(w); kid.name = 'kid'; grand = qt.QLabel(kid); grand.name = 'grand'")
    assert panel.value("w.kid is kid") and not panel.value("hasattr(w, 'grand')")
    assert panel.value("w.findChild('QLabel', 'grand') is grand and w.findChild(qt.QLabel, 'kid') is kid")
    assert panel.value("w.findChildren('QWidget') == (kid, grand)")
    assert panel.value("w.findChild('QSpinBox')") is None


def test_dialogs_give_what_was_chosen_and_nothing_else(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    from PySide6 import QtWidgets
    from slicerhost import namespace

    def ask(*arguments: Any) -> tuple[str, str]:
        return "/a/cine.dcm", "All files (*)"

    chosen = staticmethod(namespace._firstOfPair("getOpenFileName", ask))
    monkeypatch.setattr(QtWidgets.QFileDialog, "getOpenFileName", chosen)
    assert panel.value("qt.QFileDialog.getOpenFileName(w, 'Open')") == "/a/cine.dcm"
    assert QtWidgets.QFileDialog.getOpenFileName(None, "Open") == ("/a/cine.dcm", "All files (*)")
    several = namespace._firstOfPair("getOpenFileNames", lambda *_: (["/a", "/b"], "All"))
    monkeypatch.setattr(QtWidgets.QFileDialog, "getOpenFileNames", staticmethod(several))
    assert panel.value("qt.QFileDialog.getOpenFileNames(w, 'Open')") == ("/a", "/b")


# Qt 6 calls pos() deprecated; Qt 5 has nothing else.
@pytest.mark.filterwarnings("ignore:.*QMouseEvent.pos:DeprecationWarning")
def test_overridden_events_reach_the_panel(panel: Panel, uncaught: list[BaseException]) -> None:
    from PySide6 import QtCore, QtTest
    from slicerhost.driving import LEFT, NONE

    panel.run(
        """
class Clicked(qt.QWidget):
    def mousePressEvent(self, event):
        seen.append((event.button(), event.pos().x()))

class Filter(qt.QObject):
    def eventFilter(self, watched, event):
        if event.type() == qt.QEvent.MouseButtonPress:
            seen.append("filtered")
        return False

clicked, watcher = Clicked(), Filter()
clicked.installEventFilter(watcher)
clicked.resize(50, 50)
clicked.show()
"""
    )
    QtTest.QTest.mouseClick(panel.names["clicked"], LEFT, NONE, QtCore.QPoint(7, 9))
    assert panel.names["seen"] == ["filtered", (1, 7)]


def test_code_that_is_no_panel_keeps_pyside(panel: Panel) -> None:
    from PySide6 import QtWidgets

    button = QtWidgets.QPushButton("hi", parent=panel.names["w"])
    assert button.text() == "hi" and isinstance(button.children(), list)
    button.foo = 3
    assert button.foo == 3
    received: list[object] = []
    button.clicked.connect(lambda *a: received.append(a))
    button.click()
    assert len(received) == 1
