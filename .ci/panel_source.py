"""What the checks of panel code know of a file: what its names stand for, and which of them are Qt objects."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from panel_names import METHOD_OWNERS, QT_NAME, VALUE_TYPES

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Source:
    """A parsed Python file; raises SyntaxError when `text` is none."""

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.imports = dict(_imports(self.tree))
        self.classes = {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)}
        self.widgets = set(self._widgets())

    def name(self, node: ast.AST) -> str:
        """`a.b.c` of a dotted name with its imports resolved; empty for anything else."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            start = self.name(node.value)
            return f"{start}.{node.attr}" if start else ""
        return ""

    def is_qt(self, node: ast.AST) -> bool:
        """Whether a name is a class of qt, ctk or Slicer's widgets, or something in it."""
        return QT_NAME.match(self.name(node)) is not None

    def is_qt_class(self, cls: ast.ClassDef | None) -> bool:
        """Whether a class of this file derives from a Qt class, perhaps through another class of the file."""
        return cls is not None and any(
            self.is_qt(base) or self.is_qt_class(self._class_of_file(base, cls)) for base in cls.bases
        )

    def defines(self, cls: ast.ClassDef, name: str, *, itself: bool) -> bool:
        """Whether a class of this file, or one that it derives from here, has a Python method `name`."""
        own = itself and any(isinstance(item, FUNCTIONS[:2]) and item.name == name for item in cls.body)
        bases = [self._class_of_file(base, cls) for base in cls.bases]
        return own or any(base is not None and self.defines(base, name, itself=True) for base in bases)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, innermost first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def class_around(self, node: ast.AST) -> ast.ClassDef | None:
        return next((found for found in self.above(node) if isinstance(found, ast.ClassDef)), None)

    def function_around(self, node: ast.AST) -> Function | None:
        return next((found for found in self.above(node) if isinstance(found, FUNCTIONS)), None)

    def is_self(self, node: ast.AST) -> bool:
        """Whether a node is `self` in a class that derives from a Qt class."""
        return isinstance(node, ast.Name) and node.id == "self" and self.is_qt_class(self.class_around(node))

    def is_widget(self, node: ast.AST) -> bool:
        """Whether a node is known to be a widget: self in one, made here by its constructor, or found in `.ui`."""
        if self.is_self(node) or ast.unparse(node) in self.widgets:
            return True
        return isinstance(node, ast.Attribute) and ast.unparse(node.value).rpartition(".")[2] == "ui"

    def has_methods(self, node: ast.AST) -> bool:
        """Whether an object is by its name one whose getters are methods: `table.item(0, 1)`, `self.firstItem`."""
        last = node.func if isinstance(node, ast.Call) else node
        word = last.attr if isinstance(last, ast.Attribute) else last.id if isinstance(last, ast.Name) else ""
        return word.lower().endswith(METHOD_OWNERS) or word == "e"

    def _class_of_file(self, base: ast.AST, cls: ast.ClassDef) -> ast.ClassDef | None:
        """The class of this file that a base names; an imported base may have the name of the class itself."""
        found = self.classes.get(base.id) if isinstance(base, ast.Name) else None
        return found if found is not cls else None

    def _widgets(self) -> Iterator[str]:
        """The targets, as written, of assignments from the constructor of a widget."""
        for node in ast.walk(self.tree):
            targets, value = assigned(node)
            if isinstance(value, ast.Call) and self.is_qt(value.func):
                name = self.name(value.func)
                is_widget = name.count(".") == 1 and not VALUE_TYPES.match(name)
                yield from map(ast.unparse, targets if is_widget else ())


def assigned(node: ast.AST) -> tuple[list[ast.expr], ast.expr | None]:
    """The targets of an assignment, those in a tuple one by one, and its value; nothing for other nodes."""
    if isinstance(node, ast.AnnAssign):
        return [node.target], node.value
    if not isinstance(node, ast.Assign):
        return [], None
    groups = [target.elts if isinstance(target, ast.Tuple | ast.List) else [target] for target in node.targets]
    return [target for group in groups for target in group], node.value


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each imported name of a file with what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                yield (item.asname, item.name) if item.asname else (item.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            for item in node.names:
                yield item.asname or item.name, f"{'.' * node.level}{node.module or ''}.{item.name}"
