"""A plot view: the chart of a plot view node, drawn again when one of its nodes changes."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal
from vtkmodules.vtkChartsCore import vtkAxis, vtkChart, vtkChartXY
from vtkmodules.vtkRenderingContext2D import vtkContextMouseEvent
from vtkmodules.vtkViewsContext2D import vtkContextView

from .abstractview import ctkVTKAbstractView, qMRMLAbstractViewWidget
from .observing import Observations
from .widgets_qmrml import qMRMLWidget


class qMRMLPlotView(ctkVTKAbstractView):
    """The chart of one plot view node."""

    dataSelected = Signal(object, object)
    mrmlSceneChanged = Signal(object)
    _cppSignals = qMRMLWidget._cppSignals | {
        "dataSelected(vtkStringArray*,vtkCollection*)": "dataSelected(PyObject,PyObject)"
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._viewObservations, self._chartObservations = Observations(self), Observations(self)
        self._context = vtkContextView()
        self._context.SetRenderWindow(self._screen.renderWindow)
        self._context.SetInteractor(self._screen.interactor)
        self._context.GetRenderer().SetBackground(1, 1, 1)
        self._chart = vtkChartXY()
        self._context.GetScene().AddItem(self._chart)

    title = Property(str, lambda self: self._chart.GetTitle() or "")

    def chart(self) -> Any:
        return self._chart

    def scene(self) -> Any:
        return self._context.GetScene()

    def setMRMLScene(self, scene: Any) -> None:
        self.mrmlSceneChanged.emit(scene)

    def setMRMLPlotViewNode(self, node: Any) -> None:
        self._viewObservations.clear()
        self._node = node
        self._viewObservations.add(node, "ModifiedEvent", self._update)
        # The chart of a scene that is read may have the identifier of the one before.
        self._viewObservations.add(node.GetScene(), slicer.vtkMRMLScene.EndBatchProcessEvent, self._update)
        self._update()

    def fitToContent(self) -> None:
        self._chart.RecalculateBounds()
        self.scheduleRender()

    def removeAllPlots(self) -> None:
        self._chart.ClearPlots()
        self.scheduleRender()

    def _update(self) -> None:
        self._chartObservations.clear()
        self._chart.ClearPlots()
        chartNode = self._node.GetPlotChartNode() if self._node is not None else None
        if self._node is not None:
            self._setButtons()
        if chartNode is not None:
            self._chartObservations.add(chartNode, "ModifiedEvent", self._update)
            self._showTexts(chartNode)
            for index in range(chartNode.GetNumberOfPlotSeriesNodes()):
                self._addSeries(chartNode.GetNthPlotSeriesNode(index))
            self._showRanges(chartNode)
        self.fitToContent()

    def _showTexts(self, chartNode: Any) -> None:
        self._chart.SetTitle((chartNode.GetTitle() or "") if chartNode.GetTitleVisibility() else "")
        self._chart.GetTitleProperties().SetFontSize(chartNode.GetTitleFontSize())
        self._chart.SetShowLegend(bool(chartNode.GetLegendVisibility()))
        for which, shown, title in (
            (vtkAxis.BOTTOM, chartNode.GetXAxisTitleVisibility(), chartNode.GetXAxisTitle()),
            (vtkAxis.LEFT, chartNode.GetYAxisTitleVisibility(), chartNode.GetYAxisTitle()),
        ):
            axis = self._chart.GetAxis(which)
            axis.SetTitle((title or "") if shown else "")
            axis.SetGridVisible(bool(chartNode.GetGridVisibility()))
            axis.GetTitleProperties().SetFontSize(chartNode.GetAxisTitleFontSize())
            axis.GetTitleProperties().SetBold(False)
            axis.GetLabelProperties().SetFontSize(chartNode.GetAxisLabelFontSize())

    def _setButtons(self) -> None:
        """What the buttons of the mouse do, by the interaction mode of the view."""
        node, chart = self._node, self._chart
        left = {
            node.InteractionModeSelectPoints: vtkChart.SELECT,
            node.InteractionModeFreehandSelectPoints: vtkChart.SELECT_POLYGON,
            node.InteractionModeMovePoints: vtkChart.CLICK_AND_DRAG,
        }.get(node.GetInteractionMode(), vtkChart.PAN)
        middle = vtkChart.ZOOM if left == vtkChart.PAN else vtkChart.PAN
        chart.SetActionToButton(left, vtkContextMouseEvent.LEFT_BUTTON)
        chart.SetActionToButton(middle, vtkContextMouseEvent.MIDDLE_BUTTON)
        chart.SetActionToButton(vtkChart.ZOOM_AXIS, vtkContextMouseEvent.RIGHT_BUTTON)

    def _showRanges(self, chartNode: Any) -> None:
        axes = (
            (vtkAxis.BOTTOM, chartNode.GetXAxisRangeAuto(), chartNode.GetXAxisRange()),
            (vtkAxis.LEFT, chartNode.GetYAxisRangeAuto(), chartNode.GetYAxisRange()),
        )
        for which, automatic, (low, high) in axes:
            axis = self._chart.GetAxis(which)
            axis.SetBehavior(vtkAxis.AUTO if automatic else vtkAxis.FIXED)
            if not automatic:
                axis.SetRange(low, high)

    def _addSeries(self, series: Any) -> None:
        table = series.GetTableNode() if series is not None else None
        if table is None:
            return
        self._chartObservations.add(series, "ModifiedEvent", self._update)
        self._chartObservations.add(table, "ModifiedEvent", self._update)
        plot = self._chart.AddPlot(_plotKind(series))
        if series.GetPlotType() == series.PlotTypeScatter:
            plot.SetInputData(table.GetTable(), series.GetXColumnName(), series.GetYColumnName())
        else:
            plot.SetInputData(table.GetTable(), series.GetYColumnName(), series.GetYColumnName())
            plot.SetUseIndexForXSeries(True)
        _styleSeries(plot, series)


def _plotKind(series: Any) -> int:
    if series.GetPlotType() in (series.PlotTypeBar, series.PlotTypeScatterBar):
        return vtkChart.BAR
    return vtkChart.POINTS if series.GetLineStyle() == series.LineStyleNone else vtkChart.LINE


def _styleSeries(plot: Any, series: Any) -> None:
    plot.SetColorF(*series.GetColor())
    plot.GetPen().SetOpacityF(series.GetOpacity())
    plot.GetPen().SetLineType(series.GetLineStyle())
    plot.SetWidth(series.GetLineWidth())
    plot.SetLabel(series.GetName())
    if hasattr(plot, "SetMarkerStyle"):
        plot.SetMarkerStyle(series.GetMarkerStyle())
        plot.SetMarkerSize(series.GetMarkerSize())


class qMRMLPlotWidget(qMRMLAbstractViewWidget):
    """A plot view; the bar above it is empty here."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._controller, self._view = qMRMLWidget(), qMRMLPlotView()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._view)

    def plotView(self) -> qMRMLPlotView:
        return self._view

    def plotController(self) -> qMRMLWidget:
        return self._controller

    def mrmlPlotViewNode(self) -> Any:
        return self._node

    def setMRMLPlotViewNode(self, node: Any) -> None:
        self._node = node
        self._view.setMRMLPlotViewNode(node)


def makePlotWidget(node: Any) -> qMRMLPlotWidget:
    """A view of a plot view node of the application's scene."""
    widget = qMRMLPlotWidget()
    widget.setMRMLScene(slicer.mrmlScene)
    widget.setMRMLPlotViewNode(node)
    return widget
