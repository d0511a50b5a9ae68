"""Stand-in of slicer.parameterNodeWrapper: typed attributes kept in a parameter node, and bound to widgets.

Fields are bool, int, float, str and classes of MRML nodes, with plain default values.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .widgets_ctk import ctkPathLineEdit
from .widgets_ctk_numbers import ctkDoubleSpinBox, ctkSliderWidget
from .widgets_qmrml import qMRMLNodeComboBox

__all__ = ["isParameterNodeWrapper", "parameterNodeWrapper"]

_ZEROS: dict[type, Any] = {bool: False, int: 0, float: 0.0, str: ""}


class Field:
    """One typed value in a parameter node; an attribute of the class that wraps it."""

    def __init__(self, name: str, kind: type, default: Any) -> None:
        if kind not in _ZEROS and not issubclass(kind, slicer.vtkMRMLNode):
            raise NotImplementedError(f"A parameter of type {kind} ({name}) has no stand-in in the Host")
        self.name, self.kind, self.default = name, kind, default

    @property
    def isNode(self) -> bool:
        return self.kind not in _ZEROS

    def isIn(self, node: Any) -> bool:
        return self.isNode or node.GetParameter(self.name) != ""

    def __get__(self, wrapper: Any, owner: type | None = None) -> Any:
        if wrapper is None:
            return self
        if self.isNode:
            return wrapper.parameterNode.GetNodeReference(self.name)
        text = wrapper.parameterNode.GetParameter(self.name)
        return text == "True" if self.kind is bool else self.kind(text)

    def __set__(self, wrapper: Any, value: Any) -> None:
        if self.isNode:
            wrapper.parameterNode.SetNodeReferenceID(self.name, self._nodeID(value))
        else:
            self._refuseOther(value)
            wrapper.parameterNode.SetParameter(self.name, str(self.kind(value)))

    def _nodeID(self, value: Any) -> str | None:
        if value is not None and not isinstance(value, str | self.kind):
            raise ValueError(f"{self.name} has to be a {self.kind.__name__}, and this is {value!r}")
        return value.GetID() if isinstance(value, slicer.vtkMRMLNode) else value

    def _refuseOther(self, value: Any) -> None:
        fits = (int, float) if self.kind is float else self.kind
        if not isinstance(value, fits):
            raise ValueError(f"{self.name} has to be of type {self.kind.__name__}, and this is {value!r}")


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Makes a class of annotated fields a wrapper around a parameter node."""
    if classtype is None:
        return parameterNodeWrapper
    fields = {}
    for name, kind in typing.get_type_hints(classtype).items():
        fields[name] = Field(name, kind, getattr(classtype, name, _ZEROS.get(kind)))
        setattr(classtype, name, fields[name])
    methods = {name: value for name, value in vars(_Wrapper).items() if not name.startswith("__") or name == "__init__"}
    for name, value in methods.items():
        setattr(classtype, name, value)
    classtype._fields = fields
    return classtype


def isParameterNodeWrapper(classOrObj: Any) -> bool:
    return hasattr(classOrObj, "_fields") and hasattr(classOrObj, "connectGui")


class _Wrapper:
    """What every wrapped class gets."""

    _fields: dict[str, Field]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        if prefix is not None:
            raise NotImplementedError("A prefix of parameters has no stand-in in the Host")
        self.parameterNode = parameterNode
        self._bindings: dict[int, _Binding] = {}
        for field in self._fields.values():
            if not field.isIn(parameterNode) and field.default != "":
                setattr(self, field.name, field.default)

    def default(self, name: str) -> Any:
        return self._fields[name].default

    def connectGui(self, gui: QtWidgets.QWidget) -> int:
        """Binds all children that say ``SlicerParameterName``; returns a tag for disconnectGui."""
        children = gui.findChildren(QtWidgets.QWidget)
        named = [(child, child.property("SlicerParameterName")) for child in children]
        return self.connectParametersToGui({name: child for child, name in named if name})

    def connectParametersToGui(self, mapping: dict[str, QtWidgets.QWidget]) -> int:
        binding = _Binding(self, mapping)
        tag = max(self._bindings, default=0) + 1
        self._bindings[tag] = binding
        return tag

    def disconnectGui(self, tag: int) -> None:
        self._bindings.pop(tag).end()

    def StartModify(self) -> int:
        return self.parameterNode.StartModify()

    def EndModify(self, wasModifying: int) -> int:
        return self.parameterNode.EndModify(wasModifying)

    def Modified(self) -> None:
        self.parameterNode.Modified()

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)


class _Binding:
    """Keeps widgets and parameters equal until it is ended."""

    def __init__(self, wrapper: Any, mapping: dict[str, QtWidgets.QWidget]) -> None:
        self._wrapper = wrapper
        self._widgets = {name: _connector(name, widget) for name, widget in mapping.items()}
        self._slots: list[tuple[Any, Callable[..., None]]] = []
        for name, (_, _, signal) in self._widgets.items():
            slot = self._slotOf(name)
            signal.connect(slot)
            self._slots.append((signal, slot))
        self._tag = wrapper.parameterNode.AddObserver("ModifiedEvent", lambda *_: self._showAll())
        self._showAll()

    def end(self) -> None:
        self._wrapper.parameterNode.RemoveObserver(self._tag)
        for signal, slot in self._slots:
            signal.disconnect(slot)

    def _slotOf(self, name: str) -> Callable[..., None]:
        return lambda *_: setattr(self._wrapper, name, self._widgets[name][0]())

    def _showAll(self) -> None:
        for name, (read, show, _) in self._widgets.items():
            value = getattr(self._wrapper, name)
            if read() != value:
                show(value)


def _connector(name: str, widget: Any) -> tuple[Callable[[], Any], Callable[[Any], None], QtCore.SignalInstance]:
    """How a widget's value is read, shown and said to have changed."""
    if isinstance(widget, QtWidgets.QAbstractButton):
        return widget.isChecked, widget.setChecked, widget.toggled
    if isinstance(widget, QtWidgets.QSpinBox | QtWidgets.QDoubleSpinBox | QtWidgets.QAbstractSlider):
        return widget.value, widget.setValue, widget.valueChanged
    if isinstance(widget, ctkSliderWidget | ctkDoubleSpinBox):
        return lambda: widget.value, widget.setValue, widget.valueChanged
    if isinstance(widget, QtWidgets.QComboBox):
        return widget.currentText, widget.setCurrentText, widget.currentTextChanged
    if isinstance(widget, QtWidgets.QLineEdit):
        return widget.text, widget.setText, widget.textChanged
    if isinstance(widget, ctkPathLineEdit):
        return lambda: widget.currentPath, widget.setCurrentPath, widget.currentPathChanged
    if isinstance(widget, qMRMLNodeComboBox):
        return widget.currentNode, widget.setCurrentNode, widget.currentNodeChanged
    raise NotImplementedError(f"Binding {name} to a {type(widget).__name__} has no stand-in in the Host")
