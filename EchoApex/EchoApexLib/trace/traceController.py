"""The trace of what is shown: it follows the clip in the red view, has the other view read, is moved by mouse and key.

No Qt: `update` is called at each tick that shows things anew, and is the only one that adds nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from echoapex.errors import EchoApexError
from echoapex.measure.ef_trace import VIEWS

from ..cine.echoViewLabel import viewOf
from ..sliceView.redSliceSetup import clipBrowsers, isPairShown, showBrowser, showPair
from ..study.reportInScene import ReportInScene, reportKeyOf
from .efTrace import EfTrace, Marker
from .pairedPlaying import PairedPlaying
from .traceChart import TraceChart
from .tracedClips import pairedClips, scaleStamp


class TraceController:
    """The trace in ``scene``.

    ``changed`` is told that something on screen is out of date, ``said`` gets a sentence for the user, ``arranged``
    whether the views are to stand side by side. ``bring`` has a clip of the open report read into the scene, with what
    is to be told where it cannot be; it may be called again and again.
    """

    def __init__(
        self,
        scene: Any,
        changed: Callable[[], None],
        said: Callable[[str], None],
        arranged: Callable[[bool], None],
        bring: Callable[[str, Callable[[str], None]], None],
    ) -> None:
        self._scene, self._changed, self._said, self._arranged = scene, changed, said, arranged
        self._bring = bring
        self.byPhase = True
        self._chart: TraceChart | None = None
        self._pair: PairedPlaying | None = None
        self._dragged: Marker | None = None
        self._shown: Any = None
        self._pairWanted = False
        self.forget()

    def forget(self) -> None:
        """Nothing is traced; what is shown next is looked at anew."""
        self.closePair()
        self.trace: EfTrace | None = None
        self.clips: dict[str, str] = {}
        self.problem = ""
        self._chart, self._shown, self._dragged = None, None, None
        self._sources: tuple[Any, ...] = ()
        self._report: ReportInScene | None = None
        self._unread: dict[str, str] = {}
        self._coming: list[str] = []

    @property
    def chart(self) -> Any:
        """The ``vtkMRMLPlotChartNode`` of the trace; None where nothing is traced."""
        return None if self._chart is None else self._chart.node

    @property
    def paired(self) -> bool:
        """Whether both cines are shown side by side."""
        return self._pair is not None

    # Following what is shown

    def update(self, browser: Any, shown: ReportInScene | None) -> None:
        """Traces the clip of ``browser``, which is in the red view, with the other view of the report if it has one.

        While a report is open, only its clips are traced: its numbers must not stand beside the curve of another one.
        Raises `EchoApexError` where both cannot be shown side by side, as soon as that is known.
        """
        if self.trace is not None and self.trace.closed:
            self.forget()
        self._shown = browser
        if self.paired:
            self._keepPair()
        if shown is not self._report:
            self._report, self._unread = shown, {}
        self.clips, self._coming = {}, []
        found = {} if browser is None else self._browsers(browser, shown)
        # A clip may stay in the scene while a new report has found other beats in it.
        report = None if shown is None else shown.report
        sources = (report, *((view, one.GetID(), scaleStamp(one)) for view, one in found.items())) if found else ()
        if sources != self._sources:
            self._sources = sources
            self._build(found)
            if self.trace is None or not self._hasBoth(self.trace):
                self._endPair()
        if not found:
            self.problem = "" if browser is None else self._whyNone(browser)
        if self._chart is not None and browser is not None:
            self._showFrame()
        if self._pairWanted and not self._coming:
            self.pair()

    def refresh(self) -> None:
        """Outlines, or ED and ES, may have been changed elsewhere: they are looked at anew."""
        self._sources = ()
        self._changed()

    def _browsers(self, browser: Any, shown: ReportInScene | None) -> dict[str, Any]:
        """The browsers of the trace by view, as far as they are read by now."""
        view = viewOf(browser)
        if view not in VIEWS:
            return {}
        if shown is None:
            return self._inScene(browser, view)
        clip = self._clipOf(browser, shown)
        if clip is None:
            return {}
        self.clips = pairedClips(shown.report, clip) or {view: clip}
        found = {name: self._read(shown, one) for name, one in self.clips.items()}
        self._coming = [name for name, one in found.items() if one is None and self.clips[name] not in self._unread]
        return {name: one for name, one in found.items() if one is not None}

    def _clipOf(self, browser: Any, shown: ReportInScene) -> str | None:
        """The clip of the report that is in the view; one from before the report gets what was found in it by now."""
        known = shown.clipOf(browser)
        clip = shown.clipOfFile(browser) if known is None else None
        if clip is None or clip in self._unread:
            return known
        try:
            return clip if shown.inScene(clip) is browser else None
        except EchoApexError as refusal:
            self._unread[clip] = str(refusal)
            self._said(str(refusal))
            return None

    @staticmethod
    def _whyNone(browser: Any) -> str:
        """Why nothing is traced, where it is an apical view."""
        return "No trace: this clip is none of the report that is open." if viewOf(browser) in VIEWS else ""

    def _inScene(self, browser: Any, view: str) -> dict[str, Any]:
        """Without a report: the first clip of the other view that is in the scene, from the same report if from any."""
        others = [one for one in clipBrowsers(self._scene) if viewOf(one) in VIEWS and viewOf(one) != view]
        others = [one for one in others if reportKeyOf(one) == reportKeyOf(browser)]
        found = {view: browser} | ({viewOf(others[0]): others[0]} if others else {})
        return {name: found[name] for name in VIEWS if name in found}

    def _read(self, shown: ReportInScene, clip: str) -> Any:
        """The browser of a clip of the report; None for one that is yet to come, and for one that cannot be read."""
        if clip in self._unread:
            return shown.browserOf(clip)
        try:
            browser = shown.inScene(clip)
            if browser is None:
                self._bring(clip, lambda why: self._unread.update({clip: why}))
            return browser
        except EchoApexError as refusal:
            self._unread[clip] = str(refusal)
            self._said(str(refusal))
            return None

    def _build(self, found: dict[str, Any]) -> None:
        before, self.trace, self._chart, self.problem = self.trace, None, None, ""
        if not found:
            return
        try:
            trace = EfTrace(self._scene, found, byPhase=self.byPhase)
        except EchoApexError as refusal:
            self.problem = str(refusal)
            return
        if before is not None and before.browsers == trace.browsers:
            trace.chooseAs(before)
        self.trace, self._chart = trace, TraceChart(self._scene, trace)
        self._chart.write()

    # What is wanted

    def setByPhase(self, byPhase: bool) -> None:
        """Lets chart and cines go by the phase of the beat, or by time."""
        self.byPhase = byPhase
        if self.trace is not None:
            self.trace.byPhase = byPhase
            self._redraw()
            self._align()
        self._changed()

    def chooseBeat(self, view: str, beat: int | None) -> None:
        """Only this beat of a view counts; all do where it is None."""
        if self.trace is not None and view in self.trace.views:
            self.trace.chooseBeat(view, beat)
            self._redraw()
            self._align()
            self._changed()

    def clear(self) -> None:
        """ED and ES of the view of the chosen marker as they were found."""
        if self.trace is not None and self.trace.marker is not None:
            self.trace.clear(self.trace.marker.view)
            self._redraw()
            self._align()
            self._changed()

    def nextMarker(self) -> None:
        """Keys move the next marker, whose frame is shown."""
        if self.trace is not None:
            self.trace.nextMarker()
            self._showMarker()
            self._changed()

    def step(self, frames: int) -> None:
        """Moves the chosen marker by so many frames."""
        if self.trace is not None and self.trace.marker is not None:
            marker = self.trace.marker
            self.trace.move(marker, marker.frame + frames)
            self._redraw()
            self._showMarker()
            self._changed()

    def _redraw(self) -> None:
        if self._chart is not None:
            self._chart.update()

    def _showMarker(self) -> None:
        """The frame of the chosen marker is shown; in the other clip, if it is of that."""
        marker = None if self.trace is None else self.trace.marker
        if self.trace is None or marker is None:
            return
        browser = self.trace.browsers[marker.view]
        if not self.paired and browser is not self._shown:
            showBrowser(self._scene, browser)
            self._shown = browser
        self._goTo(marker.view, marker.frame)

    def frameStepped(self, browser: Any) -> bool:
        """Moves the line of the frame in the chart, if ``browser`` is the one that was shown; no nodes are added."""
        if browser is None or browser is not self._shown or self._shownView is None:
            return False
        self._showFrame()
        return True

    def _goTo(self, view: str, frame: int) -> None:
        assert self.trace is not None
        self.trace.browsers[view].SetSelectedItemNumber(frame)
        self._showFrame()

    def _showFrame(self) -> None:
        if self.trace is not None and self._chart is not None and not self.trace.closed:
            view = self._shownView
            if view is not None:
                self._chart.showFrame(view, self.trace.browsers[view].GetSelectedItemNumber())

    @property
    def _shownView(self) -> str | None:
        """The view of the clip in the red view."""
        trace = self.trace
        return None if trace is None else next((v for v, b in trace.browsers.items() if b is self._shown), None)

    # The mouse in the chart

    def take(self, marker: Marker) -> None:
        """A marker is taken with the mouse: the axis stays as it is until `letGo`."""
        if self.trace is not None:
            self.trace.choose(marker)
            self.trace.hold()
            self._dragged = marker
            self._showMarker()
            self._changed()

    def drag(self, x: float) -> None:
        """The marker that was taken is dragged to a place of the axis; numbers and picture follow at once."""
        trace, marker = self.trace, None if self.trace is None else self.trace.marker
        if trace is None or marker is None or self._chart is None or self._dragged is None:
            return
        beat = min(marker.beat, max(len(trace.clock(marker.view).beats) - 1, 0))
        if trace.move(marker, trace.frameAt(marker.view, x, beat)) != marker.frame:
            self._chart.updateMarkers()
            self._chart.showTitle()
            self._showMarker()
            self._changed()

    def letGo(self) -> None:
        """The marker stays where it is, and the axis is that of the beats as they are."""
        self._dragged = None
        if self.trace is not None:
            self.trace.letGo()
            self._redraw()
            self._align()
            self._changed()

    def point(self, x: float) -> None:
        """The frame at a place of the axis is shown."""
        view = self._shownView
        if self.trace is not None and view is not None:
            now = self.trace.clock(view).moment(self.trace.browsers[view].GetSelectedItemNumber())
            self._goTo(view, self.trace.frameAt(view, x, 0 if now is None else now.beat))
            self._changed()

    # Side by side

    def pair(self) -> None:
        """Shows both cines side by side, in step; where one is yet to come, as soon as it is there.

        Raises `EchoApexError` where there are not two that can be.
        """
        trace, self._pairWanted = self.trace, bool(self._coming)
        if self._pairWanted:
            self._said(f"{' and '.join(self._coming)} is being read: both are shown side by side once it is there.")
            return
        if trace is None or not self._hasBoth(trace):
            has = "" if trace is None else next(iter(trace.browsers))
            missing = " and ".join(view for view in VIEWS if view != has)
            why = "; ".join((*self._unread.values(), *(() if trace is None else trace.problems))) or self.problem
            raise EchoApexError(
                f"Side by side needs an outlined A4C and A2C clip, and there is no {missing}", value=why or None
            )
        self._arranged(True)
        self._pair = PairedPlaying(trace.browsers, self._matching, self._said)
        self._shown = trace.browsers[VIEWS[0]]
        self._showPair()
        self._changed()

    @staticmethod
    def _hasBoth(trace: EfTrace) -> bool:
        return set(trace.browsers) == set(VIEWS)

    def _matching(self, view: str, frame: int, partner: str) -> int:
        trace = self.trace
        if trace is None or trace.closed:
            return frame
        return trace.matching(view, frame, partner)

    def _align(self) -> None:
        if self._pair is not None and self._shownView is not None:
            self._pair.align(self._shownView)

    def _showPair(self) -> None:
        if self.trace is not None:
            showPair(self._scene, *(self.trace.browsers[view] for view in VIEWS))

    def _keepPair(self) -> None:
        """A number that was gone to stays side by side where it is of one of both clips; another clip ends it."""
        assert self.trace is not None and self._pair is not None
        if self._shownView is None:
            self.closePair()
            return
        if isPairShown(self._scene, *(self.trace.browsers[view] for view in VIEWS)):
            return
        self._pair.align(self._shownView)
        self._shown = self.trace.browsers[VIEWS[0]]
        self._showPair()

    def closePair(self) -> None:
        """One cine again: that of the red view, where it is still there."""
        self._pairWanted = False
        self._endPair()

    def _endPair(self) -> None:
        pair, self._pair = self._pair, None
        if pair is None:
            return
        pair.close()
        self._arranged(False)
        shown, trace = self._shown, self.trace
        if trace is not None and not trace.closed and shown is not None and shown.GetScene() is not None:
            showBrowser(self._scene, shown)
