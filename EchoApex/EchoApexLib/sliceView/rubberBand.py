"""The rectangle that is seen while a box is dragged in a view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

COLOR = (1.0, 0.86, 0.24)
"""RGB (own choice): seen on gray and on the colors of all structures."""


class RubberBand:
    """A rectangle in pixels of ``renderWindow``, from the lower left; ``render`` draws the view anew."""

    def __init__(self, renderWindow: Any, render: Callable[[], None]) -> None:
        import vtk

        self._window, self._render = renderWindow, render
        self._points = vtk.vtkPoints()
        self._points.SetNumberOfPoints(5)
        lines = vtk.vtkCellArray()
        lines.InsertNextCell(5, (0, 1, 2, 3, 4))
        outline = vtk.vtkPolyData()
        outline.SetPoints(self._points)
        outline.SetLines(lines)
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(outline)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(mapper)
        self._actor.GetProperty().SetColor(*COLOR)
        self._actor.GetProperty().SetLineWidth(2.0)
        self._renderer: Any = None

    def show(self, one: tuple[int, int], other: tuple[int, int]) -> None:
        """Shows the rectangle between two corners."""
        (x0, y0), (x1, y1) = one, other
        for index, (x, y) in enumerate(((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))):
            self._points.SetPoint(index, float(x), float(y), 0.0)
        self._points.Modified()
        if self._renderer is None:
            self._renderer = self._window.GetRenderers().GetFirstRenderer()
            self._renderer.AddViewProp(self._actor)
        self._render()

    def hide(self) -> None:
        """Takes the rectangle away."""
        if self._renderer is not None:
            self._renderer.RemoveViewProp(self._actor)
            self._renderer = None
            self._render()
