"""The four points of the walls on every frame of a cine: read from markups, and written to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoapex.cine import Cine, FloatArray
from echoapex.landmarks import WALL_LANDMARKS, Landmarks

from ..nodes.cineNodes import samePlaceNode
from ..nodes.coordinates import pixelsFromRas, rasFromPixels
from ..sequences.cineSequence import addToBrowser, sequencesWith
from ..sequences.landmarkSequence import addLandmarkSequence

POINTS = "EchoApex.WallPoints"
"""Role under which a browser refers to the sequence of the points."""

BY_HAND = "by hand"
"""Description of a point that was put where it is by hand; that of a suggested one is its standard deviation."""

_POINTS = "vtkMRMLMarkupsFiducialNode"


def findWallPoints(browser: Any, cine: Cine) -> Any:
    """The sequence of wall points that ``browser`` steps with ``cine``; None where there is none.

    Landmarks that came with an analyzed study are taken as they are, so that there is one set of them.
    """
    sequence = browser.GetNodeReference(POINTS)
    if sequence is not None and browser.GetProxyNode(sequence) is not None:
        return sequence
    sequence = next((item for item in sequencesWith(browser, _POINTS) if _hasWalls(item, cine)), None)
    if sequence is not None:
        browser.SetNodeReferenceID(POINTS, sequence.GetID())
    return sequence


def _hasWalls(sequence: Any, cine: Cine) -> bool:
    count = sequence.GetNumberOfDataNodes()
    return count == cine.frame_count and all(_labels(sequence.GetNthDataNode(item)) for item in range(count))


def _labels(points: Any) -> bool:
    count = points.GetNumberOfControlPoints()
    return tuple(points.GetNthControlPointLabel(index) for index in range(count)) == WALL_LANDMARKS


def addWallPoints(browser: Any, cine: Cine) -> Any:
    """A new sequence, stepped by ``browser``, in which no point is placed yet."""
    shape = (cine.frame_count, len(WALL_LANDMARKS))
    nowhere = Landmarks(WALL_LANDMARKS, np.full((*shape, 2), np.nan), np.full(shape, np.nan))
    sequence = addLandmarkSequence(browser.GetScene(), f"{browser.GetName()} walls", cine, nowhere)
    with samePlaceNode(browser.GetScene()):
        addToBrowser(browser, sequence)
    browser.SetNodeReferenceID(POINTS, sequence.GetID())
    return sequence


def pointsOf(markups: Any, matrix: FloatArray) -> FloatArray:
    """The points ``[4, 2]`` in pixels, NaN where one is not placed; ``matrix`` is IJK to RAS ``[4, 4]``."""
    ras = np.full((len(WALL_LANDMARKS), 3), np.nan)
    for index in range(min(len(ras), markups.GetNumberOfControlPoints())):
        if markups.GetNthControlPointPositionStatus(index) == markups.PositionDefined:
            ras[index] = markups.GetNthControlPointPosition(index)
    return pixelsFromRas(ras, matrix)


def byHand(markups: Any) -> NDArray[np.bool_]:
    """Which of the four points were put where they are by hand."""
    descriptions = [markups.GetNthControlPointDescription(index) for index in range(len(WALL_LANDMARKS))]
    return np.array([text == BY_HAND for text in descriptions])


def writePoints(markups: Any, points: FloatArray, matrix: FloatArray, keep: int | None = None) -> None:
    """Puts the four ``points [4, 2]`` into ``markups``, all but the one at ``keep``, which a hand is moving."""
    ras = rasFromPixels(points, matrix)
    changing = markups.StartModify()
    for index in range(len(WALL_LANDMARKS)):
        if index == keep:
            continue
        if np.isfinite(points[index]).all():
            markups.SetNthControlPointPosition(index, *ras[index].tolist())
        elif markups.GetNthControlPointPositionStatus(index) != markups.PositionUndefined:
            markups.UnsetNthControlPointPosition(index)
    markups.EndModify(changing)


def describePoints(markups: Any, sigma: FloatArray, chosen: NDArray[np.bool_], shown: NDArray[np.bool_]) -> None:
    """Says of each point where it comes from, by ``sigma [4]`` in pixels or by hand, and draws those to be shown."""
    changing = markups.StartModify()
    for index in range(len(WALL_LANDMARKS)):
        told = "" if np.isnan(sigma[index]) else f"± {sigma[index]:.6g} px"
        markups.SetNthControlPointDescription(index, BY_HAND if chosen[index] else told)
        markups.SetNthControlPointVisibility(index, bool(shown[index]))
    markups.EndModify(changing)
