"""Calls of Qt from panel code: arguments are taken and results given as PythonQt does.

Keyword arguments are refused, None and integers and texts are taken leniently, and values of another class are not
converted: what PySide6 turns into a QKeySequence or a QIcon by itself is refused, since PythonQt refuses it.
"""

from __future__ import annotations

import enum
import inspect
import math
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PySide6 import QtCore, QtGui
from shibokensupport.signature import get_signature

_NOT_FITTING = object()
_PLAIN = (bool, int, float, str)
# The only values of another class that PythonQt converts.
_CONVERSIONS: dict[type, tuple[type, ...]] = {
    QtGui.QCursor: (QtCore.Qt.CursorShape,),
    QtGui.QColor: (QtCore.Qt.GlobalColor,),
    QtGui.QBrush: (QtGui.QColor, QtCore.Qt.GlobalColor),
    QtGui.QPen: (QtGui.QColor, QtCore.Qt.GlobalColor),
}
_overloads: dict[tuple[type, str], list[list[inspect.Parameter]] | None] = {}


def overloads(owner: type, name: str) -> list[list[inspect.Parameter]] | None:
    """The parameters of each overload of a method of a Qt class (without self), or None where Qt does not tell."""
    key = (owner, name)
    if key not in _overloads:
        _overloads[key] = _readOverloads(owner if name == "__init__" else getattr(owner, name))
    return _overloads[key]


def _readOverloads(function: Any) -> list[list[inspect.Parameter]] | None:
    found = get_signature(function)
    if found is None:
        return None
    signatures = found if isinstance(found, list) else [found]
    return [_positional(signature) for signature in signatures]


def _positional(signature: inspect.Signature) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in signature.parameters.values() if p.kind in kinds and p.name != "self"]


def fitArguments(owner: type, name: str, arguments: Sequence[Any]) -> list[Any]:
    """The arguments as PySide6 takes them; ValueError where no overload takes them in PythonQt."""
    candidates = overloads(owner, name)
    if candidates is None:
        return list(arguments)
    fitting = [c for c in candidates if _required(c) <= len(arguments) <= len(c)]
    for strict in (True, False):
        for parameters in fitting:
            fitted = [fitArgument(value, p.annotation, strict) for value, p in zip(arguments, parameters)]
            if all(value is not _NOT_FITTING for value in fitted):
                return fitted
    raise ValueError(f"Called {owner.__name__}.{name} with wrong arguments: {tuple(arguments)!r}")


def _required(parameters: list[inspect.Parameter]) -> int:
    return sum(p.default is inspect.Parameter.empty for p in parameters)


def fitArgument(value: Any, annotation: Any, strict: bool) -> Any:
    """One argument for a parameter, or a marker that it does not fit; ``strict`` forbids conversions."""
    declared = _declared(annotation)
    if not isinstance(declared, type) or declared is object or declared is Any:
        return _fitOther(value, declared, strict)
    if declared in _PLAIN:
        return value if _isExactly(value, declared) else _NOT_FITTING if strict else fitPlain(value, declared)
    if issubclass(declared, enum.Enum):
        return _fitEnum(value, declared, strict)
    if declared is QtCore.QByteArray:
        return _fitBytes(value)
    return _fitObject(value, declared)


def _declared(annotation: Any) -> Any:
    """The type that C++ declares: the first of a union, whose others are PySide6's implicit conversions."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return next(a for a in typing.get_args(annotation) if a is not type(None))
    return annotation


def _isExactly(value: Any, declared: type) -> bool:
    if declared is int:
        return isinstance(value, int | np.integer) and not isinstance(value, bool)
    return isinstance(value, declared)


def fitPlain(value: Any, declared: type) -> Any:
    """A number, truth value or text from what PythonQt takes for one, or the marker."""
    if declared is bool:
        return bool(value)
    if declared is str:
        return _NOT_FITTING if isinstance(value, QtCore.QByteArray) else str(value)
    if isinstance(value, str | bytes) or value is None:
        return _NOT_FITTING
    return _fitInteger(value) if declared is int else _fitReal(value)


def _fitInteger(value: Any) -> Any:
    if isinstance(value, np.floating | np.bool_):
        return _NOT_FITTING
    if isinstance(value, float):
        return math.floor(value) if math.isfinite(value) else _NOT_FITTING
    return int(value) if hasattr(type(value), "__index__") else _NOT_FITTING


def _fitReal(value: Any) -> Any:
    return float(value) if hasattr(type(value), "__float__") or hasattr(type(value), "__index__") else _NOT_FITTING


def _fitEnum(value: Any, declared: type[enum.Enum], strict: bool) -> Any:
    if isinstance(value, declared):
        return value
    if strict or isinstance(value, str | bytes) or not isinstance(value, int | float):
        return _NOT_FITTING
    try:
        return declared(int(value))
    except ValueError:
        return _NOT_FITTING


def _fitBytes(value: Any) -> Any:
    if isinstance(value, str):
        return QtCore.QByteArray(value.encode())
    return value if isinstance(value, QtCore.QByteArray | bytes | bytearray) else _NOT_FITTING


def _fitObject(value: Any, declared: type) -> Any:
    if value is None or isinstance(value, (declared, *_CONVERSIONS.get(declared, ()))):
        return value
    if isinstance(value, int) and value == 0 and issubclass(declared, QtCore.QObject):
        return None
    return _NOT_FITTING


def _fitOther(value: Any, declared: Any, strict: bool) -> Any:
    """Lists, callables and whatever has no class of its own."""
    if typing.get_origin(declared) is Sequence or typing.get_origin(declared) is list:
        return _fitSequence(value, typing.get_args(declared), strict)
    if typing.get_origin(declared) is Callable or declared is Callable:
        return value if callable(value) else _NOT_FITTING
    return value


def _fitSequence(value: Any, items: tuple[Any, ...], strict: bool) -> Any:
    if not isinstance(value, list | tuple | np.ndarray | (type(None) if strict else str)):
        return _NOT_FITTING
    return [str(item) for item in value] if items == (str,) else list(value)


def answer(value: Any) -> Any:
    """What panel code gets for a result of Qt: sequences are tuples."""
    if isinstance(value, list | tuple):
        return tuple(answer(item) for item in value)
    if isinstance(value, dict):
        return {str(key): answer(item) for key, item in value.items()}
    return value


def refuseKeywords(name: str, keywords: dict[str, Any]) -> None:
    """Raises what PythonQt raises for keyword arguments; does nothing where there are none."""
    if keywords:
        raise ValueError(f"Called {name} with keyword arguments, but called slot does not support kwargs.")


class Method:
    """A method of a Qt object, or of a stand-in, as panel code gets it: called by position only."""

    def __init__(self, instance: Any, owner: type, name: str, function: Callable[..., Any]) -> None:
        self.__self__ = instance
        self._owner = owner
        self.__name__ = name
        self._function = function

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        refuseKeywords(f"{type(self.__self__).__name__}.{self.__name__}", keywords)
        if isinstance(self._function, types.MethodType):
            return answer(self._callStandIn(arguments))
        return answer(self._function(*fitArguments(self._owner, self.__name__, arguments)))

    def _callStandIn(self, arguments: tuple[Any, ...]) -> Any:
        try:
            inspect.signature(self._function).bind(*arguments)
        except TypeError as problem:
            raise ValueError(f"Called {self.__name__} with wrong arguments: {arguments!r} ({problem})") from None
        return self._function(*arguments)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Method) and other.__self__ is self.__self__ and other.__name__ == self.__name__

    def __hash__(self) -> int:
        return hash((id(self.__self__), self.__name__))
