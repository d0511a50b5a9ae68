"""Properties of stand-ins: real Qt properties, so that .ui files, attributes and setProperty reach one value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore


def stored(
    kind: Any, name: str, default: Any = None, *, signal: str | None = None, changed: str | None = None
) -> QtCore.Property:
    """A property kept in the object; after a change the method ``changed`` is called and ``signal`` emitted."""
    key = f"_{name}Value"

    def read(self: Any) -> Any:
        return self.__dict__.get(key, default)

    def write(self: Any, value: Any) -> None:
        if read(self) == value:
            return
        self.__dict__[key] = value
        if changed is not None:
            getattr(self, changed)()
        if signal is not None:
            getattr(self, signal).emit(value)

    return QtCore.Property(kind, read, write)


def forwarded(kind: Any, child: str, name: str) -> QtCore.Property:
    """A property that is one of a child widget, which the stand-in keeps as ``child``."""
    setter = f"set{name[0].upper()}{name[1:]}"

    def read(self: Any) -> Any:
        return getattr(self, child).property(name)

    def write(self: Any, value: Any) -> None:
        getattr(getattr(self, child), setter)(value)

    return QtCore.Property(kind, read, write)


def setterOf(name: str) -> Callable[[Any, Any], None]:
    """The slot ``setX`` of a property that is written by attribute."""

    def write(self: Any, value: Any) -> None:
        setattr(self, name, value)

    return write
