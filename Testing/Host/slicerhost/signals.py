"""Signals as PythonQt shows them: connected by signature or by name, with the callable kept alive.

A missing signal is no exception: ``connect`` prints one line on standard error and returns False. Functions and bound
methods get as many arguments as they take, anything else gets all of them. An exception in a slot goes to
``sys.excepthook``, and the other slots run.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore
from shiboken6 import Shiboken

from .calls import Method

_connect = QtCore.QObject.connect
_disconnect = QtCore.QObject.disconnect

Record = tuple[str, Any, QtCore.QMetaObject.Connection]
_records: dict[int, list[Record]] = {}

# PySide6 tells the signal apart by the number of arguments that its slot is declared with.
_RELAYS: tuple[Callable[[Callable[..., None]], Callable[..., None]], ...] = (
    lambda deliver: lambda: deliver(),
    lambda deliver: lambda a: deliver(a),
    lambda deliver: lambda a, b: deliver(a, b),
    lambda deliver: lambda a, b, c: deliver(a, b, c),
    lambda deliver: lambda a, b, c, d: deliver(a, b, c, d),
)


def signatures(sender: QtCore.QObject, name: str) -> list[str]:
    """The signatures of all signals of this name, in the order in which C++ declares them."""
    methods = _signals(sender.metaObject())
    return [_signature(m) for m in methods if m.name().data() == name.encode()]


def _signals(meta: QtCore.QMetaObject) -> list[QtCore.QMetaMethod]:
    methods = (meta.method(index) for index in range(meta.methodCount()))
    return [m for m in methods if m.methodType() == QtCore.QMetaMethod.MethodType.Signal]


def _signature(method: QtCore.QMetaMethod) -> str:
    return method.methodSignature().data().decode()


def findSignal(sender: QtCore.QObject, asked: str) -> str | None:
    """The signature under which Qt knows a signal that panel code asks for, or None where there is none."""
    wanted = normalized(asked)
    if sender.metaObject().indexOfSignal(wanted) >= 0:
        return wanted
    spelled = getattr(type(sender), "_cppSignals", {})
    return spelled.get(wanted)


def normalized(signature: str) -> str:
    """A signature without superfluous spaces, const and references, and without Qt's leading digit."""
    return QtCore.QMetaObject.normalizedSignature(signature.lstrip("2")).data().decode()


def connect(sender: QtCore.QObject, asked: str, function: Any) -> bool:
    """Connects a callable; False, with a line on standard error, where the sender has no such signal."""
    signature = findSignal(sender, asked)
    if signature is None:
        _sayMissing("connect", asked, sender)
        return False
    count = _argumentCount(signature)
    made = _connect(sender, QtCore.SIGNAL(signature), _RELAYS[count](_deliverTo(function, count)))
    _recordsOf(sender).append((signature, function, made))
    return True


def _recordsOf(sender: QtCore.QObject) -> list[Record]:
    address = Shiboken.getCppPointer(sender)[0]
    if address not in _records:
        _records[address] = []
        _connect(sender, QtCore.SIGNAL("destroyed()"), lambda: _records.pop(address, None))
    return _records[address]


def _argumentCount(signature: str) -> int:
    inside = signature[signature.index("(") + 1 : -1]
    return len(inside.split(",")) if inside else 0


def _sayMissing(verb: str, asked: str, sender: QtCore.QObject) -> None:
    what = f"signal '{asked}' does not exist on {type(sender).__name__}" if asked else "signal is empty."
    print(f"PythonQt: QObject::{verb}() {what}", file=sys.stderr, flush=True)


def _deliverTo(function: Any, count: int) -> Callable[..., None]:
    taken = takenArguments(function, count)

    def deliver(*arguments: Any) -> None:
        try:
            function(*arguments[:taken])
        except Exception:
            sys.excepthook(*sys.exc_info())

    return deliver


def takenArguments(function: Any, count: int) -> int:
    """How many of a signal's arguments a slot is called with."""
    if not isinstance(function, types.FunctionType | types.MethodType):
        return count
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return count
    positional = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    return min(count, positional)


def disconnect(sender: QtCore.QObject, asked: str, *function: Any) -> bool:
    """Ends one connection of a callable, or all of a signal; False where there is none or no such signal."""
    signature = findSignal(sender, asked)
    if signature is None:
        _sayMissing("disconnect", asked, sender)
        return False
    records = _recordsOf(sender)
    matching = [r for r in records if r[0] == signature and (not function or r[1] == function[0])]
    for record in matching[:1] if function else matching:
        records.remove(record)
        _disconnect(record[2])
    return bool(matching)


class Signal:
    """A signal of an object as panel code gets it: the first declared overload, emitted by a call."""

    def __init__(self, sender: QtCore.QObject, name: str) -> None:
        self._sender = sender
        self.__name__ = name

    def connect(self, function: Any) -> bool:
        return connect(self._sender, self._first(), function)

    def disconnect(self, *function: Any) -> bool:
        return disconnect(self._sender, self._first(), *function)

    def emit(self, *arguments: Any) -> None:
        matching = [s for s in signatures(self._sender, self.__name__) if _argumentCount(s) == len(arguments)]
        if not matching:
            raise ValueError(f"Called {self.__name__} with wrong number of arguments: {arguments!r}")
        types_ = matching[0][matching[0].index("(") + 1 : -1]
        bound = getattr(self._sender, self.__name__)
        bound[tuple(types_.split(",")) if types_ else ()].emit(*arguments) if types_ else bound.emit()

    __call__ = emit

    def parameterTypes(self) -> tuple[str, ...]:
        return tuple(signatures(self._sender, self.__name__))

    def _first(self) -> str:
        return signatures(self._sender, self.__name__)[0]


class Connector:
    """``connect`` or ``disconnect`` of an object as panel code gets it."""

    def __init__(self, sender: QtCore.QObject, verb: str) -> None:
        self._sender = sender
        self._verb = verb

    def __call__(self, *arguments: Any) -> bool:
        act = connect if self._verb == "connect" else disconnect
        if not 1 + (self._verb == "connect") <= len(arguments) <= 3 or not isinstance(arguments[0], str):
            raise ValueError(f"Could not find matching overload of {self._verb} for given arguments: {arguments!r}")
        if len(arguments) == 3:
            receiver, slot = arguments[1:]
            return act(self._sender, arguments[0], _slot(receiver, slot))
        return act(self._sender, *arguments)


def _slot(receiver: QtCore.QObject, slot: str) -> Callable[..., Any]:
    name, _, types_ = normalized(slot.lstrip("1")).partition("(")
    function = getattr(receiver, name)
    count = len(types_.rstrip(")").split(",")) if types_ != ")" else 0
    return _SlotOf(receiver, name, lambda *arguments: function(*arguments[:count]))


class _SlotOf(Method):
    """A slot given by its signature: it takes as many arguments as that names."""

    def __init__(self, receiver: QtCore.QObject, name: str, function: Callable[..., Any]) -> None:
        super().__init__(receiver, type(receiver), name, function)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._function(*arguments)
