"""The one place that changes the scale of a cine in a scene: all that lies in its frames goes with its pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from echoapex.analysis.clip_corrections import Calibration
from echoapex.cine import Scale, ScaleSource
from echoapex.console import plain

from ..nodes.coordinates import UNSCALED
from ..nodes.vtkImages import vtkMatrix
from ..record.recordSaving import RECORD, recordOf
from ..sequences.cineSequence import sequencesWith, spacingOfSequence, tellScale

SCALE_CHANGES = 30_600
"""Event of a browser: its cine is about to get another scale, and whoever works on it must let go (own choice)."""

_OF_FILE, _BY_HAND = "scale_of_file", "calibration"


def calibrate(browser: Any, calibration: Calibration | None, ofFile: Scale) -> None:
    """Gives the cine of ``browser`` the scale of ``calibration``; where that is None, the one that its file has.

    ``ofFile`` is that of the file where the scene does not know it, since the cine came with a scale by hand. Images,
    outlines and points keep their pixels. Whoever works on the cine lets go of it before. Raises `EchoApexError` for a
    damaged record, or for a calibration without a length.
    """
    record = recordOf(browser.GetNodeReference(RECORD))
    before = _scaleOfFile(record, ofFile)
    scale = before if calibration is None else calibration.scale(before)
    browser.InvokeEvent(SCALE_CHANGES)
    record[_OF_FILE] = _plain(before)
    record["scale"] = _plain(scale)
    record[_BY_HAND] = None if calibration is None else vars(calibration)
    browser.GetNodeReference(RECORD).SetText(json.dumps(plain(record), ensure_ascii=False, allow_nan=False))
    tellScale(browser.GetMasterSequenceNode(), scale)
    _stretch(browser, scale)


def calibrationOf(browser: Any) -> Calibration | None:
    """The calibration that the cine of ``browser`` was given here; None where it has none. Raises as `calibrate`."""
    told = recordOf(browser.GetNodeReference(RECORD)).get(_BY_HAND)
    if told is None:
        return None
    (x0, y0), (x1, y1) = told["points"]
    return Calibration(((x0, y0), (x1, y1)), told["mm"])


def _scaleOfFile(record: dict[str, Any], ofFile: Scale) -> Scale:
    told = record.get(_OF_FILE) or record["scale"]
    source, mm = ScaleSource(told["source"]), told["mm_per_px"]
    if source is ScaleSource.USER:
        return ofFile
    return Scale.none(told["reason"]) if mm is None else Scale((mm[0], mm[1]), source, told["reason"])


def _plain(scale: Scale) -> dict[str, Any]:
    return {"mm_per_px": scale.mm_per_px, "source": scale.source, "reason": scale.reason}


def _stretch(browser: Any, scale: Scale) -> None:
    """Lets all that the browser steps lie in the same pixels of frames with this scale."""
    wasY, wasX = spacingOfSequence(browser.GetMasterSequenceNode())
    y, x = scale.mm_per_px or UNSCALED
    if (y, x) == (wasY, wasX):
        return
    matrix = vtkMatrix(np.diag([x / wasX, y / wasY, 1.0, 1.0]))
    changing = browser.StartModify()
    for node in _nodes(browser):
        node.ApplyTransformMatrix(matrix)
    browser.EndModify(changing)
    # What is shown are copies of the items.
    browser.Modified()


def _nodes(browser: Any) -> Iterator[Any]:
    """Items of all its sequences, and the calipers that it refers to."""
    for sequence in (browser.GetMasterSequenceNode(), *sequencesWith(browser)):
        for item in range(sequence.GetNumberOfDataNodes()):
            yield sequence.GetNthDataNode(item)
    referred = browser.GetScene().GetReferencedNodes(browser, False)
    for node in (referred.GetItemAsObject(index) for index in range(referred.GetNumberOfItems())):
        if node.IsA("vtkMRMLMarkupsLineNode"):
            yield node
