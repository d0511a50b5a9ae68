"""Measurements and curves as tables, and their plots.

Tables are for the eye: Slicer writes six digits. The numbers themselves are in the record (`clipRecords`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from echoapex.cine import FloatArray, FrameTimes
from echoapex.measure.measurement import Beat, Measurement

from ..record.studyContents import Curve

EMPTY = "-"
"""What a cell without text holds: Slicer's reader skips empty cells, and what follows would move to the left."""

MOMENT = "Moment"
CURVE_COLOR, MOMENT_COLOR = (0.12, 0.47, 0.71), (0.84, 0.15, 0.16)
"""RGB of the curve and of the points marked on it (own choice)."""

Columns = Mapping[str, Sequence[str] | FloatArray]


def addTable(scene: Any, name: str, columns: Columns) -> Any:
    """A ``vtkMRMLTableNode`` with a column of text or of numbers for each entry of ``columns``, all of one length.

    A number that is not known is NaN. Tabs, line breaks and double quotes of texts, which a file of Slicer does not
    keep, become spaces and single quotes.
    """
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    table.SetUseColumnTitleAsColumnHeader(True)
    fillTable(table, columns)
    table.SetLocked(True)
    return table


def fillTable(table: Any, columns: Columns) -> None:
    """Puts ``columns`` in place of those that ``table`` has, as one change; see `addTable`."""
    changing = table.StartModify()
    table.RemoveAllColumns()
    for title, values in columns.items():
        table.AddColumn(_column(title, values))
    table.EndModify(changing)


def _column(title: str, values: Sequence[str] | FloatArray) -> Any:
    import vtk

    numbers = isinstance(values, np.ndarray)
    column = vtk.vtkDoubleArray() if numbers else vtk.vtkStringArray()
    column.SetName(title)
    for value in values:
        column.InsertNextValue(value if numbers else _cell(str(value)))
    return column


def _cell(text: str) -> str:
    return " ".join(text.replace('"', "'").split()) or EMPTY


def addMeasurementTable(scene: Any, name: str, measurements: Sequence[Measurement]) -> Any:
    """A table of `measurementColumns`."""
    return addTable(scene, name, measurementColumns(measurements))


def measurementColumns(measurements: Sequence[Measurement]) -> Columns:
    """The measurements with unit, method, clips and frames, confidence, normal values, grade, status and warnings."""

    def numbers(values: Sequence[float | None]) -> FloatArray:
        return np.array([np.nan if value is None else value for value in values], np.float64)

    references = [item.reference for item in measurements]
    return {
        "Name": [item.name for item in measurements],
        "Value": numbers([item.value for item in measurements]),
        "Unit": [item.unit for item in measurements],
        "Method": [item.method for item in measurements],
        "Clips and frames": [_sources(item) for item in measurements],
        "Confidence": numbers([item.confidence for item in measurements]),
        "Normal from": numbers([None if known is None else known.low for known in references]),
        "Normal to": numbers([None if known is None else known.high for known in references]),
        "Scheme": ["" if known is None else known.scheme for known in references],
        "Grade": [item.grade or "" for item in measurements],
        "Status": [item.status.value for item in measurements],
        "Warnings": ["; ".join(item.warnings) for item in measurements],
    }


def _sources(item: Measurement) -> str:
    return "; ".join(f"{source.clip}: {', '.join(map(str, source.frames))}" for source in item.sources)


def addCurvePlot(scene: Any, name: str, times: FrameTimes, curve: Curve) -> Any:
    """The table of ``curve`` over time, or over frames where times are unknown, and the chart of it.

    End-diastole and end-systole of each beat are points on the curve. Gives back the ``vtkMRMLPlotChartNode``.
    """
    over, size = "Time (s)" if times.known else "Frame", f"{curve.name} ({curve.unit})"
    at = np.arange(curve.values.size, dtype=np.float64) if times.seconds is None else times.seconds
    columns = {over: at, size: curve.values}
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", f"{name} curve chart")
    chart.SetTitle(name)
    chart.SetXAxisTitle(over)
    chart.SetYAxisTitle(size)
    _addSeries(scene, chart, f"{name} {size}", addTable(scene, f"{name} curve", columns), (over, size))
    if curve.beats:
        moments = addTable(scene, f"{name} beats", _moments(curve.beats, columns))
        _addSeries(scene, chart, f"{name} ED and ES", moments, (over, size))
    return chart


def _moments(beats: Sequence[Beat], columns: Mapping[str, FloatArray]) -> dict[str, Sequence[str] | FloatArray]:
    """Rows of end-diastole and end-systole of each beat, with what the ``columns`` have for their frames."""
    frames = [frame for beat in beats for frame in (beat.ed, beat.es)]
    rows = {title: values[frames] for title, values in columns.items()}
    return {MOMENT: ["ED", "ES"] * len(beats), "Frame": np.array(frames, np.float64), **rows}


def _addSeries(scene: Any, chart: Any, name: str, table: Any, columns: tuple[str, str]) -> None:
    series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    points = table.GetColumnIndex(MOMENT) >= 0
    showSeries(series, table, columns, MOMENT_COLOR if points else CURVE_COLOR, points=points)
    chart.AddAndObservePlotSeriesNodeID(series.GetID())


def showSeries(
    series: Any, table: Any, columns: tuple[str, str], color: tuple[float, float, float], *, points: bool
) -> None:
    """Draws two ``columns`` (x, y) of ``table`` in this RGB color: as a line, or as ``points`` called by `MOMENT`."""
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(columns[0])
    series.SetYColumnName(columns[1])
    series.SetPlotType(series.PlotTypeScatter)
    series.SetLineStyle(series.LineStyleNone if points else series.LineStyleSolid)
    series.SetMarkerStyle(series.MarkerStyleCircle if points else series.MarkerStyleNone)
    series.SetColor(*color)
    if points:
        series.SetLabelColumnName(MOMENT)
