"""Calipers of the walls as line markups: where they lie and what they are called."""

from __future__ import annotations

from typing import Any

from echoapex.cine import FloatArray

from ..nodes.cineNodes import ownedNode

LINE = "EchoApex.Wall."
"""Role under which a browser refers to the line of a step, followed by its name."""

COLORS = {"IVSd": (1.0, 0.8, 0.2), "LVIDd": (0.3, 0.8, 1.0), "LVPWd": (1.0, 0.5, 0.4), "LVIDs": (0.6, 0.95, 0.5)}
"""RGB of the lines (own choice: bright on gray, and apart from each other)."""

# Own choices: the ends are small, so that the points that can be dragged are seen below them.
_THICKNESS = 0.9  # of a glyph
_GLYPH_SCALE = 1.0


def lengthText(value: float, unit: str) -> str:
    """A length as it is written beside its line: to a tenth of a millimeter, or in whole pixels."""
    return f"{value:.{1 if unit == 'mm' else 0}f} {unit}"


def showLine(browser: Any, name: str, text: str, ends: FloatArray, transformId: str | None, *, visible: bool) -> None:
    """Draws the line of a step between ``ends [2, 3]`` in RAS, called by its name and ``text``.

    The length that Slicer computes itself is switched off: it is always in mm, and the points of a cine may be pixels.
    """
    line = ownedNode(browser, f"{LINE}{name}", "vtkMRMLMarkupsLineNode", name)
    changing = line.StartModify()
    line.SetName(f"{name} {text}")
    while line.GetNumberOfControlPoints() < len(ends):
        line.AddControlPoint(0.0, 0.0, 0.0, "")
    for index, end in enumerate(ends):
        line.SetNthControlPointPosition(index, *end.tolist())
    line.SetLocked(True)
    line.SetAndObserveTransformNodeID(transformId)
    line.GetMeasurement("length").SetEnabled(False)
    line.EndModify(changing)
    _draw(line, name, visible)


def _draw(line: Any, name: str, visible: bool) -> None:
    line.CreateDefaultDisplayNodes()
    display = line.GetDisplayNode()
    display.SetColor(*COLORS[name])
    display.SetSelectedColor(*COLORS[name])
    display.SetPointLabelsVisibility(False)
    display.SetPropertiesLabelVisibility(True)
    display.SetGlyphScale(_GLYPH_SCALE)
    display.SetLineThickness(_THICKNESS)
    display.SetVisibility(visible)


def hideLine(browser: Any, name: str) -> None:
    """Hides the line of a step, where it has one."""
    line = browser.GetNodeReference(f"{LINE}{name}")
    if line is not None:
        line.SetDisplayVisibility(False)
