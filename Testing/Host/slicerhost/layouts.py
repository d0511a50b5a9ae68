"""The layout manager: which views the current layout shows, made when a layout first needs them."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from .observing import Observations
from .plotview import makePlotWidget, qMRMLPlotWidget
from .sliceview import makeSliceWidget, qMRMLSliceWidget

RED_OVER_PLOT = 690
"""The Host's own first layout: the red slice above a plot."""

_RED_OVER_PLOT = """<layout type="vertical">
  <item><view class="vtkMRMLSliceNode" singletontag="Red">
    <property name="orientation" action="default">Axial</property>
    <property name="viewlabel" action="default">R</property>
    <property name="viewcolor" action="default">#F34A33</property></view></item>
  <item><view class="vtkMRMLPlotViewNode" singletontag="PlotView1"/></item>
</layout>"""


class qSlicerLayoutManager(QtCore.QObject):
    """Shows the views of the scene's layout node in one widget; slices above, plots below, no 3D views."""

    layoutChanged = Signal(int)

    def __init__(self, area: QtWidgets.QSplitter) -> None:
        super().__init__()
        self._slices: dict[str, qMRMLSliceWidget] = {}
        self._plots: dict[str, qMRMLPlotWidget] = {}
        self._rows = QtWidgets.QSplitter(), QtWidgets.QSplitter()
        for row in self._rows:
            area.addWidget(row)
        area.setSizes([600, 250])
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(slicer.mrmlScene)
        node = self._logic.GetLayoutNode()
        node.AddLayoutDescription(RED_OVER_PLOT, _RED_OVER_PLOT)
        node.SetViewArrangement(RED_OVER_PLOT)
        self._observations = Observations(self)
        self._observations.add(node, "ModifiedEvent", self._update)
        self._shown = 0
        self._update()

    layout = Property(int, lambda self: self._shown, lambda self, number: self.setLayout(number))
    plotViewCount = Property(int, lambda self: len(self._plots))
    tableViewCount = Property(int, lambda self: 0)
    threeDViewCount = Property(int, lambda self: 0)

    def layoutLogic(self) -> Any:
        return self._logic

    def mrmlScene(self) -> Any:
        return slicer.mrmlScene

    def mrmlSliceLogics(self) -> Any:
        return slicer.app.applicationLogic().GetSliceLogics()

    def setLayout(self, number: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(int(number))

    def sliceViewNames(self) -> list[str]:
        return list(self._slices)

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        return self._slices.get(name)

    def plotWidget(self, index: int) -> qMRMLPlotWidget | None:
        widgets = list(self._plots.values())
        return widgets[index] if 0 <= index < len(widgets) else None

    def threeDWidget(self, index: int) -> None:
        """There are no 3D views here."""

    def tableWidget(self, index: int) -> None:
        """There are no table views here."""

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        """There are no 3D views here."""

    def pauseRender(self) -> None:
        slicer.app.pauseRender()

    def resumeRender(self) -> None:
        slicer.app.resumeRender()

    def _update(self) -> None:
        number = self._logic.GetLayoutNode().GetViewArrangement()
        if number == self._shown:
            return
        self._shown = number
        nodes = self._logic.GetViewNodes()
        shown = [self._widgetOf(nodes.GetItemAsObject(i)) for i in range(nodes.GetNumberOfItems())]
        for widget in (*self._slices.values(), *self._plots.values()):
            widget.setVisible(widget in shown)
        for row in self._rows:
            row.setVisible(any(row.widget(i) in shown for i in range(row.count())))
            # Side by side in equal parts, as Slicer's layouts have it.
            row.setSizes([row.width()] * row.count())
        self.layoutChanged.emit(number)

    def _widgetOf(self, node: Any) -> QtWidgets.QWidget | None:
        if node.IsA("vtkMRMLSliceNode"):
            known, make, row = self._slices, makeSliceWidget, self._rows[0]
        elif node.IsA("vtkMRMLPlotViewNode"):
            known, make, row = self._plots, makePlotWidget, self._rows[1]
        else:
            return None
        name = node.GetLayoutName()
        if name not in known:
            known[name] = make(node)
            row.addWidget(known[name])
        return known[name]
