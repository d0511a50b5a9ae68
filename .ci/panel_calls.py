"""Checks of calls in panel code: arguments, getters, lifetime."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import panel_names as names
from panel_source import Source, assigned

TEXT_CALLS = {"_", "slicer.i18n.tr", "slicer.i18n.translate"}


def last_word(node: ast.AST) -> str:
    """The name of a method or function that is called, without what stands before it."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def is_text(source: Source, node: ast.AST) -> bool:
    """Whether an expression is certainly a string."""
    if isinstance(node, ast.Call):
        return source.name(node.func) in TEXT_CALLS
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def needs_conversion(source: Source, node: ast.AST, kinds: set[str]) -> bool:
    """Whether an expression is of one of the kinds that PySide6 would convert and Slicer refuses."""
    made = source.name(node.func) if isinstance(node, ast.Call) else ""
    return (
        made in kinds
        or ("text" in kinds and is_text(source, node))
        or ("tuple" in kinds and isinstance(node, ast.Tuple))
    )


def class_tests(source: Source, node: ast.Call) -> Iterator[str]:
    tested = node.args[1:] if source.name(node.func) in ("isinstance", "issubclass") else []
    if any(source.is_qt(part) for test in tested for part in ast.walk(test)):
        yield "isinstance"


def keywords(source: Source, node: ast.Call) -> Iterator[str]:
    name = source.name(node.func)
    on_qt_object = last_word(node.func) in names.QT_METHODS and not name.startswith("slicer.util.")
    if node.keywords and name not in names.PYTHON_SIDE and (source.is_qt(node.func) or on_qt_object):
        yield "keyword"


def conversions(source: Source, node: ast.Call) -> Iterator[str]:
    word = last_word(node.func)
    kinds = names.CONVERSIONS.get(source.name(node.func)) or names.CONVERSIONS.get(word, set())
    receiver = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    looked_at = word not in names.COMMON_NAMES or source.is_widget(receiver)
    if looked_at and any(needs_conversion(source, argument, kinds) for argument in node.args):
        yield "conversion"
    if word in {f"set{text[0].upper()}{text[1:]}" for text in names.TEXTS} and any(map(is_none, node.args)):
        yield "none-text"


def constructors(source: Source, node: ast.Call) -> Iterator[str]:
    name, first = source.name(node.func), node.args[0] if node.args else None
    if name.startswith("ctk.") and name.count(".") == 1 and first is not None and is_text(source, first):
        yield "ctk-constructor"
    if name == "qt.QDialogButtonBox" and isinstance(first, ast.BinOp) and isinstance(first.op, ast.BitOr):
        yield "flags-in-constructor"


def getters(source: Source, node: ast.Call) -> Iterator[str]:
    if node.args or node.keywords or not isinstance(node.func, ast.Attribute):
        return
    receiver, word = node.func.value, node.func.attr
    in_module = source.name(receiver) in source.imports.values()
    if in_module or source.has_methods(receiver) or _is_python_method(source, receiver, word):
        return
    if word in names.GETTERS or (word in names.WIDGET_GETTERS and source.is_widget(receiver)):
        yield "getter-call"


def _is_python_method(source: Source, receiver: ast.AST, word: str) -> bool:
    """Whether `self.word()` calls a method that the class of this file defines."""
    cls = source.class_around(receiver)
    own = isinstance(receiver, ast.Name) and receiver.id == "self"
    return own and cls is not None and source.defines(cls, word, itself=True)


def arguments_kept(source: Source, node: ast.Call) -> Iterator[str]:
    if isinstance(node.func, ast.Attribute) and node.func.attr in names.KEEPERS and node.args:
        given = node.args[-1]
        made = _made_of_local(source, given) if isinstance(given, ast.Name) else given
        if isinstance(made, ast.Call) and _is_constructor(source, made) and not _has_parent(made):
            yield "unkept-argument"


def objects_kept(source: Source, node: ast.Call) -> Iterator[str]:
    if not _is_lonely(source, node.func) or _has_parent(node):
        return
    around = source.parents[node]
    targets, value = assigned(around)
    dropped = isinstance(around, ast.Expr | ast.Attribute)
    if dropped or (value is node and not any(_stores(source, target) for target in targets)):
        yield "unkept-object"


def _stores(source: Source, target: ast.expr) -> bool:
    """Whether an assignment to a target keeps an object longer than the function runs."""
    return not isinstance(target, ast.Name) or _is_kept(source, target)


def _is_lonely(source: Source, function: ast.AST) -> bool:
    """Whether a constructor makes an object that no layout keeps: a timer, a process, a QObject of this file."""
    cls = source.classes.get(source.name(function))
    bases = [function] if cls is None else cls.bases
    return any(source.name(base) in {f"qt.{name}" for name in names.LONELY} for base in bases)


def _is_constructor(source: Source, call: ast.Call) -> bool:
    word = last_word(call.func).lstrip("_")
    return source.is_qt(call.func) or word[:1].isupper()


def _has_parent(call: ast.Call) -> bool:
    """Whether the last argument, where Qt has the parent, can be an object."""
    return bool(call.args) and isinstance(call.args[-1], ast.Attribute | ast.Name)


def _made_of_local(source: Source, use: ast.Name) -> ast.expr | None:
    """What a local name was made of in the function that uses it; None when something else keeps it."""
    function = source.function_around(use)
    for node in ast.walk(function or source.tree):
        targets, value = assigned(node)
        if any(isinstance(target, ast.Name) and target.id == use.id for target in targets):
            return None if _is_kept(source, use) else value
    return None


def _is_kept(source: Source, local: ast.Name) -> bool:
    """Whether a local name is handed on in its function: stored, returned, given to a call that keeps it, parented."""
    scope = source.function_around(local) or source.tree
    same = [node for node in ast.walk(scope) if isinstance(node, ast.Name) and node.id == local.id]
    declared = any(isinstance(node, ast.Global | ast.Nonlocal) and local.id in node.names for node in ast.walk(scope))
    return declared or any(_hands_on(source.parents[node], node) for node in same if isinstance(node.ctx, ast.Load))


def _hands_on(around: ast.AST, node: ast.Name) -> bool:
    """Whether a use of a name keeps the object: not as receiver, unless of setParent, nor as an argument not kept."""
    if isinstance(around, ast.Attribute):
        return around.attr == "setParent"
    return not (isinstance(around, ast.Call) and last_word(around.func) in names.KEEPERS and node in around.args)


def pauses(source: Source, node: ast.Call) -> Iterator[str]:
    function = source.function_around(node)
    loops = [found for found in source.above(node) if isinstance(found, ast.For | ast.While)]
    if last_word(node.func) == "processEvents" and any(source.function_around(loop) is function for loop in loops):
        yield "process-events"
    if source.name(node.func) == "time.sleep":
        yield "sleep"
    if source.name(node.func) == "print":
        yield "print"


def repaints(source: Source, node: ast.Call) -> Iterator[str]:
    receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
    if receiver is None:
        return
    own = _is_python_method(source, receiver, last_word(node.func))
    is_bar = ast.unparse(receiver).lower().endswith("bar") or _made_of(source, receiver) == "qt.QProgressBar"
    word = last_word(node.func)
    if not own and (word == "repaint" or (word == "reset" and is_bar)):
        yield "forced-repaint"


def _made_of(source: Source, receiver: ast.AST) -> str:
    """The class from which a name of this file is made, as far as one assignment says."""
    for node in ast.walk(source.tree):
        targets, value = assigned(node)
        if isinstance(value, ast.Call) and ast.unparse(receiver) in map(ast.unparse, targets):
            return source.name(value.func)
    return ""


def translations(source: Source, node: ast.Call) -> Iterator[str]:
    if source.name(node.func) in TEXT_CALLS and any(map(_is_made_up, node.args)):
        yield "translated-text"


def _is_made_up(node: ast.AST) -> bool:
    formatted = isinstance(node, ast.Call) and last_word(node.func) == "format"
    return formatted or isinstance(node, ast.JoinedStr | ast.BinOp)


CHECKS = [
    *(class_tests, keywords, conversions, constructors, getters, arguments_kept, objects_kept, pauses, repaints),
    translations,
]
