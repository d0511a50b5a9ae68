"""Stand-ins behave as the widgets of CTK that they stand for."""

from __future__ import annotations

from typing import Any

import pytest
from widget_cases import recorded


@pytest.fixture
def slider(host: Any, uncaught: list[BaseException]) -> Any:
    import ctk

    return ctk.ctkSliderWidget()


def test_a_slider_starts_as_ctk_s_does(slider: Any) -> None:
    assert (slider.minimum, slider.maximum, slider.value) == (0, 99.99, 0)
    assert (slider.singleStep, slider.pageStep, slider.decimals, slider.tracking) == (1, 10, 2, True)


def test_a_slider_keeps_all_digits_and_its_range(slider: Any) -> None:
    seen = recorded(slider.valueChanged)
    slider.value = 33.333333
    slider.value = 33.333333
    assert slider.value == 33.333333 and seen == [(0, 33.333333)]
    slider.value = 1000.0
    assert slider.value == 99.99
    slider.maximum = 50.0
    assert slider.value == 50 and seen[-1] == (0, 50)
    slider.value = float("nan")
    assert slider.value == 0


def test_a_slider_follows_its_parts(slider: Any) -> None:
    from PySide6 import QtWidgets

    seen = recorded(slider.valueChanged)
    slider.findChild(QtWidgets.QDoubleSpinBox).setValue(12.5)
    assert slider.value == 12.5
    slider.findChild(QtWidgets.QSlider).setValue(10000)
    assert slider.value == 99.99 and [value for _, value in seen] == [12.5, 99.99]


def test_a_slider_without_tracking_tells_of_changes(slider: Any) -> None:
    from PySide6 import QtWidgets

    slider.tracking = False
    seen = recorded(slider.valueIsChanging, slider.valueChanged)
    slider.value = 4.0
    assert seen == [(0, 4.0), (1, 4.0)]
    inner = slider.findChild(QtWidgets.QSlider)
    inner.sliderPressed.emit()
    slider.findChild(QtWidgets.QSlider).setValue(10000)
    assert seen[2:] == [(0, 99.99)]
    inner.sliderReleased.emit()
    assert seen[3:] == [(1, 99.99)]


def test_a_step_that_is_no_step_is_refused(slider: Any, capfd: pytest.CaptureFixture[str]) -> None:
    slider.singleStep = 0.0
    assert slider.singleStep == 1 and "singleStep" in capfd.readouterr().err


def test_a_spin_box_keeps_what_it_does_not_show(host: Any) -> None:
    import ctk
    from PySide6 import QtWidgets

    box = ctk.ctkDoubleSpinBox()
    box.value = 3.14159
    assert box.value == 3.14159 and box.findChild(QtWidgets.QDoubleSpinBox).text() == "3.14"
    box.suffix = " mm"
    box.stepUp()
    assert box.value == pytest.approx(4.14159) and box.findChild(QtWidgets.QDoubleSpinBox).text() == "4.14 mm"


def test_a_folded_box_hides_what_is_added_and_shows_what_was_not_hidden(host: Any) -> None:
    import ctk
    from PySide6 import QtWidgets
    from slicerhost.driving import settle

    box = ctk.ctkCollapsibleButton()
    column = QtWidgets.QVBoxLayout(box)
    shown, hidden, late = (QtWidgets.QLabel(text) for text in ("shown", "hidden", "late"))
    column.addWidget(shown)
    column.addWidget(hidden)
    box.show()
    hidden.hide()
    seen = recorded(box.contentsCollapsed, box.toggled, box.clicked)
    box.collapsed = True
    column.addWidget(late)
    settle()
    assert seen == [(0, True), (1, False)]
    assert not (shown.isVisible() or hidden.isVisible() or late.isVisible())
    box.click()
    assert seen[2:] == [(0, False), (1, True), (2, True)]
    assert shown.isVisible() and late.isVisible() and not hidden.isVisible()


def test_a_group_box_folds_by_its_check_mark(host: Any) -> None:
    import ctk
    from PySide6 import QtWidgets

    box = ctk.ctkCollapsibleGroupBox()
    inside = QtWidgets.QLabel("inside")
    QtWidgets.QVBoxLayout(box).addWidget(inside)
    box.show()
    box.setChecked(False)
    assert box.collapsed and not inside.isVisible()
    box.collapsed = False
    assert box.isChecked() and inside.isVisible()


def test_a_path_is_told_once(host: Any) -> None:
    import ctk

    line = ctk.ctkPathLineEdit()
    assert line.filters == 24663
    seen = recorded(line.currentPathChanged)
    line.currentPath = "/a/b"
    line.currentPath = "/a/b"
    assert seen == [(0, "/a/b")] and line.currentPath == "/a/b"
    line.addCurrentPathToHistory()
    assert line.comboBox().count() == 1


def test_a_color_is_told(host: Any) -> None:
    import ctk
    from PySide6 import QtGui

    button = ctk.ctkColorPickerButton()
    seen = recorded(button.colorNameChanged)
    button.color = QtGui.QColor("#ff0000")
    button.setColor(QtGui.QColor("#ff0000"))
    assert seen == [(0, "#ff0000")] and button.colorName == "#ff0000"


def test_a_combo_box_shows_its_default_text(host: Any) -> None:
    import ctk

    box = ctk.ctkComboBox()
    box.defaultText = "Choose"
    box.addItem("a", "A")
    box.setCurrentIndex(-1)
    box.currentUserDataAsString = "A"
    assert box.currentText() == "a" and box.currentUserDataAsString == "A"
