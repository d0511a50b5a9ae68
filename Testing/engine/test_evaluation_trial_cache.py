"""Kept trials that somebody has changed: what is read is what stands there, or the patient is examined again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from record_cases import changed_records

from echoapex.console import plain
from echoapex.errors import EchoApexError
from echoapex.evaluation.trial_cache import Cache
from echoapex.evaluation.trial_types import (
    BeatTrial,
    CarryTrial,
    EfTrial,
    Findings,
    HeldOutTrial,
    LandmarkTrial,
    MaskTrial,
    ShiftTrial,
    ViewTrial,
    WallTrial,
)

NAN = math.nan
NAMES = ("A4C/1/LV", "shape/A4C/1/LV")
FOUND = Findings(
    3,
    masks=[MaskTrial("A4C", 1, "LV", {"text": 0.5, "box": NAN}, {"text": 0.25}, {}, NAN, 7.5, (0.5, 0.25), *NAMES)],
    inside_trabeculae=[MaskTrial("A2C", 1, "LV", {"text": 0.5}, {}, {"text": 1.5}, 1.0, 7.5, (0.5, 0.25), *NAMES)],
    carried=[CarryTrial("A4C", "box/flow", [0.5, 0.25], [0.5, NAN], [0.75, 0.5], 0.25, 0.5)],
    ef=[EfTrial("biplane", NAN, 55.0)],
    beats=[BeatTrial("A4C", 0.02, (NAN, NAN), (0.25, 0.5), NAN, 0.375)],
    shifts=[ShiftTrial("A4C", "LV", [0.5, NAN], [0.5, 0.25])],
    walls=[WallTrial("IVSd", 9.5, 10.0, "picture/PLAX/0")],
    landmarks=[LandmarkTrial("PW-LV", 0, (1.5, 2.0), (1.0, 2.0), 0.5)],
    views=[ViewTrial("OTHER", "UNKNOWN", 0.5, "noise")],
    held_out=[HeldOutTrial("A4C", "AO", 0.5, [0.25, 0.5], 0.0, 0.0)],
    arrays={
        "A4C/1/LV": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "shape/A4C/1/LV": np.ones((3, 2), np.uint8),
        "picture/PLAX/0": np.arange(9, dtype=np.uint8),
    },
)
RECORD = json.loads(json.dumps(plain(FOUND.as_record())))


@given(changed_records(RECORD))
def test_a_changed_record_is_what_it_says_or_is_refused(changed: Any) -> None:
    try:
        found = Findings.from_record(changed, {})
    except ValueError as refusal:
        assert "\n" not in str(refusal)
    else:
        assert plain(found.as_record()) == {name: rows for name, rows in changed.items() if rows != []}


def kept(cache: Cache) -> Path:
    cache.write(3, "views", FOUND)
    (file,) = cache.folder.iterdir()
    return file


def test_what_could_not_be_measured_comes_back_as_such(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "key")
    kept(cache)
    back = cache.read(3, "views")
    assert repr(back.masks) == repr(FOUND.masks) and repr(back.beats) == repr(FOUND.beats)
    assert {name: values.tolist() for name, values in back.arrays.items()} == {
        name: values.tolist() for name, values in FOUND.arrays.items()
    }


def packed(record: Any) -> np.ndarray:
    data = record if isinstance(record, bytes) else json.dumps(record).encode()
    return np.frombuffer(data, np.uint8)


ARRAYS = {name.replace("/", "|"): np.zeros_like(values) for name, values in FOUND.arrays.items()}
DAMAGE: dict[str, dict[str, Any]] = {
    "no record": ARRAYS,
    "deep": {"record": packed(b"[" * 100_000), **ARRAYS},
    "another trial": {"record": packed(RECORD | {"songs": []}), **ARRAYS},
    "a method of a number": {
        "record": packed(RECORD | {"ef": [{"method": "a", "estimate": "55", "truth": 1.0}]}),
        **ARRAYS,
    },
    "a field missing": {"record": packed(RECORD | {"ef": [{"method": "a", "truth": 1.0}]}), **ARRAYS},
    "NaN": {"record": packed(json.dumps(RECORD).replace("55.0", "NaN").encode()), **ARRAYS},
    "no pictures": {"record": packed(RECORD)},
    "no shape": {"record": packed(RECORD), **{name: ARRAYS[name] for name in ARRAYS if not name.startswith("shape")}},
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_damaged_is_refused_and_counts_as_missing(name: str, tmp_path: Path) -> None:
    cache = Cache(tmp_path, "key")
    file = kept(cache)
    assert cache.missing(3, ["views"]) == ()
    np.savez_compressed(file, **DAMAGE[name])
    with pytest.raises(EchoApexError, match=r"views\.npz: Kept trials cannot be read; delete this file") as refusal:
        cache.read(3, "views")
    assert "\n" not in str(refusal.value)
    assert cache.missing(3, ["views"]) == ("views",)


def test_pictures_of_other_numbers_are_refused(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "key")
    np.savez_compressed(kept(cache), record=packed(RECORD), **ARRAYS | {"A4C|1|LV": np.zeros((2, 3))})
    with pytest.raises(EchoApexError, match="numbers of type float64"):
        cache.read(3, "views").arrays["A4C/1/LV"]
