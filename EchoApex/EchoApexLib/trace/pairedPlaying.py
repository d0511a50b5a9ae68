"""Two cines in step: whichever of them is played or stepped, the other one shows the frame that belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..nodes.observers import Observers

Matching = Callable[[str, int, str], int]
"""The frame of the other view (third) that belongs to a frame (second) of the first one."""


class PairedPlaying:
    """Keeps the ``browsers`` of two views in step until `close`; ``matching`` is asked at each step.

    No timer: the other one follows within the step of the one that is played.
    """

    def __init__(self, browsers: Mapping[str, Any], matching: Matching, onProblem: Callable[[str], None]) -> None:
        (self._first, first), (self._second, second) = browsers.items()
        self._browsers, self._matching = dict(browsers), matching
        self._stepping = False
        self._frames = {name: browser.GetSelectedItemNumber() for name, browser in browsers.items()}
        self._observers = Observers(onProblem)
        self._observers.add(first, "ModifiedEvent", self._firstStepped)
        self._observers.add(second, "ModifiedEvent", self._secondStepped)
        self.align(self._first)

    def _firstStepped(self) -> None:
        self._stepped(self._first)

    def _secondStepped(self) -> None:
        self._stepped(self._second)

    def _stepped(self, view: str) -> None:
        browser = self._browsers[view]
        if self._stepping or browser.GetSelectedItemNumber() == self._frames[view]:
            return
        self.align(view)

    def align(self, view: str) -> None:
        """The other view shows what belongs to the frame of this one."""
        other = self._second if view == self._first else self._first
        browser, partner = self._browsers[view], self._browsers[other]
        if browser.GetMasterSequenceNode() is None or partner.GetMasterSequenceNode() is None:
            return
        self._stepping = True
        try:
            if browser.GetPlaybackActive() and partner.GetPlaybackActive():
                # Played by itself as well, it would pull this one back and forth.
                partner.SetPlaybackActive(False)
            self._frames[view] = browser.GetSelectedItemNumber()
            self._frames[other] = self._matching(view, self._frames[view], other)
            partner.SetSelectedItemNumber(self._frames[other])
        finally:
            self._stepping = False

    def close(self) -> None:
        """Each goes by itself again."""
        self._observers.clear()
