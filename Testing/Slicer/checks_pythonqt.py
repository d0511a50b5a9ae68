"""How Slicer's qt behaves where panel code relies on it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ctk
import qt
import slicer
from transcript import Transcript, refused

PATIENCE_S = 10.0


class Filter(qt.QObject):
    """Writes down the types of the events it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def eventFilter(self, watched: object, event: qt.QEvent) -> bool:  # noqa: N802
        self.seen.append(int(event.type()))
        return False


class Listener(qt.QWidget):
    """Overrides a method of Qt and calls that of Qt, the way that works."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def event(self, event: qt.QEvent) -> bool:
        self.seen.append(int(event.type()))
        return qt.QWidget.event(self, event)

    def is_enabled_by_super(self) -> bool:
        return super().isEnabled()


class Speaker(qt.QObject):
    """Has a signal of its own."""

    said = qt.Signal(str)


class Receiver:
    """No Qt object; a method of it is connected."""

    def __init__(self, received: list[str]) -> None:
        self._received = received

    def take(self) -> None:
        self._received.append("called")


def wait_until(condition: Callable[[], object]) -> None:
    """Runs the event loop until a condition holds; raises AssertionError when it does not in good time."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "did not happen"
        slicer.app.processEvents()


def assign(owner: object, name: str, value: object) -> None:
    setattr(owner, name, value)


def check_properties_are_read_without_parentheses(transcript: Transcript) -> None:
    button, box = qt.QPushButton("hi"), qt.QComboBox()
    box.addItems(["a", "b"])
    assert (button.text, box.count, box.currentIndex, box.currentText) == ("hi", 2, 0, "a")
    refused(TypeError, button.text)


def check_setters_and_is_methods_are_called(transcript: Transcript) -> None:
    button = qt.QPushButton("hi")
    button.setText("ho")
    button.setCheckable(True)
    button.setChecked(True)
    assert (button.text, button.isChecked(), button.isEnabled()) == ("ho", True, True)


def check_assigning_a_property_sets_it(transcript: Transcript) -> None:
    button = qt.QPushButton("hi")
    button.enabled, button.text, button.name = False, "ho", "runButton"
    assert (button.isEnabled(), button.text, button.objectName) == (False, "ho", "runButton")


def check_unknown_attributes_and_slots_are_not_assigned(transcript: Transcript) -> None:
    button = qt.QPushButton("hi")
    refused(AttributeError, assign, button, "nosuch", 1)
    refused(AttributeError, assign, button, "setText", 1)
    refused(AttributeError, assign, Listener(), "layout", 1)


def check_dynamic_properties_are_kept(transcript: Transcript) -> None:
    button = qt.QPushButton("hi")
    button.setProperty("SlicerParameterName", "threshold")
    assert button.property("SlicerParameterName") == "threshold"


def check_none_becomes_a_word(transcript: Transcript) -> None:
    label = qt.QLabel()
    label.setText(None)
    assert label.text == "None"


def check_sequences_are_tuples(transcript: Transcript) -> None:
    widget = qt.QWidget()
    label = qt.QLabel("a", widget)
    assert isinstance(widget.children(), tuple)
    assert widget.findChildren("QLabel") == (label,)


def check_super_knows_no_qt_method(transcript: Transcript) -> None:
    listener = Listener()
    refused(AttributeError, listener.is_enabled_by_super)
    assert qt.QWidget.isEnabled(listener) is True


def check_isinstance_knows_no_base_class(transcript: Transcript) -> None:
    button = qt.QPushButton("hi")
    assert not isinstance(button, qt.QWidget)
    assert isinstance(button, qt.QPushButton) and button.inherits("QWidget")


def check_keyword_arguments_are_refused(transcript: Transcript) -> None:
    widget = qt.QWidget()
    transcript.note(refused(ValueError, lambda: qt.QLabel(parent=widget)))
    refused(ValueError, lambda: widget.findChild("QLabel", name="kid"))


def check_nothing_is_converted_implicitly(transcript: Transcript) -> None:
    widget, button = qt.QWidget(), qt.QPushButton("hi")
    refused(ValueError, qt.QShortcut, "Ctrl+K", widget)
    refused(AttributeError, assign, button, "shortcut", "Ctrl+L")
    refused(ValueError, button.setIcon, qt.QPixmap(4, 4))
    button.setIcon(qt.QIcon(qt.QPixmap(4, 4)))


def check_enumerators_are_integers(transcript: Transcript) -> None:
    slider = qt.QSlider(qt.Qt.Horizontal)
    assert isinstance(qt.Qt.LeftButton, int) and qt.Qt.LeftButton == 1
    assert slider.orientation == 1
    slider.setOrientation(2)
    assert slider.orientation == qt.Qt.Vertical


def check_a_connection_by_signature(transcript: Transcript) -> None:
    button, calls = qt.QPushButton("hi"), []
    assert button.connect("clicked()", lambda: calls.append("plain")) is True
    assert button.connect("clicked(bool)", calls.append) is True
    button.click()
    assert calls == ["plain", False]


def check_a_connection_to_a_missing_signal_is_only_false(transcript: Transcript) -> None:
    button = qt.QPushButton("hi")
    assert button.connect("nosuch()", list) is False
    assert button.connect("clicked", list) is False


def check_a_connected_callable_gets_what_it_declares(transcript: Transcript) -> None:
    button, calls = qt.QPushButton("hi"), []
    button.clicked.connect(lambda: calls.append(()))
    button.clicked.connect(lambda checked=True: calls.append(checked))
    button.clicked.connect(lambda *arguments: calls.append(arguments))
    button.click()
    assert calls == [(), False, (False,)]


def check_a_qt_slot_is_connected_by_signature(transcript: Transcript) -> None:
    button, box = qt.QPushButton("hi"), qt.QCheckBox("x")
    button.connect("clicked()", box.toggle)
    button.click()
    assert box.isChecked()


def check_disconnecting(transcript: Transcript) -> None:
    button, calls = qt.QPushButton("hi"), []

    def on_click() -> None:
        calls.append("called")

    button.clicked.connect(on_click)
    assert button.clicked.disconnect(on_click) is True
    button.click()
    assert calls == []


def check_a_connected_method_keeps_its_object(transcript: Transcript) -> None:
    button, calls = qt.QPushButton("hi"), []
    button.clicked.connect(Receiver(calls).take)
    button.click()
    assert calls == ["called"]


def check_blocked_signals(transcript: Transcript) -> None:
    box, values = qt.QSpinBox(), []
    box.valueChanged.connect(values.append)
    blocked = box.blockSignals(True)
    box.value = 3
    box.blockSignals(blocked)
    box.value = 4
    assert values == [4]


def check_signals_of_python_classes(transcript: Transcript) -> None:
    speaker, words = Speaker(), []
    speaker.said.connect(words.append)
    speaker.said.emit("beat")
    assert words == ["beat"]


def check_overridden_methods_are_called(transcript: Transcript) -> None:
    listener = Listener()
    qt.QCoreApplication.sendEvent(listener, qt.QEvent(qt.QEvent.User))
    assert int(qt.QEvent.User) in listener.seen


def check_event_filters_see_events_while_they_are_kept(transcript: Transcript) -> None:
    widget, kept = qt.QWidget(), Filter()
    widget.installEventFilter(kept)
    qt.QCoreApplication.sendEvent(widget, qt.QEvent(qt.QEvent.User))
    widget.removeEventFilter(kept)
    assert int(qt.QEvent.User) in kept.seen


def check_a_model_is_not_kept_by_its_view(transcript: Transcript) -> None:
    def filled() -> qt.QStandardItemModel:
        model = qt.QStandardItemModel()
        model.appendRow(qt.QStandardItem("a"))
        return model

    keeping, dropping, model = qt.QComboBox(), qt.QComboBox(), filled()
    keeping.setModel(model)
    dropping.setModel(filled())
    assert (keeping.count, dropping.count) == (1, 0)


def check_a_destroyed_widget_is_false(transcript: Transcript) -> None:
    label = qt.QLabel("a")
    label.delete()
    assert not label and label is not None
    refused(ValueError, lambda: label.text)


def check_a_single_shot(transcript: Transcript) -> None:
    calls: list[str] = []
    qt.QTimer.singleShot(0, Receiver(calls).take)
    wait_until(lambda: calls)


def check_a_timer_with_a_parent_runs(transcript: Transcript) -> None:
    parent, calls = qt.QWidget(), []

    def start() -> None:
        timer = qt.QTimer(parent)
        timer.setSingleShot(True)
        timer.timeout.connect(lambda: calls.append("tick"))
        timer.start(1)

    start()
    wait_until(lambda: calls)


def check_a_shortcut(transcript: Transcript) -> None:
    widget, calls = qt.QWidget(), []
    shortcut = qt.QShortcut(qt.QKeySequence("Ctrl+K"), widget)
    shortcut.activated.connect(lambda: calls.append("pressed"))
    shortcut.activated.emit()
    assert calls == ["pressed"]


def check_settings(transcript: Transcript) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = qt.QSettings(str(Path(folder) / "probe.ini"), qt.QSettings.IniFormat)
        settings.setValue("word", "beat")
        settings.setValue("words", ["a", "b"])
        assert settings.value("word") == "beat"
        assert settings.value("words") == ("a", "b")
        assert settings.value("missing") is None and settings.value("missing", "x") == "x"


def check_ctk_constructors_take_only_a_parent(transcript: Transcript) -> None:
    refused(ValueError, ctk.ctkCollapsibleButton, "Title")
    button = ctk.ctkCollapsibleButton()
    button.text = "Title"
    button.collapsed = True
    assert (button.text, button.collapsed) == ("Title", True)


def check_a_ctk_slider_does_not_round(transcript: Transcript) -> None:
    slider = ctk.ctkSliderWidget()
    slider.maximum, slider.decimals, slider.value = 10.0, 1, 4.26
    assert abs(slider.value - 4.26) < 1e-9
    refused(AttributeError, lambda: slider.setRange(0.0, 1.0))
