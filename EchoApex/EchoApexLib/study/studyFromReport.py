"""A study from the folder of its report: ``report.json``, the masks beside it, and the files of its clips."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from echoapex.cine import Cine
from echoapex.errors import EchoApexError, ReadError
from echoapex.io.quoting import quoted
from echoapex.landmarks import WALL_LANDMARKS, Landmarks

from ..record.clipRecords import beatsOfRecord, checkCurve, measurementOfRecord, numbers, segmentationsOf
from ..record.reportFile import REPORT_FILE, Masks, readPixels, reportRecord
from ..record.studyContents import Curve, SceneClip, SceneStudy, sizeCurve

_MOST_LANDMARKS = 64
"""Our choice: there are four of the walls."""

_CURVES = ("volume_ml", "area_px", "lvid_mm")


def readReport(folder: str | Path, liesIn: str | Path | None = None) -> tuple[SceneStudy, tuple[EchoApexError, ...]]:
    """The study of the report in ``folder``, and why a clip of it had to be left out.

    ``liesIn`` is the folder that the clips' paths are seen from, if the report is only on its way there. Times and
    scale of the report win over those of a clip's file, since a user may have given them. Raises `ReadError` when there
    is no report that can be read, and `EchoApexError` when no clip is left.
    """
    home = Path(folder)
    found = reportRecord(home)
    return _study(home, found if liesIn is None else _seenFrom(liesIn, found))


def _seenFrom(liesIn: str | Path, report: Mapping[str, Any]) -> dict[str, Any]:
    """The record with absolute paths of its clips. Its folder may not be there yet: ".." is not looked up in it."""
    start = Path(liesIn).absolute()

    def seen(path: str) -> str:
        return os.path.normpath(start / path)

    clips = [
        {
            **clip,
            "file": None if clip["file"] is None else seen(clip["file"]),
            "parts": [seen(part) for part in clip.get("parts", [])],
        }
        for clip in report["clips"]
    ]
    return {**report, "clips": clips}


def _study(home: Path, report: Mapping[str, Any]) -> tuple[SceneStudy, tuple[EchoApexError, ...]]:
    clips, refusals = _readClips(home, report["clips"])
    if not clips:
        reasons = " ".join(str(refusal) for refusal in refusals) or "the report lists none."
        raise EchoApexError(f"No clip of this report can be put into a scene: {reasons}", file=home / REPORT_FILE)
    measurements = tuple(measurementOfRecord(item) for item in report["measurements"])
    return SceneStudy(clips, measurements, _note(report)), refusals


def _readClips(
    home: Path, items: Sequence[Mapping[str, Any]]
) -> tuple[tuple[SceneClip, ...], tuple[EchoApexError, ...]]:
    clips, refusals = [], []
    for item in items:
        try:
            clips.append(readClip(home, item))
        except EchoApexError as refusal:
            refusals.append(refusal)
        except (IndexError, ValueError) as error:
            rule = f"Clip {quoted(item['id'])} of this report is not what its schema says"
            refusals.append(ReadError(rule, value=error, file=home / REPORT_FILE))
    return tuple(clips), tuple(refusals)


def readClip(home: Path, item: Mapping[str, Any]) -> SceneClip:
    """One of the ``clips`` of the report in ``home``, read from its file and masks.

    Raises `EchoApexError` where it cannot be read, or has changed since.
    """
    return clipOfPixels(item, *readPixels(home, item))


def clipOfPixels(item: Mapping[str, Any], cine: Cine, masks: Masks) -> SceneClip:
    """What `readClip` gives, from what `readPixels` has read. Raises as that."""
    for name, stack in masks.items():
        if stack.shape != cine.frames.shape:
            found = f"{name} {stack.shape}, cine {cine.frames.shape}"
            raise ReadError("The masks of this clip do not fit its cine any more", value=found, file=cine.path)
    return SceneClip(
        id=item["id"],
        cine=cine,
        view=item["view"],
        segmentations=segmentationsOf(masks, item.get("confidence", {})),
        curve=_curveOfReport(item, cine.frame_count),
        landmarks=_landmarksOfReport(item["landmarks"], cine.frame_count),
    )


def _curveOfReport(item: Mapping[str, Any], frameCount: int) -> Curve | None:
    """The curve of a clip of a report; None where there is none. Raises `ReadError` for one of other frames."""
    volume, area, diameter = (None if item.get(name) is None else numbers(item[name]) for name in _CURVES)
    curve = sizeCurve(beatsOfRecord(item["beats"]), volume, area, diameter)
    if curve is not None:
        checkCurve(curve, frameCount)
    return curve


def _landmarksOfReport(items: Sequence[Mapping[str, Any]], frameCount: int) -> Landmarks | None:
    """The landmarks of a clip of a report; None where there are none. Raises `ReadError` for too many."""
    if not items:
        return None
    found = {item["name"]: None for item in items}
    if len(found) > _MOST_LANDMARKS:
        raise ReadError(f"A clip has at most {_MOST_LANDMARKS} landmarks", value=len(found))
    names = tuple(dict.fromkeys([*(name for name in WALL_LANDMARKS if name in found), *found]))
    points = np.full((frameCount, len(names), 2), np.nan)
    sigma = np.full((frameCount, len(names)), np.nan)
    for item in items:
        place = item["frame"], names.index(item["name"])
        points[place] = item["x"], item["y"]
        sigma[place] = np.nan if item.get("sigma_px") is None else item["sigma_px"]
    return Landmarks(names, points, sigma)


def _note(report: Mapping[str, Any]) -> str:
    model, version = report["model"], report["software"]["version"]
    trained = ", trained on simulated hearts only: a demonstration" if model["simulated_only"] else ""
    shown = " Some clips are simulated and say nothing about a patient." if report["simulated"] else ""
    return f"EchoApex {version} with the model {model['id']}{trained}. Not for clinical use.{shown}"
