"""What shards are: names of files, what they say of a clip, and how that is checked by whoever reads them.

A folder of shards holds ``curation.json``, the tars ``SPLIT-000000.tar`` in WebDataset's layout (``CLIP-00012.png`` and
``CLIP-00012.json`` for each frame), and beside each a list ``SPLIT-000000.jsonl``: a line for the shard, then one for
each clip, also for those of which no frame was taken. Paths and names of patients stand nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..cine import ScaleSource, TimeSource
from ..console import plain
from ..io.json_shapes import Shape, list_of, number, one_of, or_null, record, row, table_of, text, truth, whole

FORMAT, VERSION = "echoapex-shards", 1

CURATION_FILE, PARQUET_FILE = "curation.json", "manifest.parquet"

SHARD_NAME = re.compile(r"([a-z][a-z0-9_]{0,31})-([0-9]{6})\.(tar|jsonl)")

_PIXELS = whole(0, 2**16)
_ID = text


@dataclass(frozen=True)
class ClipRecord:
    """What is known of a clip in shards; its arrays are those of the frames that were taken, in their order.

    ``clip``, ``patient`` and ``study`` are pseudonyms, ``known_by`` says by what the patient was known, ``source`` is a
    keyed hash of the file. ``modality`` is ``TTE``, ``TEE``, ``ICE`` or ``unknown``, ``mode`` ``B``, ``color``,
    ``spectral`` or ``M``; ``view`` is that of the header or None. ``frames`` are numbers in the file, ``times_s`` their
    times from its first frame (None: unknown), ``offsets`` and ``sizes`` the places of their PNGs in the tar in bytes.
    ``rows`` and ``columns`` are of the stored frames, ``mm_per_px`` their scale ``(y, x)``; ``sector`` are the corners
    ``(x, y)`` of the sector in them; ``crop`` and ``zoom`` lead back to the file's pixels. ``left_out`` says why no
    frame was taken, ``failed`` that this was because the file cannot be read.
    """

    clip: str
    patient: str
    known_by: str
    study: str
    split: str
    shard: str
    modality: str
    mode: str
    view: str | None
    simulated: bool
    source: str
    source_frame_count: int
    frames: list[int]
    times_s: list[float] | None
    time_source: str
    offsets: list[int]
    sizes: list[int]
    rows: int
    columns: int
    mm_per_px: list[float] | None
    scale_source: str
    sector: list[list[int]]
    sector_source: str
    sector_certainty: float
    crop: list[int]
    zoom: list[float]
    left_out: str | None = None
    failed: bool = False


CLIP_SHAPE: Shape = record(
    {
        **dict.fromkeys(("clip", "patient", "study", "split", "shard", "known_by", "source"), _ID),
        "modality": one_of("TTE", "TEE", "ICE", "unknown"),
        "mode": one_of("B", "color", "spectral", "M", "unknown"),
        "view": or_null(text),
        "simulated": truth,
        "source_frame_count": whole(),
        "frames": list_of(whole()),
        "times_s": or_null(list_of(number())),
        "time_source": one_of(*TimeSource),
        "offsets": list_of(whole(0, 2**62)),
        "sizes": list_of(whole()),
        "rows": _PIXELS,
        "columns": _PIXELS,
        "mm_per_px": or_null(row(number(1e-9), number(1e-9))),
        "scale_source": one_of(*ScaleSource),
        "sector": list_of(row(_PIXELS, _PIXELS)),
        "sector_source": text,
        "sector_certainty": number(0, 1),
        "crop": list_of(_PIXELS),
        "zoom": list_of(number(0, 1)),
        "left_out": or_null(text),
        "failed": truth,
    }
)

SHARD_SHAPE: Shape = record(
    {"shard": text, "first": whole(), "next": whole(), "tar_bytes": whole(0, 2**62), "frame_count": whole()}
)

CURATION_SHAPE: Shape = record(
    {
        "format": one_of(FORMAT),
        "version": one_of(VERSION),
        "complete": truth,
        "plan": text,
        "settings": record({}, more_allowed=True),
        "counts": or_null(record({}, more_allowed=True)),
        "left_out": table_of(whole()),
        "failed": table_of(whole()),
    }
)


def json_line(value: Mapping[str, Any] | ClipRecord) -> bytes:
    """One line of JSON, the same for equal values."""
    plain_value = plain(value)
    return json.dumps(plain_value, separators=(",", ":"), allow_nan=False).encode() + b"\n"
