"""Checks of connections in panel code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import panel_names as names
from panel_source import Source

SIGNATURE = re.compile(r"2?\w+\([\w:<>*&, ]*\)$")
TYPE_NAMES = {"bool", "bytes", "dict", "float", "int", "list", "object", "str", "tuple"}
SETTER = re.compile(r"set[A-Z]")


class Connection(NamedTuple):
    """What a call of connect says; the signature is None in `signal.connect(f)`."""

    signature: str | None
    target: ast.expr

    @property
    def carries(self) -> bool:
        """Whether the signal may bring arguments."""
        return self.signature is None or not self.signature.replace(" ", "").endswith("()")


def connection(node: ast.Call) -> Connection | None:
    """The connection that a call makes; None when it makes none, or one by receiver and slot name."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "connect" or not node.args:
        return None
    if len(node.args) == 1:
        return Connection(None, node.args[0])
    signature = _text(node.args[0])
    return None if signature is None or len(node.args) > 2 else Connection(signature, node.args[1])


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def signatures(source: Source, node: ast.Call) -> Iterator[str]:
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in ("connect", "disconnect"):
        return
    text = _text(node.args[0]) if node.args else None
    if text is None or source.name(node.func.value) in source.imports.values():
        return
    if not SIGNATURE.match(text):
        yield "signature"
    elif text.replace("const ", "").replace(" ", "").replace("&", "").lstrip("2") in names.QT5_SIGNALS:
        yield "qt-version"


def slots(source: Source, node: ast.Call) -> Iterator[str]:
    found = connection(node)
    if found is None or not isinstance(found.target, ast.Attribute):
        return
    word = found.target.attr
    if not _is_slot_of_qt(source, found.target):
        return
    if found.signature is None or (found.carries and word in names.ARGUMENTLESS_SLOTS):
        yield "connect-slot"


def _is_slot_of_qt(source: Source, target: ast.Attribute) -> bool:
    """Whether a callable is by what is known of its receiver, or by its own name, a slot of a Qt object."""
    receiver, word = target.value, target.attr
    known = word in names.DISTINCT_SLOTS or SETTER.match(word) is not None
    if isinstance(receiver, ast.Name) and receiver.id in ("self", "cls"):
        cls = source.class_around(receiver)
        own = cls is not None and source.defines(cls, word, itself=True)
        return source.is_self(receiver) and not own and (known or word in names.ARGUMENTLESS_SLOTS)
    return source.is_widget(receiver) or known


def untrimmed(source: Source, node: ast.Call) -> Iterator[str]:
    found = connection(node)
    if found is not None and found.carries and _takes_everything(source, found.target):
        yield "connect-untrimmed"


def _takes_everything(source: Source, target: ast.AST) -> bool:
    """Whether a callable is a partial, has *arguments, or a first parameter that only captures a value."""
    if isinstance(target, ast.Call):
        return source.name(target.func) == "functools.partial"
    if not isinstance(target, ast.Lambda):
        return False
    arguments = target.args
    captured = len(arguments.defaults) == len(arguments.args) and arguments.defaults[:1]
    return arguments.vararg is not None or bool(captured and not isinstance(captured[0], ast.Constant))


def overloads(source: Source, node: ast.Call) -> Iterator[str]:
    function = node.func
    if isinstance(function, ast.Attribute) and function.attr in ("connect", "disconnect", "emit"):
        signal = function.value
        if isinstance(signal, ast.Subscript) and isinstance(signal.value, ast.Attribute) and _is_type(source, signal):
            yield "signal-index"


def _is_type(source: Source, signal: ast.Subscript) -> bool:
    parts = signal.slice.elts if isinstance(signal.slice, ast.Tuple) else [signal.slice]
    return any(source.is_qt(part) or source.name(part) in TYPE_NAMES for part in parts)


CHECKS = [signatures, slots, untrimmed, overloads]
