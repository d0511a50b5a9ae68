"""What the records of a scene and a report look like: a scene or report that was passed on may hold anything."""

from __future__ import annotations

from typing import Any

from echoapex.analysis.clip_corrections import LEAST_MM, MOST_MM
from echoapex.cine import Flip, Mode, ModeSource, ScaleSource, TimeSource
from echoapex.io.json_shapes import (
    Shape,
    ShapeError,
    list_of,
    number,
    one_of,
    or_null,
    record,
    row,
    table_of,
    text,
    truth,
    whole,
)
from echoapex.io.paths_below import is_below
from echoapex.measure.measurement import MeasurementStatus

SCHEMA = 1
"""Version of the records of a scene."""

_VALUES = list_of(or_null(number()))
_SHARES = list_of(number(0, 1))
_BEATS = list_of(record({"ed": whole(), "es": whole()}, {"next_ed": or_null(whole()), "complete": truth}))
_MM_PER_PX = or_null(row(number(), number()))
_PLACE = row(number(-1e5, 1e5), number(-1e5, 1e5))
_CALIBRATION = or_null(record({"points": row(_PLACE, _PLACE), "mm": number(LEAST_MM, MOST_MM)}))
_SCALE = record({"mm_per_px": _MM_PER_PX, "source": one_of(*ScaleSource), "reason": text})
_MEASUREMENT = record(
    {
        "name": text,
        "value": or_null(number()),
        "unit": text,
        "method": text,
        "sources": list_of(record({"clip": text, "frames": list_of(whole())})),
        "confidence": or_null(number(0, 1)),
        "reference": or_null(record({"low": or_null(number()), "high": or_null(number()), "scheme": text})),
        "grade": or_null(text),
        "warnings": list_of(text),
    },
    # Records and reports of before knew nothing of corrections.
    {
        "status": one_of(*MeasurementStatus),
        "rater": or_null(text),
        "excluded": or_null(record({"reason": text}, {"through": or_null(text)})),
    },
    more_allowed=True,
)
_FACTS = record(
    {"mode": one_of(*Mode), "mode_source": one_of(*ModeSource)},
    {
        "kind": text,
        "modality": or_null(text),
        "color": truth,
        "image_count": whole(1),
        "heart_rate": or_null(number(0)),
        "r_wave_times": list_of(number()),
        "view": or_null(text),
        "setting": record({"stage": text, "contrast": truth, "probe": text}, {"protocol": text}),
        "simulated": truth,
        "color_ignored": truth,
        "flip": or_null(one_of(*Flip)),
        "parts": list_of(text),
    },
)

CLIP_RECORD: Shape = record(
    {
        "schema": one_of(SCHEMA),
        "view": text,
        "facts": _FACTS,
        "times": record({"source": one_of(*TimeSource), "reason": text}),
        "scale": _SCALE,
        "sector": record({"mask": text, "source": text}, {"certainty": number(0, 1)}),
        "confidence": table_of(_SHARES),
        "curve": or_null(record({"name": text, "unit": text, "values": _VALUES, "beats": _BEATS})),
    },
    # Scenes of before did not keep them; a scale by hand is there where one was given.
    {"checksums": table_of(list_of(whole(0, 2**32 - 1))), "scale_of_file": _SCALE, "calibration": _CALIBRATION},
    more_allowed=True,
)

STUDY_RECORD: Shape = record(
    {"schema": one_of(SCHEMA), "note": text, "measurements": list_of(_MEASUREMENT)}, more_allowed=True
)


def _fileBelow(value: Any, place: str) -> None:
    text(value, place)
    if not is_below(value):
        raise ShapeError(place, "a path below the report", value)


_REPORT_CLIP = record(
    {
        "id": text,
        "file": or_null(text),
        "simulated": truth,
        "view": text,
        "frame_count": whole(1),
        "frame_times_s": or_null(list_of(number())),
        "frame_time_source": one_of(*TimeSource),
        "scale_mm_per_px": _MM_PER_PX,
        "scale_source": one_of(*ScaleSource),
        "beats": _BEATS,
        "masks": table_of(_fileBelow),
        "landmarks": list_of(
            record(
                {"frame": whole(), "name": text, "x": number(), "y": number()},
                {"sigma_px": or_null(number(0))},
                more_allowed=True,
            )
        ),
    },
    {
        "frame_time_reason": or_null(text),
        "scale_reason": or_null(text),
        "flip": or_null(one_of(*Flip)),
        "calibration": _CALIBRATION,
        "parts": list_of(text),
        "excluded_beats": list_of(record({"ed": whole(), "es": whole(), "reason": text})),
        "confidence": table_of(_SHARES),
        **dict.fromkeys(("volume_ml", "area_px", "lvid_mm"), or_null(_VALUES)),
        "view_source": text,
        "view_probability": or_null(number(0, 1)),
        "mode": one_of(*Mode),
        "warnings": list_of(text),
    },
    more_allowed=True,
)
_REASONS = list_of(record({"file": or_null(text), "rule": text, "value": or_null(text)}, more_allowed=True))

REPORT: Shape = record(
    {
        "software": record({"version": text}, more_allowed=True),
        "model": record({"id": text, "simulated_only": truth}, more_allowed=True),
        "simulated": truth,
        "clips": list_of(_REPORT_CLIP),
        "measurements": list_of(_MEASUREMENT),
    },
    {
        "study": text,
        "patient": or_null(
            record(
                {},
                {"sex": or_null(text), **dict.fromkeys(("age", "height_cm", "weight_kg"), or_null(number()))},
                more_allowed=True,
            )
        ),
        "failures": _REASONS,
        "not_measured": _REASONS,
        "notes": list_of(text),
        "corrections": or_null(_fileBelow),
    },
    more_allowed=True,
)
"""What is read of ``report.json``."""
