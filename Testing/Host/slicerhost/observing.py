"""Observers of VTK objects that end with the widget that made them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore


class Observations:
    """The observers of one widget."""

    def __init__(self, owner: QtCore.QObject) -> None:
        self._tags: list[tuple[Any, int]] = []
        # A bound method of the widget would keep it alive, and be gone with it when it is wanted.
        owner.destroyed.connect(lambda: self.clear())

    def add(self, observed: Any, event: int | str, react: Callable[[], Any]) -> None:
        """Calls ``react`` without arguments at each event; nothing is observed where there is no object."""
        if observed is not None:
            self._tags.append((observed, observed.AddObserver(event, lambda *_: react())))

    def clear(self) -> None:
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self._tags.clear()
