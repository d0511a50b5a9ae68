"""Landmarks of a cine as one sequence of point lists in step with it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from echoapex.cine import Cine, FloatArray
from echoapex.errors import EchoApexError
from echoapex.landmarks import Landmarks

from ..nodes.coordinates import ijkToRas, pixelsFromRas, rasFromPixels
from .cineSequence import indexValues, setIndex


def addLandmarkSequence(scene: Any, name: str, cine: Cine, landmarks: Landmarks) -> Any:
    """A ``vtkMRMLSequenceNode`` with a fixed list of points for each frame of ``cine``.

    Every frame has its own list: a point that is not known there is there to be placed, and nothing that is placed or
    moved on one frame shows on another. The uncertainty is in the description of each point. Raises `EchoApexError`
    unless there is one set of points for each frame.
    """
    if len(landmarks.points) != cine.frame_count:
        found = f"{len(landmarks.points)} for {cine.frame_count}"
        raise EchoApexError("There must be one set of landmarks for each frame", value=found)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    setIndex(sequence, cine.times)
    ras = rasFromPixels(landmarks.points, ijkToRas(cine.scale.mm_per_px))
    for frame, value in enumerate(indexValues(cine)):
        points = _list(landmarks.names, ras[frame], landmarks.sigma_px[frame])
        sequence.SetDataNodeAtValue(points, value)
    return sequence


def _list(names: tuple[str, ...], ras: FloatArray, sigma: FloatArray) -> Any:
    import slicer

    points = slicer.vtkMRMLMarkupsFiducialNode()
    for index, name in enumerate(names):
        points.AddControlPoint(*np.nan_to_num(ras[index]).tolist(), name)
        if np.isnan(ras[index]).any():
            points.UnsetNthControlPointPosition(index)
        points.SetNthControlPointDescription(index, "" if np.isnan(sigma[index]) else f"± {sigma[index]:.6g} px")
    points.SetFixedNumberOfControlPoints(True)
    return points


def landmarksOfSequence(sequence: Any, matrix: FloatArray) -> Landmarks:
    """The landmarks of every frame, NaN where one is not placed; ``matrix`` is IJK to RAS of the cine ``[4, 4]``."""
    lists = [sequence.GetNthDataNode(item) for item in range(sequence.GetNumberOfDataNodes())]
    names = tuple(lists[0].GetNthControlPointLabel(index) for index in range(lists[0].GetNumberOfControlPoints()))
    ras = np.array([[_position(points, index) for index in range(len(names))] for points in lists])
    sigma = np.array([[_sigma(points, index) for index in range(len(names))] for points in lists])
    shape = (len(lists), len(names))
    return Landmarks(names, pixelsFromRas(ras.reshape(*shape, 3), matrix), sigma.reshape(shape))


def _position(points: Any, index: int) -> list[float]:
    if points.GetNthControlPointPositionStatus(index) != points.PositionDefined:
        return [np.nan] * 3
    return list(points.GetNthControlPointPosition(index))


def _sigma(points: Any, index: int) -> float:
    found = re.fullmatch(r"± (\S+) px", points.GetNthControlPointDescription(index))
    return float(found.group(1)) if found else np.nan
