"""The plot view beside the cine."""

import slicer

LAYOUT_ID = 690
"""Of our layout: Slicer's own are below 600 (own choice)."""

LAYOUT = """
<layout type="vertical" split="true">
 <item splitSize="700"><view class="vtkMRMLSliceNode" singletontag="Red">
  <property name="orientation" action="default">Axial</property>
  <property name="viewlabel" action="default">R</property>
  <property name="viewcolor" action="default">#F34A33</property>
 </view></item>
 <item splitSize="300"><view class="vtkMRMLPlotViewNode" singletontag="PlotView1">
  <property name="viewlabel" action="default">1</property>
 </view></item>
</layout>
"""


def useLayout():
    """The cine above, its curve below."""
    layoutNode = slicer.app.layoutManager().layoutLogic().GetLayoutNode()
    if not layoutNode.IsLayoutDescription(LAYOUT_ID):
        layoutNode.AddLayoutDescription(LAYOUT_ID, LAYOUT)
    layoutNode.SetViewArrangement(LAYOUT_ID)


def showChart(chart):
    """Shows ``chart`` in the first plot view, where there is one."""
    plotViewNode = _plotViewNode()
    if plotViewNode is not None and plotViewNode.GetPlotChartNodeID() != chart.GetID():
        plotViewNode.SetPlotChartNodeID(chart.GetID())


def hideChart(identifier):
    """Empties the first plot view, where it shows the chart with this node ID."""
    plotViewNode = _plotViewNode()
    if plotViewNode is not None and plotViewNode.GetPlotChartNodeID() == identifier:
        plotViewNode.SetPlotChartNodeID(None)


def _plotViewNode():
    manager = slicer.app.layoutManager()
    if manager is None or manager.plotViewCount == 0:
        return None
    return manager.plotWidget(0).mrmlPlotViewNode()
