"""Section "EF trace": A4C, A2C and both in one chart, ED and ES moved in it, and both cines side by side."""

import slicer
from slicer.i18n import tr as _

from .plotView import fitSlices, hideChart, isShownToPan, plotView, showChart, useLayout

BEATS = {"A4C": "a4cBeatBox", "A2C": "a2cBeatBox"}
"""Box of the beats by view."""

COLORS = {"A4C": "#1f78b5", "A2C": "#008040", "biplane": "#734099"}
"""Of the lines in the chart."""


class TraceSection:
    """The chart of what is shown, and the trace of the ejection fraction where that is an apical view."""

    def __init__(self, panel):
        self.panel, self.ui, self.study = panel, panel.ui, panel.study
        given = panel.outdate, panel.say, self.onArranged, self.study.bring
        self.control = panel.logic.traceController(*given)
        self._entered, self.mouse = False, None
        self._chartId, self._fit, self._beats = None, 0, {}
        self._chosen = None
        ui = self.ui
        ui.phaseButton.checked = True
        ui.pairButton.connect("clicked()", self.onPair)
        ui.phaseButton.connect("clicked()", lambda: self.control.setByPhase(ui.phaseButton.checked))
        ui.playButton.connect("clicked()", self.onPlay)
        ui.markerButton.connect("clicked()", self.control.nextMarker)
        ui.earlierMarkerButton.connect("clicked()", lambda: self.control.step(-1))
        ui.laterMarkerButton.connect("clicked()", lambda: self.control.step(1))
        ui.foundMarkersButton.connect("clicked()", self.control.clear)
        for view, name in BEATS.items():
            getattr(ui, name).connect("activated(int)", lambda row, view=view: self.onBeat(view, row))

    # Life

    def enter(self):
        """The module is shown: the mouse works in the chart, and what was done elsewhere counts."""
        from EchoApexLib.trace.chartMouse import ChartMouse, Wanted

        self._entered = True
        view = plotView()
        if view is not None and self.mouse is None:
            control = self.control
            self.mouse = ChartMouse(
                view,
                Wanted(
                    lambda: isShownToPan(control.chart),
                    lambda: () if control.trace is None else control.trace.markers,
                    control.take,
                    control.drag,
                    control.letGo,
                    lambda x, y: control.point(x),
                ),
            )
            self.bar.connect("activeBrowserNodeChanged(vtkMRMLNode*)", self.onBar)
        self.control.refresh()

    def exit(self):
        """Another module is shown: its mouse is Slicer's, and one cine is shown."""
        self._entered = False
        if self.mouse is not None:
            self.mouse.close()
            self.mouse = None
            self.bar.disconnect("activeBrowserNodeChanged(vtkMRMLNode*)", self.onBar)
        self.control.closePair()

    def sceneClosed(self):
        """All of it is gone."""
        self.control.forget()
        self._chosen = self._chartId = None

    @property
    def bar(self):
        """Slicer's tool bar of sequences."""
        return slicer.modules.sequences.toolBar()

    # Buttons

    def onPair(self):
        self.panel.attempt(self.control.closePair if self.control.paired else self.control.pair)

    def onArranged(self, paired):
        useLayout(paired)
        # The views have their new sizes a moment later.
        self._fit = 2

    def onPlay(self):
        browser = shownBrowser()
        if browser is not None:
            browser.SetPlaybackActive(not browser.GetPlaybackActive())
        self.panel.outdate()

    def onBeat(self, view, row):
        self.control.chooseBeat(view, row - 1 if row > 0 else None)

    def onBar(self, browser):
        # At the next tick: the bar may have turned in the middle of an event of the scene.
        self._chosen = browser
        self.panel.outdate()

    # Showing

    def frameStepped(self):
        """Another frame is shown: its line is moved at once; whether that is all there is to do."""
        browser = shownBrowser()
        playing = browser is not None and bool(browser.GetPlaybackActive())
        return self.control.frameStepped(browser) and playing == self.ui.playButton.checked

    def update(self):
        if not self._entered:
            # Another module is at work in the views.
            return
        self._followBar()
        browser = shownBrowser()
        self.panel.attemptQuietly(lambda: self.control.update(browser, self.study.shown))
        # It may be another one: side by side, that of the first view.
        browser = shownBrowser()
        self.panel.follow(browser)
        self._showChart(browser)
        self._agree(browser)
        self._showWidgets(browser)
        if self._fit > 0:
            self._fit -= 1
            fitSlices(("Red", "EchoApexSecond"))
            self.panel.outdate()

    @property
    def stamp(self):
        """Tells whether `marked` would give something else."""
        changes, trace = self.study.changes, self.control.trace
        return (changes, None if trace is None else trace.numbers.measurements) if changes else None

    def marked(self, rows):
        """``rows`` of the report, marked where they rest on what was changed by hand since."""
        from EchoApexLib.trace.traceWords import markedRows

        return markedRows(rows, self.study.changes, self.control.trace, self.control.clips)

    def changedText(self):
        """That the numbers of the report are those of before; "" where nothing was changed since."""
        from EchoApexLib.study.changedSince import changesTold

        changes = self.study.changes
        told = _("As in the report; changed by hand since: {words}.")
        return told.format(words=changesTold(changes)) if changes else ""

    def _followBar(self):
        """Turns to the cine that was chosen in Slicer's tool bar."""
        from EchoApexLib.sliceView.redSliceSetup import clipBrowsers, showBrowser

        browser, self._chosen = self._chosen, None
        trace = self.control.trace
        one = trace is not None and self.control.paired and browser in trace.browsers.values()
        if browser is not None and browser in clipBrowsers(slicer.mrmlScene) and not one:
            showBrowser(slicer.mrmlScene, browser)

    def _agree(self, browser):
        """The tool bar plays what is shown; side by side either of both."""
        trace = self.control.trace
        shown = list(trace.browsers.values()) if trace is not None and self.control.paired else [browser]
        if browser is not None and self.mouse is not None and self.bar.activeBrowserNode() not in shown:
            slicer.modules.sequences.setToolBarActiveBrowserNode(browser)
            self._chosen = None

    def _showChart(self, browser):
        """The trace, or the curve of the clip that is shown; never that of another one."""
        from EchoApexLib.study.reportInScene import chartOf, markFrame

        chart = self.control.chart
        if chart is None and browser is not None:
            chart = chartOf(browser)
            markFrame(browser)
        if chart is not None:
            self._chartId = chart.GetID()
            showChart(chart)
        elif self._chartId is not None:
            hideChart(self._chartId)

    def _showWidgets(self, browser):
        ui, trace = self.ui, self.control.trace
        ui.pairButton.checked = self.control.paired
        ui.pairButton.enabled = ui.playButton.enabled = browser is not None
        ui.phaseButton.checked = self.control.byPhase
        ui.phaseButton.enabled = trace is not None
        ui.playButton.checked = browser is not None and bool(browser.GetPlaybackActive())
        marker = None if trace is None else trace.marker
        for button in (ui.markerButton, ui.earlierMarkerButton, ui.laterMarkerButton):
            button.enabled = marker is not None
        ui.foundMarkersButton.enabled = marker is not None and trace.phases(marker.view).by_hand
        for view in BEATS:
            self._showBeats(view)
        ui.traceLabel.text = traceText(trace)
        ui.traceNotesLabel.text = self._notes()

    def _showBeats(self, view):
        box, trace = getattr(self.ui, BEATS[view]), self.control.trace
        texts = beatTexts(trace, view)
        if self._beats.get(view) != texts:
            self._beats[view] = texts
            box.clear()
            for text in texts:
                box.addItem(text)
        box.enabled = len(texts) > 1
        chosen = None if trace is None else trace.chosen.get(view)
        box.setCurrentIndex(0 if chosen is None or len(texts) == 1 else chosen + 1)

    def _notes(self):
        from EchoApexLib.trace.traceWords import traceNotes

        trace = self.control.trace
        if trace is None:
            return self.control.problem or _("The trace is that of an apical view: show A4C or A2C.")
        return traceNotes(trace, self.study.report, self.study.changes, self.control.clips)


def shownBrowser():
    """The browser of the clip in the red view."""
    from EchoApexLib.sliceView import redSliceSetup

    return redSliceSetup.shownBrowser(slicer.mrmlScene)


def beatTexts(trace, view):
    """What can be chosen of the beats of a view."""
    if trace is None or view not in trace.views:
        return [_("none")]
    found = trace.views[view].found
    if trace.phases(view).by_hand:
        return [_("by hand")]
    if not found:
        return [_("no beat")]
    if len(found) == 1:
        return [_("one beat")]
    numbered = [_("beat {number}").format(number=number) for number in range(1, len(found) + 1)]
    return [_("all {count} beats").format(count=len(found)), *numbered]


def traceText(trace):
    """The numbers in the colors of their lines, and which marker keys move, as rich text."""
    from EchoApexLib.trace.traceWords import QUANTITIES, traceTable

    if trace is None:
        return ""
    marker = trace.marker
    moved = "" if marker is None else _("Keys move {name}, frame {frame}.").format(name=marker.name, frame=marker.frame)
    rows = [("", *QUANTITIES), *traceTable(trace)]
    lines = "".join(f"<tr>{''.join(_cell(row[0], text) for text in row)}</tr>" for row in rows)
    return f"<table>{lines}</table>{moved}"


def _cell(method, text):
    color = COLORS.get(text) if text == method else None
    shown = f'<span style="color: {color}">■</span> {text}' if color else text
    return f'<td style="padding-right: 12px">{shown}</td>'
