"""``report.json`` in the folder of a report, and the pixels of its clips: what can be read without a scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from echoapex.cine import BoolMask, Cine, Flip, FrameTimes, Scale, ScaleSource, TimeSource
from echoapex.errors import ReadError
from echoapex.io import read_cine, read_masks, read_series
from echoapex.io.json_shapes import check_shape, one_of, record
from echoapex.io.untrusted_json import read_json

from .recordShapes import REPORT

REPORT_FILE = "report.json"
SCHEMAS = (1, 2)
"""Versions of report.json that are read here; the first knew nothing of corrections."""

_UNKNOWN = "unknown in the report"

Masks = dict[str, BoolMask]


def reportRecord(folder: Path) -> dict[str, Any]:
    """What ``report.json`` in ``folder`` says. Raises `ReadError` where there is none that can be read."""
    file = folder / REPORT_FILE
    try:
        found = read_json(file, "This report is damaged", kind=ReadError)
    except FileNotFoundError as error:
        raise ReadError("There is no report here", value=error.strerror, file=file) from None
    schema = found.get("schema") if isinstance(found, Mapping) else None
    if isinstance(schema, int) and schema > max(SCHEMAS):
        rule = f"This report was written by a newer EchoApex: of its schema this one reads up to {max(SCHEMAS)}"
        raise ReadError(rule, value=schema, file=file)
    rule = f"Only reports of schema {' and '.join(map(str, SCHEMAS))} can be read"
    check_shape(found, record({"schema": one_of(*SCHEMAS)}, more_allowed=True), rule, file=file, kind=ReadError)
    check_shape(found, REPORT, "This report does not keep to its schema", file=file, kind=ReadError)
    return dict(found)


def readPixels(home: Path, item: Mapping[str, Any], *, inColor: bool = False) -> tuple[Cine, Masks]:
    """The cine of ``item``, one of the ``clips`` of the report in ``home``, and its masks by structure.

    With ``inColor`` the cine has its ``color_frames``, too. Raises `EchoApexError` where it cannot be read, or has
    changed since.
    """
    return _readCine(home, item, inColor), {name: read_masks(home / path).masks for name, path in item["masks"].items()}


def _readCine(home: Path, item: Mapping[str, Any], inColor: bool) -> Cine:
    if item["file"] is None:
        raise ReadError("The report names no file for this clip", value=item["id"])
    parts = [home / part for part in item.get("parts", [])]
    file = home / item["file"]
    cine = read_series(parts, in_color=inColor) if parts else read_cine(file, in_color=inColor)
    if cine.frame_count != item["frame_count"]:
        found = f"{cine.frame_count} frames, {item['frame_count']} in the report"
        raise ReadError("This clip has changed since the report", value=found, file=cine.path)
    if item.get("flip") is not None:
        cine = cine.turned(Flip(item["flip"]))
    # A scene gets passed on, and outside the sector machines burn in names and dates.
    frames, colors = cine.masked_frames(), cine.masked_color_frames()
    times, scale = _times(item, cine), _scale(item, cine)
    return replace(cine, frames=frames, color_frames=colors, times=times, scale=scale, simulated=item["simulated"])


def _times(item: Mapping[str, Any], cine: Cine) -> FrameTimes:
    seconds = item["frame_times_s"]
    if seconds is None:
        return FrameTimes.unknown(item.get("frame_time_reason") or cine.times.reason or _UNKNOWN)
    return FrameTimes(np.array(seconds, np.float64), TimeSource(item["frame_time_source"]))


def _scale(item: Mapping[str, Any], cine: Cine) -> Scale:
    if item["scale_mm_per_px"] is None:
        return Scale.none(item.get("scale_reason") or cine.scale.reason or _UNKNOWN)
    y, x = item["scale_mm_per_px"]
    return Scale((float(y), float(x)), ScaleSource(item["scale_source"]))
