"""Cines on their way from files into a scene, one after the other, while the window goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from echoapex.errors import EchoApexError

from ..cine.clipOpening import ClipOpening, OpeningState, openFile

Then = Callable[[Any], object]


class CineFiles:
    """Opens files in ``scene``; ``said`` gets a sentence for what went wrong."""

    def __init__(self, scene: Any, said: Callable[[str], None]) -> None:
        self._scene, self._said = scene, said
        self.opening: ClipOpening | None = None
        self._then: Then | None = None
        self._waiting: list[tuple[Path, Then]] = []

    def add(self, path: str | Path, then: Then) -> None:
        """Opens a file behind those that are under way; ``then`` gets its browser. Raises `EchoApexError`."""
        self._waiting.append((Path(path), then))
        if self.opening is None:
            self._next()

    def _next(self) -> None:
        path, self._then = self._waiting.pop(0)
        try:
            self.opening = openFile(self._scene, path)
        except EchoApexError:
            self._waiting.clear()
            raise

    def poll(self) -> bool:
        """Goes on with them; whether there was anything. Raises `EchoApexError`."""
        opening, then = self.opening, self._then
        if opening is None or not opening.poll():
            return False
        if not opening.busy:
            self.opening = None
            try:
                if opening.state is OpeningState.FAILED:
                    self._said(opening.problem)
                elif then is not None:
                    then(opening.browser)
            finally:
                if self._waiting and self.opening is None:
                    self._next()
        return True

    def cancel(self) -> bool:
        """Opens none of them any more; whether anything was under way. What is half done is in no scene."""
        opening, self.opening = self.opening, None
        self._waiting.clear()
        if opening is not None:
            opening.close()
        return opening is not None
