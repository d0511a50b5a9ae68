"""The chart of a trace: a line for each view and for both, ED and ES as markers, the frame that is shown as a line.

Its nodes are made by `write` and changed in place afterwards, so that a marker can be dragged within an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from echoapex.cine import FloatArray
from echoapex.measure.biplane_volume_curve import LABEL

from ..measurements.tablesAndPlots import fillTable
from ..measurements.volumeCurve import CURRENT_COLOR
from ..nodes.cineNodes import ownedNode
from .efTrace import MARGIN, EfTrace

CHART = "EchoApex.TraceChart"
"""Role under which the browser of the first view refers to the chart; its nodes have roles that begin so."""

X, Y = "x", "y"
"""Columns of all tables of the chart."""

COLORS = {"A4C": (0.12, 0.47, 0.71), "A2C": (0.0, 0.50, 0.25), "biplane": (0.45, 0.25, 0.60)}
"""RGB by line (own choice); each has a style of its own as well."""

_LOOKS = {"A4C": "blue", "A2C": "green, dashed", "biplane": "violet, dotted"}

CHOSEN_COLOR = (0.84, 0.15, 0.16)
BIPLANE, MARKS, CHOSEN, FRAME = "biplane", "marks", "chosen", "frame"

_HEADROOM = 1.1  # own choice
_TITLE_PT, _AXIS_PT, _LABEL_PT, _MARKER_PX = 14, 13, 12, 11  # own choice
_ROOM = 0.1  # own choice: at the end of the axis over the phase


class TraceChart:
    """The chart of ``trace`` in ``scene``; `node` is the ``vtkMRMLPlotChartNode``."""

    def __init__(self, scene: Any, trace: EfTrace) -> None:
        self._scene, self._trace = scene, trace
        self._owner = next(iter(trace.browsers.values()))
        self.node = ownedNode(self._owner, CHART, "vtkMRMLPlotChartNode", "EF trace")

    def write(self) -> None:
        """Writes everything; nodes may be added, so not in an event of the scene."""
        trace = self._trace
        wanted = [*trace.views, BIPLANE, *(f"{view} {phase}" for view in trace.views for phase in ("ED", "ES"))]
        for name in [*wanted, CHOSEN, FRAME]:
            self._add(name)
        for view in ("A4C", "A2C"):
            if view not in trace.views:
                self._empty(view)
        self.update()

    def update(self) -> None:
        """Brings lines, markers and axes up to date."""
        for view in self._trace.views:
            line = self._trace.line(view)
            self._fill(view, line.x, line.y)
        self._setAxes()
        self.updateMarkers()

    def updateMarkers(self) -> None:
        """Brings the markers up to date, and what follows from them: the line of both views."""
        trace, chosen = self._trace, self._trace.marker
        both = trace.biplaneLine()
        nothing = np.full(1, np.nan)
        self._fill(BIPLANE, *((nothing, nothing) if both is None else (both.x, both.y)))
        for view in trace.views:
            for phase in ("ED", "ES"):
                own = [one for one in trace.markers if (one.view, one.phase) == (view, phase)]
                self._points(f"{view} {phase}", [(one.x, one.y) for one in own])
        self._points(CHOSEN, [] if chosen is None else [(chosen.x, chosen.y)])

    def showFrame(self, view: str, frame: int) -> None:
        """Draws the line of the frame that is shown in the clip of a view."""
        at = self._trace.place(view, frame)
        places = [] if at is None else [(at, 0.0), (at, self._top)]
        self._points(FRAME, places)

    # Nodes

    def _role(self, name: str) -> str:
        return f"{CHART}.{name.replace(' ', '')}"

    def _add(self, name: str) -> None:
        table = ownedNode(self._owner, f"{self._role(name)}.table", "vtkMRMLTableNode", f"EF trace {name} table")
        table.SetUseColumnTitleAsColumnHeader(True)
        nothing = np.full(1, np.nan)
        fillTable(table, {X: nothing, Y: nothing})
        series = ownedNode(self._owner, self._role(name), "vtkMRMLPlotSeriesNode", _told(name))
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName(X)
        series.SetYColumnName(Y)
        series.SetPlotType(series.PlotTypeScatter)
        _style(series, name)
        if not self.node.HasPlotSeriesNodeID(series.GetID()):
            self.node.AddAndObservePlotSeriesNodeID(series.GetID())

    def _table(self, name: str) -> Any:
        return self._owner.GetNodeReference(f"{self._role(name)}.table")

    def _empty(self, view: str) -> None:
        for name in (view, f"{view} ED", f"{view} ES"):
            if self._table(name) is not None:
                self._points(name, [])

    def _points(self, name: str, places: Sequence[tuple[float, float]]) -> None:
        values = np.array(places or [(np.nan, np.nan)], np.float64)
        self._fill(name, values[:, 0], values[:, 1])

    def _fill(self, name: str, x: FloatArray, y: FloatArray) -> None:
        table = self._table(name)
        if table is not None:
            nothing = np.full(1, np.nan)
            fillTable(table, {X: x if x.size else nothing, Y: y if x.size else nothing})

    # Axes

    @property
    def _top(self) -> float:
        values = np.concatenate([self._trace.sizes(view) for view in self._trace.views])
        known = values[np.isfinite(values)]
        return _HEADROOM * float(known.max(initial=1.0))

    def _setAxes(self) -> None:
        trace, chart = self._trace, self.node
        unit = f"LV {'volume' if trace.unit == 'mL' else 'area'} ({trace.unit})"
        self.showTitle()
        chart.SetTitleFontSize(_TITLE_PT)
        chart.SetAxisTitleFontSize(_AXIS_PT)
        chart.SetAxisLabelFontSize(_LABEL_PT)
        # It would lie over the last beat; the title says what is what.
        chart.SetLegendVisibility(False)
        chart.SetXAxisTitle(self._along())
        chart.SetYAxisTitle(unit)
        ends = [view.seconds[-1] - view.seconds[0] for view in trace.views.values()]
        chart.SetXAxisRangeAuto(False)
        chart.SetXAxisRange(*((-MARGIN, trace.end + _ROOM) if trace.overPhase else (0.0, float(max(ends)) or 1.0)))
        chart.SetYAxisRangeAuto(False)
        chart.SetYAxisRange(0.0, self._top)

    def _along(self) -> str:
        trace = self._trace
        seconds = all(view.times.known for view in trace.views.values())
        over = f"{'Time (s)' if seconds else 'Frame'}; circle ED, square ES"
        over = "Phase of the beat: 0 ED (circle), 1 ES (square), 2 next ED" if trace.overPhase else over
        return over if trace.numbers.biplane is None else f"{over}; biplane: {LABEL}"

    def showTitle(self) -> None:
        """The EFs, whose lines are whose, and whether ED or ES was moved by hand."""
        trace = self._trace
        names = [*trace.views, *([BIPLANE] if trace.numbers.biplane is not None else [])]
        simulated = " (simulated)" if any("(simulated)" in one.GetName() for one in trace.browsers.values()) else ""
        parts = [f"{name} {_percent(trace.numbers.value('LVEF', name))}({_LOOKS[name]})" for name in names]
        self.node.SetTitle(f"EF{' by hand' if trace.byHand else ''}{simulated}: {', '.join(parts)}")


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} % "


def _told(name: str) -> str:
    return {CHOSEN: "Marker that is moved", FRAME: "Frame shown"}.get(name, f"EF trace {name}")


def _style(series: Any, name: str) -> None:
    phase = name[-2:] if name[-2:] in ("ED", "ES") else ""
    line = series.LineStyleNone if phase or name == CHOSEN else series.LineStyleSolid
    line = {"A2C": series.LineStyleDash, BIPLANE: series.LineStyleDot}.get(name, line)
    marks = {"ED": series.MarkerStyleCircle, "ES": series.MarkerStyleSquare}
    series.SetLineStyle(line)
    series.SetMarkerStyle(series.MarkerStyleCross if name == CHOSEN else marks.get(phase, series.MarkerStyleNone))
    series.SetMarkerSize(2 * _MARKER_PX if name == CHOSEN else _MARKER_PX)
    series.SetLineWidth(3 if name == BIPLANE else 2)
    series.SetColor(*{CHOSEN: CHOSEN_COLOR, FRAME: CURRENT_COLOR}.get(name, COLORS.get(name.split()[0], CURRENT_COLOR)))
