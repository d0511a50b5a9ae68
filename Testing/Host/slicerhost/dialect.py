"""PySide6 made to behave as PythonQt for panel code; all other code in the process keeps plain PySide6.

What code sees is decided where it reads or writes an attribute, by the file it was compiled from (``panelcode``). The
classes stay those of PySide6. Not reproduced, because Python offers no place for it, and left to the lint over panel
code: ``super().aQtMember`` works here, ``isinstance`` knows Qt's base classes, models, validators and delegates that
nobody refers to may live on, as may children of a dropped parent, a Python subclass of a CTK widget keeps its
attributes and its overrides, ``moveToThread`` runs slots in the worker, ``bool`` of a destroyed object is True, and
what is read on a class and not on an object is PySide6's: static functions take keyword arguments and convert. A
signal that a panel declares with int has int in its signature, where PythonQt has qlonglong. Qt is version 6.
"""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtGui, QtNetwork, QtSvg, QtWidgets
from shiboken6 import Shiboken

from .calls import Method, answer, fitArguments, fitPlain, refuseKeywords
from .panelcode import isPanelCode
from .signals import Connector, Signal

_VIRTUALS = {"event", "eventFilter", "minimumSizeHint", "sizeHint"}
QT_MODULES = (QtCore, QtGui, QtNetwork, QtSvg, QtWidgets)

# Here PythonQt offers the static slot of the same name in place of the property.
_NOT_PROPERTIES = {(QtCore.QTimer, "singleShot")}
_REFUSED = object()
_PLAIN_TYPES: dict[str, type] = {"bool": bool, "int": int, "uint": int, "double": float, "float": float, "QString": str}


def install() -> None:
    """Puts the dialect in front of every class of PySide6; once for a process."""
    for kind in _qtClasses():
        _hookConstruction(kind)
        _hookReading(kind)
        _hookWriting(kind)


def _qtClasses() -> list[type]:
    """All classes, bases before those derived from them."""
    named = (getattr(module, name) for module in QT_MODULES for name in dir(module) if name.startswith("Q"))
    found = {kind for kind in named if isinstance(kind, type) and not issubclass(kind, enum.Enum)}
    return sorted(found, key=lambda kind: (len(kind.__mro__), kind.__name__))


def _hookConstruction(kind: type) -> None:
    original = kind.__dict__.get("__init__")
    if original is None:
        return

    def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:
        if isPanelCode(sys._getframe(1).f_code.co_filename):
            refuseKeywords(kind.__name__, keywords)
            arguments = tuple(fitArguments(kind, "__init__", arguments))
        original(self, *arguments, **keywords)

    kind.__init__ = __init__


def hookStandIn(kind: type) -> None:
    """Lets panel code make a stand-in as it makes the real widget: without arguments, or with a parent."""
    original: Any = kind.__init__

    def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:
        if isPanelCode(sys._getframe(1).f_code.co_filename):
            refuseKeywords(kind.__name__, keywords)
            if len(arguments) > 1 or not all(isinstance(a, QtWidgets.QWidget | None) for a in arguments):
                raise ValueError(f"Called {kind.__name__} with wrong arguments: {arguments!r}")
        original(self, *arguments, **keywords)

    kind.__init__ = __init__


def _hookReading(kind: type) -> None:
    original: Any = kind.__getattribute__
    if getattr(original, "isHook", False):
        return

    def __getattribute__(self: Any, name: str) -> Any:
        if name[:2] == "__" or not isPanelCode(sys._getframe(1).f_code.co_filename):
            return original(self, name)
        return _read(self, name, original)

    __getattribute__.isHook = True
    kind.__getattribute__ = __getattribute__


def _hookWriting(kind: type) -> None:
    if getattr(kind.__setattr__, "isHook", False):
        return

    def __setattr__(self: Any, name: str, value: Any) -> None:
        # PySide6 keeps bound signals in the object by writing them.
        if isinstance(value, QtCore.SignalInstance) or not isPanelCode(sys._getframe(1).f_code.co_filename):
            _assign(self, name, value)
        else:
            _write(self, name, value)

    __setattr__.isHook = True
    kind.__setattr__ = __setattr__


def _assign(instance: Any, name: str, value: Any) -> None:
    """What plain Python does: Qt's own C function refuses to be called through a class that has another one."""
    _, found = _lookUp(type(instance), name)
    if isinstance(found, QtCore.Property):
        instance.setProperty(name, value)
    elif found is not None and hasattr(type(found), "__set__"):
        found.__set__(instance, value)
    else:
        instance.__dict__[name] = value


def _lookUp(kind: type, name: str) -> tuple[type | None, Any]:
    """The class that defines a name, and what it says."""
    for owner in kind.__mro__:
        if name in owner.__dict__:
            return owner, owner.__dict__[name]
    return None, None


def _isQt(kind: type) -> bool:
    return kind.__module__.startswith(("PySide6.", "shiboken6", "Shiboken"))


def _isStandIn(kind: type | None) -> bool:
    return kind is not None and kind.__module__.startswith("slicerhost.")


def _isOurs(kind: type | None) -> bool:
    """Whether a class is written in Python outside of Qt and the stand-ins: by the panel."""
    return kind is not None and kind is not object and not _isQt(kind) and not _isStandIn(kind)


def _property(instance: Any, name: str) -> QtCore.QMetaProperty | None:
    if not isinstance(instance, QtCore.QObject):
        return None
    if any(isinstance(instance, kind) and name == member for kind, member in _NOT_PROPERTIES):
        return None
    meta = instance.metaObject()
    index = meta.indexOfProperty(name)
    return meta.property(index) if index >= 0 else None


def _read(instance: Any, name: str, original: Callable[[Any, str], Any]) -> Any:
    """An attribute in PythonQt's order: Python's own, property, signal or method, dynamic property, child."""
    owner, found = _lookUp(type(instance), name)
    if _isOurs(owner) or (_isOurs(type(instance)) and _isOwnAttribute(instance, name)):
        own = original(instance, name)
        return Signal(instance, name) if isinstance(own, QtCore.SignalInstance) else own
    if _property(instance, name) is not None:
        return _propertyValue(instance, name)
    if isinstance(instance, QtCore.QObject) and name in _EXTRAS:
        return _EXTRAS[name](instance)
    if _isStandIn(owner) and (name.endswith("Event") or name in _VIRTUALS):
        # Qt itself looks here for what overrides its own while panel code calls it, and takes nothing but the method.
        return original(instance, name)
    if owner is not None and not _isHidden(owner, name):
        return _member(instance, owner, name, original(instance, name))
    return _dynamicOrChild(instance, name)


def _isHidden(owner: type, name: str) -> bool:
    """What a stand-in is made of is not there for panels."""
    return _isStandIn(owner) and name.startswith("_")


def _isOwnAttribute(instance: Any, name: str) -> bool:
    value = instance.__dict__.get(name, QtCore.SignalInstance)
    return value is not QtCore.SignalInstance and not isinstance(value, QtCore.SignalInstance)


def _propertyValue(instance: QtCore.QObject, name: str) -> Any:
    value = instance.property(name)
    return int(value.value) if isinstance(value, enum.Enum) else answer(value)


_EXTRAS: dict[str, Callable[[QtCore.QObject], Any]] = {
    "name": lambda instance: instance.objectName(),
    "className": lambda instance: lambda: type(instance).__name__,
    "delete": lambda instance: lambda: Shiboken.delete(instance),
    "connect": lambda instance: Connector(instance, "connect"),
    "disconnect": lambda instance: Connector(instance, "disconnect"),
}


def _member(instance: Any, owner: type, name: str, value: Any) -> Any:
    if isinstance(value, QtCore.SignalInstance):
        return Signal(instance, name)
    if name in _METHODS and isinstance(instance, QtCore.QObject):
        return Method(instance, owner, name, types.MethodType(_METHODS[name], instance))
    if isinstance(value, types.BuiltinMethodType | types.MethodWrapperType | types.MethodType):
        return Method(instance, owner, name, value)
    return value


def _dynamicOrChild(instance: Any, name: str) -> Any:
    # PySide6 finds values of enumerations on the class only.
    if isinstance(getattr(type(instance), name, None), enum.Enum):
        return getattr(type(instance), name)
    if isinstance(instance, QtCore.QObject):
        if name.encode() in [bytes(known.data()) for known in instance.dynamicPropertyNames()]:
            return answer(instance.property(name))
        for child in instance.children():
            if child.objectName() == name:
                return child
    raise AttributeError(f"{type(instance).__name__} has no attribute named '{name}'")


def _findChildren(self: QtCore.QObject, kind: Any, *name: Any) -> list[QtCore.QObject]:
    """findChildren by class or name of a class; base classes match."""
    matches = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    found = self.findChildren(QtCore.QObject, *name)
    return [child for child in found if child.inherits(matches) or matches in _baseNames(child)]


def _baseNames(child: QtCore.QObject) -> set[str]:
    return {kind.__name__ for kind in type(child).__mro__}


def _findChild(self: QtCore.QObject, kind: Any, *name: Any) -> QtCore.QObject | None:
    return next(iter(_findChildren(self, kind, *name)), None)


def _addAction(self: Any, *arguments: Any) -> Any:
    """addAction whose callable gets the checked state, as with any other signal."""
    plain = [a for a in arguments if not callable(a) or isinstance(a, QtCore.QObject)]
    added = self.addAction(*plain)
    for function in (a for a in arguments if a not in plain):
        Signal(added, "triggered").connect(function)
    return added if added is not None else plain[0]


_METHODS: dict[str, Callable[..., Any]] = {
    "findChildren": _findChildren,
    "findChild": _findChild,
    "addAction": _addAction,
}


def _write(instance: Any, name: str, value: Any) -> None:
    """An attribute written by panel code: to a property, or refused as PythonQt refuses it."""
    kind = type(instance).__name__
    if isinstance(instance, QtCore.QObject) and name == "name":
        instance.setObjectName(str(value))
        return
    known = _property(instance, name)
    if known is not None:
        _writeProperty(instance, known, value)
        return
    owner, found = _lookUp(type(instance), name)
    if owner is not None and not _isOurs(owner) and owner is not object and not _isHidden(owner, name):
        what = "Signal" if isinstance(found, QtCore.Signal) else "Slot"
        raise AttributeError(f"{what} '{name}' can not be overwritten on {kind} object")
    if _isOurs(type(instance)):
        _assign(instance, name, value)
    else:
        _writeDynamic(instance, name, value)


def _writeDynamic(instance: Any, name: str, value: Any) -> None:
    kind = type(instance).__name__
    if not isinstance(instance, QtCore.QObject) or instance.property(name) is None:
        raise AttributeError(
            f"'{name}' does not exist on {kind} and creating new attributes on C++ objects is not allowed"
        )
    if value is None:
        raise AttributeError(f"Dynamic property '{name}' does not accept an object of type NoneType (None)")
    instance.setProperty(name, value)


def _writeProperty(instance: QtCore.QObject, known: QtCore.QMetaProperty, value: Any) -> None:
    name, kind = known.name(), known.typeName()
    if not known.isWritable():
        raise AttributeError(f"Property '{name}' of {type(instance).__name__} object is not writable")
    fitted = _fitProperty(known, kind, value)
    if fitted is _REFUSED:
        raise AttributeError(
            f"Property '{name}' of type '{kind}' does not accept an object of type {type(value).__name__} ({value!r})"
        )
    instance.setProperty(name, fitted)


def _fitProperty(known: QtCore.QMetaProperty, kind: str, value: Any) -> Any:
    """The value as Qt takes it, or a marker where PythonQt would refuse it."""
    if kind in _PLAIN_TYPES:
        fitted = fitPlain(value, _PLAIN_TYPES[kind])
        return fitted if isinstance(fitted, _PLAIN_TYPES[kind]) else _REFUSED
    if known.isEnumType():
        return _fitEnumProperty(known, value)
    if kind == "QStringList":
        return [str(item) for item in value] if isinstance(value, list | tuple | str) else _REFUSED
    declared = next((getattr(module, kind) for module in QT_MODULES if hasattr(module, kind)), None)
    return value if declared is None or isinstance(value, declared) else _REFUSED


def _fitEnumProperty(known: QtCore.QMetaProperty, value: Any) -> Any:
    if isinstance(value, str):
        number, found = known.enumerator().keysToValue(value)
        return number if found else _REFUSED
    return int(value) if isinstance(value, int) else _REFUSED
