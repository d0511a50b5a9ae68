"""Which clips of a scene make a trace, and what is traced in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from echoapex.errors import EchoApexError, ReadError
from echoapex.measure.ef_trace import VIEWS, TracedView, trace_view

from ..cine.cineFromBrowser import cineOf
from ..cine.echoViewLabel import viewOf
from ..record.clipRecords import checksum, curveOfRecord
from ..record.recordSaving import RECORD, recordOf
from ..sequences.cineSequence import SCALE_ATTRIBUTE, sequencesWith, spacingOfSequence
from ..sequences.segmentationSequence import masksOfSequence
from ..study.openedReport import OpenedReport

CHAMBERS = "LV", "LA"


def tracedClip(browser: Any) -> tuple[TracedView, int]:
    """The outlines of the cine of ``browser``, as they are by now, and how many of the LV are others than were found.

    Beats are those that the analysis has found. Raises `EchoApexError` where there is nothing to trace.
    """
    node = browser.GetNodeReference(RECORD)
    record = {} if node is None else recordOf(node)
    cine = cineOf(browser)
    masks: dict[str, Any] = {}
    for drawn in sequencesWith(browser, "vtkMRMLSegmentationNode"):
        masks |= masksOfSequence(drawn, (cine.rows, cine.columns))
    ventricle, atrium = (masks.get(name) for name in CHAMBERS)
    if ventricle is None:
        raise EchoApexError("This clip has no outline of the left ventricle", value=browser.GetName())
    curve = curveOfRecord(record.get("curve"), cine.frame_count)
    sure = record.get("confidence", {}).get("LV")
    if sure is not None and len(sure) != cine.frame_count:
        raise ReadError("There must be one confidence for each frame of a structure", value=len(sure))
    view = trace_view(
        *(browser.GetName(), viewOf(browser), cine, ventricle, atrium),
        found=() if curve is None else curve.beats,
        confidence=sure,
    )
    before = record.get("checksums", {}).get("LV", [])
    return view, sum(checksum(mask) != known for mask, known in zip(ventricle, before, strict=False))


def scaleStamp(browser: Any) -> object:
    """Differs once the cine of ``browser`` has another scale."""
    sequence = browser.GetMasterSequenceNode()
    return sequence.GetAttribute(SCALE_ATTRIBUTE), spacingOfSequence(sequence)


def pairedClips(report: OpenedReport, shown: str) -> dict[str, str]:
    """The clips of the trace by view, one of which is ``shown``: the pair of the biplane numbers where it is of it.

    Otherwise the first of the other view in which a beat was found. Empty where ``shown`` is no apical view.
    """
    view = report.clips[shown]["view"]
    if view not in VIEWS:
        return {}
    found = {view: shown}
    for other in VIEWS:
        partner = None if other == view else _partner(report, shown, other)
        found |= {} if partner is None else {other: partner}
    return {name: found[name] for name in VIEWS if name in found}


def _partner(report: OpenedReport, shown: str, view: str) -> str | None:
    for item in report.measurements:
        clips = [source.clip for source in item.sources]
        if item.method == "biplane" and shown in clips:
            return next((clip for clip in clips if _isOf(report.clips.get(clip), view)), None)
    return next((one for one, clip in report.clips.items() if _isOf(clip, view) and clip["beats"]), None)


def _isOf(clip: Mapping[str, Any] | None, view: str) -> bool:
    return clip is not None and clip["view"] == view
