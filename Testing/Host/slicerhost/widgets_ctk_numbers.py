"""Stand-ins of CTK's widgets for real numbers: a value is not rounded to what is shown of it."""

from __future__ import annotations

import math
import sys

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .properties import forwarded, setterOf, stored

_POSITIONS = 10000


def _clamped(value: float, minimum: float, maximum: float) -> float:
    """The value within the range; not a number counts as 0."""
    return min(max(0.0 if math.isnan(value) else value, minimum), maximum)


class ctkDoubleSpinBox(QtWidgets.QWidget):
    """A spin box that shows ``decimals`` of its value and keeps all of them."""

    valueChanged = Signal(float)
    decimalsChanged = Signal(int)
    editingFinished = Signal()
    SetAlways, SetIfDifferent = 0, 1

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._value, self._showing = 0.0, False
        self._box = QtWidgets.QDoubleSpinBox()
        self._box.setKeyboardTracking(False)
        self._box.valueChanged.connect(self._onEdited)
        self._box.editingFinished.connect(self.editingFinished)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._box)

    value = Property(float, lambda self: self._value, lambda self, value: self.setValue(value))
    minimum = Property(float, lambda self: self._box.minimum(), lambda self, value: self._limit("setMinimum", value))
    maximum = Property(float, lambda self: self._box.maximum(), lambda self, value: self._limit("setMaximum", value))
    decimals = Property(int, lambda self: self._box.decimals(), lambda self, count: self.setDecimals(count))
    singleStep = forwarded(float, "_box", "singleStep")
    prefix = forwarded(str, "_box", "prefix")
    suffix = forwarded(str, "_box", "suffix")
    readOnly = forwarded(bool, "_box", "readOnly")
    alignment = forwarded(int, "_box", "alignment")
    frame = forwarded(bool, "_box", "frame")
    setMode = stored(int, "setMode", SetIfDifferent)

    def setValue(self, value: float) -> None:
        fitted = _clamped(value, self._box.minimum(), self._box.maximum())
        changed, self._value = fitted != self._value, fitted
        self._show()
        if changed:
            self.valueChanged.emit(fitted)

    def setDecimals(self, count: int) -> None:
        self._showing = True
        self._box.setDecimals(count)
        self._showing = False
        self._show()
        self.decimalsChanged.emit(count)

    def setReadOnly(self, only: bool) -> None:
        self._box.setReadOnly(only)

    def stepUp(self) -> None:
        self.setValue(self._value + self._box.singleStep())

    def stepDown(self) -> None:
        self.setValue(self._value - self._box.singleStep())

    def _limit(self, setter: str, value: float) -> None:
        self._showing = True
        getattr(self._box, setter)(value)
        self._showing = False
        self.setValue(self._value)

    def _show(self) -> None:
        self._showing = True
        self._box.setValue(self._value)
        self._showing = False

    def _onEdited(self, value: float) -> None:
        if not self._showing:
            self.setValue(value)


class ctkDoubleSlider(QtWidgets.QWidget):
    """A slider over real numbers."""

    valueChanged = Signal(float)
    sliderMoved = Signal(float)
    sliderPressed = Signal()
    sliderReleased = Signal()
    rangeChanged = Signal(float, float)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._value, self._low, self._high, self._showing = 0.0, 0.0, 99.99, False
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._slider.setRange(0, _POSITIONS)
        self._slider.valueChanged.connect(self._onSliderChanged)
        self._slider.sliderMoved.connect(lambda position: self.sliderMoved.emit(self._valueAt(position)))
        self._slider.sliderPressed.connect(self.sliderPressed)
        self._slider.sliderReleased.connect(self.sliderReleased)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider)

    value = Property(float, lambda self: self._value, lambda self, value: self.setValue(value))
    minimum = Property(float, lambda self: self._low, lambda self, value: self._setRange(value, self._high))
    maximum = Property(float, lambda self: self._high, lambda self, value: self._setRange(self._low, value))
    tracking = forwarded(bool, "_slider", "tracking")
    orientation = forwarded(int, "_slider", "orientation")
    singleStep = stored(float, "singleStep", 1.0, changed="_setSteps")
    pageStep = stored(float, "pageStep", 10.0, changed="_setSteps")

    def setValue(self, value: float) -> None:
        fitted = _clamped(value, self._low, self._high)
        changed, self._value = fitted != self._value, fitted
        self._show()
        if changed:
            self.valueChanged.emit(fitted)

    def _setRange(self, low: float, high: float) -> None:
        self._low, self._high = low, max(low, high)
        self._setSteps()
        self.rangeChanged.emit(self._low, self._high)
        self.setValue(self._value)

    def _setSteps(self) -> None:
        span = (self._high - self._low) or 1.0
        self._slider.setSingleStep(max(1, round(self.singleStep / span * _POSITIONS)))
        self._slider.setPageStep(max(1, round(self.pageStep / span * _POSITIONS)))

    def _valueAt(self, position: int) -> float:
        return self._low + position / _POSITIONS * (self._high - self._low)

    def _show(self) -> None:
        span = self._high - self._low
        self._showing = True
        self._slider.setValue(round((self._value - self._low) / span * _POSITIONS) if span else 0)
        self._showing = False

    def _onSliderChanged(self, position: int) -> None:
        if not self._showing:
            self.setValue(self._valueAt(position))


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider with a spin box beside it; from 0 to 99.99 until told otherwise."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    NoSynchronize, SynchronizeWidth, SynchronizeDecimals = 0, 1, 2

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider, self._box = ctkDoubleSlider(), ctkDoubleSpinBox()
        self._slider.setObjectName("Slider")
        self._box.setObjectName("SpinBox")
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider, 1)
        row.addWidget(self._box)
        self._dragging, self._value = False, 0.0
        self._slider.sliderPressed.connect(self._onPressed)
        self._slider.sliderReleased.connect(self._onReleased)
        self._slider.valueChanged.connect(self._onChanged)
        self._box.valueChanged.connect(self._onChanged)

    value = Property(float, lambda self: self._value, lambda self, value: self.setValue(value))
    minimum = Property(float, lambda self: self._box.minimum, lambda self, value: self._limit("minimum", value))
    maximum = Property(float, lambda self: self._box.maximum, lambda self, value: self._limit("maximum", value))
    singleStep = Property(float, lambda self: self._box.singleStep, lambda self, step: self._step(step))
    decimals = Property(int, lambda self: self._box.decimals, lambda self, count: self.setDecimals(count))
    pageStep = Property(
        float, lambda self: self._slider.pageStep, lambda self, step: setattr(self._slider, "pageStep", step)
    )
    prefix = Property(str, lambda self: self._box.prefix, lambda self, text: setattr(self._box, "prefix", text))
    suffix = Property(str, lambda self: self._box.suffix, lambda self, text: setattr(self._box, "suffix", text))
    spinBoxVisible = Property(
        bool, lambda self: not self._box.isHidden(), lambda self, visible: self._box.setVisible(visible)
    )
    tracking = stored(bool, "tracking", True)
    synchronizeSiblings = stored(int, "synchronizeSiblings", SynchronizeWidth | SynchronizeDecimals)
    tickInterval = stored(float, "tickInterval", 0.0)
    popupSlider = stored(bool, "popupSlider", False)

    setSpinBoxVisible = setterOf("spinBoxVisible")

    def setValue(self, value: float) -> None:
        fitted = _clamped(value, self.minimum, self.maximum)
        if fitted == self._value:
            return
        self._value = fitted
        self._show()
        if not self.tracking:
            self.valueIsChanging.emit(fitted)
        if self.tracking or not self._dragging:
            self.valueChanged.emit(fitted)

    def setDecimals(self, count: int) -> None:
        self._box.setDecimals(count)
        self.decimalsChanged.emit(count)
        self.valueChanged.emit(self._value)

    def reset(self) -> None:
        self.setValue(0.0)

    def _limit(self, name: str, value: float) -> None:
        for child in (self._slider, self._box):
            child.blockSignals(True)
            setattr(child, name, value)
            child.blockSignals(False)
        self.setValue(self._value)
        self._show()

    def _step(self, step: float) -> None:
        if step <= 0:
            print(f"ctkSliderWidget: singleStep {step} is refused, it has to be positive", file=sys.stderr)
            return
        self._box.singleStep = step
        self._slider.singleStep = step

    def _show(self) -> None:
        for child in (self._slider, self._box):
            child.blockSignals(True)
            child.setValue(self._value)
            child.blockSignals(False)

    def _onChanged(self, value: float) -> None:
        self.setValue(value)

    def _onPressed(self) -> None:
        self._dragging = True

    def _onReleased(self) -> None:
        self._dragging = False
        if not self.tracking:
            self.valueChanged.emit(self._value)
