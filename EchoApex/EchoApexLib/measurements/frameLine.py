"""The frame that is shown, as an upright line in the chart of a curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nodes.cineNodes import ownedNode
from .tablesAndPlots import fillTable, showSeries
from .volumeCurve import CURRENT_COLOR

TABLE, SERIES = "EchoApex.FrameLineTable", "EchoApex.FrameLine"
"""Roles under which a chart refers to the line."""

_HEADROOM = 1.05  # own choice


def showFrameLine(chart: Any, frame: int) -> None:
    """Draws the line at ``frame`` of the curve that is the first series of ``chart``; nothing where there is none."""
    curve = chart.GetNthPlotSeriesNode(0)
    source = None if curve is None else curve.GetTableNode()
    if source is None or not 0 <= frame < source.GetNumberOfRows():
        return
    over = curve.GetXColumnName()
    at = source.GetTable().GetColumnByName(over).GetValue(frame)
    table = ownedNode(chart, TABLE, "vtkMRMLTableNode", "Frame shown")
    table.SetUseColumnTitleAsColumnHeader(True)
    size = curve.GetYColumnName()
    fillTable(table, {over: np.array([at, at]), size: np.array([0.0, _top(source, size)])})
    if chart.GetNodeReference(SERIES) is None:
        line = ownedNode(chart, SERIES, "vtkMRMLPlotSeriesNode", "Frame shown")
        showSeries(line, table, (over, size), CURRENT_COLOR, points=False)
        chart.AddAndObservePlotSeriesNodeID(line.GetID())
        # A legend would lie over the last beat.
        chart.SetLegendVisibility(False)
        chart.SetTitle(f"{chart.GetTitle()} (red: ED and ES, orange: frame shown)")


def _top(source: Any, size: str) -> float:
    from vtk.util.numpy_support import vtk_to_numpy

    values = np.asarray(vtk_to_numpy(source.GetTable().GetColumnByName(size)), np.float64)
    known = values[np.isfinite(values)]
    return _HEADROOM * float(known.max(initial=1.0))
