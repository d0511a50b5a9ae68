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


PAIR_LAYOUT_ID = 691

PAIR_LAYOUT = """
<layout type="vertical" split="true">
 <item splitSize="600"><layout type="horizontal">
  <item><view class="vtkMRMLSliceNode" singletontag="Red">
   <property name="orientation" action="default">Axial</property>
   <property name="viewlabel" action="default">R</property>
   <property name="viewcolor" action="default">#F34A33</property>
  </view></item>
  <item><view class="vtkMRMLSliceNode" singletontag="EchoApexSecond">
   <property name="orientation" action="default">Axial</property>
   <property name="viewlabel" action="default">2</property>
   <property name="viewcolor" action="default">#EDD54C</property>
  </view></item>
 </layout></item>
 <item splitSize="400"><view class="vtkMRMLPlotViewNode" singletontag="PlotView1">
  <property name="viewlabel" action="default">1</property>
 </view></item>
</layout>
"""


def useLayout(paired=False):
    """The cine above, its curve below; with ``paired`` two cines side by side above."""
    if slicer.app.layoutManager() is None:
        return
    number, description = (PAIR_LAYOUT_ID, PAIR_LAYOUT) if paired else (LAYOUT_ID, LAYOUT)
    layoutNode = slicer.app.layoutManager().layoutLogic().GetLayoutNode()
    if not layoutNode.IsLayoutDescription(number):
        layoutNode.AddLayoutDescription(number, description)
    layoutNode.SetViewArrangement(number)


def fitSlices(names):
    """The cines fill their views."""
    manager = slicer.app.layoutManager()
    for name in names if manager is not None else ():
        widget = manager.sliceWidget(name)
        if widget is not None:
            widget.fitSliceToBackground()


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


def plotView():
    """The first plot view; None where there is none."""
    manager = slicer.app.layoutManager()
    return None if manager is None or manager.plotViewCount == 0 else manager.plotWidget(0).plotView()


def isShownToPan(chart):
    """Whether the first plot view shows ``chart``, and the mouse is not to select points of it."""
    node = _plotViewNode()
    if node is None or chart is None or node.GetPlotChartNodeID() != chart.GetID():
        return False
    return node.GetInteractionMode() == node.InteractionModePanView


def _plotViewNode():
    manager = slicer.app.layoutManager()
    if manager is None or manager.plotViewCount == 0:
        return None
    return manager.plotWidget(0).mrmlPlotViewNode()
