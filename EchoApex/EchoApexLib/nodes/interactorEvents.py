"""Events of a view that are heard before Slicer's own interaction, and kept from it where they are used. VTK only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

PRIORITY = 100.0
"""Above Slicer's interaction in slice and plot views, which has 0."""


class InteractorEvents:
    """Tells the ``listened`` functions, by event, of what happens in ``interactor`` until `close`.

    Where one gives True, nobody else gets the event.
    """

    def __init__(self, interactor: Any, listened: Mapping[str, Callable[[], bool]]) -> None:
        self._interactor = interactor
        self._tags = [self._listen(event, act) for event, act in listened.items()]

    def _listen(self, event: str, act: Callable[[], bool]) -> int:
        tags: list[int] = []

        def heard(*_: object) -> None:
            if act():
                self._interactor.GetCommand(tags[0]).SetAbortFlag(1)

        tags.append(int(self._interactor.AddObserver(event, heard, PRIORITY)))
        return tags[0]

    def close(self) -> None:
        """Stops to listen."""
        for tag in self._tags:
            self._interactor.RemoveObserver(tag)
        self._tags = []
