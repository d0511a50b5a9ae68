"""Clips are shown as soon as they are in the scene; one that is not is read first, while the window goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from echoapex.cine import Cine

from ..cine.cineFromBrowser import openCineSteps
from ..cine.echoViewLabel import setViewOf
from ..cine.fileMarks import browsersOf, markFile
from ..pythonDependencies import pythonExecutable
from ..sequences.cineSequence import Steps
from ..sliceView.redSliceSetup import showBrowser
from .clipList import ListedClip
from .clipOpening import ClipOpening, OpeningState
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
        self._key: object = None
        self._file: Path | None = None

    def place(self, report: ReportInScene, place: Place, then: Then) -> Any:
        """Shows a frame of a clip of ``report``, now or once it is read; gives its browser if it is there.

        ``then`` is called with the browser as soon as it is shown. Raises `EchoApexError`.
        """
        if report.inScene(place.clip) is not None:
            self.cancel()
            browser = report.show(place)
            then(browser)
            return browser
        file = dict(report.report.files()).get(place.clip)

        def make(cine: Cine, masks: dict[str, Any]) -> Steps:
            return report.steps(place.clip, cine, masks)

        self._open((report, place.clip), file, report.request(place.clip), make)
        self._wanted = lambda: self.place(report, place, then)
        return None

    def file(self, clip: ListedClip, then: Then) -> Any:
        """As `place`, a clip of the list that is in no report."""
        browser = next(iter(browsersOf(self._scene, clip.file)), None)
        if browser is not None:
            self.cancel()
            if clip.viewSource == "user" and clip.view:
                setViewOf(browser, clip.view)
            showBrowser(self._scene, browser)
            then(browser)
            return browser

        def make(cine: Cine, _masks: dict[str, Any]) -> Steps:
            return openCineSteps(self._scene, cine, cine.view or "Cine")

        self._open(clip.file, clip.file, {"file": clip.file, "parts": clip.parts}, make)
        self._wanted = lambda: self.file(clip, then)
        return None

    def _open(self, key: object, file: Path | None, request: dict[str, Any], make: Callable[..., Steps]) -> None:
        if self.opening is not None and key == self._key:
            return
        self.cancel()
        name = "The clip" if file is None else file.name
        self.opening = ClipOpening(name, request, make, pythonExecutable())
        self._key, self._file = key, file

    def poll(self) -> bool:
        """Goes on with what is being opened; whether there was anything. Raises `EchoApexError`."""
        opening = self.opening
        if opening is None or not opening.poll():
            return False
        if not opening.busy:
            wanted, self._wanted, self.opening = self._wanted, None, None
            if opening.state is OpeningState.FAILED:
                self._said(opening.problem)
            else:
                if self._file is not None:
                    markFile(opening.browser, self._file)
                self._ready(opening.browser, self._file)
                if wanted is not None:
                    wanted()
        return True

    def cancel(self) -> bool:
        """Opens nothing any more; whether anything was under way. What is half done is in no scene."""
        opening, self.opening, self._wanted, self._key = self.opening, None, None, None
        if opening is not None:
            opening.close()
        return opening is not None
