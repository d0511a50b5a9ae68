"""Checks of classes, assignments, attributes and of what stands at file scope in panel code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import Any

import panel_names as names
from panel_calls import is_none, last_word, needs_conversion
from panel_source import Source, assigned

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def super_calls(source: Source, node: ast.Attribute) -> Iterator[str]:
    cls = source.class_around(node)
    own = cls is None or not source.is_qt_class(cls) or source.defines(cls, node.attr, itself=False)
    if ast.unparse(node.value).startswith("super(") and not own and node.attr not in names.SUPER_ALLOWED:
        yield "super-call"


def enum_members(source: Source, node: ast.Attribute) -> Iterator[str]:
    owner = node.value
    if node.attr not in ("name", "value") or not isinstance(node.ctx, ast.Load):
        return
    member = source.name(owner).startswith("qt.") and source.name(owner).count(".") >= 2
    answered = isinstance(owner, ast.Call) and not owner.args and last_word(owner.func) in names.ENUM_METHODS
    if member or answered:
        yield "enum-member"


def gone_names(source: Source, node: ast.Attribute | ast.Name) -> Iterator[str]:
    name = source.name(node)
    if name in names.QT5_CLASSES or (isinstance(node, ast.Attribute) and _is_margin(node)):
        yield "qt-version"
    if name in names.THREAD_CLASSES or (isinstance(node, ast.Attribute) and node.attr == "moveToThread"):
        yield "thread"


def _is_margin(node: ast.Attribute) -> bool:
    return node.attr == "setMargin" or (node.attr == "margin" and isinstance(node.ctx, ast.Store))


def imports(source: Source, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    modules = _modules(node)
    if any(module.partition(".")[0] in names.THREAD_MODULES for module in modules):
        yield "thread"
    if source.parents[node] is source.tree and not all(map(_may_load_at_start, modules)):
        yield "file-scope-import"


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules that an import may load, without those of the file's own package."""
    if isinstance(node, ast.Import):
        return [item.name for item in node.names]
    return [] if node.level else [f"{node.module}.{item.name}" for item in node.names]


def _may_load_at_start(module: str) -> bool:
    if module.startswith("echoapex."):
        return not any(f"{module}.".startswith(f"{heavy}.") for heavy in names.HEAVY_ENGINE)
    package = module.partition(".")[0]
    ours = package == "echoapex" or (package.startswith("EchoApex") and package.endswith("Lib"))
    return ours or package in names.AT_START or package in sys.stdlib_module_names


def assignments(source: Source, node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    targets, value = assigned(node)
    for target in targets:
        if isinstance(target, ast.Attribute) and value is not None:
            yield from _attribute_rules(source, target, value)
    if len(targets) > 1 and isinstance(value, ast.Call) and source.name(value.func) in names.PAIR_DIALOGS:
        yield "dialog-tuple"


def _attribute_rules(source: Source, target: ast.Attribute, value: ast.expr) -> Iterator[str]:
    word, owner = target.attr, target.value
    widget = source.is_widget(owner)
    if word == "singleShot" or (source.is_self(owner) and _is_taken(source, word, value)):
        yield "slot-overwritten"
    kinds = names.CONVERSIONS.get(f".{word}", set()) if widget or word not in names.COMMON_NAMES else set()
    if needs_conversion(source, value, kinds):
        yield "conversion"
    if word in names.TEXTS and is_none(value) and (widget or not isinstance(owner, ast.Name)):
        yield "none-text"


def _is_taken(source: Source, word: str, value: ast.expr) -> bool:
    """Whether a widget's own name is one of Qt's, and the value not of the type that a property of that name takes."""
    qt_value = isinstance(value, ast.Call) and source.is_qt(value.func)
    return word in names.OWN_SLOTS or (word in names.OWN_PROPERTIES and not qt_value)


def first_of_pair(source: Source, node: ast.Subscript) -> Iterator[str]:
    if isinstance(node.value, ast.Call) and source.name(node.value.func) in names.PAIR_DIALOGS:
        yield "dialog-tuple"


def comparisons(source: Source, node: ast.Compare) -> Iterator[str]:
    if any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops):
        sides = [node.left, *node.comparators]
        if any(map(is_none, sides)):
            yield "none-equality"
        if any(isinstance(side, ast.List) for side in sides) and any(_is_tuple(source, side) for side in sides):
            yield "tuple-as-list"


def additions(source: Source, node: ast.BinOp) -> Iterator[str]:
    sides = [node.left, node.right]
    lists = any(isinstance(side, ast.List | ast.ListComp) for side in sides)
    if isinstance(node.op, ast.Add) and lists and any(_is_tuple(source, side) for side in sides):
        yield "tuple-as-list"


def list_methods(source: Source, node: ast.Attribute) -> Iterator[str]:
    if node.attr in names.LIST_METHODS and _is_tuple(source, node.value):
        yield "tuple-as-list"


def _is_tuple(source: Source, node: ast.AST) -> bool:
    """Whether an expression is a call of Qt that gives a sequence."""
    if not isinstance(node, ast.Call) or source.name(node.func).startswith("slicer.util."):
        return False
    return isinstance(node.func, ast.Attribute) and node.func.attr in names.TUPLE_CALLS


def contexts(source: Source, node: ast.With) -> Iterator[str]:
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    if any(source.name(call.func) == "qt.QSignalBlocker" for call in calls):
        yield "blocker-with"


def classes(source: Source, node: ast.ClassDef) -> Iterator[str]:
    if any(source.name(base).startswith("ctk.") for base in node.bases):
        yield "ctk-subclass"
    values = [item.value for item in node.body if isinstance(item, ast.Assign)]
    signals = [value for value in values if isinstance(value, ast.Call) and source.name(value.func) == "qt.Signal"]
    if signals and not source.is_qt_class(node):
        yield "signal-owner"


def file_scope(source: Source, node: ast.stmt) -> Iterator[str]:
    """For a statement at file scope only: a definition, a constant, a docstring, or one of the two usual conditions."""
    if source.parents[node] is source.tree and not _is_definition(source, node):
        yield "file-scope-code"


def _is_definition(source: Source, node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        calls = [] if node.value is None else [part for part in ast.walk(node.value) if isinstance(part, ast.Call)]
        return all(_makes_a_value(source, call) for call in calls if not _is_later(source, call, node))
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.If):
        return last_word(node.test) == "TYPE_CHECKING" or ast.unparse(node.test) == "__name__ == '__main__'"
    return isinstance(node, DEFINITIONS)


def _is_later(source: Source, call: ast.AST, node: ast.AST) -> bool:
    """Whether a call in a statement stands in a lambda."""
    return isinstance(source.function_around(call), ast.Lambda) and source.function_around(node) is None


def _makes_a_value(source: Source, call: ast.Call) -> bool:
    """Whether a call begins with a literal, a class of this file that is no widget, or something in PURE."""
    start: ast.AST = call.func
    while isinstance(start, ast.Attribute | ast.Call | ast.Subscript):
        start = start.func if isinstance(start, ast.Call) else start.value
    name = source.name(start)
    own = source.classes.get(name)
    value_class = own is not None and not source.is_qt_class(own)
    return isinstance(start, ast.Constant) or value_class or name.partition(".")[0] in names.PURE


CHECKS: dict[type[ast.AST], list[Any]] = {
    ast.Attribute: [super_calls, enum_members, gone_names, list_methods],
    ast.Name: [gone_names],
    ast.Import: [imports],
    ast.ImportFrom: [imports],
    ast.Assign: [assignments],
    ast.AnnAssign: [assignments],
    ast.Subscript: [first_of_pair],
    ast.Compare: [comparisons],
    ast.BinOp: [additions],
    ast.With: [contexts],
    ast.ClassDef: [classes],
    ast.stmt: [file_scope],
}
