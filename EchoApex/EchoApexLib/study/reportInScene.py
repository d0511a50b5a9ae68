"""The clips of a report in a scene: each is read when it is first shown, and shown at the frame of a number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from echoapex.analysis.clip_corrections import ClipCorrections
from echoapex.cine import Cine
from echoapex.console import say
from echoapex.errors import EchoApexError
from echoapex.io import use_python
from echoapex.models.model_card import ModelCard

from ..cine.cineFromBrowser import cineOf
from ..cine.clipOpening import ClipOpening
from ..cine.fileMarks import browsersOf, markFile
from ..measurements.frameLine import showFrameLine
from ..pythonDependencies import pythonExecutable
from ..record.decisions import keepDecisions
from ..record.recordSaving import RECORD
from ..record.reportFile import Masks, readPixels
from ..sequences.cineSequence import Steps, finished
from ..session.borrowedSession import borrowedSession
from ..sliceView.redSliceSetup import clipBrowsers, hideUnlessShown, showBrowser, shownBrowser
from ..userSettings import UserSettings
from .analysisTakenOver import fits, takeOver
from .correctionsOfReport import bringBack, bringBackInto, stateSteps
from .gatheredCorrections import isSaid
from .openedReport import OpenedReport, Place
from .studyFromReport import clipOfPixels
from .studyInScene import ACTIVE_FIRST, STUDY_CHART, addClipSteps

_Result = TypeVar("_Result")

REPORT_CLIP = "EchoApex.ReportClip"
"""Attribute of a browser: which clip of which report it plays."""


class ReportInScene:
    """Shows the clips of ``report`` in ``scene``; those that are there already, also from a saved scene, stay as is.

    What persons had decided about a clip comes with it, in a session with the model of the ``settings``; ``said`` gets
    a sentence where that cannot be brought back.
    """

    def __init__(
        self,
        scene: Any,
        report: OpenedReport,
        settings: Callable[[], UserSettings] = UserSettings,
        said: Callable[[str], None] = say,
    ) -> None:
        self._scene, self.report, self._settings, self._said = scene, report, settings, said

    @property
    def best(self) -> str | None:
        """The clip to begin with, of the view that is measured first; None without any."""
        clips = list(self.report.clips.values())

        def rank(clip: Any) -> tuple[int, bool]:
            place = ACTIVE_FIRST.index(clip["view"]) if clip["view"] in ACTIVE_FIRST else len(ACTIVE_FIRST)
            return place, not clip["beats"]

        return min(clips, key=rank)["id"] if clips else None

    @property
    def begin(self) -> Place | None:
        """Where to begin: at the frame that is shown, if its clip is one of this report, else in the best one."""
        shown = shownBrowser(self._scene)
        clip = None if shown is None else self.clipOfFile(shown)
        if clip is not None:
            return Place(clip, min(shown.GetSelectedItemNumber(), self.report.clips[clip]["frame_count"] - 1))
        return None if self.best is None else self.first(self.best)

    def first(self, clip: str) -> Place:
        """Where to begin in a clip: at the frame that it is at, else in end-diastole of its first beat."""
        known, beats = self.browserOf(clip), self.report.clips[clip]["beats"]
        begin = beats[0]["ed"] if beats else 0
        return Place(clip, begin if known is None else known.GetSelectedItemNumber())

    def browserOf(self, clip: str) -> Any:
        """The browser of a clip of the report; None where it has not been read into the scene."""
        wanted = self._mark(clip)
        return next((one for one in clipBrowsers(self._scene) if one.GetAttribute(REPORT_CLIP) == wanted), None)

    def clipOf(self, browser: Any) -> str | None:
        """The clip of the report that a browser plays; None for another one."""
        wanted = browser.GetAttribute(REPORT_CLIP)
        return next((clip for clip in self.report.clips if self._mark(clip) == wanted), None)

    def clipOfFile(self, browser: Any) -> str | None:
        """As `clipOf`, by the file of the clip: also for one that was in the scene before this report."""
        files = self.report.files()
        return next((clip for clip, file in files if browser in browsersOf(self._scene, file)), None)

    def _mark(self, clip: str) -> str:
        """By its number: its identifier stays out of scenes."""
        return f"{self.report.key}:{list(self.report.clips).index(clip)}"

    def read(self, clip: str) -> Any:
        """The browser of a clip, which is read into the scene where it is not there. Raises `EchoApexError`."""
        known = self.inScene(clip)
        if known is not None:
            return known
        use_python(pythonExecutable())
        pixels = readPixels(self.report.folder, self.report.clips[self._checked(clip)], inColor=True)
        return finished(self._steps(clip, *pixels))

    def inScene(self, clip: str) -> Any:
        """As `read`, for a clip that is there, if only from before this report; None for another one."""
        return self.browserOf(clip) or self._takenOver(self._checked(clip))

    def _checked(self, clip: str) -> str:
        if clip not in self.report.clips:
            raise EchoApexError("The report has no such clip", value=clip)
        return clip

    def open(self, clip: str) -> ClipOpening:
        """Opens a clip that is not `inScene`. Raises `EchoApexError`."""
        file = dict(self.report.files()).get(self._checked(clip))
        request = {"report": self.report.folder.absolute(), "clip": clip}
        name = self.report.names[clip] if file is None else file.name
        return ClipOpening(name, request, lambda cine, masks: self._steps(clip, cine, masks))

    def _steps(self, clip: str, cine: Cine, masks: Masks) -> Steps:
        """Puts a clip that was read into the scene, frame by frame, with nothing drawn yet; its browser."""
        found = clipOfPixels(self.report.clips[clip], cine, masks)
        corrections = self._corrections(clip, found.cine)
        # Before anything is in the scene: who cancels has nothing of it there.
        state = None if corrections is None else (yield from stateSteps(found, *corrections))
        browser = yield from addClipSteps(self._scene, found, self._scene.GenerateUniqueName(self.report.names[clip]))
        self._markAs(browser, clip)
        keepDecisions(browser, self.report.decisions(clip))
        if corrections is not None:
            self._attempt(clip, lambda: bringBack(self._scene, browser, corrections[0], state))
        hideUnlessShown(self._scene, browser)
        return browser

    def _corrections(self, clip: str, cine: Cine) -> tuple[ClipCorrections, ModelCard] | None:
        """What had been decided about a clip, and the card of the model that its session is to be with."""
        settings, found = self._settings(), self._attempt(clip, lambda: self._kept(clip, lambda: cine))
        return None if found is None else (found, settings.modelCard())

    def _kept(self, clip: str, cine: Callable[[], Cine]) -> ClipCorrections | None:
        return self.report.corrections(clip, cine, self._settings().modelCard)

    def _attempt(self, clip: str, action: Callable[[], _Result]) -> _Result | None:
        """What ``action`` gives; a report is shown although something of it cannot be brought back."""
        try:
            return action()
        except EchoApexError as refusal:
            name = self.report.names[clip]
            self._said(f"{str(refusal).rstrip('.')}. What had been corrected in {name} is not, or not all, shown.")
            return None

    def _takenOver(self, clip: str) -> Any:
        """The browser of a clip that is in the scene from before this report, with what is found in it by now."""
        item, file = self.report.clips[clip], dict(self.report.files()).get(clip)
        for browser in () if file is None else browsersOf(self._scene, file):
            if browser.GetNodeReference(RECORD) is not None and fits(browser, item):
                takeOver(self._scene, browser, self.report.folder, item, self._settings())
                self._markAs(browser, clip)
                self._attempt(clip, partial(self._bringBackInto, browser, clip))
                return browser
        return None

    def _bringBackInto(self, browser: Any, clip: str) -> None:
        if isSaid(browser):
            return
        found = self._kept(clip, lambda: cineOf(browser))
        if found is not None:
            with borrowedSession(self._scene, browser, self._settings()) as session:
                bringBackInto(session, found)

    def _markAs(self, browser: Any, clip: str) -> None:
        file = dict(self.report.files()).get(clip)
        browser.SetAttribute(REPORT_CLIP, self._mark(clip))
        if file is not None:
            markFile(browser, file)

    def show(self, place: Place) -> Any:
        """Shows a frame of a clip with its outlines and landmarks; gives the browser. Raises `EchoApexError`."""
        browser = self.read(place.clip)
        showBrowser(self._scene, browser)
        browser.SetSelectedItemNumber(place.frame)
        markFrame(browser)
        return browser


def reportKeyOf(browser: Any) -> str:
    """Which report the clip of ``browser`` was read from, or analyzed for last; empty for none."""
    return (browser.GetAttribute(REPORT_CLIP) or "").partition(":")[0]


def chartOf(browser: Any) -> Any:
    """The chart of the curve that was found in the cine of ``browser``; None where there is none."""
    return browser.GetNodeReference(STUDY_CHART)


def markFrame(browser: Any) -> None:
    """Marks the frame that is shown in the chart."""
    chart = chartOf(browser)
    if chart is not None:
        showFrameLine(chart, browser.GetSelectedItemNumber())
