"""What was found in a study that was analyzed unattended, as where a session begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from echoapex.cine import Cine
from echoapex.errors import ReadError
from echoapex.session.frame_entries import Entry, Key, PackedMask, Status
from echoapex.session.state import SessionState

from ..record.clipRecords import checksum, curveOfRecord
from ..record.recordSaving import RECORD, recordOf
from ..sequences.cineSequence import sequencesWith
from ..sequences.segmentationSequence import maskOf
from .sessionMaskSegments import MASKS, STRUCTURE_TAG


def takeAnalyzed(browser: Any, state: SessionState) -> None:
    """Begins the empty ``state`` with the masks that were found in the cine of ``browser``, its own from now on.

    Each is a prediction with the confidence of its record that nobody has looked at, or was drawn by hand where it has
    changed since. Segments that the record does not name are left to be read as edits, and other segmentations are left
    alone. Raises `ReadError` for a damaged record.
    """
    found, entries = analyzedEntries(browser, state.cine)
    if found is None:
        return
    state.begin(entries)
    _own(browser, found, entries)


def ownMasks(browser: Any, state: SessionState) -> None:
    """The masks that were found in the cine of ``browser`` are those of ``state`` from now on, which has them already.

    Raises `ReadError` for a damaged record.
    """
    record = recordOf(browser.GetNodeReference(RECORD))
    found = _found(browser, state.cine.frame_count, record["confidence"])
    if found is not None:
        keys = ((name, frame) for name in record["confidence"] for frame in range(state.cine.frame_count))
        _own(browser, found, keys)


def _own(browser: Any, found: Any, keys: Iterable[Key]) -> None:
    for structure, frame in keys:
        segment = found.GetNthDataNode(frame).GetSegmentation().GetSegment(structure)
        if segment is not None:
            segment.SetTag(STRUCTURE_TAG, structure)
    browser.SetNodeReferenceID(MASKS, found.GetID())


def analyzedEntries(browser: Any, cine: Cine) -> tuple[Any, dict[Key, Entry]]:
    """The sequence of the masks that were found in the ``cine`` of ``browser``, and its entries as in `takeAnalyzed`.

    None and nothing where there is none; nothing in the scene is changed. Raises `ReadError` for a damaged record.
    """
    node = browser.GetNodeReference(RECORD)
    record = {} if node is None else recordOf(node)
    try:
        found = _found(browser, cine.frame_count, record.get("confidence", {}))
        if found is None:
            return None, {}
        items = [found.GetNthDataNode(frame).GetSegmentation() for frame in range(cine.frame_count)]
        entries = _entries(items, (cine.rows, cine.columns), record["confidence"], record.get("checksums"))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        told = f"{node.GetName()}: {type(error).__name__} {error}"
        raise ReadError("The outlines of this cine or their record are damaged", value=told) from None
    return found, entries


def analyzedPhases(browser: Any, frameCount: int) -> tuple[int, int] | None:
    """ED and ES of the first beat that was found in the cine of ``browser``; None where there is no record of one.

    Raises `ReadError` for a damaged record.
    """
    node = browser.GetNodeReference(RECORD)
    record = {} if node is None else recordOf(node)
    try:
        curve = curveOfRecord(record.get("curve"), frameCount)
    except ReadError as refusal:
        raise ReadError(refusal.rule, value=f"{node.GetName()}: {refusal.value}") from None
    return None if curve is None or not curve.beats else (curve.beats[0].ed, curve.beats[0].es)


def _found(browser: Any, count: int, confidence: Mapping[str, Any]) -> Any:
    """The sequence that holds the structures of the record; None where there is none."""
    for sequence in sequencesWith(browser, "vtkMRMLSegmentationNode"):
        first = sequence.GetNthDataNode(0) if sequence.GetNumberOfDataNodes() == count else None
        if first is not None and any(first.GetSegmentation().GetSegment(name) for name in confidence):
            return sequence
    return None


def _entries(
    items: Sequence[Any],
    shape: tuple[int, int],
    confidence: Mapping[str, Sequence[float]],
    checksums: Mapping[str, Sequence[int]] | None,
) -> dict[Key, Entry]:
    found = {}
    for name, sure in confidence.items():
        for frame, segmentation in enumerate(items):
            if segmentation.GetSegment(name) is None:
                continue
            mask = maskOf(segmentation, name, shape)
            # Scenes of before did not keep it.
            same = checksums is None or checksum(mask) == checksums[name][frame]
            found[name, frame] = (
                Entry(PackedMask.of(mask), float(sure[frame]), Status.PREDICTED)
                if same
                else Entry(PackedMask.of(mask), source=Status.EDITED)
            )
    return found
