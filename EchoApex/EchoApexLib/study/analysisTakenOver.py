"""What a new analysis has found in a clip that is in the scene already: it takes the place of what was found before.

What a person has done stays: masks that were prompted, drawn, accepted or flagged, wall points that were placed, ED and
ES, the view, and all that can be undone, to which what is taken over is added as steps.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from echoapex.cine import Cine
from echoapex.console import plain
from echoapex.inference.segmentation import Segmentation
from echoapex.io import read_masks

from ..cine.cineFromBrowser import cineOf
from ..measurements.tablesAndPlots import addCurvePlot
from ..nodes.cineNodes import samePlaceNode
from ..record.clipRecords import clipRecord
from ..record.recordSaving import RECORD, recordOf
from ..record.studyContents import Curve
from ..sequences.cineSequence import addToBrowser, spacingOfSequence
from ..sequences.landmarkSequence import addLandmarkSequence
from ..session.borrowedSession import borrowedSession
from ..userSettings import UserSettings
from ..walls.wallPointNodes import findWallPoints
from .studyFromReport import clipOfPixels
from .studyInScene import STUDY_CHART

_ROUNDING = 1e-6


def fits(browser: Any, item: Mapping[str, Any]) -> bool:
    """Whether ``browser`` plays the clip ``item`` of a report as that was analyzed: as many frames, scale and flip."""
    sequence = browser.GetMasterSequenceNode()
    if sequence is None or sequence.GetNumberOfDataNodes() != item["frame_count"]:
        return False
    facts = recordOf(browser.GetNodeReference(RECORD))
    found, wanted = facts["scale"]["mm_per_px"], item["scale_mm_per_px"]
    if (found is None) != (wanted is None) or facts["facts"].get("flip") != item.get("flip"):
        return False
    return wanted is None or bool(np.allclose(spacingOfSequence(sequence), wanted, rtol=_ROUNDING))


def takeOver(scene: Any, browser: Any, home: Path, item: Mapping[str, Any], settings: UserSettings) -> None:
    """Puts what the report in ``home`` has found in its clip ``item`` into the clip of ``browser``, which `fits`.

    ``settings`` have the model of a session that nobody has begun yet. Raises `EchoApexError` where the report or the
    scene is damaged; nothing is changed then.
    """
    cine = cineOf(browser)
    masks = {name: read_masks(home / path).masks for name, path in item["masks"].items()}
    clip = clipOfPixels(item, cine, masks)
    before, now = recordOf(browser.GetNodeReference(RECORD)), dict(plain(clipRecord(clip)))
    if any(before.get(name) != now[name] for name in ("checksums", "confidence")):
        gone = before["confidence"].keys() - clip.segmentations.keys()
        _takeMasks(scene, browser, clip.segmentations, sorted(gone), settings)
    if clip.landmarks is not None and findWallPoints(browser, cine) is None:
        with samePlaceNode(scene):
            addToBrowser(browser, addLandmarkSequence(scene, f"{browser.GetName()} landmarks", cine, clip.landmarks))
    if before["curve"] != now["curve"]:
        _takeCurve(scene, browser, clip.curve, cine)
    browser.GetNodeReference(RECORD).SetText(json.dumps({**before, **now}, ensure_ascii=False, allow_nan=False))


def _takeMasks(
    scene: Any,
    browser: Any,
    segmentations: Mapping[str, Segmentation],
    gone: Iterable[str],
    settings: UserSettings,
) -> None:
    """Puts masks in place, and takes those away that were ``gone`` for structures before."""
    with borrowedSession(scene, browser, replace(settings, rater="")) as session:
        for structure in gone:
            session.takeFound(structure, None)
        for structure, found in segmentations.items():
            session.takeFound(structure, found)


def _takeCurve(scene: Any, browser: Any, curve: Curve | None, cine: Cine) -> None:
    chart = browser.GetNodeReference(STUDY_CHART)
    if chart is not None:
        _removeChart(scene, chart)
    if curve is not None:
        made = addCurvePlot(scene, browser.GetName(), cine.times, curve)
        browser.SetNodeReferenceID(STUDY_CHART, made.GetID())


def _removeChart(scene: Any, chart: Any) -> None:
    """With its series and their tables."""
    series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    tables = {one.GetTableNodeID(): one.GetTableNode() for one in series if one is not None}
    for node in (chart, *series, *tables.values()):
        if node is not None:
            scene.RemoveNode(node)
