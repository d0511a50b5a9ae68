"""Observers of MRML nodes that keep nothing alive and can all be removed at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod, ref

from echoapex.errors import EchoApexError

_LATE = -1.0
"""Priority of an observer that is called when Slicer's own have done their work."""


class Observers:
    """What one object observes. It is held weakly: neither nodes nor the scene keep it alive.

    ``onProblem`` gets the sentence of an `EchoApexError`, which nobody could catch in an observer.
    """

    def __init__(self, onProblem: Callable[[str], None]) -> None:
        self.onProblem = onProblem
        self._tags: list[tuple[Any, int]] = []

    def add(self, node: Any, event: Any, method: Callable[..., None], *, data: str | None = None) -> None:
        """Calls the bound ``method`` after each ``event`` of ``node``.

        It gets nothing, or what the event brings along, of the VTK type ``data`` (``"object"`` or ``"int"``).
        """
        alive, home = WeakMethod(method), ref(self)

        def call(_node: Any, _event: str, *brought: Any) -> None:
            told, observers = alive(), home()
            if told is None or observers is None:
                return
            try:
                told(*brought)
            except EchoApexError as problem:
                observers.onProblem(str(problem))

        if data is not None:
            # VTK reads from this attribute what to hand over.
            call.CallDataType = _dataType(data)  # type: ignore[attr-defined]
        self._tags.append((node, node.AddObserver(event, call, _LATE)))

    def clear(self) -> None:
        """Removes all observers."""
        for node, tag in self._tags:
            node.RemoveObserver(tag)
        self._tags.clear()


def _dataType(name: str) -> int:
    import vtk

    return int({"object": vtk.VTK_OBJECT, "int": vtk.VTK_INT}[name])


def removeNode(scene: Any, node: Any) -> None:
    """Removes a node of the scene that is shown, with its display nodes; one that is gone already is left alone."""
    shown = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    for item in (node, *shown):
        if item is not None and scene.IsNodePresent(item):
            scene.RemoveNode(item)
