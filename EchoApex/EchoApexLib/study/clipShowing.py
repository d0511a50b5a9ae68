"""Clips are shown as soon as they are in the scene; one that is not is read first, while the window goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..cine.clipOpening import ClipOpening, OpeningState, openFile
from ..cine.echoViewLabel import setViewOf
from ..cine.fileMarks import browsersOf, markFile
from ..sliceView.redSliceSetup import showBrowser
from .clipList import ListedClip
from .openedReport import Place
from .reportInScene import ReportInScene

Then = Callable[[Any], object]


class ClipShowing:
    """Shows clips in ``scene``, one at a time: another that is asked for ends the opening of the one before.

    ``ready`` gets browser and file of a clip that has come into the scene, ``said`` a sentence for what went wrong.
    """

    def __init__(self, scene: Any, ready: Callable[[Any, Path | None], None], said: Callable[[str], None]) -> None:
        self._scene, self._ready, self._said = scene, ready, said
        self.opening: ClipOpening | None = None
        self._wanted: Callable[[], object] | None = None
        self._refused: Callable[[str], None] | None = None
        self._key: object = None
        self._file: Path | None = None

    def place(self, report: ReportInScene, place: Place, then: Then) -> Any:
        """Shows a frame of a clip of ``report``, now or once it is read; gives its browser if it is there.

        ``then`` is called with the browser as soon as it is shown. Raises `EchoApexError`.
        """
        if report.inScene(place.clip) is not None:
            self._dropWanted()
            browser = report.show(place)
            then(browser)
            return browser
        self._openOf(report, place.clip)
        self._wanted = lambda: self.place(report, place, then)
        return None

    def file(self, clip: ListedClip, then: Then) -> Any:
        """As `place`, a clip of the list that is in no report."""
        browser = next(iter(browsersOf(self._scene, clip.file)), None)
        if browser is not None:
            self._dropWanted()
            if clip.viewSource == "user" and clip.view:
                setViewOf(browser, clip.view)
            showBrowser(self._scene, browser)
            then(browser)
            return browser
        self._open(clip.file, clip.file, lambda: openFile(self._scene, clip.file, clip.parts))
        self._wanted = lambda: self.file(clip, then)
        return None

    def bring(self, report: ReportInScene, clip: str, refused: Callable[[str], None]) -> bool:
        """Has a clip of ``report`` read into the scene without showing it, once nothing else is under way.

        To be asked for again until it is there; whether it was begun by now. ``refused`` gets a sentence where it
        cannot be read, or is canceled. Raises `EchoApexError`.
        """
        if self.opening is not None:
            return False
        self._openOf(report, clip)
        self._refused = refused
        return True

    def _openOf(self, report: ReportInScene, clip: str) -> None:
        file = dict(report.report.files()).get(clip)
        self._open((report, clip), file, lambda: report.open(clip))

    def _open(self, key: object, file: Path | None, start: Callable[[], ClipOpening]) -> None:
        if self.opening is not None and key == self._key:
            return
        self.end()
        self.opening, self._key, self._file = start(), key, file

    def poll(self, mayShow: bool) -> bool:
        """Goes on with what is being opened; whether there was anything. Raises `EchoApexError`.

        Unless it ``mayShow`` anything, what has come is in the scene only.
        """
        opening = self.opening
        if opening is None or not opening.poll():
            return False
        if not opening.busy:
            wanted, refused = self._wanted, self._refused
            self.end()
            if opening.state is OpeningState.FAILED:
                self._said(opening.problem)
                if refused is not None:
                    refused(opening.problem)
            else:
                if self._file is not None:
                    markFile(opening.browser, self._file)
                self._ready(opening.browser, self._file)
                if wanted is not None and mayShow:
                    wanted()
        return True

    def _dropWanted(self) -> None:
        """Something else is shown: what was asked for before is not wanted any more; what is brought goes on."""
        if self._wanted is not None:
            self.end()

    def cancel(self) -> bool:
        """The user wants nothing opened any more; whether anything was under way."""
        if self._refused is not None:
            self._refused("Its opening was canceled")
        return self.end()

    def end(self) -> bool:
        """Opens nothing any more; whether anything was under way. What is half done is in no scene."""
        opening, self.opening = self.opening, None
        self._wanted = self._refused = self._key = None
        if opening is not None:
            opening.close()
        return opening is not None
