"""The outlines of a study that was analyzed unattended, as where a session begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from echoapex.marks import Entry, PackedMask, Status
from echoapex.session_state import SessionState
from echoapex.structures import PROMPTED, structures

from .cineSequence import sequencesWith
from .maskSequence import MASKS, STRUCTURE_TAG
from .recordNode import RECORD, recordOf
from .segmentationSequence import maskOf


def takeAnalyzed(browser: Any, state: SessionState) -> None:
    """Begins the empty ``state`` with the masks that came with the cine of ``browser``, which are its own from now on.

    Each is a prediction with the confidence of its record that nobody has looked at; a segment that was added to them
    since was drawn by hand. A cine without a record, as Slicer opens it, has none. Raises `ReadError` for a damaged
    record.
    """
    node, found = browser.GetNodeReference(RECORD), sequencesWith(browser, "vtkMRMLSegmentationNode")
    fitting = [item for item in found if item.GetNumberOfDataNodes() == state.cine.frame_count]
    if node is None or not fitting:
        return
    sequence, confidence = fitting[0], recordOf(node).get("confidence", {})
    items = [sequence.GetNthDataNode(frame).GetSegmentation() for frame in range(state.cine.frame_count)]
    state.begin(_entries(items, (state.cine.rows, state.cine.columns), confidence))
    browser.SetNodeReferenceID(MASKS, sequence.GetID())


def _entries(
    items: Sequence[Any], shape: tuple[int, int], confidence: Mapping[str, Sequence[float]]
) -> dict[tuple[str, int], Entry]:
    found = {}
    for frame, segmentation in enumerate(items):
        names = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
        for name in (name for name in names if name in structures() or name == PROMPTED):
            segmentation.GetSegment(name).SetTag(STRUCTURE_TAG, name)
            mask = PackedMask.of(maskOf(segmentation, name, shape))
            found[name, frame] = (
                Entry(mask, float(confidence[name][frame]), Status.PREDICTED)
                if name in confidence
                else Entry(mask, source=Status.EDITED)
            )
    return found
